#include "http/server_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { OUT_MAX = 1 << 30 };

static void list_add(struct ph_http_list *list, struct ph_http_conn *conn)
{
    conn->prev = list->last;
    conn->next = NULL;
    if (list->last)
        list->last->next = conn;
    else
        list->first = conn;
    list->last = conn;
}

static void list_drop(struct ph_http_list *list, struct ph_http_conn *conn)
{
    if (conn->prev)
        conn->prev->next = conn->next;
    else
        list->first = conn->next;
    if (conn->next)
        conn->next->prev = conn->prev;
    else
        list->last = conn->prev;
}

static int64_t timer_ms(const struct ph_http_server *server, enum ph_http_timer timer)
{
    switch (timer) {
    case PH_HTTP_T_HEAD:
        return (int64_t)server->limits.header_timeout_s * 1000;
    case PH_HTTP_T_IDLE:
        return (int64_t)server->limits.idle_timeout_s * 1000;
    case PH_HTTP_T_LINGER:
        return PH_HTTP_LINGER_MS;
    case PH_HTTP_T_NONE:
    case PH_HTTP_T_CNT:
        break;
    }
    return 0;
}

void ph_http_timer_set(struct ph_http_conn *conn, enum ph_http_timer timer)
{
    struct ph_http_list *lists = conn->server->timers;

    if (conn->timer != PH_HTTP_T_NONE) {
        struct ph_http_list *list = &lists[conn->timer];
        if (conn->timer_prev)
            conn->timer_prev->timer_next = conn->timer_next;
        else
            list->first = conn->timer_next;
        if (conn->timer_next)
            conn->timer_next->timer_prev = conn->timer_prev;
        else
            list->last = conn->timer_prev;
    }
    conn->timer = (uint8_t)timer;
    if (timer == PH_HTTP_T_NONE)
        return;
    struct ph_http_list *list = &lists[timer];
    conn->deadline_ms = conn->server->now_ms + timer_ms(conn->server, timer);
    conn->moved = 0;
    conn->timer_prev = list->last;
    conn->timer_next = NULL;
    if (list->last)
        list->last->timer_next = conn;
    else
        list->first = conn;
    list->last = conn;
}

void ph_http_conn_moved(struct ph_http_conn *conn, size_t n)
{
    conn->moved += n;
    if (conn->timer == PH_HTTP_T_IDLE && conn->moved >= PH_HTTP_MOVE_MIN)
        ph_http_timer_set(conn, PH_HTTP_T_IDLE);
}

void ph_http_conn_free(struct ph_http_conn *conn)
{
    ph_http_session_free(conn->tls);
    if (conn->fd >= 0)
        (void)close(conn->fd);
    free(conn->in);
    free(conn->block);
    ph_buf_clear(&conn->rest);
    ph_buf_clear(&conn->out);
    free(conn);
}

enum ph_err ph_http_conn_new(struct ph_http_listener *listener, int fd, struct ph_http_peer *peer,
                             const char *remote)
{
    struct ph_http_server *server = listener->server;
    struct ph_http_conn *conn = calloc(1, sizeof(*conn));

    if (!conn)
        return PH_ERR_NOMEM;
    conn->kind = PH_HTTP_SRC_CONN;
    conn->fd = fd;
    conn->server = server;
    conn->listener = listener;
    conn->writable = true;
    conn->out = PH_BUF(OUT_MAX);
    conn->rest = PH_BUF(PH_HTTP_SCRATCH);
    conn->in_cap = PH_HTTP_IN_FIRST;
    conn->in = malloc(conn->in_cap);
    conn->state = listener->identity ? PH_HTTP_HANDSHAKE : PH_HTTP_HEAD;
    (void)snprintf(conn->remote, sizeof(conn->remote), "%s", remote);
    enum ph_err err = conn->in ? PH_OK : PH_ERR_NOMEM;
    if (err == PH_OK && listener->identity)
        err = ph_http_session_new(listener->identity, fd, &conn->tls);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = conn};
    if (err == PH_OK && epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        err = PH_ERR_IO;
    if (err != PH_OK) {
        conn->fd = -1; /* stays the caller's */
        ph_http_conn_free(conn);
        return err;
    }
    conn->peer = peer;
    list_add(&server->conns, conn);
    server->conn_cnt++;
    ph_http_timer_set(conn, PH_HTTP_T_HEAD);
    return PH_OK;
}

