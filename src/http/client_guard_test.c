#include "http/client_rig.h"

TEST(compressed_answers_are_unpacked_and_bounded)
{
    struct egress_rig rig;

    egress_rig_open(&rig, "localhost", NULL, false, true);
    egress_fetch(&rig, (struct egress_ask){.path = "/gzip?1000000"});
    CHECK(rig.dones == 1 && rig.data.len == 1000000 && rig.data.ptr[999999] == 0);
    CHECK(holds(&rig.headers, "x-kept: 1\n") && !holds(&rig.headers, "content-encoding") &&
          !holds(&rig.headers, "content-length"));
    egress_fetch(&rig, (struct egress_ask){.path = "/gzip?30000000", .max = 1000000});
    egress_expect_fail(&rig, "response-too-large");
    CHECK(rig.data.len <= 1000000);
    egress_rig_close(&rig);
}

TEST(a_bomb_is_bounded_while_paused_too)
{
    struct egress_rig rig;

    egress_rig_open(&rig, "localhost", NULL, false, true);
    rig.pause_at_data = true;
    egress_fetch(&rig, (struct egress_ask){.path = "/gzip?30000000", .max = 1000000});
    egress_expect_fail(&rig, "response-too-large");
    egress_rig_close(&rig);
}

TEST(answers_over_the_limits_fail)
{
    struct egress_rig rig;

    egress_rig_open(&rig, "localhost", NULL, false, true);
    egress_fetch(&rig, (struct egress_ask){.path = "/big?1000", .max = 1000});
    CHECK(rig.dones == 1 && rig.data.len == 1000);
    egress_fetch(&rig, (struct egress_ask){.path = "/big?1001", .max = 1000});
    egress_expect_fail(&rig, "response-too-large");
    egress_fetch(&rig,
                 (struct egress_ask){.path = "/", .max = 4}); /* declared: no head is reported */
    egress_expect_fail(&rig, "response-too-large");
    CHECK(rig.heads == 0);
    egress_fetch(&rig, (struct egress_ask){.path = "/many?250"});
    CHECK(rig.dones == 1);
    egress_fetch(&rig, (struct egress_ask){.path = "/many?257"});
    egress_expect_fail(&rig, "protocol");
    egress_rig_close(&rig);
}

TEST(slow_and_broken_servers_fail_with_their_reason)
{
    struct egress_rig rig;
    char url[128];

    egress_rig_open(&rig, "localhost", NULL, false, true);
    egress_fetch(&rig, (struct egress_ask){.path = "/keep", .timeout_ms = 200});
    egress_expect_fail(&rig, "timeout");
    egress_fetch(&rig, (struct egress_ask){.path = "/half"});
    egress_expect_fail(&rig, "protocol");
    CHECK(rig.heads == 1);
    egress_fetch(&rig, (struct egress_ask){.path = "http://no-such-name.invalid/",
                                           .rule = "http://no-such-name.invalid"});
    egress_expect_fail(&rig, "dns");
    (void)snprintf(url, sizeof(url), "%s/", rig.origin);
    ph_http_server_quiesce(rig.server);
    egress_fetch(&rig, (struct egress_ask){.path = url});
    egress_expect_fail(&rig, "connect");
    egress_rig_close(&rig);
}

