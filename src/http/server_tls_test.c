#include "http/server_rig.h"
#include "http/tls_rig.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <sys/socket.h>
#include <unistd.h>

/* A TLS client that is turned together with the server. */
struct tls_client {
    struct client raw;
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
};

static void tls_open(struct rig *rig, struct tls_client *c, const char *priority,
                     const char *root_pem)
{
    gnutls_datum_t root = {(void *)(uintptr_t)root_pem, (unsigned)strlen(root_pem)};

    client_open(rig, &c->raw);
    CHECK(gnutls_init(&c->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK) == 0);
    CHECK(gnutls_priority_set_direct(c->session, priority, NULL) == 0);
    CHECK(gnutls_certificate_allocate_credentials(&c->credentials) == 0);
    CHECK(gnutls_certificate_set_x509_trust_mem(c->credentials, &root, GNUTLS_X509_FMT_PEM) == 1);
    CHECK(gnutls_credentials_set(c->session, GNUTLS_CRD_CERTIFICATE, c->credentials) == 0);
    gnutls_session_set_verify_cert(c->session, "localhost", 0);
    gnutls_transport_set_int(c->session, c->raw.fd);
}

/* PH_OK once the handshake is through. */
static enum ph_err tls_shake(struct tls_client *c)
{
    int flags = 0;

    for (int turn = 0; turn < 2000; turn++) {
        if (flags == 0) {
            flags = 1;
            /* The socket must not block the one thread. */
            struct timeval soon = {0, 1000};
            CHECK(setsockopt(c->raw.fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)) == 0);
        }
        int code = gnutls_handshake(c->session);
        if (code == 0)
            return PH_OK;
        if (gnutls_error_is_fatal(code))
            return PH_ERR_IO;
        rig_turn(c->raw.rig, 1);
    }
    return PH_ERR_AGAIN;
}

static void tls_send(struct tls_client *c, struct ph_bytes data)
{
    while (data.len > 0) {
        ssize_t n = gnutls_record_send(c->session, data.ptr, data.len);
        CHECK(n > 0 || n == GNUTLS_E_AGAIN);
        if (n > 0)
            data = (struct ph_bytes){data.ptr + n, data.len - (size_t)n};
        rig_turn(c->raw.rig, 0);
    }
}

static void tls_expect(struct tls_client *c, const char *needle, size_t len)
{
    for (int turn = 0; turn < 4000 && !c->raw.end; turn++) {
        uint8_t *at;
        if (c->raw.got.len >= len && client_has(&c->raw, needle))
            return;
        CHECK(ph_buf_reserve(&c->raw.got, 65536, &at) == PH_OK);
        ssize_t n = gnutls_record_recv(c->session, at, 65536);
        c->raw.end = n == 0 || (n < 0 && gnutls_error_is_fatal((int)n));
        c->raw.got.len += n > 0 ? (size_t)n : 0;
        rig_turn(c->raw.rig, 0);
    }
    CHECK(c->raw.got.len >= len && client_has(&c->raw, needle));
}

static void tls_close(struct tls_client *c)
{
    gnutls_deinit(c->session);
    gnutls_certificate_free_credentials(c->credentials);
    client_close(&c->raw);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

TEST(tls_1_3_and_1_2_are_spoken_with_a_key_held_elsewhere)
{
    static const struct {
        const char *priority;
        gnutls_protocol_t version;
    } cases[] = {
        {"NORMAL:-VERS-ALL:+VERS-TLS1.3", GNUTLS_TLS1_3},
        {"NORMAL:-VERS-ALL:+VERS-TLS1.2", GNUTLS_TLS1_2},
        {"NORMAL", GNUTLS_TLS1_3},
    };
    struct tls_rig tls;
    struct rig rig;

    tls_rig_open(&tls, "localhost", -60, 3600);
    rig_open(&rig, NULL, &tls.tls);
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        struct tls_client c;
        unsigned before = tls.sign_cnt;
        tls_open(&rig, &c, cases[i].priority, tls.root_pem);
        CHECK(tls_shake(&c) == PH_OK);
        CHECK(gnutls_protocol_get_version(c.session) == cases[i].version);
        CHECK(tls.sign_cnt == before + 1);
        tls_send(&c, PH_BYTES_LIT(GET("/headers") GET("/stream")));
        tls_expect(&c, "remote=127.0.0.1 host=h accept= tls=1 tag=7\n", 0);
        tls_expect(&c, "0\r\nx-sum: 3\r\n\r\n", 0);
        tls_close(&c);
    }
    rig_close(&rig);
    tls_rig_close(&tls);
}

