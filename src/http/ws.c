#include "http/ws.h"

#include "http/client_priv.h"
#include "http/ws_frames.h"
#include "http/ws_head.h"

#include <stdlib.h>
#include <sys/epoll.h>

enum {
    PIECE = 16 * 1024, /* bytes of one read or write: a TLS record */
    READS_A_TURN = 16, /* then others have their turn */
};

struct ph_http_ws {
    struct ph_http_fetch *fetch;
    struct ph_http_ws_events events;
    struct ph_http_ws_key key;
    struct ph_http_ws_frames *frames;
    struct ph_buf head; /* the request that waits to leave; later what the server answers to it */
    bool asked, open;
    curl_socket_t fd; /* CURL_SOCKET_BAD: not watched */
    uint32_t watched; /* for which events */
    /* What the last write was to take: after PH_ERR_AGAIN GnuTLS wants the same again. */
    size_t tried;
};

/* The fetch's events. */

static void on_fail(void *ctx, const char *code, const char *message)
{
    struct ph_http_ws *ws = ctx;

    (void)message;
    ws->events.on_close(ws->events.ctx, code);
}

static void on_message(void *ctx, struct ph_bytes text)
{
    struct ph_http_ws *ws = ctx;

    if (ws->fetch->state == PH_HTTP_FETCH_OPEN)
        ws->events.on_message(ws->events.ctx, text);
}

/* Sockets. */

static enum ph_err watch(struct ph_http_ws *ws, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = ws->fd};

    if (events == ws->watched)
        return PH_OK;
    if (epoll_ctl(ws->fetch->client->epoll_fd, ws->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, ws->fd,
                  &event) != 0)
        return PH_ERR_IO;
    ws->watched = events;
    return PH_OK;
}

static enum ph_err send_some(struct ph_http_ws *ws, struct ph_bytes data, size_t *sent)
{
    const size_t most = data.len < PIECE ? data.len : PIECE;
    const size_t len = ws->tried > 0 ? ws->tried : most;
    const CURLcode code = curl_easy_send(ws->fetch->easy, data.ptr, len, sent);

    ws->tried = code == CURLE_AGAIN ? len : 0;
    if (code == CURLE_OK)
        return PH_OK;
    return code == CURLE_AGAIN ? PH_ERR_AGAIN : PH_ERR_IO;
}

/* First the request, which is all that leaves before the server has agreed. */
static enum ph_err flush(struct ph_http_ws *ws)
{
    for (;;) {
        const struct ph_bytes waiting =
            !ws->asked ? ph_buf_view(&ws->head)
                       : (ws->open ? ph_http_ws_frames_out(ws->frames) : (struct ph_bytes){0});
        size_t sent = 0;
        if (waiting.len == 0)
            return watch(ws, EPOLLIN);
        const enum ph_err err = send_some(ws, waiting, &sent);
        if (err == PH_ERR_AGAIN)
            return watch(ws, EPOLLIN | EPOLLOUT);
        PH_TRY(err);
        if (ws->asked) {
            ph_http_ws_frames_sent(ws->frames, sent);
        } else {
            ph_buf_consume(&ws->head, sent);
            ws->asked = ws->head.len == 0;
        }
    }
}

static enum ph_err take_frames(struct ph_http_ws *ws, struct ph_bytes bytes)
{
    return ph_http_ws_frames_take(ws->frames, bytes, ph_http_now_ms());
}

static enum ph_err take_head(struct ph_http_ws *ws, struct ph_bytes bytes)
{
    size_t head_len = 0;

    if (!ws->asked)
        return PH_ERR_MALFORMED; /* an answer to nothing */
    PH_TRY(ph_buf_add(&ws->head, bytes));
    const enum ph_err err = ph_http_ws_head_check(ph_buf_view(&ws->head), &ws->key, &head_len);
    if (err != PH_OK)
        return err == PH_ERR_AGAIN ? PH_OK : err;
    ws->open = true;
    ws->fetch->deadline_ms = INT64_MAX;
    if (ws->head.len == head_len)
        return PH_OK;
    return take_frames(ws, (struct ph_bytes){ws->head.ptr + head_len, ws->head.len - head_len});
}

static enum ph_err receive(struct ph_http_ws *ws)
{
    uint8_t piece[PIECE];

