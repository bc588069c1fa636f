#include "node/attester.h"

#include "base/clock.h"
#include "base/own.h"
#include "node/own_evidence.h"
#include "tee/attestation_doc.h"
#include "tee/quote.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>

enum { WISHES_MAX = 64 };

struct ph_attester {
    struct ph_node *node;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int event_fd; /* readable: the thread finished one */
    struct ph_watch watch;
    /* Of the loop alone: wishes in order; the first one's nonce is with the thread. */
    struct ph_attest_wish *first;
    size_t cnt;
    bool working;
    bool forgotten; /* the first one's asker left while the thread works */
    /* Under the lock. */
    bool stop, has_job, has_result;
    struct ph_attest_wish job;          /* copy of the first wish */
    struct ph_worker_identity identity; /* as of that wish: a rotation changes it on the loop */
    enum ph_err result;
    struct ph_buf document;
    char why[PH_TEE_WHY_LEN];
};

static enum ph_err make(struct ph_attester *a, const struct ph_attest_wish *job,
                        const struct ph_worker_identity *identity, struct ph_buf *out,
                        char why[static PH_TEE_WHY_LEN])
{
    const int64_t now_s = ph_clock_wall_ms() / 1000;

    if (job->quote)
        return ph_tee_quote(a->node->tee, job->report_data, out, why);
    if (job->bare)
        return ph_own_evidence(a->node, job->report_data, now_s, out, why);
    struct ph_buf evidence PH_OWNED(ph_buf_clear) = PH_BUF(PH_TEE_EVIDENCE_MAX);
    struct ph_attestation_doc doc = {.identity = *identity,
                                     .insecure_simulator = a->node->insecure_simulator};
    uint8_t report_data[64];

    memcpy(doc.nonce, job->nonce, sizeof(doc.nonce));
    ph_worker_report_data(&doc.identity, job->nonce, report_data);
    PH_TRY(ph_own_evidence(a->node, report_data, now_s, &evidence, why));
    doc.evidence = ph_buf_view(&evidence);
    return ph_attestation_doc_encode(&doc, out);
}

static void *work(void *ctx)
{
    struct ph_attester *a = ctx;

    (void)pthread_mutex_lock(&a->lock);
    for (;;) {
        while (!a->stop && !a->has_job)
            (void)pthread_cond_wait(&a->wake, &a->lock);
        if (a->stop)
            break;
        char why[PH_TEE_WHY_LEN] = "";
        struct ph_buf document = PH_BUF(PH_ATTESTATION_MAX);
        const struct ph_attest_wish job = a->job;
        const struct ph_worker_identity identity = a->identity;
        a->has_job = false;
        (void)pthread_mutex_unlock(&a->lock);
        const enum ph_err result = make(a, &job, &identity, &document, why);
        (void)pthread_mutex_lock(&a->lock);
        ph_buf_clear(&a->document);
        a->document = document;
        a->result = result;
        (void)snprintf(a->why, sizeof(a->why), "%s", why);
        a->has_result = true;
        (void)!write(a->event_fd, &(uint64_t){1}, sizeof(uint64_t));
    }
    (void)pthread_mutex_unlock(&a->lock);
    return NULL;
}

static void hand_over_first(struct ph_attester *a)
{
    (void)pthread_mutex_lock(&a->lock);
    a->job = *a->first;
    a->identity = a->node->identity;
    a->has_job = true;
    (void)pthread_cond_signal(&a->wake);
    (void)pthread_mutex_unlock(&a->lock);
}

static void on_result(void *ctx, uint32_t events)
{
    struct ph_attester *a = ctx;
    uint64_t n;

    (void)events;
    (void)!read(a->event_fd, &n, sizeof(n));
    (void)pthread_mutex_lock(&a->lock);
    const bool has = a->has_result;
    struct ph_buf document PH_OWNED(ph_buf_clear) = a->document;
    const enum ph_err result = a->result;
    char why[PH_TEE_WHY_LEN];
    memcpy(why, a->why, sizeof(why));
    a->has_result = false;
    a->document = PH_BUF(PH_ATTESTATION_MAX);
    (void)pthread_mutex_unlock(&a->lock);
    if (!has)
        return;
    struct ph_attest_wish *wish = NULL;
    if (!a->forgotten) {
        wish = a->first;
        a->first = wish->next;
        a->cnt--;
        wish->queued = false;
    }
    a->forgotten = false;
    a->working = a->first != NULL;
    if (a->first)
        hand_over_first(a);
    if (wish)
        wish->done(wish->ctx, result, ph_buf_view(&document), why);
}

enum ph_err ph_attester_new(struct ph_node *node, struct ph_attester **out)
{
    struct ph_attester *a = calloc(1, sizeof(*a));

    if (!a)
        return PH_ERR_NOMEM;
    a->node = node;
    a->document = PH_BUF(PH_ATTESTATION_MAX);
    a->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (a->event_fd < 0 || pthread_mutex_init(&a->lock, NULL) != 0 ||
        pthread_cond_init(&a->wake, NULL) != 0 ||
        ph_watch_add(node->loop, &a->watch, a->event_fd, EPOLLIN, on_result, a) != PH_OK ||
        pthread_create(&a->thread, NULL, work, a) != 0) {
        ph_watch_del(node->loop, &a->watch);
        if (a->event_fd >= 0)
            (void)close(a->event_fd);
        free(a);
        return PH_ERR_IO;
    }
    *out = a;
    return PH_OK;
}

void ph_attester_free(struct ph_attester *a)
{
    if (!a)
        return;
    (void)pthread_mutex_lock(&a->lock);
    a->stop = true;
    (void)pthread_cond_signal(&a->wake);
    (void)pthread_mutex_unlock(&a->lock);
    (void)pthread_join(a->thread, NULL);
    ph_watch_del(a->node->loop, &a->watch);
    (void)close(a->event_fd);
    ph_buf_clear(&a->document);
    free(a);
}

enum ph_err ph_attester_ask(struct ph_attester *a, struct ph_attest_wish *wish)
{
    struct ph_attest_wish **at = &a->first;

    if (a->cnt == WISHES_MAX)
        return PH_ERR_LIMIT;
    while (*at)
        at = &(*at)->next;
    wish->next = NULL;
    wish->queued = true;
    *at = wish;
    a->cnt++;
    if (!a->working) {
        a->working = true;
        hand_over_first(a);
    }
    return PH_OK;
}

void ph_attester_forget(struct ph_attester *a, struct ph_attest_wish *wish)
{
    if (!wish->queued)
        return;
    if (a->first == wish && a->working && !a->forgotten)
        a->forgotten = true;
    for (struct ph_attest_wish **at = &a->first; *at; at = &(*at)->next)
        if (*at == wish) {
            *at = wish->next;
            break;
        }
    a->cnt--;
    wish->queued = false;
}
