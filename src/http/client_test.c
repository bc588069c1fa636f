#include "http/client.h"

#include "base/test.h"
#include "http/server.h"
#include "http/tls_rig.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

/* An upstream server, a client that may reach it, and the fetch under test, in one thread. */
struct rig {
    struct ph_http_server *server;
    struct ph_http_client *client;
    uint16_t port;
    bool tls;
    char origin[64];
    uint32_t conns_seen;
    struct ph_buf body; /* of the request under way */
    struct ph_buf seen; /* "METHOD target | headers | body" of the last request */
    unsigned requests;
    /* result */
    struct ph_http_fetch *fetch;
    unsigned heads, dones, fails, writables;
    uint16_t status;
    char code[32], text[64], url[256];
    struct ph_buf headers, data;
    bool pause_at_data, cancel_at_data, cancel_at_head;
    struct ph_http_req *kept;
};

static void answer_gzip(struct ph_http_req *req, size_t zeros)
{
    struct ph_buf out = PH_BUF(1 << 20);
    uint8_t chunk[16384] = {0};
    z_stream z = {0};

    CHECK(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) == Z_OK);
    while (zeros > 0 || z.avail_in > 0 || z.total_out == 0) {
        uint8_t *at;
        z.next_in = chunk;
        z.avail_in = (unsigned)(zeros < sizeof(chunk) ? zeros : sizeof(chunk));
        zeros -= z.avail_in;
        CHECK(ph_buf_reserve(&out, 32768, &at) == PH_OK);
        z.next_out = at;
        z.avail_out = 32768;
        CHECK(deflate(&z, zeros > 0 ? Z_NO_FLUSH : Z_FINISH) >= 0);
        out.len += 32768 - z.avail_out;
        if (zeros == 0)
            break;
    }
    (void)deflateEnd(&z);
    ph_http_respond(req, 200, PH_BYTES_LIT("content-encoding: gzip\nx-kept: 1\n"),
                    ph_buf_view(&out));
    ph_buf_clear(&out);
}

static void answer_redirect(struct ph_http_req *req, const char *query)
{
    struct ph_buf block = PH_BUF(4096);

    CHECK(ph_buf_addf(&block, "location: %s\n", query + 4) == PH_OK);
    ph_http_respond(req, (uint16_t)strtol(query, NULL, 10), ph_buf_view(&block),
                    PH_BYTES_LIT("moved"));
    ph_buf_clear(&block);
}

static void answer(struct rig *rig, struct ph_http_req *req)
{
    struct ph_bytes target = ph_http_req_target(req);
    char path[1024];

    CHECK(target.len < sizeof(path));
    memcpy(path, target.ptr, target.len);
    path[target.len] = 0;
    if (strncmp(path, "/r?", 3) == 0)
        answer_redirect(req, path + 3);
    else if (strcmp(path, "/loop") == 0)
        answer_redirect(req, "302:/loop");
    else if (strncmp(path, "/gzip?", 6) == 0)
        answer_gzip(req, (size_t)strtoul(path + 6, NULL, 10));
    else if (strcmp(path, "/echo") == 0)
        ph_http_respond(req, 200, (struct ph_bytes){0}, ph_buf_view(&rig->body));
    else if (strcmp(path, "/keep") == 0)
        rig->kept = req;
    else if (strcmp(path, "/half") == 0) {
        ph_http_respond_start(req, 200, (struct ph_bytes){0});
        (void)ph_http_respond_write(req, PH_BYTES_LIT("half"));
        ph_http_respond_abort(req);
    } else if (strncmp(path, "/big?", 5) == 0) {
        size_t len = (size_t)strtoul(path + 5, NULL, 10);
        uint8_t *big = malloc(len + 1);
        memset(big, 'b', len);
        ph_http_respond_start(req, 200, (struct ph_bytes){0}); /* chunked: length not declared */
        (void)ph_http_respond_write(req, (struct ph_bytes){big, len});
        ph_http_respond_end(req, PH_BYTES_LIT("x-trailer: 1\n"));
        free(big);
    } else if (strncmp(path, "/many?", 6) == 0) {
        struct ph_buf block = PH_BUF(1 << 20);
        for (long i = strtol(path + 6, NULL, 10); i > 0; i--)
            CHECK(ph_buf_addf(&block, "x-%ld: %0100d\n", i, 0) == PH_OK);
        ph_http_respond(req, 200, ph_buf_view(&block), PH_BYTES_LIT("x"));
        ph_buf_clear(&block);
    } else {
        ph_http_respond(req, 200, PH_BYTES_LIT("Content-Type: text/plain\nSet-Cookie: a=b\n"),
                        PH_BYTES_LIT("hello"));
    }
}

