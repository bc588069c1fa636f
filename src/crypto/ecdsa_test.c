/* ECDSA on P-256 and P-384, one table of facts for each: outside vectors, the edges of r, s and the
 * curve, and OpenSSL's command line. */

#include "crypto/p256.h"
#include "crypto/p384.h"

#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/test_priv.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LEN_MAX = 48, LIST_MAX = 8 };

/* A curve: its functions, and facts in hexadecimal. Lists end with NULL. */
struct curve {
    size_t len; /* bytes of a scalar, a coordinate, a digest */
    enum ph_err (*pub_new)(const uint8_t *xy, void **out);
    void (*pub_free)(void *pub);
    void (*pub_bytes)(const void *pub, uint8_t *xy);
    enum ph_err (*verify)(const void *pub, struct ph_bytes message, const uint8_t *sig);
    enum ph_err (*verify_digest)(const void *pub, const uint8_t *digest, const uint8_t *sig);
    enum ph_err (*sign)(const uint8_t *secret, struct ph_bytes message, uint8_t *sig);
    enum ph_err (*sign_digest)(const uint8_t *secret, const uint8_t *digest, uint8_t *sig);
    enum ph_err (*public)(const uint8_t *secret, uint8_t *xy);
    void (*hash)(struct ph_bytes message, uint8_t *digest);
    const char *zero, *one, *all_ones;
    const char *order, *order_minus_1, *order_plus_1, *field, *field_plus_1;
    const char *base_x, *base_x_plus_1;
    const char *key, *pub_x, *pub_y;
    struct {
        const char *message, *sig;
    } known[LIST_MAX];  /* under the key; the first is of "sample" */
    const char *y_is_1; /* x of a point whose y is 1 */
    const char *bad_points[LIST_MAX];
    const char *points[LIST_MAX];
    struct {
        const char *scalar, *xy;
    } known_public[LIST_MAX];
    const char *digest_flag, *spki_head; /* as OpenSSL takes them */
};

/* A curve's functions behind pointers that do not name its type. */
#define FUNCTIONS(c, hash_fn)                                                                      \
    static enum ph_err c##_pub_new(const uint8_t *xy, void **out)                                  \
    {                                                                                              \
        struct ph_##c##_pub *pub = NULL;                                                           \
        const enum ph_err err = ph_##c##_pub_new(xy, &pub);                                        \
        CHECK((err == PH_OK) == (pub != NULL));                                                    \
        *out = pub;                                                                                \
        return err;                                                                                \
    }                                                                                              \
    static void c##_pub_free(void *pub)                                                            \
    {                                                                                              \
        ph_##c##_pub_free(pub);                                                                    \
    }                                                                                              \
    static void c##_pub_bytes(const void *pub, uint8_t *xy)                                        \
    {                                                                                              \
        ph_##c##_pub_bytes(pub, xy);                                                               \
    }                                                                                              \
    static enum ph_err c##_verify(const void *pub, struct ph_bytes message, const uint8_t *sig)    \
    {                                                                                              \
        return ph_##c##_verify(pub, message, sig);                                                 \
    }                                                                                              \
    static enum ph_err c##_verify_digest(const void *pub, const uint8_t *digest,                   \
                                         const uint8_t *sig)                                       \
    {                                                                                              \
        return ph_##c##_verify_digest(pub, digest, sig);                                           \
    }                                                                                              \
    static enum ph_err c##_sign(const uint8_t *secret, struct ph_bytes message, uint8_t *sig)      \
    {                                                                                              \
        return ph_##c##_sign(secret, message, sig);                                                \
    }                                                                                              \
    static enum ph_err c##_sign_digest(const uint8_t *secret, const uint8_t *digest, uint8_t *sig) \
    {                                                                                              \
        return ph_##c##_sign_digest(secret, digest, sig);                                          \
    }                                                                                              \
    static enum ph_err c##_public(const uint8_t *secret, uint8_t *xy)                              \
    {                                                                                              \
        return ph_##c##_public(secret, xy);                                                        \
    }                                                                                              \
    static void c##_hash(struct ph_bytes message, uint8_t *digest)                                 \
    {                                                                                              \
        hash_fn(message, digest);                                                                  \
    }
FUNCTIONS(p256, ph_sha256)
FUNCTIONS(p384, ph_sha384)
#undef FUNCTIONS
#define POINTERS(c)                                                                                \
    .pub_new = c##_pub_new, .pub_free = c##_pub_free, .pub_bytes = c##_pub_bytes,                  \
    .verify = c##_verify, .verify_digest = c##_verify_digest, .sign = c##_sign,                    \
    .sign_digest = c##_sign_digest, .public = c##_public, .hash = c##_hash

