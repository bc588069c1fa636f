#include "http/server_priv.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>

static bool is_dead(const struct ph_http_conn *conn)
{
    return conn->state == PH_HTTP_DEAD;
}

static struct ph_bytes window(const struct ph_http_conn *conn)
{
    if (conn->in_off < conn->in_len)
        return (struct ph_bytes){conn->in + conn->in_off, conn->in_len - conn->in_off};
    return (struct ph_bytes){conn->rest.ptr + conn->rest_off, conn->rest.len - conn->rest_off};
}

static void window_skip(struct ph_http_conn *conn, size_t n)
{
    if (conn->in_off < conn->in_len)
        conn->in_off += n;
    else
        conn->rest_off += n;
}

static void exchange_end(struct ph_http_conn *conn, bool sent_all)
{
    struct ph_http_server *server = conn->server;

    if (conn->state != PH_HTTP_EXCHANGE)
        return;
    conn->state = PH_HTTP_DRAIN;
    server->req_cnt--;
    server->handler.on_closed(server->handler.ctx, &conn->req, sent_all);
}

void ph_http_conn_cut(struct ph_http_conn *conn)
{
    conn->broken = true;
    exchange_end(conn, false);
    ph_http_conn_kill(conn);
}

/* Nothing more is answered here: let the last answer out, then wait for the peer to close, so that
 * a reset does not destroy what it has not read yet. [RFC 9112 §9.6] */
static void linger(struct ph_http_conn *conn)
{
    conn->state = PH_HTTP_LINGER;
    ph_http_timer_set(conn, ph_http_conn_queued(conn) > 0 ? PH_HTTP_T_IDLE : PH_HTTP_T_LINGER);
}

static void refuse(struct ph_http_conn *conn, const struct ph_http_refusal *refusal)
{
    ph_http_refuse(conn, refusal);
    linger(conn);
}

static bool linger_step(struct ph_http_conn *conn)
{
    bool end = false;

    if (ph_http_conn_queued(conn) > 0)
        return false;
    if (!conn->shut) {
        conn->shut = true;
        if (conn->tls)
            ph_http_session_bye(conn->tls);
        (void)shutdown(conn->fd, SHUT_WR);
        ph_http_timer_set(conn, PH_HTTP_T_LINGER);
    }
    while (conn->readable && !end) {
        /* What TLS would make of it does not matter any more. */
        ssize_t n = recv(conn->fd, conn->server->scratch, PH_HTTP_SCRATCH, 0);
        end = n == 0;
        conn->readable = n > 0;
        conn->discarded += n > 0 ? (size_t)n : 0;
        end |= conn->discarded > PH_HTTP_LINGER_MAX;
    }
    if (end)
        ph_http_conn_kill(conn);
    return false;
}

/* The next request's bytes move to the front; the room that a large head took is given back. */
static bool next_request(struct ph_http_conn *conn)
{
    struct ph_bytes left = window(conn);
    size_t cap = left.len > PH_HTTP_IN_FIRST ? left.len : PH_HTTP_IN_FIRST;
    uint8_t *in = conn->in;

    if (cap != conn->in_cap) {
        in = malloc(cap);
        if (!in) {
            conn->broken = true;
            return false;
        }
    }
    if (left.len > 0)
        memmove(in, left.ptr, left.len);
    if (in != conn->in) {
        free(conn->in);
        free(conn->block);
        conn->block = NULL;
        conn->block_cap = 0;
        conn->in = in;
        conn->in_cap = cap;
    }
    conn->in_len = left.len;
    conn->in_off = conn->searched = conn->rest_off = 0;
    ph_buf_clear(&conn->rest);
    conn->state = PH_HTTP_HEAD;
    ph_http_timer_set(conn, PH_HTTP_T_HEAD);
    return true;
}

