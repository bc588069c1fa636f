/* ECDSA P-384: outside vectors, the edges of r, s and the curve, and OpenSSL's command line. */

#include "crypto/p384.h"

#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/test_priv.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define HIGH "ffffffffffffffffffffffffffffffffffffffffffffffff"
#define ORDER HIGH "c7634d81f4372ddf581a0db248b0a77aecec196accc52973"
#define ORDER_MINUS_1 HIGH "c7634d81f4372ddf581a0db248b0a77aecec196accc52972"
#define ORDER_PLUS_1 HIGH "c7634d81f4372ddf581a0db248b0a77aecec196accc52974"
#define FIELD                                                                                      \
    "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000"     \
    "ffffffff"
#define ZERO "000000000000000000000000000000000000000000000000" ZERO_LOW
#define ZERO_LOW "000000000000000000000000000000000000000000000000"
#define ONE "000000000000000000000000000000000000000000000000" ONE_LOW
#define ONE_LOW "000000000000000000000000000000000000000000000001"
#define ALL_ONES HIGH HIGH
#define BASE_X                                                                                     \
    "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e38"     \
    "72760ab7"

/* RFC 6979 A.2.6: key, and the signatures of "sample" and "test" with SHA-384. */
#define KEY                                                                                        \
    "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea"     \
    "60d2edf5"
#define PUB_X                                                                                      \
    "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a25451"     \
    "5480bc13"
#define PUB_Y                                                                                      \
    "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd25"     \
    "33264720"
#define SIG_R                                                                                      \
    "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e"     \
    "80fabe46"
#define SIG_S                                                                                      \
    "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a"     \
    "38628ac8"
#define TEST_SIG                                                                                   \
    "8203b63d3c853e8d77227fb377bcf7b7b772e97892a80f36ab775d509d7a5feb0542a7f0812998da8f1dd3ca"     \
    "3cf023db"                                                                                     \
    "ddd0760448d42d8a43af45af836fce4de8be06b485e9b61b827c2f13173923e06a739f040649a667bf3b828246"   \
    "baa5a5"

static struct ph_p384_pub *new_pub(const char *xy)
{
    struct ph_p384_pub *pub = NULL;
    CHECK(ph_p384_pub_new(unhex(xy).ptr, &pub) == PH_OK);
    return pub;
}

TEST(known_signatures_verify)
{
    struct ph_p384_pub *pub = new_pub(PUB_X PUB_Y);
    uint8_t xy[PH_P384_PUB_LEN];

    CHECK(ph_p384_verify(pub, PH_BYTES_LIT("sample"), unhex(SIG_R SIG_S).ptr) == PH_OK);
    CHECK(ph_p384_verify(pub, PH_BYTES_LIT("test"), unhex(TEST_SIG).ptr) == PH_OK);
    CHECK(ph_p384_verify(pub, PH_BYTES_LIT("Sample"), unhex(SIG_R SIG_S).ptr) == PH_ERR_UNTRUSTED);
    CHECK(ph_p384_verify(pub, PH_BYTES_LIT("sample"), unhex(TEST_SIG).ptr) == PH_ERR_UNTRUSTED);
    ph_p384_pub_bytes(pub, xy);
    check_hex(xy, sizeof(xy), PUB_X PUB_Y);
    ph_p384_pub_free(pub);
}