#define X16(a) a a a a a a a a a a a a a a a a
#define ZERO_256 X16("0000")
#define ONE_256 "0000000000000000000000000000000000000000000000000000000000000001"
#define FIELD_256 "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"
#define ONES_256 X16("ffff")
/* RFC 6979 A.2.5: key, and the signature of "sample" with SHA-256, whose s is high. */
#define X_256 "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
#define Y_256 "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
#define R_256 "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
/* The y of x = 0, whose square is b; and the last digit of it one higher. */
#define Y_OF_0_HEAD "66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f"

#define ZERO_384 X16("000000")
#define ONE_384 "00000000000000000000000000000000" ONE_256
#define HIGH_384 "ffffffffffffffffffffffffffffffffffffffffffffffff"
#define FIELD_384                                                                                  \
    "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000"     \
    "ffffffff"
/* RFC 6979 A.2.6: key, and the signatures of "sample" and "test" with SHA-384. */
#define X_384                                                                                      \
    "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a25451"     \
    "5480bc13"
#define Y_384                                                                                      \
    "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd25"     \
    "33264720"

static const struct curve curves[] = {
    {
        POINTERS(p256),
        .len = 32,
        .zero = ZERO_256,
        .one = ONE_256,
        .all_ones = ONES_256,
        .order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        .order_minus_1 = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550",
        .order_plus_1 = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632552",
        .field = FIELD_256,
        .field_plus_1 = "ffffffff00000001000000000000000000000001000000000000000000000000",
        .base_x = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
        .base_x_plus_1 = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c297",
        .key = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
        .pub_x = X_256,
        .pub_y = Y_256,
        .known = {{"sample",
                   R_256 "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"},
                  /* with n - s: high and low s are both taken */
                  {"sample",
                   R_256 "0834e36ad29a83bf2bc9385e491d6099c8fdf9d1ed67aa7ea5f51f93782857a9"}},
        .y_is_1 = "09e78d4ef60d05f750f6636209092bc43cbdd6b47e11a9de20a9feb2a50bb96c",
        .bad_points = {ZERO_256 ZERO_256, /* infinity in some encodings */
                       Y_256 X_256,       /* swapped */
                       X_256 X_256, FIELD_256 Y_256, X_256 FIELD_256, ONES_256 ONES_256,
                       ZERO_256 Y_OF_0_HEAD "5",
                       FIELD_256 Y_OF_0_HEAD "4"}, /* x = 0 written as p */
        .points = {ZERO_256 Y_OF_0_HEAD "4"},
        .known_public = {{"c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
                          X_256 Y_256},
                         /* [noble] 42 * G */
                         {"000000000000000000000000000000000000000000000000000000000000002a",
                          "6780c5fc70275e2c7061a0e7877bb174deadeb9887027f3fa83654158ba7f50c"
                          "3cba8c34bc35d20e81f730ac1c7bd6d661a942f90c6a9ca55c512f9e4a001266"}},
        .digest_flag = "-sha256",
        .spki_head = "3059301306072a8648ce3d020106082a8648ce3d03010703420004",
    },
    {
        POINTERS(p384),
        .len = 48,
        .zero = ZERO_384,
        .one = ONE_384,
        .all_ones = HIGH_384 HIGH_384,
        .order = HIGH_384 "c7634d81f4372ddf581a0db248b0a77aecec196accc52973",
        .order_minus_1 = HIGH_384 "c7634d81f4372ddf581a0db248b0a77aecec196accc52972",
        .order_plus_1 = HIGH_384 "c7634d81f4372ddf581a0db248b0a77aecec196accc52974",
        .field = FIELD_384,
        .field_plus_1 = "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe"
                        "ffffffff000000000000000100000000",
        .base_x = "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c"
                  "3a545e3872760ab7",
        .base_x_plus_1 =
            "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf"
            "55296c3a545e3872760ab8",
        .key = "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f8"
               "72c9ea60d2edf5",
        .pub_x = X_384,
        .pub_y = Y_384,
        .known =
            {{"sample",
              "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e"
              "36dd1e80fabe4699ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329"
              "c145786e679e7b82c71a38628ac8"},
             {"test",
              "8203b63d3c853e8d77227fb377bcf7b7b772e97892a80f36ab775d509d7a5feb0542a7f0812998da8f"
              "1dd3ca3cf023dbddd0760448d42d8a43af45af836fce4de8be06b485e9b61b827c2f13173923e06a73"
              "9f040649a667bf3b828246baa5a5"}},
        .y_is_1 =
            "2261b2bf605c22f2f3aef6338719b2c486388ad5240719a5257315969ef01ba27f0a104c89704773a8"
            "1fdabee6ab5c78",
        .bad_points = {ZERO_384 ZERO_384, Y_384 X_384, X_384 X_384, FIELD_384 Y_384,
                       X_384 FIELD_384, HIGH_384 HIGH_384 HIGH_384 HIGH_384},
        .known_public = {{"6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e"
                          "4c70a825f872c9ea60d2edf5",
                          X_384 Y_384}},
        .digest_flag = "-sha384",
        .spki_head = "3076301006072a8648ce3d020106052b8104002203620004",
    },
};

