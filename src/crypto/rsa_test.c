/* RSASSA-PSS with SHA-384: signatures of OpenSSL's command line, near misses of the padding, and a
 * signature of ours judged by OpenSSL. */

#include "crypto/rsa.h"

#include "base/own.h"
#include "crypto/test_priv.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Made with openssl genrsa 2048 and openssl dgst -sign -sigopt rsa_padding_mode:pss over "sample".
 * The first is as wanted; the others each differ in one parameter. */
#define MODULUS                                                                                    \
    "d5cb9cdcdd8fd96629a9314e6626141d58763843b8a2e9749b7ba891cc34be8a6f2355e8fbef582827cdb692"     \
    "5b996c1b3c98f95deebaebb58658972aec7546dc761c3e00614942527fe25756a88799305a2df6518335ad5d"     \
    "c1425d34bd02aac29df9f7cc211f4c2c18f17b4f6287f469ece6f74b582aafb004c8a58f069d3dc34cf779a5"     \
    "8f80f6f8740390ef5a0a96b85e6c1874b4159c3b265e40f307f70fc2f4347a012921e249216352146dbf705b"     \
    "dc541584caf4ada64c02ee4e2b88c4a2fddeaa04e311bf356ccd47e6a52c73367f5c9ef8b23484b873ba7aef"     \
    "8728603ee315d64718dfd0bea942aa9b97b3332767312014d0d8fbfd41dff30a058aa683"
#define SIG                                                                                        \
    "3c3768271bc5141729fecd35fc1d5d2c3ffada2cd34726f73d195ccd172020ccb44cae8020976c82c1aa72c1"     \
    "6d0ce3238517ae8480035ce9d34e9b01ff118262e0d650f98fe5942e8288356d772b75224c584569ba8174a0"     \
    "20e1cc87112570b02393d8b246e0908b1c9753daf676fc02f7171462df62fc0457e18534ce78c707e4702431"     \
    "614a25585f18768fef73ad4d61c13af21644a5156a90f6f98482679499269826b0d28423b95f3825d02bc670"     \
    "1d6491ded9c7c7945868067e46f7f9e5b3fcb4b21539bdac2d1d877d9157692cd16aca39dea601f68f2d0a2b"     \
    "b4577fada3cc9e8dbd41008e054c8c4bce184c1044e6c3d5c9f921e514952f7b37b11d76"
#define SIG_SALT_32                                                                                \
    "b2e6bf16a9318fc60769ac3afe5d83485d106602d8eec59b2f80168db1c21a3f0112c54543a9da12f47a923d"     \
    "28bcc874bd3beec8b40a0dd3f9d2e25f4d24bf9750d7f6d0777ad3b1cc68b61bdd2d86b98e7ec2a5d1f4ea97"     \
    "d76ffd030d1c3360aa9449f70796c2367304f862b334d4ff09f805d9a9466fd503379f28cca0d51abb8da5e2"     \
    "228f046599c7c7cc4545e9dad29725487a51b60ba584c99bb515f35e0d5d74d32dce183ce4e1f8f1be4a3d0a"     \
    "bf40e4e3f604834aa8586bd85f5f27982a87df006c6b9e6ad6e2bd23942a70e454da0f6e41151bb6b45da0f4"     \
    "13220a1caa6e3d48edb1181d5bfe469c337282becd35e5010aaaa2125b0137bc581a76ba"
#define SIG_MGF1_SHA256                                                                            \
    "afc9846588b7031718d83b73fb5a1676753dbf76563771946a849a46e0db46bb46f2e6c4f3692f8ab60f05d8"     \
    "d6e50191f041fec59edcf2dfcabfe3d61504371aa9f9e7e6513daf0325d6553fa93f64de708b51889bf5c515"     \
    "151f697bf4606d9649f7faa86f3febd71261d7f2433f364e1e7de43fe0ccabf6d856080b8a76f0b194bb9fa8"     \
    "cea6b1f3d3eef60a1143ffbf65e1f32ea40bac205c8c6469bce2e05b2aa4509eee2edc70c84615d3f7f4479d"     \
    "e147b9b1d44144f96dba91a0e7c2dadff27a72f84a92e80a4002be5f6a3368d7be47faebd17f784164268075"     \
    "fe0bebb5aba266584371977efe5860df226687313a6e26ee682af964089fa20d70fb8cdf"
