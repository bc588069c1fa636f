#ifndef PH_CRYPTO_ECDSA_PRIV_H
#define PH_CRYPTO_ECDSA_PRIV_H

/* What ecdsa_p256.c and ecdsa_p384.c share, and their arithmetic for the tests. Numbers are
 * `limbs` 64-bit limbs, least significant first.
 *
 * Layer: crypto. Decision: docs/adr/0006-own-ecdsa-verification.md.
 */

#include <stdint.h>

/* A key's tables: PH_EC_POINTS odd multiples of 2^(i * bits / PH_EC_BLOCKS) times the key, the
 * first of PH_EC_BLOCKS only until the key is prepared. */
enum { PH_EC_BLOCKS = 8, PH_EC_POINTS = 8 };

/* Modulo the field's prime: operands and results are below it, in Montgomery form where that makes
 * a difference: mul is a b / 2^(64 limbs). invert is on plain numbers, and takes 0 to 0. */
struct ph_ec_arith {
    int limbs;
    const uint64_t *p, *n;
    void (*add)(uint64_t *out, const uint64_t *a, const uint64_t *b);
    void (*sub)(uint64_t *out, const uint64_t *a, const uint64_t *b);
    void (*halve)(uint64_t *out, const uint64_t *a);
    void (*mul)(uint64_t *out, const uint64_t *a, const uint64_t *b);
    void (*sqr)(uint64_t *out, const uint64_t *a);
    void (*invert)(uint64_t *out, const uint64_t *a);
    /* Modulo the order n. */
    void (*scalar_mul)(uint64_t *out, const uint64_t *a, const uint64_t *b);
    void (*scalar_invert)(uint64_t *out, const uint64_t *a);
};

extern const struct ph_ec_arith ph_p256_arith, ph_p384_arith;

#endif
