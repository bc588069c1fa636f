/* A batch gives each quote the verdict that it would get alone. */

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

/* Threads that were asked for, and how many of them the system still gives. */
static unsigned asked, given = 1000;

typedef int create_fn(pthread_t *restrict, const pthread_attr_t *restrict, void *(*)(void *),
                      void *restrict);
/* A sanitizer's, which must see every thread; NULL without one. */
__attribute__((weak)) create_fn __interceptor_pthread_create;

__attribute__((visibility("default"))) int pthread_create(pthread_t *restrict thread,
                                                          const pthread_attr_t *restrict attr,
                                                          void *(*start)(void *),
                                                          void *restrict arg)
{
    create_fn *create = __interceptor_pthread_create;

    if (!create) {
        void *found = dlsym(RTLD_NEXT, "pthread_create");
        memcpy(&create, &found, sizeof(create));
    }
    asked++;
    return asked <= given ? create(thread, attr, start, arg) : EAGAIN;
}

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

/* The verdict of one piece alone, opened and judged. */
static enum ph_err judge_alone(struct ph_bytes bytes, const uint8_t *report_data)
{
    struct ph_evidence_bundle *bundle PH_OWNED(ph_evidence_freep) = NULL;
    struct ph_json_why why;
    if (ph_evidence_open(bytes, &bundle, &why) != PH_OK)
        return PH_ERR_MALFORMED;
    const struct ph_evidence_args args = {.evidence = ph_evidence_view(bundle),
                                          .collateral = f.collateral,
                                          .roots = &f.roots,
                                          .policy = &f.w.policy,
                                          .report_data = report_data,
                                          .now_s = f.w.now_s};
    return ph_evidence_verify(&args, &alone);
}

TEST(pieces_of_every_kind_are_judged_side_by_side)
{
    static uint8_t snp[1184] = {3, [0x34] = 1}; /* nobody signed it */
    struct ph_buf bundle PH_OWNED(ph_buf_clear) = PH_BUF(PH_EVIDENCE_MAX);
    enum ph_err result[6];
    setup(&f);
    const struct ph_evidence e = {.quote = ph_buf_view(&f.quote)};
    CHECK(ph_evidence_encode(&e, &bundle) == PH_OK);
    const struct ph_bytes pieces[] = {
        ph_buf_view(&bundle),
        ph_buf_view(&f.quote),
        PH_BYTES_OF(snp),
        PH_BYTES_LIT("HCLA"),
        PH_BYTES_LIT("\x84\x44\xa1\x01\x38\x22"),
        PH_BYTES_LIT("nothing"),
    };
    for (size_t i = 0; i < PH_LEN(pieces); i++)
        f.item[i].quote = pieces[i];
    f.item[5].report_data = f.w.expected;
    f.args.item_cnt = PH_LEN(pieces);
    f.args.thread_cnt = 3;
    CHECK(ph_quote_verify_batch(&f.args, got, result) == PH_ERR_UNTRUSTED);
    CHECK(result[0] == PH_OK && result[1] == PH_OK && got[0].accepted && got[1].accepted);
    for (size_t i = 0; i < 5; i++) {
        CHECK(judge_alone(pieces[i], f.item[i].report_data) == result[i]);
        CHECK(alone.accepted == got[i].accepted && alone.check == got[i].check &&
              strcmp(alone.sentence, got[i].sentence) == 0);
        CHECK(i < 2 || !got[i].accepted);
    }
    CHECK(result[5] == PH_ERR_UNSUPPORTED && !got[5].accepted);
    CHECK(strcmp(got[5].reason, "not-judged") == 0);
    f.args.item_cnt = 1; /* collateral is a bundle's own where none is given */
    f.args.collateral = NULL;
    CHECK(ph_quote_verify_batch(&f.args, got, result) == PH_ERR_UNTRUSTED && !got[0].accepted);
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

TEST(no_more_threads_are_started_than_there_is_work_for)
{
    static const struct {
        unsigned threads, given, asked;
        size_t items;
    } cases[] = {{1, 99, 0, QUOTES}, {2, 99, 1, QUOTES}, {8, 99, 7, QUOTES}, {8, 99, 2, 3},
                 {8, 99, 0, 1},      {8, 99, 0, 0},      {8, 0, 1, QUOTES},  {8, 3, 4, QUOTES}};
    setup(&f);
    for (size_t i = 0; i < QUOTES; i++)
        f.item[i] = f.item[0];
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        f.args.thread_cnt = cases[i].threads;
        f.args.item_cnt = cases[i].items;
        asked = 0;
        given = cases[i].given;
        memset(got, 0, sizeof(got));
        CHECK(ph_quote_verify_batch(&f.args, got, NULL) == PH_OK);
        CHECK(asked == cases[i].asked);
        for (size_t k = 0; k < QUOTES; k++)
            CHECK(got[k].accepted == (k < cases[i].items));
    }
    given = 1000;
    asked = 0;
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
             CASE(pieces_of_every_kind_are_judged_side_by_side),
             CASE(all_good_quotes_make_a_good_batch),
             CASE(no_more_threads_are_started_than_there_is_work_for),
             CASE(without_an_expected_report_data_a_quote_is_refused),
             CASE(the_number_of_threads_is_limited))
