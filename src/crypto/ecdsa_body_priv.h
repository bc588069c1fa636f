#ifndef PH_CRYPTO_ECDSA_BODY_PRIV_H
#define PH_CRYPTO_ECDSA_BODY_PRIV_H

/* ECDSA verification over a curve y^2 = x^3 - 3x + b of prime order: the part that does not depend
 * on which. Included once by ecdsa_p256.c and once by ecdsa_p384.c, after they define
 *
 *   LIMBS                          of a coordinate and of a scalar
 *   POINT, PUB                     struct ph_p…_point and struct ph_p…_pub
 *   field_p, order_n               the primes; n < p
 *   field_r2, order_r2             2^(128 LIMBS) modulo each
 *   order_n0                       -1 / n modulo 2^64
 *   curve_b, base_x, base_y        in Montgomery form
 *   field_mul, field_sqr           in Montgomery form; results below p; may be given their output
 *
 * Variable time throughout: keys, digests and signatures are public. Nothing here may ever see a
 * secret: signing and key agreement stay with libcrypto.
 *
 * Formulas: Explicit-Formulas Database, short Weierstrass, Jacobian with a = -3 (dbl-2001-b scaled,
 * madd). Multiplication: interleaved windows, Hankerson, Menezes, Vanstone §3.3.3, over tables of
 * d 2^(STEP b) P: bits b STEP … of a scalar share the doublings of bits 0 … STEP - 1.
 */

enum {
    BITS = 64 * LIMBS,
    STEP = BITS / PH_EC_BLOCKS,
    BASE_WINDOW = 6, /* odd digits up to 31 */
    BASE_POINTS = 1 << (BASE_WINDOW - 2),
    KEY_WINDOW = 5, /* odd digits up to 15 */
    MAX_POINTS = BASE_POINTS,
};
static_assert((int)PH_EC_POINTS == 1 << (KEY_WINDOW - 2), "a key's table holds its odd digits");

/* x = X/Z^2, y = Y/Z^3; infinity is Z = 0. */
struct jacobian {
    uint64_t x[LIMBS], y[LIMBS], z[LIMBS];
};

static const uint64_t plain_one[LIMBS] = {1};

static void field_add(uint64_t *out, const uint64_t *a, const uint64_t *b)
{
    uint64_t sum[LIMBS];
    const unsigned char carry = ph_limbs_add(sum, a, b, LIMBS);
    ph_limbs_reduce_once(out, sum, carry, field_p, LIMBS);
}

static void field_sub(uint64_t *out, const uint64_t *a, const uint64_t *b)
{
    uint64_t rest[LIMBS], back[LIMBS];
    const uint64_t borrowed = -(uint64_t)ph_limbs_sub(rest, a, b, LIMBS);
    PH_UNROLL
    for (int i = 0; i < LIMBS; i++)
        back[i] = field_p[i] & borrowed;
    (void)ph_limbs_add(out, rest, back, LIMBS);
}

/* a / 2: p is odd, so one of a and a + p is even. */
static void field_halve(uint64_t *out, const uint64_t *a)
{
    uint64_t even[LIMBS], odd[LIMBS];
    const uint64_t mask = -(a[0] & 1);
    PH_UNROLL
    for (int i = 0; i < LIMBS; i++)
        odd[i] = field_p[i] & mask;
    const uint64_t top = ph_limbs_add(even, a, odd, LIMBS);
    PH_UNROLL
    for (int i = 0; i < LIMBS; i++)
        out[i] = even[i] >> 1 | (i == LIMBS - 1 ? top : even[i + 1]) << 63;
}

static void field_plain_invert(uint64_t *out, const uint64_t *a)
{
    ph_modinv(out, a, field_p, LIMBS);
}

/* In Montgomery form: the plain inverse of aR is 1/(aR), and two factors R^2/R make it R/a. */
static void field_invert(uint64_t *out, const uint64_t *a)
{
    field_plain_invert(out, a);
    field_mul(out, out, field_r2);
    field_mul(out, out, field_r2);
}

static void order_invert(uint64_t *out, const uint64_t *a)
{
    ph_modinv(out, a, order_n, LIMBS);
}

