/* RSASSA-PSS verification in portable C: Montgomery multiplication and the encoding's check. */

#include "crypto/hash.h"
#include "crypto/limbs_priv.h"
#include "crypto/rsa_priv.h"

#include <string.h>

enum { LIMBS_MAX = PH_RSA_MAX_LEN / 8, HASH_LEN = PH_SHA384_LEN };

/* A modulus of `cnt` limbs, and -1 / n modulo 2^64. */
struct modulus {
    uint64_t n[LIMBS_MAX], n0;
    size_t cnt;
};

static void load(uint64_t out[static LIMBS_MAX], struct ph_bytes big_endian)
{
    memset(out, 0, LIMBS_MAX * sizeof(out[0]));
    for (size_t i = 0; i < big_endian.len; i++)
        out[i / 8] |= (uint64_t)big_endian.ptr[big_endian.len - 1 - i] << 8 * (i % 8);
}

static bool is_below(const uint64_t *a, const struct modulus *m)
{
    unsigned char borrow = 0;

    for (size_t i = 0; i < m->cnt; i++)
        (void)ph_sbb(a[i], m->n[i], &borrow);
    return borrow;
}

/* a = (top, a) mod n, for a value below 2n. */
static void reduce_once(uint64_t *a, uint64_t top, const struct modulus *m)
{
    unsigned char borrow = 0;

    if (top == 0 && is_below(a, m))
        return;
    for (size_t i = 0; i < m->cnt; i++)
        a[i] = ph_sbb(a[i], m->n[i], &borrow);
}

/* out = a b / 2^(64 cnt) mod n, word by word; out may be a or b. */
static void multiply(uint64_t *out, const uint64_t *a, const uint64_t *b, const struct modulus *m)
{
    uint64_t t[LIMBS_MAX + 2] = {0};

    for (size_t i = 0; i < m->cnt; i++) {
        uint64_t carry = 0;
        unsigned char c = 0;
        for (size_t j = 0; j < m->cnt; j++)
            t[j] = ph_mac(a[j], b[i], t[j], &carry);
        t[m->cnt] = ph_adc(t[m->cnt], carry, &c);
        t[m->cnt + 1] = c;

        const uint64_t factor = t[0] * m->n0;
        carry = 0;
        (void)ph_mac(factor, m->n[0], t[0], &carry);
        for (size_t j = 1; j < m->cnt; j++)
            t[j - 1] = ph_mac(factor, m->n[j], t[j], &carry);
        c = 0;
        t[m->cnt - 1] = ph_adc(t[m->cnt], carry, &c);
        t[m->cnt] = t[m->cnt + 1] + c;
    }
    memcpy(out, t, m->cnt * sizeof(t[0]));
    reduce_once(out, t[m->cnt], m);
}

static void modulus_init(struct modulus *m, struct ph_bytes n)
{
    uint64_t inverse = 1;

    load(m->n, n);
    m->cnt = (n.len + 7) / 8;
    for (int i = 0; i < 6; i++) /* each round doubles the bits that are right: 1, 2, 4 … 64 */
        inverse *= 2 - m->n[0] * inverse;
    m->n0 = -inverse;
}

/* out = 2^(64 cnt) a mod n */
static void to_montgomery(uint64_t *out, const uint64_t *a, const struct modulus *m)
{
    memmove(out, a, m->cnt * sizeof(out[0]));
    for (size_t i = 0; i < 64 * m->cnt; i++) {
        unsigned char carry = 0;
        for (size_t j = 0; j < m->cnt; j++)
            out[j] = ph_adc(out[j], out[j], &carry);
        reduce_once(out, carry, m);
    }
}

enum ph_err ph_rsa_portable_raise(struct ph_bytes n, uint32_t e, struct ph_bytes sig, uint8_t *out)
{
    static const uint64_t one[LIMBS_MAX] = {1};
    uint64_t base[LIMBS_MAX], power[LIMBS_MAX];
    struct modulus m;

