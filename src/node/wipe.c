#include "node/wipe.h"

#include "base/log.h"
#include "base/own.h"
#include "node/instances.h"
#include "node/state_server.h"

#include <stdlib.h>

enum { SOON_MS = 1, BUSY_MS = 20, AGAIN_MS = 500 };

/* Of one phat. */
struct ph_wipe {
    struct ph_phat *phat;
    struct ph_timer timer;
    struct ph_lease_waiter lease;
    bool asked; /* the storage thread is at it */
    bool said;  /* that it does not work */
    struct ph_wipe_waiter *waiters;
};

static void tell(struct ph_wipe_waiter *w, enum ph_err err)
{
    ph_wipe_forget(w);
    w->done(w->ctx, err);
}

static void attempt(void *ctx);

static void later(struct ph_wipe *w, int64_t ms)
{
    if (ph_timer_arm(w->phat->node->loop, &w->timer, ms, attempt, w) != PH_OK)
        ph_log(PH_LOG_ERROR, "out of memory", NULL);
}

static void ask(struct ph_wipe *w)
{
    struct ph_phat *phat = w->phat;

    w->asked = ph_state_server_wipe(phat->node->states, &phat->id, &phat->deletion,
                                    phat->deletion_sig) == PH_OK;
    phat->state_busy = phat->state_busy || w->asked;
    if (!w->asked)
        later(w, AGAIN_MS);
}

static bool is_busy(const struct ph_phat *phat)
{
    return phat->state_busy || phat->instance;
}

static void lease_told(void *ctx, enum ph_lease_told what, const char *url)
{
    struct ph_wipe *w = ctx;

    (void)url;
    if (what == PH_LEASE_OURS && !is_busy(w->phat))
        ask(w);
    else
        later(w, what == PH_LEASE_OURS ? BUSY_MS : AGAIN_MS);
}

static void give_up_waiting(struct ph_wipe *w)
{
    const int64_t now = ph_loop_now_ns(w->phat->node->loop);
    struct ph_wipe_waiter *next;

    for (struct ph_wipe_waiter *at = w->waiters; at; at = next) {
        next = at->next;
        if (now >= at->until_ns)
            tell(at, PH_ERR_AGAIN);
    }
}

static void attempt(void *ctx)
{
    struct ph_wipe *w = ctx;

    give_up_waiting(w);
    if (w->asked || w->lease.prev || w->phat->node->stopping)
        return;
    if (is_busy(w->phat)) {
        later(w, BUSY_MS);
    } else if (ph_lease_is_held(w->phat)) {
        ask(w);
    } else {
        w->lease.told = lease_told;
        w->lease.ctx = w;
        ph_lease_want(w->phat, &w->lease);
    }
}

void ph_wipe_start(struct ph_phat *phat, struct ph_wipe_waiter *waiter)
{
    struct ph_wipe *w = phat->wipe;

    if (!w) {
        w = phat->wipe = calloc(1, sizeof(*w));
        if (!w) {
            if (waiter)
                waiter->done(waiter->ctx, PH_ERR_NOMEM);
            return;
        }
        w->phat = phat;
        later(w, SOON_MS);
    }
    if (!waiter)
        return;
    waiter->until_ns = ph_loop_now_ns(phat->node->loop) + (int64_t)PH_WIPE_WAIT_MS * 1000000;
    waiter->next = w->waiters;
    waiter->prev = &w->waiters;
    if (waiter->next)
        waiter->next->prev = &waiter->next;
    w->waiters = waiter;
}

void ph_wipe_forget(struct ph_wipe_waiter *waiter)
{
    if (!waiter->prev)
        return;
    *waiter->prev = waiter->next;
    if (waiter->next)
        waiter->next->prev = waiter->prev;
    waiter->prev = NULL;
}

void ph_wipe_drop(struct ph_phat *phat)
{
    struct ph_wipe *w = PH_TAKE(phat->wipe);

    if (!w)
        return;
    ph_timer_cancel(phat->node->loop, &w->timer);
    ph_lease_forget(&w->lease);
    while (w->waiters)
        ph_wipe_forget(w->waiters);
    free(w);
}

void ph_wipe_end(struct ph_phat *phat)
{
    while (phat->wipe && phat->wipe->waiters)
        tell(phat->wipe->waiters, PH_ERR_CLOSED);
    ph_wipe_drop(phat);
}

/* It is over before anybody is told: who is may take the name. */
static void finish(struct ph_phat *phat)
{
    struct ph_wipe *w = PH_TAKE(phat->wipe);

    phat->unwiped = false;
    ph_log(PH_LOG_INFO, "the state of a deleted phat is wiped", "phat", phat->id_text, NULL);
    ph_timer_cancel(phat->node->loop, &w->timer);
    while (w->waiters)
        tell(w->waiters, PH_OK);
    free(w);
}

void ph_wipe_told(struct ph_phat *phat, enum ph_err err, const char *why)
{
    struct ph_wipe *w = phat->wipe;

    phat->state_busy = false;
    if (!w)
        return;
    w->asked = false;
    if (err == PH_OK) {
        finish(phat);
        return;
    }
    if (!w->said)
        ph_log(PH_LOG_WARN, "the state of a deleted phat is not wiped yet", "phat", phat->id_text,
               "error", ph_err_name(err), "why", why, NULL);
    w->said = true;
    later(w, AGAIN_MS);
}

static void resume(void *ctx, struct ph_phat *phat)
{
    (void)ctx;
    if (phat->unwiped)
        ph_wipe_start(phat, NULL);
}

void ph_wipes_resume(struct ph_node *node)
{
    if (!node->leases)
        ph_phats_each(node->phats, resume, NULL);
}