TEST(records_that_come_in_one_piece_are_all_read)
{
    static const char *const records[] = {GET("/headers"), "GET /str",
                                          "eam HTTP/1.1\r\nHost: h\r\n\r\n", GET("/hello")};
    struct tls_rig tls;
    struct rig rig;
    struct tls_client c;

    tls_rig_open(&tls, "localhost", -60, 3600);
    rig_open(&rig, NULL, &tls.tls);
    tls_open(&rig, &c, "NORMAL", tls.root_pem);
    CHECK(tls_shake(&c) == PH_OK);
    /* No turn of the server in between: its first read takes all of them off the socket. */
    for (size_t i = 0; i < PH_LEN(records); i++)
        CHECK(gnutls_record_send(c.session, records[i], strlen(records[i])) > 0);
    CHECK(gnutls_bye(c.session, GNUTLS_SHUT_WR) == 0);
    tls_expect(&c, "remote=127.0.0.1 host=h accept= tls=1 tag=7\n", 0);
    tls_expect(&c, "0\r\nx-sum: 3\r\n\r\n", 0);
    tls_expect(&c, "hello", 0);
    tls_close(&c);
    rig_close(&rig);
    tls_rig_close(&tls);
}

TEST(old_versions_and_weak_ciphers_are_refused)
{
    static const char *const priorities[] = {
        "NORMAL:-VERS-ALL:+VERS-TLS1.1:%COMPAT",
        "NORMAL:-VERS-ALL:+VERS-TLS1.0:%COMPAT",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC",
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA",
    };
    struct tls_rig tls;
    struct rig rig;

    tls_rig_open(&tls, "localhost", -60, 3600);
    rig_open(&rig, NULL, &tls.tls);
    for (size_t i = 0; i < PH_LEN(priorities); i++) {
        struct tls_client c;
        tls_open(&rig, &c, priorities[i], tls.root_pem);
        CHECK(tls_shake(&c) == PH_ERR_IO);
        tls_close(&c);
    }
    rig_close(&rig);
    tls_rig_close(&tls);
}

TEST(large_bodies_pass_both_ways)
{
    static uint8_t big[2 << 20];
    struct tls_rig tls;
    struct rig rig;
    struct tls_client c;

    memset(big, 'x', sizeof(big));
    tls_rig_open(&tls, "localhost", -60, 3600);
    rig_open(&rig, NULL, &tls.tls);
    tls_open(&rig, &c, "NORMAL", tls.root_pem);
    CHECK(tls_shake(&c) == PH_OK);
    tls_send(&c, PH_BYTES_LIT("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2097152\r\n\r\n"));
    tls_send(&c, PH_BYTES_OF(big));
    tls_expect(&c, "content-length: 2097152\r\n\r\nxxx", sizeof(big));
    rig.left = 4 << 20;
    c.raw.got.len = 0;
    tls_send(&c, PH_BYTES_LIT("GET /flood HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    tls_expect(&c, "\r\n0\r\n\r\n", 4 << 20);
    CHECK(rig.most_queued <= PH_HTTP_HIGH_WATER + 20000);
    tls_close(&c);
    rig_close(&rig);
    tls_rig_close(&tls);
}

TEST(a_signer_that_refuses_ends_the_handshake_only)
{
    struct tls_rig tls;
    struct rig rig;
    struct tls_client c;

    tls_rig_open(&tls, "localhost", -60, 3600);
    rig_open(&rig, NULL, &tls.tls);
    tls.refuse = true;
    tls_open(&rig, &c, "NORMAL", tls.root_pem);
    CHECK(tls_shake(&c) == PH_ERR_IO);
    tls_close(&c);
    for (int i = 0; i < 100 && ph_http_server_conn_cnt(rig.server) > 0; i++)
        rig_turn(&rig, 1);
    CHECK(ph_http_server_conn_cnt(rig.server) == 0 && rig.events.len == 0);
    tls.refuse = false;
    tls_open(&rig, &c, "NORMAL", tls.root_pem);
    CHECK(tls_shake(&c) == PH_OK);
    tls_close(&c);
    rig_close(&rig);
    tls_rig_close(&tls);
}

TEST(a_signer_that_takes_its_time_holds_up_nothing_but_handshakes)
{
    enum { CLIENTS = 20, GONE = 5 };
    struct tls_rig tls;
    struct tls_client ready, c[CLIENTS];
    struct rig rig;

    tls_rig_open(&tls, "localhost", -60, 3600);
    rig_open(&rig, NULL, &tls.tls);
    tls_open(&rig, &ready, "NORMAL", tls.root_pem);
    CHECK(tls_shake(&ready) == PH_OK);

    (void)pthread_mutex_lock(&tls.gate);
    while (sem_trywait(&tls.asked) == 0)
        ;
    for (size_t i = 0; i < CLIENTS; i++) {
        struct timeval soon = {0, 1000};
        tls_open(&rig, &c[i], "NORMAL", tls.root_pem);
        CHECK(setsockopt(c[i].raw.fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)) == 0);
        CHECK(gnutls_handshake(c[i].session) == GNUTLS_E_AGAIN);
    }
    while (sem_trywait(&tls.asked) != 0)
        rig_turn(&rig, 1); /* until the first of them is at its signature */
    for (int i = 0; i < 5; i++) {
        tls_send(&ready, PH_BYTES_LIT(GET("/headers")));
        tls_expect(&ready, "remote=127.0.0.1 host=h accept= tls=1 tag=7\n", 0);
        ready.raw.got.len = 0;
    }
    /* Some give up, the first among them, which is being signed for. */
    for (size_t i = 0; i < GONE; i++) {
        const struct linger reset = {1, 0};
        CHECK(setsockopt(c[i].raw.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) == 0);
        tls_close(&c[i]);
    }
    while (ph_http_server_conn_cnt(rig.server) > 1 + CLIENTS - GONE)
        rig_turn(&rig, 1);
    const unsigned before = tls.sign_cnt;
    (void)pthread_mutex_unlock(&tls.gate);

    for (size_t i = GONE; i < CLIENTS; i++) {
        CHECK(tls_shake(&c[i]) == PH_OK);
        tls_send(&c[i], PH_BYTES_LIT(GET("/headers")));
        tls_expect(&c[i], "tls=1 tag=7\n", 0);
    }
    /* Nothing is signed for those who had left before their turn. */
    CHECK(tls.sign_cnt == before + 1 + CLIENTS - GONE);
    for (size_t i = GONE; i < CLIENTS; i++)
        tls_close(&c[i]);
    tls_close(&ready);
    rig_close(&rig);
    tls_rig_close(&tls);
}

TEST(a_server_that_closes_waits_for_the_signature_under_way)
{
    struct tls_rig tls;
    struct tls_client c;
    struct rig rig;
    struct timeval soon = {0, 1000};

    tls_rig_open(&tls, "localhost", -60, 3600);
    rig_open(&rig, NULL, &tls.tls);
    (void)pthread_mutex_lock(&tls.gate);
    while (sem_trywait(&tls.asked) == 0)
        ;
    tls_open(&rig, &c, "NORMAL", tls.root_pem);
    CHECK(setsockopt(c.raw.fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)) == 0);
    CHECK(gnutls_handshake(c.session) == GNUTLS_E_AGAIN);
    while (sem_trywait(&tls.asked) != 0)
        rig_turn(&rig, 1);
    (void)pthread_mutex_unlock(&tls.gate);
    rig_close(&rig);
    gnutls_deinit(c.session);
    gnutls_certificate_free_credentials(c.credentials);
    tls_rig_close(&tls);
}