static void on_request(void *ctx, struct ph_http_req *req)
{
    struct rig *rig = ctx;

    (void)req;
    rig->body.len = 0;
    rig->requests++;
    if (ph_http_server_conn_cnt(rig->server) > rig->conns_seen)
        rig->conns_seen = ph_http_server_conn_cnt(rig->server);
}

static void on_body(void *ctx, struct ph_http_req *req, struct ph_bytes data)
{
    struct rig *rig = ctx;

    (void)req;
    CHECK(ph_buf_add(&rig->body, data) == PH_OK);
}

static void on_body_end(void *ctx, struct ph_http_req *req)
{
    struct rig *rig = ctx;
    struct ph_bytes method = ph_http_req_method(req), target = ph_http_req_target(req);
    struct ph_bytes headers = ph_http_req_headers(req);

    rig->seen.len = 0;
    CHECK(ph_buf_addf(&rig->seen, "%.*s %.*s\n%.*s", (int)method.len, (const char *)method.ptr,
                      (int)target.len, (const char *)target.ptr, (int)headers.len,
                      (const char *)headers.ptr) == PH_OK);
    answer(rig, req);
}

static void on_server_writable(void *ctx, struct ph_http_req *req)
{
    (void)ctx;
    (void)req;
}

static void on_closed(void *ctx, struct ph_http_req *req, bool sent_all)
{
    struct rig *rig = ctx;

    (void)sent_all;
    if (rig->kept == req)
        rig->kept = NULL;
}

static void on_head(void *ctx, uint16_t status, struct ph_bytes status_text, struct ph_bytes url,
                    struct ph_bytes headers)
{
    struct rig *rig = ctx;

    CHECK(rig->heads == 0 && rig->dones == 0 && rig->fails == 0);
    rig->heads++;
    rig->status = status;
    (void)snprintf(rig->text, sizeof(rig->text), "%.*s", (int)status_text.len,
                   (const char *)status_text.ptr);
    (void)snprintf(rig->url, sizeof(rig->url), "%.*s", (int)url.len, (const char *)url.ptr);
    CHECK(ph_buf_add(&rig->headers, headers) == PH_OK);
    if (rig->cancel_at_head) {
        ph_http_fetch_cancel(rig->fetch);
        rig->fetch = NULL;
    }
}

static void on_data(void *ctx, struct ph_bytes data)
{
    struct rig *rig = ctx;

    CHECK(rig->heads == 1 && rig->dones == 0 && rig->fails == 0 && data.len > 0 && rig->fetch);
    CHECK(ph_buf_add(&rig->data, data) == PH_OK);
    if (rig->pause_at_data)
        ph_http_fetch_pause(rig->fetch);
    if (rig->cancel_at_data) {
        ph_http_fetch_cancel(rig->fetch);
        rig->fetch = NULL;
    }
}

static void on_done(void *ctx)
{
    struct rig *rig = ctx;

    CHECK(rig->heads == 1 && rig->dones == 0 && rig->fails == 0 && rig->fetch);
    rig->dones++;
    rig->fetch = NULL;
}

static void on_fail(void *ctx, const char *code, const char *message)
{
    struct rig *rig = ctx;

    CHECK(rig->dones == 0 && rig->fails == 0 && message[0] && rig->fetch);
    rig->fails++;
    (void)snprintf(rig->code, sizeof(rig->code), "%s", code);
    rig->fetch = NULL;
}

static void on_writable(void *ctx)
{
    struct rig *rig = ctx;
    rig->writables++;
}

/* `host`: by what name the upstream is reached; its private address is allowed if `reachable`. */
static void rig_open(struct rig *rig, const char *host, const struct tls_rig *tls, bool trusted,
                     bool reachable)
{
    const struct ph_http_limits limits = ph_http_limits_default();
    const struct ph_http_handler handler = {.on_request = on_request,
                                            .on_body = on_body,
                                            .on_body_end = on_body_end,
                                            .on_writable = on_server_writable,
                                            .on_closed = on_closed,
                                            .ctx = rig};
    char allowed[80];
    const char *const private_hosts[] = {allowed, NULL};
    struct ph_http_client_config config = {.private_hosts_insecure =
                                               reachable ? private_hosts : NULL};

    *rig = (struct rig){.body = PH_BUF(64 << 20),
                        .seen = PH_BUF(1 << 20),
                        .headers = PH_BUF(1 << 20),
                        .data = PH_BUF(64 << 20),
                        .tls = tls != NULL};
    CHECK(ph_http_server_open(&limits, &handler, &rig->server) == PH_OK);
    CHECK(ph_http_server_listen(rig->server, "127.0.0.1", 0, tls ? &tls->tls : NULL, 0,
                                &rig->port) == PH_OK);
    (void)snprintf(rig->origin, sizeof(rig->origin), "http%s://%s:%u", tls ? "s" : "", host,
                   rig->port);
    (void)snprintf(allowed, sizeof(allowed), "%s:%u", host, rig->port);
    config.extra_ca_pem = trusted ? tls->root_pem : NULL;
    CHECK(ph_http_client_open(&config, &rig->client) == PH_OK);
}

