#include "base/hex.h"
#include "base/test.h"
#include "keys/hpke.h"

#include <string.h>

/* RFC 9180 A.1.1 (AES-128-GCM, sequence number 0); and the same inputs with AES-256-GCM, computed
 * by a separate JavaScript implementation that gives the RFC's vector too. */
#define PLAIN "4265617574792069732074727574682c20747275746820626561757479"
static const struct {
    enum ph_hpke_aead aead;
    const char *message;
} vectors[] = {
    {PH_HPKE_AES128GCM,
     "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431"
     "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a"},
    {PH_HPKE_AES256GCM,
     "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431"
     "090b7dc225419f7da9e8b460becfbb96a26c7964d79b8010d397fa838530a32a397b14f5776db19ff5e57734e0"},
};
#define AAD PH_BYTES_LIT("Count-0")
enum { PLAIN_LEN = 29, MESSAGE_LEN = PLAIN_LEN + PH_HPKE_OVERHEAD };

static void get(const char *hex, uint8_t *out, size_t len)
{
    CHECK(ph_hex_decode(ph_bytes_str(hex), out, len) == PH_OK);
}

struct keys {
    uint8_t ephemeral[32], recipient[32], secret[32], info[20], plain[PLAIN_LEN];
};
static struct keys rfc_keys(void)
{
    struct keys k;
    get("52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736", k.ephemeral, 32);
    get("3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d", k.recipient, 32);
    get("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8", k.secret, 32);
    get("4f6465206f6e2061204772656369616e2055726e", k.info, 20);
    get(PLAIN, k.plain, PLAIN_LEN);
    return k;
}

TEST(messages_are_those_of_the_rfc)
{
    const struct keys k = rfc_keys();

    for (size_t i = 0; i < PH_LEN(vectors); i++) {
        uint8_t want[MESSAGE_LEN], got[MESSAGE_LEN], plain[PLAIN_LEN];
        get(vectors[i].message, want, sizeof(want));
        CHECK(ph_hpke_seal_with_ephemeral(vectors[i].aead, k.ephemeral, k.recipient,
                                          PH_BYTES_OF(k.info), AAD, PH_BYTES_OF(k.plain),
                                          got) == PH_OK);
        CHECK(memcmp(got, want, sizeof(want)) == 0);
        CHECK(ph_hpke_open(vectors[i].aead, k.secret, PH_BYTES_OF(k.info), AAD, PH_BYTES_OF(want),
                           plain) == PH_OK);
        CHECK(memcmp(plain, k.plain, PLAIN_LEN) == 0);
    }
}

TEST(nothing_opens_with_a_bit_changed_or_another_context)
{
    const struct keys k = rfc_keys();
    uint8_t message[MESSAGE_LEN], plain[PLAIN_LEN];

    get(vectors[1].message, message, sizeof(message));
    const struct ph_bytes info = PH_BYTES_OF(k.info), whole = PH_BYTES_OF(message);
    for (size_t i = 0; i < sizeof(message); i++) {
        if (i == 31)
            continue; /* X25519 ignores the top bit of a public key, but the context does not */
        message[i] ^= 1;
        CHECK(ph_hpke_open(PH_HPKE_AES256GCM, k.secret, info, AAD, whole, plain) ==
              PH_ERR_UNTRUSTED);
        message[i] ^= 1;
    }
    message[31] ^= 0x80;
    CHECK(ph_hpke_open(PH_HPKE_AES256GCM, k.secret, info, AAD, whole, plain) == PH_ERR_UNTRUSTED);
    message[31] ^= 0x80;
    CHECK(ph_hpke_open(PH_HPKE_AES256GCM, k.secret, info, AAD, whole, plain) == PH_OK);
    CHECK(ph_hpke_open(PH_HPKE_AES256GCM, k.secret, info, PH_BYTES_LIT("Count-1"), whole, plain) ==
          PH_ERR_UNTRUSTED);
    CHECK(ph_hpke_open(PH_HPKE_AES256GCM, k.secret, PH_BYTES_LIT(""), AAD, whole, plain) ==
          PH_ERR_UNTRUSTED);
    CHECK(ph_hpke_open(PH_HPKE_AES256GCM, k.ephemeral, info, AAD, whole, plain) ==
          PH_ERR_UNTRUSTED);
    CHECK(ph_hpke_open(PH_HPKE_AES128GCM, k.secret, info, AAD, whole, plain) == PH_ERR_UNTRUSTED);
    CHECK(ph_hpke_open(PH_HPKE_AES256GCM, k.secret, info, AAD,
                       (struct ph_bytes){message, PH_HPKE_OVERHEAD - 1},
                       plain) == PH_ERR_MALFORMED);
}

