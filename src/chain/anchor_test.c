/* Answers to contracts: the hashes that viem 2.57.0 computes (encodeAbiParameters, hashTypedData).
 */

#include "chain/anchor.h"

#include "base/hex.h"
#include "base/test.h"
#include "crypto/hash.h"

#define TERMS "00417336a5ea139c04b8d5b66c408950dcf9144e171a63ae455add45daafcaa7"
#define DIGEST "249816aa279925204cb6e82364af9061197df86623fb2e182d82eec24912f7ca"

static struct ph_abi_phat_anchor_terms terms(void)
{
    struct ph_abi_phat_anchor_terms t = {.id = 7,
                                         .fee_wei = ph_u256_of(UINT64_C(1000000000000000)),
                                         .callback_gas = 100000,
                                         .deadline = 1800000000,
                                         .replicas = 1};

    memset(t.app.b, 0xa1, sizeof(t.app.b));
    memset(t.consumer.b, 0xc2, sizeof(t.consumer.b));
    ph_keccak256(PH_BYTES_LIT("hello"), t.input_hash.b);
    return t;
}

static void check_hex(const struct ph_hash32 *got, const char *expected)
{
    char text[65];

    ph_hex_encode(PH_BYTES_OF(got->b), text);
    assert_string_equal(text, expected);
}

static struct ph_anchor_answer answer(void)
{
    struct ph_anchor_answer a = {.request_id = 7, .outcome = PH_ANCHOR_FAILED};
    const struct ph_abi_phat_anchor_terms t = terms();

    CHECK(ph_anchor_terms_hash(&t, &a.terms) == PH_OK);
    memset(a.code_hash.b, 0x44, sizeof(a.code_hash.b));
    ph_keccak256(PH_BYTES_LIT("HELLO"), a.result_hash.b);
    return a;
}

TEST(terms_have_the_hash_that_the_anchor_keeps)
{
    const struct ph_abi_phat_anchor_terms t = terms();
    struct ph_hash32 hash;

    CHECK(ph_anchor_terms_hash(&t, &hash) == PH_OK);
    check_hex(&hash, TERMS);
}

TEST(terms_that_their_types_do_not_hold_have_none)
{
    struct ph_abi_phat_anchor_terms t = terms();
    struct ph_hash32 hash;

    t.replicas = 256;
    CHECK(ph_anchor_terms_hash(&t, &hash) == PH_ERR_LIMIT);
    t = terms();
    t.fee_wei.b[19] = 1;
    CHECK(ph_anchor_terms_hash(&t, &hash) == PH_ERR_LIMIT);
}

TEST(an_answer_has_the_digest_that_others_compute)
{
    struct ph_eth_address anchor;
    struct ph_hash32 digest;
    const struct ph_anchor_answer a = answer();

    memset(anchor.b, 0xe3, sizeof(anchor.b));
    ph_anchor_answer_digest(31337, &anchor, &a, &digest);
    check_hex(&digest, DIGEST);
}

TEST(every_part_of_an_answer_is_in_its_digest)
{
    struct ph_eth_address anchor = {{1}}, other = {{2}};
    struct ph_anchor_answer variants[6];
    struct ph_hash32 digests[8];

    for (size_t i = 0; i < PH_LEN(variants); i++)
        variants[i] = answer();
    variants[1].request_id++;
    variants[2].terms.b[0] ^= 1;
    variants[3].code_hash.b[0] ^= 1;
    variants[4].result_hash.b[0] ^= 1;
    variants[5].outcome = PH_ANCHOR_ANSWERED;
    for (size_t i = 0; i < PH_LEN(variants); i++)
        ph_anchor_answer_digest(31337, &anchor, &variants[i], &digests[i]);
    ph_anchor_answer_digest(1, &anchor, &variants[0], &digests[6]);
    ph_anchor_answer_digest(31337, &other, &variants[0], &digests[7]);
    for (size_t i = 0; i < PH_LEN(digests); i++)
        for (size_t j = 0; j < i; j++)
            CHECK(memcmp(digests[i].b, digests[j].b, 32) != 0);
}

PH_TEST_MAIN(CASE(terms_have_the_hash_that_the_anchor_keeps),
             CASE(terms_that_their_types_do_not_hold_have_none),
             CASE(an_answer_has_the_digest_that_others_compute),
             CASE(every_part_of_an_answer_is_in_its_digest))
