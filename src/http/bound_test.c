/* The client for workers against the real server: both certificates are proved, one connection
 * carries all, and what does not do the same is refused. */

#include "http/bound.h"
#include "http/tls_rig.h"

#include "base/own.h"
#include "base/test.h"
#include "codec/base64.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

struct seen {
    struct ph_buf certificate;
    uint8_t exporter[32];
    struct ph_buf body;
    size_t req_cnt;
};

struct fixture {
    struct tls_rig server_keys, client_keys;
    struct ph_http_server *server;
    struct seen seen;
    uint16_t port;
    bool mutual;
    pthread_t thread;
    atomic_bool stop;
};
static struct fixture f;
static char why[PH_HTTP_BOUND_WHY_LEN];

static void on_request(void *ctx, struct ph_http_req *req)
{
    struct seen *s = ctx;

    s->req_cnt++;
    ph_buf_clear(&s->certificate);
    s->certificate = PH_BUF(65536);
    CHECK(ph_buf_add(&s->certificate, ph_http_req_peer_certificate(req)) == PH_OK);
    memset(s->exporter, 0, sizeof(s->exporter));
    (void)!ph_http_req_exporter(req, s->exporter);
    ph_buf_clear(&s->body);
    s->body = PH_BUF(1 << 20);
    if (ph_bytes_is(ph_http_req_target(req), "/cut"))
        ph_http_respond_start(req, 200, PH_BYTES_LIT("content-length: 10\n"));
    if (ph_bytes_is(ph_http_req_target(req), "/cut"))
        ph_http_respond_abort(req);
}

static void on_body(void *ctx, struct ph_http_req *req, struct ph_bytes data)
{
    struct seen *s = ctx;

    (void)req;
    CHECK(ph_buf_add(&s->body, data) == PH_OK);
}

