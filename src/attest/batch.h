#ifndef PH_ATTEST_BATCH_H
#define PH_ATTEST_BATCH_H

/* Many pieces of evidence, of any kinds, judged on several threads.
 *
 * Layer: attest. Pure but for the threads it starts and ends inside the call: each verdict is what
 * the piece gets alone, whatever the number of threads: of an Intel quote by ph_quote_verify_with,
 * of all else by ph_evidence_open and ph_evidence_verify. Tests:
 * batch_test.c.
 */

#include "attest/evidence.h"
#include "attest/intel/verify.h"

enum { PH_BATCH_THREADS_MAX = 64 };

struct ph_batch_item {
    struct ph_bytes quote;      /* or report, document, bundle: what ph_evidence_open takes */
    const uint8_t *report_data; /* 64 bytes; NULL only with the next member set */
    bool report_data_unchecked;
};

/* What all quotes of a batch share, and which they are. */
struct ph_batch_args {
    const struct ph_batch_item *item;
    size_t item_cnt;
    const struct ph_collateral *collateral; /* of Intel's quotes; NULL: what a bundle brings */
    const struct ph_attest_roots *roots;
    const struct ph_policy *policy;
    int64_t now_s;
    struct ph_attest_cache *cache; /* NULL: none */
    unsigned thread_cnt;           /* 1..PH_BATCH_THREADS_MAX, the caller's own among them */
};

/**
 * Judge every piece.
 *
 * @verdict  item_cnt of them, each written whole
 * @result   item_cnt of them, what judging it alone returned; may be NULL
 *
 * Where the system refuses a thread, those that are there do its work.
 *
 * Returns PH_OK             every piece is accepted
 *         PH_ERR_UNTRUSTED  at least one is not: see the verdicts
 *         PH_ERR_LIMIT      thread_cnt is out of range; no verdict is written then
 */
PH_CHECKED enum ph_err ph_quote_verify_batch(const struct ph_batch_args *args,
                                             struct ph_verdict *verdict, enum ph_err *result);

#endif
