/* What a phat asks of the chain: each form, each way to get it wrong, and answers in its words. */

#include "chain/query.h"

#include "base/own.h"
#include "base/test.h"

#define A "0x0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"
#define T "0x7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b"

enum { FINAL = 5000 };

static struct ph_json_why why;

static void expect(const char *text, const char *method, const char *params)
{
    struct ph_query q;

    why.text[0] = '\0';
    if (ph_query_parse(ph_bytes_str(text), FINAL, &q, &why) != PH_OK)
        fail_msg("%s: %s", text, why.text);
    assert_string_equal(q.method, method);
    if (!ph_bytes_is(ph_buf_view(&q.params), params))
        fail_msg("%.*s", (int)q.params.len, (const char *)q.params.ptr);
    ph_query_clear(&q);
}

TEST(a_question_becomes_json_rpc_at_a_final_block)
{
    expect("{\"ask\":\"block\"}", "eth_getBlockByNumber", "[\"0x1388\",false]");
    expect("{\"ask\":\"block\",\"block\":7}", "eth_getBlockByNumber", "[\"0x7\",false]");
    expect("{\"ask\":\"call\",\"to\":\"" A "\"}", "eth_call",
           "[{\"to\":\"" A "\",\"data\":\"0x\"},\"0x1388\"]");
    expect("{\"ask\":\"call\",\"to\":\"" A "\",\"data\":\"0x01aB\",\"from\":\"" A
           "\",\"block\":16}",
           "eth_call", "[{\"to\":\"" A "\",\"data\":\"0x01aB\",\"from\":\"" A "\"},\"0x10\"]");
    expect("{\"ask\":\"balance\",\"of\":\"" A "\",\"block\":0}", "eth_getBalance",
           "[\"" A "\",\"0x0\"]");
    expect("{\"ask\":\"logs\",\"address\":[\"" A "\"],\"topics\":[null,\"" T "\",[\"" T "\",\"" T
           "\"]],\"from\":4000}",
           "eth_getLogs",
           "[{\"address\":[\"" A "\"],\"topics\":[null,\"" T "\",[\"" T "\",\"" T
           "\"]],\"fromBlock\":\"0xfa0\",\"toBlock\":\"0x1388\"}]");
}

TEST(anything_else_is_refused_with_the_member_at_fault)
{
    static const char *const rows[][2] = {
        {"{}", "ask"},
        {"[]", ""},
        {"{\"ask\":\"send\"}", "ask"},
        {"{\"ask\":\"block\",\"block\":5001}", "block"}, /* not final */
        {"{\"ask\":\"block\",\"block\":\"latest\"}", "block"},
        {"{\"ask\":\"block\",\"more\":1}", "more"},
        {"{\"ask\":\"call\"}", "to"},
        {"{\"ask\":\"call\",\"to\":\"0x0a\"}", "to"},
        {"{\"ask\":\"call\",\"to\":\"" A "\",\"data\":\"0x1\"}", "data"},
        {"{\"ask\":\"call\",\"to\":\"" A "\",\"data\":\"01\"}", "data"},
        {"{\"ask\":\"call\",\"to\":\"" A "\",\"data\":\"0x\\u0030\"}", "data"},
        {"{\"ask\":\"call\",\"to\":\"" A "\",\"from\":1}", "from"},
        {"{\"ask\":\"call\",\"to\":\"" A "\",\"gas\":1}", "gas"},
        {"{\"ask\":\"balance\"}", "of"},
        {"{\"ask\":\"logs\",\"from\":1,\"to\":2}", "address"},
        {"{\"ask\":\"logs\",\"address\":[],\"from\":1,\"to\":2}", "address"},
        {"{\"ask\":\"logs\",\"address\":[\"" A "\"],\"to\":2}", "from"},
        {"{\"ask\":\"logs\",\"address\":[\"" A "\"],\"from\":3,\"to\":2}", "to"},
        {"{\"ask\":\"logs\",\"address\":[\"" A "\"],\"from\":0,\"to\":2000}", "to"},
        {"{\"ask\":\"logs\",\"address\":[\"" A "\"],\"from\":4001,\"topics\":[\"" A "\"]}",
         "topics"},
        {"{\"ask\":\"logs\",\"address\":[\"" A "\"],\"from\":4000,\"topics\":[[]]}", "topics"},
        {"{\"ask\":\"logs\",\"address\":[\"" A
         "\"],\"from\":4000,\"topics\":[null,null,null,null,null]}",
         "topics"},
    };

    for (size_t i = 0; i < PH_LEN(rows); i++) {
        struct ph_query q;
        why.text[0] = '\0';
        if (ph_query_parse(ph_bytes_str(rows[i][0]), FINAL, &q, &why) != PH_ERR_MALFORMED ||
            !strstr(why.text, rows[i][1]))
            fail_msg("%s: %s", rows[i][0], why.text);
    }
}

