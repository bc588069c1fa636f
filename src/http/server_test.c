/* What the server makes of requests, and what it answers. Pressure, ends and caps:
 * server_pressure_test.c. */
#include "http/server_rig.h"

#include <stdio.h>
#include <unistd.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

TEST(a_request_is_answered_in_one_piece)
{
    struct rig rig;
    struct client c;

    rig_open(&rig, NULL, NULL);
    client_open(&rig, &c);
    client_send_str(&c, GET("/hello"));
    client_expect(&c, "\r\n\r\nhello");
    CHECK(client_has(&c, "HTTP/1.1 200 OK\r\ndate: "));
    CHECK(client_has(&c, " GMT\r\nx-a: 1\r\ncontent-length: 5\r\n\r\nhello"));
    rig_expect_events(&rig, "RC");
    CHECK(ph_http_server_req_cnt(rig.server) == 0 && ph_http_server_conn_cnt(rig.server) == 1);
    client_close(&c);
    rig_close(&rig);
}

TEST(a_request_is_delivered_in_any_fragmentation)
{
    static const char text[] =
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        "4\r\nbody\r\n3;x\r\n in\r\n0\r\nT: 1\r\n\r\n" GET("/hello");
    struct rig rig;

    rig_open(&rig, NULL, NULL);
    for (size_t split = 1; split < sizeof(text) - 1; split += 3) {
        struct client c;
        client_open(&rig, &c);
        client_send(&c, (struct ph_bytes){(const uint8_t *)text, split});
        rig_turn(&rig, 2);
        rig_turn(&rig, 0);
        client_send_str(&c, text + split);
        client_expect(&c, "\r\n\r\nbody in");
        client_expect(&c, "\r\n\r\nhello");
        client_close(&c);
    }
    rig_close(&rig);
}

