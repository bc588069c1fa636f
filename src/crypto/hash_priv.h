#ifndef PH_CRYPTO_HASH_PRIV_H
#define PH_CRYPTO_HASH_PRIV_H

/* Any of the hashes, incrementally, in the caller's storage: what HMAC, HKDF, PBKDF2 and ECDSA
 * build on. No allocation, no lookup.
 */

#include "crypto/pkey.h"

#include <openssl/sha.h>

struct ph_hash_ctx {
    enum ph_hash_alg alg;
    union {
        SHA_CTX sha1;
        SHA256_CTX sha256;
        SHA512_CTX sha512; /* SHA-384 too */
    } u;
};

/* alg is a real hash: callers check ph_hash_len first. */
void ph_hash_init(struct ph_hash_ctx *ctx, enum ph_hash_alg alg);
void ph_hash_update(struct ph_hash_ctx *ctx, struct ph_bytes data);
void ph_hash_final(struct ph_hash_ctx *ctx, uint8_t *out);

/* HMAC in the same manner. `inner` and `outer` after init hold the key's two states and may be
 * copied to start again (PBKDF2). */
struct ph_hmac_ctx {
    struct ph_hash_ctx inner, outer;
};
void ph_hmac_init(struct ph_hmac_ctx *ctx, enum ph_hash_alg alg, struct ph_bytes key);
void ph_hmac_final(struct ph_hmac_ctx *ctx, uint8_t *out);

#endif
