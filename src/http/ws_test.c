#include "base/test.h"

#include "http/test_ws_server.h"
#include "http/ws.h"

#include <poll.h>
#include <stdlib.h>

enum { MESSAGE_MAX = 1 << 20, QUEUE_MAX = 4 << 20 };

struct rig {
    struct test_ws_server server;
    struct ph_http_client *client;
    struct ph_http_ws *ws;
    unsigned closes, messages;
    char code[32];
    struct ph_buf last; /* the newest message */
    bool drop_at_message, answer;
    uint32_t timeout_ms;
};

static void on_message(void *ctx, struct ph_bytes text)
{
    struct rig *rig = ctx;

    rig->messages++;
    rig->last.len = 0;
    CHECK(ph_buf_add(&rig->last, text) == PH_OK);
    if (rig->answer)
        CHECK(ph_http_ws_send(rig->ws, text) == PH_OK);
    if (rig->drop_at_message)
        ph_http_ws_drop(rig->ws);
}

static void on_close(void *ctx, const char *code)
{
    struct rig *rig = ctx;

    rig->closes++;
    (void)snprintf(rig->code, sizeof(rig->code), "%s", code);
}

static void turn(struct rig *rig)
{
    struct pollfd p = {.fd = ph_http_client_fd(rig->client), .events = POLLIN};

    (void)poll(&p, 1, ph_http_client_timeout_ms(rig->client));
    ph_http_client_run(rig->client);
}

static void dial(struct rig *rig)
{
    static const struct ph_http_ws_events events = {on_message, on_close, NULL};
    struct ph_http_ws_events mine = events;
    struct ph_egress_rule rule;
    char url[64], why[128];

    (void)snprintf(url, sizeof(url), "http%s://localhost:%u", rig->server.identity ? "s" : "",
                   rig->server.port);
    CHECK(ph_egress_rule_parse(ph_bytes_str(url), &rule, why) == PH_OK);
    const struct ph_http_ws_spec spec = {.url = ph_bytes_str(url),
                                         .rules = &rule,
                                         .rule_cnt = 1,
                                         .timeout_ms = rig->timeout_ms,
                                         .message_max = MESSAGE_MAX,
                                         .queue_max = QUEUE_MAX};
    mine.ctx = rig;
    CHECK(ph_http_ws_open(rig->client, &spec, &mine, &rig->ws) == PH_OK);
}

/* `trusted`: the client knows the root of `tls`. */
static void open_rig_with(struct rig *rig, const struct tls_rig *tls, bool trusted, bool reachable,
                          void (*serve)(struct test_ws_peer *), const void *what)
{
    char host[32];
    const char *const hosts[] = {host, NULL};

    *rig = (struct rig){.last = PH_BUF(MESSAGE_MAX), .timeout_ms = 20000};
    test_ws_server_open(&rig->server, tls, serve, what);
    (void)snprintf(host, sizeof(host), "localhost:%u", rig->server.port);
    const struct ph_http_client_config config = {
        .extra_ca_pem = tls && trusted ? tls->root_pem : NULL,
        .private_hosts_insecure = reachable ? hosts : NULL};
    CHECK(ph_http_client_open(&config, &rig->client) == PH_OK);
    dial(rig);
}

static void open_rig(struct rig *rig, void (*serve)(struct test_ws_peer *), const void *what)
{
    open_rig_with(rig, NULL, false, true, serve, what);
}

static void close_rig(struct rig *rig)
{
    ph_http_client_close(rig->client);
    test_ws_server_close(&rig->server);
    ph_buf_clear(&rig->last);
}

static void expect_close(struct rig *rig, const char *code)
{
    while (rig->closes == 0)
        turn(rig);
    CHECK(rig->closes == 1);
    if (strcmp(rig->code, code) != 0)
        fail_msg("closed with \"%s\", not \"%s\"", rig->code, code);
}

/* Send back what comes, and pings between. */
static void serve_echo(struct test_ws_peer *p)
{
    static uint8_t text[QUEUE_MAX];
    uint8_t first, pong;
    size_t len, pong_len;

    if (!test_ws_agree(p))
        return;
    while (test_ws_next(p, &first, text, sizeof(text), &len))
        if (first == 0x81 &&
            (!test_ws_frame(p, 0x89, "?", 1) || !test_ws_next(p, &pong, NULL, 0, &pong_len) ||
             pong != 0x8a || !test_ws_frame(p, 0x81, text, len)))
            return;
}

