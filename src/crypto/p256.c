/* What has a secret, by libcrypto; verification is ecdsa_p256.c.
 *
 * The EC_KEY and ECDSA_do_* functions are deprecated in OpenSSL 3 in favour of EVP_PKEY. They stay
 * supported and run the same code; EVP makes a key ready in 19 µs instead of 2. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "crypto/p256.h"

#include "base/own.h"
#include "crypto/hash.h"
#include "crypto/ossl_priv.h"
#include "crypto/p256_priv.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <stdlib.h>

static void ec_key_freep(EC_KEY **key)
{
    EC_KEY_free(*key);
}

static void sig_freep(ECDSA_SIG **sig)
{
    ECDSA_SIG_free(*sig);
}

static void bn_clearp(BIGNUM **n)
{
    BN_clear_free(*n);
}

/* An EC_KEY without a key: a copy of the shared group costs 1 µs, a fresh group 13. */
static EC_KEY *key_new(void)
{
    const struct ph_ossl *ossl = ph_ossl();
    EC_KEY *key PH_OWNED(ec_key_freep) = EC_KEY_new_ex(ossl->ctx, NULL);

    if (!key || EC_KEY_set_group(key, ossl->p256) != 1)
        return NULL;
    return PH_TAKE(key);
}

/* The scalar as a number, if it is in 1..n-1. */
static enum ph_err scalar_new(const uint8_t secret[static PH_P256_SCALAR_LEN], BIGNUM **out)
{
    BIGNUM *d PH_OWNED(bn_clearp) = BN_secure_new();

    if (!d || !BN_bin2bn(secret, PH_P256_SCALAR_LEN, d))
        return PH_ERR_NOMEM;
    BN_set_flags(d, BN_FLG_CONSTTIME);
    if (BN_is_zero(d) || BN_cmp(d, EC_GROUP_get0_order(ph_ossl()->p256)) >= 0)
        return PH_ERR_MALFORMED;
    *out = PH_TAKE(d);
    return PH_OK;
}

enum ph_err ph_p256_sign_prehash(const uint8_t secret[static PH_P256_SCALAR_LEN],
                                 struct ph_bytes digest, uint8_t sig[static PH_P256_SIG_LEN])
{
    BIGNUM *d PH_OWNED(bn_clearp) = NULL;
    PH_TRY(scalar_new(secret, &d));

    EC_KEY *key PH_OWNED(ec_key_freep) = key_new();
    if (!key || EC_KEY_set_private_key(key, d) != 1)
        return PH_ERR_NOMEM;
    /* The nonce mixes the key and the digest into fresh randomness (BN_generate_dsa_nonce), so a
     * weak generator alone does not give the key away. */
    ECDSA_SIG *rs PH_OWNED(sig_freep) = ECDSA_do_sign(digest.ptr, (int)digest.len, key);
    if (!rs) {
        ERR_clear_error();
        return PH_ERR_NOMEM;
    }
    uint8_t bytes[PH_P256_SIG_LEN];
    if (BN_bn2binpad(ECDSA_SIG_get0_r(rs), bytes, 32) != 32 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(rs), bytes + 32, 32) != 32)
        return PH_ERR_NOMEM;
    memcpy(sig, bytes, sizeof(bytes));
    return PH_OK;
}

enum ph_err ph_p256_sign_digest(const uint8_t secret[static PH_P256_SCALAR_LEN],
                                const uint8_t digest[static 32],
                                uint8_t sig[static PH_P256_SIG_LEN])
{
    return ph_p256_sign_prehash(secret, (struct ph_bytes){digest, 32}, sig);
}

enum ph_err ph_p256_sign(const uint8_t secret[static PH_P256_SCALAR_LEN], struct ph_bytes message,
                         uint8_t sig[static PH_P256_SIG_LEN])
{
    uint8_t digest[PH_SHA256_LEN];
    ph_sha256(message, digest);
    return ph_p256_sign_digest(secret, digest, sig);
}

/* factor * G, or factor * point. */
static enum ph_err multiply(const BIGNUM *factor, const uint8_t *point_xy,
                            uint8_t xy[static PH_P256_PUB_LEN])
{
    const EC_GROUP *group = ph_ossl()->p256;
    EC_POINT *result = EC_POINT_new(group), *point = NULL;
    uint8_t octets[1 + PH_P256_PUB_LEN];
    enum ph_err err = PH_ERR_NOMEM;

    if (!result)
        goto done;
    if (point_xy) {
        octets[0] = POINT_CONVERSION_UNCOMPRESSED;
        memcpy(octets + 1, point_xy, PH_P256_PUB_LEN);
        point = EC_POINT_new(group);
        if (!point)
            goto done;
        err = PH_ERR_MALFORMED;
        if (EC_POINT_oct2point(group, point, octets, sizeof(octets), NULL) != 1)
            goto done;
    }
    err = PH_ERR_NOMEM;
    if (EC_POINT_mul(group, result, point ? NULL : factor, point, point ? factor : NULL, NULL) !=
            1 ||
        EC_POINT_point2oct(group, result, POINT_CONVERSION_UNCOMPRESSED, octets, sizeof(octets),
                           NULL) != sizeof(octets))
        goto done;
    memcpy(xy, octets + 1, PH_P256_PUB_LEN);
    err = PH_OK;
done:
    if (err != PH_OK)
        ERR_clear_error();
    EC_POINT_clear_free(result);
    EC_POINT_free(point);
    ph_wipe(octets, sizeof(octets));
    return err;
}

enum ph_err ph_p256_public(const uint8_t secret[static PH_P256_SCALAR_LEN],
                           uint8_t xy[static PH_P256_PUB_LEN])
{
    BIGNUM *d PH_OWNED(bn_clearp) = NULL;
    PH_TRY(scalar_new(secret, &d));
    return multiply(d, NULL, xy);
}

enum ph_err ph_p256_ecdh(const uint8_t secret[static PH_P256_SCALAR_LEN],
                         const uint8_t peer[static PH_P256_PUB_LEN], uint8_t shared[static 32])
{
    uint8_t xy[PH_P256_PUB_LEN];
    BIGNUM *d PH_OWNED(bn_clearp) = NULL;

    PH_TRY(scalar_new(secret, &d));
    PH_TRY(multiply(d, peer, xy));
    memcpy(shared, xy, 32);
    ph_wipe(xy, sizeof(xy));
    return PH_OK;
}

enum ph_err ph_p256_decompress(const uint8_t octets[static 33], uint8_t xy[static PH_P256_PUB_LEN])
{
    const EC_GROUP *group = ph_ossl()->p256;
    EC_POINT *point = EC_POINT_new(group);
    uint8_t full[1 + PH_P256_PUB_LEN];

    if (!point)
        return PH_ERR_NOMEM;
    const bool ok = (octets[0] == 2 || octets[0] == 3) &&
                    EC_POINT_oct2point(group, point, octets, 33, NULL) == 1 &&
                    EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, full,
                                       sizeof(full), NULL) == sizeof(full);
    EC_POINT_free(point);
    if (!ok) {
        ERR_clear_error();
        return PH_ERR_MALFORMED;
    }
    memcpy(xy, full + 1, PH_P256_PUB_LEN);
    return PH_OK;
}