/* Deliver what `view` holds of the body; it is advanced. */
static void body_feed(struct ph_http_conn *conn, struct ph_bytes *view)
{
    struct ph_http_req *req = &conn->req;
    const struct ph_http_handler *h = &conn->server->handler;

    while (view->len > 0 && !req->body_done && !conn->broken && !is_dead(conn)) {
        bool wanted = conn->state == PH_HTTP_EXCHANGE && !req->answered;
        struct ph_bytes data;
        if (wanted && req->paused)
            return;
        if (req->head.body_len < 0) {
            enum ph_http_chunk step = ph_http_chunked_next(&req->chunked, view, &data);
            req->body_done = step == PH_HTTP_CHUNK_END;
            conn->broken |= step == PH_HTTP_CHUNK_BAD;
            if (step != PH_HTTP_CHUNK_DATA)
                continue;
        } else {
            size_t n = (int64_t)view->len < req->body_left ? view->len : (size_t)req->body_left;
            data = (struct ph_bytes){view->ptr, n};
            *view = (struct ph_bytes){view->ptr + n, view->len - n};
            req->body_left -= (int64_t)n;
            req->body_done = req->body_left == 0;
        }
        if (wanted)
            h->on_body(h->ctx, req, data);
    }
}

/* Read more of the body. What the framing says is another request's, or what a pause leaves, is
 * kept in `rest`. */
static bool body_read(struct ph_http_conn *conn)
{
    struct ph_http_req *req = &conn->req;
    uint8_t *scratch = conn->server->scratch;
    size_t max = PH_HTTP_SCRATCH;
    bool end;

    if (req->head.body_len >= 0 && req->body_left < (int64_t)max)
        max = (size_t)req->body_left;
    size_t n = ph_http_conn_recv(conn, scratch, max, &end);
    if (end) /* an incomplete message [RFC 9112 §8] */
        conn->broken = true;
    struct ph_bytes view = {scratch, n};
    body_feed(conn, &view);
    conn->rest_off = conn->rest.len = 0;
    if (ph_buf_add(&conn->rest, view) != PH_OK)
        conn->broken = true;
    return n > 0;
}

/* Advance the body; false when nothing more can be done now. */
static bool body_step(struct ph_http_conn *conn)
{
    struct ph_http_req *req = &conn->req;
    const struct ph_http_handler *h = &conn->server->handler;
    bool wanted = conn->state == PH_HTTP_EXCHANGE;

    if (req->body_done || (wanted && (req->paused || req->answered)))
        return false;
    struct ph_bytes view = window(conn);
    size_t before = view.len;
    bool moved = true;
    if (before > 0) {
        body_feed(conn, &view);
        window_skip(conn, before - view.len);
        req->expect = false;
    } else {
        if (req->expect && wanted && !req->begun) {
            static char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
            ph_http_conn_send(conn, &(struct iovec){text, sizeof(text) - 1}, 1);
            req->expect = false;
        }
        moved = conn->readable && body_read(conn);
    }
    if (conn->broken && !is_dead(conn) && req->head.body_len < 0 && !req->begun && wanted &&
        req->chunked.state == PH_HTTP_CHUNKED_BROKEN) {
        conn->broken = false;
        exchange_end(conn, false);
        if (!is_dead(conn))
            refuse(conn, &(struct ph_http_refusal){400, "bad-request",
                                                   "the chunked request body is malformed"});
        return true;
    }
    if (is_dead(conn) || conn->broken)
        return false;
    if (req->body_done && wanted && conn->state == PH_HTTP_EXCHANGE && !req->answered)
        h->on_body_end(h->ctx, req);
    return moved;
}