TEST(a_low_order_key_is_refused_on_both_sides)
{
    const struct keys k = rfc_keys();
    const uint8_t zero[32] = {0};
    uint8_t message[MESSAGE_LEN], plain[PLAIN_LEN];

    CHECK(ph_hpke_seal(zero, PH_BYTES_OF(k.info), AAD, PH_BYTES_OF(k.plain), message) ==
          PH_ERR_UNTRUSTED);
    get(vectors[1].message, message, sizeof(message));
    memset(message, 0, 32);
    CHECK(ph_hpke_open(PH_HPKE_AES256GCM, k.secret, PH_BYTES_OF(k.info), AAD, PH_BYTES_OF(message),
                       plain) == PH_ERR_UNTRUSTED);
}

TEST(two_messages_share_no_ephemeral_key)
{
    const struct keys k = rfc_keys();
    uint8_t a[MESSAGE_LEN], b[MESSAGE_LEN], plain[PLAIN_LEN];

    CHECK(ph_hpke_seal(k.recipient, PH_BYTES_OF(k.info), AAD, PH_BYTES_OF(k.plain), a) == PH_OK);
    CHECK(ph_hpke_seal(k.recipient, PH_BYTES_OF(k.info), AAD, PH_BYTES_OF(k.plain), b) == PH_OK);
    CHECK(memcmp(a, b, 32) != 0);
    CHECK(ph_hpke_open(PH_HPKE_AES256GCM, k.secret, PH_BYTES_OF(k.info), AAD, PH_BYTES_OF(a),
                       plain) == PH_OK);
    CHECK(memcmp(plain, k.plain, PLAIN_LEN) == 0);
}

/* RFC 9180 A.1.1.2 and A.2.1: exported values, and the ChaCha20-Poly1305 suite. */
static const struct {
    enum ph_hpke_aead aead;
    const char *secret, *ephemeral, *recipient, *enc, *sealed, *exported[3];
} suites[] = {
    {PH_HPKE_AES128GCM,
     "4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8",
     "52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736",
     "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d",
     "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431",
     "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a",
     {"3853fe2b4035195a573ffc53856e77058e15d9ea064de3e59f4961d0095250ee",
      "2e8f0b54673c7029649d4eb9d5e33bf1872cf76d623ff164ac185da9e88c21a5",
      "e9e43065102c3836401bed8c3c3c75ae46be1639869391d62c61f1ec7af54931"}},
    {PH_HPKE_CHACHA20POLY1305,
     "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb",
     "f4ec9b33b792c372c1d2c2063507b684ef925b8c75a42dbcbf57d63ccd381600",
     "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a",
     "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a",
     "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28",
     {"4bbd6243b8bb54cec311fac9df81841b6fd61f56538a775e7c80a9f40160606e",
      "8c1df14732580e5501b00f82b10a1647b40713191b7c1240ac80e2b68808ba69",
      "5acb09211139c43b3090489a9da433e8a30ee7188ba8b0a9a1ccf0c229283e53"}},
};

TEST(contexts_seal_and_export_as_the_rfc_says)
{
    static const struct ph_bytes contexts[3] = {
        {NULL, 0}, {(const uint8_t *)"", 1}, {(const uint8_t *)"TestContext", 11}};
    const struct keys k = rfc_keys();

    for (size_t i = 0; i < PH_LEN(suites); i++) {
        uint8_t secret[32], ephemeral[32], recipient[32], want_enc[32], enc[32], want[45], got[45];
        struct ph_hpke_context sender, receiver;
        get(suites[i].secret, secret, 32);
        get(suites[i].ephemeral, ephemeral, 32);
        get(suites[i].recipient, recipient, 32);
        get(suites[i].enc, want_enc, 32);
        get(suites[i].sealed, want, sizeof(want));
        CHECK(ph_hpke_send(suites[i].aead, ephemeral, recipient, PH_BYTES_OF(k.info), enc,
                           &sender) == PH_OK);
        CHECK(memcmp(enc, want_enc, 32) == 0);
        CHECK(ph_hpke_receive(suites[i].aead, secret, recipient, enc, PH_BYTES_OF(k.info),
                              &receiver) == PH_OK);
        CHECK(memcmp(&sender, &receiver, sizeof(sender)) == 0);
        CHECK(ph_hpke_aead_seal(sender.aead, sender.key, sender.nonce, AAD, PH_BYTES_OF(k.plain),
                                got) == PH_OK);
        CHECK(memcmp(got, want, sizeof(want)) == 0);
        for (size_t e = 0; e < 3; e++) {
            uint8_t exported[32], as_published[32];
            get(suites[i].exported[e], as_published, 32);
            ph_hpke_export(&receiver, contexts[e], exported, 32);
            CHECK(memcmp(exported, as_published, 32) == 0);
        }
    }
}

PH_TEST_MAIN(CASE(messages_are_those_of_the_rfc), CASE(contexts_seal_and_export_as_the_rfc_says),
             CASE(nothing_opens_with_a_bit_changed_or_another_context),
             CASE(a_low_order_key_is_refused_on_both_sides),
             CASE(two_messages_share_no_ephemeral_key))
