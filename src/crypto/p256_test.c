/* ECDSA P-256: outside vectors, the edges of r, s and the curve, and OpenSSL's command line. */

#include "crypto/p256.h"

#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/test_priv.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define ORDER "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
#define ORDER_MINUS_1 "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550"
#define FIELD "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"
#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"
#define ONE "0000000000000000000000000000000000000000000000000000000000000001"
#define ALL_ONES "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

/* RFC 6979 A.2.5: key, and the signature of "sample" with SHA-256, whose s is high. */
#define KEY "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
#define PUB_X "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
#define PUB_Y "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
#define SIG_R "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
#define SIG_S "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
/* The same signature with s replaced by n - s. */
#define SIG_S_LOW "0834e36ad29a83bf2bc9385e491d6099c8fdf9d1ed67aa7ea5f51f93782857a9"

static struct ph_p256_pub *new_pub(const char *xy)
{
    struct ph_p256_pub *pub = NULL;
    CHECK(ph_p256_pub_new(unhex(xy).ptr, &pub) == PH_OK);
    return pub;
}

TEST(a_known_signature_verifies_with_high_and_with_low_s)
{
    struct ph_p256_pub *pub = new_pub(PUB_X PUB_Y);
    uint8_t xy[PH_P256_PUB_LEN];

    CHECK(ph_p256_verify(pub, PH_BYTES_LIT("sample"), unhex(SIG_R SIG_S).ptr) == PH_OK);
    CHECK(ph_p256_verify(pub, PH_BYTES_LIT("sample"), unhex(SIG_R SIG_S_LOW).ptr) == PH_OK);
    CHECK(ph_p256_verify(pub, PH_BYTES_LIT("Sample"), unhex(SIG_R SIG_S).ptr) == PH_ERR_UNTRUSTED);
    ph_p256_pub_bytes(pub, xy);
    check_hex(xy, sizeof(xy), PUB_X PUB_Y);
    ph_p256_pub_free(pub);
}

