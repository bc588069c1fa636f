/* Verification against libcrypto's over P-256 and P-384: random cases and their mutations, then
 * cases built so that the sum u1 G + u2 Q meets its exceptions. Each case is judged with the key
 * plain and prepared. Reproducible: PHALA_TEST_SEED=<what the test prints> repeats a run. */

#include "crypto/ecdsa_ref_priv.h"

#include "base/bytes.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/test_priv.h"

#include <stdlib.h>

enum { RANDOM_KEYS = 400, SMALL = 24 };

static struct ref_curve curves[2];
static struct {
    uint64_t seed, counter;
} rng;
static unsigned accepted, refused, bad_keys;

static void draw(void *out, size_t len)
{
    uint8_t block[PH_SHA256_LEN], *at = out;

    while (len > 0) {
        const size_t n = len < sizeof(block) ? len : sizeof(block);
        rng.counter++;
        ph_sha256((struct ph_bytes){(const uint8_t *)&rng, sizeof(rng)}, block);
        memcpy(at, block, n);
        at += n;
        len -= n;
    }
}

static unsigned draw_below(unsigned limit)
{
    uint32_t v;
    draw(&v, sizeof(v));
    return v % limit;
}

/* 1..n-1 */
static BIGNUM *draw_scalar(const struct ref_curve *c)
{
    uint8_t bytes[REF_MAX];
    BIGNUM *n = BN_new();

    do {
        draw(bytes, sizeof(bytes));
        CHECK(BN_bin2bn(bytes, c->len, n) && BN_nnmod(n, n, c->n, c->ctx) == 1);
    } while (BN_is_zero(n));
    return n;
}

static enum ref_verdict judge(const struct ref_curve *c, const struct ref_case *t)
{
    const enum ref_verdict theirs = ref_theirs(c, t), ours = ref_ours(c, t);

    if (theirs != ours) {
        print_message("# seed %llu: libcrypto says %d, we say %d\n", (unsigned long long)rng.seed,
                      (int)theirs, (int)ours);
        for (int i = 0; i < 5 * c->len; i++) {
            const uint8_t *at = i < 2 * c->len   ? t->xy + i
                                : i < 3 * c->len ? t->digest + i - 2 * c->len
                                                 : t->sig + i - 3 * c->len;
            print_message("%s%02x%s", i % c->len == 0 ? "# " : "", *at,
                          i % c->len == c->len - 1 ? "\n" : "");
        }
        fail_msg("verdicts differ on P-%d", 8 * c->len);
    }
    *(ours == REF_ACCEPTED ? &accepted : ours == REF_REFUSED ? &refused : &bad_keys) += 1;
    return ours;
}

static void expect(const struct ref_curve *c, const struct ref_case *t, enum ref_verdict want)
{
    CHECK(judge(c, t) == want);
}

static BIGNUM *small(int v)
{
    BIGNUM *n = BN_new();
    CHECK(n && BN_set_word(n, (BN_ULONG)v) == 1);
    return n;
}

/* v, or n + v for a negative one. */
static BIGNUM *near_order(const struct ref_curve *c, int v)
{
    BIGNUM *n = small(v < 0 ? -v : v);
    if (v < 0)
        CHECK(BN_sub(n, c->n, n) == 1);
    return n;
}

