/* P-384: its field, and the verification of ecdsa_body_priv.h over it.
 * Constants: SP 800-186 §3.2.1.4. */

#include "base/own.h"
#include "crypto/ecdsa_priv.h"
#include "crypto/hash.h"
#include "crypto/modinv_priv.h"
#include "crypto/p384.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define LIMBS 6
#define POINT struct ph_p384_point
#define PUB struct ph_p384_pub

/* 2^384 - 2^128 - 2^96 + 2^32 - 1 */
static const uint64_t field_p[LIMBS] = {0x00000000ffffffff, 0xffffffff00000000, 0xfffffffffffffffe,
                                        0xffffffffffffffff, 0xffffffffffffffff, 0xffffffffffffffff};
static const uint64_t order_n[LIMBS] = {0xecec196accc52973, 0x581a0db248b0a77a, 0xc7634d81f4372ddf,
                                        0xffffffffffffffff, 0xffffffffffffffff, 0xffffffffffffffff};
static const uint64_t field_r2[LIMBS] = {0xfffffffe00000001, 0x0000000200000000,
                                         0xfffffffe00000000, 0x0000000200000000,
                                         0x0000000000000001, 0x0000000000000000};
static const uint64_t order_r2[LIMBS] = {0x2d319b2419b409a9, 0xff3d81e5df1aa419,
                                         0xbc3e483afcb82947, 0xd40d49174aab1cc5,
                                         0x3fb05b7a28266895, 0x0c84ee012b39bf21};
static const uint64_t order_n0 = 0x6ed46089e88fdc45;
static const uint64_t curve_b[LIMBS] = {0x081188719d412dcc, 0xf729add87a4c32ec, 0x77f2209b1920022e,
                                        0xe3374bee94938ae2, 0xb62b21f41f022094, 0xcd08114b604fbff9};
static const uint64_t base_x[LIMBS] = {0x3dd0756649c0b528, 0x20e378e2a0d6ce38, 0x879c3afc541b4d6e,
                                       0x6454868459a30eff, 0x812ff723614ede2b, 0x4d3aadc2299e1513};
static const uint64_t base_y[LIMBS] = {0x23043dad4b03a4fe, 0xa1bfa8bf7bb4a9ac, 0x8bade7562e83b050,
                                       0xc6c3521968f4ffd9, 0xdd8002263969a840, 0x2b78abc25a15c5e9};

/* One step of reduction: t += m p with m = t0 / -p modulo 2^64, which makes the lowest limb 0; it
 * is dropped, and *t0 becomes the new top. With p = 2^384 - K, t0 is the low limb of m K = m 2^128
 * + (m 2^96 - m 2^32 + m), and what is left of m K comes off the limbs above. */
PH_ALWAYS_INLINE void reduce_step(uint64_t *t0, uint64_t *t1, uint64_t *t2, uint64_t *t3,
                                  uint64_t *t4, uint64_t *t5)
{
    const uint64_t m = *t0 + (*t0 << 32), low = m << 32, high = m >> 32;
    unsigned char borrow = 0, carry = 0;

    (void)ph_sbb(m, low, &borrow);
    const uint64_t first = ph_sbb(low, high, &borrow);
    const uint64_t second = ph_adc(ph_sbb(high, 0, &borrow), m, &carry);
    borrow = 0;
    *t1 = ph_sbb(*t1, first, &borrow);
    *t2 = ph_sbb(*t2, second, &borrow);
    *t3 = ph_sbb(*t3, carry, &borrow);
    *t4 = ph_sbb(*t4, 0, &borrow);
    *t5 = ph_sbb(*t5, 0, &borrow);
    *t0 = ph_sbb(m, 0, &borrow); /* m 2^384, less the borrow: t + m p is not negative */
}

/* t / 2^384 modulo p, for t below p^2. */
PH_ALWAYS_INLINE void field_reduce(uint64_t *out, uint64_t t[12])
{
    unsigned char carry;
    uint64_t sum[6];

    reduce_step(&t[0], &t[1], &t[2], &t[3], &t[4], &t[5]);
    reduce_step(&t[1], &t[2], &t[3], &t[4], &t[5], &t[0]);
    reduce_step(&t[2], &t[3], &t[4], &t[5], &t[0], &t[1]);
    reduce_step(&t[3], &t[4], &t[5], &t[0], &t[1], &t[2]);
    reduce_step(&t[4], &t[5], &t[0], &t[1], &t[2], &t[3]);
    reduce_step(&t[5], &t[0], &t[1], &t[2], &t[3], &t[4]);
    carry = ph_limbs_add(sum, t, t + 6, LIMBS);
    ph_limbs_reduce_once(out, sum, carry, field_p, LIMBS);
}

