#include "attest/intel/collateral_priv.h"

#include "base/own.h"
#include "crypto/hash.h"

#include <pthread.h>
#include <stdlib.h>

enum { WAYS_MAX = 8 };

struct entry {
    uint8_t key[32];
    struct ph_chain *chain; /* NULL: free */
    size_t users;
    uint64_t used; /* tick of last use: the least recently used goes first */
};

/* Entries whose keys start alike share a lock, so that threads with different platforms do not
 * wait for each other, and a look-up compares a handful of keys. Keys are SHA-256: nobody fills one
 * set on purpose without 2^16 chains that each cost the verifier three signature checks. */
struct set {
    pthread_mutex_t lock;
    uint64_t tick;
    struct entry entry[WAYS_MAX];
};

struct ph_chain_cache {
    size_t set_cnt, ways;
    struct set set[];
};

enum ph_err ph_chain_cache_new(size_t entry_cnt, struct ph_chain_cache **out)
{
    if (entry_cnt == 0 || entry_cnt > 65536)
        return PH_ERR_LIMIT;
    const size_t ways = entry_cnt < WAYS_MAX ? entry_cnt : WAYS_MAX;
    const size_t set_cnt = entry_cnt / ways;
    struct ph_chain_cache *cache PH_OWNED(ph_chain_cache_freep) =
        calloc(1, sizeof(*cache) + set_cnt * sizeof(struct set));

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

void ph_chain_cache_free(struct ph_chain_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < cache->set_cnt; i++) {
        for (size_t way = 0; way < cache->ways; way++)
            ph_chain_free(cache->set[i].entry[way].chain);
        (void)pthread_mutex_destroy(&cache->set[i].lock);
    }
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

static struct set *set_of(struct ph_chain_cache *cache, const uint8_t key[32])
{
    return &cache->set[((size_t)key[0] << 8 | key[1]) % cache->set_cnt];
}

static bool lookup(struct ph_chain_cache *cache, const uint8_t key[32], struct ph_chain_ref *out)
{
    struct set *set = set_of(cache, key);
    bool hit = false;

    (void)pthread_mutex_lock(&set->lock);
    for (size_t i = 0; i < cache->ways && !hit; i++) {
        struct entry *e = &set->entry[i];
        if (!e->chain || memcmp(e->key, key, 32) != 0)
            continue;
        e->users++;
        e->used = ++set->tick;
        *out = (struct ph_chain_ref){.chain = e->chain, .set = set, .way = i};
        hit = true;
    }
    (void)pthread_mutex_unlock(&set->lock);
    return hit;
}

/* Hand `chain` to the cache, in place of the least recently used entry nobody holds. Where all are
 * held the caller keeps it. */
static void insert(struct ph_chain_cache *cache, const uint8_t key[32], struct ph_chain_ref *ref)
{
    struct set *set = set_of(cache, key);
    struct ph_chain *old = NULL;
    struct entry *victim = NULL;

    (void)pthread_mutex_lock(&set->lock);
    for (size_t i = 0; i < cache->ways; i++) {
        struct entry *e = &set->entry[i];
        if (e->users == 0 && (!victim || e->used < victim->used))
            victim = e;
    }
    if (victim) {
        old = victim->chain;
        *victim = (struct entry){.chain = PH_TAKE(ref->owned), .users = 1, .used = ++set->tick};
        memcpy(victim->key, key, 32);
        ref->set = set;
        ref->way = (size_t)(victim - set->entry);
    }
    (void)pthread_mutex_unlock(&set->lock);
    ph_chain_free(old);
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
    if (cache && chain->leaf_key)
        ph_p256_pub_prepare(chain->leaf_key); /* before other threads see it */
    *out = (struct ph_chain_ref){.chain = chain};
    out->owned = PH_TAKE(chain);
    if (cache)
        insert(cache, key, out);
    return PH_OK;
}

void ph_chain_ref_release(struct ph_chain_ref *ref)
{
    if (ref->set) {
        (void)pthread_mutex_lock(&ref->set->lock);
        ref->set->entry[ref->way].users--;
        (void)pthread_mutex_unlock(&ref->set->lock);
    }
    ph_chain_free(ref->owned);
    *ref = (struct ph_chain_ref){0};
}
