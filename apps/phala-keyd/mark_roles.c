#include "mark_roles.h"

#include "marks_file.h"

#include "base/own.h"
#include "crypto/aead.h"

#define ASK_AAD PH_BYTES_LIT("phala-marks-ask-v1")

static uint64_t changes_of(const struct keyd *keyd)
{
    return keyd->heads.changes + keyd->ring.floors.changes;
}

/* Empty: the beginning. */
static bool place_from(struct ph_bytes raw, struct mark_place *out)
{
    *out = (struct mark_place){{0}};
    if (raw.len != 0 && raw.len != sizeof(out->b))
        return false;
    if (raw.len > 0)
        memcpy(out->b, raw.ptr, raw.len);
    return true;
}

/* Seal the page that `head` says with this key and answer it. */
static enum ph_err answer_page(struct job *job, const uint8_t key[static 32],
                               struct marks_head *head, struct mark_place *next)
{
    struct ph_buf page PH_OWNED(ph_buf_clear) = PH_BUF(MARKS_PAGE_MAX);
    struct keyd *keyd = job->keyd;

    if (marks_seal(&keyd->heads, &keyd->ring.floors, key, head, next, &page) != PH_OK)
        return because(job, PH_ERR_NOMEM, "marks: no memory for a page");
    const struct ph_msg_MARKS_PAGE answer = {
        .last = head->last, .next = PH_BYTES_OF(next->b), .page = ph_buf_view(&page)};
    return ph_encode_MARKS_PAGE(job->reply, 0, job->frame->id, &answer);
}

/* --- with other workers ---------------------------------------------------------------------- */

/* Into the scratch memory, which the caller wipes. */
static enum ph_err ask_key(struct keyring_secrets *s, const uint8_t ask[static 32])
{
    return ph_keys_marks(s->cluster.identity, ask, s->scratch);
}

static enum ph_err do_ask(struct job *job)
{
    struct keyring_secrets *s = job->keyd->ring.secrets;
    struct mark_keeper *k = &job->keyd->marks;
    uint8_t request[MARKS_REQUEST_LEN];

    if (ph_get_MARKS_ASK(job->frame) != PH_OK)
        return because(job, PH_ERR_MALFORMED, "MARKS_ASK takes no fields");
    ph_random(request, 32 + PH_GCM_NONCE_LEN);
    enum ph_err err = ask_key(s, request);
    if (err == PH_OK)
        err = ph_aes256gcm_seal(s->scratch, request + 32, ASK_AAD, (struct ph_bytes){0},
                                request + 32 + PH_GCM_NONCE_LEN);
    ph_wipe(s->scratch, sizeof(s->scratch));
    PH_TRY(err);
    k->asking.open = true;
    k->asking.at = (struct mark_place){{0}};
    memcpy(k->asking.ask, request, sizeof(k->asking.ask));
    const struct ph_msg_MARKS_ASKING answer = {.request = PH_BYTES_OF(request)};
    return ph_encode_MARKS_ASKING(job->reply, 0, job->frame->id, &answer);
}

/* A worker that was brought its own question would learn nothing, and believe that it had. */
static bool is_own(const struct mark_keeper *k, const uint8_t ask[static 32])
{
    return k->asking.open && memcmp(k->asking.ask, ask, sizeof(k->asking.ask)) == 0;
}

static enum ph_err do_give(struct job *job)
{
    struct keyring_secrets *s = job->keyd->ring.secrets;
    struct marks_head head = {.sealed_by = MARKS_FOR_PEERS};
    struct ph_msg_MARKS_GIVE m;
    struct mark_place next;
    uint8_t nothing[1];

    if (ph_get_MARKS_GIVE(job->frame, &m) != PH_OK || m.request.len != MARKS_REQUEST_LEN ||
        !place_from(m.after, &head.from))
        return because(job, PH_ERR_MALFORMED, "MARKS_GIVE: fields do not fit");
    if (is_own(&job->keyd->marks, m.request.ptr))
        return because(job, PH_ERR_UNTRUSTED, "MARKS_GIVE: this worker asked that itself");
    const struct ph_bytes tag = {m.request.ptr + 32 + PH_GCM_NONCE_LEN, PH_GCM_TAG_LEN};
    enum ph_err err = ask_key(s, m.request.ptr);
    if (err == PH_OK)
        err = ph_aes256gcm_open(s->scratch, m.request.ptr + 32, ASK_AAD, tag, nothing);
    if (err == PH_OK)
        err = answer_page(job, s->scratch, &head, &next);
    else
        err = because(job, err, "MARKS_GIVE: not asked by a worker of this cluster");
    ph_wipe(s->scratch, sizeof(s->scratch));
    return err;
}

static enum ph_err do_take(struct job *job)
{
    struct keyd *keyd = job->keyd;
    struct keyring_secrets *s = keyd->ring.secrets;
    struct mark_keeper *k = &keyd->marks;
    struct ph_msg_MARKS_TAKE m;
    bool last = false;