static void on_body_end(void *ctx, struct ph_http_req *req)
{
    struct seen *s = ctx;

    if (ph_bytes_is(ph_http_req_target(req), "/streamed")) {
        ph_http_respond_start(req, 200, (struct ph_bytes){0});
        ph_http_respond_end(req, (struct ph_bytes){0});
    } else if (ph_bytes_is(ph_http_req_target(req), "/echo")) {
        ph_http_respond(req, 418, (struct ph_bytes){0}, ph_buf_view(&s->body));
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
    (void)req;
    (void)sent_all;
}

static void *serve(void *ctx)
{
    (void)ctx;
    while (!atomic_load(&f.stop)) {
        struct pollfd p = {.fd = ph_http_server_fd(f.server), .events = POLLIN};
        const int wait = ph_http_server_timeout_ms(f.server);
        (void)poll(&p, 1, wait >= 0 && wait < 20 ? wait : 20);
        ph_http_server_run(f.server);
    }
    return NULL;
}

static struct ph_http_tls server_tls(void)
{
    struct ph_http_tls tls = f.server_keys.tls;

    if (f.mutual)
        tls.mutual_chain_pem = tls.cert_chain_pem;
    return tls;
}

static void start(bool mutual)
{
    const struct ph_http_limits limits = ph_http_limits_default();
    const struct ph_http_handler handler = {on_request,  on_body,   on_body_end,
                                            on_writable, on_closed, &f.seen};

    memset(&f, 0, sizeof(f));
    f.mutual = mutual;
    tls_rig_open(&f.server_keys, "127.0.0.1", 0, 3600);
    tls_rig_open(&f.client_keys, "client", 0, 3600);
    CHECK(ph_http_server_open(&limits, &handler, &f.server) == PH_OK);
    const struct ph_http_tls tls = server_tls();
    CHECK(ph_http_server_listen(f.server, "127.0.0.1", 0, &tls, 0, &f.port) == PH_OK);
    CHECK(pthread_create(&f.thread, NULL, serve, NULL) == 0);
}

static void stop(void)
{
    atomic_store(&f.stop, true);
    CHECK(pthread_join(f.thread, NULL) == 0);
    ph_http_server_close(f.server);
    tls_rig_close(&f.server_keys);
    tls_rig_close(&f.client_keys);
    ph_buf_clear(&f.seen.certificate);
    ph_buf_clear(&f.seen.body);
}

static enum ph_err dial(struct ph_http_bound **out)
{
    char url[64];

    (void)snprintf(url, sizeof(url), "https://127.0.0.1:%u", f.port);
    return ph_http_bound_open(url, &f.client_keys.tls, 10, out, why);
}

static bool is_leaf(struct ph_bytes der, const struct tls_rig *of)
{
    struct ph_buf leaf PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    struct ph_reader r = {of->tls.cert_chain_pem};

    CHECK(ph_pem_next(&r, "CERTIFICATE", &leaf) == PH_OK);
    return ph_bytes_equal(der, ph_buf_view(&leaf));
}

TEST(each_side_sees_the_others_certificate_and_one_exporter_value)
{
    struct ph_http_bound *b PH_OWNED(ph_http_bound_closep) = NULL;
    struct ph_buf answer PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
    static uint8_t big[300000];
    uint8_t exporter[32];
    uint16_t status = 0;

    start(true);
    CHECK(dial(&b) == PH_OK);
    const unsigned signs = f.client_keys.sign_cnt;
    CHECK(is_leaf(ph_http_bound_certificate(b), &f.server_keys));
    CHECK(ph_http_bound_post(b, "/echo", PH_BYTES_LIT("one"), &status, &answer, why) == PH_OK);
    CHECK(status == 418 && ph_bytes_is(ph_buf_view(&answer), "one"));
    CHECK(is_leaf(ph_buf_view(&f.seen.certificate), &f.client_keys));
    ph_http_bound_exporter(b, exporter);
    CHECK(memcmp(exporter, f.seen.exporter, 32) == 0);
    CHECK(ph_http_bound_post(b, "/echo", (struct ph_bytes){0}, &status, &answer, why) == PH_OK);
    CHECK(answer.len == 3);
    memset(big, 'x', sizeof(big));
    CHECK(ph_http_bound_post(b, "/echo", PH_BYTES_OF(big), &status, &answer, why) == PH_OK);
    CHECK(answer.len == 3 + sizeof(big) && f.seen.req_cnt == 3);
    CHECK(f.client_keys.sign_cnt == signs); /* one handshake */
    stop();
}

TEST(two_connections_have_two_exporter_values)
{
    struct ph_http_bound *a PH_OWNED(ph_http_bound_closep) = NULL;
    struct ph_http_bound *b PH_OWNED(ph_http_bound_closep) = NULL;
    uint8_t one[32], other[32];

    start(true);
    CHECK(dial(&a) == PH_OK && dial(&b) == PH_OK);
    ph_http_bound_exporter(a, one);
    ph_http_bound_exporter(b, other);
    CHECK(memcmp(one, other, 32) != 0);
    stop();
}

TEST(a_server_that_does_not_offer_it_is_refused)
{
    struct ph_http_bound *b = NULL;

    start(false);
    CHECK(dial(&b) == PH_ERR_UNSUPPORTED && !b);
    CHECK(strstr(why, "no hand-over is offered"));
    stop();
}

TEST(no_signature_no_connection)
{
    struct ph_http_bound *b = NULL;

    start(true);
    f.client_keys.refuse = true;
    CHECK(dial(&b) == PH_ERR_IO && !b);
    f.client_keys.refuse = false;
    f.client_keys.tls.cert_chain_pem = PH_BYTES_LIT("no PEM");
    CHECK(dial(&b) == PH_ERR_MALFORMED && !b);
    stop();
}

TEST(answers_that_are_cut_streamed_or_too_long_are_refused)
{
    static const struct {
        const char *path;
        size_t limit;
        enum ph_err want;
    } rows[] = {{"/cut", 100, PH_ERR_IO},
                {"/streamed", 100, PH_ERR_MALFORMED},
                {"/echo", 4, PH_ERR_LIMIT},
                {"/echo", 5, PH_OK}};

    start(true);
    for (size_t i = 0; i < PH_LEN(rows); i++) {
        struct ph_http_bound *b PH_OWNED(ph_http_bound_closep) = NULL;
        struct ph_buf answer PH_OWNED(ph_buf_clear) = PH_BUF(rows[i].limit);
        uint16_t status;

        CHECK(dial(&b) == PH_OK);
        const enum ph_err err =
            ph_http_bound_post(b, rows[i].path, PH_BYTES_LIT("12345"), &status, &answer, why);
        if (err != rows[i].want)
            fail_msg("%s: %s", rows[i].path, ph_err_name(err));
    }
    stop();
}

/* New connections are shown the new certificate; the one that stands goes on. */
TEST(a_certificate_can_be_replaced_under_way)
{
    struct ph_http_bound *old PH_OWNED(ph_http_bound_closep) = NULL;
    struct ph_http_bound *fresh PH_OWNED(ph_http_bound_closep) = NULL;
    struct ph_buf answer PH_OWNED(ph_buf_clear) = PH_BUF(100);
    struct tls_rig keys;
    uint16_t status;

    start(true);
    CHECK(dial(&old) == PH_OK);
    atomic_store(&f.stop, true); /* the server's own thread does it */
    CHECK(pthread_join(f.thread, NULL) == 0);
    tls_rig_open(&keys, "127.0.0.1", 0, 3600);
    struct ph_http_tls tls = keys.tls;
    tls.mutual_chain_pem = tls.cert_chain_pem;
    CHECK(ph_http_server_set_tls(f.server, &tls) == PH_OK);
    tls.cert_chain_pem = PH_BYTES_LIT("no PEM");
    CHECK(ph_http_server_set_tls(f.server, &tls) == PH_ERR_MALFORMED);
    atomic_store(&f.stop, false);
    CHECK(pthread_create(&f.thread, NULL, serve, NULL) == 0);
    CHECK(dial(&fresh) == PH_OK);
    CHECK(is_leaf(ph_http_bound_certificate(fresh), &keys));
    CHECK(is_leaf(ph_http_bound_certificate(old), &f.server_keys));
    CHECK(ph_http_bound_post(old, "/echo", PH_BYTES_LIT("x"), &status, &answer, why) == PH_OK);
    stop();
    tls_rig_close(&keys);
}

TEST(what_is_no_url_or_nobody_is_there_is_refused)
{
    static const char *const bad[] = {"", "http://127.0.0.1:1", "https://", "https://u@h:1"};
    struct ph_http_bound *b = NULL;
    struct tls_rig keys;

    tls_rig_open(&keys, "client", 0, 3600);
    for (size_t i = 0; i < PH_LEN(bad); i++)
        CHECK(ph_http_bound_open(bad[i], &keys.tls, 5, &b, why) == PH_ERR_MALFORMED);
    CHECK(ph_http_bound_open("https://127.0.0.1:1", &keys.tls, 5, &b, why) == PH_ERR_IO);
    CHECK(strstr(why, "refused"));
    tls_rig_close(&keys);
}

/* Somebody who takes the connection and says nothing. */
TEST(a_silent_peer_is_given_up)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    struct ph_http_bound *b = NULL;
    struct tls_rig keys;
    char url[64];
    int fd PH_OWNED(ph_closep) = socket(AF_INET, SOCK_STREAM, 0);

    CHECK(bind(fd, (struct sockaddr *)&at, len) == 0 && listen(fd, 1) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&at, &len) == 0);
    tls_rig_open(&keys, "client", 0, 3600);
    (void)snprintf(url, sizeof(url), "https://127.0.0.1:%u", ntohs(at.sin_port));
    CHECK(ph_http_bound_open(url, &keys.tls, 1, &b, why) == PH_ERR_IO && !b);
    CHECK(strstr(why, "in time"));
    tls_rig_close(&keys);
}

PH_TEST_MAIN(CASE(each_side_sees_the_others_certificate_and_one_exporter_value),
             CASE(two_connections_have_two_exporter_values),
             CASE(a_server_that_does_not_offer_it_is_refused), CASE(no_signature_no_connection),
             CASE(answers_that_are_cut_streamed_or_too_long_are_refused),
             CASE(a_certificate_can_be_replaced_under_way),
             CASE(what_is_no_url_or_nobody_is_there_is_refused), CASE(a_silent_peer_is_given_up))
