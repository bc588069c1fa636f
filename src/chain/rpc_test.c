/* Several nodes, some of them slow, gone or lying: what is believed, and that every question is
 * answered exactly once. */

#include "chain/rpc.h"

#include "base/own.h"
#include "base/test.h"

#include <stdlib.h>

enum { NODES = 3, POSTS_MAX = 400 };

/* The posts that left. */
static struct {
    size_t endpoint;
    uint64_t ticket, first_id, cnt;
} posts[POSTS_MAX];
static size_t post_cnt;
static bool refuse[NODES];

static struct {
    int answered;
    enum ph_err err;
    char text[64]; /* result or error's message */
    char each[NODES][64];
} got;

static enum ph_err post(void *ctx, size_t endpoint, uint64_t ticket, struct ph_bytes body)
{
    (void)ctx;
    if (refuse[endpoint])
        return PH_ERR_IO;
    CHECK(post_cnt < POSTS_MAX && body.len > 10 && body.ptr[0] == '[');
    const uint8_t *id = memmem(body.ptr, body.len, "\"id\":", 5);
    CHECK(id);
    posts[post_cnt].endpoint = endpoint;
    posts[post_cnt].ticket = ticket;
    posts[post_cnt].first_id = strtoull((const char *)id + 5, NULL, 10);
    posts[post_cnt].cnt = 0;
    for (size_t i = 0; i + 9 < body.len; i++)
        posts[post_cnt].cnt += memcmp(body.ptr + i, "\"jsonrpc\"", 9) == 0;
    post_cnt++;
    return PH_OK;
}

static void keep(char out[static 64], struct ph_bytes text)
{
    CHECK(text.len < 64);
    if (text.len > 0)
        memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
}

static void done(void *ctx, const struct ph_rpc_reply *reply)
{
    (void)ctx;
    got.answered++;
    got.err = reply->err;
    if (reply->answer)
        keep(got.text, reply->answer->is_error
                           ? reply->answer->message
                           : ph_jscan_raw(reply->answer->doc, reply->answer->result));
    for (size_t i = 0; reply->each && i < NODES; i++)
        keep(got.each[i], reply->each[i]);
}

static struct ph_rpc *open_with(size_t quorum)
{
    struct ph_rpc *rpc = NULL;

    memset(&got, 0, sizeof(got));
    memset(refuse, 0, sizeof(refuse));
    post_cnt = 0;
    CHECK(ph_rpc_new(&(struct ph_rpc_config){NODES, quorum, {post, NULL}}, &rpc) == PH_OK);
    return rpc;
}

static void ask(struct ph_rpc *rpc, enum ph_rpc_mode mode)
{
    const struct ph_rpc_question q = {
        .mode = mode, .method = "eth_test", .params = PH_BYTES_LIT("[]"), .done = done};

    CHECK(ph_rpc_ask(rpc, &q) == PH_OK);
}

/* The answer of post `i` to its first call. */
static void answer(struct ph_rpc *rpc, size_t i, const char *member)
{
    char text[256];
    const int n = snprintf(text, sizeof(text), "[{\"jsonrpc\":\"2.0\",\"id\":%llu,%s}]",
                           (unsigned long long)posts[i].first_id, member);

    CHECK(i < post_cnt && n > 0 && (size_t)n < sizeof(text));
    ph_rpc_answered(rpc, posts[i].ticket, 0, ph_bytes_str(text));
}

TEST(any_takes_the_first_answer_and_the_next_node_when_one_fails)
{
    struct ph_rpc *rpc = open_with(2);

    ask(rpc, PH_RPC_ANY);
    CHECK(post_cnt == 0); /* nothing leaves before the flush */
    ph_rpc_flush(rpc, 0);
    CHECK(post_cnt == 1);
    ph_rpc_failed(rpc, posts[0].ticket, 0);
    CHECK(got.answered == 0);
    ph_rpc_flush(rpc, 0);
    CHECK(post_cnt == 2 && posts[1].endpoint != posts[0].endpoint);
    answer(rpc, 1, "\"result\":\"0x5\"");
    CHECK(got.answered == 1 && got.err == PH_OK);
    assert_string_equal(got.text, "\"0x5\"");
    CHECK(ph_rpc_pending(rpc) == 0);
    ph_rpc_free(rpc);
}

