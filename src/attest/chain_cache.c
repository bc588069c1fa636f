#include "attest/collateral_priv.h"

#include "base/own.h"
#include "crypto/hash.h"

#include <pthread.h>
#include <stdlib.h>

struct entry {
    uint8_t key[32];
    struct ph_chain *chain; /* NULL: free */
    size_t users;
    uint64_t used; /* tick of last use: the least recently used goes first */
};

struct ph_chain_cache {
    pthread_mutex_t lock;
    uint64_t tick;
    size_t cnt;
    struct entry entry[];
};

enum ph_err ph_chain_cache_new(size_t entry_cnt, struct ph_chain_cache **out)
{
    if (entry_cnt == 0 || entry_cnt > 65536)
        return PH_ERR_LIMIT;
    struct ph_chain_cache *cache = calloc(1, sizeof(*cache) + entry_cnt * sizeof(struct entry));
    if (!cache)
        return PH_ERR_NOMEM;
    if (pthread_mutex_init(&cache->lock, NULL) != 0) {
        free(cache);
        return PH_ERR_NOMEM;
    }
    cache->cnt = entry_cnt;
    *out = cache;
    return PH_OK;
}

void ph_chain_cache_free(struct ph_chain_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < cache->cnt; i++)
        ph_chain_free(cache->entry[i].chain);
    (void)pthread_mutex_destroy(&cache->lock);
    free(cache);
}

/* The facts depend on the chain's bytes and on the list it is judged with, and on nothing else. */
static void cache_key(const struct ph_collateral *collateral, struct ph_bytes pem, uint8_t out[32])
{
    struct ph_sha256 ctx;
    ph_sha256_init(&ctx);
    ph_sha256_update(&ctx, PH_BYTES_OF(collateral->pck_crl_digest));
    ph_sha256_update(&ctx, pem);
    ph_sha256_final(&ctx, out);
}

static bool lookup(struct ph_chain_cache *cache, const uint8_t key[32], struct ph_chain_ref *out)
{
    bool hit = false;
    (void)pthread_mutex_lock(&cache->lock);
    for (size_t i = 0; i < cache->cnt && !hit; i++) {
        struct entry *e = &cache->entry[i];
        if (!e->chain || memcmp(e->key, key, 32) != 0)
            continue;
        e->users++;
        e->used = ++cache->tick;
        *out = (struct ph_chain_ref){.chain = e->chain, .cache = cache, .slot = i};
        hit = true;
    }
    (void)pthread_mutex_unlock(&cache->lock);
    return hit;
}

/* Hand `chain` to the cache, in place of the least recently used entry nobody holds. Where all are
 * held the caller keeps it. */
static void insert(struct ph_chain_cache *cache, const uint8_t key[32], struct ph_chain_ref *ref)
{
    struct entry *victim = NULL;

    (void)pthread_mutex_lock(&cache->lock);
    for (size_t i = 0; i < cache->cnt; i++) {
        struct entry *e = &cache->entry[i];
        if (e->users == 0 && (!victim || e->used < victim->used))
            victim = e;
    }
    if (victim) {
        ph_chain_free(victim->chain);
        *victim = (struct entry){.chain = PH_TAKE(ref->owned), .users = 1, .used = ++cache->tick};
        memcpy(victim->key, key, 32);
        ref->cache = cache;
        ref->slot = (size_t)(victim - cache->entry);
    }
    (void)pthread_mutex_unlock(&cache->lock);
}

enum ph_err ph_chain_ref_get(struct ph_chain_cache *cache, const struct ph_collateral *collateral,
                             struct ph_bytes pem, struct ph_chain_ref *out)
{
    struct ph_chain *chain PH_OWNED(ph_chain_freep) = NULL;
    uint8_t key[32];

    if (collateral->pck_chain && ph_bytes_equal(pem, collateral->pck_pem)) {
        *out = (struct ph_chain_ref){.chain = collateral->pck_chain};
        return PH_OK;
    }
    if (cache) {
        cache_key(collateral, pem, key);
        if (lookup(cache, key, out))
            return PH_OK;
    }
    PH_TRY(ph_chain_parse_pck(pem, collateral->info_chain, &chain));
    if (collateral->has_pck_crl)
        PH_TRY(ph_chain_judge_crl(chain, &collateral->pck_crl));
    *out = (struct ph_chain_ref){.chain = chain};
    out->owned = PH_TAKE(chain);
    if (cache)
        insert(cache, key, out);
    return PH_OK;
}

void ph_chain_ref_release(struct ph_chain_ref *ref)
{
    if (ref->cache) {
        (void)pthread_mutex_lock(&ref->cache->lock);
        ref->cache->entry[ref->slot].users--;
        (void)pthread_mutex_unlock(&ref->cache->lock);
    }
    ph_chain_free(ref->owned);
    *ref = (struct ph_chain_ref){0};
}