/* What a test works with: set for each curve in turn. */
static const struct curve *c;
#define EACH_CURVE for (c = curves; c < curves + PH_LEN(curves); c++)

/* Two numbers as one string of bytes: a point, a signature. */
static const uint8_t *pair(const char *a, const char *b)
{
    static char hex[4 * LEN_MAX + 1];

    CHECK(strlen(a) == 2 * c->len && strlen(b) == 2 * c->len);
    (void)snprintf(hex, sizeof(hex), "%s%s", a, b);
    return unhex(hex).ptr;
}

static void *new_pub(const char *x, const char *y)
{
    void *pub = NULL;
    CHECK(c->pub_new(pair(x, y), &pub) == PH_OK);
    return pub;
}

TEST(known_signatures_verify)
{
    EACH_CURVE
    {
        void *pub = new_pub(c->pub_x, c->pub_y);
        uint8_t xy[2 * LEN_MAX];

        for (size_t i = 0; c->known[i].sig; i++) {
            const uint8_t *sig = unhex(c->known[i].sig).ptr;
            CHECK(strlen(c->known[i].sig) == 4 * c->len);
            CHECK(c->verify(pub, ph_bytes_str(c->known[i].message), sig) == PH_OK);
            CHECK(c->verify(pub, PH_BYTES_LIT("Sample"), sig) == PH_ERR_UNTRUSTED);
        }
        c->pub_bytes(pub, xy);
        CHECK(memcmp(xy, pair(c->pub_x, c->pub_y), 2 * c->len) == 0);
        c->pub_free(pub);
    }
}

static void flip(uint8_t *bytes, size_t bit)
{
    bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
}

TEST(every_flipped_bit_of_signature_and_digest_is_refused)
{
    EACH_CURVE
    {
        void *pub = new_pub(c->pub_x, c->pub_y);
        uint8_t sig[2 * LEN_MAX], digest[LEN_MAX];

        memcpy(sig, unhex(c->known[0].sig).ptr, 2 * c->len);
        c->hash(PH_BYTES_LIT("sample"), digest);
        CHECK(c->verify_digest(pub, digest, sig) == PH_OK);
        for (size_t bit = 0; bit < 8 * 2 * c->len; bit++) {
            flip(sig, bit);
            CHECK(c->verify_digest(pub, digest, sig) == PH_ERR_UNTRUSTED);
            flip(sig, bit);
        }
        for (size_t bit = 0; bit < 8 * c->len; bit++) {
            flip(digest, bit);
            CHECK(c->verify_digest(pub, digest, sig) == PH_ERR_UNTRUSTED);
            flip(digest, bit);
        }
        c->pub_free(pub);
    }
}

TEST(scalars_outside_1_to_n_minus_1_are_refused)
{
    EACH_CURVE
    {
        const char *const edges[] = {c->zero, c->order, c->order_plus_1, c->all_ones, c->field};
        void *pub = new_pub(c->pub_x, c->pub_y);
        char r[2 * LEN_MAX + 1], s[2 * LEN_MAX + 1];
        const struct ph_bytes sample = PH_BYTES_LIT("sample");

        (void)snprintf(r, sizeof(r), "%.*s", (int)(2 * c->len), c->known[0].sig);
        (void)snprintf(s, sizeof(s), "%s", c->known[0].sig + 2 * c->len);
        CHECK(c->verify(pub, sample, pair(r, s)) == PH_OK);
        for (size_t i = 0; i < PH_LEN(edges); i++) {
            CHECK(c->verify(pub, sample, pair(edges[i], s)) == PH_ERR_UNTRUSTED);
            CHECK(c->verify(pub, sample, pair(r, edges[i])) == PH_ERR_UNTRUSTED);
            for (size_t j = 0; j < PH_LEN(edges); j++)
                CHECK(c->verify(pub, sample, pair(edges[i], edges[j])) == PH_ERR_UNTRUSTED);
        }
        CHECK(c->verify(pub, sample, pair(c->one, c->one)) == PH_ERR_UNTRUSTED);
        c->pub_free(pub);
    }
}

