#ifndef PH_CRYPTO_SHA2_PORTABLE_PRIV_H
#define PH_CRYPTO_SHA2_PORTABLE_PRIV_H

/* SHA-2 in portable C, for targets without libcrypto: hash_portable.c puts hash.h on top of it.
 * Natively it is only compared with libcrypto. final leaves a context unusable until init.
 *
 * Layer: crypto. Spec: FIPS 180-4. Tests: sha2_portable_test.c.
 */

#include "base/bytes.h"

struct ph_sha2_256 {
    uint32_t state[8], used;
    uint64_t total; /* bytes so far */
    uint8_t block[64];
};
void ph_sha2_256_init(struct ph_sha2_256 *ctx);
void ph_sha2_256_update(struct ph_sha2_256 *ctx, struct ph_bytes data);
void ph_sha2_256_final(struct ph_sha2_256 *ctx, uint8_t out[static 32]);

/* SHA-384 and SHA-512, which differ in how they begin and in out_len: 48 or 64 bytes. */
struct ph_sha2_512 {
    uint64_t state[8], total;
    uint32_t used;
    uint8_t block[128];
};
void ph_sha2_384_init(struct ph_sha2_512 *ctx);
void ph_sha2_512_init(struct ph_sha2_512 *ctx);
void ph_sha2_512_update(struct ph_sha2_512 *ctx, struct ph_bytes data);
void ph_sha2_512_final(struct ph_sha2_512 *ctx, uint8_t *out, size_t out_len);

#endif