void ph_http_conn_kill(struct ph_http_conn *conn)
{
    struct ph_http_server *server = conn->server;

    if (conn->state == PH_HTTP_DEAD)
        return;
    ph_http_timer_set(conn, PH_HTTP_T_NONE);
    if (conn->reset)
        (void)setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0},
                         sizeof(struct linger));
    if (conn->shaking) {
        /* Another connection must not get its number while the thread has it. */
        (void)shutdown(conn->fd, SHUT_RDWR);
        ph_http_shaker_forget(server->shaker, conn);
    } else {
        (void)close(conn->fd);
        conn->fd = -1;
    }
    conn->state = PH_HTTP_DEAD;
    ph_http_peers_drop(&server->peers, conn->peer);
    conn->peer = NULL;
    list_drop(&server->conns, conn);
    list_add(&server->dead, conn);
    server->conn_cnt--;
}

void ph_http_conn_queue(struct ph_http_conn *conn)
{
    struct ph_http_server *server = conn->server;

    if (conn->queued || conn->in_step || conn->state == PH_HTTP_DEAD)
        return;
    conn->queued = true;
    conn->work_next = NULL;
    if (server->work_last)
        server->work_last->work_next = conn;
    else
        server->work_first = conn;
    server->work_last = conn;
}

/* The bytes that left the queue. */
static void out_sent(struct ph_http_conn *conn, size_t n)
{
    conn->out_off += n;
    ph_http_conn_moved(conn, n);
    if (conn->out_off < conn->out.len)
        return;
    conn->out.len = conn->out_off = 0;
    if (conn->out.cap > PH_HTTP_KEEP_OUT)
        ph_buf_clear(&conn->out);
}

void ph_http_conn_flush(struct ph_http_conn *conn)
{
    while (ph_http_conn_queued(conn) > 0 && conn->writable && !conn->broken) {
        struct ph_bytes data = {conn->out.ptr + conn->out_off, ph_http_conn_queued(conn)};
        size_t sent = 0;
        if (conn->tls) {
            enum ph_err err = ph_http_session_send(conn->tls, data, &sent);
            conn->writable = err != PH_ERR_AGAIN;
            conn->broken |= err != PH_OK && err != PH_ERR_AGAIN;
        } else {
            ssize_t n = send(conn->fd, data.ptr, data.len, MSG_NOSIGNAL);
            if (n >= 0)
                sent = (size_t)n;
            else if (errno == EAGAIN)
                conn->writable = false;
            else if (errno != EINTR)
                conn->broken = true;
        }
        out_sent(conn, sent);
    }
}

/* Append to the queue; what was sent already makes room first. */
static void out_add(struct ph_http_conn *conn, struct ph_bytes data)
{
    if (conn->out_off > 0 && conn->out_off >= conn->out.len / 2) {
        ph_buf_consume(&conn->out, conn->out_off);
        conn->out_off = 0;
    }
    if (ph_buf_add(&conn->out, data) != PH_OK)
        conn->broken = true;
}

void ph_http_conn_send(struct ph_http_conn *conn, const struct iovec *iov, int cnt)
{
    size_t sent = 0;

    if (ph_http_conn_queued(conn) == 0 && !conn->tls && conn->writable && !conn->broken) {
        struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)cnt};
        ssize_t n = cnt == 1 ? send(conn->fd, iov[0].iov_base, iov[0].iov_len, MSG_NOSIGNAL)
                             : sendmsg(conn->fd, &msg, MSG_NOSIGNAL);
        if (n >= 0)
            sent = (size_t)n;
        else if (errno == EAGAIN)
            conn->writable = false;
        else if (errno != EINTR)
            conn->broken = true;
        ph_http_conn_moved(conn, sent);
    }
    for (int i = 0; i < cnt && !conn->broken; i++) {
        size_t skip = sent < iov[i].iov_len ? sent : iov[i].iov_len;
        sent -= skip;
        if (skip < iov[i].iov_len)
            out_add(conn,
                    (struct ph_bytes){(uint8_t *)iov[i].iov_base + skip, iov[i].iov_len - skip});
    }
    if (conn->tls)
        ph_http_conn_flush(conn);
}

size_t ph_http_conn_recv(struct ph_http_conn *conn, uint8_t *into, size_t len, bool *end)
{
    size_t got = 0;

    *end = false;
    if (conn->tls) {
        enum ph_err err = ph_http_session_recv(conn->tls, into, len, &got, &conn->readable);
        conn->broken |= err != PH_OK && err != PH_ERR_AGAIN;
        *end = err == PH_OK && got == 0;
    } else {
        ssize_t n = recv(conn->fd, into, len, 0);
        if (n >= 0) {
            got = (size_t)n;
            *end = n == 0;
            /* Less than asked for: drained, and the next byte makes a new event. With the peer's
             * end already announced there is none to come, so read on until it shows. */
            conn->readable = got == len || (conn->rdhup && n > 0);
        } else if (errno == EAGAIN) {
            conn->readable = false;
        } else if (errno != EINTR) {
            conn->broken = true;
        }
    }
    ph_http_conn_moved(conn, got);
    return got;
}
