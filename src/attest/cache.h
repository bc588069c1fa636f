#ifndef PH_ATTEST_CACHE_H
#define PH_ATTEST_CACHE_H

/* What was found out about bytes, kept between judgements: verified certificate chains, manifests
 * and responses of every maker, by a hash of all that they depend on. Entries are facts about bytes
 * (profile, links, signatures, revocation by a given list); every window is judged anew each time,
 * and no entry is found once the first thing in it has expired.
 *
 * Layer: attest. Thread-safe. A hit allocates nothing. Tests: cache_test.c.
 */

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PH_ATTEST_CACHE_ENTRIES_MAX = 65536, PH_ATTEST_CACHE_KEY_LEN = 32 };

struct ph_attest_cache;

/* entry_cnt: 1..PH_ATTEST_CACHE_ENTRIES_MAX; over 8, a multiple of 8 is used. An entry is a chain
 * (8 KiB of Intel's, 16 of AMD's and NVIDIA's) or an authentic manifest of NVIDIA's (its document
 * and 64 KiB). PH_ERR_LIMIT, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_attest_cache_new(size_t entry_cnt, struct ph_attest_cache **out);
/* Nothing may be held any more. NULL is fine. */
void ph_attest_cache_free(struct ph_attest_cache *cache);
static inline void ph_attest_cache_freep(struct ph_attest_cache **cache)
{
    ph_attest_cache_free(*cache);
}

/* What kind of value an entry holds: a look-up finds its own kind only. Static storage. */
struct ph_cached_type {
    void (*free)(void *value);
};

/* A value for one judgement: held in a cache while `set` is there, else owned. Zero: none. */
struct ph_cached {
    const void *value;
    void *owned; /* freed on release; NULL: the cache's, or somebody else's */
    const struct ph_cached_type *type;
    struct ph_cache_set *set;
    size_t way;
};

/**
 * Look a value up, and hold it: it is neither altered nor freed until ph_cached_release.
 *
 * @cache  NULL finds nothing
 * @key    SHA-256 of all that the value depends on
 * @now_s  the moment that is judged at, Unix seconds: an entry whose until_s has come is dropped
 * @out    written if found, else untouched
 */
PH_CHECKED bool ph_cached_find(struct ph_attest_cache *cache, const struct ph_cached_type *type,
                               const uint8_t key[static PH_ATTEST_CACHE_KEY_LEN], int64_t now_s,
                               struct ph_cached *out);
/**
 * Hold a new value, and give it to the cache: in place of the least recently used of the few
 * entries that may stand there. Where all of these are held, or the value has expired, it stays the
 * holder's own.
 *
 * @cache    NULL: the value stays the holder's own
 * @value    owned, from now on by `out` or the cache; immutable
 * @until_s  from this moment on nobody finds it
 */
void ph_cached_put(struct ph_attest_cache *cache, const struct ph_cached_type *type,
                   const uint8_t key[static PH_ATTEST_CACHE_KEY_LEN], void *value, int64_t now_s,
                   int64_t until_s, struct ph_cached *out);
void ph_cached_release(struct ph_cached *held);

#endif
