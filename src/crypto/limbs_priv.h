#ifndef PH_CRYPTO_LIMBS_PRIV_H
#define PH_CRYPTO_LIMBS_PRIV_H

/* Numbers of a few 64-bit limbs, least significant first: what ecdsa_body_priv.h counts with.
 * Variable time: public numbers only.
 *
 * Every function takes the number of limbs last, as a constant: it is inlined and unrolled.
 */

#ifdef __x86_64__
#include <immintrin.h>
#endif
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

/* The next two for any processor; wasm32 has nothing better. */
PH_ALWAYS_INLINE uint64_t ph_adc_portable(uint64_t a, uint64_t b, unsigned char *carry)
{
    const uint64_t half = a + b, sum = half + *carry;
    *carry = half < a || sum < half;
    return sum;
}

PH_ALWAYS_INLINE uint64_t ph_sbb_portable(uint64_t a, uint64_t b, unsigned char *borrow)
{
    const uint64_t half = a - b, rest = half - *borrow;
    *borrow = a < b || half < *borrow;
    return rest;
}

/* a + b + *carry; *carry, 0 or 1, is replaced. */
PH_ALWAYS_INLINE uint64_t ph_adc(uint64_t a, uint64_t b, unsigned char *carry)
{
#ifdef __x86_64__
    unsigned long long sum;
    *carry = _addcarry_u64(*carry, a, b, &sum);
    return sum;
#else
    return ph_adc_portable(a, b, carry);
#endif
}

/* a - b - *borrow */
PH_ALWAYS_INLINE uint64_t ph_sbb(uint64_t a, uint64_t b, unsigned char *borrow)
{
#ifdef __x86_64__
    unsigned long long rest;
    *borrow = _subborrow_u64(*borrow, a, b, &rest);
    return rest;
#else
    return ph_sbb_portable(a, b, borrow);
#endif
}

/* The next for processors that have no product of 64 bits by 64. */
PH_ALWAYS_INLINE uint64_t ph_mac_portable(uint64_t a, uint64_t b, uint64_t add, uint64_t *carry)
{
    const uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    const uint64_t low = a0 * b0 + (uint32_t)add, mid = a1 * b0 + (low >> 32) + (add >> 32);
    const uint64_t cross = a0 * b1 + (uint32_t)mid;
    const uint64_t sum = (cross << 32 | (uint32_t)low) + *carry;

    *carry = a1 * b1 + (mid >> 32) + (cross >> 32) + (sum < *carry);
    return sum;
}

/* The low half of a * b + add + *carry, which fits 128 bits; the high half goes to *carry. */
PH_ALWAYS_INLINE uint64_t ph_mac(uint64_t a, uint64_t b, uint64_t add, uint64_t *carry)
{
#ifdef __wasm__
    return ph_mac_portable(a, b, add, carry);
#else
    const ph_u128 t = (ph_u128)a * b + add + *carry;
    *carry = (uint64_t)(t >> 64);
    return (uint64_t)t;
#endif
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