TEST(pipelined_requests_are_answered_in_order)
{
    struct rig rig;
    struct client c;
    char many[64 * 40] = "";

    rig_open(&rig, NULL, NULL);
    client_open(&rig, &c);
    for (int i = 0; i < 40; i++)
        strcat(many, i % 2 ? "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
                           : "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
    client_send_str(&c, many);
    client_send_str(&c, GET("/stream"));
    client_expect(&c, "\r\n\r\n5\r\nfirst\r\n");
    size_t echoes = 0, hellos = 0;
    for (size_t i = 0; i + 7 <= c.got.len; i++) {
        bool echo = memcmp(c.got.ptr + i, "\r\n\r\nabc", 7) == 0;
        bool hello = memcmp(c.got.ptr + i, "\r\n\r\nhel", 7) == 0;
        CHECK(!hello || echoes == hellos + 1);
        echoes += echo;
        hellos += hello;
    }
    CHECK(echoes == 20 && hellos == 20);
    client_close(&c);
    rig_close(&rig);
}

TEST(what_was_asked_is_told)
{
    struct rig rig;

    rig_open(&rig, NULL, NULL);
    talk(&rig,
         "GET /headers HTTP/1.1\r\nHost: Some.Host:99\r\nAccept: a/b\r\nConnection: x-c\r\n"
         "X-C: 1\r\nTE: trailers\r\n\r\n",
         "\r\n\r\nremote=127.0.0.1 host=some.host accept=a/b tls=0 tag=7\n"
         "host: Some.Host:99\naccept: a/b\n");
    rig_close(&rig);
}

TEST(an_answer_may_come_in_a_later_turn)
{
    struct rig rig;
    struct client c;

    rig_open(&rig, NULL, NULL);
    client_open(&rig, &c);
    client_send_str(&c, "POST /keep HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab");
    rig_expect_events(&rig, "RBE");
    CHECK(ph_http_server_req_cnt(rig.server) == 1);
    CHECK(ph_http_server_timeout_ms(rig.server) == -1); /* the handler may think for ever */
    ph_http_respond(rig.kept, 404, (struct ph_bytes){0}, PH_BYTES_LIT("none"));
    CHECK(rig.kept != NULL); /* on_closed comes from the loop only */
    client_expect(&c, "HTTP/1.1 404 Not Found\r\n");
    rig_expect_events(&rig, "RBEC");
    client_close(&c);
    rig_close(&rig);
}

TEST(answers_without_a_body_have_none)
{
    struct rig rig;
    struct client c;

    rig_open(&rig, NULL, NULL);
    client_open(&rig, &c);
    client_send_str(&c, GET("/empty") GET("/unchanged") "HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\n"
                                                        "HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n");
    client_send_str(&c, GET("/hello"));
    client_expect(&c, "\r\n\r\nhello");
    CHECK(client_has(&c, "HTTP/1.1 204 No Content\r\ndate: "));
    CHECK(!client_has(&c, "not sent") && !client_has(&c, "content-length: 8"));
    CHECK(client_has(&c, "etag: \"x\"\r\n\r\nHTTP/1.1 200 OK"));
    CHECK(client_has(&c, "content-length: 5\r\n\r\nHTTP/1.1 201 Created"));
    CHECK(client_has(&c, "x-b: 2\r\n\r\nHTTP/1.1 200 OK") && !client_has(&c, "first"));
    client_close(&c);
    rig_close(&rig);
}

TEST(an_answer_is_streamed_chunked_with_trailers)
{
    struct rig rig;

    rig_open(&rig, NULL, NULL);
    talk(&rig, GET("/stream"),
         "x-b: 2\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n13\r\n and a second piece\r\n"
         "0\r\nx-sum: 3\r\n\r\n");
    rig_expect_events(&rig, "REC");
    talk(&rig, GET("/stream-known"), "content-length: 6\r\n\r\nabcdef");
    rig_close(&rig);
}

TEST(http_1_0_gets_its_stream_delimited_by_the_end)
{
    struct rig rig;
    struct client c;

    rig_open(&rig, NULL, NULL);
    client_open(&rig, &c);
    client_send_str(&c, "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    client_expect_end(&c);
    CHECK(client_has(&c, "connection: close\r\n\r\nfirst and a second piece"));
    CHECK(!client_has(&c, "chunked") && !client_has(&c, "x-sum"));
    client_close(&c);
    client_open(&rig, &c);
    client_send_str(&c, "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
                        "GET /hello HTTP/1.0\r\n\r\n");
    client_expect_end(&c);
    CHECK(client_has(&c, "connection: keep-alive\r\n") && client_has(&c, "connection: close\r\n"));
    client_close(&c);
    rig_close(&rig);
}

TEST(a_hostile_header_block_cannot_split_or_frame_the_answer)
{
    struct rig rig;
    struct client c;

    rig_open(&rig, NULL, NULL);
    client_open(&rig, &c);
    client_send_str(&c, GET("/hostile"));
    client_expect(&c, "\r\n\r\nbody");
    CHECK(client_has(&c, "HTTP/1.1 502 Bad Gateway\r\n"));
    CHECK(client_has(&c, " GMT\r\nok: 1\r\nlast: 2\r\ncontent-length: 4\r\n\r\nbody"));
    CHECK(!client_has(&c, "date: never"));
    client_close(&c);
    rig_close(&rig);
}

TEST(malformed_requests_get_a_json_refusal_and_the_end)
{
    static const struct {
        const char *text, *status;
    } cases[] = {
        {"GET /hello HTTP/1.1\r\n\r\n", "400 Bad Request"},
        {"GET /hello HTTP/1.1\nHost: h\n\n", "400 Bad Request"},
        {"GET /hello HTTP/3.0\r\nHost: h\r\n\r\n", "505 HTTP Version Not Supported"},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: "
         "chunked\r\n\r\n",
         "400 Bad Request"},
        {"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
         "400 Bad Request"},
        {"\x16\x03\x01\x02\x00\x01\x00\n", "400 Bad Request"},
        {"\r\n\r\n\r\n\r\n", "400 Bad Request"},
    };
    struct rig rig;

    rig_open(&rig, NULL, NULL);
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        struct client c;
        client_open(&rig, &c);
        client_send_str(&c, cases[i].text);
        /* What follows must not be taken for a request. */
        client_send_str(&c, GET("/hello"));
        client_expect_end(&c);
        CHECK(client_has(&c, cases[i].status) && client_has(&c, "connection: close\r\n"));
        CHECK(client_has(&c, "\r\n\r\n{\"error\":{\"code\":\"") &&
              !client_has(&c, "\r\n\r\nhello"));
        client_close(&c);
    }
    rig_close(&rig);
}

TEST(one_empty_line_before_a_request_is_passed_over)
{
    struct rig rig;

    rig_open(&rig, NULL, NULL);
    talk(&rig, "\r\n" GET("/hello"), "\r\n\r\nhello");
    rig_close(&rig);
}

