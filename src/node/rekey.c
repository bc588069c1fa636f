#include "node/rekey.h"

#include "base/log.h"
#include "base/own.h"
#include "codec/code.h"
#include "keys/secrets.h"
#include "node/instances.h"
#include "node/keyd_keys.h"
#include "node/keyd_secrets.h"
#include "node/keys.h"
#include "node/offload.h"
#include "node/phat_state.h"
#include "node/records.h"
#include "node/state_server.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    AGAIN_MS = 300,  /* between two rounds while something moves */
    STUCK_MS = 5000, /* while nothing can */
    STARTED_MAX = 2, /* states whose instances are at it at a time */
};

struct ph_rekey {
    struct ph_job job; /* first: the thread gives it back */
    struct ph_node *node;
    struct ph_offload *thread;
    struct ph_timer timer;
    struct ph_lease_waiter waiter;
    struct ph_phat_id *ids; /* of this round */
    size_t cnt, at, cap;
    uint32_t epoch, started;
    struct ph_rekey_status round, last;
    /* a state that is not open: what its log says */
    struct ph_phat_id looked;
    struct ph_state_tip tip;
    enum ph_err err;
    struct ph_owner_request deletion; /* of its phat, with the owner's signature */
    uint8_t deletion_sig[65];
    char why[PH_STATE_SERVER_WHY];
    int64_t from_ns; /* the epoch began, or this process */
    bool active;
};

static void step(void *ctx);
static void check_again(void *ctx);

static void again(struct ph_rekey *r, int ms)
{
    if (ph_timer_arm(r->node->loop, &r->timer, ms, step, r) != PH_OK)
        ph_node_fatal(r->node, "out of memory for timers");
}

/* Secrets. */

static enum ph_err reseal(struct ph_phat *phat, uint32_t newest, bool *older,
                          char why[static PH_KEYD_WHY_LEN])
{
    struct ph_buf sealed PH_OWNED(ph_buf_clear) = PH_BUF(PH_SEALED_MAX),
                         renewed PH_OWNED(ph_buf_clear) = PH_BUF(PH_SEALED_MAX);
    struct ph_owner_request request;
    uint8_t sig[65];
    uint32_t epoch;

    *older = false;
    const enum ph_err err = ph_phat_read_secrets_record(phat, &request, sig, &sealed);
    if (err == PH_ERR_NOT_FOUND)
        return PH_OK;
    PH_TRY(err);
    PH_TRY(ph_secrets_epoch(ph_buf_view(&sealed), &epoch));
    if (epoch == newest)
        return PH_OK;
    *older = true;
    PH_TRY(
        ph_keyd_secrets_reseal(phat->node->keyd, &phat->id, ph_buf_view(&sealed), &renewed, why));
    PH_TRY(ph_phat_put_secrets(phat, &request, sig, ph_buf_view(&renewed)));
    ph_record_renew(phat->node, PH_PHAT_SECRETS, &phat->id, &request, sig, ph_buf_view(&renewed));
    *older = false;
    return PH_OK;
}

static void do_secrets(struct ph_rekey *r, struct ph_phat *phat)
{
    char why[PH_KEYD_WHY_LEN] = "";
    bool older;

    if (phat->deploying) { /* what is on its way may be sealed already */
        r->round.secrets++;
        return;
    }
    if (!phat->version || phat->secrets_sequence == 0)
        return;
    const enum ph_err err = reseal(phat, r->epoch, &older, why);
    if (err != PH_OK)
        ph_log(PH_LOG_ERROR, "secrets stay sealed under an older epoch", "phat", phat->id_text,
               "error", ph_err_name(err), "why", why, NULL);
    r->round.secrets += err != PH_OK || older;
}

/* Keys of encrypted code. */

static enum ph_err rewrap(struct ph_phat *phat, char why[static PH_KEYD_WHY_LEN])
{
    struct ph_tar *tar PH_OWNED(ph_freep) = malloc(sizeof(*tar));
    struct ph_buf archive PH_OWNED(ph_buf_clear) = PH_BUF(PH_BUNDLE_MAX);
    const struct ph_version *version = phat->version;
    uint8_t wrapped[PH_CODE_WRAPPED_LEN];
    struct ph_code code;
    uint32_t epoch;