static void say_and_hear(struct rig *rig, struct ph_bytes text)
{
    const unsigned before = rig->messages;

    CHECK(ph_http_ws_send(rig->ws, text) == PH_OK);
    while (rig->messages == before && rig->closes == 0)
        turn(rig);
    CHECK(rig->closes == 0 && rig->last.len == text.len &&
          (text.len == 0 || memcmp(rig->last.ptr, text.ptr, text.len) == 0));
}

TEST(messages_go_both_ways)
{
    static const size_t lens[] = {0, 1, 125, 126, 127, 65535, 65536, MESSAGE_MAX};
    uint8_t *text = malloc(MESSAGE_MAX);
    struct rig rig;

    memset(text, 'x', MESSAGE_MAX);
    open_rig(&rig, serve_echo, NULL);
    for (size_t i = 0; i < PH_LEN(lens); i++)
        say_and_hear(&rig, (struct ph_bytes){text, lens[i]}); /* the first before it is open */
    CHECK(rig.messages == PH_LEN(lens));
    close_rig(&rig);
    free(text);
}

TEST(over_tls_the_servers_name_must_be_proved)
{
    struct tls_rig tls;
    struct rig rig;

    tls_rig_open(&tls, "localhost", -60, 3600);
    open_rig_with(&rig, &tls, true, true, serve_echo, NULL);
    say_and_hear(&rig, PH_BYTES_LIT("hello"));
    close_rig(&rig);
    open_rig_with(&rig, &tls, false, true, serve_echo, NULL);
    expect_close(&rig, "tls");
    CHECK(rig.messages == 0);
    close_rig(&rig);
    tls_rig_close(&tls);
    tls_rig_open(&tls, "another.example", -60, 3600);
    open_rig_with(&rig, &tls, true, true, serve_echo, NULL);
    expect_close(&rig, "tls");
    CHECK(rig.messages == 0);
    close_rig(&rig);
    tls_rig_close(&tls);
}

TEST(a_long_message_over_tls_to_a_server_that_reads_later_arrives_whole)
{
    uint8_t *text = malloc(MESSAGE_MAX);
    struct tls_rig tls;
    struct rig rig;

    for (size_t i = 0; i < MESSAGE_MAX; i++)
        text[i] = (uint8_t)('a' + i % 26);
    tls_rig_open(&tls, "localhost", -60, 3600);
    open_rig_with(&rig, &tls, true, true, serve_echo, NULL);
    for (int i = 0; i < 3; i++)
        say_and_hear(&rig, (struct ph_bytes){text, MESSAGE_MAX});
    close_rig(&rig);
    tls_rig_close(&tls);
    free(text);
}

TEST(a_private_address_is_refused_unless_the_operator_named_it)
{
    struct rig rig;

    open_rig_with(&rig, NULL, false, false, serve_echo, NULL);
    expect_close(&rig, "address-denied");
    close_rig(&rig);
}

static void serve_text(struct test_ws_peer *p)
{
    if (test_ws_ask(p) && test_ws_write(p, p->what, strlen(p->what)))
        test_ws_wait(p);
}

#define ANOTHER_KEYS                                                                               \
    "HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                            \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

TEST(a_server_that_does_not_agree_is_refused)
{
    static const char *const no[] = {
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        ANOTHER_KEYS,
        "\r\n\r\n",
    };
    struct rig rig;

    for (size_t i = 0; i < PH_LEN(no); i++) {
        open_rig(&rig, serve_text, no[i]);
        expect_close(&rig, "protocol");
        CHECK(rig.messages == 0);
        close_rig(&rig);
    }
}

static void serve_long_head(struct test_ws_peer *p)
{
    if (test_ws_ask(p) && test_ws_write(p, "HTTP/1.1 101 Yes\r\n", 18))
        while (test_ws_write(p, "x: y\r\n", 6)) {
        }
}

TEST(a_head_without_end_is_refused)
{
    struct rig rig;

    open_rig(&rig, serve_long_head, NULL);
    expect_close(&rig, "limit");
    close_rig(&rig);
}

TEST(a_server_that_says_nothing_is_given_up)
{
    struct rig rig;

    open_rig_with(&rig, NULL, false, true, test_ws_wait, NULL);
    ph_http_ws_drop(rig.ws);
    rig.timeout_ms = 50;
    dial(&rig);
    expect_close(&rig, "timeout");
    close_rig(&rig);
}

