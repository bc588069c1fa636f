#ifndef PH_CRYPTO_SHA256_PAIR_PRIV_H
#define PH_CRYPTO_SHA256_PAIR_PRIV_H

/* The two ways of ph_sha256_pair_from, each by itself for the tests: which one runs is for the
 * processor to say, and for nobody else.
 */

#include "crypto/hash.h"

#include <stdbool.h>

/* Whether this processor has the instructions of _ni: SHA, SSSE3, SSE4.1. Any thread. */
bool ph_sha256_pair_has_ni(void);

/* Both at once. Only if has_ni; yields false, and no output, where a state that has hashed part of
 * a block goes with data that would make more than 119 bytes of both. */
bool ph_sha256_pair_ni(const struct ph_sha256 *from_a, const struct ph_sha256 *from_b,
                       struct ph_bytes a, struct ph_bytes b, uint8_t out_a[static PH_SHA256_LEN],
                       uint8_t out_b[static PH_SHA256_LEN]);

/* One after the other, by libcrypto. */
void ph_sha256_pair_plain(const struct ph_sha256 *from_a, const struct ph_sha256 *from_b,
                          struct ph_bytes a, struct ph_bytes b, uint8_t out_a[static PH_SHA256_LEN],
                          uint8_t out_b[static PH_SHA256_LEN]);

#endif
