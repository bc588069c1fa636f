#ifndef PH_CRYPTO_HASH_H
#define PH_CRYPTO_HASH_H

/* SHA-2 and Keccak-256.
 *
 * Layer: crypto. Spec: FIPS 180-4; Keccak submission 3.0 (padding 0x01, as Ethereum uses it, not
 * SHA-3's 0x06). Tests: hash_test.c.
 */

#include "base/bytes.h"
#include "base/ids.h"

enum {
    PH_SHA256_LEN = 32,
    PH_SHA384_LEN = 48,
    PH_SHA512_LEN = 64,
    PH_KECCAK256_LEN = 32,
};

/* One-shot digests. No allocation, no library lookup per call: they sit on the path of every call's
 * receipt. */
void ph_sha256(struct ph_bytes data, uint8_t out[static PH_SHA256_LEN]);
void ph_sha384(struct ph_bytes data, uint8_t out[static PH_SHA384_LEN]);
void ph_sha512(struct ph_bytes data, uint8_t out[static PH_SHA512_LEN]);
void ph_keccak256(struct ph_bytes data, uint8_t out[static PH_KECCAK256_LEN]);

/* Incremental SHA-256, in the caller's storage. final leaves the context unusable until init. */
struct ph_sha256 {
    _Alignas(8) uint8_t opaque[128];
};
void ph_sha256_init(struct ph_sha256 *ctx);
void ph_sha256_update(struct ph_sha256 *ctx, struct ph_bytes data);
void ph_sha256_final(struct ph_sha256 *ctx, uint8_t out[static PH_SHA256_LEN]);

#endif