    if (!tar)
        return PH_ERR_NOMEM;
    PH_TRY(ph_phat_read_bundle(phat, version, &archive));
    PH_TRY(ph_tar_parse(ph_buf_view(&archive), tar, why));
    PH_TRY(ph_code_parse(tar, &code, why));
    PH_TRY(ph_keyd_code_rewrap(phat->node->keyd, &phat->id, &code, &epoch, wrapped, why));
    ph_code_rewrap(&archive, &code, epoch, wrapped);
    PH_TRY(ph_phat_put_rewrapped(phat, ph_buf_view(&archive), epoch));
    ph_record_renew(phat->node, PH_PHAT_BUNDLE, &phat->id, &version->request, version->sig,
                    ph_buf_view(&archive));
    return PH_OK;
}

static void do_code(struct ph_rekey *r, struct ph_phat *phat)
{
    char why[PH_KEYD_WHY_LEN] = "";

    /* A bundle that is on its way is of the newest epoch, and one to be replaced is looked at again
     * with the secrets. */
    if (phat->deploying || !phat->version || phat->version->code_epoch == 0 ||
        phat->version->code_epoch == r->epoch)
        return;
    const enum ph_err err = rewrap(phat, why);
    if (err == PH_OK)
        return;
    ph_log(PH_LOG_ERROR, "the key of a phat's code stays encrypted to an older epoch", "phat",
           phat->id_text, "error", ph_err_name(err), "why", why, NULL);
    r->round.secrets++;
}

/* States. */

static void start(struct ph_phat *phat)
{
    struct ph_instance *instance;

    if (phat->version && !phat->instance && ph_instance_of(phat, &instance) != PH_OK)
        ph_log(PH_LOG_WARN, "no instance could be started to renew a state", "phat", phat->id_text,
               NULL);
}

/* The phat whose state was looked at is free for others again. NULL: it is gone. */
static struct ph_phat *let_go(const struct ph_rekey *r)
{
    struct ph_phat *phat = ph_phats_find(r->node->phats, &r->looked);

    if (phat)
        ph_phat_state_let_go(phat);
    return phat;
}

/* A wiped state, which phala-keyd ends anew for the same deletion. */
static void renew_wiped_work(struct ph_job *job)
{
    struct ph_rekey *r = (struct ph_rekey *)job;
    r->err = ph_state_server_renew_wiped(r->node->states, &r->looked, &r->deletion, r->deletion_sig,
                                         r->why);
}

static void renew_wiped_done(struct ph_job *job, bool dropped)
{
    struct ph_rekey *r = (struct ph_rekey *)job;

    if (dropped)
        return;
    (void)let_go(r);
    if (r->err != PH_OK)
        ph_log(PH_LOG_WARN, "what is left of a deleted phat's state keeps its epoch", "why", r->why,
               NULL);
    r->at++;
    again(r, 0);
}

/* Nobody but this round may be at the state of a phat that is deleted. */
static bool is_wiped(const struct ph_phat *phat)
{
    return !phat->version && !phat->wipe && !phat->instance && !phat->state_busy &&
           strcmp(phat->deletion.action, "delete") == 0;
}

static void renew_wiped(struct ph_rekey *r, struct ph_phat *phat)
{
    phat->state_busy = true;
    r->looked = phat->id;
    r->deletion = phat->deletion;
    memcpy(r->deletion_sig, phat->deletion_sig, sizeof(r->deletion_sig));
    r->job = (struct ph_job){.work = renew_wiped_work, .done = renew_wiped_done};
    ph_offload_add(r->thread, &r->job, false);
}

/* Another worker that has the lease renews the state itself. */
static void told(void *ctx, enum ph_lease_told what, const char *url)
{
    struct ph_rekey *r = ctx;
    struct ph_phat *phat = ph_phats_find(r->node->phats, &r->looked);

    (void)url;
    if (what == PH_LEASE_OURS && phat && is_wiped(phat)) {
        renew_wiped(r, phat);
        return;
    }
    if (what == PH_LEASE_OURS && phat)
        start(phat);
    r->at++;
    again(r, 0);
}

