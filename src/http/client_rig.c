#include "http/client_rig.h"

#include <poll.h>
#include <zlib.h>

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

static void answer(struct egress_rig *rig, struct ph_http_req *req)
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
    struct egress_rig *rig = ctx;

    (void)req;
    rig->body.len = 0;
    rig->requests++;
    if (ph_http_server_conn_cnt(rig->server) > rig->conns_seen)
        rig->conns_seen = ph_http_server_conn_cnt(rig->server);
}

static void on_body(void *ctx, struct ph_http_req *req, struct ph_bytes data)
{
    struct egress_rig *rig = ctx;

    (void)req;
    CHECK(ph_buf_add(&rig->body, data) == PH_OK);
}

static void on_body_end(void *ctx, struct ph_http_req *req)
{
    struct egress_rig *rig = ctx;
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
    struct egress_rig *rig = ctx;

    (void)sent_all;
    if (rig->kept == req)
        rig->kept = NULL;
}

static void on_head(void *ctx, uint16_t status, struct ph_bytes status_text, struct ph_bytes url,
                    struct ph_bytes headers)
{
    struct egress_rig *rig = ctx;

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
    struct egress_rig *rig = ctx;

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
    struct egress_rig *rig = ctx;

    CHECK(rig->heads == 1 && rig->dones == 0 && rig->fails == 0 && rig->fetch);
    rig->dones++;
    rig->fetch = NULL;
}

static void on_fail(void *ctx, const char *code, const char *message)
{
    struct egress_rig *rig = ctx;

    CHECK(rig->dones == 0 && rig->fails == 0 && message[0] && rig->fetch);
    rig->fails++;
    (void)snprintf(rig->code, sizeof(rig->code), "%s", code);
    rig->fetch = NULL;
}

static void on_writable(void *ctx)
{
    struct egress_rig *rig = ctx;
    rig->writables++;
}

void egress_rig_open(struct egress_rig *rig, const char *host, const struct tls_rig *tls,
                     bool trusted, bool reachable)
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

    *rig = (struct egress_rig){.body = PH_BUF(64 << 20),
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

void egress_rig_close(struct egress_rig *rig)
{
    ph_http_client_close(rig->client);
    ph_http_server_close(rig->server);
    ph_buf_clear(&rig->body);
    ph_buf_clear(&rig->seen);
    ph_buf_clear(&rig->headers);
    ph_buf_clear(&rig->data);
}

void egress_rig_turn(struct egress_rig *rig)
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

struct ph_http_fetch_events egress_events(struct egress_rig *rig)
{
    return (struct ph_http_fetch_events){on_head, on_data, on_done, on_fail, on_writable, rig};
}

void egress_start(struct egress_rig *rig, struct egress_ask ask)
{
    const struct ph_http_fetch_events events = egress_events(rig);
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

void egress_finish(struct egress_rig *rig)
{
    for (int i = 0; i < 5000 && rig->dones + rig->fails == 0; i++)
        egress_rig_turn(rig);
    CHECK(rig->dones + rig->fails == 1);
}

void egress_fetch(struct egress_rig *rig, struct egress_ask ask)
{
    egress_start(rig, ask);
    egress_finish(rig);
}

void egress_expect_fail(struct egress_rig *rig, const char *code)
{
    if (rig->fails != 1 || strcmp(rig->code, code) != 0)
        fail_msg("expected %s, got %s %u", code, rig->code, rig->status);
}

bool holds(const struct ph_buf *buf, const char *text)
{
    return buf->len > 0 && memmem(buf->ptr, buf->len, text, strlen(text)) != NULL;
}
