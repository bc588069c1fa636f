/* Blocks, logs and receipts: every member that is missing or of another form alone. */

#include "chain/eth.h"

#include "base/own.h"
#include "base/test.h"

#include <stdlib.h>

#define H(c) "0x" c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c
#define A(c) "0x" c c c c c c c c c c c c c c c c c c c c
#define BLOCK                                                                                      \
    "{\"number\":\"0x1b4\",\"hash\":\"" H("aa") "\",\"parentHash\":\"" H(                          \
        "bb") "\",\"timestamp\":\"0x65\",\"baseFeePerGas\":\"0x7\",\"extra\":[]}"
#define RECEIPT                                                                                    \
    "{\"transactionHash\":\"" H("01") "\",\"blockHash\":\"" H(                                     \
        "02") "\",\"blockNumber\":\"0x5\",\"gasUsed\":\"0x5208\",\"status\":\"0x1\"}"
#define LOG(number, index, data)                                                                   \
    "{\"address\":\"" A("0c") "\",\"topics\":[\"" H("11") "\",\"" H(                               \
        "22") "\"],\"data\":\"" data "\",\"blockNumber\":\"" number "\",\"logIndex\":\"" index     \
              "\",\"blockHash\":\"" H("aa") "\",\"transactionHash\":\"" H(                         \
                  "dd") "\",\"removed\":false}"

static struct ph_jtok toks[256];
static struct ph_jdoc doc;

static void scan(struct ph_bytes text)
{
    CHECK(ph_jscan(text, toks, PH_LEN(toks), &doc) == PH_OK);
}

TEST(a_block_is_read)
{
    struct ph_eth_block block;

    scan(PH_BYTES_LIT(BLOCK));
    CHECK(ph_eth_block_parse(&doc, 0, &block) == PH_OK);
    CHECK(block.number == 436 && block.timestamp == 101 && block.base_fee == 7 &&
          block.hash.b[31] == 0xaa && block.parent.b[0] == 0xbb);
    scan(PH_BYTES_LIT("null"));
    CHECK(ph_eth_block_parse(&doc, 0, &block) == PH_ERR_NOT_FOUND);
    scan(PH_BYTES_LIT("[]"));
    CHECK(ph_eth_block_parse(&doc, 0, &block) == PH_ERR_MALFORMED);
}

/* `text` with `find` replaced by `with`, scanned; the text stays until the next call. */
static void edited(const char *text, const char *find, const char *with)
{
    static char out[4096];
    const char *at = strstr(text, find);

    CHECK(at);
    const int n =
        snprintf(out, sizeof(out), "%.*s%s%s", (int)(at - text), text, with, at + strlen(find));
    CHECK(n > 0 && (size_t)n < sizeof(out));
    scan(ph_bytes_str(out));
}

TEST(a_block_without_one_of_its_members_is_refused)
{
    static const char *const rows[][2] = {
        {"\"number\"", "\"x\""},
        {"\"0x1b4\"", "null"},
        {"\"0x1b4\"", "436"},
        {"\"hash\"", "\"x\""},
        {"aaaa", "aa"},
        {"\"parentHash\"", "\"x\""},
        {"\"timestamp\"", "\"x\""},
        {"\"0x65\"", "\"0x065\""},
        {"\"0x7\"", "\"0x\""},
    };
    struct ph_eth_block block = {.number = 3};

    for (size_t i = 0; i < PH_LEN(rows); i++) {
        edited(BLOCK, rows[i][0], rows[i][1]);
        CHECK(ph_eth_block_parse(&doc, 0, &block) == PH_ERR_MALFORMED && block.number == 3);
    }
    edited(BLOCK, "\"baseFeePerGas\"", "\"x\"");
    CHECK(ph_eth_block_parse(&doc, 0, &block) == PH_OK && block.base_fee == 0);
}

TEST(a_receipt_says_whether_the_transaction_was_reverted)
{
    static const char *const bad[][2] = {
        {"\"transactionHash\"", "\"x\""},
        {"\"blockHash\"", "\"x\""},
        {"\"blockNumber\"", "\"x\""},
        {"\"gasUsed\"", "\"x\""},
        {"\"status\"", "\"x\""},
        {"\"0x1\"", "\"0x2\""},
        {"\"0x1\"", "true"},
    };
    struct ph_eth_receipt receipt;

    scan(PH_BYTES_LIT(RECEIPT));
    CHECK(ph_eth_receipt_parse(&doc, 0, &receipt) == PH_OK);
    CHECK(receipt.ok && receipt.block_number == 5 && receipt.gas_used == 21000 &&
          receipt.tx_hash.b[0] == 1 && receipt.block_hash.b[0] == 2);
    edited(RECEIPT, "\"0x1\"", "\"0x0\"");
    CHECK(ph_eth_receipt_parse(&doc, 0, &receipt) == PH_OK && !receipt.ok);
    scan(PH_BYTES_LIT("null"));
    CHECK(ph_eth_receipt_parse(&doc, 0, &receipt) == PH_ERR_NOT_FOUND);
    for (size_t i = 0; i < PH_LEN(bad); i++) {
        edited(RECEIPT, bad[i][0], bad[i][1]);
        CHECK(ph_eth_receipt_parse(&doc, 0, &receipt) == PH_ERR_MALFORMED);
    }
}

