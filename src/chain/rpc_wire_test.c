/* JSON-RPC on the wire: what is sent, and every answer that a node has no business to give. */

#include "chain/rpc_wire.h"

#include "base/own.h"
#include "base/test.h"

static struct ph_rpc_batch batch;
static struct ph_rpc_answer answers[3];

static enum ph_err parse(const char *text)
{
    ph_rpc_batch_clear(&batch);
    return ph_rpc_parse_batch(ph_bytes_str(text), 10, 3, &batch, answers);
}

TEST(a_batch_is_an_array_with_counting_ids)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(1024);
    const struct ph_rpc_call calls[] = {{"eth_chainId", PH_BYTES_LIT("[]")},
                                        {"eth_call", PH_BYTES_LIT("[{},\"latest\"]")}};

    CHECK(ph_rpc_put_batch(7, calls, 2, &out) == PH_OK);
    CHECK(ph_bytes_is(
        ph_buf_view(&out),
        "[{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"eth_chainId\",\"params\":[]},"
        "{\"jsonrpc\":\"2.0\",\"id\":8,\"method\":\"eth_call\",\"params\":[{},\"latest\"]}]"));
}

TEST(answers_come_in_any_order_and_some_not_at_all)
{
    uint64_t v;

    CHECK(parse("[{\"id\":12,\"result\":\"0x2a\"},{\"jsonrpc\":\"2.0\",\"id\":10,\"error\":{"
                "\"code\":-32000,\"message\":\"nonce too low\",\"data\":\"0x01\"}}]") == PH_OK);
    CHECK(answers[0].is_error && answers[0].code == -32000 &&
          ph_bytes_is(answers[0].message, "nonce too low") && ph_bytes_is(answers[0].data, "0x01"));
    CHECK(!answers[1].doc);
    CHECK(!answers[2].is_error && ph_rpc_quantity(answers[2].doc, answers[2].result, &v) == PH_OK &&
          v == 42);
}

TEST(an_error_may_hold_its_data_one_level_deeper_or_none)
{
    CHECK(parse("[{\"id\":10,\"error\":{\"code\":3,\"message\":\"\",\"data\":{\"data\":\"0x08\"}}},"
                "{\"id\":11,\"error\":{}}]") == PH_OK);
    CHECK(ph_bytes_is(answers[0].data, "0x08"));
    CHECK(answers[1].is_error && answers[1].code == 0 && answers[1].data.len == 0);
}

TEST(what_is_no_answer_to_this_batch_is_refused)
{
    static const char *const bad[] = {
        "",
        "null",
        "[1]",
        "[{\"result\":1}]",
        "[{\"id\":9,\"result\":1}]",
        "[{\"id\":13,\"result\":1}]",
        "[{\"id\":\"10\",\"result\":1}]",
        "[{\"id\":10}]",
        "[{\"id\":10,\"error\":null}]",
        "[{\"id\":10,\"result\":1},{\"id\":10,\"result\":2}]",
        "[{\"id\":10,\"id\":11,\"result\":1}]",
        "[{\"id\":10,\"result\":1}] x",
        "{\"id\":10,\"result\":1}",
    };

    for (size_t i = 0; i < PH_LEN(bad); i++)
        if (parse(bad[i]) != PH_ERR_MALFORMED)
            fail_msg("%s", bad[i]);
    CHECK(parse("{\"id\":null,\"error\":{\"code\":-32600,\"message\":\"too large\"}}") ==
          PH_ERR_IO);
}

static struct ph_hash32 digest(const char *text, const char *const *members)
{
    struct ph_hash32 out;

    CHECK(parse(text) == PH_OK);
    ph_rpc_answer_digest(&answers[0], members, &out);
    return out;
}

static bool same(const char *a, const char *b, const char *const *members)
{
    const struct ph_hash32 first = digest(a, members), second = digest(b, members);

    return memcmp(first.b, second.b, sizeof(first.b)) == 0;
}

TEST(nodes_agree_when_what_counts_is_the_same)
{
    static const char *const members[] = {"hash", "topics", NULL};

    CHECK(
        same("[{\"id\":10,\"result\":\"0xAB\"}]", "[ {\"id\" : 10, \"result\": \"0xab\"}]", NULL));
    CHECK(same("[{\"id\":10,\"result\":{\"hash\":\"0xAB\",\"topics\":[ \"1\"],\"x\":1}}]",
               "[{\"id\":10,\"result\":{\"y\":[2],\"topics\":[\"1\"],\"hash\":\"0xab\"}}]",
               members));
    CHECK(same("[{\"id\":10,\"error\":{\"code\":3,\"message\":\"a\",\"data\":\"0x08\"}}]",
               "[{\"id\":10,\"error\":{\"code\":-32000,\"message\":\"b\",\"data\":\"0x08\"}}]",
               NULL));
}

