/* Slow and vanishing peers, back-pressure, caps, and the ends of connections and of the server. */
#include "http/server_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

TEST(a_paused_upload_stops_and_goes_on)
{
    static uint8_t big[3 << 20];
    struct rig rig;
    struct client c;
    size_t seen = 0;

    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (uint8_t)(i * 2654435761u >> 24);
    rig_open(&rig, NULL, NULL);
    client_open(&rig, &c);
    client_send_str(&c, "POST /pause HTTP/1.1\r\nHost: h\r\nContent-Length: 3145728\r\n\r\n");
    rig_expect_events(&rig, "R");
    ssize_t sent = 0;
    for (int turn = 0; turn < 100000 && rig.body.len < sizeof(big); turn++) {
        if (sent < (ssize_t)sizeof(big)) {
            ssize_t n = send(c.fd, big + sent, sizeof(big) - (size_t)sent, MSG_DONTWAIT);
            sent += n > 0 ? n : 0;
        }
        /* One resume brings at most one piece. */
        for (int i = 0; i < 3; i++)
            rig_turn(&rig, 0);
        CHECK(rig.body.len - seen <= 65536);
        seen = rig.body.len;
        ph_http_req_resume(rig.kept);
    }
    rig_expect_events(&rig, "RBE");
    CHECK(ph_bytes_equal(ph_buf_view(&rig.body), PH_BYTES_OF(big)));
    ph_http_respond(rig.kept, 200, (struct ph_bytes){0}, (struct ph_bytes){0});
    client_expect(&c, "content-length: 0\r\n");
    client_close(&c);
    rig_close(&rig);
}

TEST(a_large_stream_waits_for_a_slow_reader)
{
    struct rig rig;
    struct client c;
    const size_t all = 12 << 20;

    rig_open(&rig, NULL, NULL);
    rig.left = all;
    client_open(&rig, &c);
    client_send_str(&c, "GET /flood HTTP/1.0\r\n\r\n");
    for (int i = 0; i < 50; i++)
        rig_turn(&rig, 0);
    CHECK(rig.left > 0); /* nobody reads: the handler was stopped */
    client_expect_end(&c);
    CHECK(rig.most_queued <= PH_HTTP_HIGH_WATER + 10000);
    CHECK(c.got.len > all && memcmp(c.got.ptr + c.got.len - 4, "ffff", 4) == 0);
    CHECK(rig.events.len > 3 && rig.events.ptr[rig.events.len - 1] == 'C');
    client_close(&c);
    rig_close(&rig);
}

TEST(an_answer_shorter_than_declared_is_visibly_incomplete)
{
    struct rig rig;
    struct client c;

    rig_open(&rig, NULL, NULL);
    client_open(&rig, &c);
    client_send_str(&c, GET("/short"));
    client_expect(&c, "content-length: 10\r\n\r\n");
    (void)ph_http_respond_write(rig.kept, PH_BYTES_LIT("123"));
    ph_http_respond_end(rig.kept, (struct ph_bytes){0});
    client_expect_end(&c);
    rig_expect_events(&rig, "REX");
    CHECK(client_has(&c, "\r\n\r\n123"));
    client_close(&c);
    client_open(&rig, &c);
    client_send_str(&c, GET("/short"));
    client_expect(&c, "content-length: 10\r\n\r\n");
    (void)ph_http_respond_write(rig.kept, PH_BYTES_LIT("12345678901"));
    client_expect_end(&c);
    CHECK(!client_has(&c, "12345678901"));
    client_close(&c);
    rig_close(&rig);
}

TEST(an_aborted_answer_is_cut)
{
    struct rig rig;
    struct client c;

    rig_open(&rig, NULL, NULL);
    client_open(&rig, &c);
    client_send_str(&c, GET("/keep"));
    rig_expect_events(&rig, "RE");
    ph_http_respond_start(rig.kept, 200, (struct ph_bytes){0});
    (void)ph_http_respond_write(rig.kept, PH_BYTES_LIT("part"));
    ph_http_respond_abort(rig.kept);
    client_expect_end(&c);
    CHECK(client_has(&c, "4\r\npart\r\n") && !client_has(&c, "0\r\n\r\n"));
    rig_expect_events(&rig, "REX");
    client_close(&c);
    rig_close(&rig);
}

