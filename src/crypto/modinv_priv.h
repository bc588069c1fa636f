#ifndef PH_CRYPTO_MODINV_PRIV_H
#define PH_CRYPTO_MODINV_PRIV_H

/* Inverses modulo a prime of 256 or 384 bits, by Bernstein and Yang's division steps ("Fast
 * constant-time gcd computation and modular inversion", CHES 2019, §8 and §11), here in variable
 * time: 62 steps on the low words give a 2x2 matrix, which is then applied to the whole numbers.
 *
 * Layer: crypto. Tests: ecdsa_arith_test.c.
 */

#include "crypto/limbs_priv.h"

enum { PH_MODINV_MAX_LIMBS = 7 };

/* Signed: value = sum of v[i] * 2^(62 i); all but the last in 0..2^62-1. */
struct ph_modinv_num {
    int64_t v[PH_MODINV_MAX_LIMBS];
};

/* 2^62 (f', g') = (u f + v g, q f + r g); |u| + |v| and |q| + |r| are at most 2^62. */
struct ph_modinv_matrix {
    int64_t u, v, q, r;
};

#define PH_MODINV_MASK ((int64_t)(UINT64_MAX >> 2))

/* 62 division steps on the low words of f, which is odd, and g. */
static inline int64_t ph_modinv_steps(int64_t delta, uint64_t f, uint64_t g,
                                      struct ph_modinv_matrix *out)
{
    uint64_t u = 1, v = 0, q = 0, r = 1;
    int left = 62;

    for (;;) {
        /* An even g is halved; the matrix doubles its other row instead. */
        const int zeros = __builtin_ctzll(g | UINT64_MAX << left);
        g >>= zeros;
        u <<= zeros;
        v <<= zeros;
        delta += zeros;
        left -= zeros;
        if (left == 0)
            break;
        if (delta > 0) {
            const uint64_t old_f = f, old_u = u, old_v = v;
            delta = -delta;
            f = g, u = q, v = r;
            g = -old_f, q = -old_u, r = -old_v;
        }
        /* The next 1 - delta steps swap nothing: they add a multiple w of f that clears as many low
         * bits of g. f (2 - f^2) is f's inverse modulo 64. */
        const int64_t room = 1 - delta < left ? 1 - delta : left;
        const uint64_t mask = room < 6 ? (UINT64_C(1) << room) - 1 : 63;
        const uint64_t w = (g * f * (f * f - 2)) & mask;
        g += w * f;
        q += w * u;
        r += w * v;
    }
    *out = (struct ph_modinv_matrix){(int64_t)u, (int64_t)v, (int64_t)q, (int64_t)r};
    return delta;
}

/* (f, g) = matrix (f, g) / 2^62: the division is exact. */
PH_ALWAYS_INLINE void ph_modinv_apply(struct ph_modinv_num *f, struct ph_modinv_num *g,
                                      const struct ph_modinv_matrix *t, int limbs)
{
    ph_i128 cf = 0, cg = 0;

    PH_UNROLL
    for (int i = 0; i < limbs; i++) {
        cf += (ph_i128)t->u * f->v[i] + (ph_i128)t->v * g->v[i];
        cg += (ph_i128)t->q * f->v[i] + (ph_i128)t->r * g->v[i];
        if (i > 0) {
            f->v[i - 1] = (int64_t)cf & PH_MODINV_MASK;
            g->v[i - 1] = (int64_t)cg & PH_MODINV_MASK;
        }
        cf >>= 62;
        cg >>= 62;
    }
    f->v[limbs - 1] = (int64_t)cf;
    g->v[limbs - 1] = (int64_t)cg;
}

/* One row of (d, e) = matrix (d, e) / 2^62 modulo m, for d and e in (-2m, m), and so again. */
PH_ALWAYS_INLINE void ph_modinv_row(struct ph_modinv_num *out, const struct ph_modinv_num *d,
                                    const struct ph_modinv_num *e, int64_t a, int64_t b,
                                    const struct ph_modinv_num *m, uint64_t m_inverse, int limbs)
{
    /* As if m were added to a negative d or e; then as many m taken off as make the low 62 bits
     * zero. */
    int64_t k = (a & (d->v[limbs - 1] >> 63)) + (b & (e->v[limbs - 1] >> 63));
    ph_i128 c = (ph_i128)a * d->v[0] + (ph_i128)b * e->v[0];
    struct ph_modinv_num sum;

    k -= (int64_t)((m_inverse * (uint64_t)c + (uint64_t)k) & (uint64_t)PH_MODINV_MASK);
    c += (ph_i128)k * m->v[0];
    c >>= 62;
    PH_UNROLL
    for (int i = 1; i < limbs; i++) {
        c += (ph_i128)a * d->v[i] + (ph_i128)b * e->v[i] + (ph_i128)k * m->v[i];
        sum.v[i - 1] = (int64_t)c & PH_MODINV_MASK;
        c >>= 62;
    }
    sum.v[limbs - 1] = (int64_t)c;
    *out = sum;
}