TEST(nodes_disagree_about_anything_that_counts)
{
    static const char *const members[] = {"hash", "topics", NULL};
    static const char *const rows[][2] = {
        {"[{\"id\":10,\"result\":\"0xab\"}]", "[{\"id\":10,\"result\":\"0xac\"}]"},
        {"[{\"id\":10,\"result\":null}]", "[{\"id\":10,\"result\":\"null\"}]"},
        {"[{\"id\":10,\"result\":[]}]", "[{\"id\":10,\"result\":{}}]"},
        {"[{\"id\":10,\"result\":{\"hash\":\"1\"}}]", "[{\"id\":10,\"result\":{}}]"},
        {"[{\"id\":10,\"result\":{\"hash\":\"1\"}}]",
         "[{\"id\":10,\"result\":{\"topics\":\"1\"}}]"},
        {"[{\"id\":10,\"result\":{\"topics\":[\"1\",\"2\"]}}]",
         "[{\"id\":10,\"result\":{\"topics\":[\"12\"]}}]"},
        {"[{\"id\":10,\"result\":[{\"hash\":\"1\"}]}]",
         "[{\"id\":10,\"result\":{\"hash\":\"1\"}}]"},
        {"[{\"id\":10,\"result\":[{\"hash\":\"1\"}]}]",
         "[{\"id\":10,\"result\":[{\"hash\":\"1\"},{\"hash\":\"1\"}]}]"},
        {"[{\"id\":10,\"result\":\"0x\"}]", "[{\"id\":10,\"error\":{\"code\":3}}]"},
        {"[{\"id\":10,\"error\":{\"data\":\"0x01\"}}]", "[{\"id\":10,\"error\":{}}]"},
    };

    for (size_t i = 0; i < PH_LEN(rows); i++)
        if (same(rows[i][0], rows[i][1], members))
            fail_msg("%s and %s", rows[i][0], rows[i][1]);
}

TEST(bytes_are_an_even_number_of_digits_after_0x)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(3);

    CHECK(ph_rpc_data_of(PH_BYTES_LIT("0x"), &out) == PH_OK && out.len == 0);
    CHECK(ph_rpc_data_of(PH_BYTES_LIT("0x0aFF"), &out) == PH_OK && out.len == 2 &&
          out.ptr[1] == 0xff);
    CHECK(ph_rpc_data_of(PH_BYTES_LIT("0x0"), &out) == PH_ERR_MALFORMED);
    CHECK(ph_rpc_data_of(PH_BYTES_LIT("0a"), &out) == PH_ERR_MALFORMED);
    CHECK(ph_rpc_data_of(PH_BYTES_LIT("0x0g"), &out) == PH_ERR_MALFORMED);
    CHECK(ph_rpc_data_of(PH_BYTES_LIT("0x0102"), &out) == PH_ERR_LIMIT && out.len == 2);
}

TEST(an_answer_over_the_limits_is_refused)
{
    struct ph_buf many PH_OWNED(ph_buf_clear) = PH_BUF(PH_RPC_TEXT_MAX + 1);
    uint8_t *at;

    CHECK(ph_buf_reserve(&many, PH_RPC_TEXT_MAX + 1, &at) == PH_OK);
    memset(at, ' ', PH_RPC_TEXT_MAX + 1);
    many.len = PH_RPC_TEXT_MAX + 1;
    ph_rpc_batch_clear(&batch);
    CHECK(ph_rpc_parse_batch(ph_buf_view(&many), 10, 3, &batch, answers) == PH_ERR_LIMIT);
    at[0] = '[';
    for (size_t i = 1; i < 2 * PH_RPC_TOKS_MAX; i += 2)
        memcpy(at + i, "1,", 2);
    CHECK(ph_rpc_parse_batch((struct ph_bytes){at, PH_RPC_TEXT_MAX}, 10, 3, &batch, answers) ==
          PH_ERR_LIMIT);
}

PH_TEST_MAIN(CASE(a_batch_is_an_array_with_counting_ids),
             CASE(answers_come_in_any_order_and_some_not_at_all),
             CASE(an_error_may_hold_its_data_one_level_deeper_or_none),
             CASE(what_is_no_answer_to_this_batch_is_refused),
             CASE(nodes_agree_when_what_counts_is_the_same),
             CASE(nodes_disagree_about_anything_that_counts),
             CASE(bytes_are_an_even_number_of_digits_after_0x),
             CASE(an_answer_over_the_limits_is_refused))
