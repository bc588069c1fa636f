/* The thread that judges, under a real server and many askers, some of whom leave. Runs under
 * ThreadSanitizer too. What is judged how: verify_dstack_test.c, verify_evidence_test.c. */

#include "node/verify_api.h"

#include "base/own.h"
#include "base/test.h"
#include "node/calls.h"
#include "node/routes.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { ASKERS = 8, ROUNDS = 25 };

struct world {
    struct ph_config config;
    struct ph_node node;
    uint16_t port;
    struct ph_timer poll;
    atomic_uint finished, good, busy;
};

static void server_ready(void *ctx, uint32_t events)
{
    struct ph_node *node = ctx;

    (void)events;
    ph_http_server_run(node->server);
}

static int server_timeout(void *ctx)
{
    struct ph_node *node = ctx;

    if (ph_http_server_timeout_ms(node->server) == 0)
        ph_http_server_run(node->server);
    return ph_http_server_timeout_ms(node->server);
}

static void stop_when_finished(void *ctx)
{
    struct world *w = ctx;

    if (atomic_load(&w->finished) == ASKERS)
        ph_loop_stop(w->node.loop);
    else
        CHECK(ph_timer_arm(w->node.loop, &w->poll, 5, stop_when_finished, w) == PH_OK);
}

static void world_open(struct world *w)
{
    const struct ph_http_limits limits = ph_http_limits_default();

    memset(w, 0, sizeof(*w));
    w->node.config = &w->config;
    CHECK(ph_loop_new(&w->node.loop) == PH_OK);
    const struct ph_http_handler handler = ph_routes_handler(&w->node);
    CHECK(ph_http_server_open(&limits, &handler, &w->node.server) == PH_OK);
    CHECK(ph_http_server_listen(w->node.server, "127.0.0.1", 0, NULL, 0, &w->port) == PH_OK);
    CHECK(ph_watch_add(w->node.loop, &w->node.server_watch, ph_http_server_fd(w->node.server), 1,
                       server_ready, &w->node) == PH_OK);
    ph_loop_set_timeout_source(w->node.loop, server_timeout, &w->node);
    CHECK(ph_verifier_new(&w->node, &w->node.verifier) == PH_OK);
}

static void world_close(struct world *w)
{
    ph_http_server_close(w->node.server);
    ph_verifier_free(w->node.verifier);
    ph_timer_cancel(w->node.loop, &w->poll);
    ph_loop_free(w->node.loop);
}

static int dial(const struct world *w)
{
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons(w->port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    return fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0 ? fd : -1;
}

static bool send_all(int fd, const char *text)
{
    const size_t len = strlen(text);
    return send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static const char body[] = "{\"quote\":\"00\",\"event_log\":\"[]\"}";

/* One request; `leave`: go before the answer. The answer's status, 0 if there was none. */
static int ask(const struct world *w, const char *path, bool leave)
{
    int fd PH_OWNED(ph_closep) = dial(w);
    char text[512], answer[4096];
    size_t got = 0;

    (void)snprintf(
        text, sizeof(text),
        "POST %s HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: %zu\r\n\r\n%s", path,
        sizeof(body) - 1, body);
    if (fd < 0 || !send_all(fd, text) || leave)
        return 0;
    for (ssize_t n = 1; n > 0 && got<sizeof(answer) - 1; got += n> 0 ? (size_t)n : 0)
        n = recv(fd, answer + got, sizeof(answer) - 1 - got, 0);
    answer[got] = '\0';
    return got > 12 ? (int)strtol(answer + 9, NULL, 10) : 0;
}

static void *asker(void *ctx)
{
    struct world *w = ctx;

    for (int i = 0; i < ROUNDS; i++) {
        const int judged = ask(w, "/verify", false), refused = ask(w, "/v1/evidence/verify", false);
        (void)ask(w, "/verify", true);
        atomic_fetch_add(&w->good, (judged == 200) + (refused == 400));
        atomic_fetch_add(&w->busy, (judged == 503) + (refused == 503));
    }
    atomic_fetch_add(&w->finished, 1);
    return NULL;
}

TEST(many_askers_get_their_answers_while_others_leave)
{
    static struct world w;
    pthread_t threads[ASKERS];

    world_open(&w);
    for (size_t i = 0; i < ASKERS; i++)
        CHECK(pthread_create(&threads[i], NULL, asker, &w) == 0);
    stop_when_finished(&w);
    ph_loop_run(w.node.loop);
    for (size_t i = 0; i < ASKERS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(w.good + w.busy == 2 * ASKERS * ROUNDS && w.good > w.busy);
    world_close(&w);
}

TEST(a_worker_that_stops_waits_for_nobody)
{
    static struct world w;
    int fds[8];

    world_open(&w);
    for (size_t i = 0; i < PH_LEN(fds); i++) { /* half of them sent all they had to say */
        fds[i] = dial(&w);
        CHECK(fds[i] >= 0 && send_all(fds[i], "POST /verify HTTP/1.1\r\nhost: x\r\n"
                                              "content-length: 2\r\n\r\n{"));
        CHECK(i % 2 == 0 || send_all(fds[i], "}"));
    }
    CHECK(ph_timer_arm(w.node.loop, &w.poll, 20, stop_when_finished, &w) == PH_OK);
    atomic_store(&w.finished, ASKERS);
    ph_loop_run(w.node.loop);
    world_close(&w);
    for (size_t i = 0; i < PH_LEN(fds); i++)
        (void)close(fds[i]);
}

PH_TEST_MAIN(CASE(many_askers_get_their_answers_while_others_leave),
             CASE(a_worker_that_stops_waits_for_nobody))
