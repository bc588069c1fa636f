/* Once collateral and chain are held, judging a quote allocates nothing, whatever the verdict. */

#include "base/test_heap.h"

#include "attest/intel/verify.h"
#include "attest/synth/synth_world.h"
#include "base/own.h"
#include "base/test.h"

enum { ROUNDS = 20 };

struct counted {
    enum ph_err cold, warm;
    unsigned long cold_cnt, warm_cnt; /* allocations: of the first verdict, of the next ROUNDS */
};

static struct ph_verdict verdict;

/* Judge w's quote once with an empty cache, then again and again, the last half of the times with a
 * byte of the quote changed at `at`. */
static struct counted count(const struct world *w, size_t at)
{
    struct ph_collateral *collateral PH_OWNED(ph_collateral_freep) = NULL;
    struct ph_attest_cache *cache PH_OWNED(ph_attest_cache_freep) = NULL;
    struct ph_attest_roots roots;
    struct ph_buf quote = PH_BUF(PH_QUOTE_MAX);
    struct counted c = {.warm = PH_OK};

    world_make(w, &collateral, &quote, &roots);
    CHECK(ph_attest_cache_new(8, &cache) == PH_OK);
    const struct ph_verify_args args = {.quote = ph_buf_view(&quote),
                                        .collateral = collateral,
                                        .roots = &roots,
                                        .policy = &w->policy,
                                        .report_data = w->expected,
                                        .now_s = w->now_s,
                                        .cache = cache};
    const unsigned long start = ph_test_heap();
    c.cold = ph_quote_verify_with(&args, &verdict);
    const unsigned long warm = ph_test_heap();
    for (int i = 0; i < ROUNDS; i++) {
        if (i == ROUNDS / 2 && at > 0)
            quote.ptr[at] ^= 1;
        c.warm = ph_quote_verify_with(&args, &verdict);
    }
    c.warm_cnt = ph_test_heap() - warm;
    c.cold_cnt = warm - start;
    ph_buf_clear(&quote);
    return c;
}

static void check_accepted(const struct world *w)
{
    if (!PH_TEST_HEAP_COUNTS)
        SKIP_BECAUSE("a sanitizer stands in for the heap");
    const struct counted c = count(w, 0);
    CHECK(c.cold == PH_OK && c.warm == PH_OK);
    CHECK(c.cold_cnt > 0); /* the chain is kept: the count does count */
    CHECK(c.warm_cnt == 0);
}

TEST(a_warm_tdx_verdict_allocates_nothing)
{
    struct world w;
    world_init(&w);
    check_accepted(&w);
}

TEST(a_warm_tdx_15_verdict_allocates_nothing)
{
    struct world w;
    world_init(&w);
    w.td15 = true;
    w.s.quote_version = 5;
    memcpy(w.tail.tee_tcb_svn2, w.td.tee_tcb_svn, sizeof(w.tail.tee_tcb_svn2));
    check_accepted(&w);
}

TEST(a_warm_sgx_verdict_allocates_nothing)
{
    struct world w;
    world_init(&w);
    world_sgx(&w, 3);
    check_accepted(&w);
}

/* In the body, in the quoting enclave's signature, in the attestation key. */
TEST(a_warm_refusal_allocates_nothing)
{
    static const size_t at[] = {48 + 136, 636 + 10, 636 + 64 + 5};
    struct world w;

    if (!PH_TEST_HEAP_COUNTS)
        SKIP_BECAUSE("a sanitizer stands in for the heap");
    world_init(&w);
    for (size_t i = 0; i < PH_LEN(at); i++) {
        const struct counted c = count(&w, at[i]);
        CHECK(c.cold == PH_OK && c.warm == PH_ERR_UNTRUSTED);
        CHECK(c.warm_cnt == 0);
    }
}

PH_TEST_MAIN(CASE(a_warm_tdx_verdict_allocates_nothing),
             CASE(a_warm_tdx_15_verdict_allocates_nothing),
             CASE(a_warm_sgx_verdict_allocates_nothing), CASE(a_warm_refusal_allocates_nothing))
