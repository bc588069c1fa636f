/* The cache: what is found, what makes room for what, what is held, and all of it by many threads.
 */

#include "base/test_heap.h"

#include "attest/cache.h"
#include "base/own.h"
#include "base/test.h"

#include <pthread.h>
#include <stdlib.h>

enum { NOW = 1000, LATER = 2000 };

/* Values are numbers that know whether they live. */
struct number {
    uint64_t n;
};
static atomic_size_t alive;

static struct number *number(uint64_t n)
{
    struct number *v = malloc(sizeof(*v));
    CHECK(v != NULL);
    v->n = n;
    atomic_fetch_add(&alive, 1);
    return v;
}

static void number_free(void *value)
{
    ((struct number *)value)->n = UINT64_MAX;
    atomic_fetch_sub(&alive, 1);
    free(value);
}
static const struct ph_cached_type type = {number_free}, other_type = {number_free};

/* All keys of one set of a cache; `n` tells them apart. */
struct key {
    uint8_t b[PH_ATTEST_CACHE_KEY_LEN];
};
static struct key key_of(uint64_t n)
{
    struct key k = {{0}};
    memcpy(k.b + 8, &n, sizeof(n));
    return k;
}

static struct ph_attest_cache *make(size_t cnt)
{
    struct ph_attest_cache *cache = NULL;
    CHECK(ph_attest_cache_new(cnt, &cache) == PH_OK);
    return cache;
}

static void put(struct ph_attest_cache *cache, uint64_t n)
{
    struct ph_cached held;
    ph_cached_put(cache, &type, key_of(n).b, number(n), NOW, LATER, &held);
    CHECK(((const struct number *)held.value)->n == n);
    ph_cached_release(&held);
    CHECK(!held.value);
}

static bool finds(struct ph_attest_cache *cache, uint64_t n)
{
    struct ph_cached held;
    if (!ph_cached_find(cache, &type, key_of(n).b, NOW, &held))
        return false;
    const bool right = ((const struct number *)held.value)->n == n && !held.owned;
    ph_cached_release(&held);
    CHECK(right);
    return true;
}

TEST(a_size_out_of_range_is_refused)
{
    struct ph_attest_cache *cache = NULL;
    CHECK(ph_attest_cache_new(0, &cache) == PH_ERR_LIMIT);
    CHECK(ph_attest_cache_new(PH_ATTEST_CACHE_ENTRIES_MAX + 1, &cache) == PH_ERR_LIMIT && !cache);
    ph_attest_cache_free(make(PH_ATTEST_CACHE_ENTRIES_MAX));
    ph_attest_cache_free(NULL);
}

TEST(what_was_put_is_found_by_its_whole_key_and_kind)
{
    struct ph_attest_cache *cache PH_OWNED(ph_attest_cache_freep) = make(64);
    struct ph_cached held = {.way = 77};
    put(cache, 5);
    CHECK(finds(cache, 5) && !finds(cache, 6));
    for (size_t i = 0; i < sizeof(struct key); i++) {
        struct key k = key_of(5);
        k.b[i] ^= 1;
        CHECK(!ph_cached_find(cache, &type, k.b, NOW, &held));
    }
    CHECK(!ph_cached_find(cache, &other_type, key_of(5).b, NOW, &held));
    CHECK(!ph_cached_find(NULL, &type, key_of(5).b, NOW, &held));
    CHECK(held.way == 77); /* untouched */
    CHECK(alive == 1);
}

TEST(the_least_recently_used_makes_room)
{
    for (size_t cnt = 1; cnt <= 8; cnt++) {
        struct ph_attest_cache *cache = make(cnt);
        for (uint64_t n = 0; n < cnt; n++)
            put(cache, n);
        CHECK(alive == cnt && finds(cache, 0)); /* used last now, unless it is alone */
        put(cache, 100);
        CHECK(alive == cnt && finds(cache, 100) && finds(cache, 0) == (cnt > 1));
        CHECK(cnt == 1 || !finds(cache, 1));
        for (uint64_t n = 2; n < cnt; n++)
            CHECK(finds(cache, n));
        ph_attest_cache_free(cache);
        CHECK(alive == 0);
    }
}

TEST(what_is_held_stays_and_others_go_without)
{
    struct ph_attest_cache *cache PH_OWNED(ph_attest_cache_freep) = make(1);
    struct ph_cached first, again, second;
    ph_cached_put(cache, &type, key_of(1).b, number(1), NOW, LATER, &first);
    CHECK(first.set && !first.owned);
    CHECK(ph_cached_find(cache, &type, key_of(1).b, NOW, &again) && again.value == first.value);
    ph_cached_release(&first); /* one holder is left */
    ph_cached_put(cache, &type, key_of(2).b, number(2), NOW, LATER, &second);
    CHECK(!second.set && second.owned == second.value && alive == 2);
    CHECK(finds(cache, 1) && !finds(cache, 2));
    ph_cached_release(&second);
    CHECK(alive == 1 && ((const struct number *)again.value)->n == 1);
    ph_cached_release(&again);
    put(cache, 3);
    CHECK(alive == 1 && finds(cache, 3) && !finds(cache, 1));
}