/* s and s + n are congruent: verifiers that forget the range check accept both. */
TEST(an_unreduced_s_is_refused)
{
    EACH_CURVE
    {
        uint8_t xy[2 * LEN_MAX];
        void *pub = NULL;

        /* With k = 1, R = G and r = G.x. s = e + r d; d = n - 1 and e = r + 1 make s = 1. */
        const uint8_t *digest = unhex(c->base_x_plus_1).ptr;
        CHECK(c->public(unhex(c->order_minus_1).ptr, xy) == PH_OK);
        CHECK(c->pub_new(xy, &pub) == PH_OK);
        CHECK(c->verify_digest(pub, digest, pair(c->base_x, c->one)) == PH_OK);
        CHECK(c->verify_digest(pub, digest, pair(c->base_x, c->order_plus_1)) == PH_ERR_UNTRUSTED);
        c->pub_free(pub);
    }
}

TEST(points_off_the_curve_are_refused)
{
    EACH_CURVE
    {
        uint8_t xy[2 * LEN_MAX];
        void *pub = NULL;

        for (size_t i = 0; i < LIST_MAX && c->bad_points[i]; i++) {
            CHECK(strlen(c->bad_points[i]) == 4 * c->len);
            CHECK(c->pub_new(unhex(c->bad_points[i]).ptr, &pub) == PH_ERR_MALFORMED);
        }
        for (size_t i = 0; i < LIST_MAX && c->points[i]; i++) {
            CHECK(c->pub_new(unhex(c->points[i]).ptr, &pub) == PH_OK);
            c->pub_free(pub);
        }
        memcpy(xy, pair(c->pub_x, c->pub_y), 2 * c->len);
        for (size_t bit = 0; bit < 8 * 2 * c->len; bit++) {
            flip(xy, bit);
            CHECK(c->pub_new(xy, &pub) == PH_ERR_MALFORMED);
            flip(xy, bit);
        }
        c->pub_free(NULL);
    }
}

TEST(a_coordinate_that_is_not_reduced_is_refused)
{
    EACH_CURVE
    { /* y = 1, then written as p + 1 */
        void *pub = new_pub(c->y_is_1, c->one);

        c->pub_free(pub);
        CHECK(c->pub_new(pair(c->y_is_1, c->field_plus_1), &pub) == PH_ERR_MALFORMED);
    }
}

TEST(public_keys_of_known_scalars)
{
    EACH_CURVE
    {
        uint8_t xy[2 * LEN_MAX];

        for (size_t i = 0; c->known_public[i].scalar; i++) {
            CHECK(c->public(unhex(c->known_public[i].scalar).ptr, xy) == PH_OK);
            check_hex(xy, 2 * c->len, c->known_public[i].xy);
        }
        CHECK(c->public(unhex(c->one).ptr, xy) == PH_OK);
        check_hex(xy, c->len, c->base_x);
        CHECK(c->public(unhex(c->order_minus_1).ptr, xy) == PH_OK);
        check_hex(xy, c->len, c->base_x); /* -G */
    }
}

TEST(secrets_out_of_range_are_refused_everywhere)
{
    EACH_CURVE
    {
        const char *const bad[] = {c->zero, c->order, c->order_plus_1, c->all_ones};
        uint8_t out[2 * LEN_MAX];

        for (size_t i = 0; i < PH_LEN(bad); i++) {
            const uint8_t *secret = unhex(bad[i]).ptr;
            CHECK(c->public(secret, out) == PH_ERR_MALFORMED);
            CHECK(c->sign(secret, seq(3), out) == PH_ERR_MALFORMED);
            CHECK(c->sign_digest(secret, seq(c->len).ptr, out) == PH_ERR_MALFORMED);
        }
    }
}

