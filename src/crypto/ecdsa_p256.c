/* P-256: its field, and the verification of ecdsa_body_priv.h over it.
 * Constants: SP 800-186 §3.2.1.3. */

#include "base/own.h"
#include "crypto/ecdsa_priv.h"
#include "crypto/hash.h"
#include "crypto/modinv_priv.h"
#include "crypto/p256_priv.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define LIMBS 4
#define POINT struct ph_p256_point
#define PUB struct ph_p256_pub

/* 2^256 - 2^224 + 2^192 + 2^96 - 1 */
static const uint64_t field_p[LIMBS] = {0xffffffffffffffff, 0x00000000ffffffff, 0x0000000000000000,
                                        0xffffffff00000001};
static const uint64_t order_n[LIMBS] = {0xf3b9cac2fc632551, 0xbce6faada7179e84, 0xffffffffffffffff,
                                        0xffffffff00000000};
static const uint64_t field_r2[LIMBS] = {0x0000000000000003, 0xfffffffbffffffff, 0xfffffffffffffffe,
                                         0x00000004fffffffd};
static const uint64_t order_r2[LIMBS] = {0x83244c95be79eea2, 0x4699799c49bd6fa6, 0x2845b2392b6bec59,
                                         0x66e12d94f3d95620};
static const uint64_t order_n0 = 0xccd1c8aaee00bc4f;
static const uint64_t curve_b[LIMBS] = {0xd89cdf6229c4bddf, 0xacf005cd78843090, 0xe5a220abf7212ed6,
                                        0xdc30061d04874834};
static const uint64_t base_x[LIMBS] = {0x79e730d418a9143c, 0x75ba95fc5fedb601, 0x79fb732b77622510,
                                       0x18905f76a53755c6};
static const uint64_t base_y[LIMBS] = {0xddf25357ce95560a, 0x8b4ab8e4ba19e45c, 0xd2e88688dd21f325,
                                       0x8571ff1825885d85};

/* One step of reduction: t += t0 p, for t0 the lowest limb, which becomes 0 and is dropped. p is -1
 * modulo 2^64, so no multiplier is computed; t0 p = t0 (2^256 - 2^224 + 2^192) + t0 2^96 - t0. */
PH_ALWAYS_INLINE void reduce_step(uint64_t *t0, uint64_t *t1, uint64_t *t2, uint64_t *t3)
{
    const uint64_t low = *t0 << 32, high = *t0 >> 32;
    unsigned char carry = 0, borrow = 0;
    const uint64_t third = ph_sbb(*t0, low, &borrow), fourth = ph_sbb(*t0, high, &borrow);

    *t1 = ph_adc(*t1, low, &carry);
    *t2 = ph_adc(*t2, high, &carry);
    *t3 = ph_adc(*t3, third, &carry);
    *t0 = ph_adc(fourth, 0, &carry); /* the new top */
}

/* t / 2^256 modulo p, for t below p^2. */
PH_ALWAYS_INLINE void field_reduce(uint64_t *out, uint64_t t[8])
{
    unsigned char carry;
    uint64_t sum[4];

    reduce_step(&t[0], &t[1], &t[2], &t[3]);
    reduce_step(&t[1], &t[2], &t[3], &t[0]);
    reduce_step(&t[2], &t[3], &t[0], &t[1]);
    reduce_step(&t[3], &t[0], &t[1], &t[2]);
    carry = ph_limbs_add(sum, t, t + 4, LIMBS);
    ph_limbs_reduce_once(out, sum, carry, field_p, LIMBS);
}

static __attribute__((noinline)) void field_mul(uint64_t *out, const uint64_t *a, const uint64_t *b)
{
    uint64_t t[8] PH_NO_INIT, carry = 0;

    PH_UNROLL
    for (int i = 0; i < 4; i++)
        t[i] = ph_mac(a[i], b[0], 0, &carry);
    t[4] = carry;
    PH_UNROLL
    for (int j = 1; j < 4; j++) {
        carry = 0;
        PH_UNROLL
        for (int i = 0; i < 4; i++)
            t[i + j] = ph_mac(a[i], b[j], t[i + j], &carry);
        t[j + 4] = carry;
    }
    field_reduce(out, t);
}