static void mutate(const struct ref_curve *c, struct ref_case *t)
{
    uint8_t *const part[] = {t->sig, t->sig + c->len, t->digest, t->xy, t->xy + c->len};
    uint8_t *const at = part[draw_below(PH_LEN(part))];
    const BIGNUM *const edges[] = {c->n, c->p};
    BIGNUM *v;

    switch (draw_below(5)) {
    case 0: /* one bit */
        at[draw_below((unsigned)c->len)] ^= (uint8_t)(1 << draw_below(8));
        break;
    case 1: /* anything */
        draw(at, (size_t)c->len);
        break;
    case 2: /* n or p, a few up or down */
        v = BN_dup(edges[draw_below(2)]);
        CHECK(v && (draw_below(2) ? BN_add_word(v, draw_below(3)) : BN_sub_word(v, draw_below(3))));
        ref_put(c, v, at);
        BN_free(v);
        break;
    case 3: /* 0, 1, 2, or all ones */
        memset(at, 0, (size_t)c->len);
        at[c->len - 1] = (uint8_t)draw_below(3);
        if (draw_below(4) == 0)
            memset(at, 0xff, (size_t)c->len);
        break;
    case 4: /* its negative modulo n, if it is below n */
        v = BN_bin2bn(at, c->len, NULL);
        if (BN_sub(v, c->n, v) == 1 && !BN_is_negative(v))
            ref_put(c, v, at);
        BN_free(v);
        break;
    default:
        break;
    }
}

static void random_cases(const struct ref_curve *c)
{
    for (int i = 0; i < RANDOM_KEYS; i++) {
        BIGNUM *d = draw_scalar(c), *k = draw_scalar(c);
        struct ref_case t = {.xy = {0}}, mutant;

        draw(t.digest, (size_t)c->len);
        CHECK(ref_sign(c, d, k, &t));
        expect(c, &t, REF_ACCEPTED);
        mutant = t;
        for (int m = 0; m < 4; m++) {
            if (m % 2 == 0)
                mutant = t;
            mutate(c, &mutant);
            (void)judge(c, &mutant);
        }
        BN_free(d);
        BN_free(k);
    }
}

TEST(random_signatures_and_mutations_are_judged_as_by_libcrypto)
{
    for (size_t i = 0; i < PH_LEN(curves); i++)
        random_cases(&curves[i]);
    print_message("# %u accepted, %u refused, %u keys refused\n", accepted, refused, bad_keys);
    CHECK(accepted >= 2 * RANDOM_KEYS && refused > RANDOM_KEYS && bad_keys > RANDOM_KEYS / 4);
}

/* Keys and nonces near 0 and n: Q = ±G, ±2G …, and R likewise. The tables of G and Q then share
 * points, and sums meet P + P and P - P on the way. */
TEST(small_multiples_of_the_generator_as_keys_and_nonces)
{
    for (size_t i = 0; i < PH_LEN(curves); i++) {
        const struct ref_curve *c = &curves[i];
        const int step = i == 0 ? 1 : 5; /* libcrypto is slow on P-384 */
        for (int kd = -SMALL; kd <= SMALL; kd++) {
            for (int kk = -SMALL; kk <= SMALL; kk += step) {
                BIGNUM *d = near_order(c, kd), *k = near_order(c, kk);
                struct ref_case t = {.xy = {0}};
                t.digest[c->len - 1] = (uint8_t)draw_below(40); /* u1 small relative to u2 */
                if (kd != 0 && kk != 0 && ref_sign(c, d, k, &t))
                    expect(c, &t, REF_ACCEPTED);
                BN_free(d);
                BN_free(k);
            }
        }
    }
}

/* u1 G + u2 Q with chosen u1, u2 and Q = d G: s = r / u2, e = u1 s, for any r; libcrypto and we
 * agree on R, and R's x is put in r where that is what decides. */
