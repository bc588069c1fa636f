#include "http/client_rig.h"

TEST(a_page_is_fetched_and_the_connection_is_used_again)
{
    struct egress_rig rig;

    egress_rig_open(&rig, "localhost", NULL, false, true);
    for (int i = 0; i < 3; i++) {
        egress_fetch(&rig, (struct egress_ask){.path = "/a?b=c#d",
                                               .headers = "x-one: 1\nUser-Agent: mine\n"});
        CHECK(rig.dones == 1 && rig.status == 200 && strcmp(rig.text, "OK") == 0);
        CHECK(ph_bytes_is(ph_buf_view(&rig.data), "hello"));
        CHECK(holds(&rig.headers, "content-type: text/plain\nset-cookie: a=b\n"));
        CHECK(strstr(rig.url, "/a?b=c") && !strchr(rig.url, '#'));
        CHECK(holds(&rig.seen, "GET /a?b=c\nhost: localhost:"));
        CHECK(holds(&rig.seen, "x-one: 1\n") && holds(&rig.seen, "user-agent: mine\n"));
        CHECK(!holds(&rig.seen, "user-agent: phala") && !holds(&rig.seen, "cookie"));
    }
    CHECK(rig.requests == 3 && rig.conns_seen == 1);
    egress_rig_close(&rig);
}

TEST(what_is_ours_to_say_cannot_be_said_by_the_phat)
{
    struct egress_rig rig;

    egress_rig_open(&rig, "localhost", NULL, false, true);
    egress_fetch(&rig,
                 (struct egress_ask){
                     .path = "/",
                     .headers = "host: evil\ncontent-length: 9\ntransfer-encoding: chunked\n"
                                "connection: x\nbad name: 1\nsplit: a\rb\naccept-encoding: x\n"
                                "x-empty:\nexpect: 100-continue\nlast: 1\n"});
    CHECK(rig.dones == 1);
    CHECK(!holds(&rig.seen, "evil") && !holds(&rig.seen, "content-length") &&
          !holds(&rig.seen, "bad") && !holds(&rig.seen, "split"));
    CHECK(holds(&rig.seen, "x-empty: \n") && holds(&rig.seen, "last: 1\n"));
    CHECK(holds(&rig.seen, "accept-encoding: gzip, deflate, br\n"));
    egress_rig_close(&rig);
}

TEST(methods_and_bodies_arrive)
{
    static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE"};
    struct egress_rig rig;

    egress_rig_open(&rig, "127.0.0.1", NULL, false, true);
    for (size_t i = 0; i < PH_LEN(methods); i++) {
        egress_fetch(
            &rig, (struct egress_ask){.method = methods[i], .path = "/echo", .body = "some body"});
        CHECK(rig.dones == 1 && ph_bytes_is(ph_buf_view(&rig.data), "some body"));
        CHECK(holds(&rig.seen, methods[i]) && holds(&rig.seen, "content-length: 9\n"));
    }
    egress_fetch(&rig, (struct egress_ask){.method = "POST", .path = "/echo"});
    CHECK(rig.dones == 1 && rig.data.len == 0 && holds(&rig.seen, "content-length: 0\n"));
    egress_fetch(&rig, (struct egress_ask){.method = "HEAD", .path = "/"});
    CHECK(rig.dones == 1 && rig.data.len == 0 && holds(&rig.headers, "content-length: 5\n"));
    egress_fetch(&rig, (struct egress_ask){.method = "TRACE", .path = "/"});
    egress_expect_fail(&rig, "bad-request");
    egress_fetch(&rig, (struct egress_ask){.method = "GE T", .path = "/"});
    egress_expect_fail(&rig, "bad-request");
    egress_rig_close(&rig);
}