/* a b / 2^BITS modulo n, word by word. */
static void order_mul(uint64_t *out, const uint64_t *a, const uint64_t *b)
{
    uint64_t t[LIMBS + 2] = {0};

    for (int i = 0; i < LIMBS; i++) {
        uint64_t carry = 0;
        unsigned char c = 0;
        PH_UNROLL
        for (int j = 0; j < LIMBS; j++)
            t[j] = ph_mac(a[j], b[i], t[j], &carry);
        t[LIMBS] = ph_adc(t[LIMBS], carry, &c);
        t[LIMBS + 1] = c;

        const uint64_t m = t[0] * order_n0;
        carry = 0;
        (void)ph_mac(m, order_n[0], t[0], &carry);
        PH_UNROLL
        for (int j = 1; j < LIMBS; j++)
            t[j - 1] = ph_mac(m, order_n[j], t[j], &carry);
        c = 0;
        t[LIMBS - 1] = ph_adc(t[LIMBS], carry, &c);
        t[LIMBS] = t[LIMBS + 1] + c;
    }
    ph_limbs_reduce_once(out, t, t[LIMBS], order_n, LIMBS);
}

static bool is_infinity(const struct jacobian *p)
{
    return ph_limbs_are_zero(p->z, LIMBS);
}

/* Right for infinity too, whose Z stays 0. No point has y = 0: the order is odd. */
static void point_double(struct jacobian *out, const struct jacobian *p)
{
    uint64_t delta[LIMBS], four_gamma[LIMBS], four_beta[LIMBS], alpha[LIMBS], t[LIMBS], s[LIMBS];

    field_sqr(delta, p->z);
    field_add(s, p->y, p->y);
    field_sqr(four_gamma, s); /* 4 Y^2 */
    field_mul(four_beta, p->x, four_gamma);
    field_sub(t, p->x, delta);
    field_add(alpha, p->x, delta);
    field_mul(alpha, alpha, t);
    field_add(t, alpha, alpha);
    field_add(alpha, alpha, t); /* 3 (X - Z^2)(X + Z^2) */
    field_mul(out->z, s, p->z);
    field_sqr(t, alpha);
    field_sub(t, t, four_beta);
    field_sub(out->x, t, four_beta);
    field_sub(t, four_beta, out->x);
    field_mul(t, t, alpha);
    field_sqr(s, four_gamma);
    field_halve(s, s); /* 8 Y^4 */
    field_sub(out->y, t, s);
}

/* *acc += (x, y), a point that is not infinity. Every case is handled: *acc infinity, the same
 * point, its negative. */
static void point_add(struct jacobian *acc, const uint64_t *x, const uint64_t *y,
                      const uint64_t *one)
{
    uint64_t zz[LIMBS], h[LIMBS], r[LIMBS], hh[LIMBS], hhh[LIMBS], v[LIMBS];

    if (is_infinity(acc)) {
        memcpy(acc->x, x, sizeof(acc->x));
        memcpy(acc->y, y, sizeof(acc->y));
        memcpy(acc->z, one, sizeof(acc->z));
        return;
    }
    field_sqr(zz, acc->z);
    field_mul(h, x, zz);
    field_mul(r, y, zz);
    field_mul(r, r, acc->z);
    field_sub(h, h, acc->x);
    field_sub(r, r, acc->y);
    if (ph_limbs_are_zero(h, LIMBS)) {
        if (ph_limbs_are_zero(r, LIMBS))
            point_double(acc, acc);
        else
            memset(acc, 0, sizeof(*acc));
        return;
    }
    field_sqr(hh, h);
    field_mul(hhh, hh, h);
    field_mul(v, acc->x, hh);
    field_mul(acc->z, acc->z, h);
    field_sqr(zz, r);
    field_sub(zz, zz, hhh);
    field_sub(zz, zz, v);
    field_sub(acc->x, zz, v);
    field_sub(v, v, acc->x);
    field_mul(v, v, r);
    field_mul(hhh, hhh, acc->y);
    field_sub(acc->y, v, hhh);
}

/* Affine forms of `cnt` points, none of them infinity, with one inversion (Montgomery's trick). */
static void points_to_affine(POINT *out, const struct jacobian *p, int cnt)
{
    uint64_t product[MAX_POINTS + 1][LIMBS], inverse[LIMBS], z[LIMBS], zz[LIMBS];

    memcpy(product[0], p[0].z, sizeof(product[0]));
    for (int i = 1; i < cnt; i++)
        field_mul(product[i], product[i - 1], p[i].z);
    field_invert(inverse, product[cnt - 1]);
    for (int i = cnt - 1; i >= 0; i--) {
        if (i > 0) {
            field_mul(z, inverse, product[i - 1]);
            field_mul(inverse, inverse, p[i].z);
        } else {
            memcpy(z, inverse, sizeof(z));
        }
        field_sqr(zz, z);
        field_mul(out[i].x, p[i].x, zz);
        field_mul(zz, zz, z);
        field_mul(out[i].y, p[i].y, zz);
    }
}

static void montgomery_one(uint64_t one[LIMBS])
{
    field_mul(one, field_r2, plain_one);
}