TEST(nothing_is_found_once_it_has_expired)
{
    struct ph_attest_cache *cache PH_OWNED(ph_attest_cache_freep) = make(8);
    struct ph_cached held, late;
    ph_cached_put(cache, &type, key_of(1).b, number(1), NOW, LATER, &held);
    CHECK(ph_cached_find(cache, &type, key_of(1).b, LATER - 1, &late));
    ph_cached_release(&late);
    CHECK(!ph_cached_find(cache, &type, key_of(1).b, LATER, &late));
    CHECK(((const struct number *)held.value)->n == 1); /* who holds it may finish */
    ph_cached_release(&held);
    CHECK(alive == 1 && !ph_cached_find(cache, &type, key_of(1).b, LATER, &late));
    CHECK(alive == 0 && !finds(cache, 1)); /* dropped, for earlier moments too */
    ph_cached_put(cache, &type, key_of(1).b, number(1), LATER, LATER, &held);
    CHECK(!held.set && held.owned && !finds(cache, 1)); /* never kept */
    ph_cached_release(&held);
    CHECK(alive == 0);
}

TEST(without_a_cache_a_value_is_the_holders)
{
    struct ph_cached held;
    ph_cached_put(NULL, &type, key_of(1).b, number(1), NOW, LATER, &held);
    CHECK(held.owned && !held.set && alive == 1);
    ph_cached_release(&held);
    CHECK(alive == 0);
    ph_cached_release(&held); /* holds nothing */
}

TEST(a_hit_allocates_nothing)
{
    if (!PH_TEST_HEAP_COUNTS)
        SKIP_BECAUSE("a sanitizer stands in for the heap");
    struct ph_attest_cache *cache PH_OWNED(ph_attest_cache_freep) = make(8);
    put(cache, 1);
    const unsigned long before = ph_test_heap();
    for (int i = 0; i < 100; i++)
        CHECK(finds(cache, 1));
    CHECK(ph_test_heap() == before);
}

struct worker {
    struct ph_attest_cache *cache;
    uint64_t state; /* of its own random numbers */
    size_t wrong, hits;
};

/* Look up or make, check, hold two at a time: as judgements do. */
static void *work(void *arg)
{
    struct worker *w = arg;
    struct ph_cached held[2] = {0};
    for (int round = 0; round < 20000; round++) {
        w->state = w->state * 6364136223846793005u + 1442695040888963407u;
        const uint64_t n = w->state >> 60;
        struct ph_cached *h = &held[round % 2];
        ph_cached_release(h);
        if (ph_cached_find(w->cache, &type, key_of(n).b, NOW, h))
            w->hits++;
        else
            ph_cached_put(w->cache, &type, key_of(n).b, number(n), NOW, LATER, h);
        for (int i = 0; i < 2; i++) {
            const struct number *v = held[i].value;
            w->wrong += v && v->n > 15;
        }
        w->wrong += !h->value || ((const struct number *)h->value)->n != n;
        if (round % 64 == 0) { /* somebody for whom all of it is over */
            struct ph_cached gone;
            w->wrong += ph_cached_find(w->cache, &type, key_of(n).b, LATER, &gone);
        }
    }
    ph_cached_release(&held[0]);
    ph_cached_release(&held[1]);
    return NULL;
}

TEST(threads_share_it)
{
    struct ph_attest_cache *cache = make(8);
    struct worker w[4];
    pthread_t thread[4];
    for (size_t i = 0; i < 4; i++) {
        w[i] = (struct worker){cache, i, 0, 0};
        CHECK(pthread_create(&thread[i], NULL, work, &w[i]) == 0);
    }
    for (size_t i = 0; i < 4; i++) {
        CHECK(pthread_join(thread[i], NULL) == 0);
        CHECK(w[i].wrong == 0 && w[i].hits > 0);
    }
    CHECK(alive <= 8);
    ph_attest_cache_free(cache); /* asserts that nothing is held */
    CHECK(alive == 0);
}

PH_TEST_MAIN(CASE(a_size_out_of_range_is_refused),
             CASE(what_was_put_is_found_by_its_whole_key_and_kind),
             CASE(the_least_recently_used_makes_room),
             CASE(what_is_held_stays_and_others_go_without),
             CASE(nothing_is_found_once_it_has_expired),
             CASE(without_a_cache_a_value_is_the_holders), CASE(a_hit_allocates_nothing),
             CASE(threads_share_it))
