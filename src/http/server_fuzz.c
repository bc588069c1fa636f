/* Whatever a client sends and then ends: every request is closed once, and every byte that comes
 * back is HTTP. Real sockets on loopback. */
#include "http/server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { TURNS = 2000, CLOSE_AFTER = 50 };

static struct ph_http_server *server;
static uint16_t port;
static unsigned opened, closed;

static void on_request(void *ctx, struct ph_http_req *req)
{
    struct ph_bytes target = ph_http_req_target(req);

    (void)ctx;
    opened++;
    (void)ph_http_req_header(req, "accept");
    switch (target.len % 4) { /* all ways to answer */
    case 1:
        ph_http_respond(req, 200, ph_http_req_headers(req), target);
        break;
    case 2:
        ph_http_respond_start(req, 200, ph_http_req_headers(req));
        break;
    default:
        break;
    }
}

static void on_body(void *ctx, struct ph_http_req *req, struct ph_bytes data)
{
    (void)ctx;
    assert(data.len > 0);
    if (ph_http_req_target(req).len % 4 == 2)
        (void)ph_http_respond_write(req, data);
}

static void on_body_end(void *ctx, struct ph_http_req *req)
{
    (void)ctx;
    switch (ph_http_req_target(req).len % 4) {
    case 2:
        ph_http_respond_end(req, ph_http_req_headers(req));
        break;
    case 3:
        ph_http_respond_abort(req);
        break;
    default:
        ph_http_respond(req, 404, (struct ph_bytes){0}, ph_http_req_headers(req));
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
    (void)req;
    (void)sent_all;
    closed++;
}

static void open_server(void)
{
    const struct ph_http_limits limits = ph_http_limits_default();
    const struct ph_http_handler handler = {.on_request = on_request,
                                            .on_body = on_body,
                                            .on_body_end = on_body_end,
                                            .on_writable = on_writable,
                                            .on_closed = on_closed};

    if (server)
        return;
    bool good = ph_http_server_open(&limits, &handler, &server) == PH_OK &&
                ph_http_server_listen(server, "127.0.0.1", 0, NULL, 0, &port) == PH_OK;
    assert(good);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char got[4096];

    open_server();
    to.sin_port = htons(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        return 0;
    size_t first = len > 0 ? data[0] % len : 0; /* in two pieces */
    (void)send(fd, data, first, MSG_DONTWAIT | MSG_NOSIGNAL);
    ph_http_server_run(server);
    (void)send(fd, data + first, len - first, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)shutdown(fd, SHUT_WR);
    bool begun = false;
    for (int turn = 0; turn < TURNS; turn++) {
        struct pollfd p = {ph_http_server_fd(server), POLLIN, 0};
        (void)poll(&p, 1, ph_http_server_timeout_ms(server) == 0 ? 0 : 1);
        ph_http_server_run(server);
        ssize_t n = recv(fd, got, sizeof(got), MSG_DONTWAIT);
        assert(begun || n < 9 || memcmp(got, "HTTP/1.1 ", 9) == 0);
        begun |= n > 0;
        if (n == 0 || turn > CLOSE_AFTER)
            break;
    }
    (void)close(fd);
    for (int turn = 0; turn < TURNS && ph_http_server_conn_cnt(server) > 0; turn++) {
        struct pollfd p = {ph_http_server_fd(server), POLLIN, 0};
        (void)poll(&p, 1, 1);
        ph_http_server_run(server);
    }
    assert(ph_http_server_conn_cnt(server) == 0 && ph_http_server_req_cnt(server) == 0);
    assert(opened == closed);
    return 0;
}
