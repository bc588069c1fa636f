#include "base/hex.h"
#include "base/test.h"
#include "crypto/aead.h"
#include "crypto/p256.h"
#include "crypto/secp256k1.h"
#include "keys/sealing.h"

#include <string.h>

/* Vectors of docs/keys.md, from node's crypto.hkdfSync and viem, for a secret of 00 01 … 1f. */
static const uint8_t *master(void)
{
    static uint8_t m[32];
    for (size_t i = 0; i < 32; i++)
        m[i] = (uint8_t)i;
    return m;
}

static bool hex_is(const uint8_t *raw, size_t len, const char *hex)
{
    char text[256];
    ph_hex_encode((struct ph_bytes){raw, len}, text);
    return strcmp(text, hex) == 0;
}

TEST(keys_are_those_of_the_published_vectors)
{
    struct ph_eth_address signer;
    struct ph_phat_id phat;
    uint8_t ask[32], key[32], pub[32], xy[64];

    CHECK(ph_keys_receipt(master(), key) == PH_OK);
    CHECK(hex_is(key, 32, "d7a07b9c677f81401694725fea1bf2c8a52d825f1273804087a1210c7d1c3988"));
    CHECK(ph_eth_address(key, &signer) == PH_OK);
    CHECK(hex_is(signer.b, 20, "19240c43f41e68573fbb2f749011083db4b930b0"));
    CHECK(ph_keys_chain(master(), key) == PH_OK);
    CHECK(hex_is(key, 32, "beaecb1f1970f9b73c80c62f64294008e1f465b2e27ad2b6bf9a76147a0d72bd"));
    CHECK(ph_keys_caller(master(), key) == PH_OK);
    CHECK(hex_is(key, 32, "40fff90cd9cc6a92a48f521d69039170ee3fc6170e991d2c5d4c463712d9c489"));
    CHECK(ph_x25519_public(key, pub) == PH_OK);
    CHECK(hex_is(pub, 32, "2f39b18c45cf0e23878a5fea5bec350bceb01c2e701cc2df8bc90463a67e4716"));
    CHECK(ph_keys_cluster(master(), key) == PH_OK);
    CHECK(hex_is(key, 32, "b190b15ad55f5647afe31e55d926c45bc244bcff7bb3caf456d495c6e129643f"));
    CHECK(ph_eth_address(key, &signer) == PH_OK);
    CHECK(hex_is(signer.b, 20, "037eddbedbbb1c364987d385dda239cc206101aa"));
    CHECK(ph_keys_ohttp(master(), key) == PH_OK);
    CHECK(hex_is(key, 32, "4ca21c9c91567e13e5628d2935917decff2bf06c61de28f0c6188e73db318f69"));
    CHECK(ph_x25519_public(key, pub) == PH_OK);
    CHECK(hex_is(pub, 32, "e34e453315be9cd1b1f1d2958a84891fda88b2bfa6281d052f951a6ebecb3d3e"));
    CHECK(ph_keys_tls(master(), key) == PH_OK);
    CHECK(hex_is(key, 32, "98b0a2b02307200395592309f89eb6c63db18a2ab41d236feff0f55bc990ce5a"));
    CHECK(ph_p256_public(key, xy) == PH_OK);
    CHECK(
        hex_is(xy, 64,
               "4eab5ce4778ab026db78a6934ce13c9450d38f3c0dc2952e337ab13af1c68b47315006ca54b0b304c8"
               "f5d65e57e1fde28b8c168d0192f7ea47fe33f9855e9059"));
    memset(phat.b, 0xa1, 20);
    CHECK(ph_keys_phat_secrets(master(), &phat, key) == PH_OK);
    CHECK(hex_is(key, 32, "a24ade69320b7a9f3b27ef4e52a9085d374f2f032c4c387841ad268f858974ff"));
    CHECK(ph_keys_peers(master(), key) == PH_OK);
    CHECK(hex_is(key, 32, "c08060a8f78ad506264932dec05e6fce8d8ceb1937df778188d52e942a080780"));
    memset(ask, 0xa2, sizeof(ask));
    CHECK(ph_keys_marks(master(), ask, key) == PH_OK);
    CHECK(hex_is(key, 32, "23baea9fbe0e2d9830c050b36905bc96a758d53a780dfa232eb4f63f22dac317"));
    CHECK(ph_keys_phat_state(master(), &phat, key) == PH_OK);
    CHECK(hex_is(key, 32, "0d298c8eae5567a2e1bd37231b9c42f0a9852c31d5d9e33d212226fa4c7579f7"));
    CHECK(ph_keys_guest_app(master(), &phat, key) == PH_OK);
    CHECK(hex_is(key, 32, "cc817ebbbc430bf0c5eaa881a1a19434ae21d01454fd6898910ce61301fd383b"));
    CHECK(ph_keys_guest_ca(master(), NULL, key) == PH_OK);
    CHECK(hex_is(key, 32, "e5f750852d39a6c7621cb6a3b530b1650463e4d4642b6ccc3c0d1ea064aaf104"));
    CHECK(ph_keys_guest_ca(master(), &phat, key) == PH_OK);
    CHECK(hex_is(key, 32, "b969b675cb11e44c6941529c09bec4faf2e5dde75e8d6e08514b10a7d012bc56"));
    CHECK(ph_keys_wallet(master(), &phat, key) == PH_OK);
    CHECK(hex_is(key, 32, "bbc255cd34a71a494c880102514385ef9c0c77e7c2a71657e94722864315e526"));
    CHECK(ph_eth_address(key, &signer) == PH_OK);
    CHECK(hex_is(signer.b, 20, "7523678da22cfdb6d2fd4ffa735a1109d1b49c90"));
    CHECK(ph_keys_wallet_ledger(master(), &phat, key) == PH_OK);
    CHECK(hex_is(key, 32, "1f5a248bfb8b4821c126f43236e3bd215e969e59d6296a103172168feb5d9b0f"));
    CHECK(ph_keys_holder(master(), key) == PH_OK);
    CHECK(hex_is(key, 32, "fe4f6b41df6ee5a9ccdc45b7f9d9fb9dc4d553718a5c8b0947afaaa86dd71899"));
    CHECK(ph_x25519_public(key, pub) == PH_OK);
    CHECK(hex_is(pub, 32, "b6a8ba5133c8b23d315dad4a9eacc87c0b347494a6ed3d25e2924862ab67a054"));
}