    if (ph_get_MARKS_TAKE(job->frame, &m) != PH_OK)
        return because(job, PH_ERR_MALFORMED, "MARKS_TAKE: fields do not fit");
    if (!k->asking.open)
        return because(job, PH_ERR_CONFLICT, "MARKS_TAKE: nothing was asked for");
    const struct marks_head want = {.sealed_by = MARKS_FOR_PEERS, .from = k->asking.at};
    PH_TRY(ask_key(s, k->asking.ask));
    const enum ph_err err = marks_open(&keyd->heads, &keyd->ring.floors, s->scratch, &want, m.page,
                                       &last, &k->asking.at, job->why);
    ph_wipe(s->scratch, sizeof(s->scratch));
    k->asking.open = err == PH_OK && !last;
    PH_TRY(err);
    if (last && k->due) {
        k->due = false;
        k->wanted = true;
    }
    const struct ph_msg_MARKS_TAKEN answer = {
        .last = last, .next = PH_BYTES_OF(k->asking.at.b), .forked = ph_bytes_str(job->why)};
    return ph_encode_MARKS_TAKEN(job->reply, 0, job->frame->id, &answer);
}

/* --- with this worker's disk ----------------------------------------------------------------- */

static enum ph_err begin_save(struct job *job)
{
    struct mark_keeper *k = &job->keyd->marks;

    if (job->keyd->provider.kind == PROVIDER_NONE ||
        (changes_of(job->keyd) == k->saved && !k->wanted))
        return because(job, PH_ERR_NOT_FOUND, "MARKS_SAVE: there is nothing to keep");
    k->saving.whole = false;
    k->saving.generation = job->keyd->ring.marks + 1;
    k->saving.changes = changes_of(job->keyd);
    k->saving.at = (struct mark_place){{0}};
    return PH_OK;
}

static enum ph_err do_save(struct job *job)
{
    struct keyring_secrets *s = job->keyd->ring.secrets;
    struct mark_keeper *k = &job->keyd->marks;
    struct ph_msg_MARKS_SAVE m;
    struct mark_place after;

    if (ph_get_MARKS_SAVE(job->frame, &m) != PH_OK || !place_from(m.after, &after))
        return because(job, PH_ERR_MALFORMED, "MARKS_SAVE: fields do not fit");
    if (m.after.len == 0)
        PH_TRY(begin_save(job));
    if (k->saving.generation == 0 || k->saving.whole ||
        memcmp(after.b, k->saving.at.b, sizeof(after.b)) != 0)
        return because(job, PH_ERR_CONFLICT, "MARKS_SAVE: not the page that comes next");
    struct marks_head head = {.sealed_by = marks_file_sealed_by(&job->keyd->provider),
                              .generation = k->saving.generation,
                              .from = after};
    PH_TRY(marks_file_key(s));
    const enum ph_err err = answer_page(job, s->scratch, &head, &k->saving.at);
    ph_wipe(s->scratch, sizeof(s->scratch));
    k->saving.whole = err == PH_OK && head.last;
    return err;
}

/* The first time, the state file is to say that there is a file of marks: then its absence is seen,
 * and its replacement by an older one from before. */
static enum ph_err do_saved(struct job *job)
{
    struct ph_buf state PH_OWNED(ph_buf_clear) = PH_BUF(PROVIDER_STATE_MAX);
    struct keyring *ring = &job->keyd->ring;
    struct mark_keeper *k = &job->keyd->marks;

    if (ph_get_MARKS_SAVED(job->frame) != PH_OK)
        return because(job, PH_ERR_MALFORMED, "MARKS_SAVED takes no fields");
    if (!k->saving.whole)
        return because(job, PH_ERR_CONFLICT, "MARKS_SAVED: not all pages were asked for");
    k->saving.whole = false;
    k->saved = k->saving.changes;
    k->wanted = false;
    ring->marks = k->saving.generation;
    if (!k->in_state_file)
        PH_TRY(provider_state(&job->keyd->provider, ring, keyring_stored(ring), &state));
    k->in_state_file = true;
    const struct ph_msg_MARKS_NOTED answer = {.state = ph_buf_view(&state)};
    return ph_encode_MARKS_NOTED(job->reply, 0, job->frame->id, &answer);
}

static const struct {
    uint16_t type;
    enum ph_err (*answer)(struct job *job);
} roles[] = {
    {PH_IPC_MARKS_ASK, do_ask},   {PH_IPC_MARKS_GIVE, do_give},   {PH_IPC_MARKS_TAKE, do_take},
    {PH_IPC_MARKS_SAVE, do_save}, {PH_IPC_MARKS_SAVED, do_saved},
};

bool mark_role_has(uint16_t type)
{
    for (size_t i = 0; i < PH_LEN(roles); i++)
        if (roles[i].type == type)
            return true;
    return false;
}

enum ph_err mark_role(struct job *job)
{
    for (size_t i = 0; i < PH_LEN(roles); i++)
        if (roles[i].type == job->frame->type)
            return roles[i].answer(job);
    return because(job, PH_ERR_UNSUPPORTED, "phala-keyd has no such role");
}
