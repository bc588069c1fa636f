/* What has a secret, by libcrypto; verification is ecdsa_p384.c. EC_KEY and ECDSA_do_*, deprecated
 * in OpenSSL 3, for the reason p256.c gives. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "crypto/p384.h"

#include "base/own.h"
#include "crypto/hash.h"
#include "crypto/ossl_priv.h"

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

static void point_clearp(EC_POINT **point)
{
    EC_POINT_clear_free(*point);
}

static EC_KEY *key_new(void)
{
    const struct ph_ossl *ossl = ph_ossl();
    EC_KEY *key PH_OWNED(ec_key_freep) = EC_KEY_new_ex(ossl->ctx, NULL);

    if (!key || EC_KEY_set_group(key, ossl->p384) != 1)
        return NULL;
    return PH_TAKE(key);
}

/* The scalar as a number, if it is in 1..n-1. */
static enum ph_err scalar_new(const uint8_t secret[static PH_P384_SCALAR_LEN], BIGNUM **out)
{
    BIGNUM *d PH_OWNED(bn_clearp) = BN_secure_new();

    if (!d || !BN_bin2bn(secret, PH_P384_SCALAR_LEN, d))
        return PH_ERR_NOMEM;
    BN_set_flags(d, BN_FLG_CONSTTIME);
    if (BN_is_zero(d) || BN_cmp(d, EC_GROUP_get0_order(ph_ossl()->p384)) >= 0)
        return PH_ERR_MALFORMED;
    *out = PH_TAKE(d);
    return PH_OK;
}

enum ph_err ph_p384_sign_digest(const uint8_t secret[static PH_P384_SCALAR_LEN],
                                const uint8_t digest[static 48],
                                uint8_t sig[static PH_P384_SIG_LEN])
{
    BIGNUM *d PH_OWNED(bn_clearp) = NULL;
    PH_TRY(scalar_new(secret, &d));

    EC_KEY *key PH_OWNED(ec_key_freep) = key_new();
    if (!key || EC_KEY_set_private_key(key, d) != 1)
        return PH_ERR_NOMEM;
    ECDSA_SIG *rs PH_OWNED(sig_freep) = ECDSA_do_sign(digest, PH_SHA384_LEN, key);
    if (!rs) {
        ERR_clear_error();
        return PH_ERR_NOMEM;
    }
    uint8_t bytes[PH_P384_SIG_LEN];
    if (BN_bn2binpad(ECDSA_SIG_get0_r(rs), bytes, PH_P384_SCALAR_LEN) != PH_P384_SCALAR_LEN ||
        BN_bn2binpad(ECDSA_SIG_get0_s(rs), bytes + PH_P384_SCALAR_LEN, PH_P384_SCALAR_LEN) !=
            PH_P384_SCALAR_LEN)
        return PH_ERR_NOMEM;
    memcpy(sig, bytes, sizeof(bytes));
    return PH_OK;
}

enum ph_err ph_p384_sign(const uint8_t secret[static PH_P384_SCALAR_LEN], struct ph_bytes message,
                         uint8_t sig[static PH_P384_SIG_LEN])
{
    uint8_t digest[PH_SHA384_LEN];
    ph_sha384(message, digest);
    return ph_p384_sign_digest(secret, digest, sig);
}

enum ph_err ph_p384_public(const uint8_t secret[static PH_P384_SCALAR_LEN],
                           uint8_t xy[static PH_P384_PUB_LEN])
{
    const EC_GROUP *group = ph_ossl()->p384;
    uint8_t octets[1 + PH_P384_PUB_LEN];
    BIGNUM *d PH_OWNED(bn_clearp) = NULL;
    PH_TRY(scalar_new(secret, &d));

    EC_POINT *point PH_OWNED(point_clearp) = EC_POINT_new(group);
    if (!point || EC_POINT_mul(group, point, d, NULL, NULL, NULL) != 1 ||
        EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, octets, sizeof(octets),
                           NULL) != sizeof(octets)) {
        ERR_clear_error();
        return PH_ERR_NOMEM;
    }
    memcpy(xy, octets + 1, PH_P384_PUB_LEN);
    return PH_OK;
}
