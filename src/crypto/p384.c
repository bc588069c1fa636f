/* What has a secret, by ec_secret.c. Verification is ecdsa_p384.c. */

#include "crypto/p384.h"

#include "crypto/ec_secret_priv.h"
#include "crypto/hash.h"

enum ph_err ph_p384_sign_digest(const uint8_t secret[static PH_P384_SCALAR_LEN],
                                const uint8_t digest[static 48],
                                uint8_t sig[static PH_P384_SIG_LEN])
{
    return ph_ec_sign(PH_EC_P384, secret, (struct ph_bytes){digest, PH_SHA384_LEN}, sig);
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
    return ph_ec_multiply(PH_EC_P384, secret, NULL, xy);
}