TEST(plain_text_and_garbage_on_a_tls_port_get_no_answer)
{
    struct tls_rig tls;
    struct rig rig;
    struct client c;

    tls_rig_open(&tls, "localhost", -60, 3600);
    rig_open(&rig, NULL, &tls.tls);
    client_open(&rig, &c);
    client_send_str(&c, GET("/hello"));
    client_expect_end(&c);
    CHECK(!client_has(&c, "HTTP/") && rig.events.len == 0);
    client_close(&c);
    rig_close(&rig);
    tls_rig_close(&tls);
}

TEST(a_handshake_that_stalls_is_cut)
{
    struct ph_http_limits limits = ph_http_limits_default();
    struct tls_rig tls;
    struct rig rig;
    struct client c;

    limits.header_timeout_s = 1;
    tls_rig_open(&tls, "localhost", -60, 3600);
    rig_open(&rig, &limits, &tls.tls);
    client_open(&rig, &c);
    client_send(&c, (struct ph_bytes){(const uint8_t *)"\x16\x03\x01\x02\x00\x01", 6});
    client_expect_end(&c);
    CHECK(ph_http_server_conn_cnt(rig.server) == 0);
    client_close(&c);
    rig_close(&rig);
    tls_rig_close(&tls);
}

TEST(a_key_that_does_not_fit_the_certificate_is_refused_at_listen)
{
    const struct ph_http_limits limits = ph_http_limits_default();
    const struct ph_http_handler handler = {0};
    struct ph_http_server *server;
    struct tls_rig a, b;

    tls_rig_open(&a, "localhost", -60, 3600);
    tls_rig_open(&b, "localhost", -60, 3600);
    CHECK(ph_http_server_open(&limits, &handler, &server) == PH_OK);
    struct ph_http_tls mixed = a.tls;
    mixed.ctx = &b;
    CHECK(ph_http_server_listen(server, "127.0.0.1", 0, &mixed, 0, NULL) == PH_ERR_MALFORMED);
    mixed = a.tls;
    mixed.cert_chain_pem = PH_BYTES_LIT("no certificate");
    CHECK(ph_http_server_listen(server, "127.0.0.1", 0, &mixed, 0, NULL) == PH_ERR_MALFORMED);
    ph_http_server_close(server);
    tls_rig_close(&a);
    tls_rig_close(&b);
}

PH_TEST_MAIN(CASE(tls_1_3_and_1_2_are_spoken_with_a_key_held_elsewhere),
             CASE(records_that_come_in_one_piece_are_all_read),
             CASE(old_versions_and_weak_ciphers_are_refused), CASE(large_bodies_pass_both_ways),
             CASE(a_signer_that_refuses_ends_the_handshake_only),
             CASE(a_signer_that_takes_its_time_holds_up_nothing_but_handshakes),
             CASE(a_server_that_closes_waits_for_the_signature_under_way),
             CASE(plain_text_and_garbage_on_a_tls_port_get_no_answer),
             CASE(a_handshake_that_stalls_is_cut),
             CASE(a_key_that_does_not_fit_the_certificate_is_refused_at_listen))