static void rig_close(struct rig *rig)
{
    ph_http_client_close(rig->client);
    ph_http_server_close(rig->server);
    ph_buf_clear(&rig->body);
    ph_buf_clear(&rig->seen);
    ph_buf_clear(&rig->headers);
    ph_buf_clear(&rig->data);
}

static void rig_turn(struct rig *rig)
{
    struct pollfd p[] = {{ph_http_server_fd(rig->server), POLLIN, 0},
                         {ph_http_client_fd(rig->client), POLLIN, 0}};
    int a = ph_http_server_timeout_ms(rig->server), b = ph_http_client_timeout_ms(rig->client);
    int wait = 20;

    wait = a >= 0 && a < wait ? a : wait;
    wait = b >= 0 && b < wait ? b : wait;
    (void)poll(p, 2, wait);
    ph_http_server_run(rig->server);
    ph_http_client_run(rig->client);
}

struct ask {
    const char *method, *path, *headers, *body, *rule;
    bool no_follow, stream;
    uint32_t timeout_ms;
    uint64_t max;
};

/* `path` is appended to the upstream's origin unless it is a whole URL. */
static void start(struct rig *rig, struct ask ask)
{
    const struct ph_http_fetch_events events = {on_head, on_data,     on_done,
                                                on_fail, on_writable, rig};
    struct ph_egress_rule rules[1];
    char url[512], why[128];

    (void)snprintf(url, sizeof(url), "%s%s", ask.path[0] != '/' ? "" : rig->origin, ask.path);
    CHECK(ph_egress_rule_parse(ph_bytes_str(ask.rule ? ask.rule : rig->origin), rules, why) ==
          PH_OK);
    struct ph_http_fetch_spec spec = {
        .method = ph_bytes_str(ask.method ? ask.method : "GET"),
        .url = ph_bytes_str(url),
        .headers = ph_bytes_str(ask.headers ? ask.headers : ""),
        .body = ph_bytes_str(ask.body ? ask.body : ""),
        .has_stream = ask.stream,
        .follow_redirects = !ask.no_follow,
        .rules = rules,
        .rule_cnt = 1,
        .timeout_ms = ask.timeout_ms ? ask.timeout_ms : 20000,
        .response_max = ask.max ? ask.max : 10 << 20,
    };
    rig->heads = rig->dones = rig->fails = rig->writables = 0;
    rig->status = 0;
    rig->code[0] = 0;
    rig->headers.len = rig->data.len = rig->seen.len = 0;
    CHECK(ph_http_fetch_start(rig->client, &spec, &events, &rig->fetch) == PH_OK);
    CHECK(rig->fails == 0 && rig->heads == 0);
}

static void finish(struct rig *rig)
{
    for (int i = 0; i < 5000 && rig->dones + rig->fails == 0; i++)
        rig_turn(rig);
    CHECK(rig->dones + rig->fails == 1);
}

static void fetch(struct rig *rig, struct ask ask)
{
    start(rig, ask);
    finish(rig);
}

static void expect_fail(struct rig *rig, const char *code)
{
    if (rig->fails != 1 || strcmp(rig->code, code) != 0)
        fail_msg("expected %s, got %s %u", code, rig->code, rig->status);
}

static bool holds(const struct ph_buf *buf, const char *text)
{
    return buf->len > 0 && memmem(buf->ptr, buf->len, text, strlen(text)) != NULL;
}

