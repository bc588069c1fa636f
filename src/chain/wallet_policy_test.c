/* The member "wallet" of phat.json: what it says, and every mistake that is named. */

#include "chain/wallet_policy.h"

#include "base/own.h"
#include "base/test.h"
#include "chain/test_wallet.h"

#include <stdlib.h>

static struct ph_wallet_policy policy;
static struct ph_json_why why;
static bool present;

static enum ph_err parse(const char *text)
{
    return ph_wallet_policy_parse(ph_bytes_str(text), &policy, &present, &why);
}

TEST(a_whole_one_is_read)
{
    const struct ph_u256 hundred = ph_u256_of(100), more = ph_u256_of(250);

    CHECK(parse(TEST_WALLET_MANIFEST) == PH_OK && present);
    CHECK(policy.chain_id == 31337 && policy.first_nonce == 7 && policy.worker.b[0] == 0x0c);
    CHECK(policy.contract_cnt == 2 && policy.contracts[0].selector_cnt == 2);
    CHECK(memcmp(policy.contracts[0].selectors[1].b, "\x09\x5e\xa7\xb3", 4) == 0);
    CHECK(!policy.contracts[0].plain && policy.contracts[1].plain);
    CHECK(policy.contracts[1].address.b[19] == 0x0b && policy.contracts[1].selector_cnt == 0);
    CHECK(ph_u256_cmp(&policy.max_value, &hundred) == 0);
    CHECK(ph_u256_cmp(&policy.max_value_per_day, &more) == 0);
    CHECK(policy.max_transactions_per_day == 5 && policy.max_gas == 90000);
    CHECK(policy.max_fee == 1000);
}

TEST(an_empty_one_allows_nothing_and_none_is_told_apart)
{
    const struct ph_u256 zero = ph_u256_of(0);

    CHECK(parse("{\"name\":\"a\",\"wallet\":{}}") == PH_OK && present);
    CHECK(policy.chain_id == 0 && policy.contract_cnt == 0 && policy.max_gas == 0);
    CHECK(policy.max_transactions_per_day == 0 && policy.max_fee == 0 && policy.worker.b[0] == 0);
    CHECK(ph_u256_cmp(&policy.max_value, &zero) == 0 &&
          ph_u256_cmp(&policy.max_value_per_day, &zero) == 0);
    policy.chain_id = 9;
    CHECK(parse("{\"name\":\"a\"}") == PH_OK && !present && policy.chain_id == 9);
}

#define W(members) "{\"wallet\":{" members "}}"
#define C(members) W("\"contracts\":[{" members "}]")
#define S(members) C(AT ",\"selectors\":[{\"selector\":\"0xa9059cbb\"," members "}]")
#define WORD "0x1111111111111111111111111111111111111111111111111111111111111111"
#define AT "\"address\":\"" TEST_WALLET_A "\""

TEST(every_mistake_is_refused_and_named)
{
    static const char *const bad[][2] = {
        {"[]", "document"},
        {"{\"wallet\":true}", "wallet"},
        {"{\"wallet\":{},\"wallet\":{}}", "twice"},
        {W("\"chain\":1"), "chain"},
        {W("\"chainId\":0"), "chainId"},
        {W("\"chainId\":\"1\""), "chainId"},
        {W("\"worker\":\"0x12\""), "worker"},
        {W("\"firstNonce\":-1"), ""},
        {W("\"maxValueWei\":1"), "maxValueWei"},
        {W("\"maxValueWei\":\"01\""), "maxValueWei"},
        {W("\"maxValueWei\":\"0x1\""), "maxValueWei"},
        {W("\"maxValueWeiPerDay\":\"\""), "maxValueWeiPerDay"},
        {W("\"maxFeePerGasWei\":\"18446744073709551616\""), "maxFeePerGasWei"},
        {W("\"maxGas\":16777217"), "maxGas"},
        {W("\"maxTransactionsPerDay\":100001"), "maxTransactionsPerDay"},
        {W("\"contracts\":{}"), "contracts"},
        {W("\"contracts\":[7]"), "contracts[0]"},
        {C("\"selectors\":[]"), "contracts[0].address"},
        {C(AT ",\"functions\":[]"), "functions"},
        {C(AT ",\"selectors\":\"0x\""), "selectors"},
        {C(AT ",\"selectors\":[\"a9059cbb\"]"), "selectors"},
        {C(AT ",\"selectors\":[\"0xa9059c\"]"), "selectors"},
        {C(AT ",\"selectors\":[\"0xa9059cbb00\"]"), "selectors"},
        {C(AT ",\"selectors\":[\"0xa9059cbg\"]"), "selectors"},
        {C(AT ",\"selectors\":[7]"), "selectors"},
        {C(AT ",\"selectors\":[{}]"), "selector"},
        {S("\"word\":[]"), "word"},
        {S("\"words\":{}"), "words"},
        {S("\"words\":[7]"), "words"},
        {S("\"words\":[{}]"), "words"},
        {S("\"words\":[{\"is\":\"0x12\"}]"), "is"},
        {S("\"words\":[{\"max\":7}]"), "max"},
        {S("\"words\":[{\"max\":\"0x7\"}]"), "max"},
        {S("\"words\":[{\"min\":\"7\"}]"), "min"},
        {S("\"words\":[{\"max\":\"7\",\"is\":\"" WORD "\"}]"), "words"},
        {W("\"contracts\":[{" AT "},{" AT "}]"), "contracts[1].address"},
    };
    for (size_t i = 0; i < PH_LEN(bad); i++) {
        memset(&policy, 0, sizeof(policy));
        why.text[0] = '\0';
        if (parse(bad[i][0]) != PH_ERR_MALFORMED ||
            (strcmp(bad[i][1], "twice") != 0 && !strstr(why.text, bad[i][1])))
            fail_msg("%s: %s", bad[i][0], why.text);
        CHECK(policy.chain_id == 0);
    }
}