static void chosen_scalars(const struct ref_curve *c, const BIGNUM *u1, const BIGNUM *u2,
                           const BIGNUM *d)
{
    BIGNUM *x = BN_new(), *s = BN_new(), *e = BN_new();
    EC_POINT *q = EC_POINT_new(c->group), *r = EC_POINT_new(c->group);
    struct ref_case t = {.xy = {0}};

    CHECK(x && s && e && q && r);
    CHECK(EC_POINT_mul(c->group, q, d, NULL, NULL, c->ctx) == 1);
    CHECK(EC_POINT_mul(c->group, r, u1, q, u2, c->ctx) == 1);
    const bool infinite = EC_POINT_is_at_infinity(c->group, r);
    if (infinite)
        CHECK(BN_set_word(x, 1 + draw_below(1000)) == 1);
    else
        CHECK(EC_POINT_get_affine_coordinates(c->group, r, x, NULL, c->ctx) == 1);
    CHECK(BN_nnmod(x, x, c->n, c->ctx) == 1 && BN_mod_inverse(s, u2, c->n, c->ctx));
    CHECK(BN_mod_mul(s, s, x, c->n, c->ctx) == 1 && BN_mod_mul(e, u1, s, c->n, c->ctx) == 1);
    ref_put_point(c, q, t.xy);
    ref_put(c, x, t.sig);
    ref_put(c, s, t.sig + c->len);
    ref_put(c, e, t.digest);
    expect(c, &t, infinite ? REF_REFUSED : REF_ACCEPTED);
    EC_POINT_free(q);
    EC_POINT_free(r);
    BN_free(x);
    BN_free(s);
    BN_free(e);
}

/* Around the tables' digits (up to 31 and 15) and the seams of their blocks (2^32, 2^48). */
TEST(chosen_u1_and_u2_meet_equal_and_opposite_points)
{
    for (size_t i = 0; i < PH_LEN(curves); i++) {
        const struct ref_curve *c = &curves[i];
        const int bits[] = {0, 4, 5, c->len - 1, c->len, 8 * c->len - 2, 8 * c->len - 1};
        for (size_t b = 0; b < PH_LEN(bits); b++) {
            for (int v = 0; v < 30; v++) {
                BIGNUM *u1 = small(1), *u2 = small(1), *d = near_order(c, (int)draw_below(7) - 3);
                if (BN_is_zero(d))
                    CHECK(BN_one(d) == 1);
                CHECK(BN_lshift(u1, u1, bits[b]) == 1 && BN_add_word(u1, draw_below(4)) == 1);
                CHECK(BN_nnmod(u1, u1, c->n, c->ctx) == 1);
                /* u2 d = ± u1, or off by a little */
                CHECK(BN_mod_inverse(u2, d, c->n, c->ctx));
                CHECK(BN_mod_mul(u2, u2, u1, c->n, c->ctx) == 1);
                if (v % 2)
                    CHECK(BN_sub(u2, c->n, u2) == 1);
                if (v % 3 == 0)
                    CHECK(BN_add_word(u2, draw_below(3)) == 1);
                if (v % 5 == 0)
                    BN_zero(u1);
                CHECK(BN_nnmod(u2, u2, c->n, c->ctx) == 1);
                if (!BN_is_zero(u2))
                    chosen_scalars(c, u1, u2, d);
                BN_free(u1);
                BN_free(u2);
                BN_free(d);
            }
        }
    }
}

/* Scalars whose signed digits are all there is: long runs of ones, single bits, alternations. */
TEST(scalars_of_extreme_digit_patterns)
{
    for (size_t i = 0; i < PH_LEN(curves); i++) {
        const struct ref_curve *c = &curves[i];
        for (int round = 0; round < 60; round++) {
            BIGNUM *u[2];
            for (int j = 0; j < 2; j++) {
                static const uint8_t fill[] = {0x00, 0xff, 0xaa, 0x55, 0x0f, 0x84, 0x7f, 0x01};
                uint8_t bytes[REF_MAX];
                memset(bytes, fill[draw_below(PH_LEN(fill))], sizeof(bytes));
                bytes[draw_below((unsigned)c->len)] ^= (uint8_t)(1 << draw_below(8));
                u[j] = BN_bin2bn(bytes, c->len, NULL);
                CHECK(u[j] && BN_nnmod(u[j], u[j], c->n, c->ctx) == 1);
            }
            BIGNUM *d = round % 2 ? draw_scalar(c) : small(1);
            if (!BN_is_zero(u[1]))
                chosen_scalars(c, u[0], u[1], d);
            BN_free(u[0]);
            BN_free(u[1]);
            BN_free(d);
        }
    }
}