TEST(a_page_is_fetched_and_the_connection_is_used_again)
{
    struct rig rig;

    rig_open(&rig, "localhost", NULL, false, true);
    for (int i = 0; i < 3; i++) {
        fetch(&rig, (struct ask){.path = "/a?b=c#d", .headers = "x-one: 1\nUser-Agent: mine\n"});
        CHECK(rig.dones == 1 && rig.status == 200 && strcmp(rig.text, "OK") == 0);
        CHECK(ph_bytes_is(ph_buf_view(&rig.data), "hello"));
        CHECK(holds(&rig.headers, "content-type: text/plain\nset-cookie: a=b\n"));
        CHECK(strstr(rig.url, "/a?b=c") && !strchr(rig.url, '#'));
        CHECK(holds(&rig.seen, "GET /a?b=c\nhost: localhost:"));
        CHECK(holds(&rig.seen, "x-one: 1\n") && holds(&rig.seen, "user-agent: mine\n"));
        CHECK(!holds(&rig.seen, "user-agent: phala") && !holds(&rig.seen, "cookie"));
    }
    CHECK(rig.requests == 3 && rig.conns_seen == 1);
    rig_close(&rig);
}

TEST(what_is_ours_to_say_cannot_be_said_by_the_phat)
{
    struct rig rig;

    rig_open(&rig, "localhost", NULL, false, true);
    fetch(&rig,
          (struct ask){.path = "/",
                       .headers = "host: evil\ncontent-length: 9\ntransfer-encoding: chunked\n"
                                  "connection: x\nbad name: 1\nsplit: a\rb\naccept-encoding: x\n"
                                  "x-empty:\nexpect: 100-continue\nlast: 1\n"});
    CHECK(rig.dones == 1);
    CHECK(!holds(&rig.seen, "evil") && !holds(&rig.seen, "content-length") &&
          !holds(&rig.seen, "bad") && !holds(&rig.seen, "split"));
    CHECK(holds(&rig.seen, "x-empty: \n") && holds(&rig.seen, "last: 1\n"));
    CHECK(holds(&rig.seen, "accept-encoding: gzip, deflate, br\n"));
    rig_close(&rig);
}

TEST(methods_and_bodies_arrive)
{
    static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE"};
    struct rig rig;

    rig_open(&rig, "127.0.0.1", NULL, false, true);
    for (size_t i = 0; i < PH_LEN(methods); i++) {
        fetch(&rig, (struct ask){.method = methods[i], .path = "/echo", .body = "some body"});
        CHECK(rig.dones == 1 && ph_bytes_is(ph_buf_view(&rig.data), "some body"));
        CHECK(holds(&rig.seen, methods[i]) && holds(&rig.seen, "content-length: 9\n"));
    }
    fetch(&rig, (struct ask){.method = "POST", .path = "/echo"});
    CHECK(rig.dones == 1 && rig.data.len == 0 && holds(&rig.seen, "content-length: 0\n"));
    fetch(&rig, (struct ask){.method = "HEAD", .path = "/"});
    CHECK(rig.dones == 1 && rig.data.len == 0 && holds(&rig.headers, "content-length: 5\n"));
    fetch(&rig, (struct ask){.method = "TRACE", .path = "/"});
    expect_fail(&rig, "bad-request");
    fetch(&rig, (struct ask){.method = "GE T", .path = "/"});
    expect_fail(&rig, "bad-request");
    rig_close(&rig);
}

TEST(a_body_is_streamed_with_back_pressure)
{
    static uint8_t piece[100000];
    struct rig rig;
    size_t sent = 0;

    rig_open(&rig, "localhost", NULL, false, true);
    start(&rig, (struct ask){.method = "POST", .path = "/echo", .stream = true, .max = 20 << 20});
    memset(piece, 's', sizeof(piece));
    for (int i = 0; i < 20000 && sent < 5000000; i++) {
        size_t queued = 0;
        while (sent < 5000000 && queued < 200000 && (sent == 0 || rig.writables > 0 || queued)) {
            queued = ph_http_fetch_send(rig.fetch, PH_BYTES_OF(piece));
            sent += sizeof(piece);
        }
        CHECK(queued <= 300000);
        rig.writables = 0;
        for (int turn = 0; turn < 1000 && rig.writables == 0; turn++)
            rig_turn(&rig);
    }
    ph_http_fetch_send_end(rig.fetch);
    finish(&rig);
    CHECK(rig.dones == 1 && rig.data.len == 5000000 && rig.data.ptr[4999999] == 's');
    rig_close(&rig);
}

TEST(a_paused_response_waits)
{
    struct rig rig;
    unsigned pieces = 0;

    rig_open(&rig, "localhost", NULL, false, true);
    rig.pause_at_data = true;
    start(&rig, (struct ask){.path = "/big?3000000"});
    for (int i = 0; i < 20000 && rig.dones + rig.fails == 0; i++) {
        size_t before = rig.data.len;
        rig_turn(&rig);
        rig_turn(&rig);
        CHECK(rig.data.len - before <= 65536);
        if (rig.data.len > before && rig.fetch) {
            pieces++;
            ph_http_fetch_resume(rig.fetch);
        }
    }
    CHECK(rig.dones == 1 && rig.data.len == 3000000 && pieces > 20);
    rig_close(&rig);
}