    for (int i = 0; i < READS_A_TURN && ws->fetch->state == PH_HTTP_FETCH_OPEN; i++) {
        size_t got = 0;
        const CURLcode code = curl_easy_recv(ws->fetch->easy, piece, sizeof(piece), &got);
        if (code == CURLE_AGAIN)
            return PH_OK;
        if (code != CURLE_OK || got == 0)
            return PH_ERR_CLOSED;
        const struct ph_bytes bytes = {piece, got};
        PH_TRY(ws->open ? take_frames(ws, bytes) : take_head(ws, bytes));
    }
    ws->fetch->client->dirty = true; /* TLS may hold more than the socket shows */
    return PH_OK;
}

static const char *code_of(enum ph_err err)
{
    switch ((int)err) {
    case PH_ERR_CLOSED:
        return "closed";
    case PH_ERR_LIMIT:
        return "limit";
    case PH_ERR_NOMEM:
        return "aborted";
    case PH_ERR_IO:
        return "connect";
    default:
        return "protocol";
    }
}

void ph_http_ws_pump(struct ph_http_fetch *f)
{
    struct ph_http_ws *ws = f->ws;
    const enum ph_err err = receive(ws);

    if (f->state != PH_HTTP_FETCH_OPEN)
        return;
    /* Also when it is over: what says so may still leave. */
    const enum ph_err flushed = flush(ws);
    if (err != PH_OK || flushed != PH_OK)
        ph_http_fetch_fail(f, code_of(err != PH_OK ? err : flushed));
}

void ph_http_ws_connected(struct ph_http_fetch *f)
{
    struct ph_http_ws *ws = f->ws;

    if (curl_easy_getinfo(f->easy, CURLINFO_ACTIVESOCKET, &ws->fd) != CURLE_OK ||
        ws->fd == CURL_SOCKET_BAD || ph_http_ws_head_put(&f->url, &ws->key, &ws->head) != PH_OK)
        ph_http_fetch_fail(f, "aborted");
    f->client->dirty = true;
}

/* Making and ending it. */

enum ph_err ph_http_ws_open(struct ph_http_client *client, const struct ph_http_ws_spec *spec,
                            const struct ph_http_ws_events *events, struct ph_http_ws **out)
{
    struct ph_http_ws *ws = calloc(1, sizeof(*ws));

    if (!ws)
        return PH_ERR_NOMEM;
    *ws = (struct ph_http_ws){
        .events = *events, .head = PH_BUF(PH_HTTP_WS_HEAD_MAX + PIECE), .fd = CURL_SOCKET_BAD};
    const struct ph_http_ws_frames_config frames = {
        .message_max = spec->message_max,
        .out_max = spec->queue_max,
        .message = on_message,
        .ctx = ws,
    };
    const struct ph_http_fetch_spec fetch = {.method = PH_BYTES_LIT("GET"),
                                             .url = spec->url,
                                             .rules = spec->rules,
                                             .rule_cnt = spec->rule_cnt,
                                             .timeout_ms = spec->timeout_ms};
    const struct ph_http_fetch_events fetch_events = {.on_fail = on_fail, .ctx = ws};
    enum ph_err err = ph_http_ws_key_new(&ws->key);
    if (err == PH_OK)
        err = ph_http_ws_frames_new(&frames, &ws->frames);
    if (err == PH_OK)
        err = ph_http_fetch_start(client, &fetch, &fetch_events, &ws->fetch);
    if (err != PH_OK) {
        ph_http_ws_free(ws);
        return err;
    }
    ws->fetch->ws = ws;
    *out = ws;
    return PH_OK;
}

enum ph_err ph_http_ws_send(struct ph_http_ws *ws, struct ph_bytes text)
{
    ws->fetch->client->dirty = true;
    return ph_http_ws_frames_send(ws->frames, text);
}

void ph_http_ws_drop(struct ph_http_ws *ws)
{
    ph_http_fetch_cancel(ws->fetch);
}

void ph_http_ws_free(struct ph_http_ws *ws)
{
    if (!ws)
        return;
    if (ws->watched)
        (void)epoll_ctl(ws->fetch->client->epoll_fd, EPOLL_CTL_DEL, ws->fd, NULL);
    ph_http_ws_frames_free(ws->frames);
    ph_buf_clear(&ws->head);
    free(ws);
}