/* Its instance was given its keys before the rotation: what it commits next is of an older epoch,
 * also where there is nothing yet. The next instance has all keys. */
static bool holder_is_older(struct ph_rekey *r, struct ph_phat *phat)
{
    const struct ph_instance *holder = phat->state_holder;

    if (!holder || holder->key_epoch == r->epoch)
        return false;
    if (phat->instance == holder)
        ph_instance_retire(phat);
    r->round.states++;
    return true;
}

/* Going on comes when it is told, perhaps at once. */
static void want_lease(struct ph_rekey *r, struct ph_phat *phat)
{
    r->looked = phat->id;
    r->waiter = (struct ph_lease_waiter){.told = told, .ctx = r};
    if (ph_lease_is_held(phat))
        told(r, PH_LEASE_OURS, NULL);
    else
        ph_lease_want(phat, &r->waiter);
}

/* It has pages of an older epoch. False: going on comes later. */
static bool nudge(struct ph_rekey *r, struct ph_phat *phat)
{
    struct ph_instance *i = phat->instance;

    r->round.states++;
    if (is_wiped(phat) && r->tip.page_cnt == 0) {
        want_lease(r, phat);
        return false;
    }
    if (!phat->version || phat->version->manifest.state_pages == 0) {
        r->round.left++;
        return true;
    }
    if (i) {
        i->used_ns = ph_loop_now_ns(r->node->loop);
        r->started++;
        return true;
    }
    if (r->started >= STARTED_MAX || r->node->stopping)
        return true;
    r->started++;
    want_lease(r, phat);
    return false;
}

static bool is_older(const struct ph_rekey *r, const struct ph_state_tip *tip)
{
    return tip->index > 0 && (tip->key_epoch != r->epoch || tip->older_epoch != 0);
}

static void look_work(struct ph_job *job)
{
    struct ph_rekey *r = (struct ph_rekey *)job;
    r->err = ph_state_server_look(r->node->states, &r->looked, &r->tip, r->why);
}

static void look_done(struct ph_job *job, bool dropped)
{
    struct ph_rekey *r = (struct ph_rekey *)job;

    if (dropped)
        return;
    struct ph_phat *phat = let_go(r);
    if (r->err != PH_OK) {
        ph_log(PH_LOG_WARN, "a state could not be looked at", "why", r->why, NULL);
        r->round.states++;
    } else if (phat && is_older(r, &r->tip) && !nudge(r, phat)) {
        return;
    }
    r->at++;
    again(r, 0);
}

/* Might there be a state? Its pages are on this disk, its owner wants one, or phala-keyd heard of
 * it. */