TEST(the_egress_rules_are_kept)
{
    struct rig rig;

    rig_open(&rig, "localhost", NULL, false, true);
    fetch(&rig, (struct ask){.path = "/", .rule = "https://api.example.org"});
    expect_fail(&rig, "egress-denied");
    fetch(&rig, (struct ask){.path = "http://localhost:1/", .rule = "http://localhost:2"});
    expect_fail(&rig, "egress-denied");
    fetch(&rig, (struct ask){.path = "ftp://localhost/", .rule = "http://localhost"});
    expect_fail(&rig, "bad-url");
    fetch(&rig, (struct ask){.path = "http://u:p@localhost/", .rule = "http://localhost"});
    expect_fail(&rig, "bad-url");
    CHECK(rig.requests == 0);
    rig_close(&rig);
}

TEST(private_addresses_are_refused_by_whatever_name)
{
    /* A rule of the phat's own does not open the way to this machine. */
    static const struct {
        const char *url, *rule;
    } cases[] = {
        {"http://localhost:%u/", "http://localhost:%u"},
        {"http://LOCALHOST.:%u/", "http://localhost:%u"},
        {"http://127.0.0.1:%u/", "http://127.0.0.1:%u"},
        {"http://0x7f.1:%u/", "http://127.0.0.1:%u"},
        {"http://2130706433:%u/", "http://127.0.0.1:%u"},
        {"http://0:%u/", "http://0.0.0.0:%u"},
        {"http://[::1]:%u/", "http://[::1]:%u"},
        {"http://[::ffff:127.0.0.1]:%u/", "http://[::ffff:127.0.0.1]:%u"},
        {"http://[64:ff9b::7f00:1]:%u/", "http://[64:ff9b::7f00:1]:%u"},
        {"http://[2002:7f00:1::]:%u/", "http://[2002:7f00:1::]:%u"},
        {"http://169.254.169.254:%u/", "http://169.254.169.254:%u"},
    };
    struct rig rig;

    rig_open(&rig, "localhost", NULL, false, false);
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        char url[128], rule[128];
/* clang-format off */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        /* clang-format on */
        (void)snprintf(url, sizeof(url), cases[i].url, rig.port);
        (void)snprintf(rule, sizeof(rule), cases[i].rule, rig.port);
#pragma GCC diagnostic pop
        fetch(&rig, (struct ask){.path = url, .rule = rule});
        if (strcmp(rig.code, "address-denied") != 0)
            fail_msg("%s: %s %u", url, rig.code, rig.status);
    }
    CHECK(rig.requests == 0 && ph_http_server_conn_cnt(rig.server) == 0);
    rig_close(&rig);
}

TEST(redirects_are_followed_by_the_fetch_standard)
{
    static const struct {
        const char *method, *status, *want;
        bool body;
    } cases[] = {
        {"GET", "301", "GET", false},   {"POST", "301", "GET", false},
        {"POST", "302", "GET", false},  {"PUT", "302", "PUT", true},
        {"POST", "303", "GET", false},  {"PUT", "303", "GET", false},
        {"HEAD", "303", "HEAD", false}, {"POST", "307", "POST", true},
        {"POST", "308", "POST", true},
    };
    struct rig rig;

    rig_open(&rig, "localhost", NULL, false, true);
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        char path[64], first[64];
        bool sends = cases[i].method[0] == 'P';
        (void)snprintf(path, sizeof(path), "/r?%s:/echo", cases[i].status);
        (void)snprintf(first, sizeof(first), "%s /echo\n", cases[i].want);
        fetch(&rig, (struct ask){.method = cases[i].method,
                                 .path = path,
                                 .headers = "content-type: a/b\nauthorization: secret\n",
                                 .body = sends ? "payload" : NULL});
        CHECK(rig.dones == 1 && strstr(rig.url, "/echo"));
        CHECK(holds(&rig.seen, first) && holds(&rig.seen, "authorization: secret"));
        CHECK((rig.data.len == 7) == cases[i].body);
        CHECK(holds(&rig.seen, "content-type") == (cases[i].body || !sends));
    }
    fetch(&rig, (struct ask){.path = "/r?302:/x", .no_follow = true});
    CHECK(rig.dones == 1 && rig.status == 302 && holds(&rig.headers, "location: /x\n"));
    CHECK(ph_bytes_is(ph_buf_view(&rig.data), "moved"));
    rig.requests = 0;
    fetch(&rig, (struct ask){.path = "/loop"});
    expect_fail(&rig, "too-many-redirects");
    CHECK(rig.requests == 21 && rig.heads == 0);
    rig_close(&rig);
}

