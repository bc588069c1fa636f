#include "base/hex.h"
#include "base/test.h"
#include "crypto/aead.h"
#include "keys/code_key.h"

/* docs/keys.md: to the caller key of the document's secret, phat a1…, bundle hash b2…, epoch 3. */
#define CALLER "40fff90cd9cc6a92a48f521d69039170ee3fc6170e991d2c5d4c463712d9c489"
static const char wrapped_hex[] = "588cf629b967070720afd9959026b76d7893cbbaf00b8847727632b44e80a571"
                                  "6273d30a6ca56120bf9e8c52316126b1b5b4befe39e6b4a80f530646f677c764"
                                  "843f56483aaaff2427b4b5df0ee20044";

static struct ph_phat_id phat;
static struct ph_hash32 hash;
static uint8_t secret[32], key[PH_CODE_KEY_LEN];

static void set_up(void)
{
    memset(phat.b, 0xa1, sizeof(phat.b));
    memset(hash.b, 0xb2, sizeof(hash.b));
    CHECK(ph_hex_decode(PH_BYTES_LIT(CALLER), secret, 32) == PH_OK);
}

TEST(the_documents_key_opens)
{
    uint8_t wrapped[PH_CODE_WRAPPED_LEN], want[32];

    set_up();
    memset(want, 7, sizeof(want));
    CHECK(ph_hex_decode(ph_bytes_str(wrapped_hex), wrapped, sizeof(wrapped)) == PH_OK);
    CHECK(ph_code_key_open(secret, &phat, &hash, 3, PH_BYTES_OF(wrapped), key) == PH_OK);
    CHECK(memcmp(key, want, 32) == 0);
}

TEST(a_key_is_for_one_phat_bundle_and_epoch)
{
    uint8_t wrapped[PH_CODE_WRAPPED_LEN], pub[32];
    const uint8_t code_key[PH_CODE_KEY_LEN] = {1, 2, 3};

    set_up();
    CHECK(ph_x25519_public(secret, pub) == PH_OK);
    CHECK(ph_code_key_wrap(pub, &phat, &hash, 3, code_key, wrapped) == PH_OK);
    const struct ph_bytes whole = PH_BYTES_OF(wrapped);
    CHECK(ph_code_key_open(secret, &phat, &hash, 3, whole, key) == PH_OK);
    CHECK(memcmp(key, code_key, sizeof(key)) == 0);

    CHECK(ph_code_key_open(secret, &phat, &hash, 4, whole, key) == PH_ERR_UNTRUSTED);
    phat.b[19] ^= 1;
    CHECK(ph_code_key_open(secret, &phat, &hash, 3, whole, key) == PH_ERR_UNTRUSTED);
    phat.b[19] ^= 1;
    hash.b[31] ^= 1;
    CHECK(ph_code_key_open(secret, &phat, &hash, 3, whole, key) == PH_ERR_UNTRUSTED);
    hash.b[31] ^= 1;
    secret[5] ^= 1;
    CHECK(ph_code_key_open(secret, &phat, &hash, 3, whole, key) == PH_ERR_UNTRUSTED);
    secret[5] ^= 1;
    for (size_t i = 0; i < sizeof(wrapped); i++) {
        wrapped[i] ^= 1;
        CHECK(ph_code_key_open(secret, &phat, &hash, 3, whole, key) == PH_ERR_UNTRUSTED);
        wrapped[i] ^= 1;
    }
    for (size_t n = 0; n < sizeof(wrapped); n++)
        CHECK(ph_code_key_open(secret, &phat, &hash, 3, (struct ph_bytes){wrapped, n}, key) ==
              PH_ERR_MALFORMED);
}

PH_TEST_MAIN(CASE(the_documents_key_opens), CASE(a_key_is_for_one_phat_bundle_and_epoch))
