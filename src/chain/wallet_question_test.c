/* A phat's questions to its wallet: their forms, and every mistake that is named. */

#include "chain/wallet_question.h"

#include "base/own.h"
#include "base/test.h"
#include "chain/test_wallet.h"

#include <stdlib.h>

static struct ph_json_why why;

static enum ph_err parse(const char *text, struct ph_wallet_wanted *out)
{
    return ph_wallet_question_parse(ph_bytes_str(text), out, &why);
}

#define HASH "0x1212121212121212121212121212121212121212121212121212121212121212"
#define SEND(more) "{\"ask\":\"send\",\"to\":\"" TEST_WALLET_A "\"" more "}"

TEST(a_transaction_is_read)
{
    struct ph_wallet_wanted w PH_OWNED(ph_wallet_wanted_clear) = {0};
    struct ph_wallet_wanted bare PH_OWNED(ph_wallet_wanted_clear) = {0};
    const struct ph_u256 seven = ph_u256_of(7);

    CHECK(parse(SEND(",\"data\":\"0xA9059cbb\",\"value\":\"7\",\"gas\":21000,\"key\":\"a b\""),
                &w) == PH_OK);
    CHECK(w.wish == PH_WALLET_SEND && w.to.b[7] == 0x0a && w.gas == 21000);
    CHECK(ph_u256_cmp(&w.value, &seven) == 0 && ph_bytes_is(w.key, "a b"));
    CHECK(w.data.len == 4 && memcmp(w.data.ptr, "\xa9\x05\x9c\xbb", 4) == 0);
    CHECK(parse(SEND(""), &bare) == PH_OK && bare.gas == 0 && bare.key.len == 0);
    CHECK(bare.data.len == 0);
}

TEST(the_other_questions_are_read)
{
    struct ph_wallet_wanted w = {0};

    CHECK(parse("{\"ask\":\"address\"}", &w) == PH_OK && w.wish == PH_WALLET_ADDRESS);
    CHECK(parse("{\"ask\":\"balance\"}", &w) == PH_OK && w.wish == PH_WALLET_BALANCE);
    CHECK(parse("{\"ask\":\"receipt\",\"hash\":\"" HASH "\"}", &w) == PH_OK);
    CHECK(w.wish == PH_WALLET_RECEIPT && w.hash.b[31] == 0x12);
    CHECK(parse("{\"ask\":\"wait\",\"hash\":\"" HASH "\"}", &w) == PH_OK && w.final);
    CHECK(parse("{\"ask\":\"wait\",\"hash\":\"" HASH "\",\"final\":false}", &w) == PH_OK);
    CHECK(w.wish == PH_WALLET_WAIT && !w.final);
}

TEST(every_mistake_is_refused_and_named)
{
    static const char *const bad[][2] = {
        {"[]", "question"},
        {"{}", "ask"},
        {"{\"ask\":\"sign\"}", "ask"},
        {"{\"ask\":\"address\",\"to\":1}", "to"},
        {"{\"ask\":\"balance\",\"of\":1}", "of"},
        {"{\"ask\":\"receipt\"}", "hash"},
        {"{\"ask\":\"receipt\",\"hash\":\"0x12\"}", "hash"},
        {"{\"ask\":\"receipt\",\"hash\":\"" HASH "\",\"final\":true}", "final"},
        {"{\"ask\":\"wait\",\"hash\":\"" HASH "\",\"final\":1}", "final"},
        {"{\"ask\":\"send\"}", "to"},
        {"{\"ask\":\"send\",\"to\":\"0x12\"}", "to"},
        {SEND(",\"data\":\"0x1\""), "data"},
        {SEND(",\"data\":\"1234\""), "data"},
        {SEND(",\"data\":\"0x0x12\""), "data"},
        {SEND(",\"data\":\"0xzz\""), "data"},
        {SEND(",\"data\":7"), "data"},
        {SEND(",\"value\":7"), "value"},
        {SEND(",\"value\":\"-7\""), "value"},
        {SEND(",\"value\":\"0x7\""), "value"},
        {SEND(",\"gas\":20999"), "gas"},
        {SEND(",\"gas\":16777217"), "gas"},
        {SEND(",\"key\":\"\""), "key"},
        {SEND(",\"nonce\":1"), "nonce"},
    };
    for (size_t i = 0; i < PH_LEN(bad); i++) {
        struct ph_wallet_wanted w = {0};
        why.text[0] = '\0';
        if (parse(bad[i][0], &w) != PH_ERR_MALFORMED || !strstr(why.text, bad[i][1]))
            fail_msg("%s: %s", bad[i][0], why.text);
    }
}

TEST(calldata_and_keys_have_their_greatest_length)
{
    for (size_t over = 0; over < 2; over++) {
        struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_WALLET_QUESTION_MAX);
        struct ph_wallet_wanted w PH_OWNED(ph_wallet_wanted_clear) = {0};
        CHECK(ph_buf_add_str(&text, "{\"ask\":\"send\",\"to\":\"" TEST_WALLET_A
                                    "\",\"data\":\"0x") == PH_OK);
        for (size_t i = 0; i < PH_WALLET_DATA_MAX + over; i++)
            CHECK(ph_buf_add_str(&text, "ab") == PH_OK);
        CHECK(ph_buf_addf(&text, "\",\"key\":\"%0256d\"}", 7) == PH_OK);
        const enum ph_err err = ph_wallet_question_parse(ph_buf_view(&text), &w, &why);
        CHECK(err == (over ? PH_ERR_MALFORMED : PH_OK));
        CHECK(over || (w.data.len == PH_WALLET_DATA_MAX && w.key.len == PH_WALLET_KEY_MAX));
    }
}

PH_TEST_MAIN(CASE(a_transaction_is_read), CASE(the_other_questions_are_read),
             CASE(every_mistake_is_refused_and_named),
             CASE(calldata_and_keys_have_their_greatest_length))