TEST(every_hop_of_a_redirect_is_checked)
{
    struct rig rig;
    char path[128];

    rig_open(&rig, "localhost", NULL, false, true);
    fetch(&rig, (struct ask){.path = "/r?302:http://169.254.169.254/latest/meta-data"});
    expect_fail(&rig, "egress-denied");
    (void)snprintf(path, sizeof(path), "/r?302:http://127.0.0.1:%u/", rig.port);
    fetch(&rig, (struct ask){.path = path}); /* same server, other name */
    expect_fail(&rig, "egress-denied");
    fetch(&rig, (struct ask){.path = "/r?302:file:///etc/passwd"});
    expect_fail(&rig, "bad-url");
    fetch(&rig, (struct ask){.path = "/r?302:gopher://localhost/"});
    expect_fail(&rig, "bad-url");
    CHECK(rig.requests == 4);
    rig_close(&rig);
}

TEST(secrets_do_not_cross_origins_on_redirect)
{
    struct rig rig, other;
    char path[128], why[128];

    rig_open(&other, "localhost", NULL, false, true);
    rig_open(&rig, "localhost", NULL, false, true);
    /* A client that may reach both. */
    char hosts[2][64];
    const char *const list[] = {hosts[0], hosts[1], NULL};
    (void)snprintf(hosts[0], 64, "localhost:%u", rig.port);
    (void)snprintf(hosts[1], 64, "localhost:%u", other.port);
    ph_http_client_close(rig.client);
    CHECK(ph_http_client_open(&(struct ph_http_client_config){.private_hosts_insecure = list},
                              &rig.client) == PH_OK);
    struct ph_egress_rule rules[2];
    CHECK(ph_egress_rule_parse(ph_bytes_str(rig.origin), &rules[0], why) == PH_OK);
    CHECK(ph_egress_rule_parse(ph_bytes_str(other.origin), &rules[1], why) == PH_OK);
    (void)snprintf(path, sizeof(path), "%s/r?307:%s/there", rig.origin, other.origin);
    const struct ph_http_fetch_events events = {on_head, on_data,     on_done,
                                                on_fail, on_writable, &rig};
    struct ph_http_fetch_spec spec = {
        .method = PH_BYTES_LIT("GET"),
        .url = ph_bytes_str(path),
        .headers = PH_BYTES_LIT("authorization: secret\ncookie: a=b\nx-plain: 1\n"),
        .follow_redirects = true,
        .rules = rules,
        .rule_cnt = 2,
        .timeout_ms = 20000,
        .response_max = 1000};
    CHECK(ph_http_fetch_start(rig.client, &spec, &events, &rig.fetch) == PH_OK);
    for (int i = 0; i < 2000 && rig.dones + rig.fails == 0; i++) {
        rig_turn(&rig);
        ph_http_server_run(other.server);
    }
    CHECK(rig.dones == 1 && holds(&other.seen, "GET /there\n") && holds(&other.seen, "x-plain: 1"));
    CHECK(!holds(&other.seen, "secret") && !holds(&other.seen, "cookie"));
    CHECK(holds(&rig.seen, "secret"));
    rig_close(&rig);
    rig_close(&other);
}

TEST(compressed_answers_are_unpacked_and_bounded)
{
    struct rig rig;

    rig_open(&rig, "localhost", NULL, false, true);
    fetch(&rig, (struct ask){.path = "/gzip?1000000"});
    CHECK(rig.dones == 1 && rig.data.len == 1000000 && rig.data.ptr[999999] == 0);
    CHECK(holds(&rig.headers, "x-kept: 1\n") && !holds(&rig.headers, "content-encoding") &&
          !holds(&rig.headers, "content-length"));
    fetch(&rig, (struct ask){.path = "/gzip?30000000", .max = 1000000});
    expect_fail(&rig, "response-too-large");
    CHECK(rig.data.len <= 1000000);
    rig_close(&rig);
}

TEST(a_bomb_is_bounded_while_paused_too)
{
    struct rig rig;

    rig_open(&rig, "localhost", NULL, false, true);
    rig.pause_at_data = true;
    fetch(&rig, (struct ask){.path = "/gzip?30000000", .max = 1000000});
    expect_fail(&rig, "response-too-large");
    rig_close(&rig);
}

