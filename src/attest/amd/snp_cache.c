#include "attest/amd/snp_chain.h"

#include "base/own.h"
#include "crypto/hash.h"

#include <pthread.h>
#include <stdlib.h>

enum { WAYS_MAX = 8, ENTRIES_MAX = 65536 };

struct entry {
    uint8_t key[32];
    struct ph_snp_chain *chain; /* NULL: free */
    size_t users;
    uint64_t used; /* tick of last use: the least recently used goes first */
};

/* As intel/chain_cache.c: entries whose keys start alike share a lock, so that threads with
 * different platforms do not wait for each other; nothing is computed under it. */
struct ph_snp_cache_set {
    pthread_mutex_t lock;
    uint64_t tick;
    struct entry entry[WAYS_MAX];
};

struct ph_snp_cache {
    size_t set_cnt, ways;
    struct ph_snp_cache_set set[];
};

enum ph_err ph_snp_cache_new(size_t entry_cnt, struct ph_snp_cache **out)
{
    if (entry_cnt == 0 || entry_cnt > ENTRIES_MAX)
        return PH_ERR_LIMIT;
    const size_t ways = entry_cnt < WAYS_MAX ? entry_cnt : WAYS_MAX, set_cnt = entry_cnt / ways;
    struct ph_snp_cache *cache PH_OWNED(ph_snp_cache_freep) =
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

void ph_snp_cache_free(struct ph_snp_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < cache->set_cnt; i++) {
        for (size_t way = 0; way < cache->ways; way++)
            ph_snp_chain_free(cache->set[i].entry[way].chain);
        (void)pthread_mutex_destroy(&cache->set[i].lock);
    }
    free(cache);
}

/* The facts depend on these bytes and nothing else: built-in certificates follow from the VEK's.
 * Lengths go in too, so that no bytes can move from one input to the next. */
static void cache_key(const struct ph_snp_chain_source *s, uint8_t out[static 32])
{
    const struct ph_bytes parts[] = {s->vek, s->chain, s->ask, s->ark, s->crl};
    struct ph_sha256 ctx;
    uint8_t len[8];

    ph_sha256_init(&ctx);
    for (size_t i = 0; i < PH_LEN(parts); i++) {
        ph_put_u64le(len, parts[i].len);
        ph_sha256_update(&ctx, PH_BYTES_OF(len));
        ph_sha256_update(&ctx, parts[i]);
    }
    ph_sha256_final(&ctx, out);
}

static struct ph_snp_cache_set *set_of(struct ph_snp_cache *cache, const uint8_t key[static 32])
{
    return &cache->set[((size_t)key[0] << 8 | key[1]) % cache->set_cnt];
}

static bool lookup(struct ph_snp_cache *cache, const uint8_t key[static 32],
                   struct ph_snp_chain_ref *out)
{
    struct ph_snp_cache_set *set = set_of(cache, key);
    bool hit = false;

    (void)pthread_mutex_lock(&set->lock);
    for (size_t i = 0; i < cache->ways && !hit; i++) {
        struct entry *e = &set->entry[i];
        if (!e->chain || memcmp(e->key, key, 32) != 0)
            continue;
        e->users++;
        e->used = ++set->tick;
        *out = (struct ph_snp_chain_ref){.chain = e->chain, .set = set, .way = i};
        hit = true;
    }
    (void)pthread_mutex_unlock(&set->lock);
    return hit;
}

/* Hand the owned chain to the cache, in place of the least recently used entry nobody holds. Where
 * all are held the caller keeps it. */
static void insert(struct ph_snp_cache *cache, const uint8_t key[static 32],
                   struct ph_snp_chain_ref *ref)
{
    struct ph_snp_cache_set *set = set_of(cache, key);
    struct ph_snp_chain *old = NULL;
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
    ph_snp_chain_free(old);
}

enum ph_err ph_snp_chain_get(struct ph_snp_cache *cache, const struct ph_snp_chain_source *source,
                             struct ph_snp_chain_ref *out, enum ph_check *reterr)
{
    struct ph_snp_chain *chain PH_OWNED(ph_snp_chain_freep) = NULL;
    uint8_t key[32];

    if (cache) {
        cache_key(source, key);
        if (lookup(cache, key, out))
            return PH_OK;
    }
    PH_TRY(ph_snp_chain_new(source, &chain, reterr));
    if (cache) /* the key will serve more than once */
        ph_p384_pub_prepare(&chain->key);
    *out = (struct ph_snp_chain_ref){.chain = chain};
    out->owned = PH_TAKE(chain);
    if (cache)
        insert(cache, key, out);
    return PH_OK;
}

void ph_snp_chain_release(struct ph_snp_chain_ref *ref)
{
    if (ref->set) {
        (void)pthread_mutex_lock(&ref->set->lock);
        ref->set->entry[ref->way].users--;
        (void)pthread_mutex_unlock(&ref->set->lock);
    }
    ph_snp_chain_free(ref->owned);
    *ref = (struct ph_snp_chain_ref){0};
}
