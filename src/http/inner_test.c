/* Requests inside other messages: they meet the same handler and the same parser as those of a
 * connection, and whoever began one gets its answer, its end, or neither once he is gone. */

#include "http/inner.h"

#include "base/own.h"
#include "base/test.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_MAX = 100 };

/* What the outer request carries, and what came of it. */
static struct {
    const char *head, *body;
    bool began;
    struct ph_http_refusal no;
    struct ph_http_inner *inner;
    struct ph_http_req *outer;
    size_t done_cnt;
    enum ph_http_inner_end end;
    uint16_t status;
    struct ph_buf headers, trailers, answer;
} asked;

/* What the handler saw of the inner request, as letters, and how it behaves. */
static struct {
    struct ph_buf events, body;
    struct ph_http_req *req;
    enum { ANSWER, STREAM, FLOOD, ABORT, ABORT_AT_ONCE, WAIT, PAUSE, ODD_STATUS } does;
    bool is_tls;
    uint32_t tag;
    char remote[64], target[64], host[64];
} seen;

static struct ph_http_server *server;
static uint16_t port;

static void note(const char *letter)
{
    CHECK(ph_buf_add_str(&seen.events, letter) == PH_OK);
}

static void keep(struct ph_buf *into, struct ph_bytes bytes)
{
    ph_buf_clear(into);
    *into = PH_BUF(1 << 20);
    CHECK(ph_buf_add(into, bytes) == PH_OK);
}

static void done(void *ctx, const struct ph_http_inner_answer *answer)
{
    (void)ctx;
    asked.done_cnt++;
    asked.end = answer->end;
    asked.status = answer->status;
    keep(&asked.headers, answer->headers);
    keep(&asked.trailers, answer->trailers);
    keep(&asked.answer, answer->body);
    asked.inner = NULL;
    ph_http_respond(asked.outer, 200, (struct ph_bytes){0}, PH_BYTES_LIT("over"));
}

static void begin(struct ph_http_req *outer)
{
    const struct ph_http_inner_config config = {
        .is_tls = true, .answer_max = ANSWER_MAX, .done = done, .ctx = &asked};
    struct ph_buf head = PH_BUF(1 << 20), body = PH_BUF(1 << 20);

    asked.outer = outer;
    CHECK(ph_buf_add_str(&head, asked.head) == PH_OK);
    CHECK(ph_buf_add_str(&body, asked.body) == PH_OK);
    asked.began = ph_http_inner_begin(outer, &config, &head, &body, &asked.inner, &asked.no);
    CHECK(head.len == 0 && body.len == 0);
    if (!asked.began)
        ph_http_respond(outer, asked.no.status, (struct ph_bytes){0}, PH_BYTES_LIT("no"));
}

static void copy(struct ph_bytes from, char out[static 64])
{
    (void)snprintf(out, 64, "%.*s", (int)from.len, (const char *)from.ptr);
}

static void on_request(void *ctx, struct ph_http_req *req)
{
    (void)ctx;
    if (!ph_http_req_is_inner(req)) {
        begin(req);
        return;
    }
    note("R");
    seen.req = req;
    seen.is_tls = ph_http_req_is_tls(req);
    seen.tag = ph_http_req_tag(req);
    ph_http_req_remote(req, seen.remote);
    copy(ph_http_req_target(req), seen.target);
    copy(ph_http_req_host(req), seen.host);
    CHECK(ph_http_req_peer_certificate(req).len == 0);
    uint8_t exporter[32];
    CHECK(ph_http_req_exporter(req, exporter) == PH_ERR_UNSUPPORTED);
    if (seen.does == PAUSE)
        ph_http_req_pause(req);
    if (seen.does == ABORT_AT_ONCE)
        ph_http_respond_abort(req);
}

static void on_body(void *ctx, struct ph_http_req *req, struct ph_bytes data)
{
    (void)ctx;
    if (!ph_http_req_is_inner(req))
        return;
    note("B");
    CHECK(ph_buf_add(&seen.body, data) == PH_OK);
}

static void flood(struct ph_http_req *req)
{
    static const uint8_t piece[ANSWER_MAX / 2 + 1];

    ph_http_respond_start(req, 200, PH_BYTES_LIT("x-a: 1\n"));
    for (int i = 0; i < 3; i++)
        (void)ph_http_respond_write(req, PH_BYTES_OF(piece));
}

