#include "attest/batch.h"

#include "base/own.h"

#include <pthread.h>
#include <stdatomic.h>

struct batch {
    const struct ph_batch_args *args;
    struct ph_verdict *verdict;
    enum ph_err *result;
    atomic_size_t next; /* the first piece that no thread has taken */
    atomic_bool refused;
};

/* An Intel quote: nothing is copied. */
static enum ph_err judge_quote(const struct ph_batch_args *a, const struct ph_batch_item *item,
                               struct ph_verdict *out)
{
    const struct ph_verify_args args = {
        .quote = item->quote,
        .collateral = a->collateral,
        .roots = a->roots,
        .policy = a->policy,
        .report_data = item->report_data,
        .report_data_unchecked = item->report_data_unchecked,
        .now_s = a->now_s,
        .cache = a->cache,
    };
    return ph_quote_verify_with(&args, out);
}

static enum ph_err judge_evidence(const struct ph_batch_args *a, const struct ph_batch_item *item,
                                  struct ph_verdict *out)
{
    struct ph_evidence_bundle *bundle PH_OWNED(ph_evidence_freep) = NULL;
    const struct ph_evidence unknown = {.quote = item->quote};
    struct ph_json_why why;

    const enum ph_err err = ph_evidence_open(item->quote, &bundle, &why);
    const struct ph_evidence_args args = {
        .evidence = err == PH_OK ? ph_evidence_view(bundle) : &unknown,
        .collateral = a->collateral,
        .roots = a->roots,
        .policy = a->policy,
        .report_data = item->report_data,
        .report_data_unchecked = item->report_data_unchecked,
        .now_s = a->now_s,
        .cache = a->cache,
    };
    /* What could not be opened is refused by the same verifier, which says so. */
    const enum ph_err judged = ph_evidence_verify(&args, out);
    return err != PH_OK ? err : judged;
}

static void judge_one(struct batch *b, size_t i)
{
    const struct ph_batch_item *item = &b->args->item[i];
    const enum ph_err err = ph_evidence_detect(item->quote) == PH_EVIDENCE_INTEL
                                ? judge_quote(b->args, item, &b->verdict[i])
                                : judge_evidence(b->args, item, &b->verdict[i]);

    if (b->result)
        b->result[i] = err;
    if (err != PH_OK)
        atomic_store_explicit(&b->refused, true, memory_order_relaxed);
}

static void *work(void *arg)
{
    struct batch *b = arg;

    for (;;) {
        const size_t i = atomic_fetch_add_explicit(&b->next, 1, memory_order_relaxed);
        if (i >= b->args->item_cnt)
            return NULL;
        judge_one(b, i);
    }
}

enum ph_err ph_quote_verify_batch(const struct ph_batch_args *args, struct ph_verdict *verdict,
                                  enum ph_err *result)
{
    struct batch b = {.args = args, .verdict = verdict, .result = result};
    pthread_t thread[PH_BATCH_THREADS_MAX];
    size_t started = 0;

    if (args->thread_cnt < 1 || args->thread_cnt > PH_BATCH_THREADS_MAX)
        return PH_ERR_LIMIT;
    const size_t wanted = args->thread_cnt < args->item_cnt ? args->thread_cnt : args->item_cnt;
    while (started + 1 < wanted && pthread_create(&thread[started], NULL, work, &b) == 0)
        started++;
    (void)work(&b);
    while (started > 0)
        (void)pthread_join(thread[--started], NULL);
    /* The joins make every write of the threads visible. */
    if (atomic_load(&b.refused))
        return PH_ERR_UNTRUSTED;
    return PH_OK;
}