/* e = 0, n - 1, n, n + 1 and all ones: u1 = 0, and digests that are not reduced. */
TEST(digests_at_the_edges)
{
    for (size_t i = 0; i < PH_LEN(curves); i++) {
        const struct ref_curve *c = &curves[i];
        for (int edge = 0; edge < 6; edge++) {
            BIGNUM *d = draw_scalar(c), *k = draw_scalar(c), *e = BN_dup(c->n);
            struct ref_case t = {.xy = {0}};
            if (edge < 3)
                CHECK(BN_sub_word(e, 1) == 1 && BN_add_word(e, (BN_ULONG)edge) == 1);
            if (edge < 3)
                ref_put(c, e, t.digest);
            else if (edge == 3)
                memset(t.digest, 0xff, (size_t)c->len);
            else if (edge == 4)
                t.digest[c->len - 1] = 1;
            CHECK(ref_sign(c, d, k, &t));
            expect(c, &t, REF_ACCEPTED);
            BN_free(d);
            BN_free(k);
            BN_free(e);
        }
    }
}

/* R whose x is n or more, so that r = x - n; and R whose x is as small without that. */
TEST(x_coordinates_beyond_the_order_are_reduced)
{
    for (size_t i = 0; i < PH_LEN(curves); i++) {
        const struct ref_curve *c = &curves[i];
        EC_POINT *big_r = EC_POINT_new(c->group);
        BIGNUM *x = BN_new();
        int found = 0;
        CHECK(big_r && x);
        for (unsigned v = 0; v < 80; v++) {
            const bool beyond = v % 2;
            CHECK(BN_set_word(x, 1 + v / 2) == 1 && (!beyond || BN_add(x, x, c->n) == 1));
            if (EC_POINT_set_compressed_coordinates(c->group, big_r, x, (int)draw_below(2),
                                                    c->ctx) != 1) {
                ERR_clear_error();
                continue;
            }
            BIGNUM *s = draw_scalar(c);
            struct ref_case t = {.xy = {0}};
            t.sig[c->len - 1] = (uint8_t)(1 + v / 2);
            ref_put(c, s, t.sig + c->len);
            draw(t.digest, (size_t)c->len);
            if (ref_recover(c, big_r, &t)) {
                expect(c, &t, REF_ACCEPTED);
                t.sig[c->len - 1] ^= 0x80;
                expect(c, &t, REF_REFUSED);
                if (beyond) { /* r as it is, not reduced: out of range */
                    ref_put(c, x, t.sig);
                    expect(c, &t, REF_REFUSED);
                    found++;
                }
            }
            BN_free(s);
        }
        CHECK(found > 5);
        BN_free(x);
        EC_POINT_free(big_r);
    }
}

/* r = x + p - n and r = x + 2^bits - n: r + n is x again, once it is taken modulo p or loses its
 * carry. R's x modulo n is not r. */
TEST(r_plus_n_does_not_wrap)
{
    for (size_t i = 0; i < PH_LEN(curves); i++) {
        const struct ref_curve *c = &curves[i];
        EC_POINT *big_r = EC_POINT_new(c->group);
        BIGNUM *x = BN_new(), *r = BN_new();
        int found = 0;
        CHECK(big_r && x && r);
        for (unsigned v = 0; v < 40; v++) {
            CHECK(BN_set_word(x, 1 + v / 2) == 1);
            if (EC_POINT_set_compressed_coordinates(c->group, big_r, x, 0, c->ctx) != 1) {
                ERR_clear_error();
                continue;
            }
            if (v % 2)
                CHECK(BN_copy(r, c->p) != NULL);
            else
                CHECK(BN_one(r) == 1 && BN_lshift(r, r, 8 * c->len) == 1);
            CHECK(BN_sub(r, r, c->n) == 1 && BN_add(r, r, x) == 1);
            BIGNUM *s = draw_scalar(c);
            struct ref_case t = {.xy = {0}};
            ref_put(c, r, t.sig);
            ref_put(c, s, t.sig + c->len);
            draw(t.digest, (size_t)c->len);
            if (ref_recover(c, big_r, &t)) {
                expect(c, &t, REF_REFUSED);
                found++;
            }
            BN_free(s);
        }
        CHECK(found > 5);
        BN_free(x);
        BN_free(r);
        EC_POINT_free(big_r);
    }
}