static void exchange_begin(struct ph_http_conn *conn)
{
    struct ph_http_server *server = conn->server;
    const struct ph_http_handler *h = &server->handler;
    struct ph_http_req *req = &conn->req;

    req->user = NULL;
    req->body_left = req->head.body_len;
    req->body_done = req->head.body_len == 0;
    req->chunked = (struct ph_http_chunked){0};
    req->expect = req->head.expect_continue;
    req->any_origin = req->paused = req->one_piece = req->begun = req->answered = req->above =
        false;
    req->keep_alive = req->head.keep_alive;
    conn->state = PH_HTTP_EXCHANGE;
    ph_http_timer_set(conn, PH_HTTP_T_NONE);
    server->req_cnt++;
    h->on_request(h->ctx, req);
    if (conn->state == PH_HTTP_EXCHANGE && req->body_done && !req->answered && !conn->broken)
        h->on_body_end(h->ctx, req);
}

static void head_complete(struct ph_http_conn *conn, size_t len)
{
    struct ph_http_refusal no;

    conn->in_off = len;
    if (len > conn->block_cap) {
        size_t cap = len > PH_HTTP_IN_FIRST ? len : PH_HTTP_IN_FIRST;
        free(conn->block);
        conn->block = malloc(cap);
        conn->block_cap = conn->block ? cap : 0;
        if (!conn->block) {
            conn->broken = true;
            return;
        }
    }
    if (ph_http_head_parse((struct ph_bytes){conn->in, len}, conn->block, &conn->req.head, &no))
        exchange_begin(conn);
    else
        refuse(conn, &no);
}

static bool head_grow(struct ph_http_conn *conn)
{
    /* One byte over the limit is enough to know. */
    size_t cap = conn->in_cap * 2, max = (size_t)conn->server->limits.header_bytes + 1;
    uint8_t *in = realloc(conn->in, cap < max ? cap : max);

    conn->broken |= !in;
    if (in) {
        conn->in = in;
        conn->in_cap = cap < max ? cap : max;
    }
    return in != NULL;
}

static bool head_step(struct ph_http_conn *conn)
{
    uint32_t limit = conn->server->limits.header_bytes;
    bool end = false;

    /* One empty line before the request is passed over. [RFC 9112 §2.2] */
    if (conn->in_len >= 2 && conn->searched == 0 && memcmp(conn->in, "\r\n", 2) == 0) {
        conn->in_len -= 2;
        memmove(conn->in, conn->in + 2, conn->in_len);
    }
    struct ph_bytes got = {conn->in, conn->in_len};
    size_t len = ph_http_head_end(got, conn->searched);
    if (len > 0 && len <= limit) {
        head_complete(conn, len);
        return true;
    }
    if (ph_http_head_bare_lf(got, conn->searched)) {
        refuse(conn, &(struct ph_http_refusal){400, "bad-request",
                                               "a line of the head ends in LF without CR"});
        return true;
    }
    if (len > limit || conn->in_len > limit) {
        refuse(conn, &(struct ph_http_refusal){431, "headers-too-large",
                                               "request line and headers exceed the limit"});
        return true;
    }
    conn->searched = conn->in_len;
    if (conn->in_len == conn->in_cap && !head_grow(conn))
        return false;
    if (!conn->readable)
        return false;
    conn->in_len +=
        ph_http_conn_recv(conn, conn->in + conn->in_len, conn->in_cap - conn->in_len, &end);
    conn->broken |= end;
    return conn->in_len > conn->searched;
}

/* Something moved on the socket: the handshake goes on, elsewhere. The client speaks first. */
static bool handshake_step(struct ph_http_conn *conn)
{
    if (!conn->shaking && conn->greeted) {
        conn->shaking = true;
        conn->missed = false;
        ph_http_shaker_ask(conn->server->shaker, conn);
    }
    return false;
}

void ph_http_conn_shaken(struct ph_http_conn *conn, enum ph_err result)
{
    conn->shaking = false;
    if (is_dead(conn))
        return;
    if (conn->missed)
        ph_http_session_readable(conn->tls, conn->rdhup);
    if (result == PH_OK) {
        conn->state = PH_HTTP_HEAD;
        ph_http_timer_set(conn, PH_HTTP_T_HEAD);
    } else if (result != PH_ERR_AGAIN) {
        conn->broken = true;
    } else if (!conn->missed) {
        return; /* the next event goes on */
    }
    ph_http_conn_step(conn);
}