TEST(every_flipped_bit_of_signature_and_digest_is_refused)
{
    struct ph_p384_pub *pub = new_pub(PUB_X PUB_Y);
    uint8_t sig[PH_P384_SIG_LEN], digest[48];

    memcpy(sig, unhex(SIG_R SIG_S).ptr, sizeof(sig));
    ph_sha384(PH_BYTES_LIT("sample"), digest);
    CHECK(ph_p384_verify_digest(pub, digest, sig) == PH_OK);
    for (size_t bit = 0; bit < 8 * sizeof(sig); bit++) {
        sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK(ph_p384_verify_digest(pub, digest, sig) == PH_ERR_UNTRUSTED);
        sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * sizeof(digest); bit++) {
        digest[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK(ph_p384_verify_digest(pub, digest, sig) == PH_ERR_UNTRUSTED);
        digest[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ph_p384_pub_free(pub);
}

TEST(scalars_outside_1_to_n_minus_1_are_refused)
{
    static const char *const edges[] = {ZERO, ORDER, ORDER_PLUS_1, ALL_ONES, FIELD};
    struct ph_p384_pub *pub = new_pub(PUB_X PUB_Y);
    char hex[2 * PH_P384_SIG_LEN + 1];

    for (size_t i = 0; i < PH_LEN(edges); i++) {
        (void)snprintf(hex, sizeof(hex), "%s%s", edges[i], SIG_S);
        CHECK(ph_p384_verify(pub, PH_BYTES_LIT("sample"), unhex(hex).ptr) == PH_ERR_UNTRUSTED);
        (void)snprintf(hex, sizeof(hex), "%s%s", SIG_R, edges[i]);
        CHECK(ph_p384_verify(pub, PH_BYTES_LIT("sample"), unhex(hex).ptr) == PH_ERR_UNTRUSTED);
        for (size_t j = 0; j < PH_LEN(edges); j++) {
            (void)snprintf(hex, sizeof(hex), "%s%s", edges[i], edges[j]);
            CHECK(ph_p384_verify(pub, PH_BYTES_LIT("sample"), unhex(hex).ptr) == PH_ERR_UNTRUSTED);
        }
    }
    CHECK(ph_p384_verify(pub, PH_BYTES_LIT("sample"), unhex(ONE ONE).ptr) == PH_ERR_UNTRUSTED);
    ph_p384_pub_free(pub);
}

/* s and s + n are congruent: verifiers that forget the range check accept both. */
TEST(an_unreduced_s_is_refused)
{
    uint8_t digest[48], sig[PH_P384_SIG_LEN], xy[PH_P384_PUB_LEN];
    struct ph_p384_pub *pub = NULL;

    /* With k = 1, R = G and r = G.x. s = e + r d; d = n - 1 and e = r + 1 make s = 1. */
    memcpy(digest, unhex(BASE_X).ptr, 48);
    digest[47] += 1;
    memcpy(sig, unhex(BASE_X ONE).ptr, sizeof(sig));
    CHECK(ph_p384_public(unhex(ORDER_MINUS_1).ptr, xy) == PH_OK);
    CHECK(ph_p384_pub_new(xy, &pub) == PH_OK);
    CHECK(ph_p384_verify_digest(pub, digest, sig) == PH_OK);
    memcpy(sig + 48, unhex(ORDER_PLUS_1).ptr, 48);
    CHECK(ph_p384_verify_digest(pub, digest, sig) == PH_ERR_UNTRUSTED);
    ph_p384_pub_free(pub);
}

TEST(points_off_the_curve_are_refused)
{
    static const char *const bad[] = {
        ZERO ZERO,                /* infinity in some encodings */
        PUB_Y PUB_X,              /* swapped */
        PUB_X PUB_X, FIELD PUB_Y, /* x = p */
        PUB_X FIELD, ALL_ONES ALL_ONES,
    };
    struct ph_p384_pub *pub = NULL;
    uint8_t xy[PH_P384_PUB_LEN];

    for (size_t i = 0; i < PH_LEN(bad); i++) {
        CHECK(ph_p384_pub_new(unhex(bad[i]).ptr, &pub) == PH_ERR_MALFORMED);
        CHECK(pub == NULL);
    }
    memcpy(xy, unhex(PUB_X PUB_Y).ptr, sizeof(xy));
    for (size_t bit = 0; bit < 8 * sizeof(xy); bit++) {
        xy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK(ph_p384_pub_new(xy, &pub) == PH_ERR_MALFORMED);
        xy[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ph_p384_pub_free(NULL);
}

TEST(a_coordinate_that_is_not_reduced_is_refused)
{
    uint8_t xy[PH_P384_PUB_LEN];
    /* y = 1, then written as p + 1. */
    struct ph_p384_pub *pub = new_pub("2261b2bf605c22f2f3aef6338719b2c486388ad5240719a5257315969ef0"
                                      "1ba27f0a104c89704773a81fdabee6ab5c78" ONE);

    ph_p384_pub_bytes(pub, xy);
    ph_p384_pub_free(pub);
    pub = NULL;
    memcpy(xy + 48,
           unhex("fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe"
                 "ffffffff000000000000000100000000")
               .ptr,
           48);
    CHECK(ph_p384_pub_new(xy, &pub) == PH_ERR_MALFORMED);
}

TEST(public_keys_of_known_scalars)
{
    uint8_t xy[PH_P384_PUB_LEN];

    CHECK(ph_p384_public(unhex(KEY).ptr, xy) == PH_OK);
    check_hex(xy, sizeof(xy), PUB_X PUB_Y);
    CHECK(ph_p384_public(unhex(ONE).ptr, xy) == PH_OK);
    check_hex(xy, 48, BASE_X);
    CHECK(ph_p384_public(unhex(ORDER_MINUS_1).ptr, xy) == PH_OK);
    check_hex(xy, 48, BASE_X);
}

TEST(secrets_out_of_range_are_refused_everywhere)
{
    static const char *const bad[] = {ZERO, ORDER, ALL_ONES};
    uint8_t out[96];

    for (size_t i = 0; i < PH_LEN(bad); i++) {
        CHECK(ph_p384_public(unhex(bad[i]).ptr, out) == PH_ERR_MALFORMED);
        CHECK(ph_p384_sign(unhex(bad[i]).ptr, seq(3), out) == PH_ERR_MALFORMED);
        CHECK(ph_p384_sign_digest(unhex(bad[i]).ptr, seq(48).ptr, out) == PH_ERR_MALFORMED);
    }
}

TEST(fresh_signatures_verify_under_their_key_only_and_differ)
{
    uint8_t secret[48], xy[PH_P384_PUB_LEN], first[96] = {0}, sig[96];
    struct ph_p384_pub *other = new_pub(PUB_X PUB_Y);

    for (int i = 0; i < 50; i++) {
        struct ph_p384_pub *pub = NULL;
        ph_random(secret, sizeof(secret));
        secret[0] &= 0x7f;
        CHECK(ph_p384_public(secret, xy) == PH_OK && ph_p384_pub_new(xy, &pub) == PH_OK);
        CHECK(ph_p384_sign(secret, seq((size_t)i), sig) == PH_OK);
        CHECK(ph_p384_verify(pub, seq((size_t)i), sig) == PH_OK);
        CHECK(ph_p384_verify(other, seq((size_t)i), sig) == PH_ERR_UNTRUSTED);
        CHECK(memcmp(first, sig, sizeof(sig)) != 0);
        memcpy(first, sig, sizeof(sig));
        ph_p384_pub_free(pub);
    }
    ph_p384_pub_free(other);
}

/* Append one INTEGER of a 48-byte magnitude; yields the new length. */
static size_t put_integer(uint8_t *der, size_t n, const uint8_t v[static 48])
{
    size_t len = 48;

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

/* A signature of ours, in DER by hand, judged by another program. */
TEST(openssl_accepts_our_signature)
{
    char dir[] = "/tmp/p384_testXXXXXX", sig_path[64], pub_path[64], msg_path[64];
    const char *argv[] = {"openssl",  "dgst",   "-out",    "/dev/null", "-sha384",
                          "-keyform", "DER",    "-verify", pub_path,    "-signature",
                          sig_path,   msg_path, NULL};
    uint8_t sig[96], der[112];
    pid_t child;
    int status = -1;

    CHECK(mkdtemp(dir) != NULL);
    (void)snprintf(sig_path, sizeof(sig_path), "%s/sig", dir);
    (void)snprintf(pub_path, sizeof(pub_path), "%s/pub", dir);
    (void)snprintf(msg_path, sizeof(msg_path), "%s/msg", dir);
    CHECK(ph_p384_sign(unhex(KEY).ptr, PH_BYTES_LIT("sample"), sig) == PH_OK);
    const size_t n = put_integer(der, put_integer(der, 2, sig), sig + 48);
    der[0] = 0x30;
    der[1] = (uint8_t)(n - 2);
    write_file(sig_path, (struct ph_bytes){der, n});
    write_file(pub_path, unhex("3076301006072a8648ce3d020106052b8104002203620004" PUB_X PUB_Y));
    write_file(msg_path, PH_BYTES_LIT("sample"));
    const int spawned =
        posix_spawn(&child, "/usr/bin/openssl", NULL, NULL, (char **)(uintptr_t)argv, environ);
    if (spawned == 0)
        CHECK(waitpid(child, &status, 0) == child);
    CHECK(unlink(sig_path) == 0 && unlink(pub_path) == 0 && unlink(msg_path) == 0);
    CHECK(rmdir(dir) == 0);
    if (spawned != 0)
        SKIP_BECAUSE("no /usr/bin/openssl");
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

PH_TEST_MAIN(CASE(known_signatures_verify),
             CASE(every_flipped_bit_of_signature_and_digest_is_refused),
             CASE(scalars_outside_1_to_n_minus_1_are_refused), CASE(an_unreduced_s_is_refused),
             CASE(points_off_the_curve_are_refused),
             CASE(a_coordinate_that_is_not_reduced_is_refused), CASE(public_keys_of_known_scalars),
             CASE(secrets_out_of_range_are_refused_everywhere),
             CASE(fresh_signatures_verify_under_their_key_only_and_differ),
             CASE(openssl_accepts_our_signature))