    modulus_init(&m, n);
    load(base, sig.len == n.len ? sig : (struct ph_bytes){0});
    if (sig.len != n.len || !is_below(base, &m))
        return PH_ERR_UNTRUSTED;
    to_montgomery(base, base, &m);
    memcpy(power, base, sizeof(power));
    for (int bit = 30 - __builtin_clz(e); bit >= 0; bit--) {
        multiply(power, power, power, &m);
        if (e >> bit & 1)
            multiply(power, power, base, &m);
    }
    multiply(power, power, one, &m);
    for (size_t i = 0; i < n.len; i++)
        out[n.len - 1 - i] = (uint8_t)(power[i / 8] >> 8 * (i % 8));
    return PH_OK;
}

/* at ^= MGF1(seed), RFC 8017 appendix B.2.1 */
static void unmask(uint8_t *at, size_t len, const uint8_t seed[static HASH_LEN])
{
    for (uint32_t counter = 0; len > 0; counter++) {
        const uint8_t number[4] = {(uint8_t)(counter >> 24), (uint8_t)(counter >> 16),
                                   (uint8_t)(counter >> 8), (uint8_t)counter};
        const size_t take = len < HASH_LEN ? len : HASH_LEN;
        struct ph_sha384 ctx;
        uint8_t mask[HASH_LEN];

        ph_sha384_init(&ctx);
        ph_sha384_update(&ctx, (struct ph_bytes){seed, HASH_LEN});
        ph_sha384_update(&ctx, (struct ph_bytes){number, sizeof(number)});
        ph_sha384_final(&ctx, mask);
        for (size_t i = 0; i < take; i++)
            at[i] ^= mask[i];
        at += take;
        len -= take;
    }
}

/* Steps are those of §9.1.2. */
enum ph_err ph_rsa_portable_pss384_check(struct ph_bytes em, size_t bits,
                                         const uint8_t digest[static HASH_LEN])
{
    static const uint8_t eight_zeros[8] = {0};
    const size_t em_bits = bits - 1, em_len = (em_bits + 7) / 8;
    const uint8_t top_mask = (uint8_t)(0xff >> (8 * em_len - em_bits));
    uint8_t db[PH_RSA_MAX_LEN], expected[HASH_LEN];

    /* A modulus of 8 k + 1 bits has one byte more than the encoding. */
    if (em.len > em_len && em.ptr[0] != 0)
        return PH_ERR_UNTRUSTED;
    em.ptr += em.len - em_len;
    em.len = em_len;
    const size_t db_len = em_len - HASH_LEN - 1, zeros = db_len - PH_RSA_SALT_LEN - 1;
    const uint8_t *const h = em.ptr + db_len;
    if (em.ptr[em_len - 1] != 0xbc || (em.ptr[0] & ~top_mask) != 0) /* 4, 6 */
        return PH_ERR_UNTRUSTED;
    memcpy(db, em.ptr, db_len);
    unmask(db, db_len, h); /* 7, 8 */
    db[0] &= top_mask;     /* 9 */
    uint8_t any = db[zeros] ^ 1;
    for (size_t i = 0; i < zeros; i++)
        any |= db[i];
    if (any != 0) /* 10 */
        return PH_ERR_UNTRUSTED;

    struct ph_sha384 ctx; /* 12, 13 */
    ph_sha384_init(&ctx);
    ph_sha384_update(&ctx, (struct ph_bytes){eight_zeros, sizeof(eight_zeros)});
    ph_sha384_update(&ctx, (struct ph_bytes){digest, HASH_LEN});
    ph_sha384_update(&ctx, (struct ph_bytes){db + db_len - PH_RSA_SALT_LEN, PH_RSA_SALT_LEN});
    ph_sha384_final(&ctx, expected);
    if (memcmp(h, expected, HASH_LEN) != 0) /* 14 */
        return PH_ERR_UNTRUSTED;
    return PH_OK;
}