/* r = 0 is refused even where the sum is a point with x = 0, or infinity. */
TEST(zero_r_is_refused_even_where_x_is_zero)
{
    for (size_t i = 0; i < PH_LEN(curves); i++) {
        const struct ref_curve *c = &curves[i];
        BIGNUM *zero = small(0), *s = draw_scalar(c);
        EC_POINT *p = EC_POINT_new(c->group);
        struct ref_case t = {.xy = {0}};
        CHECK(p && EC_POINT_set_compressed_coordinates(c->group, p, zero, 1, c->ctx) == 1);
        ref_put_point(c, p, t.xy); /* the key itself has x = 0 */
        expect(c, &t, REF_REFUSED);
        ref_put(c, s, t.sig + c->len);
        expect(c, &t, REF_REFUSED); /* u2 = 0, e = 0: infinity */
        t.digest[0] = 1;
        expect(c, &t, REF_REFUSED);
        BN_free(zero);
        BN_free(s);
        EC_POINT_free(p);
    }
}

/* Without knowing its secret: R = a G + b Q, r = x(R), s = r / b, e = a r / b. */
TEST(a_key_with_x_zero_verifies)
{
    for (size_t i = 0; i < PH_LEN(curves); i++) {
        const struct ref_curve *c = &curves[i];
        BIGNUM *zero = small(0), *a = draw_scalar(c), *b = draw_scalar(c), *x = BN_new();
        EC_POINT *q = EC_POINT_new(c->group), *r = EC_POINT_new(c->group);
        struct ref_case t = {.xy = {0}};
        CHECK(q && r && x &&
              EC_POINT_set_compressed_coordinates(c->group, q, zero, 0, c->ctx) == 1);
        CHECK(EC_POINT_mul(c->group, r, a, q, b, c->ctx) == 1);
        CHECK(EC_POINT_get_affine_coordinates(c->group, r, x, NULL, c->ctx) == 1);
        CHECK(BN_nnmod(x, x, c->n, c->ctx) == 1 && BN_mod_inverse(b, b, c->n, c->ctx));
        ref_put_point(c, q, t.xy);
        ref_put(c, x, t.sig);
        CHECK(BN_mod_mul(x, x, b, c->n, c->ctx) == 1);
        ref_put(c, x, t.sig + c->len);
        CHECK(BN_mod_mul(x, x, a, c->n, c->ctx) == 1);
        ref_put(c, x, t.digest);
        expect(c, &t, REF_ACCEPTED);
        BN_free(zero);
        BN_free(a);
        BN_free(b);
        BN_free(x);
        EC_POINT_free(q);
        EC_POINT_free(r);
    }
}

/* A valid point with p added to a coordinate that leaves room, and keys off the curve. */
TEST(keys_that_are_not_reduced_or_off_the_curve_are_refused)
{
    for (size_t i = 0; i < PH_LEN(curves); i++) {
        const struct ref_curve *c = &curves[i];
        EC_POINT *q = EC_POINT_new(c->group);
        BIGNUM *x = BN_new(), *y = BN_new();
        int found = 0;
        for (unsigned v = 0; v < 40; v++) {
            struct ref_case t = {.xy = {0}};
            CHECK(q && x && y && BN_set_word(x, v) == 1);
            if (EC_POINT_set_compressed_coordinates(c->group, q, x, 0, c->ctx) != 1) {
                ERR_clear_error();
                continue;
            }
            ref_put_point(c, q, t.xy);
            t.sig[c->len - 1] = t.sig[2 * c->len - 1] = 1;
            expect(c, &t, REF_REFUSED);
            CHECK(BN_add(y, x, c->p) == 1); /* the same x modulo p */
            ref_put(c, y, t.xy);
            expect(c, &t, REF_BAD_KEY);
            ref_put(c, x, t.xy);
            t.xy[2 * c->len - 1] ^= 1;
            expect(c, &t, REF_BAD_KEY);
            found++;
        }
        CHECK(found > 5);
        EC_POINT_free(q);
        BN_free(x);
        BN_free(y);
    }
}