TEST(a_head_over_the_limit_is_refused_with_431)
{
    struct ph_http_limits limits = ph_http_limits_default();
    char text[5000];
    struct rig rig;
    struct client c;

    limits.header_bytes = 4096;
    rig_open(&rig, &limits, NULL);
    for (int extra = 0; extra < 2; extra++) {
        int frame = (int)strlen("GET /hello HTTP/1.1\r\nHost: h\r\nX: \r\n\r\n");
        char pad[4200];
        memset(pad, 'a', sizeof(pad));
        (void)snprintf(text, sizeof(text), "GET /hello HTTP/1.1\r\nHost: h\r\nX: %.*s\r\n\r\n",
                       4096 - frame + extra, pad);
        client_open(&rig, &c);
        client_send_str(&c, text);
        client_expect(&c, extra ? "431 Request Header Fields Too Large" : "\r\n\r\nhello");
        client_close(&c);
    }
    rig_close(&rig);
}

TEST(expect_100_continue_is_answered_when_the_body_is_wanted)
{
    struct rig rig;
    struct client c;

    rig_open(&rig, NULL, NULL);
    client_open(&rig, &c);
    client_send_str(&c, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"
                        "Expect: 100-continue\r\n\r\n");
    client_expect(&c, "HTTP/1.1 100 Continue\r\n\r\n");
    client_send_str(&c, "abc");
    client_expect(&c, "\r\n\r\nabc");
    client_close(&c);
    /* Refused at once: no 100, and the connection does not outlive the doubt. */
    client_open(&rig, &c);
    client_send_str(&c, "POST /too-large HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"
                        "Expect: 100-continue\r\n\r\n");
    client_expect_end(&c);
    CHECK(client_has(&c, "HTTP/1.1 413 ") && !client_has(&c, "100 Continue"));
    client_close(&c);
    rig_close(&rig);
}

TEST(a_small_unread_body_is_swallowed_and_a_large_one_ends_the_connection)
{
    struct rig rig;
    struct client c;

    rig_open(&rig, NULL, NULL);
    client_open(&rig, &c);
    client_send_str(&c, "POST /too-large HTTP/1.1\r\nHost: h\r\nContent-Length: 3000\r\n\r\n");
    client_expect(&c, "too large");
    for (int i = 0; i < 300; i++)
        client_send_str(&c, "GET /hello");
    client_send_str(&c, GET("/hello"));
    client_expect(&c, "\r\n\r\nhello");
    rig_expect_events(&rig, "RCRC");
    client_close(&c);
    client_open(&rig, &c);
    client_send_str(&c, "POST /too-large HTTP/1.1\r\nHost: h\r\nContent-Length: 900000\r\n\r\n");
    for (int i = 0; i < 1000; i++)
        client_send_str(&c, GET("/hello"));
    client_expect_end(&c);
    CHECK(client_has(&c, "too large") && client_has(&c, "connection: close") &&
          !client_has(&c, "\r\n\r\nhello"));
    client_close(&c);
    rig_close(&rig);
}

TEST(an_answer_before_the_end_of_a_chunked_body_ends_the_connection)
{
    struct rig rig;
    struct client c;

    rig_open(&rig, NULL, NULL);
    client_open(&rig, &c);
    client_send_str(&c, "POST /too-large HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "5\r\nhello\r\n");
    client_expect(&c, "connection: close\r\n\r\ntoo large");
    client_send_str(&c, "0\r\n\r\n" GET("/hello"));
    client_expect_end(&c);
    CHECK(!client_has(&c, "\r\n\r\nhello"));
    client_close(&c);
    rig_close(&rig);
}

PH_TEST_MAIN(CASE(a_request_is_answered_in_one_piece),
             CASE(a_request_is_delivered_in_any_fragmentation),
             CASE(pipelined_requests_are_answered_in_order), CASE(what_was_asked_is_told),
             CASE(an_answer_may_come_in_a_later_turn), CASE(answers_without_a_body_have_none),
             CASE(an_answer_is_streamed_chunked_with_trailers),
             CASE(http_1_0_gets_its_stream_delimited_by_the_end),
             CASE(a_hostile_header_block_cannot_split_or_frame_the_answer),
             CASE(malformed_requests_get_a_json_refusal_and_the_end),
             CASE(one_empty_line_before_a_request_is_passed_over),
             CASE(a_head_over_the_limit_is_refused_with_431),
             CASE(expect_100_continue_is_answered_when_the_body_is_wanted),
             CASE(a_small_unread_body_is_swallowed_and_a_large_one_ends_the_connection),
             CASE(an_answer_before_the_end_of_a_chunked_body_ends_the_connection))