#define SIG_SHA256                                                                                 \
    "97429c0a7b60e16d025a4d6429ff2f789b1640a45ff33dafdaa1cab32ffcf66e0ef9807cdc00976c9af18067"     \
    "33b6373ac9fd14c4f862174d8c1789660b1e31a8e4fe9946981b2003763f72002806def97d246ab97c4889d5"     \
    "ae1e5f11cfba7db4a56059862ca63084917429293c609cd374be0d16ca8cc001329bd18a1108f6ca70a81705"     \
    "e6c74b0b393cdb7b365e8ac615cf2eb88e8b720e8bb28e46e8259f39236cc497165c3ef2ec92c3ecfab244fe"     \
    "f1bfc4a088e5c24e97278357829862c70021e99ec0bd5f710b84b4345f04d3540aaaf579ec85e2c6bfd8403a"     \
    "fa30d06124accad4590bcbbcf9660431972f63e0589f91df4fc23b415ac9ab16729788ab"
#define SIG_PKCS1                                                                                  \
    "24923408d499fb263ffd613013a7877f76e6baf53f2f59d02f29ed58f745634b2a7a2cf80b135901689e0ab7"     \
    "dc21a3c35d76df46c83e4a7e44b4200266a0602c67b29b502d9e53b6360eaba31aa35c63729e6e0881a87122"     \
    "58b63e82b46b78d968ac71eb8cf8f643ed6c33bbbffd225883ec60da55ef582fdec5ec8078f9b26cbf1a32fb"     \
    "7926b42752e79e04fd2e09c638739a2b0cc82d7044d09452a26e5a7da3963404b760507d5ca91eecff13a300"     \
    "f2229d2eaf79746b0ed45f6eeee95fc24a89df584409532fddaaf9e463e0d13018887e1d292c0aefdb7f9847"     \
    "4f725a6900a2a6b7fb8aae0d117848c55a490331a99a70dc506a71f8de82fecc29b36e69"

static void pub_freep(struct ph_rsa_pub **pub)
{
    ph_rsa_pub_free(*pub);
}

static void key_freep(struct ph_rsa_key **key)
{
    ph_rsa_key_free(*key);
}

static struct ph_rsa_pub *known_pub(void)
{
    struct ph_rsa_pub *pub = NULL;
    CHECK(ph_rsa_pub_new(unhex(MODULUS), unhex("010001"), &pub) == PH_OK);
    return pub;
}

TEST(a_known_signature_verifies_over_its_message_only)
{
    struct ph_rsa_pub *pub PH_OWNED(pub_freep) = known_pub();

    CHECK(ph_rsa_pss384_verify(pub, PH_BYTES_LIT("sample"), unhex(SIG)) == PH_OK);
    CHECK(ph_rsa_pss384_verify(pub, PH_BYTES_LIT("Sample"), unhex(SIG)) == PH_ERR_UNTRUSTED);
    CHECK(ph_rsa_pss384_verify(pub, PH_BYTES_LIT(""), unhex(SIG)) == PH_ERR_UNTRUSTED);
}