TEST(a_client_that_goes_away_closes_its_exchange)
{
    struct rig rig;
    struct client c;

    rig_open(&rig, NULL, NULL);
    client_open(&rig, &c);
    client_send_str(&c, "POST /keep HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nab");
    rig_expect_events(&rig, "RB");
    client_close(&c); /* in the middle of the body */
    rig_expect_events(&rig, "RBX");
    CHECK(ph_http_server_conn_cnt(rig.server) == 0);
    /* Streaming to somebody who left ends the exchange too. */
    rig.events.len = 0;
    client_open(&rig, &c);
    client_send_str(&c, GET("/keep"));
    rig_expect_events(&rig, "RE");
    ph_http_respond_start(rig.kept, 200, (struct ph_bytes){0});
    client_expect(&c, "chunked");
    client_close(&c);
    for (int i = 0; i < 1000 && rig.kept; i++) {
        (void)ph_http_respond_write(rig.kept, PH_BYTES_LIT("x"));
        rig_turn(&rig, 1);
    }
    rig_expect_events(&rig, "REX");
    rig_close(&rig);
}

TEST(a_half_closed_client_gets_its_answer)
{
    struct rig rig;
    struct client c;

    rig_open(&rig, NULL, NULL);
    client_open(&rig, &c);
    client_send_str(&c, GET("/keep"));
    (void)shutdown(c.fd, SHUT_WR);
    rig_expect_events(&rig, "RE");
    rig_turn(&rig, 1);
    ph_http_respond(rig.kept, 200, (struct ph_bytes){0}, PH_BYTES_LIT("still there"));
    client_expect(&c, "still there");
    client_expect_end(&c);
    client_close(&c);
    rig_close(&rig);
}

TEST(a_half_closed_client_is_not_waited_for_long)
{
    struct ph_http_limits limits = ph_http_limits_default();
    struct rig rig;
    struct client c;

    limits.header_timeout_s = 1;
    rig_open(&rig, &limits, NULL);
    client_open(&rig, &c);
    client_send_str(&c, GET("/keep"));
    (void)shutdown(c.fd, SHUT_WR);
    rig_expect_events(&rig, "REX");
    client_close(&c);
    rig_close(&rig);
}

TEST(a_half_closed_client_does_not_hold_the_end_up)
{
    struct ph_http_limits limits = ph_http_limits_default();
    struct rig rig;
    struct client c;

    limits.header_timeout_s = 1000;
    rig_open(&rig, &limits, NULL);
    client_open(&rig, &c);
    client_send_str(&c, GET("/keep"));
    (void)shutdown(c.fd, SHUT_WR);
    rig_expect_events(&rig, "RE");
    rig_turn(&rig, 1);
    ph_http_server_quiesce(rig.server);
    rig_expect_events(&rig, "REX");
    client_close(&c);
    rig_close(&rig);
}