TEST(any_fails_when_no_node_is_left)
{
    struct ph_rpc *rpc = open_with(1);

    refuse[0] = refuse[1] = true;
    ask(rpc, PH_RPC_ANY);
    for (int turn = 0; turn < 4; turn++)
        ph_rpc_flush(rpc, 0);
    CHECK(post_cnt == 1 && posts[0].endpoint == 2 && got.answered == 0);
    ph_rpc_failed(rpc, posts[0].ticket, 0);
    CHECK(got.answered == 1 && got.err == PH_ERR_IO);
    ph_rpc_free(rpc);
}

TEST(a_quorum_is_believed_as_soon_as_it_is_there)
{
    struct ph_rpc *rpc = open_with(2);

    ask(rpc, PH_RPC_QUORUM);
    ph_rpc_flush(rpc, 0);
    CHECK(post_cnt == 3);
    answer(rpc, 0, "\"result\":\"0xbad\"");
    answer(rpc, 1, "\"result\":\"0xA\"");
    CHECK(got.answered == 0);
    answer(rpc, 2, "\"result\":\"0xa\"");
    CHECK(got.answered == 1 && got.err == PH_OK);
    assert_string_equal(got.text, "\"0xa\"");
    ph_rpc_free(rpc);
}

TEST(a_slow_node_is_not_waited_for)
{
    struct ph_rpc *rpc = open_with(2);

    ask(rpc, PH_RPC_QUORUM);
    ph_rpc_flush(rpc, 0);
    answer(rpc, 0, "\"result\":1");
    answer(rpc, 2, "\"result\":1");
    CHECK(got.answered == 1 && got.err == PH_OK && ph_rpc_pending(rpc) == 0);
    answer(rpc, 1, "\"result\":2"); /* late, and of no account */
    CHECK(got.answered == 1);
    ph_rpc_free(rpc);
}

TEST(nodes_that_do_not_agree_are_not_believed)
{
    struct ph_rpc *rpc = open_with(2);

    ask(rpc, PH_RPC_QUORUM);
    ph_rpc_flush(rpc, 0);
    answer(rpc, 0, "\"result\":1");
    answer(rpc, 1, "\"result\":2");
    CHECK(got.answered == 0);
    answer(rpc, 2, "\"error\":{\"code\":3,\"message\":\"no\"}");
    CHECK(got.answered == 1 && got.err == PH_ERR_UNTRUSTED);
    ph_rpc_free(rpc);
}

TEST(too_few_nodes_are_no_quorum)
{
    struct ph_rpc *rpc = open_with(2);

    refuse[0] = true;
    ask(rpc, PH_RPC_QUORUM);
    ph_rpc_flush(rpc, 0);
    answer(rpc, 0, "\"result\":1");
    CHECK(got.answered == 0);
    ph_rpc_answered(rpc, posts[1].ticket, 0, PH_BYTES_LIT("<html>"));
    CHECK(got.answered == 1 && got.err == PH_ERR_IO);
    ph_rpc_free(rpc);
}

TEST(an_error_that_a_quorum_gives_is_an_answer)
{
    struct ph_rpc *rpc = open_with(2);

    ask(rpc, PH_RPC_QUORUM);
    ph_rpc_flush(rpc, 0);
    answer(rpc, 0, "\"error\":{\"code\":3,\"message\":\"a\",\"data\":\"0x01\"}");
    answer(rpc, 1, "\"error\":{\"code\":-32015,\"message\":\"b\",\"data\":\"0x01\"}");
    CHECK(got.answered == 1 && got.err == PH_OK);
    assert_string_equal(got.text, "b");
    ph_rpc_free(rpc);
}

TEST(each_gives_what_every_node_says)
{
    struct ph_rpc *rpc = open_with(2);

    ask(rpc, PH_RPC_EACH);
    ph_rpc_flush(rpc, 0);
    answer(rpc, 2, "\"result\":3");
    answer(rpc, 0, "\"result\":1");
    CHECK(got.answered == 0);
    ph_rpc_failed(rpc, posts[1].ticket, 0);
    CHECK(got.answered == 1 && got.err == PH_OK);
    assert_string_equal(got.each[0], "1");
    assert_string_equal(got.each[1], "");
    assert_string_equal(got.each[2], "3");
    ph_rpc_free(rpc);
}

