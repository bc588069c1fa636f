#ifndef PH_CRYPTO_HASH_H
#define PH_CRYPTO_HASH_H

/* SHA-2 and Keccak-256.
 *
 * Layer: crypto. Spec: FIPS 180-4; Keccak submission 3.0 (padding 0x01, as Ethereum uses it, not
 * SHA-3's 0x06). Tests: hash_test.c, sha256_pair_test.c.
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

/* SHA-256 of two messages that have nothing to do with each other: where the processor has the SHA
 * instructions, in little more than half the time for the blocks that both have (sha256_pair.c);
 * otherwise one after the other. pair_from begins at the states of contexts that went through init
 * and update, which stay as they are, and may be the same; it is fast for those that have hashed
 * whole blocks of 64 bytes, and for others if no more than 119 bytes are left to hash. An output
 * overlaps no input. Not for secrets: the stack is not wiped. */
void ph_sha256_pair(struct ph_bytes a, struct ph_bytes b, uint8_t out_a[static PH_SHA256_LEN],
                    uint8_t out_b[static PH_SHA256_LEN]);
void ph_sha256_pair_from(const struct ph_sha256 *from_a, const struct ph_sha256 *from_b,
                         struct ph_bytes a, struct ph_bytes b, uint8_t out_a[static PH_SHA256_LEN],
                         uint8_t out_b[static PH_SHA256_LEN]);

/* Incremental SHA-384, likewise. */
struct ph_sha384 {
    _Alignas(8) uint8_t opaque[256];
};
void ph_sha384_init(struct ph_sha384 *ctx);
void ph_sha384_update(struct ph_sha384 *ctx, struct ph_bytes data);
void ph_sha384_final(struct ph_sha384 *ctx, uint8_t out[static PH_SHA384_LEN]);

#endif
