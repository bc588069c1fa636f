/* HMAC, HKDF and PBKDF2 over the hashes of hash.c. Written out because OpenSSL's EVP_MAC and
 * EVP_KDF allocate and look up per call: these sit on the path of every derived key. */

#include "crypto/aead.h"
#include "crypto/hash_priv.h"

/* RFC 2104 §2 */
void ph_hmac_init(struct ph_hmac_ctx *ctx, enum ph_hash_alg alg, struct ph_bytes key)
{
    const size_t block = ph_hash_block_len(alg);
    uint8_t k[128] = {0}, pad[128];

    if (key.len > block) {
        ph_hash_init(&ctx->inner, alg);
        ph_hash_update(&ctx->inner, key);
        ph_hash_final(&ctx->inner, k);
    } else if (key.len > 0) {
        memcpy(k, key.ptr, key.len);
    }
    for (size_t i = 0; i < block; i++)
        pad[i] = k[i] ^ 0x36;
    ph_hash_init(&ctx->inner, alg);
    ph_hash_update(&ctx->inner, (struct ph_bytes){pad, block});
    for (size_t i = 0; i < block; i++)
        pad[i] = k[i] ^ 0x5c;
    ph_hash_init(&ctx->outer, alg);
    ph_hash_update(&ctx->outer, (struct ph_bytes){pad, block});
    ph_wipe(k, sizeof(k));
    ph_wipe(pad, sizeof(pad));
}

void ph_hmac_final(struct ph_hmac_ctx *ctx, uint8_t *out)
{
    uint8_t digest[PH_HASH_MAX_LEN];
    const size_t len = ph_hash_len(ctx->inner.alg);

    ph_hash_final(&ctx->inner, digest);
    ph_hash_update(&ctx->outer, (struct ph_bytes){digest, len});
    ph_hash_final(&ctx->outer, out);
    ph_wipe(digest, sizeof(digest));
    ph_wipe(ctx, sizeof(*ctx));
}

static void hmac_once(enum ph_hash_alg alg, struct ph_bytes key, struct ph_bytes data, uint8_t *out)
{
    struct ph_hmac_ctx ctx;

    ph_hmac_init(&ctx, alg, key);
    ph_hash_update(&ctx.inner, data);
    ph_hmac_final(&ctx, out);
}

enum ph_err ph_hmac(enum ph_hash_alg alg, struct ph_bytes key, struct ph_bytes data,
                    uint8_t out[static PH_HASH_MAX_LEN])
{
    if (ph_hash_len(alg) == 0)
        return PH_ERR_UNSUPPORTED;
    hmac_once(alg, key, data, out);
    return PH_OK;
}

enum ph_err ph_hmac_verify(enum ph_hash_alg alg, struct ph_bytes key, struct ph_bytes data,
                           struct ph_bytes mac)
{
    uint8_t want[PH_HASH_MAX_LEN];

    PH_TRY(ph_hmac(alg, key, data, want));
    const bool same = mac.len == ph_hash_len(alg) && ph_ct_equal(want, mac.ptr, mac.len);
    ph_wipe(want, sizeof(want));
    if (!same)
        return PH_ERR_UNTRUSTED;
    return PH_OK;
}

void ph_hmac_sha256(struct ph_bytes key, struct ph_bytes data, uint8_t out[static 32])
{
    hmac_once(PH_HASH_SHA256, key, data, out);
}

/* RFC 5869 §2.2, §2.3 */
enum ph_err ph_hkdf(enum ph_hash_alg alg, struct ph_bytes ikm, struct ph_bytes salt,
                    struct ph_bytes info, uint8_t *out, size_t out_len)
{
    const size_t len = ph_hash_len(alg);
    uint8_t prk[PH_HASH_MAX_LEN], t[PH_HASH_MAX_LEN];

    if (len == 0)
        return PH_ERR_UNSUPPORTED;
    if (out_len > 255 * len)
        return PH_ERR_LIMIT;

