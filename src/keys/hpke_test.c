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

PH_TEST_MAIN(CASE(messages_are_those_of_the_rfc),
             CASE(nothing_opens_with_a_bit_changed_or_another_context),
             CASE(a_low_order_key_is_refused_on_both_sides),
             CASE(two_messages_share_no_ephemeral_key))
