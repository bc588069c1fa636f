/* What operators and workers sign: the hashes and signatures of viem 2.57.0, and each way to get a
 * consent wrong. */

#include "chain/consent.h"

#include "base/hex.h"
#include "base/test.h"

/* signTypedData by anvil's first account. */
#define SIGNATURE                                                                                  \
    "2b2da1fd218537a70cd662902d85fc1aad17d4c7954c8d0b6b59c3389e7fdb761056ae554831ba11e914310ae38d" \
    "a53191657ea74903802045e48961bd28aefb1b"
#define FULL(kind, slot, nonce, deadline, signature)                                               \
    "{\"kind\":" kind ",\"slot\":" slot ",\"nonce\":" nonce ",\"deadline\":" deadline              \
    ",\"signature\":\"0x" signature "\"}"
#define GOOD FULL("255", "3", "2", "1800000000", SIGNATURE)

static const struct ph_eth_address operator_ = {{0xf3, 0x9f, 0xd6, 0xe5, 0x1a, 0xad, 0x88,
                                                 0xf6, 0xf4, 0xce, 0x6a, 0xb8, 0x82, 0x72,
                                                 0x79, 0xcf, 0xff, 0xb9, 0x22, 0x66}};
static struct ph_registry_of where;
static struct ph_eth_address key;
static struct ph_consent consent;
static struct ph_json_why why;

static void good(void)
{
    where = (struct ph_registry_of){.chain_id = 31337};
    memset(where.registry.b, 0x0c, sizeof(where.registry.b));
    memset(key.b, 0x51, sizeof(key.b));
    CHECK(ph_consent_parse(ph_bytes_str(GOOD), &consent, &why) == PH_OK);
}

static void check_hex(const struct ph_hash32 *got, const char *expected)
{
    char text[65];

    ph_hex_encode(PH_BYTES_OF(got->b), text);
    assert_string_equal(text, expected);
}

TEST(a_consent_is_its_operators)
{
    struct ph_hash32 digest;

    good();
    ph_consent_digest(&where, &consent, &key, &digest);
    check_hex(&digest, "248a10686f8760a66280444a213f93e123661db7c29889ea5f2b73787e943700");
    CHECK(ph_consent_check(&where, &consent, &key, &operator_) == PH_OK);
}

TEST(a_consent_is_to_all_that_it_says)
{
    struct ph_eth_address other = operator_;

    good();
    other.b[0] ^= 1;
    CHECK(ph_consent_check(&where, &consent, &key, &other) == PH_ERR_UNTRUSTED);
    where.chain_id = 1;
    CHECK(ph_consent_check(&where, &consent, &key, &operator_) == PH_ERR_UNTRUSTED);
    good();
    where.registry.b[0] ^= 1;
    CHECK(ph_consent_check(&where, &consent, &key, &operator_) == PH_ERR_UNTRUSTED);
    good();
    key.b[19] ^= 1;
    CHECK(ph_consent_check(&where, &consent, &key, &operator_) == PH_ERR_UNTRUSTED);
    for (int i = 0; i < 4; i++) {
        good();
        consent.kind ^= i == 0;
        consent.slot ^= i == 1;
        consent.nonce ^= i == 2;
        consent.deadline ^= i == 3;
        CHECK(ph_consent_check(&where, &consent, &key, &operator_) == PH_ERR_UNTRUSTED);
    }
}

TEST(what_a_worker_says_has_the_hash_that_the_registry_checks)
{
    struct ph_hash32 id, digest;
    struct ph_eth_address carrier;

    good();
    memset(id.b, 0x77, sizeof(id.b));
    memset(carrier.b, 0xca, sizeof(carrier.b));
    ph_worker_word_digest(&where, PH_WORKER_RESTS, &id, &carrier, &digest);
    check_hex(&digest, "b83222fbea1acb07a902fef6817eceda41199d164996aa7693d7deb08533527f");
    ph_worker_word_digest(&where, PH_WORKER_WAKES, &id, &carrier, &digest);
    check_hex(&digest, "b8cc8e2ad780ced0886f92acabd0ed8666a2691ae51ff95aecc7bf5744a28ac6");
}

TEST(a_change_of_the_key_has_the_hash_that_the_registry_checks)
{
    struct ph_hash32 id, beacon, digest;
    struct ph_eth_address next;

    good();
    memset(id.b, 0x77, sizeof(id.b));
    memset(next.b, 0xca, sizeof(next.b));
    memset(beacon.b, 0xbe, sizeof(beacon.b));
    ph_worker_rotate_digest(&where, &id, &next, &beacon, &digest);
    check_hex(&digest, "b2cfee08486fb73e3b7c4c1ff69dec3a78f8400903b550afcc396a2353434241");
}

TEST(anything_else_is_refused_with_the_member_at_fault)
{
    static const char *const rows[][2] = {
        {"{}", "kind"},
        {FULL("0", "3", "2", "9", SIGNATURE), "kind"},
        {FULL("65536", "3", "2", "9", SIGNATURE), "kind"},
        {FULL("255", "256", "2", "9", SIGNATURE), "slot"},
        {FULL("255", "3", "-1", "9", SIGNATURE), "nonce"},
        {FULL("255", "3", "2", "0", SIGNATURE), "deadline"},
        {FULL("255", "3", "2", "9", "0"), "signature"},
        {FULL("255", "3", "2", "9", ""), "signature"},
        {FULL("255", "3", "2", "9", "0g"), "signature"},
        {"{\"kind\":1,\"slot\":0,\"nonce\":0,\"deadline\":9}", "signature"},
        {"{\"kind\":1,\"slot\":0,\"nonce\":0,\"deadline\":9,\"signature\":\"0x" SIGNATURE
         "\",\"more\":1}",
         "more"},
    };

    for (size_t i = 0; i < PH_LEN(rows); i++) {
        why.text[0] = '\0';
        if (ph_consent_parse(ph_bytes_str(rows[i][0]), &consent, &why) != PH_ERR_MALFORMED ||
            !strstr(why.text, rows[i][1]))
            fail_msg("%s: %s", rows[i][0], why.text);
    }
}

PH_TEST_MAIN(CASE(a_consent_is_its_operators), CASE(a_consent_is_to_all_that_it_says),
             CASE(what_a_worker_says_has_the_hash_that_the_registry_checks),
             CASE(a_change_of_the_key_has_the_hash_that_the_registry_checks),
             CASE(anything_else_is_refused_with_the_member_at_fault))