static void on_body_end(void *ctx, struct ph_http_req *req)
{
    (void)ctx;
    if (!ph_http_req_is_inner(req))
        return;
    note("E");
    switch (seen.does) {
    case ANSWER:
    case PAUSE:
        ph_http_respond(req, 201, PH_BYTES_LIT("x-a: 1\n"), PH_BYTES_LIT("answer"));
        break;
    case ODD_STATUS:
        ph_http_respond(req, 42, (struct ph_bytes){0}, (struct ph_bytes){0});
        break;
    case STREAM:
        ph_http_respond_start(req, 200, PH_BYTES_LIT("x-a: 1\n"));
        (void)ph_http_respond_write(req, PH_BYTES_LIT("in "));
        (void)ph_http_respond_write(req, PH_BYTES_LIT("pieces"));
        ph_http_respond_end(req, PH_BYTES_LIT("x-sum: 2\n"));
        break;
    case FLOOD:
        flood(req);
        break;
    case ABORT:
        ph_http_respond_start(req, 203, PH_BYTES_LIT("x-a: 1\n"));
        ph_http_respond_abort(req);
        break;
    case ABORT_AT_ONCE:
    case WAIT:
        break;
    }
}

static void on_writable(void *ctx, struct ph_http_req *req)
{
    (void)ctx;
    (void)req;
}

static void on_closed(void *ctx, struct ph_http_req *req, bool sent_all)
{
    (void)ctx;
    if (ph_http_req_is_inner(req))
        note(sent_all ? "C" : "X");
    else if (asked.inner && asked.done_cnt == 0) {
        ph_http_inner_cut(asked.inner);
        asked.inner = NULL;
    }
}

static void setup(void)
{
    const struct ph_http_limits limits = ph_http_limits_default();
    const struct ph_http_handler handler = {on_request,  on_body,   on_body_end,
                                            on_writable, on_closed, NULL};

    memset(&asked, 0, sizeof(asked));
    memset(&seen, 0, sizeof(seen));
    seen.events = PH_BUF(1000);
    seen.body = PH_BUF(1 << 20);
    asked.body = "";
    CHECK(ph_http_server_open(&limits, &handler, &server) == PH_OK);
    CHECK(ph_http_server_listen(server, "127.0.0.1", 0, NULL, 7, &port) == PH_OK);
}

static void teardown(void)
{
    ph_http_server_close(server);
    ph_buf_clear(&asked.headers);
    ph_buf_clear(&asked.trailers);
    ph_buf_clear(&asked.answer);
    ph_buf_clear(&seen.events);
    ph_buf_clear(&seen.body);
}

static void turn(void)
{
    struct pollfd p = {.fd = ph_http_server_fd(server), .events = POLLIN};
    const int wait = ph_http_server_timeout_ms(server);

    (void)poll(&p, 1, wait >= 0 && wait < 10 ? wait : 10);
    ph_http_server_run(server);
}

static int dial(void)
{
    const struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    static const char request[] = "GET /outer HTTP/1.1\r\nhost: outer.example\r\n\r\n";

    CHECK(connect(fd, (const struct sockaddr *)&at, sizeof(at)) == 0);
    CHECK(send(fd, request, sizeof(request) - 1, 0) == (ssize_t)sizeof(request) - 1);
    return fd;
}

static bool is(const struct ph_buf *buf, const char *text)
{
    return ph_bytes_is(ph_buf_view(buf), text);
}

/* Send the outer request with this inside, until the inner one is over. */
static void ask(const char *head, const char *body)
{
    asked.head = head;
    asked.body = body;
    const int fd = dial();
    for (int i = 0; i < 500 && asked.done_cnt == 0 && !asked.no.status; i++)
        turn();
    for (int i = 0; i < 3; i++)
        turn();
    (void)close(fd);
}

#define HEAD "POST /inside?q HTTP/1.1\r\nhost: inner.example\r\n"

TEST(a_request_inside_meets_the_handler_and_its_asker_the_answer)
{
    setup();
    ask(HEAD "content-length: 4\r\n\r\n", "body");
    CHECK(asked.began && asked.done_cnt == 1 && asked.end == PH_HTTP_INNER_WHOLE);
    CHECK(asked.status == 201 && is(&asked.headers, "x-a: 1\n") && is(&asked.answer, "answer"));
    CHECK(is(&seen.events, "RBEC") && is(&seen.body, "body"));
    CHECK(strcmp(seen.target, "/inside?q") == 0 && strcmp(seen.host, "inner.example") == 0);
    CHECK(seen.is_tls && seen.tag == 7 && strcmp(seen.remote, "127.0.0.1") == 0);
    CHECK(ph_http_server_req_cnt(server) == 0);
    teardown();
}

TEST(long_bodies_come_in_pieces_and_wait_while_paused)
{
    static char big[150000];

    setup();
    memset(big, 'x', sizeof(big) - 1);
    seen.does = PAUSE;
    asked.head = HEAD "\r\n";
    asked.body = big;
    const int fd = dial();
    for (int i = 0; i < 500 && seen.events.len == 0; i++)
        turn();
    for (int i = 0; i < 5; i++)
        turn();
    CHECK(is(&seen.events, "R") && seen.body.len == 0);
    ph_http_req_resume(seen.req);
    for (int i = 0; i < 500 && asked.done_cnt == 0; i++)
        turn();
    turn();
    CHECK(is(&seen.events, "RBBBEC") && seen.body.len == sizeof(big) - 1);
    (void)close(fd);
    teardown();
}

