/* What has a secret, by ec_secret.c; and compressed points. Verification is ecdsa_p256.c. */

#include "crypto/p256.h"

#include "crypto/ec_secret_priv.h"
#include "crypto/hash.h"
#include "crypto/ossl_priv.h"
#include "crypto/p256_priv.h"

#include <openssl/ec.h>
#include <openssl/err.h>

enum ph_err ph_p256_sign_prehash(const uint8_t secret[static PH_P256_SCALAR_LEN],
                                 struct ph_bytes digest, uint8_t sig[static PH_P256_SIG_LEN])
{
    return ph_ec_sign(PH_EC_P256, secret, digest, sig);
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

enum ph_err ph_p256_public(const uint8_t secret[static PH_P256_SCALAR_LEN],
                           uint8_t xy[static PH_P256_PUB_LEN])
{
    return ph_ec_multiply(PH_EC_P256, secret, NULL, xy);
}

enum ph_err ph_p256_ecdh(const uint8_t secret[static PH_P256_SCALAR_LEN],
                         const uint8_t peer[static PH_P256_PUB_LEN], uint8_t shared[static 32])
{
    uint8_t xy[PH_P256_PUB_LEN];

    PH_TRY(ph_ec_multiply(PH_EC_P256, secret, peer, xy));
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