static bool may_have_state(const struct ph_phat *phat)
{
    char name[64], why[PH_KEYD_WHY_LEN];
    uint64_t index;

    if (phat->version && phat->version->manifest.state_pages > 0)
        return true;
    if (ph_keyd_client_state_known(phat->node->keyd, &phat->id, &index, why) == PH_OK && index > 0)
        return true;
    (void)snprintf(name, sizeof(name), "%s.pages", phat->id_text);
    return faccessat(phat->node->state_pages_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* False: going on comes later. */
static bool do_state(struct ph_rekey *r, struct ph_phat *phat)
{
    struct ph_state_tip tip;

    if (holder_is_older(r, phat) || !may_have_state(phat))
        return true;
    if (ph_state_server_tip(r->node->states, &phat->id, &tip))
        return is_older(r, &tip) ? nudge(r, phat) : true;
    if (phat->state_busy) {
        r->round.states++; /* not known yet */
        return true;
    }
    phat->state_busy = true; /* its log is this round's until look_done */
    r->looked = phat->id;
    r->job = (struct ph_job){.work = look_work, .done = look_done};
    ph_offload_add(r->thread, &r->job, false);
    return false;
}

/* Rounds. */

static void add_id(void *ctx, struct ph_phat *phat)
{
    struct ph_rekey *r = ctx;

    if (r->cnt == r->cap) {
        const size_t cap = r->cap ? 2 * r->cap : 64;
        struct ph_phat_id *ids = realloc(r->ids, cap * sizeof(*ids));
        if (!ids) {
            r->round.states++; /* one more round */
            return;
        }
        r->ids = ids;
        r->cap = cap;
    }
    r->ids[r->cnt++] = phat->id;
}

static void begin_round(struct ph_rekey *r)
{
    r->round = (struct ph_rekey_status){.known = true};
    r->cnt = r->at = 0;
    r->started = 0;
    r->epoch = ph_keyd_client_info(r->node->keyd)->epoch;
    ph_phats_each(r->node->phats, add_id, r);
}

/* Nothing that is stored here refers to older epochs; who encrypted to one of their keys has had
 * time to send it. Where storage is shared others may still write under them: there the keys'
 * owners say when. */
static void retire(struct ph_rekey *r)
{
    const int64_t left_ns = r->from_ns + (int64_t)r->node->config->epoch_grace_s * 1000000000 -
                            ph_loop_now_ns(r->node->loop);
    char why[256] = "";

    if (r->node->config->cluster_url)
        return;
    if (left_ns > 0) {
        if (ph_timer_arm(r->node->loop, &r->timer, left_ns / 1000000 + 1, check_again, r) != PH_OK)
            ph_node_fatal(r->node, "out of memory for timers");
        return;
    }
    const enum ph_err err = ph_keys_retire(r->node, why);
    if (err == PH_OK)
        ph_log(PH_LOG_INFO, "older epochs of the cluster's keys are retired", NULL);
    else if (err != PH_ERR_CONFLICT)
        ph_log(PH_LOG_ERROR, "older epochs of the cluster's keys were not retired", "why", why,
               NULL);
}

/* Another round before anything is forgotten: a day may have passed. */
static void check_again(void *ctx)
{
    struct ph_rekey *r = ctx;

    r->active = true;
    begin_round(r);
    step(r);
}

static void end_round(struct ph_rekey *r)
{
    const struct ph_rekey_status *s = &r->round;

    r->last = *s;
    if (s->secrets == 0 && s->states == 0) {
        r->active = false;
        retire(r);
        return;
    }
    begin_round(r);
    again(r, r->last.states > r->last.left ? AGAIN_MS : STUCK_MS);
}

static void step(void *ctx)
{
    struct ph_rekey *r = ctx;

    if (r->at == r->cnt) {
        end_round(r);
        return;
    }
    struct ph_phat *phat = ph_phats_find(r->node->phats, &r->ids[r->at]);
    if (phat) {
        do_secrets(r, phat);
        do_code(r, phat);
        if (!do_state(r, phat))
            return;
    }
    r->at++;
    again(r, 0);
}

void ph_rekey_status(const struct ph_node *node, struct ph_rekey_status *out)
{
    *out = node->rekey->last;
}

bool ph_rekey_is_done(const struct ph_node *node)
{
    const struct ph_rekey_status *s = &node->rekey->last;
    return s->known && s->secrets == 0 && s->states == 0;
}

void ph_rekey_wake(struct ph_node *node)
{
    struct ph_rekey *r = node->rekey;

    if (!r) /* not open yet: that looks itself */
        return;
    r->last = (struct ph_rekey_status){0};
    r->from_ns = ph_loop_now_ns(node->loop);
    if (r->active) {
        r->round.states++; /* this round is of another epoch */
        return;
    }
    r->active = true;
    begin_round(r);
    again(r, 0);
}

enum ph_err ph_rekey_open(struct ph_node *node)
{
    struct ph_keyd_keys keys;
    char why[PH_KEYD_WHY_LEN];
    struct ph_rekey *r = node->rekey = calloc(1, sizeof(*r));

    if (!r)
        return PH_ERR_NOMEM;
    r->node = node;
    PH_TRY(ph_offload_start(node->loop, &r->thread));
    PH_TRY(ph_keyd_keys_status(node->keyd, &keys, why));
    if (keys.epoch_cnt > 1)
        ph_rekey_wake(node);
    else
        r->last.known = true;
    return PH_OK;
}

void ph_rekey_close(struct ph_node *node)
{
    struct ph_rekey *r = node->rekey;

    if (!r)
        return;
    ph_timer_cancel(node->loop, &r->timer);
    ph_offload_stop(r->thread);
    ph_lease_forget(&r->waiter);
    free(r->ids);
    free(r);
    node->rekey = NULL;
}
