#include "http/server_priv.h"

#include "base/clock.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

enum { EVENTS = 256, HEAD_OUT_MAX = 512 * 1024 };

struct ph_http_limits ph_http_limits_default(void)
{
    return (struct ph_http_limits){
        .header_bytes = 32 * 1024,
        .connections = 4096,
        .per_address = 1024,
        .header_timeout_s = 10,
        .idle_timeout_s = 60,
    };
}

enum ph_err ph_http_server_open(const struct ph_http_limits *limits,
                                const struct ph_http_handler *handler, struct ph_http_server **out)
{
    struct ph_http_server *server = calloc(1, sizeof(*server));

    if (!server)
        return PH_ERR_NOMEM;
    server->limits = *limits;
    server->handler = *handler;
    server->head_buf = PH_BUF(HEAD_OUT_MAX);
    server->now_ms = ph_clock_mono_ns() / 1000000;
    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (server->epoll_fd < 0 || server->spare_fd < 0 ||
        getrandom(&server->peers.seed, sizeof(server->peers.seed), 0) !=
            (ssize_t)sizeof(server->peers.seed)) {
        ph_http_server_close(server);
        return PH_ERR_IO;
    }
    *out = server;
    return PH_OK;
}

int ph_http_server_fd(const struct ph_http_server *server)
{
    return server->epoll_fd;
}