TEST(every_flipped_bit_of_signature_and_digest_is_refused)
{
    struct ph_p256_pub *pub = new_pub(PUB_X PUB_Y);
    uint8_t sig[PH_P256_SIG_LEN], digest[32];

    memcpy(sig, unhex(SIG_R SIG_S).ptr, sizeof(sig));
    ph_sha256(PH_BYTES_LIT("sample"), digest);
    CHECK(ph_p256_verify_digest(pub, digest, sig) == PH_OK);
    for (size_t bit = 0; bit < 8 * sizeof(sig); bit++) {
        sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK(ph_p256_verify_digest(pub, digest, sig) == PH_ERR_UNTRUSTED);
        sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t bit = 0; bit < 8 * sizeof(digest); bit++) {
        digest[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK(ph_p256_verify_digest(pub, digest, sig) == PH_ERR_UNTRUSTED);
        digest[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ph_p256_pub_free(pub);
}

TEST(scalars_outside_1_to_n_minus_1_are_refused)
{
    static const char *const edges[] = {ZERO, ORDER, ALL_ONES, FIELD};
    struct ph_p256_pub *pub = new_pub(PUB_X PUB_Y);
    char hex[129];

    for (size_t i = 0; i < PH_LEN(edges); i++) {
        (void)snprintf(hex, sizeof(hex), "%s%s", edges[i], SIG_S);
        CHECK(ph_p256_verify(pub, PH_BYTES_LIT("sample"), unhex(hex).ptr) == PH_ERR_UNTRUSTED);
        (void)snprintf(hex, sizeof(hex), "%s%s", SIG_R, edges[i]);
        CHECK(ph_p256_verify(pub, PH_BYTES_LIT("sample"), unhex(hex).ptr) == PH_ERR_UNTRUSTED);
        for (size_t j = 0; j < PH_LEN(edges); j++) {
            (void)snprintf(hex, sizeof(hex), "%s%s", edges[i], edges[j]);
            CHECK(ph_p256_verify(pub, PH_BYTES_LIT("sample"), unhex(hex).ptr) == PH_ERR_UNTRUSTED);
        }
    }
    CHECK(ph_p256_verify(pub, PH_BYTES_LIT("sample"), unhex(ONE ONE).ptr) == PH_ERR_UNTRUSTED);
    ph_p256_pub_free(pub);
}

/* s and s + n are congruent: verifiers that forget the range check accept both. */
TEST(an_unreduced_s_is_refused)
{
    uint8_t secret[32], digest[32], sig[PH_P256_SIG_LEN], xy[PH_P256_PUB_LEN];
    struct ph_p256_pub *pub = NULL;

    /* With k = 1, R = G and r = G.x. s = e + r d; d = n - 1 and e = r + 1 make s = 1. */
    memcpy(secret, unhex(ORDER_MINUS_1).ptr, 32);
    memcpy(digest, unhex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c297").ptr,
           32);
    memcpy(sig, unhex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296" ONE).ptr,
           64);
    CHECK(ph_p256_public(secret, xy) == PH_OK);
    CHECK(ph_p256_pub_new(xy, &pub) == PH_OK);
    CHECK(ph_p256_verify_digest(pub, digest, sig) == PH_OK);
    memcpy(sig + 32, unhex(ORDER).ptr, 32);
    sig[63] += 1; /* n + 1 */
    CHECK(ph_p256_verify_digest(pub, digest, sig) == PH_ERR_UNTRUSTED);
    ph_p256_pub_free(pub);
}

TEST(points_off_the_curve_are_refused)
{
    static const char *const bad[] = {
        ZERO ZERO,   /* infinity in some encodings */
        PUB_Y PUB_X, /* swapped */
        PUB_X PUB_X,
        FIELD PUB_Y, /* x = p */
        PUB_X FIELD,
        ALL_ONES ALL_ONES,
        ZERO "66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f5", /* x = 0, y + 1 */
    };
    struct ph_p256_pub *pub = NULL;

    for (size_t i = 0; i < PH_LEN(bad); i++) {
        CHECK(ph_p256_pub_new(unhex(bad[i]).ptr, &pub) == PH_ERR_MALFORMED);
        CHECK(pub == NULL);
    }
    /* x = 0 is a point: y^2 = b. */
    pub = new_pub(ZERO "66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4");
    ph_p256_pub_free(pub);
    ph_p256_pub_free(NULL);
}

TEST(a_coordinate_that_is_not_reduced_is_refused)
{
    uint8_t xy[PH_P256_PUB_LEN];
    struct ph_p256_pub *pub = NULL;

    /* x = 0 written as p, with the right y. */
    memcpy(xy, unhex(FIELD "66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4").ptr,
           sizeof(xy));
    CHECK(ph_p256_pub_new(xy, &pub) == PH_ERR_MALFORMED);

    /* y = 1, then written as p + 1. */
    pub = new_pub("09e78d4ef60d05f750f6636209092bc43cbdd6b47e11a9de20a9feb2a50bb96c" ONE);
    ph_p256_pub_bytes(pub, xy);
    ph_p256_pub_free(pub);
    pub = NULL;
    memcpy(xy + 32, unhex("ffffffff00000001000000000000000000000001000000000000000000000000").ptr,
           32);
    CHECK(ph_p256_pub_new(xy, &pub) == PH_ERR_MALFORMED);
}

TEST(public_keys_of_known_scalars)
{
    uint8_t xy[PH_P256_PUB_LEN];

    CHECK(ph_p256_public(unhex(KEY).ptr, xy) == PH_OK);
    check_hex(xy, sizeof(xy), PUB_X PUB_Y);
    /* [noble] 42 * G */
    CHECK(ph_p256_public(
              unhex("000000000000000000000000000000000000000000000000000000000000002a").ptr, xy) ==
          PH_OK);
    check_hex(xy, sizeof(xy),
              "6780c5fc70275e2c7061a0e7877bb174deadeb9887027f3fa83654158ba7f50c"
              "3cba8c34bc35d20e81f730ac1c7bd6d661a942f90c6a9ca55c512f9e4a001266");
    CHECK(ph_p256_public(unhex(ORDER_MINUS_1).ptr, xy) == PH_OK);
}

TEST(secrets_out_of_range_are_refused_everywhere)
{
    static const char *const bad[] = {ZERO, ORDER, ALL_ONES};
    uint8_t out[64];

    for (size_t i = 0; i < PH_LEN(bad); i++) {
        CHECK(ph_p256_public(unhex(bad[i]).ptr, out) == PH_ERR_MALFORMED);
        CHECK(ph_p256_sign(unhex(bad[i]).ptr, seq(3), out) == PH_ERR_MALFORMED);
        CHECK(ph_p256_sign_digest(unhex(bad[i]).ptr, seq(32).ptr, out) == PH_ERR_MALFORMED);
    }
}

TEST(fresh_signatures_verify_under_their_key_only_and_differ)
{
    uint8_t secret[32], xy[PH_P256_PUB_LEN], first[64] = {0}, sig[64];
    struct ph_p256_pub *other = new_pub(PUB_X PUB_Y);

    for (int i = 0; i < 50; i++) {
        struct ph_p256_pub *pub = NULL;
        ph_random(secret, sizeof(secret));
        secret[0] &= 0x7f;
        CHECK(ph_p256_public(secret, xy) == PH_OK && ph_p256_pub_new(xy, &pub) == PH_OK);
        CHECK(ph_p256_sign(secret, seq((size_t)i), sig) == PH_OK);
        CHECK(ph_p256_verify(pub, seq((size_t)i), sig) == PH_OK);
        CHECK(ph_p256_verify(other, seq((size_t)i), sig) == PH_ERR_UNTRUSTED);
        CHECK(memcmp(first, sig, sizeof(sig)) != 0);
        memcpy(first, sig, sizeof(sig));
        ph_p256_pub_free(pub);
    }
    ph_p256_pub_free(other);
}

/* Append one INTEGER of a 32-byte magnitude; yields the new length. */
static size_t put_integer(uint8_t *der, size_t n, const uint8_t v[static 32])
{
    size_t len = 32;

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
    char dir[] = "/tmp/p256_testXXXXXX", sig_path[64], pub_path[64], msg_path[64];
    const char *argv[] = {"openssl",  "dgst",   "-out",    "/dev/null", "-sha256",
                          "-keyform", "DER",    "-verify", pub_path,    "-signature",
                          sig_path,   msg_path, NULL};
    uint8_t sig[64], der[80];
    pid_t child;
    int status = -1;

    CHECK(mkdtemp(dir) != NULL);
    (void)snprintf(sig_path, sizeof(sig_path), "%s/sig", dir);
    (void)snprintf(pub_path, sizeof(pub_path), "%s/pub", dir);
    (void)snprintf(msg_path, sizeof(msg_path), "%s/msg", dir);
    CHECK(ph_p256_sign(unhex(KEY).ptr, PH_BYTES_LIT("sample"), sig) == PH_OK);
    const size_t n = put_integer(der, put_integer(der, 2, sig), sig + 32);
    der[0] = 0x30;
    der[1] = (uint8_t)(n - 2);
    write_file(sig_path, (struct ph_bytes){der, n});
    write_file(pub_path,
               unhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004" PUB_X PUB_Y));
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

PH_TEST_MAIN(CASE(a_known_signature_verifies_with_high_and_with_low_s),
             CASE(every_flipped_bit_of_signature_and_digest_is_refused),
             CASE(scalars_outside_1_to_n_minus_1_are_refused), CASE(an_unreduced_s_is_refused),
             CASE(points_off_the_curve_are_refused),
             CASE(a_coordinate_that_is_not_reduced_is_refused), CASE(public_keys_of_known_scalars),
             CASE(secrets_out_of_range_are_refused_everywhere),
             CASE(fresh_signatures_verify_under_their_key_only_and_differ),
             CASE(openssl_accepts_our_signature))
