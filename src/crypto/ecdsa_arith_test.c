/* The fields of P-256 and P-384 and their scalars, against libcrypto's numbers: every pair of a set
 * of edges (near 0, near multiples of p and of 2^k), then random ones. */

#include "crypto/aead.h"
#include "crypto/ecdsa_priv.h"
#include "crypto/test_priv.h"

#include <openssl/bn.h>

enum { MAX_LIMBS = 6, MAX_EDGES = 400, RANDOM_ROUNDS = 20000 };

struct fixture {
    const struct ph_ec_arith *ec;
    BIGNUM *p, *n, *p_r_inverse, *n_r_inverse; /* 2^-(64 limbs) modulo each */
    BN_CTX *ctx;
    uint64_t edge[MAX_EDGES][MAX_LIMBS];
    int edge_cnt;
};

static BIGNUM *to_bn(const struct fixture *f, const uint64_t *a)
{
    BIGNUM *n = BN_lebin2bn((const unsigned char *)a, 8 * f->ec->limbs, NULL);
    CHECK(n != NULL);
    return n;
}

static bool from_bn(const struct fixture *f, const BIGNUM *n, uint64_t out[MAX_LIMBS])
{
    memset(out, 0, MAX_LIMBS * sizeof(out[0]));
    return !BN_is_negative(n) && BN_bn2lebinpad(n, (unsigned char *)out, 8 * f->ec->limbs) >= 0;
}

/* Kept if it is below p; edges of n are below p too. */
static void add_edge(struct fixture *f, const BIGNUM *n)
{
    if (BN_cmp(n, f->p) >= 0 || !from_bn(f, n, f->edge[f->edge_cnt]))
        return;
    for (int i = 0; i < f->edge_cnt; i++) {
        if (memcmp(f->edge[i], f->edge[f->edge_cnt], sizeof(f->edge[i])) == 0)
            return;
    }
    CHECK(++f->edge_cnt < MAX_EDGES);
}

static void add_edges_around(struct fixture *f, const BIGNUM *n)
{
    BIGNUM *near = BN_dup(n);

    CHECK(near && BN_sub_word(near, 2) == 1);
    for (int i = -2; i <= 2; i++) {
        add_edge(f, near);
        CHECK(BN_add_word(near, 1) == 1);
    }
    BN_free(near);
}

static BIGNUM *r_inverse(const struct fixture *f, const BIGNUM *m)
{
    BIGNUM *r = BN_new();

    CHECK(r && BN_lshift(r, BN_value_one(), 64 * f->ec->limbs) == 1);
    CHECK(BN_mod_inverse(r, r, m, f->ctx) != NULL);
    return r;
}

static struct fixture *setup(const struct ph_ec_arith *ec)
{
    static struct fixture store;
    struct fixture *f = &store;
    BIGNUM *n = BN_new();

    CHECK(n != NULL);
    *f = (struct fixture){.ec = ec, .ctx = BN_CTX_new()};
    f->p = to_bn(f, ec->p);
    f->n = to_bn(f, ec->n);
    f->p_r_inverse = r_inverse(f, f->p);
    f->n_r_inverse = r_inverse(f, f->n);
    BN_zero(n);
    add_edge(f, n);
    add_edges_around(f, f->p);
    add_edges_around(f, f->n);
    for (int k = 32; k <= 64 * ec->limbs; k += 32) {
        CHECK(BN_one(n) == 1 && BN_lshift(n, n, k) == 1);
        add_edges_around(f, n); /* 2^k - 2 … 2^k + 2 */
        CHECK(BN_sub(n, f->p, n) == 1);
        if (!BN_is_negative(n))
            add_edges_around(f, n); /* p - 2^k */
    }
    CHECK(BN_lshift(n, BN_value_one(), 64 * ec->limbs) == 1);
    CHECK(BN_sub(n, n, f->p) == 1); /* one, in Montgomery form */
    add_edges_around(f, n);
    CHECK(BN_rshift1(n, f->p) == 1);
    add_edges_around(f, n);
    CHECK(BN_sqr(n, n, f->ctx) == 1 && BN_nnmod(n, n, f->p, f->ctx) == 1);
    add_edges_around(f, n);
    BN_free(n);
    return f;
}

static void teardown(struct fixture *f)
{
    BN_free(f->p);
    BN_free(f->n);
    BN_free(f->p_r_inverse);
    BN_free(f->n_r_inverse);
    BN_CTX_free(f->ctx);
}

static void check_equal(const struct fixture *f, const char *what, const BIGNUM *want,
                        const uint64_t *got, const uint64_t *a, const uint64_t *b)
{
    uint64_t limbs[MAX_LIMBS];

    CHECK(from_bn(f, want, limbs));
    if (memcmp(limbs, got, 8 * (size_t)f->ec->limbs) == 0)
        return;
    for (int i = f->ec->limbs - 1; i >= 0; i--)
        print_message("# a %016llx b %016llx want %016llx got %016llx\n", (unsigned long long)a[i],
                      (unsigned long long)b[i], (unsigned long long)limbs[i],
                      (unsigned long long)got[i]);
    fail_msg("%s, %d limbs", what, f->ec->limbs);
}