TEST(answers_over_the_limits_fail)
{
    struct rig rig;

    rig_open(&rig, "localhost", NULL, false, true);
    fetch(&rig, (struct ask){.path = "/big?1000", .max = 1000});
    CHECK(rig.dones == 1 && rig.data.len == 1000);
    fetch(&rig, (struct ask){.path = "/big?1001", .max = 1000});
    expect_fail(&rig, "response-too-large");
    fetch(&rig, (struct ask){.path = "/", .max = 4}); /* declared: no head is reported */
    expect_fail(&rig, "response-too-large");
    CHECK(rig.heads == 0);
    fetch(&rig, (struct ask){.path = "/many?250"});
    CHECK(rig.dones == 1);
    fetch(&rig, (struct ask){.path = "/many?257"});
    expect_fail(&rig, "protocol");
    rig_close(&rig);
}

TEST(slow_and_broken_servers_fail_with_their_reason)
{
    struct rig rig;
    char url[128];

    rig_open(&rig, "localhost", NULL, false, true);
    fetch(&rig, (struct ask){.path = "/keep", .timeout_ms = 200});
    expect_fail(&rig, "timeout");
    fetch(&rig, (struct ask){.path = "/half"});
    expect_fail(&rig, "protocol");
    CHECK(rig.heads == 1);
    fetch(&rig, (struct ask){.path = "http://no-such-name.invalid/",
                             .rule = "http://no-such-name.invalid"});
    expect_fail(&rig, "dns");
    (void)snprintf(url, sizeof(url), "%s/", rig.origin);
    ph_http_server_quiesce(rig.server);
    fetch(&rig, (struct ask){.path = url});
    expect_fail(&rig, "connect");
    rig_close(&rig);
}

TEST(a_cancelled_fetch_is_silent)
{
    struct rig rig;

    rig_open(&rig, "localhost", NULL, false, true);
    for (int when = 0; when < 4; when++) {
        rig.cancel_at_head = when == 2;
        rig.cancel_at_data = when == 3;
        start(&rig, (struct ask){.path = when == 1 ? "/keep" : "/big?500000"});
        if (when < 2) {
            for (int i = 0; i < 1000 && when == 1 && !rig.kept; i++)
                rig_turn(&rig);
            ph_http_fetch_cancel(rig.fetch);
            rig.fetch = NULL;
        }
        for (int i = 0; i < 20; i++)
            rig_turn(&rig);
        CHECK(rig.fetch == NULL && rig.dones == 0 && rig.fails == 0);
        CHECK(rig.heads == (when >= 2));
    }
    start(&rig, (struct ask){.path = "/keep"}); /* open at close */
    rig_turn(&rig);
    rig_close(&rig);
    CHECK(rig.dones == 0 && rig.fails == 0);
}

TEST(a_trusted_certificate_is_accepted)
{
    static const char *const names[] = {"localhost", "127.0.0.1"};

    for (size_t i = 0; i < PH_LEN(names); i++) {
        struct tls_rig tls;
        struct rig rig;
        tls_rig_open(&tls, names[i], -60, 3600);
        rig_open(&rig, names[i], &tls, true, true);
        unsigned before = tls.sign_cnt; /* the listener has tried key against certificate */
        fetch(&rig, (struct ask){.path = "/"});
        if (rig.dones != 1)
            fail_msg("%s: %s", names[i], rig.code);
        CHECK(ph_bytes_is(ph_buf_view(&rig.data), "hello") && tls.sign_cnt == before + 1);
        fetch(&rig, (struct ask){.path = "/gzip?100000"});
        CHECK(rig.dones == 1 && rig.data.len == 100000 && tls.sign_cnt == before + 1); /* reused */
        rig_close(&rig);
        tls_rig_close(&tls);
    }
}

TEST(certificates_that_prove_nothing_are_refused)
{
    static const struct {
        const char *name;
        long from_s, to_s;
        bool trusted;
    } cases[] = {
        {"localhost", -60, 3600, false},    /* unknown root */
        {"other.example", -60, 3600, true}, /* another name */
        {"localhost", -7200, -3600, true},  /* expired */
        {"localhost", 1800, 3600, true},    /* not yet valid */
        {"127.0.0.1", -60, 3600, true},     /* address instead of the name */
    };

    for (size_t i = 0; i < PH_LEN(cases); i++) {
        struct tls_rig tls;
        struct rig rig;
        tls_rig_open(&tls, cases[i].name, cases[i].from_s, cases[i].to_s);
        rig_open(&rig, "localhost", &tls, cases[i].trusted, true);
        fetch(&rig, (struct ask){.path = "/", .method = "POST", .body = "secret"});
        if (strcmp(rig.code, "tls") != 0)
            fail_msg("case %zu: %s %u", i, rig.code, rig.status);
        CHECK(rig.requests == 0); /* nothing of the request was sent */
        rig_close(&rig);
        tls_rig_close(&tls);
    }
}

