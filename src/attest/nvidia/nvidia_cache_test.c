/* What judgements share: the same verdicts as without, whatever was judged before; nothing of it
 * after its time; nothing of manifests that nobody trusted; and by many threads. */

#include "base/test_heap.h"

#include "attest/nvidia/kept.h"
#include "attest/nvidia/test_world.h"
#include "attest/verdict_json.h"
#include "base/own.h"
#include "base/test.h"

#include <pthread.h>

static struct nv_world w;
static struct nv_made made;
static struct ph_verdict plain, cached;

static struct ph_attest_cache *start(size_t entry_cnt)
{
    struct ph_attest_cache *cache = NULL;
    nv_world_clear(&w);
    nv_world_init(&w, PH_NVIDIA_HOPPER);
    CHECK(ph_attest_cache_new(entry_cnt, &cache) == PH_OK);
    return cache;
}

static bool same(void)
{
    struct ph_buf text[2] = {PH_BUF(1 << 20), PH_BUF(1 << 20)};
    struct ph_jput one = {.out = &text[0]}, two = {.out = &text[1]};
    ph_verdict_json(&plain, &one, NULL);
    ph_verdict_json(&cached, &two, NULL);
    CHECK(ph_jput_end(&one) == PH_OK && ph_jput_end(&two) == PH_OK);
    const bool equal = ph_bytes_equal(ph_buf_view(&text[0]), ph_buf_view(&text[1]));
    ph_buf_clear(&text[0]);
    ph_buf_clear(&text[1]);
    return equal;
}

/* Judged without, then twice with the cache: all the same? */
static enum ph_err judge(struct ph_attest_cache *cache)
{
    w.cache = NULL;
    const enum ph_err err = nv_made_judge(&w, &made, &plain);
    w.cache = cache;
    for (int i = 0; i < 2; i++) {
        CHECK(nv_made_judge(&w, &made, &cached) == err);
        CHECK(same());
    }
    return err;
}

TEST(every_refusal_is_the_same_after_an_acceptance)
{
    struct ph_attest_cache *cache PH_OWNED(ph_attest_cache_freep) = start(64);
    size_t refused = 0;
    for (enum ph_check check = 0; check < PH_CHECK_CNT; check++) {
        const enum ph_check_group group = ph_check_group(check);
        if (check == PH_CHECK_POLICY_ADVISORY ||
            (group != PH_GROUP_ALL && group != PH_GROUP_NVIDIA))
            continue;
        for (int broken = 0; broken < 2; broken++) {
            nv_world_clear(&w);
            nv_world_init(&w, PH_NVIDIA_HOPPER);
            if (broken)
                nv_world_break(&w, check);
            nv_world_make(&w, &made);
            CHECK((judge(cache) == PH_OK) == !broken);
            nv_made_clear(&made);
        }
        refused++;
    }
    CHECK(refused > 30);
}

TEST(a_small_cache_gives_the_same_verdicts)
{
    struct ph_attest_cache *cache PH_OWNED(ph_attest_cache_freep) = start(1);
    nv_world_make(&w, &made);
    for (int i = 0; i < 3; i++)
        CHECK(judge(cache) == PH_OK);
    nv_made_clear(&made);
}

TEST(every_window_is_judged_anew)
{
    static const int64_t moments[] = {0,
                                      1,
                                      NV_NOW - 400 * 86400,
                                      NV_NOW + 3600,
                                      NV_NOW + 86400,
                                      NV_NOW + 30 * 86400,
                                      NV_NOW + 400 * 86400,
                                      NV_NOW + (int64_t)4000 * 86400,
                                      INT64_MAX,
                                      NV_NOW};
    struct ph_attest_cache *cache PH_OWNED(ph_attest_cache_freep) = start(64);
    size_t accepted = 0;
    nv_world_make(&w, &made);
    CHECK(judge(cache) == PH_OK);
    for (size_t i = 0; i < PH_LEN(moments); i++) {
        w.now_s = moments[i];
        accepted += judge(cache) == PH_OK;
    }
    CHECK(accepted > 0 && accepted < PH_LEN(moments));
    w.now_s = plain.valid_until_s - 1;
    CHECK(judge(cache) == PH_OK);
    w.now_s++;
    CHECK(judge(cache) == PH_ERR_UNTRUSTED);
    nv_made_clear(&made);
}

