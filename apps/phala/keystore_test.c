#include "keystore.h"

#include "base/hex.h"
#include "base/own.h"
#include "base/test.h"
#include "codec/json.h"
#include "crypto/secp256k1.h"

#include <stdio.h>

/* Test vectors of the Web3 Secret Storage definition (ethereum.org, public): both files hold the
 * same key under the password "testpassword". */
#define SPEC_PBKDF2                                                                                \
    "{\"crypto\":{\"cipher\":\"aes-128-ctr\",\"cipherparams\":{\"iv\":"                            \
    "\"6087dab2f9fdbbfaddc31a909735c1e6\"},\"ciphertext\":"                                        \
    "\"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46\",\"kdf\":\"pbkdf2\","     \
    "\"kdfparams\":{\"c\":262144,\"dklen\":32,\"prf\":\"hmac-sha256\",\"salt\":"                   \
    "\"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd\"},\"mac\":"               \
    "\"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2\"},\"id\":"                \
    "\"3198bc9c-6672-5ab3-d995-4942343ae5b6\",\"version\":3}"
#define SPEC_SCRYPT                                                                                \
    "{\"crypto\":{\"cipher\":\"aes-128-ctr\",\"cipherparams\":{\"iv\":"                            \
    "\"83dbcc02d8ccb40e466191a123791e0e\"},\"ciphertext\":"                                        \
    "\"d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c\",\"kdf\":\"scrypt\","     \
    "\"kdfparams\":{\"dklen\":32,\"n\":262144,\"p\":8,\"r\":1,\"salt\":"                           \
    "\"ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19\"},\"mac\":"               \
    "\"2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097\"},\"id\":"                \
    "\"3198bc9c-6672-5ab3-d995-4942343ae5b6\",\"version\":3}"
#define SPEC_SECRET "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d"
#define PASSWORD PH_BYTES_LIT("testpassword")

static void check_opens(const char *text)
{
    uint8_t secret[32], expected[32];
    struct ph_eth_address address, of_secret;
    struct ph_keystore_why why;
    CHECK(ph_hex_decode(PH_BYTES_LIT(SPEC_SECRET), expected, 32) == PH_OK);
    CHECK(ph_eth_address(expected, &of_secret) == PH_OK);
    CHECK(ph_keystore_open(ph_bytes_str(text), PASSWORD, secret, &address, &why) == PH_OK);
    assert_memory_equal(secret, expected, 32);
    assert_memory_equal(address.b, of_secret.b, 20);
}

TEST(the_vectors_of_the_definition_open)
{
    check_opens(SPEC_PBKDF2);
    check_opens(SPEC_SCRYPT);
}

TEST(a_wrong_password_leaves_the_outputs_alone)
{
    uint8_t secret[32] = {0xaa};
    struct ph_eth_address address = {{0xbb}};
    struct ph_keystore_why why;
    CHECK(ph_keystore_open(PH_BYTES_LIT(SPEC_PBKDF2), PH_BYTES_LIT("testpassworD"), secret,
                           &address, &why) == PH_ERR_UNTRUSTED);
    CHECK(secret[0] == 0xaa && address.b[0] == 0xbb && strstr(why.text, "password") != NULL);
}

/* The text with the first `from` replaced by `to`, opened. Cheap only where it is refused before
 * the key derivation. */
static enum ph_err open_changed(const char *text, const char *from, const char *to)
{
    char changed[2048];
    const char *at = strstr(text, from);
    assert_non_null(at);
    (void)snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text, to,
                   at + strlen(from));
    uint8_t secret[32];
    struct ph_eth_address address;
    struct ph_keystore_why why = {0};
    enum ph_err err = ph_keystore_open(ph_bytes_str(changed), PASSWORD, secret, &address, &why);
    CHECK(err == PH_OK || why.text[0] != '\0');
    return err;
}

TEST(costs_beyond_the_bounds_are_refused_before_any_work)
{
    /* 128 * n * r: 512 MiB is n=524288 at r=8. */
    CHECK(open_changed(SPEC_SCRYPT, "262144", "16777216") == PH_ERR_LIMIT);
    CHECK(open_changed(SPEC_SCRYPT, "262144", "1073741824") == PH_ERR_LIMIT);
    CHECK(open_changed(SPEC_SCRYPT, "\"r\":1", "\"r\":17") == PH_ERR_LIMIT);
    CHECK(open_changed(SPEC_SCRYPT, "\"p\":8", "\"p\":33") == PH_ERR_LIMIT);
    CHECK(open_changed(SPEC_SCRYPT, "\"p\":8", "\"p\":9223372036854775807") == PH_ERR_LIMIT);
    CHECK(open_changed(SPEC_PBKDF2, "262144", "10000001") == PH_ERR_LIMIT);
}