TEST(plain_http_on_a_tls_port_and_the_reverse_fail)
{
    struct tls_rig tls;
    struct rig rig;
    char url[128];

    tls_rig_open(&tls, "localhost", -60, 3600);
    rig_open(&rig, "localhost", &tls, true, true);
    (void)snprintf(url, sizeof(url), "http://localhost:%u", rig.port);
    fetch(&rig, (struct ask){.path = url, .rule = url});
    CHECK(rig.fails == 1);
    rig_close(&rig);
    rig_open(&rig, "localhost", NULL, false, true);
    (void)snprintf(url, sizeof(url), "https://localhost:%u", rig.port);
    fetch(&rig, (struct ask){.path = url, .rule = url});
    expect_fail(&rig, "tls");
    rig_close(&rig);
    tls_rig_close(&tls);
}

TEST(roots_that_cannot_be_read_are_an_error)
{
    struct ph_http_client *client;

    CHECK(ph_http_client_open(&(struct ph_http_client_config){.ca_file = "/no/such/file"},
                              &client) == PH_ERR_IO);
    CHECK(ph_http_client_open(&(struct ph_http_client_config){.ca_file = "/dev/null"}, &client) ==
          PH_ERR_MALFORMED);
    CHECK(ph_http_client_open(&(struct ph_http_client_config){.extra_ca_pem = "no PEM"}, &client) ==
          PH_ERR_MALFORMED);
}

TEST(connection_bound_authorization_gets_its_own_connection)
{
    struct rig rig;

    rig_open(&rig, "localhost", NULL, false, true);
    fetch(&rig, (struct ask){.path = "/"});
    fetch(&rig, (struct ask){.path = "/", .headers = "authorization: NTLM abc\n"});
    CHECK(rig.dones == 1 && rig.conns_seen == 2 && holds(&rig.seen, "authorization: NTLM abc"));
    for (int i = 0; i < 10; i++)
        rig_turn(&rig);
    CHECK(ph_http_server_conn_cnt(rig.server) == 1); /* and nobody inherits it */
    rig_close(&rig);
}

TEST(fetches_over_the_limit_are_refused)
{
    struct rig rig;
    struct ph_http_fetch *f;
    const struct ph_http_fetch_events events = {on_head, on_data,     on_done,
                                                on_fail, on_writable, &rig};
    const struct ph_http_fetch_spec spec = {.method = PH_BYTES_LIT("GET"),
                                            .url = PH_BYTES_LIT("http://localhost/"),
                                            .timeout_ms = 1000};

    rig_open(&rig, "localhost", NULL, false, true);
    ph_http_client_close(rig.client);
    CHECK(ph_http_client_open(&(struct ph_http_client_config){.connections = 2}, &rig.client) ==
          PH_OK);
    for (int i = 0; i < 8; i++)
        CHECK(ph_http_fetch_start(rig.client, &spec, &events, &f) == PH_OK);
    CHECK(ph_http_fetch_start(rig.client, &spec, &events, &f) == PH_ERR_LIMIT);
    rig_close(&rig);
}

PH_TEST_MAIN(CASE(a_page_is_fetched_and_the_connection_is_used_again),
             CASE(what_is_ours_to_say_cannot_be_said_by_the_phat), CASE(methods_and_bodies_arrive),
             CASE(a_body_is_streamed_with_back_pressure), CASE(a_paused_response_waits),
             CASE(the_egress_rules_are_kept), CASE(private_addresses_are_refused_by_whatever_name),
             CASE(redirects_are_followed_by_the_fetch_standard),
             CASE(every_hop_of_a_redirect_is_checked),
             CASE(secrets_do_not_cross_origins_on_redirect),
             CASE(compressed_answers_are_unpacked_and_bounded),
             CASE(a_bomb_is_bounded_while_paused_too), CASE(answers_over_the_limits_fail),
             CASE(slow_and_broken_servers_fail_with_their_reason),
             CASE(a_cancelled_fetch_is_silent), CASE(a_trusted_certificate_is_accepted),
             CASE(certificates_that_prove_nothing_are_refused),
             CASE(plain_http_on_a_tls_port_and_the_reverse_fail),
             CASE(roots_that_cannot_be_read_are_an_error),
             CASE(connection_bound_authorization_gets_its_own_connection),
             CASE(fetches_over_the_limit_are_refused))
