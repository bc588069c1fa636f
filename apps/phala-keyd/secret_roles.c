#include "secret_roles.h"

#include "base/hex.h"
#include "base/own.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "keys/code_key.h"
#include "keys/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* With the caller key of any epoch: the owner may have asked before a rotation. */
static enum ph_err open_envelope(struct job *job, const struct ph_phat_id *phat,
                                 struct ph_bytes envelope, size_t *len)
{
    struct keyring_secrets *s = job->keyd->ring.secrets;
    enum ph_err err = PH_ERR_UNTRUSTED;

    for (uint32_t i = s->cluster.epoch_cnt; err == PH_ERR_UNTRUSTED && i > 0; i--) {
        err = ph_keys_caller(s->cluster.epoch[i - 1].master, s->scratch);
        if (err == PH_OK)
            err = ph_secrets_open(s->scratch, phat, envelope, ph_secret_at(job->keyd->plain), len,
                                  job->why);
        ph_wipe(s->scratch, 32);
    }
    return err;
}

static enum ph_err seal_for(struct job *job, const struct ph_phat_id *phat, uint64_t sequence,
                            struct ph_bytes envelope)
{
    struct keyring_secrets *s = job->keyd->ring.secrets;
    const struct ph_epoch_key *newest = ph_cluster_keys_newest(&s->cluster);
    uint8_t *plain = ph_secret_at(job->keyd->plain);
    struct ph_buf sealed PH_OWNED(ph_buf_clear) = PH_BUF(PH_SECRETS_SEALED_MAX);
    size_t len = 0;

    PH_TRY(open_envelope(job, phat, envelope, &len));
    enum ph_err err = ph_keys_phat_secrets(newest->master, phat, s->scratch);
    if (err == PH_OK)
        err = ph_secrets_store(s->scratch, phat, newest->epoch, sequence,
                               (struct ph_bytes){plain, len}, &sealed);
    ph_wipe(s->scratch, 32);
    ph_wipe(plain, len);
    PH_TRY(err);
    const struct ph_msg_SECRETS_SEALED answer = {.sealed = ph_buf_view(&sealed)};
    return ph_encode_SECRETS_SEALED(job->reply, 0, job->frame->id, &answer);
}

static enum ph_err do_secrets_seal(struct job *job)
{
    struct ph_msg_SECRETS_SEAL m;
    struct ph_owner_request req;
    struct ph_phat_id phat;
    struct ph_hash32 content;

    if (ph_get_SECRETS_SEAL(job->frame, &m) != PH_OK)
        return because(job, PH_ERR_MALFORMED, "SECRETS_SEAL: fields do not fit");
    PH_TRY(owner_of(job, m.request, &m.owner_sig, "secrets", &req, &phat));
    ph_sha256(m.envelope, content.b);
    if (memcmp(content.b, req.content.b, sizeof(content.b)) != 0)
        return because(job, PH_ERR_UNTRUSTED, "owner request: signed for another envelope");
    return seal_for(job, &phat, req.sequence, m.envelope);
}

/* The pipe holds a whole document, and the key of code before it; what does not fit must fail here,
 * not make every later caller wait. */
