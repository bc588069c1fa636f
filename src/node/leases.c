#include "node/leases.h"

#include "base/log.h"
#include "base/own.h"
#include "crypto/aead.h"
#include "node/instances.h"
#include "node/instances_priv.h"
#include "node/keyd_client.h"
#include "node/offload.h"
#include "node/phat_state.h"
#include "node/phats.h"

#include <stdio.h>
#include <stdlib.h>

enum { RENEW_MS = 400, MARGIN_MS = 200 };

struct ph_leases {
    struct ph_node *node;
    struct ph_lease_worker worker;
    struct ph_lease_store *store; /* of the thread, while there is one */
    struct ph_offload *thread;
    struct ph_timer timer;
    bool renewing;
    uint32_t held_cnt;
};

/* A question about one phat. */
struct take_job {
    struct ph_job job;
    struct ph_leases *leases;
    struct ph_phat_id phat;
    bool release;
    enum ph_err err;
    struct ph_lease_taken taken;
    char why[PH_LEASE_WHY];
};

struct renew_job {
    struct ph_job job;
    struct ph_leases *leases;
    enum ph_err err;
    struct ph_lease_held *held;
    size_t cnt;
    int64_t sent_ns;
    char why[PH_LEASE_WHY];
};

static int64_t certain_until(int64_t sent_ns)
{
    return sent_ns + (int64_t)(PH_LEASE_MS - MARGIN_MS) * 1000000;
}

static bool is_certain(const struct ph_lease *lease)
{
    return lease->held && ph_clock_boot_ns() < lease->certain_until_ns;
}

static void tell_waiters(struct ph_lease *lease, enum ph_lease_told what, const char *url)
{
    struct ph_lease_waiter *list = lease->waiters;

    lease->waiters = NULL;
    if (list)
        list->prev = &list; /* forgotten ones leave this list */
    while (list) {
        struct ph_lease_waiter *w = list;
        ph_lease_forget(w);
        w->told(w->ctx, what, url);
    }
}

static void set_held(struct ph_leases *l, struct ph_lease *lease, bool held)
{
    l->held_cnt += (uint32_t)held - (uint32_t)lease->held;
    lease->held = held;
}

/* Another has it, or may have: what this worker's process of the phat did since is not heard. */
static void lose(struct ph_leases *l, struct ph_phat *phat, const char *why)
{
    set_held(l, &phat->lease, false);
    ph_log(PH_LOG_WARN, "a lease was lost", "phat", phat->id_text, "why", why, NULL);
    if (phat->state_holder)
        ph_instance_kill(phat->state_holder, "state-lost", "another worker took its state over");
    if (phat->instance && phat->instance->awaits_state)
        ph_instance_kill(phat->instance, "state-lost", "another worker took its state over");
}

static void on_taken(struct ph_leases *l, struct ph_phat *phat, const struct take_job *j)
{
    struct ph_lease *lease = &phat->lease;

    lease->asked = false;
    if (j->err != PH_OK) {
        ph_log(PH_LOG_WARN, "leases cannot be read", "why", j->why, NULL);
        tell_waiters(lease, PH_LEASE_UNKNOWN, NULL);
        return;
    }
    if (!j->taken.ours) {
        tell_waiters(lease, PH_LEASE_THEIRS, j->taken.url);
        return;
    }
    set_held(l, lease, true);
    lease->epoch = j->taken.epoch;
    lease->certain_until_ns = certain_until(j->taken.sent_ns);
    if (phat->instance)
        ph_phat_state_want(phat->instance);
    tell_waiters(lease, PH_LEASE_OURS, NULL);
}

/* Callers are sent only where a worker of this cluster says that it is. */
static enum ph_err judge_holder(const struct ph_leases *l, const struct ph_lease_taken *taken,
                                char why[static PH_LEASE_WHY])
{
    struct ph_hash32 mac;

    PH_TRY(ph_keyd_client_peer_url(l->node->keyd, ph_bytes_str(taken->url), &mac, why));
    if (ph_url_is_base(ph_bytes_str(taken->url)) && ph_ct_equal(mac.b, taken->mac.b, sizeof(mac.b)))
        return PH_OK;
    (void)snprintf(why, PH_LEASE_WHY, "the holder's URL was not written by a worker with our keys");
    return PH_ERR_UNTRUSTED;
}

static void take_work(struct ph_job *job)
{
    struct take_job *j = (struct take_job *)job;

    if (j->release) {
        j->err = ph_lease_release(j->leases->store, &j->phat, j->why);
        return;
    }
    j->err = ph_lease_take(j->leases->store, &j->phat, &j->taken, j->why);
    if (j->err == PH_OK && !j->taken.ours)
        j->err = judge_holder(j->leases, &j->taken, j->why);
}

static void take_done(struct ph_job *job, bool dropped)
{
    struct take_job *j = (struct take_job *)job;
    struct ph_phat *phat = j->release ? NULL : ph_phats_find(j->leases->node->phats, &j->phat);

    if (dropped)
        j->err = PH_ERR_CLOSED;
    if (phat)
        on_taken(j->leases, phat, j);
    free(j);
}

static enum ph_err post(struct ph_phat *phat, bool release)
{
    struct take_job *j = calloc(1, sizeof(*j));

    if (!j)
        return PH_ERR_NOMEM;
    j->job = (struct ph_job){.work = take_work, .done = take_done};
    j->leases = phat->node->leases;
    j->phat = phat->id;
    j->release = release;
    ph_offload_add(j->leases->thread, &j->job, false);
    return PH_OK;
}

/* Renewals. */

static void renew_work(struct ph_job *job)
{
    struct renew_job *j = (struct renew_job *)job;

    j->err = ph_lease_renew(j->leases->store, &j->held, &j->cnt, &j->sent_ns, j->why);
}