/* P, 3P, 5P, … (2 cnt - 1) P, and, unless `next` is NULL, 2^STEP P. */
static void table_make(POINT *out, int cnt, const POINT *p, POINT *next)
{
    struct jacobian points[MAX_POINTS + 1] = {0}, twice, walk = {0};
    POINT affine[MAX_POINTS + 1] = {0};
    uint64_t one[LIMBS], zz[LIMBS];

    montgomery_one(one);
    memcpy(walk.x, p->x, sizeof(walk.x));
    memcpy(walk.y, p->y, sizeof(walk.y));
    memcpy(walk.z, one, sizeof(walk.z));
    point_double(&twice, &walk);
    /* (x, y, z) -> (x c^2, y c^3, z) maps the curve to one where 2P, with c its Z, is affine.
     * Additions do not use the curve's coefficients, so they go on there; back is Z c. */
    field_sqr(zz, twice.z);
    field_mul(points[0].x, p->x, zz);
    field_mul(zz, zz, twice.z);
    field_mul(points[0].y, p->y, zz);
    memcpy(points[0].z, one, sizeof(points[0].z));
    for (int i = 1; i < cnt; i++) {
        points[i] = points[i - 1];
        point_add(&points[i], twice.x, twice.y, one);
    }
    for (int i = 0; i < cnt; i++)
        field_mul(points[i].z, points[i].z, twice.z);
    if (next) {
        walk = twice;
        for (int i = 1; i < STEP; i++)
            point_double(&walk, &walk);
        points[cnt] = walk;
    }
    points_to_affine(affine, points, next ? cnt + 1 : cnt);
    memcpy(out, affine, (size_t)cnt * sizeof(out[0]));
    if (next)
        *next = affine[cnt];
}

static POINT base_table[PH_EC_BLOCKS][BASE_POINTS];
static pthread_once_t base_once = PTHREAD_ONCE_INIT;

static void base_make(void)
{
    POINT p;

    memcpy(p.x, base_x, sizeof(p.x));
    memcpy(p.y, base_y, sizeof(p.y));
    for (int b = 0; b < PH_EC_BLOCKS; b++)
        table_make(base_table[b], BASE_POINTS, &p, b + 1 < PH_EC_BLOCKS ? &p : NULL);
}

static void base_ready(void)
{
    const int err = pthread_once(&base_once, base_make);
    assert(err == 0);
}

static enum ph_err key_init(PUB *pub, const uint8_t *xy)
{
    uint64_t left[LIMBS], right[LIMBS], t[LIMBS];
    POINT p;

    pub->blocks = 0;
    ph_limbs_load(p.x, xy, LIMBS);
    ph_limbs_load(p.y, xy + 8 * LIMBS, LIMBS);
    if (!ph_limbs_less(p.x, field_p, LIMBS) || !ph_limbs_less(p.y, field_p, LIMBS))
        return PH_ERR_MALFORMED;
    field_mul(p.x, p.x, field_r2);
    field_mul(p.y, p.y, field_r2);

    field_sqr(left, p.y);
    field_sqr(right, p.x);
    field_mul(right, right, p.x);
    field_add(t, p.x, p.x);
    field_add(t, t, p.x);
    field_sub(right, right, t);
    field_add(right, right, curve_b);
    if (!ph_limbs_equal(left, right, LIMBS))
        return PH_ERR_MALFORMED;

    memcpy(pub->xy, xy, sizeof(pub->xy));
    table_make(pub->table[0], PH_EC_POINTS, &p, NULL);
    pub->blocks = 1;
    return PH_OK;
}

static void key_prepare(PUB *pub)
{
    POINT p = pub->table[0][0];

    if (pub->blocks != 1)
        return;
    /* Block 0 is made again for the sake of its `next`. */
    for (int b = 0; b < PH_EC_BLOCKS; b++)
        table_make(pub->table[b], PH_EC_POINTS, &p, b + 1 < PH_EC_BLOCKS ? &p : NULL);
    pub->blocks = PH_EC_BLOCKS;
}

/* Bits at … at + cnt - 1 of a scalar that has a zero limb above it; cnt < 64. */
static unsigned scalar_bits(const uint64_t *k, int at, int cnt)
{
    const int limb = at / 64, shift = at % 64;
    uint64_t v = k[limb] >> shift;

    if (shift + cnt > 64)
        v |= k[limb + 1] << (64 - shift);
    return (unsigned)(v & ((UINT64_C(1) << cnt) - 1));
}

/* k as sum of digit[i] 2^i with digits 0 or odd, |digit| < 2^(window - 1), no two of them within
 * `window` places of each other. The digit at BITS is 0 or 1. */
