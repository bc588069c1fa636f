#include "http/server_rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_TURNS = 4000 };

static void note(struct rig *rig, const char *letter)
{
    CHECK(ph_buf_add_str(&rig->events, letter) == PH_OK);
}

static void flood(struct rig *rig, struct ph_http_req *req)
{
    static uint8_t piece[10000];

    memset(piece, 'f', sizeof(piece));
    while (rig->left > 0) {
        size_t n = rig->left < sizeof(piece) ? rig->left : sizeof(piece);
        rig->left -= n;
        size_t queued = ph_http_respond_write(req, (struct ph_bytes){piece, n});
        rig->most_queued = queued > rig->most_queued ? queued : rig->most_queued;
        if (queued > PH_HTTP_HIGH_WATER)
            return;
    }
    ph_http_respond_end(req, (struct ph_bytes){0});
}

static void answer_headers(struct ph_http_req *req)
{
    struct ph_buf body = PH_BUF(100000);
    char remote[64];

    ph_http_req_remote(req, remote);
    struct ph_bytes host = ph_http_req_host(req), accept = ph_http_req_header(req, "accept");
    CHECK(ph_buf_addf(&body, "remote=%s host=%.*s accept=%.*s tls=%d tag=%u\n", remote,
                      (int)host.len, (const char *)host.ptr, (int)accept.len,
                      (const char *)accept.ptr, ph_http_req_is_tls(req),
                      ph_http_req_tag(req)) == PH_OK);
    CHECK(ph_buf_add(&body, ph_http_req_headers(req)) == PH_OK);
    ph_http_respond(req, 200, PH_BYTES_LIT("content-type: text/plain\n"), ph_buf_view(&body));
    ph_buf_clear(&body);
}

static void on_request(void *ctx, struct ph_http_req *req)
{
    struct rig *rig = ctx;
    struct ph_bytes target = ph_http_req_target(req);

    note(rig, "R");
    rig->body.len = 0;
    ph_http_req_set_user(req, rig);
    if (ph_bytes_is(target, "/hello"))
        ph_http_respond(req, 200, PH_BYTES_LIT("x-a: 1\n"), PH_BYTES_LIT("hello"));
    else if (ph_bytes_is(target, "/headers"))
        answer_headers(req);
    else if (ph_bytes_is(target, "/empty"))
        ph_http_respond(req, 204, (struct ph_bytes){0}, PH_BYTES_LIT("not sent"));
    else if (ph_bytes_is(target, "/unchanged"))
        ph_http_respond(req, 304, PH_BYTES_LIT("etag: \"x\"\n"), (struct ph_bytes){0});
    else if (ph_bytes_is(target, "/hostile"))
        ph_http_respond(req, 42,
                        PH_BYTES_LIT("ok: 1\nbad name: 2\nsplit: a\rb\nnul: \0\nconnection: x\n"
                                     "transfer-encoding: chunked\ncontent-length: 999\n"
                                     "keep-alive: 1\ndate: never\nproxy-x: 1\nlast: 2"),
                        PH_BYTES_LIT("body"));
    else if (ph_bytes_is(target, "/too-large"))
        ph_http_respond(req, 413, (struct ph_bytes){0}, PH_BYTES_LIT("too large"));
    else if (ph_bytes_is(target, "/short"))
        ph_http_respond_start(req, 200, PH_BYTES_LIT("content-length: 10\n"));
    else if (ph_bytes_is(target, "/flood")) {
        ph_http_respond_start(req, 200, (struct ph_bytes){0});
        flood(rig, req);
    } else if (ph_bytes_is(target, "/pause"))
        ph_http_req_pause(req);
    rig->kept = req;
}

static void on_body(void *ctx, struct ph_http_req *req, struct ph_bytes data)
{
    struct rig *rig = ctx;

    CHECK(data.len > 0 && ph_http_req_user(req) == rig);
    if (rig->events.len > 0 && rig->events.ptr[rig->events.len - 1] != 'B')
        note(rig, "B");
    CHECK(ph_buf_add(&rig->body, data) == PH_OK);
    if (ph_bytes_is(ph_http_req_target(req), "/pause"))
        ph_http_req_pause(req);
}

static void on_body_end(void *ctx, struct ph_http_req *req)
{
    struct rig *rig = ctx;
    struct ph_bytes target = ph_http_req_target(req);

    note(rig, "E");
    if (ph_bytes_is(target, "/echo"))
        ph_http_respond(req, 200, (struct ph_bytes){0}, ph_buf_view(&rig->body));
    if (ph_bytes_is(target, "/stream")) {
        ph_http_respond_start(req, 201, PH_BYTES_LIT("x-b: 2\n"));
        (void)ph_http_respond_write(req, PH_BYTES_LIT("first"));
        (void)ph_http_respond_write(req, (struct ph_bytes){0});
        (void)ph_http_respond_write(req, PH_BYTES_LIT(" and a second piece"));
        ph_http_respond_end(req, PH_BYTES_LIT("x-sum: 3\ncontent-length: 9\nbad name: 1\n"));
    }
    if (ph_bytes_is(target, "/stream-known")) {
        ph_http_respond_start(req, 200, PH_BYTES_LIT("content-length: 6\n"));
        (void)ph_http_respond_write(req, PH_BYTES_LIT("abc"));
        (void)ph_http_respond_write(req, PH_BYTES_LIT("def"));
        ph_http_respond_end(req, PH_BYTES_LIT("x-sum: 3\n"));
    }
}

