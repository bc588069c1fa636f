#include "attest/intel/collateral_priv.h"

#include "base/own.h"
#include "crypto/hash.h"

static void free_value(void *value)
{
    ph_chain_free(value);
}
static const struct ph_cached_type type = {free_value};

/* The facts depend on the chain's bytes and on the list it is judged with, and on nothing else. */
static void cache_key(const struct ph_collateral *collateral, struct ph_bytes pem, uint8_t out[32])
{
    struct ph_sha256 ctx;
    ph_sha256_init(&ctx);
    ph_sha256_update(&ctx, PH_BYTES_OF(collateral->pck_crl_digest));
    ph_sha256_update(&ctx, pem);
    ph_sha256_final(&ctx, out);
}

enum ph_err ph_chain_get(struct ph_attest_cache *cache, const struct ph_collateral *collateral,
                         struct ph_bytes pem, int64_t now_s, struct ph_cached *out)
{
    struct ph_chain *chain PH_OWNED(ph_chain_freep) = NULL;
    uint8_t key[PH_ATTEST_CACHE_KEY_LEN] = {0};

    if (collateral->pck_chain && ph_bytes_equal(pem, collateral->pck_pem)) {
        *out = (struct ph_cached){.value = collateral->pck_chain};
        return PH_OK;
    }
    if (cache) {
        cache_key(collateral, pem, key);
        if (ph_cached_find(cache, &type, key, now_s, out))
            return PH_OK;
    }
    PH_TRY(ph_chain_parse_pck(pem, collateral->info_chain, &chain));
    if (collateral->has_pck_crl)
        ph_chain_judge_crl(chain, &collateral->pck_crl);
    if (cache && chain->leaf_key)
        ph_p256_pub_prepare(chain->leaf_key); /* before other threads see it */
    const int64_t until_s = chain->not_after_s;
    ph_cached_put(cache, &type, key, PH_TAKE(chain), now_s, until_s, out);
    return PH_OK;
}