TEST(fresh_signatures_verify_under_their_key_only_and_differ)
{
    EACH_CURVE
    {
        uint8_t secret[LEN_MAX], xy[2 * LEN_MAX], first[2 * LEN_MAX] = {0}, sig[2 * LEN_MAX];
        void *other = new_pub(c->pub_x, c->pub_y);

        for (int i = 0; i < 50; i++) {
            void *pub = NULL;
            ph_random(secret, c->len);
            secret[0] &= 0x7f;
            CHECK(c->public(secret, xy) == PH_OK && c->pub_new(xy, &pub) == PH_OK);
            CHECK(c->sign(secret, seq((size_t)i), sig) == PH_OK);
            CHECK(c->verify(pub, seq((size_t)i), sig) == PH_OK);
            CHECK(c->verify(other, seq((size_t)i), sig) == PH_ERR_UNTRUSTED);
            CHECK(memcmp(first, sig, 2 * c->len) != 0);
            memcpy(first, sig, 2 * c->len);
            c->pub_free(pub);
        }
        c->pub_free(other);
    }
}

/* Append one INTEGER of this magnitude; yields the new length. */
static size_t put_integer(uint8_t *der, size_t n, const uint8_t *v)
{
    size_t len = c->len;

    for (; len > 1 && *v == 0; len--)
        v++;
    der[n++] = 0x02;
    der[n++] = (uint8_t)(len + (*v >> 7));
    if (*v & 0x80)
        der[n++] = 0;
    memcpy(der + n, v, len);
    return n + len;
}

static void write_file(const char *path, struct ph_bytes data)
{
    FILE *f = fopen(path, "wb");
    CHECK(f && fwrite(data.ptr, 1, data.len, f) == data.len && fclose(f) == 0);
}

/* True if the program could be started; then *status is how it ended. */
static bool run_openssl(const char *const *argv, int *status)
{
    pid_t child;

    if (posix_spawn(&child, "/usr/bin/openssl", NULL, NULL, (char **)(uintptr_t)argv, environ) != 0)
        return false;
    CHECK(waitpid(child, status, 0) == child);
    return true;
}

/* A signature of ours, in DER by hand, judged by another program. */
TEST(openssl_accepts_our_signature)
{
    bool ran = true;

    EACH_CURVE
    {
        char dir[] = "/tmp/ecdsa_testXXXXXX", sig_path[64], pub_path[64], msg_path[64];
        const char *argv[] = {"openssl",  "dgst",   "-out",    "/dev/null", c->digest_flag,
                              "-keyform", "DER",    "-verify", pub_path,    "-signature",
                              sig_path,   msg_path, NULL};
        uint8_t sig[2 * LEN_MAX], der[2 * LEN_MAX + 16];
        char spki[512];
        int status = -1;

        CHECK(mkdtemp(dir) != NULL);
        (void)snprintf(sig_path, sizeof(sig_path), "%s/sig", dir);
        (void)snprintf(pub_path, sizeof(pub_path), "%s/pub", dir);
        (void)snprintf(msg_path, sizeof(msg_path), "%s/msg", dir);
        (void)snprintf(spki, sizeof(spki), "%s%s%s", c->spki_head, c->pub_x, c->pub_y);
        CHECK(c->sign(unhex(c->key).ptr, PH_BYTES_LIT("sample"), sig) == PH_OK);
        const size_t n = put_integer(der, put_integer(der, 2, sig), sig + c->len);
        der[0] = 0x30;
        der[1] = (uint8_t)(n - 2);
        write_file(sig_path, (struct ph_bytes){der, n});
        write_file(pub_path, unhex(spki));
        write_file(msg_path, PH_BYTES_LIT("sample"));
        ran = run_openssl(argv, &status);
        CHECK(unlink(sig_path) == 0 && unlink(pub_path) == 0 && unlink(msg_path) == 0);
        CHECK(rmdir(dir) == 0);
        CHECK(!ran || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
    }
    if (!ran)
        SKIP_BECAUSE("no /usr/bin/openssl");
}

PH_TEST_MAIN(CASE(known_signatures_verify),
             CASE(every_flipped_bit_of_signature_and_digest_is_refused),
             CASE(scalars_outside_1_to_n_minus_1_are_refused), CASE(an_unreduced_s_is_refused),
             CASE(points_off_the_curve_are_refused),
             CASE(a_coordinate_that_is_not_reduced_is_refused), CASE(public_keys_of_known_scalars),
             CASE(secrets_out_of_range_are_refused_everywhere),
             CASE(fresh_signatures_verify_under_their_key_only_and_differ),
             CASE(openssl_accepts_our_signature))