TEST(a_trusted_certificate_is_accepted)
{
    static const char *const names[] = {"localhost", "127.0.0.1"};

    for (size_t i = 0; i < PH_LEN(names); i++) {
        struct tls_rig tls;
        struct egress_rig rig;
        tls_rig_open(&tls, names[i], -60, 3600);
        egress_rig_open(&rig, names[i], &tls, true, true);
        unsigned before = tls.sign_cnt; /* the listener has tried key against certificate */
        egress_fetch(&rig, (struct egress_ask){.path = "/"});
        if (rig.dones != 1)
            fail_msg("%s: %s", names[i], rig.code);
        CHECK(ph_bytes_is(ph_buf_view(&rig.data), "hello") && tls.sign_cnt == before + 1);
        egress_fetch(&rig, (struct egress_ask){.path = "/gzip?100000"});
        CHECK(rig.dones == 1 && rig.data.len == 100000 && tls.sign_cnt == before + 1); /* reused */
        egress_rig_close(&rig);
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
        struct egress_rig rig;
        tls_rig_open(&tls, cases[i].name, cases[i].from_s, cases[i].to_s);
        egress_rig_open(&rig, "localhost", &tls, cases[i].trusted, true);
        egress_fetch(&rig, (struct egress_ask){.path = "/", .method = "POST", .body = "secret"});
        if (strcmp(rig.code, "tls") != 0)
            fail_msg("case %zu: %s %u", i, rig.code, rig.status);
        CHECK(rig.requests == 0); /* nothing of the request was sent */
        egress_rig_close(&rig);
        tls_rig_close(&tls);
    }
}

TEST(plain_http_on_a_tls_port_and_the_reverse_fail)
{
    struct tls_rig tls;
    struct egress_rig rig;
    char url[128];

    tls_rig_open(&tls, "localhost", -60, 3600);
    egress_rig_open(&rig, "localhost", &tls, true, true);
    (void)snprintf(url, sizeof(url), "http://localhost:%u", rig.port);
    egress_fetch(&rig, (struct egress_ask){.path = url, .rule = url});
    CHECK(rig.fails == 1);
    egress_rig_close(&rig);
    egress_rig_open(&rig, "localhost", NULL, false, true);
    (void)snprintf(url, sizeof(url), "https://localhost:%u", rig.port);
    egress_fetch(&rig, (struct egress_ask){.path = url, .rule = url});
    egress_expect_fail(&rig, "tls");
    egress_rig_close(&rig);
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
    struct egress_rig rig;

    egress_rig_open(&rig, "localhost", NULL, false, true);
    egress_fetch(&rig, (struct egress_ask){.path = "/"});
    egress_fetch(&rig, (struct egress_ask){.path = "/", .headers = "authorization: NTLM abc\n"});
    CHECK(rig.dones == 1 && rig.conns_seen == 2 && holds(&rig.seen, "authorization: NTLM abc"));
    for (int i = 0; i < 10; i++)
        egress_rig_turn(&rig);
    CHECK(ph_http_server_conn_cnt(rig.server) == 1); /* and nobody inherits it */
    egress_rig_close(&rig);
}

TEST(fetches_over_the_limit_are_refused)
{
    struct egress_rig rig;
    struct ph_http_fetch *f;
    const struct ph_http_fetch_events events = egress_events(&rig);
    const struct ph_http_fetch_spec spec = {.method = PH_BYTES_LIT("GET"),
                                            .url = PH_BYTES_LIT("http://localhost/"),
                                            .timeout_ms = 1000};

    egress_rig_open(&rig, "localhost", NULL, false, true);
    ph_http_client_close(rig.client);
    CHECK(ph_http_client_open(&(struct ph_http_client_config){.connections = 2}, &rig.client) ==
          PH_OK);
    for (int i = 0; i < 8; i++)
        CHECK(ph_http_fetch_start(rig.client, &spec, &events, &f) == PH_OK);
    CHECK(ph_http_fetch_start(rig.client, &spec, &events, &f) == PH_ERR_LIMIT);
    egress_rig_close(&rig);
}
PH_TEST_MAIN(CASE(compressed_answers_are_unpacked_and_bounded),
             CASE(a_bomb_is_bounded_while_paused_too), CASE(answers_over_the_limits_fail),
             CASE(slow_and_broken_servers_fail_with_their_reason),
             CASE(a_trusted_certificate_is_accepted),
             CASE(certificates_that_prove_nothing_are_refused),
             CASE(plain_http_on_a_tls_port_and_the_reverse_fail),
             CASE(roots_that_cannot_be_read_are_an_error),
             CASE(connection_bound_authorization_gets_its_own_connection),
             CASE(fetches_over_the_limit_are_refused))