TEST(words_are_read_and_sixty_four_are_the_most)
{
    CHECK(parse(S("\"words\":[{\"is\":\"" WORD "\"},null,{\"max\":\"257\"}]")) == PH_OK);
    CHECK(policy.contracts[0].selector_cnt == 1 && policy.word_cnt == 3);
    CHECK(policy.contracts[0].selectors[0].word_cnt == 3);
    CHECK(policy.words[0].bound == PH_WALLET_IS && policy.words[0].value.b[31] == 0x11);
    CHECK(policy.words[1].bound == PH_WALLET_FREE && policy.words[2].bound == PH_WALLET_MAX);
    CHECK(policy.words[2].value.b[30] == 1 && policy.words[2].value.b[31] == 1);
    for (int over = 0; over < 2; over++) {
        struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_WALLET_MANIFEST_MAX);
        CHECK(ph_buf_add_str(&text, "{\"wallet\":{\"contracts\":[{" AT ",\"selectors\":[") ==
              PH_OK);
        for (int i = 0; i < 2; i++) {
            CHECK(ph_buf_addf(&text, "%s{\"selector\":\"0xa9059cbb\",\"words\":[null",
                              i ? "," : "") == PH_OK);
            for (int k = 1; k < 32 + (i > 0 ? over : 0); k++)
                CHECK(ph_buf_add_str(&text, ",null") == PH_OK);
            CHECK(ph_buf_add_str(&text, "]}") == PH_OK);
        }
        CHECK(ph_buf_add_str(&text, "]}]}}") == PH_OK);
        CHECK(ph_wallet_policy_parse(ph_buf_view(&text), &policy, &present, &why) ==
              (over ? PH_ERR_MALFORMED : PH_OK));
    }
}

TEST(thirty_two_contracts_of_thirty_two_selectors_are_the_most)
{
    for (int over = 0; over < 3; over++) {
        struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_WALLET_MANIFEST_MAX);
        const int contracts = over == 1 ? 33 : 32, selectors = over == 2 ? 33 : 32;
        CHECK(ph_buf_add_str(&text, "{\"wallet\":{\"contracts\":[") == PH_OK);
        for (int i = 0; i < contracts; i++) {
            CHECK(ph_buf_addf(&text, "%s{\"address\":\"0x%040x\",\"selectors\":[", i ? "," : "",
                              i) == PH_OK);
            for (int k = 0; k < selectors; k++)
                CHECK(ph_buf_addf(&text, "%s\"0x%08x\"", k ? "," : "", k) == PH_OK);
            CHECK(ph_buf_add_str(&text, "]}") == PH_OK);
        }
        CHECK(ph_buf_add_str(&text, "]}}") == PH_OK);
        const enum ph_err err = ph_wallet_policy_parse(ph_buf_view(&text), &policy, &present, &why);
        CHECK(err == (over ? PH_ERR_MALFORMED : PH_OK));
    }
}

TEST(a_text_that_is_cut_anywhere_is_refused)
{
    const struct ph_bytes whole = ph_bytes_str(TEST_WALLET_MANIFEST);

    for (size_t len = 0; len < whole.len; len++)
        CHECK(ph_wallet_policy_parse((struct ph_bytes){whole.ptr, len}, &policy, &present, &why) !=
              PH_OK);
}

PH_TEST_MAIN(CASE(a_whole_one_is_read), CASE(an_empty_one_allows_nothing_and_none_is_told_apart),
             CASE(every_mistake_is_refused_and_named),
             CASE(words_are_read_and_sixty_four_are_the_most),
             CASE(thirty_two_contracts_of_thirty_two_selectors_are_the_most),
             CASE(a_text_that_is_cut_anywhere_is_refused))