static void scalar_digits(int8_t digit[static BITS + 1], const uint64_t *scalar, int window)
{
    uint64_t k[LIMBS + 1];
    unsigned carry = 0;

    memcpy(k, scalar, sizeof(k[0]) * LIMBS);
    k[LIMBS] = 0;
    memset(digit, 0, BITS + 1);
    for (int at = 0; at <= BITS;) {
        if (scalar_bits(k, at, 1) == carry) {
            at++;
            continue;
        }
        const int cnt = window < BITS + 1 - at ? window : BITS + 1 - at;
        const unsigned v = scalar_bits(k, at, cnt) + carry;
        carry = v >> (window - 1) & 1;
        digit[at] = (int8_t)((int)v - (int)(carry << window));
        at += cnt;
    }
}

/* *acc += digit P, for the table of P's odd multiples. */
static void add_digit(struct jacobian *acc, const POINT *table, int digit, const uint64_t *one)
{
    static const uint64_t zero[LIMBS];
    uint64_t y[LIMBS];

    if (digit > 0) {
        point_add(acc, table[digit / 2].x, table[digit / 2].y, one);
    } else if (digit < 0) {
        field_sub(y, zero, table[-digit / 2].y);
        point_add(acc, table[-digit / 2].x, y, one);
    }
}

/* *out = u1 G + u2 Q */
static void multiply(struct jacobian *out, const uint64_t *u1, const uint64_t *u2, const PUB *pub)
{
    int8_t digit1[BITS + 1], digit2[BITS + 1];
    uint64_t one[LIMBS];
    const int key_blocks = (int)pub->blocks, key_step = BITS / key_blocks;
    struct jacobian acc = {0};

    montgomery_one(one);
    scalar_digits(digit1, u1, BASE_WINDOW);
    scalar_digits(digit2, u2, KEY_WINDOW);
    /* Place i of a block is place b step + i of the scalar; the last block has one more. */
    for (int i = key_step; i >= 0; i--) {
        if (!is_infinity(&acc))
            point_double(&acc, &acc);
        for (int b = i < key_step ? 0 : key_blocks - 1; b < key_blocks; b++)
            add_digit(&acc, pub->table[b], digit2[b * key_step + i], one);
        if (i > STEP)
            continue;
        for (int b = i < STEP ? 0 : PH_EC_BLOCKS - 1; b < PH_EC_BLOCKS; b++)
            add_digit(&acc, base_table[b], digit1[b * STEP + i], one);
    }
    *out = acc;
}

/* Is r the x coordinate of p, modulo n? x = X/Z^2 < p < 2n, so x is r or r + n: compared with X
 * without dividing. */
static bool x_is(const struct jacobian *p, const uint64_t *r)
{
    uint64_t zz[LIMBS], x[LIMBS], t[LIMBS];

    if (is_infinity(p))
        return false;
    field_sqr(zz, p->z);
    field_mul(x, r, field_r2);
    field_mul(x, x, zz);
    if (ph_limbs_equal(x, p->x, LIMBS))
        return true;
    if (ph_limbs_add(t, r, order_n, LIMBS) != 0 || !ph_limbs_less(t, field_p, LIMBS))
        return false;
    field_mul(x, t, field_r2);
    field_mul(x, x, zz);
    return ph_limbs_equal(x, p->x, LIMBS);
}

static bool is_scalar(const uint64_t *k)
{
    return !ph_limbs_are_zero(k, LIMBS) && ph_limbs_less(k, order_n, LIMBS);
}

/* FIPS 186-5 §6.4.2. `digest` is 8 LIMBS bytes: its leftmost BITS bits are all of it. */
static enum ph_err signature_check(const PUB *pub, const uint8_t *digest, const uint8_t *sig)
{
    uint64_t r[LIMBS], s[LIMBS], e[LIMBS], u1[LIMBS], u2[LIMBS];
    struct jacobian p;

    ph_limbs_load(r, sig, LIMBS);
    ph_limbs_load(s, sig + 8 * LIMBS, LIMBS);
    if (!is_scalar(r) || !is_scalar(s))
        return PH_ERR_UNTRUSTED;
    if (pub->blocks != 1 && pub->blocks != PH_EC_BLOCKS)
        return PH_ERR_UNTRUSTED; /* never initialised */
    base_ready();
    ph_limbs_load(e, digest, LIMBS);
    ph_limbs_reduce_once(e, e, 0, order_n, LIMBS); /* 2^BITS < 2n */

    order_invert(s, s);
    order_mul(s, s, order_r2); /* Montgomery form, so that the next two are plain */
    order_mul(u1, e, s);
    order_mul(u2, r, s);
    multiply(&p, u1, u2, pub);
    if (!x_is(&p, r))
        return PH_ERR_UNTRUSTED;
    return PH_OK;
}

#undef LIMBS
#undef POINT
#undef PUB

#endif
