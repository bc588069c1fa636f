#ifndef PH_KEYS_SHAMIR_H
#define PH_KEYS_SHAMIR_H

/* Shamir's secret sharing of 32 bytes: any `needed` shares give the secret, fewer say nothing about
 * it.
 *
 * Each byte is the value at 0 of a polynomial of degree needed - 1 over GF(2^8) modulo x^8 + x^4 +
 * x^3 + x + 1 (the field of AES), with random coefficients; share i holds the values at x = i, from
 * 1. The arithmetic has no branch and no look-up that depends on secrets.
 *
 * Layer: keys. Pure. Source: A. Shamir, How to share a secret, CACM 22 (1979). Vectors:
 * docs/keys.md. Tests: shamir_test.c, tests/integration/key_vectors.test.mjs (an independent
 * implementation).
 */

#include "base/bytes.h"

enum { PH_SHAMIR_LEN = 32, PH_SHAMIR_SHARES_MAX = 16 };

struct ph_shamir_share {
    uint8_t x; /* 1.. */
    uint8_t y[PH_SHAMIR_LEN];
};

/**
 * Split a secret.
 *
 * @needed  1..cnt
 * @cnt     1..PH_SHAMIR_SHARES_MAX
 * @random  (needed - 1) * PH_SHAMIR_LEN random bytes: the coefficients of x, then those of x^2, …
 * @out     cnt shares, x = 1..cnt
 */
void ph_shamir_split(const uint8_t secret[static PH_SHAMIR_LEN], uint32_t needed, uint32_t cnt,
                     const uint8_t *random, struct ph_shamir_share *out);
/* Combine `cnt` shares: as many as were needed give the secret; fewer, or others, give bytes that
 * mean nothing, which the caller finds out. PH_ERR_MALFORMED: none or too many, an x of 0, or the
 * same x twice. */
PH_CHECKED enum ph_err ph_shamir_combine(const struct ph_shamir_share *shares, uint32_t cnt,
                                         uint8_t out[static PH_SHAMIR_LEN]);

#endif
