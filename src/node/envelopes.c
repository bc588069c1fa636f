#include "node/envelopes.h"

#include "base/log.h"
#include "base/own.h"
#include "node/offload.h"

#include <stdlib.h>

enum { FORGET_MS = 5000 };

struct ph_envelopes {
    struct ph_job job; /* first: the thread gives it back */
    struct ph_node *node;
    struct ph_envelope_store *store; /* of the thread */
    struct ph_offload *thread;
    struct ph_timer timer;
    struct ph_envelope_ask *waiting, **waiting_end;
    bool due;                                           /* old ones are to be forgotten */
    bool busy;                                          /* the thread is at it: */
    struct ph_envelope_ask *asks[PH_ENVELOPES_AT_ONCE]; /* NULL: forgotten meanwhile */
    struct ph_envelope asked[PH_ENVELOPES_AT_ONCE];
    bool first[PH_ENVELOPES_AT_ONCE];
    size_t cnt;
    bool forgets;
    enum ph_err err;
    bool failing;
    char why[PH_ENVELOPES_WHY];
};

static void work(struct ph_job *job)
{
    struct ph_envelopes *e = (struct ph_envelopes *)job;

    e->err = PH_OK;
    if (e->cnt > 0)
        e->err = ph_envelope_store_take(e->store, e->asked, e->cnt, e->first, e->why);
    if (e->err == PH_OK && e->forgets)
        e->err = ph_envelope_store_forget(e->store, e->why);
}

static void done(struct ph_job *job, bool dropped);

/* Whatever waits goes together. */
static void begin(struct ph_envelopes *e)
{
    if (e->busy || (!e->waiting && !e->due))
        return;
    for (e->cnt = 0; e->waiting && e->cnt < PH_ENVELOPES_AT_ONCE; e->cnt++) {
        struct ph_envelope_ask *ask = e->waiting;
        e->waiting = ask->next;
        e->asks[e->cnt] = ask;
        e->asked[e->cnt] = ask->envelope;
    }
    if (!e->waiting)
        e->waiting_end = &e->waiting;
    e->forgets = e->due;
    e->due = false;
    e->busy = true;
    e->job = (struct ph_job){.work = work, .done = done};
    ph_offload_add(e->thread, &e->job, false);
}

static void done(struct ph_job *job, bool dropped)
{
    struct ph_envelopes *e = (struct ph_envelopes *)job;

    e->busy = false;
    if (dropped)
        return;
    if (e->err != PH_OK && !e->failing)
        ph_log(PH_LOG_WARN, "the cluster's private calls cannot be told from replays", "why",
               e->why, NULL);
    e->failing = e->err != PH_OK;
    for (size_t i = 0; i < e->cnt; i++) {
        struct ph_envelope_ask *ask = e->asks[i];
        if (!ask)
            continue;
        ask->at = NULL;
        ask->told(ask->ctx, e->err != PH_OK ? e->err : e->first[i] ? PH_OK : PH_ERR_CONFLICT);
    }
    e->cnt = 0;
    begin(e);
}

static void forget_due(void *ctx)
{
    struct ph_envelopes *e = ctx;

    e->due = true;
    begin(e);
    if (ph_timer_arm(e->node->loop, &e->timer, FORGET_MS, forget_due, e) != PH_OK)
        ph_node_fatal(e->node, "out of memory for timers");
}

enum ph_err ph_envelopes_new(struct ph_node *node, struct ph_envelopes **out)
{
    struct ph_envelopes *e = calloc(1, sizeof(*e));

    if (!e)
        return PH_ERR_NOMEM;
    e->node = node;
    e->waiting_end = &e->waiting;
    enum ph_err err = ph_envelope_store_new(node->config->state_url, &e->store);
    if (err == PH_OK)
        err = ph_offload_start(node->loop, &e->thread);
    if (err == PH_OK)
        err = ph_timer_arm(node->loop, &e->timer, FORGET_MS, forget_due, e);
    if (err != PH_OK) {
        ph_envelopes_free(e);
        return err;
    }
    *out = e;
    return PH_OK;
}

void ph_envelopes_free(struct ph_envelopes *envelopes)
{
    if (!envelopes)
        return;
    ph_timer_cancel(envelopes->node->loop, &envelopes->timer);
    ph_offload_stop(envelopes->thread);
    ph_envelope_store_free(envelopes->store);
    free(envelopes);
}

void ph_envelopes_take(struct ph_envelopes *envelopes, struct ph_envelope_ask *ask)
{
    ask->at = envelopes;
    ask->next = NULL;
    *envelopes->waiting_end = ask;
    envelopes->waiting_end = &ask->next;
    begin(envelopes);
}

void ph_envelopes_forget(struct ph_envelope_ask *ask)
{
    struct ph_envelopes *e = ask->at;

    if (!e)
        return;
    ask->at = NULL;
    for (size_t i = 0; i < e->cnt; i++)
        if (e->asks[i] == ask)
            e->asks[i] = NULL;
    for (struct ph_envelope_ask **at = &e->waiting; *at; at = &(*at)->next) {
        if (*at != ask)
            continue;
        *at = ask->next;
        if (!*at)
            e->waiting_end = at;
        break;
    }
}
