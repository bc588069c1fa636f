#ifndef PH_CRYPTO_P256_PRIV_H
#define PH_CRYPTO_P256_PRIV_H

/* P-256 with digests of other hashes, ECDH and compressed points: for pkey.c. */

#include "crypto/p256.h"

/* Digest of 20 to 64 bytes; FIPS 186-5 §6.4.1 takes its leftmost 256 bits. */
PH_CHECKED enum ph_err ph_p256_verify_prehash(const struct ph_p256_pub *pub, struct ph_bytes digest,
                                              const uint8_t sig[static PH_P256_SIG_LEN]);
PH_CHECKED enum ph_err ph_p256_sign_prehash(const uint8_t secret[static PH_P256_SCALAR_LEN],
                                            struct ph_bytes digest,
                                            uint8_t sig[static PH_P256_SIG_LEN]);
/* x coordinate of secret * peer. PH_ERR_MALFORMED: scalar out of range or peer off the curve. */
PH_CHECKED enum ph_err ph_p256_ecdh(const uint8_t secret[static PH_P256_SCALAR_LEN],
                                    const uint8_t peer[static PH_P256_PUB_LEN],
                                    uint8_t shared[static 32]);
/* 0x02 or 0x03 || x to x || y. PH_ERR_MALFORMED: not a point. */
PH_CHECKED enum ph_err ph_p256_decompress(const uint8_t octets[static 33],
                                          uint8_t xy[static PH_P256_PUB_LEN]);

#endif
