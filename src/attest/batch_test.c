/* A batch gives each quote the verdict that it would get alone. */

#include "attest/batch.h"

#include "attest/synth/synth_world.h"
#include "base/own.h"
#include "base/test.h"

enum { QUOTES = 40 };

struct fixture {
    struct world w;
    struct ph_collateral *collateral;
    struct ph_attest_roots roots;
    struct ph_buf quote;
    uint8_t bad[QUOTES][PH_QUOTE_MAX / 8];
    struct ph_batch_item item[QUOTES];
    struct ph_attest_cache *cache;
    struct ph_batch_args args;
};

/* Every third quote has a byte changed, each at another place; every seventh asks for other report
 * data. */
static void setup(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    world_init(&f->w);
    f->quote = PH_BUF(PH_QUOTE_MAX);
    world_make(&f->w, &f->collateral, &f->quote, &f->roots);
    CHECK(f->quote.len <= sizeof(f->bad[0]));
    CHECK(ph_attest_cache_new(8, &f->cache) == PH_OK);
    static const uint8_t other[64] = {1};
    for (size_t i = 0; i < QUOTES; i++) {
        f->item[i] = (struct ph_batch_item){ph_buf_view(&f->quote), f->w.expected, false};
        if (i % 3 == 1) {
            memcpy(f->bad[i], f->quote.ptr, f->quote.len);
            f->bad[i][f->quote.len * i / QUOTES] ^= 1;
            f->item[i].quote.ptr = f->bad[i];
        }
        if (i % 7 == 5)
            f->item[i].report_data = other;
    }
    f->args = (struct ph_batch_args){.item = f->item,
                                     .item_cnt = QUOTES,
                                     .collateral = f->collateral,
                                     .roots = &f->roots,
                                     .policy = &f->w.policy,
                                     .now_s = f->w.now_s,
                                     .cache = f->cache,
                                     .thread_cnt = 1};
}

static void teardown(struct fixture *f)
{
    ph_collateral_free(f->collateral);
    ph_attest_cache_free(f->cache);
    ph_buf_clear(&f->quote);
}

static struct fixture f;
static struct ph_verdict got[QUOTES], alone;

TEST(every_verdict_is_the_one_the_quote_gets_alone)
{
    static const unsigned threads[] = {1, 2, 3, 8, PH_BATCH_THREADS_MAX};
    enum ph_err result[QUOTES];
    setup(&f);
    for (size_t t = 0; t < PH_LEN(threads); t++) {
        size_t accepted = 0;
        f.args.thread_cnt = threads[t];
        memset(got, 0xa5, sizeof(got));
        CHECK(ph_quote_verify_batch(&f.args, got, result) == PH_ERR_UNTRUSTED);
        for (size_t i = 0; i < QUOTES; i++) {
            const struct ph_verify_args one = {.quote = f.item[i].quote,
                                               .collateral = f.collateral,
                                               .roots = &f.roots,
                                               .policy = &f.w.policy,
                                               .report_data = f.item[i].report_data,
                                               .now_s = f.w.now_s};
            const enum ph_err err = ph_quote_verify_with(&one, &alone);
            CHECK(err == result[i] && memcmp(&alone, &got[i], sizeof(alone)) == 0);
            CHECK((err == PH_OK) == (i % 3 != 1 && i % 7 != 5));
            accepted += err == PH_OK;
        }
        CHECK(accepted > 10);
    }
    teardown(&f);
}

TEST(all_good_quotes_make_a_good_batch)
{
    setup(&f);
    for (size_t i = 0; i < QUOTES; i++)
        f.item[i] = f.item[0];
    f.args.thread_cnt = 2;
    CHECK(ph_quote_verify_batch(&f.args, got, NULL) == PH_OK);
    f.args.item_cnt = 0;
    CHECK(ph_quote_verify_batch(&f.args, NULL, NULL) == PH_OK);
    teardown(&f);
}

TEST(without_an_expected_report_data_a_quote_is_refused)
{
    setup(&f);
    f.item[0].report_data = NULL;
    f.args.item_cnt = 1;
    CHECK(ph_quote_verify_batch(&f.args, got, NULL) == PH_ERR_UNTRUSTED);
    CHECK(got[0].check == PH_CHECK_REPORT_DATA && !got[0].accepted);
    f.item[0].report_data_unchecked = true;
    CHECK(ph_quote_verify_batch(&f.args, got, NULL) == PH_OK);
    CHECK(!got[0].claims.report_data_checked);
    teardown(&f);
}

TEST(the_number_of_threads_is_limited)
{
    setup(&f);
    memset(got, 0, sizeof(got));
    f.args.thread_cnt = 0;
    CHECK(ph_quote_verify_batch(&f.args, got, NULL) == PH_ERR_LIMIT);
    f.args.thread_cnt = PH_BATCH_THREADS_MAX + 1;
    CHECK(ph_quote_verify_batch(&f.args, got, NULL) == PH_ERR_LIMIT);
    CHECK(!got[0].accepted && !got[0].reason);
    teardown(&f);
}

PH_TEST_MAIN(CASE(every_verdict_is_the_one_the_quote_gets_alone),
             CASE(all_good_quotes_make_a_good_batch),
             CASE(without_an_expected_report_data_a_quote_is_refused),
             CASE(the_number_of_threads_is_limited))