TEST(every_phat_and_every_master_has_keys_of_its_own)
{
    uint8_t other[32], a[32], b[32];
    struct ph_phat_id phat = {{0}}, neighbour = {{1}};

    memcpy(other, master(), 32);
    other[31] ^= 1;
    CHECK(ph_keys_phat_secrets(master(), &phat, a) == PH_OK);
    CHECK(ph_keys_phat_secrets(master(), &neighbour, b) == PH_OK);
    CHECK(memcmp(a, b, 32) != 0);
    CHECK(ph_keys_phat_secrets(other, &phat, b) == PH_OK);
    CHECK(memcmp(a, b, 32) != 0);
}

TEST(a_scalar_outside_the_group_is_passed_over)
{
    /* Tries 0 to 5 of label "test", from node's hkdfSync. */
    static const char *const tries[] = {
        "9ad5edabca6c16ef03ce79fdab1c18e5fc55601cf4329de061aa63b5e6e17ea5",
        "ed98cfe91045ba7a837f7c42bab83336a635f5ddd9f8c72f93d17adc556d3a08",
        "e1b45f450a6e73791d78dedac14486f516bf8d43ae3ad0d182b94ea3246c21da",
        "c844a81468ee8432ab70e30afa3438d41d9ecd1a26bd82c4a7a7f6f3638e8cda",
        "34d2e09200aaeabfb4eb48711f47c4c17f6e069df9bfed66499c52697f83f460",
    };
    uint8_t order[32] = {0x40}, key[32];

    CHECK(ph_keys_scalar(master(), "test", order, key) == PH_OK && hex_is(key, 32, tries[4]));
    CHECK(ph_hex_decode(ph_bytes_str(tries[0]), order, 32) == PH_OK);
    CHECK(ph_keys_scalar(master(), "test", order, key) == PH_OK && hex_is(key, 32, tries[4]));
    order[31]++; /* now the first try is order - 1 */
    CHECK(ph_keys_scalar(master(), "test", order, key) == PH_OK && hex_is(key, 32, tries[0]));
    memset(order, 0, 32);
    order[31] = 1; /* a group with no scalar at all */
    CHECK(ph_keys_scalar(master(), "test", order, key) == PH_ERR_LIMIT);
}

TEST(state_opens_only_with_its_key_and_provider_and_unaltered)
{
    enum { BLOB_LEN = 32 + PH_SEALED_OVERHEAD };
    const struct ph_bytes plain = {master(), 32};
    uint8_t sealing[32] = {9}, blob[BLOB_LEN], got[BLOB_LEN] = {0};
    const enum ph_seal_provider simulator = PH_SEAL_SIMULATOR_INSECURE;

    CHECK(ph_state_file_seal(sealing, simulator, plain, blob) == PH_OK);
    CHECK(ph_state_file_open(sealing, simulator, PH_BYTES_OF(blob), got) == PH_OK);
    CHECK(memcmp(got, master(), 32) == 0);
    CHECK(ph_state_file_open(sealing, PH_SEAL_SNP, PH_BYTES_OF(blob), got) == PH_ERR_UNSUPPORTED);
    for (size_t i = 0; i < sizeof(blob); i++) {
        memset(got, 0, sizeof(got));
        blob[i] ^= 1;
        CHECK(ph_state_file_open(sealing, simulator, PH_BYTES_OF(blob), got) != PH_OK);
        CHECK(got[1] == 0);
        blob[i] ^= 1;
    }
    /* The provider's byte is bound by the seal, not only compared. */
    blob[8] = PH_SEAL_SNP;
    CHECK(ph_state_file_open(sealing, PH_SEAL_SNP, PH_BYTES_OF(blob), got) == PH_ERR_UNTRUSTED);
    blob[8] = PH_SEAL_SIMULATOR_INSECURE;
    for (size_t len = 0; len < sizeof(blob); len++)
        CHECK(ph_state_file_open(sealing, simulator, (struct ph_bytes){blob, len}, got) != PH_OK);
    sealing[0]++;
    CHECK(ph_state_file_open(sealing, simulator, PH_BYTES_OF(blob), got) == PH_ERR_UNTRUSTED);
}

PH_TEST_MAIN(CASE(keys_are_those_of_the_published_vectors),
             CASE(every_phat_and_every_master_has_keys_of_its_own),
             CASE(a_scalar_outside_the_group_is_passed_over),
             CASE(state_opens_only_with_its_key_and_provider_and_unaltered))