static void serve_head_and_frame_at_once(struct test_ws_peer *p)
{
    if (test_ws_agree(p) && test_ws_frame(p, 0x81, "early", 5))
        test_ws_wait(p);
}

TEST(a_message_may_follow_the_head_at_once_and_may_be_the_last_that_is_wanted)
{
    struct rig rig;

    open_rig(&rig, serve_head_and_frame_at_once, NULL);
    rig.drop_at_message = true;
    while (rig.messages == 0)
        turn(&rig);
    CHECK(rig.last.len == 5);
    turn(&rig);
    CHECK(rig.closes == 0); /* nothing is told of what was dropped */
    close_rig(&rig);
}

static void serve_goodbye(struct test_ws_peer *p)
{
    uint8_t first = 0, code[2] = {0};
    size_t len;

    if (!test_ws_agree(p) || !test_ws_frame(p, 0x88, "\x03\xe8", 2))
        return;
    /* The answer to a close is a close. */
    if (test_ws_next(p, &first, code, 2, &len) && first == 0x88 && code[0] == 3)
        *(volatile bool *)(uintptr_t)p->what = true;
    test_ws_wait(p);
}

TEST(a_goodbye_is_answered)
{
    volatile bool answered = false;
    struct rig rig;

    open_rig(&rig, serve_goodbye, (const void *)(uintptr_t)&answered);
    expect_close(&rig, "closed");
    close_rig(&rig);
    CHECK(answered);
}

static void serve_hang_up(struct test_ws_peer *p)
{
    if (p->turn == 0)
        (void)test_ws_agree(p);
    else
        serve_echo(p);
}

TEST(after_a_server_hung_up_another_connection_can_be_made)
{
    struct rig rig;

    open_rig(&rig, serve_hang_up, NULL);
    expect_close(&rig, "closed");
    rig.closes = 0;
    dial(&rig);
    say_and_hear(&rig, PH_BYTES_LIT("again"));
    close_rig(&rig);
}

static void serve_pings(struct test_ws_peer *p)
{
    if (test_ws_agree(p))
        while (test_ws_frame(p, 0x89, "", 0)) {
        }
}

static void serve_endless(struct test_ws_peer *p)
{
    static const char zeros[4096];

    if (test_ws_agree(p) && test_ws_frame(p, 0x01, zeros, sizeof(zeros)))
        while (test_ws_frame(p, 0x00, zeros, sizeof(zeros))) {
        }
}

static void serve_huge(struct test_ws_peer *p)
{
    if (test_ws_agree(p) && test_ws_write(p, "\x81\x7f\x00\x00\x00\x00\x7f\x00\x00\x00x", 11))
        test_ws_wait(p);
}

TEST(floods_are_cut_off)
{
    static void (*const floods[])(struct test_ws_peer *) = {serve_pings, serve_endless, serve_huge};
    struct rig rig;

    for (size_t i = 0; i < PH_LEN(floods); i++) {
        open_rig(&rig, floods[i], NULL);
        expect_close(&rig, "limit");
        CHECK(rig.messages == 0);
        close_rig(&rig);
    }
}

TEST(what_a_server_does_not_read_is_bounded)
{
    uint8_t *text = calloc(1, MESSAGE_MAX);
    unsigned sent = 0;
    struct rig rig;

    open_rig(&rig, serve_hang_up, NULL);
    while (ph_http_ws_send(rig.ws, (struct ph_bytes){text, MESSAGE_MAX}) == PH_OK)
        sent++;
    CHECK(sent == QUEUE_MAX / MESSAGE_MAX - 1); /* frames' heads count */
    close_rig(&rig);
    free(text);
}

PH_TEST_MAIN(CASE(messages_go_both_ways), CASE(over_tls_the_servers_name_must_be_proved),
             CASE(a_long_message_over_tls_to_a_server_that_reads_later_arrives_whole),
             CASE(a_private_address_is_refused_unless_the_operator_named_it),
             CASE(a_server_that_does_not_agree_is_refused), CASE(a_head_without_end_is_refused),
             CASE(a_server_that_says_nothing_is_given_up),
             CASE(a_message_may_follow_the_head_at_once_and_may_be_the_last_that_is_wanted),
             CASE(a_goodbye_is_answered),
             CASE(after_a_server_hung_up_another_connection_can_be_made), CASE(floods_are_cut_off),
             CASE(what_a_server_does_not_read_is_bounded))