TEST(a_zeroed_key_verifies_nothing)
{
    static const struct ph_p256_pub none256;
    static const struct ph_p384_pub none384;
    BIGNUM *d = small(1), *k = small(2);
    struct ref_case t = {.xy = {0}};

    CHECK(ref_sign(&curves[0], d, k, &t));
    CHECK(ph_p256_verify_digest(&none256, t.digest, t.sig) == PH_ERR_UNTRUSTED);
    CHECK(ref_sign(&curves[1], d, k, &t));
    CHECK(ph_p384_verify_digest(&none384, t.digest, t.sig) == PH_ERR_UNTRUSTED);
    BN_free(d);
    BN_free(k);
}

/* A failed init leaves nothing that verifies, even over a key that did. */
TEST(a_refused_key_takes_the_place_of_the_one_before)
{
    BIGNUM *d = small(1), *k = small(2);
    struct ph_p256_pub pub256;
    struct ph_p384_pub pub384;
    struct ref_case t = {.xy = {0}};

    CHECK(ref_sign(&curves[0], d, k, &t) && ph_p256_pub_init(&pub256, t.xy) == PH_OK);
    CHECK(ph_p256_verify_digest(&pub256, t.digest, t.sig) == PH_OK);
    t.xy[0] ^= 1;
    CHECK(ph_p256_pub_init(&pub256, t.xy) == PH_ERR_MALFORMED);
    ph_p256_pub_prepare(&pub256);
    CHECK(ph_p256_verify_digest(&pub256, t.digest, t.sig) == PH_ERR_UNTRUSTED);
    CHECK(ref_sign(&curves[1], d, k, &t) && ph_p384_pub_init(&pub384, t.xy) == PH_OK);
    CHECK(ph_p384_verify_digest(&pub384, t.digest, t.sig) == PH_OK);
    t.xy[0] ^= 1;
    CHECK(ph_p384_pub_init(&pub384, t.xy) == PH_ERR_MALFORMED);
    ph_p384_pub_prepare(&pub384);
    CHECK(ph_p384_verify_digest(&pub384, t.digest, t.sig) == PH_ERR_UNTRUSTED);
    BN_free(d);
    BN_free(k);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(random_signatures_and_mutations_are_judged_as_by_libcrypto),
        CASE(small_multiples_of_the_generator_as_keys_and_nonces),
        CASE(chosen_u1_and_u2_meet_equal_and_opposite_points),
        CASE(scalars_of_extreme_digit_patterns),
        CASE(digests_at_the_edges),
        CASE(x_coordinates_beyond_the_order_are_reduced),
        CASE(r_plus_n_does_not_wrap),
        CASE(zero_r_is_refused_even_where_x_is_zero),
        CASE(a_key_with_x_zero_verifies),
        CASE(keys_that_are_not_reduced_or_off_the_curve_are_refused),
        CASE(a_zeroed_key_verifies_nothing),
        CASE(a_refused_key_takes_the_place_of_the_one_before),
    };
    const char *seed = getenv("PHALA_TEST_SEED");

    ph_test_fix_tap();
    ph_random(&rng.seed, sizeof(rng.seed));
    if (seed)
        rng.seed = strtoull(seed, NULL, 10);
    print_message("# PHALA_TEST_SEED=%llu\n", (unsigned long long)rng.seed);
    curves[0] = ref_curve_new(NID_X9_62_prime256v1);
    curves[1] = ref_curve_new(NID_secp384r1);
    const int failed = cmocka_run_group_tests(cases, NULL, NULL);
    ref_curve_clear(&curves[0]);
    ref_curve_clear(&curves[1]);
    return failed;
}