TEST(streamed_answers_are_put_together_with_their_trailers)
{
    setup();
    seen.does = STREAM;
    ask(HEAD "\r\n", "");
    CHECK(asked.end == PH_HTTP_INNER_WHOLE && is(&asked.answer, "in pieces"));
    CHECK(is(&asked.headers, "x-a: 1\n") && is(&asked.trailers, "x-sum: 2\n"));
    CHECK(is(&seen.events, "REC"));
    teardown();
}

TEST(answers_that_are_too_long_or_given_up_say_so)
{
    setup();
    seen.does = FLOOD;
    ask(HEAD "\r\n", "");
    CHECK(asked.done_cnt == 1 && asked.end == PH_HTTP_INNER_TOO_LONG && asked.answer.len == 0);
    CHECK(is(&seen.events, "REX"));
    teardown();

    setup();
    seen.does = ABORT;
    ask(HEAD "\r\n", "");
    CHECK(asked.done_cnt == 1 && asked.end == PH_HTTP_INNER_CUT && asked.status == 203);
    CHECK(is(&seen.events, "REX"));
    teardown();

    setup();
    seen.does = ABORT_AT_ONCE;
    ask(HEAD "\r\n", "");
    CHECK(asked.end == PH_HTTP_INNER_CUT && asked.status == 502 && is(&seen.events, "RX"));
    teardown();
}

TEST(where_http_has_no_body_there_is_none)
{
    setup();
    ask("HEAD /a HTTP/1.1\r\nhost: h\r\n\r\n", "");
    CHECK(asked.end == PH_HTTP_INNER_WHOLE && asked.status == 201 && asked.answer.len == 0);
    teardown();

    setup();
    seen.does = ODD_STATUS;
    ask(HEAD "\r\n", "");
    CHECK(asked.status == 502);
    teardown();
}

TEST(an_asker_who_left_hears_nothing)
{
    setup();
    seen.does = WAIT;
    asked.head = HEAD "\r\n";
    const int fd = dial();
    for (int i = 0; i < 500 && seen.events.len < 2; i++)
        turn();
    CHECK(is(&seen.events, "RE") && ph_http_server_req_cnt(server) == 2);
    /* With a reset: the end of what it sends alone could mean that it still listens. */
    const struct linger now = {.l_onoff = 1};
    CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) == 0);
    (void)close(fd);
    for (int i = 0; i < 500 && seen.events.len < 3; i++)
        turn();
    CHECK(is(&seen.events, "REX") && asked.done_cnt == 0);
    for (int i = 0; i < 3; i++)
        turn();
    CHECK(ph_http_server_req_cnt(server) == 0);
    teardown();
}

/* What a connection would refuse, and what two readers could take for two requests. */
TEST(what_is_no_single_request_never_reaches_the_handler)
{
    static const struct {
        const char *head, *body;
        uint16_t status;
    } rows[] = {
        {HEAD "content-length: 3\r\n\r\n", "body", 400},
        {HEAD "content-length: 5\r\n\r\n", "body", 400},
        {HEAD "transfer-encoding: chunked\r\n\r\n", "0\r\n\r\n", 400},
        {HEAD "\r\nGET /two HTTP/1.1\r\nhost: h\r\n\r\n", "", 400},
        {HEAD, "", 400}, /* no end */
        {"POST /a b HTTP/1.1\r\nhost: h\r\n\r\n", "", 400},
        {"POST /a HTTP/1.1\r\n\r\n", "", 400},
        {HEAD "no field\r\n\r\n", "", 400},
        {HEAD "host: again\r\n\r\n", "", 400},
    };
    for (size_t i = 0; i < PH_LEN(rows); i++) {
        setup();
        ask(rows[i].head, rows[i].body);
        if (asked.began || asked.no.status != rows[i].status || seen.events.len > 0)
            fail_msg("%s: %u", rows[i].head, asked.no.status);
        teardown();
    }
    static char big[80 * 1024];
    (void)snprintf(big, sizeof(big), HEAD "x: %070000d\r\n\r\n", 0);
    setup();
    ask(big, "");
    CHECK(!asked.began && asked.no.status == 431);
    teardown();
}

PH_TEST_MAIN(CASE(a_request_inside_meets_the_handler_and_its_asker_the_answer),
             CASE(long_bodies_come_in_pieces_and_wait_while_paused),
             CASE(streamed_answers_are_put_together_with_their_trailers),
             CASE(answers_that_are_too_long_or_given_up_say_so),
             CASE(where_http_has_no_body_there_is_none), CASE(an_asker_who_left_hears_nothing),
             CASE(what_is_no_single_request_never_reaches_the_handler))
