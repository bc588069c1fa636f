#include "node/cluster_refresh.h"

#include "base/log.h"
#include "base/own.h"
#include "codec/json.h"
#include "node/attester.h"
#include "node/cluster_join_priv.h"
#include "node/handovers.h"
#include "node/keys.h"
#include "node/marks.h"
#include "node/offload.h"
#include "node/rekey.h"
#include "node/worker_cert.h"
#include "tee/quote.h"

#include <stdio.h>
#include <stdlib.h>

enum { REFRESH_MS = 3000 };

/* One attempt after another: begin (thread), evidence (attester), send (thread), take (loop). */
struct ph_refresh {
    struct ph_job job; /* first: the thread gives it back */
    struct ph_node *node;
    struct ph_offload *thread;
    struct ph_timer timer;
    struct ph_attest_wish wish;
    /* of the attempt */
    struct ph_http_bound *bound;
    struct ph_handover_join join;
    struct ph_buf own; /* this worker's certificate, PEM */
    struct ph_buf evidence, answer;
    char why[256];
    uint32_t epoch;     /* the newest here */
    size_t marks_pause; /* attempts without a question for marks */
    enum ph_err err;
    char told[256]; /* the last failure that was logged: once */
};

static void later(struct ph_refresh *r);

static void clear_attempt(struct ph_refresh *r)
{
    ph_http_bound_closep(&r->bound);
    r->bound = NULL;
    ph_buf_clear(&r->own);
    ph_buf_clear(&r->evidence);
    ph_buf_clear(&r->answer);
}

/* PH_ERR_NOT_FOUND is the usual end: nothing is newer. */
static void end_attempt(struct ph_refresh *r, enum ph_err err)
{
    const bool quiet = err == PH_OK || err == PH_ERR_NOT_FOUND;

    if (!quiet && strcmp(r->told, r->why) != 0)
        ph_log(PH_LOG_WARN, "newer keys of the cluster were not handed over", "from",
               r->node->config->join_url, "why", r->why, NULL);
    (void)snprintf(r->told, sizeof(r->told), "%s", quiet ? "" : r->why);
    clear_attempt(r);
    later(r);
}

/* What the worker there says is a hint: whether it is worth a hand-over. */
static enum ph_err look(struct ph_refresh *r)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    json_t *doc PH_OWNED(ph_json_freep) = NULL;
    struct ph_json_why where;

    PH_TRY(ph_join_post(r->bound, "/v1/keys/nonce", (struct ph_bytes){0}, &text, r->why));
    if (ph_json_load(ph_buf_view(&text), 65536, &doc, &where) != PH_OK) {
        (void)snprintf(r->why, sizeof(r->why), "the worker there says no epoch");
        return PH_ERR_MALFORMED;
    }
    return json_integer_value(json_object_get(doc, "epoch")) > (json_int_t)r->epoch
               ? PH_OK
               : PH_ERR_NOT_FOUND;
}

/* What the worker there knows of states and secrets: each time when that is one page, else so much
 * more seldom. */
static enum ph_err look_at_marks(struct ph_refresh *r, char why[static 256])
{
    if (r->marks_pause > 0) {
        r->marks_pause--;
        return PH_OK;
    }
    PH_TRY(ph_marks_take(r->node->keyd, r->bound, &r->marks_pause, why));
    r->marks_pause--;
    return PH_OK;
}

static enum ph_err begin(struct ph_refresh *r)
{
    char why[256] = "";

    PH_TRY(ph_join_dial(r->node->keyd, r->node->config->join_url, ph_buf_view(&r->own),
                        PH_JOIN_TIMEOUT_S, &r->bound, r->why));
    const enum ph_err marks = look_at_marks(r, why);
    const enum ph_err err = look(r);
    if (err == PH_ERR_NOT_FOUND && marks != PH_OK) {
        (void)snprintf(r->why, sizeof(r->why), "%s", why);
        return marks;
    }
    PH_TRY(err);
    return ph_join_begin(r->node->keyd, r->bound, &r->join, r->wish.report_data, r->why);
}

static void begin_work(struct ph_job *job)
{
    struct ph_refresh *r = (struct ph_refresh *)job;
    r->err = begin(r);
}