/* Whether the first manifest is found. */
static bool keeps_manifest(struct ph_attest_cache *cache, int64_t at_s)
{
    struct ph_cached held = {0};
    CHECK(ph_nv_manifest_open(cache, made.rims[0], at_s, &held) == PH_OK);
    const bool found = !held.owned;
    ph_cached_release(&held);
    return found;
}

TEST(manifests_are_kept_only_if_trusted_and_until_they_expire)
{
    struct ph_attest_cache *cache PH_OWNED(ph_attest_cache_freep) = start(64);
    struct ph_rim_proof proof;
    nv_world_make(&w, &made);
    w.trust_rim_root = false;
    nv_made_clear(&made);
    nv_world_make(&w, &made);
    CHECK(judge(cache) == PH_ERR_UNTRUSTED && !keeps_manifest(cache, NV_NOW));
    w.trust_rim_root = true;
    nv_made_clear(&made);
    nv_world_make(&w, &made);
    CHECK(judge(cache) == PH_OK && keeps_manifest(cache, NV_NOW));
    struct ph_cached held = {0};
    CHECK(ph_nv_manifest_open(cache, made.rims[0], NV_NOW, &held) == PH_OK);
    proof = ((const struct ph_nv_manifest *)held.value)->proof;
    ph_cached_release(&held);
    CHECK(keeps_manifest(cache, proof.not_after_s));
    CHECK(!keeps_manifest(cache, proof.not_after_s + 1) && !keeps_manifest(cache, NV_NOW));
    nv_made_clear(&made);
}

TEST(what_was_found_needs_less_memory)
{
    unsigned long cnt[3];
    if (!PH_TEST_HEAP_COUNTS)
        SKIP_BECAUSE("a sanitizer stands in for the heap");
    struct ph_attest_cache *cache PH_OWNED(ph_attest_cache_freep) = start(64);
    nv_world_make(&w, &made);
    w.cache = cache;
    for (size_t i = 0; i < PH_LEN(cnt); i++) {
        const unsigned long before = ph_test_heap();
        CHECK(nv_made_judge(&w, &made, &cached) == PH_OK);
        cnt[i] = ph_test_heap() - before;
    }
    CHECK(cnt[1] == cnt[2] && cnt[1] * 5 < cnt[0]);
    nv_made_clear(&made);
}

static void *judge_many(void *arg)
{
    size_t *good = arg;
    for (size_t i = 0; i < 20; i++) {
        struct ph_verdict mine;
        *good += nv_made_judge(&w, &made, &mine) == PH_OK;
    }
    return NULL;
}

TEST(threads_share_it)
{
    struct ph_attest_cache *cache PH_OWNED(ph_attest_cache_freep) = start(4);
    pthread_t thread[4];
    size_t good[4] = {0};
    nv_world_make(&w, &made);
    w.cache = cache;
    for (size_t i = 0; i < 4; i++)
        CHECK(pthread_create(&thread[i], NULL, judge_many, &good[i]) == 0);
    for (size_t i = 0; i < 4; i++) {
        CHECK(pthread_join(thread[i], NULL) == 0);
        CHECK(good[i] == 20);
    }
    nv_made_clear(&made);
}

PH_TEST_MAIN(CASE(every_refusal_is_the_same_after_an_acceptance),
             CASE(a_small_cache_gives_the_same_verdicts), CASE(every_window_is_judged_anew),
             CASE(manifests_are_kept_only_if_trusted_and_until_they_expire),
             CASE(what_was_found_needs_less_memory), CASE(threads_share_it))