/* What a node says to one call, in the phat's words. */
static enum ph_err answer(const char *question, const char *said, struct ph_buf *out)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(8192);
    struct ph_rpc_answer got;
    struct ph_rpc_batch batch;
    struct ph_query q;

    CHECK(ph_query_parse(ph_bytes_str(question), FINAL, &q, &why) == PH_OK);
    CHECK(ph_buf_addf(&text, "[{\"jsonrpc\":\"2.0\",\"id\":1,%s}]", said) == PH_OK);
    CHECK(ph_rpc_parse_batch(ph_buf_view(&text), 1, 1, &batch, &got) == PH_OK);
    const enum ph_err err = ph_query_answer(&q, &got, out);
    ph_rpc_batch_clear(&batch);
    ph_query_clear(&q);
    return err;
}

static void expect_answer(const char *question, const char *said, const char *expected)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(8192);

    CHECK(answer(question, said, &out) == PH_OK);
    if (!ph_bytes_is(ph_buf_view(&out), expected))
        fail_msg("%.*s", (int)out.len, (const char *)out.ptr);
}

TEST(answers_hold_what_nodes_agree_on_alone)
{
    expect_answer("{\"ask\":\"call\",\"to\":\"" A "\"}", "\"result\":\"0xAB01\"",
                  "{\"ok\":\"0xab01\"}");
    expect_answer("{\"ask\":\"balance\",\"of\":\"" A "\"}", "\"result\":\"0xde0b6b3a7640000\"",
                  "{\"ok\":\"1000000000000000000\"}");
    expect_answer("{\"ask\":\"block\"}",
                  "\"result\":{\"number\":\"0x7\",\"hash\":\"" T "\",\"parentHash\":\"" T
                  "\",\"timestamp\":\"0x9\",\"baseFeePerGas\":\"0x1\",\"miner\":\"" A "\"}",
                  "{\"ok\":{\"number\":7,\"hash\":\"" T "\",\"parent\":\"" T
                  "\",\"timestamp\":9}}");
    expect_answer("{\"ask\":\"logs\",\"address\":[\"" A "\"],\"from\":5,\"to\":7}",
                  "\"result\":[{\"address\":\"" A "\",\"topics\":[\"" T
                  "\"],\"data\":\"0x01\",\"blockNumber\":\"0x6\",\"blockHash\":\"" T
                  "\",\"transactionHash\":\"" T "\",\"logIndex\":\"0x2\",\"removed\":false}]",
                  "{\"ok\":[{\"address\":\"" A "\",\"topics\":[\"" T
                  "\"],\"data\":\"0x01\",\"blockNumber\":6,\"blockHash\":\"" T
                  "\",\"transactionHash\":\"" T "\",\"logIndex\":2}]}");
}

TEST(a_revert_has_its_data_and_nodes_words_stay_outside)
{
    expect_answer("{\"ask\":\"call\",\"to\":\"" A "\"}",
                  "\"error\":{\"code\":3,\"message\":\"<b>\",\"data\":\"0x0102\"}",
                  "{\"error\":{\"code\":\"reverted\",\"message\":\"the call was reverted\","
                  "\"data\":\"0x0102\"}}");
    expect_answer(
        "{\"ask\":\"call\",\"to\":\"" A "\"}", "\"error\":{\"code\":-32000,\"message\":\"pruned\"}",
        "{\"error\":{\"code\":\"node\",\"message\":\"nodes refuse the question, or it was "
        "reverted\",\"data\":\"0x\"}}");
}

TEST(what_is_no_answer_is_none)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(8192);

    CHECK(answer("{\"ask\":\"call\",\"to\":\"" A "\"}", "\"result\":7", &out) == PH_ERR_MALFORMED);
    CHECK(answer("{\"ask\":\"balance\",\"of\":\"" A "\"}", "\"result\":\"7\"", &out) != PH_OK);
    CHECK(answer("{\"ask\":\"block\"}", "\"result\":null", &out) != PH_OK);
    CHECK(answer("{\"ask\":\"logs\",\"address\":[\"" A "\"],\"from\":5,\"to\":7}", "\"result\":{}",
                 &out) != PH_OK);
}

PH_TEST_MAIN(CASE(a_question_becomes_json_rpc_at_a_final_block),
             CASE(anything_else_is_refused_with_the_member_at_fault),
             CASE(answers_hold_what_nodes_agree_on_alone),
             CASE(a_revert_has_its_data_and_nodes_words_stay_outside),
             CASE(what_is_no_answer_is_none))