static void send_work(struct ph_job *job)
{
    struct ph_refresh *r = (struct ph_refresh *)job;

    r->join.evidence = ph_buf_view(&r->evidence);
    r->err = ph_join_send(r->bound, &r->join, &r->answer, r->why);
}

static enum ph_err take(struct ph_refresh *r)
{
    struct ph_buf state PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    struct ph_eth_address giver;
    char measurement[128];

    PH_TRY(ph_join_take(r->node->keyd, r->bound, ph_buf_view(&r->answer), &giver, measurement,
                        &state, r->why));
    PH_TRY(ph_keys_change(r->node, &state, r->why));
    ph_rekey_wake(r->node);
    if (ph_handovers_add(r->node, "took", &giver, measurement, r->node->config->join_url) != PH_OK)
        ph_log(PH_LOG_ERROR, "a hand-over could not be written down", NULL);
    return PH_OK;
}

static void send_done(struct ph_job *job, bool dropped)
{
    struct ph_refresh *r = (struct ph_refresh *)job;

    if (dropped)
        return;
    end_attempt(r, r->err == PH_OK ? take(r) : r->err);
}

static void have_evidence(void *ctx, enum ph_err err, struct ph_bytes evidence, const char *why)
{
    struct ph_refresh *r = ctx;

    (void)snprintf(r->why, sizeof(r->why), "%.250s", why[0] ? why : "the machine gave no quote");
    if (err == PH_OK)
        err = ph_buf_add(&r->evidence, evidence);
    if (err != PH_OK) {
        end_attempt(r, err);
        return;
    }
    r->job = (struct ph_job){.work = send_work, .done = send_done};
    ph_offload_add(r->thread, &r->job, false);
}

static void begin_done(struct ph_job *job, bool dropped)
{
    struct ph_refresh *r = (struct ph_refresh *)job;

    if (dropped)
        return;
    if (r->err == PH_OK) {
        r->err = ph_attester_ask(r->node->attester, &r->wish);
        (void)snprintf(r->why, sizeof(r->why), "too many wait for evidence");
    }
    if (r->err != PH_OK)
        end_attempt(r, r->err);
}

static void attempt(void *ctx)
{
    struct ph_refresh *r = ctx;
    const struct ph_keyd_info *info = ph_keyd_client_info(r->node->keyd);

    r->join = (struct ph_handover_join){.signer = info->signer};
    r->epoch = info->epoch;
    r->own = PH_BUF(65536);
    r->evidence = PH_BUF(PH_TEE_EVIDENCE_MAX);
    r->answer = PH_BUF(PH_HANDOVER_MESSAGE_MAX);
    r->wish = (struct ph_attest_wish){.bare = true, .done = have_evidence, .ctx = r};
    (void)snprintf(r->why, sizeof(r->why), "this worker has no certificate with evidence now");
    const enum ph_err err = ph_worker_certs_own(r->node, &r->own);
    if (err != PH_OK) {
        end_attempt(r, err == PH_ERR_NOT_FOUND ? PH_ERR_AGAIN : err);
        return;
    }
    r->job = (struct ph_job){.work = begin_work, .done = begin_done};
    ph_offload_add(r->thread, &r->job, false);
}

static void later(struct ph_refresh *r)
{
    if (ph_timer_arm(r->node->loop, &r->timer, REFRESH_MS, attempt, r) != PH_OK)
        ph_node_fatal(r->node, "out of memory for timers");
}

enum ph_err ph_refresh_open(struct ph_node *node)
{
    if (!node->config->join_url)
        return PH_OK;
    struct ph_refresh *r = node->refresh = calloc(1, sizeof(*r));
    if (!r)
        return PH_ERR_NOMEM;
    r->node = node;
    PH_TRY(ph_offload_start(node->loop, &r->thread));
    later(r);
    return PH_OK;
}

void ph_refresh_close(struct ph_node *node)
{
    struct ph_refresh *r = node->refresh;

    if (!r)
        return;
    ph_timer_cancel(node->loop, &r->timer);
    ph_offload_stop(r->thread);
    ph_attester_forget(node->attester, &r->wish);
    clear_attempt(r);
    free(r);
    node->refresh = NULL;
}