/* The answer is out: decide what becomes of the connection. */
static bool answer_out(struct ph_http_conn *conn)
{
    struct ph_http_req *req = &conn->req;

    exchange_end(conn, true);
    if (is_dead(conn))
        return false;
    bool swallow = req->body_done ||
                   (req->head.body_len >= 0 && !req->expect && req->body_left <= PH_HTTP_DRAIN_MAX);
    if (!req->keep_alive || !swallow || conn->server->quiesced)
        linger(conn);
    else if (req->body_done)
        return next_request(conn);
    else
        ph_http_timer_set(conn, PH_HTTP_T_HEAD);
    return true;
}

static bool exchange_step(struct ph_http_conn *conn)
{
    struct ph_http_req *req = &conn->req;
    const struct ph_http_handler *h = &conn->server->handler;

    if (req->above && ph_http_conn_queued(conn) < PH_HTTP_LOW_WATER && !req->answered) {
        req->above = false;
        h->on_writable(h->ctx, req);
        return true;
    }
    if (req->answered)
        return ph_http_conn_queued(conn) == 0 && answer_out(conn);
    return body_step(conn);
}

static bool step_once(struct ph_http_conn *conn)
{
    switch ((enum ph_http_state)conn->state) {
    case PH_HTTP_HANDSHAKE:
        return handshake_step(conn);
    case PH_HTTP_HEAD:
        return head_step(conn);
    case PH_HTTP_EXCHANGE:
        return exchange_step(conn);
    case PH_HTTP_DRAIN:
        return conn->req.body_done ? next_request(conn) : body_step(conn);
    case PH_HTTP_LINGER:
        return linger_step(conn);
    case PH_HTTP_DEAD:
        break;
    }
    return false;
}

/* Whose turn it is decides what runs: the peer's slowness is bounded, the handler's is not. */
static void exchange_timer(struct ph_http_conn *conn)
{
    const struct ph_http_req *req = &conn->req;
    enum ph_http_timer want = PH_HTTP_T_NONE;

    if (conn->state != PH_HTTP_EXCHANGE)
        return;
    if (ph_http_conn_queued(conn) > 0 || (!req->body_done && !req->paused && !req->answered))
        want = PH_HTTP_T_IDLE;
    else if (conn->rdhup)
        /* Half-closed, or gone: an answer that comes soon is still delivered. */
        want = conn->server->quiesced ? PH_HTTP_T_LINGER : PH_HTTP_T_HEAD;
    if (conn->timer != want)
        ph_http_timer_set(conn, want);
}

void ph_http_conn_step(struct ph_http_conn *conn)
{
    if (is_dead(conn) || conn->in_step)
        return;
    conn->in_step = true;
    bool more = true;
    for (int i = 0; more && i < PH_HTTP_STEP_MAX; i++) {
        if (conn->state != PH_HTTP_HANDSHAKE)
            ph_http_conn_flush(conn);
        more = !conn->broken && step_once(conn);
        if (is_dead(conn))
            return;
    }
    conn->in_step = false;
    if (!conn->broken)
        ph_http_conn_flush(conn);
    if (conn->broken) {
        ph_http_conn_cut(conn);
        return;
    }
    exchange_timer(conn);
    if (more)
        ph_http_conn_queue(conn);
}

void ph_http_conn_expired(struct ph_http_conn *conn)
{
    if (conn->state == PH_HTTP_HEAD && conn->in_len > 0) {
        refuse(conn, &(struct ph_http_refusal){408, "header-timeout",
                                               "the request head did not arrive in time"});
        ph_http_conn_step(conn);
        return;
    }
    ph_http_conn_cut(conn);
}