/* Both below p; the scalar operations run when they are below n. */
static void check_pair(const struct fixture *f, const uint64_t *a, const uint64_t *b)
{
    const struct ph_ec_arith *ec = f->ec;
    BIGNUM *x = to_bn(f, a), *y = to_bn(f, b), *want = BN_new();
    uint64_t out[MAX_LIMBS] = {0}, alias[MAX_LIMBS];

    CHECK(BN_mod_add(want, x, y, f->p, f->ctx) == 1);
    ec->add(out, a, b);
    check_equal(f, "add", want, out, a, b);
    CHECK(BN_mod_sub(want, x, y, f->p, f->ctx) == 1);
    ec->sub(out, a, b);
    check_equal(f, "sub", want, out, a, b);
    CHECK(BN_mod_mul(want, x, y, f->p, f->ctx) == 1);
    CHECK(BN_mod_mul(want, want, f->p_r_inverse, f->p, f->ctx) == 1);
    ec->mul(out, a, b);
    check_equal(f, "mul", want, out, a, b);
    memcpy(alias, a, 8 * (size_t)ec->limbs);
    ec->mul(alias, alias, b);
    check_equal(f, "mul onto its first operand", want, alias, a, b);
    memcpy(alias, b, 8 * (size_t)ec->limbs);
    ec->mul(alias, a, alias);
    check_equal(f, "mul onto its second operand", want, alias, a, b);
    if (BN_cmp(x, f->n) < 0 && BN_cmp(y, f->n) < 0) {
        CHECK(BN_mod_mul(want, x, y, f->n, f->ctx) == 1);
        CHECK(BN_mod_mul(want, want, f->n_r_inverse, f->n, f->ctx) == 1);
        ec->scalar_mul(out, a, b);
        check_equal(f, "scalar_mul", want, out, a, b);
    }
    BN_free(x);
    BN_free(y);
    BN_free(want);
}

static void check_one(const struct fixture *f, const uint64_t *a)
{
    const struct ph_ec_arith *ec = f->ec;
    BIGNUM *x = to_bn(f, a), *want = BN_new();
    uint64_t out[MAX_LIMBS] = {0};

    CHECK(BN_mod_sqr(want, x, f->p, f->ctx) == 1);
    CHECK(BN_mod_mul(want, want, f->p_r_inverse, f->p, f->ctx) == 1);
    ec->sqr(out, a);
    check_equal(f, "sqr", want, out, a, a);
    CHECK(BN_copy(want, x) && (!BN_is_odd(want) || BN_add(want, want, f->p) == 1));
    CHECK(BN_rshift1(want, want) == 1);
    ec->halve(out, a);
    check_equal(f, "halve", want, out, a, a);
    CHECK(BN_is_zero(x) ? BN_copy(want, x) : BN_mod_inverse(want, x, f->p, f->ctx));
    ec->invert(out, a);
    check_equal(f, "invert", want, out, a, a);
    if (BN_cmp(x, f->n) < 0) {
        CHECK(BN_is_zero(x) ? BN_copy(want, x) : BN_mod_inverse(want, x, f->n, f->ctx));
        ec->scalar_invert(out, a);
        check_equal(f, "scalar_invert", want, out, a, a);
    }
    BN_free(x);
    BN_free(want);
}

static void check_edges(const struct ph_ec_arith *ec)
{
    struct fixture *f = setup(ec);

    for (int i = 0; i < f->edge_cnt; i++) {
        check_one(f, f->edge[i]);
        for (int j = 0; j < f->edge_cnt; j++)
            check_pair(f, f->edge[i], f->edge[j]);
    }
    teardown(f);
}

/* Random limbs, each whole, zero or all ones: long carries are as likely as none. */
static void random_below_p(const struct fixture *f, uint64_t out[MAX_LIMBS])
{
    BIGNUM *x;
    bool below;

    do {
        uint8_t kinds[MAX_LIMBS];
        ph_random(out, 8 * (size_t)f->ec->limbs);
        ph_random(kinds, sizeof(kinds));
        for (int i = 0; i < f->ec->limbs; i++) {
            if (kinds[i] < 64)
                out[i] = kinds[i] & 1 ? UINT64_MAX : 0;
        }
        x = to_bn(f, out);
        below = BN_cmp(x, f->p) < 0;
        BN_free(x);
    } while (!below);
}

static void check_random(const struct ph_ec_arith *ec)
{
    struct fixture *f = setup(ec);
    uint64_t a[MAX_LIMBS] = {0}, b[MAX_LIMBS] = {0};

    for (int i = 0; i < RANDOM_ROUNDS; i++) {
        random_below_p(f, a);
        random_below_p(f, b);
        check_pair(f, a, b);
        check_one(f, a);
    }
    teardown(f);
}

TEST(p256_numbers_agree_with_libcrypto_at_the_edges)
{
    check_edges(&ph_p256_arith);
}

TEST(p384_numbers_agree_with_libcrypto_at_the_edges)
{
    check_edges(&ph_p384_arith);
}

TEST(p256_numbers_agree_with_libcrypto_at_random)
{
    check_random(&ph_p256_arith);
}

TEST(p384_numbers_agree_with_libcrypto_at_random)
{
    check_random(&ph_p384_arith);
}

PH_TEST_MAIN(CASE(p256_numbers_agree_with_libcrypto_at_the_edges),
             CASE(p384_numbers_agree_with_libcrypto_at_the_edges),
             CASE(p256_numbers_agree_with_libcrypto_at_random),
             CASE(p384_numbers_agree_with_libcrypto_at_random))
