#include "attest/cache.h"

#include "base/own.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { WAYS_MAX = 8 };

struct entry {
    uint8_t key[PH_ATTEST_CACHE_KEY_LEN];
    const struct ph_cached_type *type;
    void *value; /* NULL: free */
    int64_t until_s;
    size_t users;
    uint64_t used; /* tick of last use: the least recently used goes first */
};

/* Entries whose keys start alike share a lock, so that threads with different platforms do not
 * wait for each other, and a look-up compares a handful of keys; nothing is computed under it. Keys
 * are SHA-256: nobody fills one set on purpose without 2^16 chains that each cost the verifier
 * several signature checks. */
struct ph_cache_set {
    pthread_mutex_t lock;
    uint64_t tick;
    struct entry entry[WAYS_MAX];
};

struct ph_attest_cache {
    size_t set_cnt, ways;
    struct ph_cache_set set[];
};

enum ph_err ph_attest_cache_new(size_t entry_cnt, struct ph_attest_cache **out)
{
    if (entry_cnt == 0 || entry_cnt > PH_ATTEST_CACHE_ENTRIES_MAX)
        return PH_ERR_LIMIT;
    const size_t ways = entry_cnt < WAYS_MAX ? entry_cnt : WAYS_MAX, set_cnt = entry_cnt / ways;
    struct ph_attest_cache *cache PH_OWNED(ph_attest_cache_freep) =
        calloc(1, sizeof(*cache) + set_cnt * sizeof(cache->set[0]));

    if (!cache)
        return PH_ERR_NOMEM;
    cache->ways = ways;
    for (; cache->set_cnt < set_cnt; cache->set_cnt++) {
        if (pthread_mutex_init(&cache->set[cache->set_cnt].lock, NULL) != 0)
            return PH_ERR_NOMEM;
    }
    *out = PH_TAKE(cache);
    return PH_OK;
}

static void drop(const struct ph_cached_type *type, void *value)
{
    if (value)
        type->free(value);
}

void ph_attest_cache_free(struct ph_attest_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < cache->set_cnt; i++) {
        for (size_t way = 0; way < cache->ways; way++) {
            const struct entry *e = &cache->set[i].entry[way];
            assert(e->users == 0);
            drop(e->type, e->value);
        }
        (void)pthread_mutex_destroy(&cache->set[i].lock);
    }
    free(cache);
}

static struct ph_cache_set *set_of(struct ph_attest_cache *cache, const uint8_t *key)
{
    return &cache->set[((size_t)key[0] << 8 | key[1]) % cache->set_cnt];
}

bool ph_cached_find(struct ph_attest_cache *cache, const struct ph_cached_type *type,
                    const uint8_t key[static PH_ATTEST_CACHE_KEY_LEN], int64_t now_s,
                    struct ph_cached *out)
{
    void *expired = NULL;
    bool hit = false;

    if (!cache)
        return false;
    struct ph_cache_set *set = set_of(cache, key);
    (void)pthread_mutex_lock(&set->lock);
    for (size_t i = 0; i < cache->ways && !hit && !expired; i++) {
        struct entry *e = &set->entry[i];
        if (!e->value || e->type != type || memcmp(e->key, key, sizeof(e->key)) != 0)
            continue;
        if (now_s < e->until_s) {
            e->users++;
            e->used = ++set->tick;
            *out = (struct ph_cached){.value = e->value, .type = e->type, .set = set, .way = i};
            hit = true;
        } else if (e->users == 0) {
            expired = e->value;
            *e = (struct entry){0};
        }
    }
    (void)pthread_mutex_unlock(&set->lock);
    drop(type, expired);
    return hit;
}

/* Hand the owned value over, in place of the entry that was not used for longest and that nobody
 * holds; where there is none the holder keeps it. */
static void insert(struct ph_attest_cache *cache, const uint8_t *key, int64_t until_s,
                   struct ph_cached *held)
{
    struct ph_cache_set *set = set_of(cache, key);
    struct entry *victim = NULL, old = {0};

    (void)pthread_mutex_lock(&set->lock);
    for (size_t i = 0; i < cache->ways; i++) {
        struct entry *e = &set->entry[i];
        if (e->users == 0 && (!victim || e->used < victim->used))
            victim = e;
    }
    if (victim) {
        old = *victim;
        *victim = (struct entry){.type = held->type,
                                 .value = PH_TAKE(held->owned),
                                 .until_s = until_s,
                                 .users = 1,
                                 .used = ++set->tick};
        memcpy(victim->key, key, sizeof(victim->key));
        held->set = set;
        held->way = (size_t)(victim - set->entry);
    }
    (void)pthread_mutex_unlock(&set->lock);
    drop(old.type, old.value);
}

void ph_cached_put(struct ph_attest_cache *cache, const struct ph_cached_type *type,
                   const uint8_t key[static PH_ATTEST_CACHE_KEY_LEN], void *value, int64_t now_s,
                   int64_t until_s, struct ph_cached *out)
{
    *out = (struct ph_cached){.value = value, .owned = value, .type = type};
    if (cache && now_s < until_s)
        insert(cache, key, until_s, out);
}

void ph_cached_release(struct ph_cached *held)
{
    if (held->set) {
        (void)pthread_mutex_lock(&held->set->lock);
        held->set->entry[held->way].users--;
        (void)pthread_mutex_unlock(&held->set->lock);
    }
    drop(held->type, held->owned);
    *held = (struct ph_cached){0};
}