    /* An absent salt is a block of zeros, which as an HMAC key equals the empty key. */
    hmac_once(alg, salt, ikm, prk);
    struct ph_hmac_ctx start;
    ph_hmac_init(&start, alg, (struct ph_bytes){prk, len});
    uint8_t counter = 0;
    for (size_t at = 0; at < out_len; at += len) {
        struct ph_hmac_ctx ctx = start;
        if (counter > 0)
            ph_hash_update(&ctx.inner, (struct ph_bytes){t, len});
        counter++;
        ph_hash_update(&ctx.inner, info);
        ph_hash_update(&ctx.inner, (struct ph_bytes){&counter, 1});
        ph_hmac_final(&ctx, t);
        memcpy(out + at, t, out_len - at < len ? out_len - at : len);
    }
    ph_wipe(&start, sizeof(start));
    ph_wipe(prk, sizeof(prk));
    ph_wipe(t, sizeof(t));
    return PH_OK;
}

enum ph_err ph_hkdf_sha256(struct ph_bytes ikm, struct ph_bytes salt, struct ph_bytes info,
                           uint8_t *out, size_t out_len)
{
    return ph_hkdf(PH_HASH_SHA256, ikm, salt, info, out, out_len);
}

/* One block T_i of RFC 8018 §5.2. `start` holds the password's states. */
static void pbkdf2_block(const struct ph_hmac_ctx *start, struct ph_bytes salt, uint32_t rounds,
                         uint32_t index, uint8_t *t)
{
    const size_t len = ph_hash_len(start->inner.alg);
    uint8_t u[PH_HASH_MAX_LEN], be[4];
    struct ph_hmac_ctx ctx = *start;

    ph_put_u32be(be, index);
    ph_hash_update(&ctx.inner, salt);
    ph_hash_update(&ctx.inner, PH_BYTES_OF(be));
    ph_hash_final(&ctx.inner, u);
    ph_hash_update(&ctx.outer, (struct ph_bytes){u, len});
    ph_hash_final(&ctx.outer, u);
    memcpy(t, u, len);
    for (uint32_t i = 1; i < rounds; i++) {
        ctx = *start;
        ph_hash_update(&ctx.inner, (struct ph_bytes){u, len});
        ph_hash_final(&ctx.inner, u);
        ph_hash_update(&ctx.outer, (struct ph_bytes){u, len});
        ph_hash_final(&ctx.outer, u);
        for (size_t j = 0; j < len; j++)
            t[j] ^= u[j];
    }
    ph_wipe(&ctx, sizeof(ctx));
    ph_wipe(u, sizeof(u));
}

enum ph_err ph_pbkdf2(enum ph_hash_alg alg, struct ph_bytes password, struct ph_bytes salt,
                      uint32_t rounds, uint8_t *out, size_t out_len)
{
    const size_t len = ph_hash_len(alg);
    uint8_t t[PH_HASH_MAX_LEN];
    struct ph_hmac_ctx start;

    if (len == 0)
        return PH_ERR_UNSUPPORTED;
    if (rounds == 0)
        return PH_ERR_MALFORMED;
    if (out_len / len >= UINT32_MAX)
        return PH_ERR_LIMIT;

    ph_hmac_init(&start, alg, password);
    uint32_t index = 0;
    for (size_t at = 0; at < out_len; at += len) {
        pbkdf2_block(&start, salt, rounds, ++index, t);
        memcpy(out + at, t, out_len - at < len ? out_len - at : len);
    }
    ph_wipe(&start, sizeof(start));
    ph_wipe(t, sizeof(t));
    return PH_OK;
}

enum ph_err ph_pbkdf2_sha256(struct ph_bytes password, struct ph_bytes salt, uint32_t rounds,
                             uint8_t *out, size_t out_len)
{
    return ph_pbkdf2(PH_HASH_SHA256, password, salt, rounds, out, out_len);
}