PH_ALWAYS_INLINE void ph_modinv_from_limbs(struct ph_modinv_num *out, const uint64_t *a, int limbs,
                                           int words)
{
    PH_UNROLL
    for (int i = 0; i < words; i++) {
        const int at = 62 * i / 64, shift = 62 * i % 64;
        uint64_t w = at < limbs ? a[at] >> shift : 0;
        if (shift > 2 && at + 1 < limbs)
            w |= a[at + 1] << (64 - shift);
        out->v[i] = (int64_t)(w & (uint64_t)PH_MODINV_MASK);
    }
}

/* x = x * sign + m * times, carried; sign is 1 or -1. */
PH_ALWAYS_INLINE void ph_modinv_adjust(struct ph_modinv_num *x, int64_t sign,
                                       const struct ph_modinv_num *m, int64_t times, int words)
{
    int64_t carry = 0;
    PH_UNROLL
    for (int i = 0; i < words; i++) {
        carry += x->v[i] * sign + m->v[i] * times;
        if (i == words - 1) {
            x->v[i] = carry;
        } else {
            x->v[i] = carry & PH_MODINV_MASK;
            carry >>= 62;
        }
    }
}

/* out = 1 / x modulo m, for x in 1..m-1 and m prime; 0 for x = 0. limbs is 4 or 6. */
PH_ALWAYS_INLINE void ph_modinv(uint64_t *out, const uint64_t *x, const uint64_t *m, int limbs)
{
    const int words = limbs == 4 ? 5 : 7;
    struct ph_modinv_num f, g, d = {{0}}, e = {{1}}, modulus;
    struct ph_modinv_matrix t;
    uint64_t m_inverse = m[0]; /* right to 3 bits; each round doubles them */
    int64_t delta = 1;

    for (int i = 0; i < 5; i++)
        m_inverse *= 2 - m[0] * m_inverse;
    ph_modinv_from_limbs(&modulus, m, limbs, words);
    ph_modinv_from_limbs(&g, x, limbs, words);
    f = modulus;
    /* 1110 steps suffice for 384 bits (§11 of the paper): 18 rounds. */
    for (int round = 0; round < 18; round++) {
        delta = ph_modinv_steps(delta, (uint64_t)f.v[0] | (uint64_t)f.v[1] << 62,
                                (uint64_t)g.v[0] | (uint64_t)g.v[1] << 62, &t);
        const struct ph_modinv_num old_d = d;
        ph_modinv_row(&d, &old_d, &e, t.u, t.v, &modulus, m_inverse, words);
        ph_modinv_row(&e, &old_d, &e, t.q, t.r, &modulus, m_inverse, words);
        ph_modinv_apply(&f, &g, &t, words);
        int64_t any = 0;
        PH_UNROLL
        for (int i = 0; i < words; i++)
            any |= g.v[i];
        if (any == 0)
            break;
    }
    /* f is 1 or -1 now, and d * f the inverse: in (-2m, m), or (-m, 2m) once negated. */
    ph_modinv_adjust(&d, f.v[words - 1] < 0 ? -1 : 1, &modulus, 0, words);
    if (d.v[words - 1] < 0)
        ph_modinv_adjust(&d, 1, &modulus, 1, words);
    if (d.v[words - 1] < 0)
        ph_modinv_adjust(&d, 1, &modulus, 1, words);
    uint64_t full[7];
    PH_UNROLL
    for (int i = 0; i < limbs; i++) {
        const int at = 64 * i / 62, shift = 64 * i % 62;
        full[i] = (uint64_t)d.v[at] >> shift | (uint64_t)d.v[at + 1] << (62 - shift);
    }
    /* Below 2m, which fits: the bits above the limbs are the carry. */
    const int top_at = 64 * limbs / 62, top_shift = 64 * limbs % 62;
    ph_limbs_reduce_once(out, full, (uint64_t)(d.v[top_at] >> top_shift), m, limbs);
}

#endif