static __attribute__((noinline)) void field_sqr(uint64_t *out, const uint64_t *a)
{
    uint64_t t[8] PH_NO_INIT, carry = 0;
    unsigned char c = 0;

    /* Products of different limbs, doubled, then the squares. */
    t[1] = ph_mac(a[0], a[1], 0, &carry);
    t[2] = ph_mac(a[0], a[2], 0, &carry);
    t[3] = ph_mac(a[0], a[3], 0, &carry);
    t[4] = carry;
    carry = 0;
    t[3] = ph_mac(a[1], a[2], t[3], &carry);
    t[4] = ph_mac(a[1], a[3], t[4], &carry);
    t[5] = carry;
    carry = 0;
    t[5] = ph_mac(a[2], a[3], t[5], &carry);
    t[6] = carry;
    t[7] = t[6] >> 63;
    PH_UNROLL
    for (int i = 6; i > 1; i--)
        t[i] = t[i] << 1 | t[i - 1] >> 63;
    t[1] <<= 1;
    t[0] = 0;
    PH_UNROLL
    for (int i = 0; i < 4; i++) {
        const ph_u128 square = (ph_u128)a[i] * a[i];
        t[2 * i] = ph_adc(t[2 * i], (uint64_t)square, &c);
        t[2 * i + 1] = ph_adc(t[2 * i + 1], (uint64_t)(square >> 64), &c);
    }
    field_reduce(out, t);
}

static_assert(sizeof(((PUB *)NULL)->table) == sizeof(POINT[PH_EC_BLOCKS][PH_EC_POINTS]),
              "as p256.h has it");
#include "crypto/ecdsa_body_priv.h"

const struct ph_ec_arith ph_p256_arith = {
    4,         field_p,      order_n,
    field_add, field_sub,    field_halve,
    field_mul, field_sqr,    field_plain_invert,
    order_mul, order_invert,
};

enum ph_err ph_p256_pub_init(struct ph_p256_pub *pub, const uint8_t xy[static PH_P256_PUB_LEN])
{
    return key_init(pub, xy);
}

static void pub_freep(struct ph_p256_pub **pub)
{
    ph_p256_pub_free(*pub);
}

void ph_p256_pub_free(struct ph_p256_pub *pub)
{
    free(pub);
}

enum ph_err ph_p256_pub_new(const uint8_t xy[static PH_P256_PUB_LEN], struct ph_p256_pub **out)
{
    struct ph_p256_pub *pub PH_OWNED(pub_freep) = calloc(1, sizeof(*pub));

    if (!pub)
        return PH_ERR_NOMEM;
    PH_TRY(ph_p256_pub_init(pub, xy));
    *out = PH_TAKE(pub);
    return PH_OK;
}

void ph_p256_pub_bytes(const struct ph_p256_pub *pub, uint8_t xy[static PH_P256_PUB_LEN])
{
    memcpy(xy, pub->xy, PH_P256_PUB_LEN);
}

void ph_p256_pub_prepare(struct ph_p256_pub *pub)
{
    key_prepare(pub);
}

enum ph_err ph_p256_verify_prehash(const struct ph_p256_pub *pub, struct ph_bytes digest,
                                   const uint8_t sig[static PH_P256_SIG_LEN])
{
    uint8_t e[32] = {0};

    if (digest.len >= sizeof(e))
        memcpy(e, digest.ptr, sizeof(e));
    else if (digest.len > 0)
        memcpy(e + sizeof(e) - digest.len, digest.ptr, digest.len);
    return signature_check(pub, e, sig);
}

enum ph_err ph_p256_verify_digest(const struct ph_p256_pub *pub, const uint8_t digest[static 32],
                                  const uint8_t sig[static PH_P256_SIG_LEN])
{
    return signature_check(pub, digest, sig);
}

enum ph_err ph_p256_verify(const struct ph_p256_pub *pub, struct ph_bytes message,
                           const uint8_t sig[static PH_P256_SIG_LEN])
{
    uint8_t digest[PH_SHA256_LEN];
    ph_sha256(message, digest);
    return signature_check(pub, digest, sig);
}
