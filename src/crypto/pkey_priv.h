#ifndef PH_CRYPTO_PKEY_PRIV_H
#define PH_CRYPTO_PKEY_PRIV_H

/* Between pkey.c (keys and what they do) and pkey_format.c (their encodings). */

#include "crypto/p256_priv.h"
#include "crypto/pkey.h"

#include <openssl/types.h>

enum { PH_PKEY_SCALAR_LEN = 32 };

struct ph_pkey {
    enum ph_pkey_kind kind;
    bool is_private;
    uint8_t pub[PH_P256_PUB_LEN];  /* P-256: x || y; else 32 bytes, then zero */
    uint8_t d[PH_PKEY_SCALAR_LEN]; /* scalar or seed; zero in a public key */
    struct ph_p256_pub *p256;      /* P-256 only */
    EVP_PKEY *evp;                 /* Ed25519 only */
};

/* 64 or 32; 0 for a kind that does not exist. */
size_t ph_pkey_pub_len(enum ph_pkey_kind kind);
/* pub is ph_pkey_pub_len bytes. PH_ERR_MALFORMED: not a point. */
PH_CHECKED enum ph_err ph_pkey_from_public(enum ph_pkey_kind kind, const uint8_t *pub,
                                           struct ph_pkey **out);
/* PH_ERR_MALFORMED: d is not 32 bytes, or out of range, or `pub`, unless NULL, is not its public
 * half. */
PH_CHECKED enum ph_err ph_pkey_from_secret(enum ph_pkey_kind kind, struct ph_bytes d,
                                           const uint8_t *pub, struct ph_pkey **out);

#endif