TEST(a_body_is_streamed_with_back_pressure)
{
    static uint8_t piece[100000];
    struct egress_rig rig;
    size_t sent = 0;

    egress_rig_open(&rig, "localhost", NULL, false, true);
    egress_start(&rig, (struct egress_ask){
                           .method = "POST", .path = "/echo", .stream = true, .max = 20 << 20});
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
            egress_rig_turn(&rig);
    }
    ph_http_fetch_send_end(rig.fetch);
    egress_finish(&rig);
    CHECK(rig.dones == 1 && rig.data.len == 5000000 && rig.data.ptr[4999999] == 's');
    egress_rig_close(&rig);
}

TEST(a_paused_response_waits)
{
    struct egress_rig rig;
    unsigned pieces = 0;

    egress_rig_open(&rig, "localhost", NULL, false, true);
    rig.pause_at_data = true;
    egress_start(&rig, (struct egress_ask){.path = "/big?3000000"});
    for (int i = 0; i < 20000 && rig.dones + rig.fails == 0; i++) {
        size_t before = rig.data.len;
        egress_rig_turn(&rig);
        egress_rig_turn(&rig);
        CHECK(rig.data.len - before <= 65536);
        if (rig.data.len > before && rig.fetch) {
            pieces++;
            ph_http_fetch_resume(rig.fetch);
        }
    }
    CHECK(rig.dones == 1 && rig.data.len == 3000000 && pieces > 20);
    egress_rig_close(&rig);
}

TEST(the_egress_rules_are_kept)
{
    struct egress_rig rig;

    egress_rig_open(&rig, "localhost", NULL, false, true);
    egress_fetch(&rig, (struct egress_ask){.path = "/", .rule = "https://api.example.org"});
    egress_expect_fail(&rig, "egress-denied");
    egress_fetch(&rig,
                 (struct egress_ask){.path = "http://localhost:1/", .rule = "http://localhost:2"});
    egress_expect_fail(&rig, "egress-denied");
    egress_fetch(&rig, (struct egress_ask){.path = "ftp://localhost/", .rule = "http://localhost"});
    egress_expect_fail(&rig, "bad-url");
    egress_fetch(&rig,
                 (struct egress_ask){.path = "http://u:p@localhost/", .rule = "http://localhost"});
    egress_expect_fail(&rig, "bad-url");
    CHECK(rig.requests == 0);
    egress_rig_close(&rig);
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
    struct egress_rig rig;

    egress_rig_open(&rig, "localhost", NULL, false, false);
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        char url[128], rule[128];
/* clang-format off */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        /* clang-format on */
        (void)snprintf(url, sizeof(url), cases[i].url, rig.port);
        (void)snprintf(rule, sizeof(rule), cases[i].rule, rig.port);
#pragma GCC diagnostic pop
        egress_fetch(&rig, (struct egress_ask){.path = url, .rule = rule});
        if (strcmp(rig.code, "address-denied") != 0)
            fail_msg("%s: %s %u", url, rig.code, rig.status);
    }
    CHECK(rig.requests == 0 && ph_http_server_conn_cnt(rig.server) == 0);
    egress_rig_close(&rig);
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
    struct egress_rig rig;

    egress_rig_open(&rig, "localhost", NULL, false, true);
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        char path[64], first[64];
        bool sends = cases[i].method[0] == 'P';
        (void)snprintf(path, sizeof(path), "/r?%s:/echo", cases[i].status);
        (void)snprintf(first, sizeof(first), "%s /echo\n", cases[i].want);
        egress_fetch(&rig,
                     (struct egress_ask){.method = cases[i].method,
                                         .path = path,
                                         .headers = "content-type: a/b\nauthorization: secret\n",
                                         .body = sends ? "payload" : NULL});
        CHECK(rig.dones == 1 && strstr(rig.url, "/echo"));
        CHECK(holds(&rig.seen, first) && holds(&rig.seen, "authorization: secret"));
        CHECK((rig.data.len == 7) == cases[i].body);
        CHECK(holds(&rig.seen, "content-type") == (cases[i].body || !sends));
    }
    egress_fetch(&rig, (struct egress_ask){.path = "/r?302:/x", .no_follow = true});
    CHECK(rig.dones == 1 && rig.status == 302 && holds(&rig.headers, "location: /x\n"));
    CHECK(ph_bytes_is(ph_buf_view(&rig.data), "moved"));
    rig.requests = 0;
    egress_fetch(&rig, (struct egress_ask){.path = "/loop"});
    egress_expect_fail(&rig, "too-many-redirects");
    CHECK(rig.requests == 21 && rig.heads == 0);
    egress_rig_close(&rig);
}

