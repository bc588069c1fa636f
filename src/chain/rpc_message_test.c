#include "chain/rpc_message.h"

#include "base/own.h"
#include "base/test.h"

static struct ph_rpc_message got;

static enum ph_err read_text(const char *text)
{
    return ph_rpc_message_read(ph_bytes_str(text), &got);
}

TEST(answers_name_their_batch_by_any_of_its_ids)
{
    CHECK(read_text("[{\"id\":128,\"result\":1}]") == PH_OK);
    CHECK(got.kind == PH_RPC_MESSAGE_ANSWERS && got.ticket == 1);
    CHECK(read_text(" [{\"result\":[],\"id\":898},{\"id\":896,\"result\":0}]") == PH_OK);
    CHECK(got.kind == PH_RPC_MESSAGE_ANSWERS && got.ticket == 7);
}

TEST(news_are_told_from_answers)
{
    CHECK(read_text("{\"jsonrpc\":\"2.0\",\"method\":\"eth_subscription\",\"params\":{"
                    "\"subscription\":\"0x1\",\"result\":{\"number\":\"0x2\"}}}") == PH_OK);
    CHECK(got.kind == PH_RPC_MESSAGE_NEWS);
    CHECK(read_text("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x1\"}") == PH_OK);
    CHECK(got.kind == PH_RPC_MESSAGE_SUBSCRIBED);
    CHECK(read_text("{\"id\":1,\"error\":{\"code\":-32601}}") == PH_OK);
    CHECK(got.kind == PH_RPC_MESSAGE_SUBSCRIBED);
}

TEST(what_is_neither_is_refused)
{
    static const char *const bad[] = {
        "",
        "1",
        "\"eth_subscription\"",
        "[]",
        "[[]]",
        "[1]",
        "[{\"id\":127,\"result\":1}]",
        "[{\"id\":null,\"result\":1}]",
        "[{\"id\":-128,\"result\":1}]",
        "[{\"result\":1}]",
        "{}",
        "{\"id\":2,\"result\":1}",
        "{\"id\":128,\"result\":1}",
        "{\"id\":null,\"error\":{\"code\":-32600}}",
        "{\"method\":\"eth_subscriptions\"}",
        "{\"method\":1}",
        "{\"method\":\"eth_subscription\"} ,",
    };

    for (size_t i = 0; i < PH_LEN(bad); i++)
        if (read_text(bad[i]) != PH_ERR_MALFORMED)
            fail_msg("taken: %s", bad[i]);
}

TEST(the_subscription_is_json_for_new_heads)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(256);
    struct ph_rpc_batch scanned PH_OWNED(ph_rpc_batch_clear) = {0};
    struct ph_bytes text;

    CHECK(ph_rpc_put_subscribe(&out) == PH_OK && ph_rpc_scan(ph_buf_view(&out), &scanned) == PH_OK);
    const uint32_t params = ph_jscan_get(&scanned.doc, 0, "params");
    CHECK(ph_jscan_str(&scanned.doc, ph_jscan_get(&scanned.doc, 0, "method"), &text) == PH_OK &&
          ph_bytes_is(text, "eth_subscribe"));
    CHECK(ph_jscan_str(&scanned.doc, ph_jscan_first(params), &text) == PH_OK &&
          ph_bytes_is(text, "newHeads"));
}

PH_TEST_MAIN(CASE(answers_name_their_batch_by_any_of_its_ids), CASE(news_are_told_from_answers),
             CASE(what_is_neither_is_refused), CASE(the_subscription_is_json_for_new_heads))