TEST(an_endpoint_that_fails_is_left_alone_for_longer_each_time)
{
    struct ph_rpc *rpc = open_with(1);
    int64_t now = 0, waits[3];

    refuse[0] = refuse[1] = refuse[2] = true;
    for (size_t i = 0; i < PH_LEN(waits); i++) {
        const int64_t begun = now;
        ask(rpc, PH_RPC_QUORUM);
        ph_rpc_flush(rpc, now);
        CHECK(got.err == PH_ERR_IO && ph_rpc_endpoints_up(rpc, now) == 0);
        while (ph_rpc_endpoints_up(rpc, now) == 0)
            now++;
        waits[i] = now - begun;
    }
    CHECK(got.answered == 3);
    CHECK(waits[0] == PH_RPC_BACKOFF_MIN_MS && waits[1] == 2 * waits[0] &&
          waits[2] == 2 * waits[1]);
    refuse[0] = false;
    ask(rpc, PH_RPC_ANY);
    ph_rpc_flush(rpc, now);
    ph_rpc_flush(rpc, now);
    ph_rpc_flush(rpc, now);
    answer(rpc, 0, "\"result\":1");
    CHECK(got.answered == 4 && got.err == PH_OK);
    ph_rpc_free(rpc);
}

TEST(bodies_that_fail_together_are_one_failure)
{
    struct ph_rpc *rpc = open_with(1);

    for (int i = 0; i < 5; i++) {
        ask(rpc, PH_RPC_EACH);
        ph_rpc_flush(rpc, 0);
    }
    for (size_t i = 0; i < post_cnt; i++)
        ph_rpc_failed(rpc, posts[i].ticket, 0);
    CHECK(got.answered == 5 && ph_rpc_endpoints_up(rpc, PH_RPC_BACKOFF_MIN_MS - 1) == 0);
    CHECK(ph_rpc_endpoints_up(rpc, PH_RPC_BACKOFF_MIN_MS) == NODES);
    ph_rpc_free(rpc);
}

TEST(questions_of_one_turn_travel_together)
{
    struct ph_rpc *rpc = open_with(1);

    for (int i = 0; i < 250; i++)
        ask(rpc, PH_RPC_QUORUM);
    ph_rpc_flush(rpc, 0);
    CHECK(post_cnt == 3 * NODES);
    CHECK(posts[0].cnt + posts[1].cnt + posts[2].cnt == 250 && posts[0].cnt == PH_RPC_BATCH_MAX);
    ph_rpc_free(rpc); /* with all of them under way */
    CHECK(got.answered == 0);
}

TEST(a_call_that_a_node_leaves_out_is_one_that_failed)
{
    struct ph_rpc *rpc = open_with(3);

    ask(rpc, PH_RPC_QUORUM);
    ph_rpc_flush(rpc, 0);
    ph_rpc_answered(rpc, posts[0].ticket, 0, PH_BYTES_LIT("[]"));
    CHECK(got.answered == 1 && got.err == PH_ERR_IO);
    ph_rpc_free(rpc);
}

TEST(more_questions_than_the_limit_are_refused)
{
    struct ph_rpc *rpc = open_with(1);
    const struct ph_rpc_question q = {.method = "m", .params = PH_BYTES_LIT("[]"), .done = done};

    for (int i = 0; i < PH_RPC_ASKS_MAX; i++)
        CHECK(ph_rpc_ask(rpc, &q) == PH_OK);
    CHECK(ph_rpc_ask(rpc, &q) == PH_ERR_LIMIT);
    ph_rpc_free(rpc);
}

TEST(a_config_that_makes_no_sense_is_refused)
{
    struct ph_rpc *rpc = NULL;

    CHECK(ph_rpc_new(&(struct ph_rpc_config){0, 0, {post, NULL}}, &rpc) == PH_ERR_MALFORMED);
    CHECK(ph_rpc_new(&(struct ph_rpc_config){2, 3, {post, NULL}}, &rpc) == PH_ERR_MALFORMED);
    CHECK(ph_rpc_new(&(struct ph_rpc_config){9, 1, {post, NULL}}, &rpc) == PH_ERR_MALFORMED);
    CHECK(rpc == NULL);
}

PH_TEST_MAIN(CASE(any_takes_the_first_answer_and_the_next_node_when_one_fails),
             CASE(any_fails_when_no_node_is_left),
             CASE(a_quorum_is_believed_as_soon_as_it_is_there), CASE(a_slow_node_is_not_waited_for),
             CASE(nodes_that_do_not_agree_are_not_believed), CASE(too_few_nodes_are_no_quorum),
             CASE(an_error_that_a_quorum_gives_is_an_answer), CASE(each_gives_what_every_node_says),
             CASE(an_endpoint_that_fails_is_left_alone_for_longer_each_time),
             CASE(bodies_that_fail_together_are_one_failure),
             CASE(questions_of_one_turn_travel_together),
             CASE(a_call_that_a_node_leaves_out_is_one_that_failed),
             CASE(more_questions_than_the_limit_are_refused),
             CASE(a_config_that_makes_no_sense_is_refused))