TEST(slow_clients_are_cut)
{
    struct ph_http_limits limits = ph_http_limits_default();
    struct rig rig;
    struct client silent, slow_head, slow_body, slow_reader;

    limits.header_timeout_s = 1;
    limits.idle_timeout_s = 1;
    rig_open(&rig, &limits, NULL);
    rig.left = 64 << 20;
    client_open(&rig, &silent);
    client_open(&rig, &slow_head);
    client_open(&rig, &slow_body);
    client_open(&rig, &slow_reader);
    client_send_str(&slow_head, "GET /hello HTT");
    client_send_str(&slow_body, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nab");
    client_send_str(&slow_reader, GET("/flood"));
    rig_turn(&rig, 5);
    CHECK(ph_http_server_conn_cnt(rig.server) == 4);
    for (int i = 0; i < 1500 && ph_http_server_conn_cnt(rig.server) > 0; i++) {
        /* A byte now and then does not buy time. */
        if (i % 100 == 99) {
            (void)send(slow_head.fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
            (void)send(slow_body.fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        }
        rig_turn(&rig, 5);
        client_read(&slow_head, 4096);
        client_read(&slow_body, 4096);
    }
    client_expect_end(&silent);
    client_expect_end(&slow_body);
    CHECK(silent.got.len == 0);
    CHECK(client_has(&slow_head, "HTTP/1.1 408 Request Timeout\r\n"));
    CHECK(ph_http_server_conn_cnt(rig.server) == 0 && ph_http_server_req_cnt(rig.server) == 0);
    client_close(&silent);
    client_close(&slow_head);
    client_close(&slow_body);
    client_close(&slow_reader);
    rig_close(&rig);
}

TEST(connections_over_the_caps_are_closed_at_accept)
{
    for (int per_address = 0; per_address < 2; per_address++) {
        struct ph_http_limits limits = ph_http_limits_default();
        struct rig rig;
        struct client c[4];

        if (per_address)
            limits.per_address = 2;
        else
            limits.connections = 2;
        rig_open(&rig, &limits, NULL);
        for (size_t i = 0; i < 3; i++) {
            client_open(&rig, &c[i]);
            rig_turn(&rig, 5);
        }
        client_expect_end(&c[2]);
        CHECK(ph_http_server_conn_cnt(rig.server) == 2);
        client_close(&c[0]); /* a place gets free */
        for (int i = 0; i < 100 && ph_http_server_conn_cnt(rig.server) == 2; i++)
            rig_turn(&rig, 5);
        client_open(&rig, &c[3]);
        client_send_str(&c[3], GET("/hello"));
        client_expect(&c[3], "\r\n\r\nhello");
        for (size_t i = 1; i < 4; i++)
            client_close(&c[i]);
        rig_close(&rig);
    }
}

TEST(quiescing_closes_idle_connections_and_finishes_the_others)
{
    struct rig rig;
    struct client idle, busy;

    rig_open(&rig, NULL, NULL);
    client_open(&rig, &idle);
    client_open(&rig, &busy);
    client_send_str(&busy, GET("/keep"));
    rig_expect_events(&rig, "RE");
    ph_http_server_quiesce(rig.server);
    client_expect_end(&idle);
    CHECK(ph_http_server_conn_cnt(rig.server) == 1);
    ph_http_respond(rig.kept, 200, (struct ph_bytes){0}, PH_BYTES_LIT("done"));
    client_expect_end(&busy);
    CHECK(client_has(&busy, "connection: close\r\n") && client_has(&busy, "\r\n\r\ndone"));
    client_close(&idle);
    client_close(&busy);
    for (int i = 0; i < 100 && ph_http_server_conn_cnt(rig.server) > 0; i++)
        rig_turn(&rig, 5);
    CHECK(ph_http_server_conn_cnt(rig.server) == 0);
    rig_close(&rig);
}

TEST(closing_the_server_closes_open_exchanges)
{
    struct rig rig;
    struct client c;

    rig_open(&rig, NULL, NULL);
    client_open(&rig, &c);
    client_send_str(&c, GET("/keep"));
    rig_expect_events(&rig, "RE");
    ph_http_server_close(rig.server);
    rig.server = NULL;
    CHECK(ph_bytes_is(ph_buf_view(&rig.events), "REX"));
    client_close(&c);
    rig_close(&rig);
}

TEST(a_unix_socket_is_private_and_replaces_a_stale_one)
{
    char dir[] = "/tmp/ph_http_XXXXXX", path[64];
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct rig rig;
    struct stat st;

    CHECK(mkdtemp(dir) != NULL);
    (void)snprintf(path, sizeof(path), "%s/s", dir);
    (void)strcpy(to.sun_path, path);
    int stale = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(stale, (struct sockaddr *)&to, sizeof(to)) == 0);
    (void)close(stale);
    rig_open(&rig, NULL, NULL);
    CHECK(ph_http_server_listen(rig.server, path, 0, NULL, 9, NULL) == PH_OK);
    CHECK(stat(path, &st) == 0 && S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0600);
    /* One that is listened on stays. */
    CHECK(ph_http_server_listen(rig.server, path, 0, NULL, 9, NULL) == PH_ERR_IO);
    struct client c = {.rig = &rig, .got = PH_BUF(1 << 20)};
    c.fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(connect(c.fd, (struct sockaddr *)&to, sizeof(to)) == 0);
    client_send_str(&c, GET("/headers"));
    client_expect(&c, "remote=unix host=h accept= tls=0 tag=9\n");
    client_close(&c);
    rig_close(&rig);
    CHECK(stat(path, &st) != 0);
    CHECK(rmdir(dir) == 0);
}

TEST(an_address_that_is_none_is_refused)
{
    struct rig rig;

    rig_open(&rig, NULL, NULL);
    CHECK(ph_http_server_listen(rig.server, "localhost", 0, NULL, 0, NULL) == PH_ERR_IO);
    CHECK(ph_http_server_listen(rig.server, "", 0, NULL, 0, NULL) == PH_ERR_IO);
    CHECK(ph_http_server_listen(rig.server, "127.0.0.1", rig.port, NULL, 0, NULL) == PH_ERR_IO);
    rig_close(&rig);
}

PH_TEST_MAIN(CASE(a_paused_upload_stops_and_goes_on), CASE(a_large_stream_waits_for_a_slow_reader),
             CASE(an_answer_shorter_than_declared_is_visibly_incomplete),
             CASE(an_aborted_answer_is_cut), CASE(a_client_that_goes_away_closes_its_exchange),
             CASE(a_half_closed_client_gets_its_answer),
             CASE(a_half_closed_client_is_not_waited_for_long),
             CASE(a_half_closed_client_does_not_hold_the_end_up), CASE(slow_clients_are_cut),
             CASE(connections_over_the_caps_are_closed_at_accept),
             CASE(quiescing_closes_idle_connections_and_finishes_the_others),
             CASE(closing_the_server_closes_open_exchanges),
             CASE(a_unix_socket_is_private_and_replaces_a_stale_one),
             CASE(an_address_that_is_none_is_refused))