static __attribute__((noinline)) void field_mul(uint64_t *out, const uint64_t *a, const uint64_t *b)
{
    uint64_t t[12] PH_NO_INIT, carry = 0;

    PH_UNROLL
    for (int i = 0; i < 6; i++)
        t[i] = ph_mac(a[i], b[0], 0, &carry);
    t[6] = carry;
    PH_UNROLL
    for (int j = 1; j < 6; j++) {
        carry = 0;
        PH_UNROLL
        for (int i = 0; i < 6; i++)
            t[i + j] = ph_mac(a[i], b[j], t[i + j], &carry);
        t[j + 6] = carry;
    }
    field_reduce(out, t);
}

static __attribute__((noinline)) void field_sqr(uint64_t *out, const uint64_t *a)
{
    uint64_t t[12] PH_NO_INIT, carry = 0;
    unsigned char c = 0;

    /* Products of different limbs, doubled, then the squares. */
    PH_UNROLL
    for (int i = 1; i < 6; i++)
        t[i] = ph_mac(a[i], a[0], 0, &carry);
    t[6] = carry;
    PH_UNROLL
    for (int j = 1; j < 5; j++) {
        carry = 0;
        PH_UNROLL
        for (int i = j + 1; i < 6; i++)
            t[i + j] = ph_mac(a[i], a[j], t[i + j], &carry);
        t[j + 6] = carry;
    }
    t[11] = t[10] >> 63;
    PH_UNROLL
    for (int i = 10; i > 1; i--)
        t[i] = t[i] << 1 | t[i - 1] >> 63;
    t[1] <<= 1;
    t[0] = 0;
    PH_UNROLL
    for (int i = 0; i < 6; i++) {
        const ph_u128 square = (ph_u128)a[i] * a[i];
        t[2 * i] = ph_adc(t[2 * i], (uint64_t)square, &c);
        t[2 * i + 1] = ph_adc(t[2 * i + 1], (uint64_t)(square >> 64), &c);
    }
    field_reduce(out, t);
}

static_assert(sizeof(((PUB *)NULL)->table) == sizeof(POINT[PH_EC_BLOCKS][PH_EC_POINTS]),
              "as p384.h has it");
#include "crypto/ecdsa_body_priv.h"

const struct ph_ec_arith ph_p384_arith = {
    6,         field_p,      order_n,
    field_add, field_sub,    field_halve,
    field_mul, field_sqr,    field_plain_invert,
    order_mul, order_invert,
};

enum ph_err ph_p384_pub_init(struct ph_p384_pub *pub, const uint8_t xy[static PH_P384_PUB_LEN])
{
    return key_init(pub, xy);
}

static void pub_freep(struct ph_p384_pub **pub)
{
    ph_p384_pub_free(*pub);
}

void ph_p384_pub_free(struct ph_p384_pub *pub)
{
    free(pub);
}

enum ph_err ph_p384_pub_new(const uint8_t xy[static PH_P384_PUB_LEN], struct ph_p384_pub **out)
{
    struct ph_p384_pub *pub PH_OWNED(pub_freep) = calloc(1, sizeof(*pub));

    if (!pub)
        return PH_ERR_NOMEM;
    PH_TRY(ph_p384_pub_init(pub, xy));
    *out = PH_TAKE(pub);
    return PH_OK;
}

void ph_p384_pub_bytes(const struct ph_p384_pub *pub, uint8_t xy[static PH_P384_PUB_LEN])
{
    memcpy(xy, pub->xy, PH_P384_PUB_LEN);
}

void ph_p384_pub_prepare(struct ph_p384_pub *pub)
{
    key_prepare(pub);
}

enum ph_err ph_p384_verify_digest(const struct ph_p384_pub *pub, const uint8_t digest[static 48],
                                  const uint8_t sig[static PH_P384_SIG_LEN])
{
    return signature_check(pub, digest, sig);
}

enum ph_err ph_p384_verify(const struct ph_p384_pub *pub, struct ph_bytes message,
                           const uint8_t sig[static PH_P384_SIG_LEN])
{
    uint8_t digest[PH_SHA384_LEN];
    ph_sha384(message, digest);
    return signature_check(pub, digest, sig);
}