TEST(every_hop_of_a_redirect_is_checked)
{
    struct egress_rig rig;
    char path[128];

    egress_rig_open(&rig, "localhost", NULL, false, true);
    egress_fetch(&rig,
                 (struct egress_ask){.path = "/r?302:http://169.254.169.254/latest/meta-data"});
    egress_expect_fail(&rig, "egress-denied");
    (void)snprintf(path, sizeof(path), "/r?302:http://127.0.0.1:%u/", rig.port);
    egress_fetch(&rig, (struct egress_ask){.path = path}); /* same server, other name */
    egress_expect_fail(&rig, "egress-denied");
    egress_fetch(&rig, (struct egress_ask){.path = "/r?302:file:///etc/passwd"});
    egress_expect_fail(&rig, "bad-url");
    egress_fetch(&rig, (struct egress_ask){.path = "/r?302:gopher://localhost/"});
    egress_expect_fail(&rig, "bad-url");
    CHECK(rig.requests == 4);
    egress_rig_close(&rig);
}

TEST(secrets_do_not_cross_origins_on_redirect)
{
    struct egress_rig rig, other;
    char path[128], why[128];

    egress_rig_open(&other, "localhost", NULL, false, true);
    egress_rig_open(&rig, "localhost", NULL, false, true);
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
    const struct ph_http_fetch_events events = egress_events(&rig);
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
        egress_rig_turn(&rig);
        ph_http_server_run(other.server);
    }
    CHECK(rig.dones == 1 && holds(&other.seen, "GET /there\n") && holds(&other.seen, "x-plain: 1"));
    CHECK(!holds(&other.seen, "secret") && !holds(&other.seen, "cookie"));
    CHECK(holds(&rig.seen, "secret"));
    egress_rig_close(&rig);
    egress_rig_close(&other);
}

TEST(a_cancelled_fetch_is_silent)
{
    struct egress_rig rig;

    egress_rig_open(&rig, "localhost", NULL, false, true);
    for (int when = 0; when < 4; when++) {
        rig.cancel_at_head = when == 2;
        rig.cancel_at_data = when == 3;
        egress_start(&rig, (struct egress_ask){.path = when == 1 ? "/keep" : "/big?500000"});
        if (when < 2) {
            for (int i = 0; i < 1000 && when == 1 && !rig.kept; i++)
                egress_rig_turn(&rig);
            ph_http_fetch_cancel(rig.fetch);
            rig.fetch = NULL;
        }
        for (int i = 0; i < 20; i++)
            egress_rig_turn(&rig);
        CHECK(rig.fetch == NULL && rig.dones == 0 && rig.fails == 0);
        CHECK(rig.heads == (when >= 2));
    }
    egress_start(&rig, (struct egress_ask){.path = "/keep"}); /* open at close */
    egress_rig_turn(&rig);
    egress_rig_close(&rig);
    CHECK(rig.dones == 0 && rig.fails == 0);
}
PH_TEST_MAIN(CASE(a_page_is_fetched_and_the_connection_is_used_again),
             CASE(what_is_ours_to_say_cannot_be_said_by_the_phat), CASE(methods_and_bodies_arrive),
             CASE(a_body_is_streamed_with_back_pressure), CASE(a_paused_response_waits),
             CASE(the_egress_rules_are_kept), CASE(private_addresses_are_refused_by_whatever_name),
             CASE(redirects_are_followed_by_the_fetch_standard),
             CASE(every_hop_of_a_redirect_is_checked),
             CASE(secrets_do_not_cross_origins_on_redirect), CASE(a_cancelled_fetch_is_silent))
