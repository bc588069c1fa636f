#include "attest/amd/snp_chain.h"

#include "base/own.h"
#include "crypto/hash.h"

static void free_value(void *value)
{
    ph_snp_chain_free(value);
}
static const struct ph_cached_type type = {free_value};

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

enum ph_err ph_snp_chain_get(struct ph_attest_cache *cache,
                             const struct ph_snp_chain_source *source, int64_t now_s,
                             struct ph_cached *out, enum ph_check *reterr)
{
    struct ph_snp_chain *chain PH_OWNED(ph_snp_chain_freep) = NULL;
    uint8_t key[PH_ATTEST_CACHE_KEY_LEN] = {0};

    if (cache) {
        cache_key(source, key);
        if (ph_cached_find(cache, &type, key, now_s, out))
            return PH_OK;
    }
    PH_TRY(ph_snp_chain_new(source, &chain, reterr));
    if (cache) /* the key will serve more than once */
        ph_p384_pub_prepare(&chain->key);
    const int64_t until_s = chain->not_after_s;
    ph_cached_put(cache, &type, key, PH_TAKE(chain), now_s, until_s, out);
    return PH_OK;
}
