#ifndef PH_CRYPTO_LIMBS_PRIV_H
#define PH_CRYPTO_LIMBS_PRIV_H

/* Numbers of a few 64-bit limbs, least significant first: what ecdsa_body_priv.h counts with.
 * Variable time: public numbers only.
 *
 * Every function takes the number of limbs last, as a constant: it is inlined and unrolled.
 */

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PH_ALWAYS_INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define PH_UNROLL _Pragma("clang loop unroll(full)")
#else
#define PH_UNROLL _Pragma("GCC unroll 12")
#endif

__extension__ typedef unsigned __int128 ph_u128;
__extension__ typedef __int128 ph_i128;

/* a + b + *carry; *carry, 0 or 1, is replaced. */
PH_ALWAYS_INLINE uint64_t ph_adc(uint64_t a, uint64_t b, unsigned char *carry)
{
    unsigned long long sum;
    *carry = _addcarry_u64(*carry, a, b, &sum);
    return sum;
}

/* a - b - *borrow */
PH_ALWAYS_INLINE uint64_t ph_sbb(uint64_t a, uint64_t b, unsigned char *borrow)
{
    unsigned long long rest;
    *borrow = _subborrow_u64(*borrow, a, b, &rest);
    return rest;
}

/* The low half of a * b + add + *carry, which fits 128 bits; the high half goes to *carry. */
PH_ALWAYS_INLINE uint64_t ph_mac(uint64_t a, uint64_t b, uint64_t add, uint64_t *carry)
{
    const ph_u128 t = (ph_u128)a * b + add + *carry;
    *carry = (uint64_t)(t >> 64);
    return (uint64_t)t;
}

PH_ALWAYS_INLINE void ph_limbs_load(uint64_t *out, const uint8_t *big_endian, int limbs)
{
    PH_UNROLL
    for (int i = 0; i < limbs; i++) {
        uint64_t v;
        __builtin_memcpy(&v, big_endian + 8 * (limbs - 1 - i), sizeof(v));
        out[i] = __builtin_bswap64(v);
    }
}

PH_ALWAYS_INLINE bool ph_limbs_are_zero(const uint64_t *a, int limbs)
{
    uint64_t any = 0;
    PH_UNROLL
    for (int i = 0; i < limbs; i++)
        any |= a[i];
    return any == 0;
}

PH_ALWAYS_INLINE bool ph_limbs_equal(const uint64_t *a, const uint64_t *b, int limbs)
{
    uint64_t any = 0;
    PH_UNROLL
    for (int i = 0; i < limbs; i++)
        any |= a[i] ^ b[i];
    return any == 0;
}

/* out = a + b; yields the carry. */
PH_ALWAYS_INLINE unsigned char ph_limbs_add(uint64_t *out, const uint64_t *a, const uint64_t *b,
                                            int limbs)
{
    unsigned char carry = 0;
    PH_UNROLL
    for (int i = 0; i < limbs; i++)
        out[i] = ph_adc(a[i], b[i], &carry);
    return carry;
}

/* out = a - b; yields the borrow. */
PH_ALWAYS_INLINE unsigned char ph_limbs_sub(uint64_t *out, const uint64_t *a, const uint64_t *b,
                                            int limbs)
{
    unsigned char borrow = 0;
    PH_UNROLL
    for (int i = 0; i < limbs; i++)
        out[i] = ph_sbb(a[i], b[i], &borrow);
    return borrow;
}

PH_ALWAYS_INLINE bool ph_limbs_less(const uint64_t *a, const uint64_t *b, int limbs)
{
    unsigned char borrow = 0;
    PH_UNROLL
    for (int i = 0; i < limbs; i++)
        (void)ph_sbb(a[i], b[i], &borrow);
    return borrow;
}

/* out = a mod m, for a = (top, a) below 2m. */
PH_ALWAYS_INLINE void ph_limbs_reduce_once(uint64_t *out, const uint64_t *a, uint64_t top,
                                           const uint64_t *m, int limbs)
{
    uint64_t less[12];
    unsigned char borrow = ph_limbs_sub(less, a, m, limbs);

    (void)ph_sbb(top, 0, &borrow);
    PH_UNROLL
    for (int i = 0; i < limbs; i++)
        out[i] = borrow ? a[i] : less[i];
}

#endif