static void on_writable(void *ctx, struct ph_http_req *req)
{
    note(ctx, "W");
    flood(ctx, req);
}

static void on_closed(void *ctx, struct ph_http_req *req, bool sent_all)
{
    struct rig *rig = ctx;

    if (rig->kept == req)
        rig->kept = NULL;
    note(rig, sent_all ? "C" : "X");
}

void rig_open(struct rig *rig, const struct ph_http_limits *limits, const struct ph_http_tls *tls)
{
    const struct ph_http_limits standard = ph_http_limits_default();
    const struct ph_http_handler handler = {.on_request = on_request,
                                            .on_body = on_body,
                                            .on_body_end = on_body_end,
                                            .on_writable = on_writable,
                                            .on_closed = on_closed,
                                            .ctx = rig};

    *rig = (struct rig){.body = PH_BUF(64 << 20), .events = PH_BUF(1 << 20)};
    CHECK(ph_http_server_open(limits ? limits : &standard, &handler, &rig->server) == PH_OK);
    CHECK(ph_http_server_listen(rig->server, "127.0.0.1", 0, tls, 7, &rig->port) == PH_OK);
    CHECK(rig->port != 0);
}

void rig_close(struct rig *rig)
{
    ph_http_server_close(rig->server);
    ph_buf_clear(&rig->body);
    ph_buf_clear(&rig->events);
}

void rig_turn(struct rig *rig, int wait_ms)
{
    struct pollfd p = {ph_http_server_fd(rig->server), POLLIN, 0};
    int timeout = ph_http_server_timeout_ms(rig->server);

    (void)poll(&p, 1, timeout >= 0 && timeout < wait_ms ? timeout : wait_ms);
    ph_http_server_run(rig->server);
}

void client_open(struct rig *rig, struct client *client)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(rig->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    *client = (struct client){.rig = rig, .got = PH_BUF(64 << 20)};
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(client->fd >= 0);
    CHECK(connect(client->fd, (struct sockaddr *)&to, sizeof(to)) == 0);
}

void client_close(struct client *client)
{
    (void)close(client->fd);
    ph_buf_clear(&client->got);
}

void client_read(struct client *client, size_t max)
{
    uint8_t *at;

    CHECK(ph_buf_reserve(&client->got, max, &at) == PH_OK);
    ssize_t n = recv(client->fd, at, max, MSG_DONTWAIT);
    client->end = n == 0 || (n < 0 && errno != EAGAIN);
    client->got.len += n > 0 ? (size_t)n : 0;
}

void client_send(struct client *client, struct ph_bytes bytes)
{
    for (int turn = 0; bytes.len > 0 && turn < PATIENCE_TURNS; turn++) {
        ssize_t n = send(client->fd, bytes.ptr, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return;
        if (n > 0)
            bytes = (struct ph_bytes){bytes.ptr + n, bytes.len - (size_t)n};
        if (bytes.len > 0) {
            client_read(client, 65536);
            rig_turn(client->rig, 1);
        }
    }
    CHECK(bytes.len == 0);
}

void client_send_str(struct client *client, const char *text)
{
    client_send(client, ph_bytes_str(text));
}

bool client_has(const struct client *client, const char *needle)
{
    return client->got.len > 0 &&
           memmem(client->got.ptr, client->got.len, needle, strlen(needle)) != NULL;
}

void client_expect(struct client *client, const char *needle)
{
    for (int turn = 0; turn < PATIENCE_TURNS && !client_has(client, needle) && !client->end;
         turn++) {
        rig_turn(client->rig, 2);
        client_read(client, 65536);
    }
    if (!client_has(client, needle))
        fail_msg("expected \"%s\", got \"%.*s\"%s", needle, (int)client->got.len,
                 (const char *)client->got.ptr, client->end ? " and the end" : "");
}

void client_expect_end(struct client *client)
{
    for (int turn = 0; turn < PATIENCE_TURNS && !client->end; turn++) {
        rig_turn(client->rig, 2);
        client_read(client, 65536);
    }
    CHECK(client->end);
}

void rig_expect_events(struct rig *rig, const char *events)
{
    for (int turn = 0; turn < PATIENCE_TURNS && rig->events.len < strlen(events); turn++)
        rig_turn(rig, 2);
    if (!ph_bytes_is(ph_buf_view(&rig->events), events))
        fail_msg("events %.*s, expected %s", (int)rig->events.len, (const char *)rig->events.ptr,
                 events);
}

void talk(struct rig *rig, const char *request, const char *needle)
{
    struct client client;

    client_open(rig, &client);
    client_send_str(&client, request);
    client_expect(&client, needle);
    client_close(&client);
}