TEST(every_flipped_bit_of_the_signature_is_refused)
{
    struct ph_rsa_pub *pub PH_OWNED(pub_freep) = known_pub();
    uint8_t sig[256];

    memcpy(sig, unhex(SIG).ptr, sizeof(sig));
    for (size_t bit = 0; bit < 8 * sizeof(sig); bit++) {
        sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK(ph_rsa_pss384_verify(pub, PH_BYTES_LIT("sample"), PH_BYTES_OF(sig)) ==
              PH_ERR_UNTRUSTED);
        sig[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

TEST(another_salt_length_hash_mask_or_padding_is_refused)
{
    static const char *const bad[] = {SIG_SALT_32, SIG_MGF1_SHA256, SIG_SHA256, SIG_PKCS1};
    struct ph_rsa_pub *pub PH_OWNED(pub_freep) = known_pub();

    for (size_t i = 0; i < PH_LEN(bad); i++)
        CHECK(ph_rsa_pss384_verify(pub, PH_BYTES_LIT("sample"), unhex(bad[i])) == PH_ERR_UNTRUSTED);
}

TEST(a_signature_of_another_length_or_not_below_n_is_refused)
{
    struct ph_rsa_pub *pub PH_OWNED(pub_freep) = known_pub();
    const struct ph_bytes sig = unhex(SIG), n = unhex(MODULUS);
    uint8_t longer[257] = {0}, big[256];

    memcpy(longer + 1, sig.ptr, sig.len); /* the same number */
    CHECK(ph_rsa_pss384_verify(pub, PH_BYTES_LIT("sample"), PH_BYTES_OF(longer)) ==
          PH_ERR_UNTRUSTED);
    for (size_t len = 0; len < sig.len; len++)
        CHECK(ph_rsa_pss384_verify(pub, PH_BYTES_LIT("sample"), (struct ph_bytes){sig.ptr, len}) ==
              PH_ERR_UNTRUSTED);
    CHECK(ph_rsa_pss384_verify(pub, PH_BYTES_LIT("sample"), n) == PH_ERR_UNTRUSTED);
    memset(big, 0xff, sizeof(big));
    CHECK(ph_rsa_pss384_verify(pub, PH_BYTES_LIT("sample"), PH_BYTES_OF(big)) == PH_ERR_UNTRUSTED);
    memset(big, 0, sizeof(big));
    CHECK(ph_rsa_pss384_verify(pub, PH_BYTES_LIT("sample"), PH_BYTES_OF(big)) == PH_ERR_UNTRUSTED);
}

TEST(numbers_outside_the_limits_are_refused)
{
    /* clang-format off */
    static const struct {
        size_t n_len;
        uint8_t first, last;
        const char *e;
        enum ph_err want;
    } cases[] = {
        {256, 0x80, 0x01, "010001",     PH_OK},
        {512, 0xff, 0x01, "010001",     PH_OK},
        {256, 0x80, 0x01, "03",         PH_OK},
        {256, 0x80, 0x01, "ffffffff",   PH_OK},
        {257, 0x01, 0x01, "010001",     PH_OK}, /* 2049 bits */
        {256, 0x7f, 0x01, "010001",     PH_ERR_UNSUPPORTED}, /* 2047 bits */
        {255, 0xff, 0x01, "010001",     PH_ERR_UNSUPPORTED},
        {513, 0x01, 0x01, "010001",     PH_ERR_UNSUPPORTED}, /* 4097 bits */
        {256, 0x80, 0x02, "010001",     PH_ERR_MALFORMED},
        {257, 0x00, 0x01, "010001",     PH_ERR_MALFORMED},
        {0,   0x80, 0x01, "010001",     PH_ERR_MALFORMED},
        {256, 0x80, 0x01, "",           PH_ERR_MALFORMED},
        {256, 0x80, 0x01, "01",         PH_ERR_MALFORMED},
        {256, 0x80, 0x01, "02",         PH_ERR_MALFORMED},
        {256, 0x80, 0x01, "010000",     PH_ERR_MALFORMED},
        {256, 0x80, 0x01, "00010001",   PH_ERR_MALFORMED},
        {256, 0x80, 0x01, "0100000001", PH_ERR_MALFORMED},
    };
    /* clang-format on */
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        struct ph_rsa_pub *pub PH_OWNED(pub_freep) = NULL;
        uint8_t n[520];
        memset(n, 0xa5, sizeof(n));
        n[0] = cases[i].first;
        if (cases[i].n_len > 0)
            n[cases[i].n_len - 1] = cases[i].last;
        CHECK(ph_rsa_pub_new((struct ph_bytes){n, cases[i].n_len}, unhex(cases[i].e), &pub) ==
              cases[i].want);
        CHECK((pub != NULL) == (cases[i].want == PH_OK));
    }
    struct ph_rsa_key *key = NULL;
    CHECK(ph_rsa_key_generate(2047, &key) == PH_ERR_UNSUPPORTED);
    CHECK(ph_rsa_key_generate(4097, &key) == PH_ERR_UNSUPPORTED);
    CHECK(key == NULL);
    ph_rsa_pub_free(NULL);
    ph_rsa_key_free(NULL);
}

static void write_file(const char *path, struct ph_bytes data)
{
    FILE *f = fopen(path, "wb");
    CHECK(f && fwrite(data.ptr, 1, data.len, f) == data.len && fclose(f) == 0);
}

/* 1: accepted, 0: refused, -1: no such program. */
static int openssl_judges(struct ph_bytes spki, struct ph_bytes message, struct ph_bytes sig)
{
    char dir[] = "/tmp/rsa_testXXXXXX", sig_path[64], pub_path[64], msg_path[64];
    const char *argv[] = {"openssl",
                          "dgst",
                          "-out",
                          "/dev/null",
                          "-sha384",
                          "-keyform",
                          "DER",
                          "-sigopt",
                          "rsa_padding_mode:pss",
                          "-sigopt",
                          "rsa_pss_saltlen:48",
                          "-sigopt",
                          "rsa_mgf1_md:sha384",
                          "-verify",
                          pub_path,
                          "-signature",
                          sig_path,
                          msg_path,
                          NULL};
    pid_t child;
    int status = -1;

    CHECK(mkdtemp(dir) != NULL);
    (void)snprintf(sig_path, sizeof(sig_path), "%s/sig", dir);
    (void)snprintf(pub_path, sizeof(pub_path), "%s/pub", dir);
    (void)snprintf(msg_path, sizeof(msg_path), "%s/msg", dir);
    write_file(sig_path, sig);
    write_file(pub_path, spki);
    write_file(msg_path, message);
    const int spawned =
        posix_spawn(&child, "/usr/bin/openssl", NULL, NULL, (char **)(uintptr_t)argv, environ);
    if (spawned == 0)
        CHECK(waitpid(child, &status, 0) == child);
    CHECK(unlink(sig_path) == 0 && unlink(pub_path) == 0 && unlink(msg_path) == 0);
    CHECK(rmdir(dir) == 0);
    if (spawned != 0)
        return -1;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(fresh_signatures_verify_here_and_with_openssl)
{
    struct ph_rsa_key *key PH_OWNED(key_freep) = NULL;
    struct ph_rsa_pub *pub PH_OWNED(pub_freep) = NULL, *other PH_OWNED(pub_freep) = known_pub();
    uint8_t sig[PH_RSA_MAX_LEN], again[PH_RSA_MAX_LEN], spki[294];
    size_t len = 0, again_len = 0;

    CHECK(ph_rsa_key_generate(2048, &key) == PH_OK);
    const struct ph_bytes n = ph_rsa_key_n(key), e = ph_rsa_key_e(key);
    CHECK(n.len == 256 && e.len == 3 && memcmp(e.ptr, "\x01\x00\x01", 3) == 0);
    CHECK(ph_rsa_pub_new(n, e, &pub) == PH_OK);
    CHECK(ph_rsa_pss384_sign(key, PH_BYTES_LIT("sample"), sig, &len) == PH_OK && len == 256);
    CHECK(ph_rsa_pss384_sign(key, PH_BYTES_LIT("sample"), again, &again_len) == PH_OK);
    CHECK(again_len == 256 && memcmp(sig, again, 256) != 0); /* the salt is fresh */

    const struct ph_bytes signature = {sig, len};
    CHECK(ph_rsa_pss384_verify(pub, PH_BYTES_LIT("sample"), signature) == PH_OK);
    CHECK(ph_rsa_pss384_verify(pub, PH_BYTES_LIT("simple"), signature) == PH_ERR_UNTRUSTED);
    CHECK(ph_rsa_pss384_verify(other, PH_BYTES_LIT("sample"), signature) == PH_ERR_UNTRUSTED);

    /* SubjectPublicKeyInfo, RFC 8017 A.1.1, by hand. */
    memcpy(spki, unhex("30820122300d06092a864886f70d01010105000382010f003082010a0282010100").ptr,
           33);
    memcpy(spki + 33, n.ptr, 256);
    memcpy(spki + 289, unhex("0203010001").ptr, 5);
    const int judged = openssl_judges(PH_BYTES_OF(spki), PH_BYTES_LIT("sample"), signature);
    if (judged < 0)
        SKIP_BECAUSE("no /usr/bin/openssl");
    CHECK(judged == 1);
    CHECK(openssl_judges(PH_BYTES_OF(spki), PH_BYTES_LIT("simple"), signature) == 0);
}

PH_TEST_MAIN(CASE(a_known_signature_verifies_over_its_message_only),
             CASE(every_flipped_bit_of_the_signature_is_refused),
             CASE(another_salt_length_hash_mask_or_padding_is_refused),
             CASE(a_signature_of_another_length_or_not_below_n_is_refused),
             CASE(numbers_outside_the_limits_are_refused),
             CASE(fresh_signatures_verify_here_and_with_openssl))