static int by_phat(const void *key, const void *held)
{
    return memcmp(((const struct ph_phat_id *)key)->b, ((const struct ph_lease_held *)held)->phat.b,
                  sizeof(struct ph_phat_id));
}

/* Frames that waited for certainty are read now. */
static void listen_again(struct ph_phat *phat)
{
    struct ph_instance *i = phat->state_holder;

    if (!i || !i->unheard || i->state == PH_INSTANCE_GONE)
        return;
    i->unheard = false;
    if (ph_watch_add(i->node->loop, &i->watch, i->chan.fd, EPOLLIN, ph_instance_on_socket, i) !=
        PH_OK)
        ph_instance_kill(i, "internal", "out of memory");
    ph_instance_flush_later(i);
    ph_instance_hear(i);
}

static void on_renewed(void *ctx, struct ph_phat *phat)
{
    const struct renew_job *j = ctx;
    struct ph_lease *lease = &phat->lease;

    if (!lease->held)
        return;
    if (j->err != PH_OK) {
        if (!is_certain(lease))
            lose(j->leases, phat, j->why);
        return;
    }
    const struct ph_lease_held *found =
        bsearch(&phat->id, j->held, j->cnt, sizeof(*j->held), by_phat);
    if (!found || found->epoch != lease->epoch) {
        lose(j->leases, phat, "another worker took it");
        return;
    }
    lease->certain_until_ns = certain_until(j->sent_ns);
    if (is_certain(lease))
        listen_again(phat);
}

static void renew_now(struct ph_leases *l);

static void renew_done(struct ph_job *job, bool dropped)
{
    struct renew_job *j = (struct renew_job *)job;

    j->leases->renewing = false;
    if (!dropped)
        ph_phats_each(j->leases->node->phats, on_renewed, j);
    free(j->held);
    free(j);
}

static void renew_now(struct ph_leases *l)
{
    struct renew_job *j = l->renewing ? NULL : calloc(1, sizeof(*j));

    if (!j)
        return;
    j->job = (struct ph_job){.work = renew_work, .done = renew_done};
    j->leases = l;
    l->renewing = true;
    ph_offload_add(l->thread, &j->job, true);
}

static void tick(void *ctx)
{
    struct ph_leases *l = ctx;

    if (l->held_cnt > 0)
        renew_now(l);
    if (ph_timer_arm(l->node->loop, &l->timer, RENEW_MS, tick, l) != PH_OK)
        ph_node_fatal(l->node, "out of memory for timers");
}

/* For the rest of the worker. */

bool ph_lease_is_held(const struct ph_phat *phat)
{
    return !phat->node->leases || phat->lease.held;
}

void ph_lease_want(struct ph_phat *phat, struct ph_lease_waiter *waiter)
{
    struct ph_lease *lease = &phat->lease;

    waiter->next = lease->waiters;
    waiter->prev = &lease->waiters;
    if (waiter->next)
        waiter->next->prev = &waiter->next;
    lease->waiters = waiter;
    if (lease->asked)
        return;
    lease->asked = post(phat, false) == PH_OK;
    if (!lease->asked)
        tell_waiters(lease, PH_LEASE_UNKNOWN, NULL);
}

void ph_lease_forget(struct ph_lease_waiter *waiter)
{
    if (!waiter->prev)
        return;
    *waiter->prev = waiter->next;
    if (waiter->next)
        waiter->next->prev = waiter->prev;
    waiter->prev = NULL;
}

void ph_lease_give_back(struct ph_phat *phat)
{
    if (!phat->node->leases || !phat->lease.held)
        return;
    set_held(phat->node->leases, &phat->lease, false);
    if (post(phat, true) != PH_OK)
        ph_log(PH_LOG_ERROR, "out of memory", NULL);
}

bool ph_lease_lets_speak(struct ph_instance *instance)
{
    struct ph_instance *i = instance;
    struct ph_leases *l = i->node->leases;

    if (!l || !i->phat || i->phat->state_holder != i || is_certain(&i->phat->lease))
        return true;
    i->unheard = true;
    ph_watch_del(i->node->loop, &i->watch);
    renew_now(l);
    return false;
}

static enum ph_err start(struct ph_leases *l)
{
    const struct ph_config *c = l->node->config;
    char why[PH_KEYD_WHY_LEN];

    ph_random(l->worker.id, sizeof(l->worker.id));
    l->worker.url = c->cluster_url;
    PH_TRY(
        ph_keyd_client_peer_url(l->node->keyd, ph_bytes_str(c->cluster_url), &l->worker.mac, why));
    PH_TRY(ph_lease_store_new(c->state_url, &l->worker, &l->store));
    PH_TRY(ph_offload_start(l->node->loop, &l->thread));
    return ph_timer_arm(l->node->loop, &l->timer, RENEW_MS, tick, l);
}

enum ph_err ph_leases_open(struct ph_node *node)
{
    if (!node->config->cluster_url)
        return PH_OK;
    node->leases = calloc(1, sizeof(*node->leases));
    if (!node->leases)
        return PH_ERR_NOMEM;
    node->leases->node = node;
    return start(node->leases);
}

void ph_leases_close(struct ph_node *node)
{
    struct ph_leases *l = node->leases;
    char why[PH_LEASE_WHY];

    if (!l)
        return;
    ph_offload_stop(l->thread);
    ph_timer_cancel(node->loop, &l->timer);
    if (l->store && ph_lease_release(l->store, NULL, why) != PH_OK)
        ph_log(PH_LOG_WARN, "leases were not given back; they end by themselves", "why", why, NULL);
    ph_lease_store_free(l->store);
    free(l);
    node->leases = NULL;
}