TEST(every_field_is_held_to_its_format)
{
    CHECK(open_changed(SPEC_SCRYPT, "262144", "262143") == PH_ERR_MALFORMED);
    CHECK(open_changed(SPEC_SCRYPT, "262144", "1") == PH_ERR_MALFORMED);
    CHECK(open_changed(SPEC_SCRYPT, "262144", "-2") == PH_ERR_MALFORMED);
    CHECK(open_changed(SPEC_SCRYPT, "262144", "\"262144\"") == PH_ERR_MALFORMED);
    CHECK(open_changed(SPEC_SCRYPT, "\"dklen\":32", "\"dklen\":31") == PH_ERR_MALFORMED);
    CHECK(open_changed(SPEC_SCRYPT, "\"dklen\":32", "\"dklen\":33") == PH_ERR_LIMIT);
    CHECK(open_changed(SPEC_SCRYPT, "\"version\":3", "\"version\":1") == PH_ERR_UNSUPPORTED);
    CHECK(open_changed(SPEC_SCRYPT, "\"version\":3", "\"v\":3") == PH_ERR_MALFORMED);
    CHECK(open_changed(SPEC_SCRYPT, "aes-128-ctr", "aes-128-cbc") == PH_ERR_UNSUPPORTED);
    CHECK(open_changed(SPEC_SCRYPT, "\"scrypt\"", "\"argon2\"") == PH_ERR_UNSUPPORTED);
    CHECK(open_changed(SPEC_PBKDF2, "hmac-sha256", "hmac-sha512") == PH_ERR_UNSUPPORTED);
    CHECK(open_changed(SPEC_SCRYPT, "83dbcc02", "83dbcc0") == PH_ERR_MALFORMED);
    CHECK(open_changed(SPEC_SCRYPT, "d172bf74", "d172bf7400") == PH_ERR_MALFORMED);
    CHECK(open_changed(SPEC_SCRYPT, "2103ac29", "2103ac2z") == PH_ERR_MALFORMED);
    CHECK(open_changed(SPEC_SCRYPT,
                       "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19",
                       "") == PH_ERR_MALFORMED);
    CHECK(open_changed(SPEC_SCRYPT, "\"crypto\"", "\"krypto\"") == PH_ERR_MALFORMED);
}

TEST(an_address_that_is_not_the_keys_is_refused)
{
    CHECK(open_changed(SPEC_PBKDF2, "\"version\":3",
                       "\"version\":3,\"address\":\"008aeeda4d805471df9b2a5b0f38a0c3bcba786b\"") ==
          PH_OK);
    CHECK(open_changed(SPEC_PBKDF2, "\"version\":3",
                       "\"version\":3,\"address\":\"018aeeda4d805471df9b2a5b0f38a0c3bcba786b\"") ==
          PH_ERR_UNTRUSTED);
}

TEST(every_truncation_is_refused)
{
    struct ph_eth_address address;
    struct ph_keystore_why why;
    for (size_t n = 0; n < sizeof(SPEC_SCRYPT) - 1; n++)
        CHECK(ph_keystore_address((struct ph_bytes){(const uint8_t *)SPEC_SCRYPT, n}, &address,
                                  &why) == PH_ERR_MALFORMED);
}

TEST(what_is_written_opens_again_and_differs_each_time)
{
    uint8_t secret[32] = {[31] = 5}, again[32];
    struct ph_eth_address address, claimed, expected;
    struct ph_keystore_why why;
    struct ph_buf one PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_buf two PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    CHECK(ph_keystore_write(secret, PASSWORD, &one) == PH_OK);
    CHECK(ph_keystore_write(secret, PASSWORD, &two) == PH_OK);
    CHECK(!ph_bytes_equal(ph_buf_view(&one), ph_buf_view(&two)));
    CHECK(ph_keystore_open(ph_buf_view(&one), PASSWORD, again, &address, &why) == PH_OK);
    assert_memory_equal(again, secret, 32);
    CHECK(ph_eth_address(secret, &expected) == PH_OK);
    CHECK(ph_keystore_address(ph_buf_view(&one), &claimed, &why) == PH_OK);
    assert_memory_equal(claimed.b, expected.b, 20);

    uint8_t zero[32] = {0};
    CHECK(ph_keystore_write(zero, PASSWORD, &two) == PH_ERR_MALFORMED);
    CHECK(ph_keystore_write(secret, PH_BYTES_LIT(""), &two) == PH_ERR_MALFORMED);
}

PH_TEST_MAIN(CASE(the_vectors_of_the_definition_open),
             CASE(a_wrong_password_leaves_the_outputs_alone),
             CASE(costs_beyond_the_bounds_are_refused_before_any_work),
             CASE(every_field_is_held_to_its_format),
             CASE(an_address_that_is_not_the_keys_is_refused), CASE(every_truncation_is_refused),
             CASE(what_is_written_opens_again_and_differs_each_time))