static enum ph_err write_pipe(struct job *job, struct ph_bytes plain)
{
    const int flags = fcntl(job->fd, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY || fcntl(job->fd, F_GETPIPE_SZ) < 0 ||
        fcntl(job->fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return because(job, PH_ERR_IO, "release: the descriptor is not a pipe to write to");

    size_t done = 0;
    while (done < plain.len) {
        const ssize_t n = write(job->fd, plain.ptr + done, plain.len - done);
        if (n > 0)
            done += (size_t)n;
        else if (n < 0 && errno == EAGAIN)
            return because(job, PH_ERR_LIMIT, "release: the pipe does not hold it");
        else if (n == 0 || errno != EINTR)
            return because(job, PH_ERR_IO, "release: the pipe is closed");
    }
    return PH_OK;
}

/* The set that storage shows, and whether it is the newest. */
static enum ph_err open_sealed(struct job *job, const struct ph_phat_id *phat,
                               struct ph_bytes sealed, size_t *len, uint64_t *sequence)
{
    struct keyring_secrets *s = job->keyd->ring.secrets;
    uint32_t epoch;

    enum ph_err err = ph_secrets_epoch(sealed, &epoch);
    const uint8_t *master = err == PH_OK ? ph_cluster_keys_master(&s->cluster, epoch) : NULL;
    if (err == PH_OK && !master)
        return because(job, PH_ERR_UNTRUSTED,
                       "SECRETS_RELEASE: not sealed by this cluster for this phat: it has no such "
                       "epoch");
    if (err == PH_OK)
        err = ph_keys_phat_secrets(master, phat, s->scratch);
    if (err == PH_OK)
        err = ph_secrets_load(s->scratch, phat, sealed, ph_secret_at(job->keyd->plain), len,
                              sequence);
    ph_wipe(s->scratch, 32);
    if (err != PH_OK)
        return because(job, err, "SECRETS_RELEASE: not sealed by this cluster for this phat");
    return floors_judge(&job->keyd->ring.floors, phat, *sequence, job->why);
}

/* The first set that is shown of a phat is known from then on; the file has it with the next change
 * that is stored. */
static enum ph_err take_note(struct job *job, const struct ph_phat_id *phat, uint64_t sequence,
                             bool gone, bool *changed)
{
    const enum ph_err err = floors_raise(&job->keyd->ring.floors, phat, sequence, gone, changed);

    return err == PH_OK ? PH_OK
                        : because(job, err,
                                  "secrets: this worker remembers the secrets of 2,000 "
                                  "phats at most");
}

/* The bundle that is to run must be one that the set is for. */
static enum ph_err document_for(struct job *job, const struct ph_owner_request *deploy,
                                struct ph_bytes set, struct ph_bytes *document)
{
    struct ph_secrets_for bundles;
    char hash[65], why[128];

    if (ph_secrets_set_parse(set, &bundles, document, why) != PH_OK)
        return because(job, PH_ERR_UNTRUSTED, why);
    if (ph_secrets_are_for(&bundles, &deploy->content))
        return PH_OK;
    ph_hex_encode(PH_BYTES_OF(deploy->content.b), hash);
    (void)snprintf(job->why, sizeof(job->why),
                   "secrets: their owner gave them to %u other bundle%s, not to %s: set them for "
                   "this one too (phala secrets --bundle)",
                   bundles.cnt, bundles.cnt == 1 ? "" : "s", hash);
    return PH_ERR_UNTRUSTED;
}

static enum ph_err do_secrets_release(struct job *job)
{
    struct ph_msg_SECRETS_RELEASE m;
    struct ph_owner_request req;
    struct ph_phat_id phat;
    uint8_t *plain = ph_secret_at(job->keyd->plain);
    struct ph_bytes document = {0};
    uint64_t sequence;
    size_t len = 0;
    bool changed;

    if (ph_get_SECRETS_RELEASE(job->frame, &m) != PH_OK)
        return because(job, PH_ERR_MALFORMED, "SECRETS_RELEASE: fields do not fit");
    if (job->fd < 0)
        return because(job, PH_ERR_MALFORMED, "SECRETS_RELEASE: no pipe came with it");
    PH_TRY(owner_of(job, m.request, &m.owner_sig, "deploy", &req, &phat));
    enum ph_err err = open_sealed(job, &phat, m.sealed, &len, &sequence);
    if (err == PH_OK)
        err = take_note(job, &phat, sequence, false, &changed);
    if (err == PH_OK)
        err = document_for(job, &req, (struct ph_bytes){plain, len}, &document);
    if (err == PH_OK)
        err = write_pipe(job, document);
    ph_wipe(plain, len);
    PH_TRY(err);
    const struct ph_msg_SECRETS_RELEASED answer = {.len = (uint32_t)document.len};
    return ph_encode_SECRETS_RELEASED(job->reply, 0, job->frame->id, &answer);
}

/* What the owner signed is stored: from here on nothing older is released, and the state file is to
 * say so too. */
static enum ph_err do_secrets_kept(struct job *job)
{
    struct ph_buf state PH_OWNED(ph_buf_clear) = PH_BUF(PROVIDER_STATE_MAX);
    const struct keyring *ring = &job->keyd->ring;
    struct ph_msg_SECRETS_KEPT m;
    struct ph_owner_request req;
    struct ph_phat_id phat;
    bool changed;

    if (ph_get_SECRETS_KEPT(job->frame, &m) != PH_OK || m.gone > 1)
        return because(job, PH_ERR_MALFORMED, "SECRETS_KEPT: fields do not fit");
    PH_TRY(owner_of(job, m.request, &m.owner_sig, m.gone ? "delete" : "secrets", &req, &phat));
    PH_TRY(take_note(job, &phat, req.sequence, m.gone, &changed));
    if (changed)
        PH_TRY(provider_state(&job->keyd->provider, ring, keyring_stored(ring), &state));
    const struct ph_msg_SECRETS_NOTED answer = {.state = ph_buf_view(&state)};
    return ph_encode_SECRETS_NOTED(job->reply, 0, job->frame->id, &answer);
}

static enum ph_err do_secrets_known(struct job *job)
{
    const struct floors *floors = &job->keyd->ring.floors;
    struct ph_buf phats PH_OWNED(ph_buf_clear) = PH_BUF(FLOORS_MAX * 20);

    if (ph_get_SECRETS_KNOWN(job->frame) != PH_OK)
        return because(job, PH_ERR_MALFORMED, "SECRETS_KNOWN takes no fields");
    for (size_t i = 0; i < floors->cnt; i++)
        if (!floors->at[i].gone)
            PH_TRY(ph_buf_add(&phats, PH_BYTES_OF(floors->at[i].phat.b)));
    const struct ph_msg_SECRETS_KNOWN_ARE answer = {.phats = ph_buf_view(&phats)};
    return ph_encode_SECRETS_KNOWN_ARE(job->reply, 0, job->frame->id, &answer);
}

/* The key of encrypted code, by the caller key of the epoch that it names, into the scratch memory,
 * which the caller wipes. */
static enum ph_err open_code_key(struct job *job, const struct ph_phat_id *phat,
                                 const struct ph_hash32 *bundle_hash, uint32_t epoch,
                                 struct ph_bytes wrapped)
{
    struct keyring_secrets *s = job->keyd->ring.secrets;
    const uint8_t *master = ph_cluster_keys_master(&s->cluster, epoch);
    uint8_t *key = ph_secret_at(job->keyd->plain);

    if (!master)
        return because(job, PH_ERR_UNTRUSTED,
                       "code: its key is encrypted to a key epoch that this cluster does not have: "
                       "encrypt and deploy it again");
    enum ph_err err = ph_keys_caller(master, s->scratch);
    if (err == PH_OK)
        err = ph_code_key_open(s->scratch, phat, bundle_hash, epoch, wrapped, key);
    ph_wipe(s->scratch, sizeof(s->scratch));
    return err == PH_OK ? PH_OK
                        : because(job, err,
                                  "code: its key is not encrypted to this cluster for "
                                  "this phat and bundle");
}

static enum ph_err do_code_release(struct job *job)
{
    uint8_t *key = ph_secret_at(job->keyd->plain);
    struct ph_msg_CODE_RELEASE m;
    struct ph_owner_request req;
    struct ph_phat_id phat;

    if (ph_get_CODE_RELEASE(job->frame, &m) != PH_OK)
        return because(job, PH_ERR_MALFORMED, "CODE_RELEASE: fields do not fit");
    if (job->fd < 0)
        return because(job, PH_ERR_MALFORMED, "CODE_RELEASE: no pipe came with it");
    PH_TRY(owner_of(job, m.request, &m.owner_sig, "deploy", &req, &phat));
    PH_TRY(open_code_key(job, &phat, &req.content, m.epoch, m.wrapped));
    const enum ph_err err = write_pipe(job, (struct ph_bytes){key, PH_CODE_KEY_LEN});
    ph_wipe(key, PH_CODE_KEY_LEN);
    PH_TRY(err);
    return ph_encode_CODE_RELEASED(job->reply, 0, job->frame->id);
}

/* The same key for the same phat and bundle: who may read it does not change, so nobody has to
 * sign. */
static enum ph_err do_code_rewrap(struct job *job)
{
    const struct keyring *ring = &job->keyd->ring;
    const uint32_t newest = ph_cluster_keys_newest(&ring->secrets->cluster)->epoch;
    uint8_t *key = ph_secret_at(job->keyd->plain), wrapped[PH_CODE_WRAPPED_LEN];
    struct ph_msg_CODE_REWRAP m;

    if (ph_get_CODE_REWRAP(job->frame, &m) != PH_OK)
        return because(job, PH_ERR_MALFORMED, "CODE_REWRAP: fields do not fit");
    if (m.epoch == newest)
        return because(job, PH_ERR_NOT_FOUND, "CODE_REWRAP: it is of the newest epoch");
    PH_TRY(open_code_key(job, &m.phat, &m.bundle_hash, m.epoch, m.wrapped));
    const enum ph_err err =
        ph_code_key_wrap(ring->caller_pub, &m.phat, &m.bundle_hash, newest, key, wrapped);
    ph_wipe(key, PH_CODE_KEY_LEN);
    PH_TRY(err);
    const struct ph_msg_CODE_REWRAPPED answer = {.epoch = newest, .wrapped = PH_BYTES_OF(wrapped)};
    return ph_encode_CODE_REWRAPPED(job->reply, 0, job->frame->id, &answer);
}

static const struct {
    uint16_t type;
    enum ph_err (*answer)(struct job *job);
} roles[] = {
    {PH_IPC_SECRETS_SEAL, do_secrets_seal}, {PH_IPC_SECRETS_RELEASE, do_secrets_release},
    {PH_IPC_SECRETS_KEPT, do_secrets_kept}, {PH_IPC_SECRETS_KNOWN, do_secrets_known},
    {PH_IPC_CODE_RELEASE, do_code_release}, {PH_IPC_CODE_REWRAP, do_code_rewrap},
};

bool secret_role_has(uint16_t type)
{
    for (size_t i = 0; i < PH_LEN(roles); i++)
        if (roles[i].type == type)
            return true;
    return false;
}

enum ph_err secret_role(struct job *job)
{
    for (size_t i = 0; i < PH_LEN(roles); i++)
        if (roles[i].type == job->frame->type)
            return roles[i].answer(job);
    return because(job, PH_ERR_UNSUPPORTED, "phala-keyd has no such role");
}