static enum ph_err logs_of(struct ph_eth_logs *logs)
{
    ph_eth_logs_clear(logs);
    return ph_eth_logs_parse(&doc, 0, 4, 6, logs);
}

TEST(logs_are_read_in_order)
{
    struct ph_eth_logs logs PH_OWNED(ph_eth_logs_clear) = {0};

    scan(PH_BYTES_LIT("[" LOG("0x4", "0x9", "0x") "," LOG("0x5", "0x0", "0x0102") "," LOG(
        "0x5", "0x3", "0x03") "]"));
    CHECK(logs_of(&logs) == PH_OK && logs.cnt == 3);
    CHECK(logs.at[0].data.len == 0 && logs.at[0].topic_cnt == 2 && logs.at[0].index == 9);
    CHECK(ph_bytes_is(logs.at[1].data, "\1\2") && ph_bytes_is(logs.at[2].data, "\3"));
    CHECK(logs.at[2].block_number == 5 && logs.at[2].address.b[0] == 0x0c &&
          logs.at[2].topics[1].b[5] == 0x22 && logs.at[2].tx_hash.b[0] == 0xdd);
    scan(PH_BYTES_LIT("[]"));
    CHECK(logs_of(&logs) == PH_OK && logs.cnt == 0);
}

TEST(logs_out_of_order_or_out_of_range_are_refused)
{
    static const char *const bad[] = {
        "null",
        "[1]",
        "[" LOG("0x3", "0x0", "0x") "]",
        "[" LOG("0x7", "0x0", "0x") "]",
        "[" LOG("0x5", "0x0", "0x") "," LOG("0x4", "0x1", "0x") "]",
        "[" LOG("0x5", "0x1", "0x") "," LOG("0x5", "0x1", "0x") "]",
        "[" LOG("0x5", "0x2", "0x") "," LOG("0x5", "0x1", "0x") "]",
    };
    struct ph_eth_logs logs PH_OWNED(ph_eth_logs_clear) = {0};

    for (size_t i = 0; i < PH_LEN(bad); i++) {
        scan(ph_bytes_str(bad[i]));
        CHECK(logs_of(&logs) == PH_ERR_MALFORMED && logs.cnt == 0);
    }
}

TEST(a_log_with_a_member_of_another_form_is_refused)
{
    static const char *const one = "[" LOG("0x5", "0x1", "0x0102") "]";
    static const char *const bad[][2] = {
        {"\"address\"", "\"x\""},
        {"0c0c", "0c"},
        {"\"topics\"", "\"x\""},
        {"1111", "11"},
        {"[\"0x11", "[1,\"0x11"},
        {"[\"0x11", "[\"0x\",\"0x11"},
        {"\"data\"", "\"x\""},
        {"0x0102", "0x010"},
        {"\"blockHash\"", "\"x\""},
        {"\"transactionHash\"", "\"x\""},
        {"\"logIndex\"", "\"x\""},
        {"\"blockNumber\"", "\"x\""},
        {"\"removed\":false", "\"removed\":true"},
        {"\"removed\":false", "\"removed\":0"},
    };
    struct ph_eth_logs logs PH_OWNED(ph_eth_logs_clear) = {0};

    edited(one, "0x0102", "0x0102");
    CHECK(logs_of(&logs) == PH_OK);
    for (size_t i = 0; i < PH_LEN(bad); i++) {
        edited(one, bad[i][0], bad[i][1]);
        if (logs_of(&logs) != PH_ERR_MALFORMED)
            fail_msg("%s -> %s", bad[i][0], bad[i][1]);
    }
}

PH_TEST_MAIN(CASE(a_block_is_read), CASE(a_block_without_one_of_its_members_is_refused),
             CASE(a_receipt_says_whether_the_transaction_was_reverted),
             CASE(logs_are_read_in_order), CASE(logs_out_of_order_or_out_of_range_are_refused),
             CASE(a_log_with_a_member_of_another_form_is_refused))