int ph_http_server_timeout_ms(struct ph_http_server *server)
{
    int64_t first = INT64_MAX;

    if (server->work_first || server->inner_first)
        return 0;
    for (int i = PH_HTTP_T_HEAD; i < PH_HTTP_T_CNT; i++)
        if (server->timers[i].first && server->timers[i].first->deadline_ms < first)
            first = server->timers[i].first->deadline_ms;
    if (first == INT64_MAX)
        return -1;
    int64_t left = first - ph_clock_mono_ns() / 1000000;
    return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

static void conn_event(struct ph_http_conn *conn, uint32_t events)
{
    if (conn->state == PH_HTTP_DEAD)
        return;
    conn->rdhup |= (events & EPOLLRDHUP) != 0;
    if (events & (EPOLLIN | EPOLLRDHUP)) {
        conn->readable = true;
        conn->greeted = true;
        if (conn->tls && !conn->shaking)
            ph_http_session_readable(conn->tls, conn->rdhup);
    }
    conn->missed = conn->shaking;
    conn->writable |= (events & EPOLLOUT) != 0;
    /* EPOLLHUP: both sides are shut, by reset or by the two ends of a lingering close. */
    conn->broken |= (events & (EPOLLERR | EPOLLHUP)) != 0;
    ph_http_conn_step(conn);
}

static void dispatch(const struct epoll_event *event)
{
    switch (*(const enum ph_http_source_kind *)event->data.ptr) {
    case PH_HTTP_SRC_LISTENER:
        ph_http_listener_accept(event->data.ptr);
        break;
    case PH_HTTP_SRC_CONN:
        conn_event(event->data.ptr, event->events);
        break;
    case PH_HTTP_SRC_SHAKER: {
        struct ph_http_server *server =
            (struct ph_http_server *)((uintptr_t)event->data.ptr -
                                      offsetof(struct ph_http_server, shaker_source));
        struct ph_http_conn *conn;
        enum ph_err result = PH_ERR_IO;
        while ((conn = ph_http_shaker_next(server->shaker, &result)))
            ph_http_conn_shaken(conn, result);
        break;
    }
    }
}

static void run_work(struct ph_http_server *server)
{
    struct ph_http_conn *conn = server->work_first;

    /* What is queued from here on belongs to the next turn, so that no peer can hold this one. */
    server->work_first = server->work_last = NULL;
    while (conn) {
        struct ph_http_conn *next = conn->work_next;
        conn->queued = false;
        ph_http_conn_step(conn);
        conn = next;
    }
}

static void run_timers(struct ph_http_server *server)
{
    for (int i = PH_HTTP_T_HEAD; i < PH_HTTP_T_CNT; i++) {
        struct ph_http_conn *conn;
        while ((conn = server->timers[i].first) && conn->deadline_ms <= server->now_ms)
            ph_http_conn_expired(conn);
    }
}

static void free_dead(struct ph_http_server *server)
{
    struct ph_http_conn *conn = server->dead.first;

    server->dead = (struct ph_http_list){0};
    while (conn) {
        struct ph_http_conn *next = conn->next;
        if ((conn->queued || conn->shaking) && !server->closed) {
            conn->prev = server->dead.last;
            conn->next = NULL;
            if (server->dead.last)
                server->dead.last->next = conn;
            else
                server->dead.first = conn;
            server->dead.last = conn;
        } else {
            ph_http_conn_free(conn);
        }
        conn = next;
    }
}

static void server_free(struct ph_http_server *server)
{
    ph_http_shaker_close(server->shaker);
    free_dead(server);
    ph_http_listeners_close(server);
    ph_buf_clear(&server->head_buf);
    if (server->epoll_fd >= 0)
        (void)close(server->epoll_fd);
    if (server->spare_fd >= 0)
        (void)close(server->spare_fd);
    free(server);
}

void ph_http_server_run(struct ph_http_server *server)
{
    struct epoll_event events[EVENTS];

    assert(server->depth == 0);
    server->depth = 1;
    server->now_ms = ph_clock_mono_ns() / 1000000;
    run_work(server);
    ph_http_inner_run_all(server);
    int cnt = server->closed ? 0 : epoll_wait(server->epoll_fd, events, EVENTS, 0);
    for (int i = 0; i < cnt && !server->closed; i++)
        dispatch(&events[i]);
    if (!server->closed)
        run_timers(server);
    server->depth = 0;
    if (server->closed)
        server_free(server);
    else
        free_dead(server);
}

void ph_http_server_quiesce(struct ph_http_server *server)
{
    server->quiesced = true;
    for (struct ph_http_listener *l = server->listeners; l; l = l->next) {
        if (l->fd < 0)
            continue;
        (void)close(l->fd);
        l->fd = -1;
        if (l->unix_path)
            (void)unlink(l->unix_path);
        free(l->unix_path);
        l->unix_path = NULL;
    }
    for (struct ph_http_conn *conn = server->conns.first, *next; conn; conn = next) {
        next = conn->next;
        if (conn->state == PH_HTTP_HANDSHAKE ||
            (conn->state == PH_HTTP_HEAD && conn->in_len == 0 && !conn->in_step))
            ph_http_conn_kill(conn);
        else if (conn->rdhup)
            ph_http_conn_step(conn); /* whoever left is waited for less long */
    }
}

uint32_t ph_http_server_req_cnt(const struct ph_http_server *server)
{
    return server->req_cnt;
}

uint32_t ph_http_server_conn_cnt(const struct ph_http_server *server)
{
    return server->conn_cnt;
}

void ph_http_server_close(struct ph_http_server *server)
{
    if (!server || server->closed)
        return;
    server->closed = true;
    while (server->conns.first)
        ph_http_conn_cut(server->conns.first);
    while (server->inner_first)
        ph_http_inner_run_all(server);
    if (server->depth == 0)
        server_free(server);
}

struct ph_bytes ph_http_req_method(const struct ph_http_req *req)
{
    return req->head.method;
}

struct ph_bytes ph_http_req_target(const struct ph_http_req *req)
{
    return req->head.target;
}

struct ph_bytes ph_http_req_host(const struct ph_http_req *req)
{
    return (struct ph_bytes){(const uint8_t *)req->head.host, req->head.host_len};
}

uint32_t ph_http_req_tag(const struct ph_http_req *req)
{
    return req->inner ? ph_http_inner_tag(req->inner) : ph_http_conn_of(req)->listener->tag;
}

bool ph_http_req_is_tls(const struct ph_http_req *req)
{
    return req->inner ? ph_http_inner_is_tls(req->inner) : ph_http_conn_of(req)->tls != NULL;
}

bool ph_http_req_is_inner(const struct ph_http_req *req)
{
    return req->inner != NULL;
}

enum ph_err ph_http_req_exporter(const struct ph_http_req *req, uint8_t out[static 32])
{
    const struct ph_http_session *tls = req->inner ? NULL : ph_http_conn_of(req)->tls;

    return tls ? ph_http_session_exporter(tls, out) : PH_ERR_UNSUPPORTED;
}

struct ph_bytes ph_http_req_peer_certificate(const struct ph_http_req *req)
{
    const struct ph_http_session *tls = req->inner ? NULL : ph_http_conn_of(req)->tls;

    return tls ? ph_http_session_peer(tls) : (struct ph_bytes){0};
}

void ph_http_req_remote(const struct ph_http_req *req, char out[static 64])
{
    memcpy(out, req->inner ? ph_http_inner_remote(req->inner) : ph_http_conn_of(req)->remote, 64);
}

static struct ph_bytes block_of(const struct ph_http_req *req)
{
    if (req->inner)
        return ph_http_inner_block(req->inner);
    return (struct ph_bytes){ph_http_conn_of(req)->block, req->head.block_len};
}

struct ph_bytes ph_http_req_headers(struct ph_http_req *req)
{
    return block_of(req);
}

struct ph_bytes ph_http_req_header(const struct ph_http_req *req, const char *name)
{
    struct ph_bytes rest = block_of(req);
    size_t name_len = strlen(name);

    /* The block is our own output: lower-case names, ": " and one LF per line. */
    while (rest.len > 0) {
        const uint8_t *lf = memchr(rest.ptr, '\n', rest.len);
        size_t len = lf ? (size_t)(lf - rest.ptr) : rest.len;
        if (len >= name_len + 2 && rest.ptr[name_len] == ':' &&
            memcmp(rest.ptr, name, name_len) == 0)
            return (struct ph_bytes){rest.ptr + name_len + 2, len - name_len - 2};
        if (!lf)
            break;
        rest = (struct ph_bytes){lf + 1, rest.len - len - 1};
    }
    return (struct ph_bytes){0};
}

int64_t ph_http_req_body_len(const struct ph_http_req *req)
{
    return req->head.body_len;
}

void *ph_http_req_user(const struct ph_http_req *req)
{
    return req->user;
}

void ph_http_req_set_user(struct ph_http_req *req, void *user)
{
    req->user = user;
}

void ph_http_req_pause(struct ph_http_req *req)
{
    req->paused = true;
}

void ph_http_req_resume(struct ph_http_req *req)
{
    req->paused = false;
    if (req->inner)
        ph_http_inner_resume(req->inner);
    else
        ph_http_conn_queue(ph_http_conn_of(req));
}

void ph_http_req_allow_any_origin(struct ph_http_req *req)
{
    req->any_origin = true;
}
