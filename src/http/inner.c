#include "http/inner.h"

#include "http/server_priv.h"

#include <assert.h>
#include <stdlib.h>

enum { PIECE = 64 * 1024 }; /* of a body, per on_body */

struct ph_http_inner {
    struct ph_http_req req;
    struct ph_http_server *server;
    struct ph_http_inner_config config;
    struct ph_buf head, body, headers, answer;
    uint8_t *block;
    size_t body_off;
    uint16_t status;
    uint32_t tag;
    char remote[64];
    bool queued, begun, cut, over; /* over: `done` was called */
    enum ph_http_inner_end end;
    struct ph_http_inner *next;
};

static void queue(struct ph_http_inner *inner)
{
    struct ph_http_server *server = inner->server;

    if (inner->queued)
        return;
    inner->queued = true;
    inner->next = NULL;
    if (server->inner_last)
        server->inner_last->next = inner;
    else
        server->inner_first = inner;
    server->inner_last = inner;
}

static void free_inner(struct ph_http_inner *inner)
{
    ph_buf_clear(&inner->head);
    ph_buf_clear(&inner->body);
    ph_buf_clear(&inner->headers);
    ph_buf_clear(&inner->answer);
    free(inner->block);
    free(inner);
}

static bool refuse(struct ph_http_refusal *no, uint16_t status, const char *code,
                   const char *message)
{
    *no = (struct ph_http_refusal){status, code, message};
    return false;
}

static bool parse(struct ph_http_inner *inner, struct ph_http_refusal *no)
{
    struct ph_http_head *head = &inner->req.head;
    const size_t len = inner->head.len;

    if (len > inner->server->limits.header_bytes)
        return refuse(no, 431, "headers-too-large", "request line and headers exceed the limit");
    inner->block = malloc(len ? len : 1);
    if (!inner->block)
        return refuse(no, 503, "overloaded", "out of memory; try again later");
    /* One head, and nothing that would be another one behind it. */
    if (ph_http_head_end(ph_buf_view(&inner->head), 0) != len)
        return refuse(no, 400, "bad-request", "a field holds a line break");
    if (!ph_http_head_parse(ph_buf_view(&inner->head), inner->block, head, no))
        return false;
    if (head->body_len < 0)
        return refuse(no, 400, "bad-request", "Transfer-Encoding has no place in this message");
    if (ph_http_req_header(&inner->req, "content-length").len > 0 &&
        head->body_len != (int64_t)inner->body.len)
        return refuse(no, 400, "bad-request", "Content-Length is not the content's length");
    head->body_len = (int64_t)inner->body.len;
    return true;
}

bool ph_http_inner_begin(struct ph_http_req *outer, const struct ph_http_inner_config *config,
                         struct ph_buf *head, struct ph_buf *body, struct ph_http_inner **out,
                         struct ph_http_refusal *no)
{
    const struct ph_http_conn *conn = ph_http_conn_of(outer);
    struct ph_http_inner *inner = calloc(1, sizeof(*inner));

    assert(!outer->inner);
    if (!inner) {
        ph_buf_clear(head);
        ph_buf_clear(body);
        return refuse(no, 503, "overloaded", "out of memory; try again later");
    }
    inner->req.inner = inner;
    inner->server = conn->server;
    inner->config = *config;
    inner->tag = conn->listener->tag;
    memcpy(inner->remote, conn->remote, sizeof(inner->remote));
    inner->head = *head;
    inner->body = *body;
    *head = PH_BUF(head->limit);
    *body = PH_BUF(body->limit);
    inner->headers = PH_BUF(512 * 1024);
    inner->answer = PH_BUF(config->answer_max);
    if (!parse(inner, no)) {
        free_inner(inner);
        return false;
    }
    queue(inner);
    *out = inner;
    return true;
}

static void closed(struct ph_http_inner *inner, bool sent_all)
{
    const struct ph_http_handler *h = &inner->server->handler;

    if (inner->begun) {
        inner->server->req_cnt--;
        h->on_closed(h->ctx, &inner->req, sent_all);
    }
    inner->begun = false;
}

void ph_http_inner_cut(struct ph_http_inner *inner)
{
    assert(!inner->over && !inner->cut);
    inner->cut = true;
    inner->req.begun = inner->req.answered = true;
    closed(inner, false);
    queue(inner);
}

/* on_request, then the body as far as it is wanted. */
static void advance(struct ph_http_inner *inner)
{
    const struct ph_http_handler *h = &inner->server->handler;
    struct ph_http_req *req = &inner->req;

    if (!inner->begun) {
        inner->begun = true;
        inner->server->req_cnt++;
        h->on_request(h->ctx, req);
    }
    while (inner->body_off < inner->body.len && !req->paused && !req->answered) {
        const size_t left = inner->body.len - inner->body_off, n = left < PIECE ? left : PIECE;
        const struct ph_bytes piece = {inner->body.ptr + inner->body_off, n};
        inner->body_off += n;
        h->on_body(h->ctx, req, piece);
    }
    if (inner->body_off == inner->body.len && !req->body_done && !req->paused && !req->answered) {
        req->body_done = true;
        h->on_body_end(h->ctx, req);
    }
}

void ph_http_inner_run_all(struct ph_http_server *server)
{
    struct ph_http_inner *inner = server->inner_first;

    /* As with connections: what is queued from here on belongs to the next turn. */
    server->inner_first = server->inner_last = NULL;
    while (inner) {
        struct ph_http_inner *next = inner->next;
        inner->queued = false;
        if (!inner->cut && !inner->over)
            advance(inner);
        else if (inner->over)
            closed(inner, inner->end == PH_HTTP_INNER_WHOLE);
        if ((inner->cut || inner->over) && !inner->begun && !inner->queued)
            free_inner(inner);
        inner = next;
    }
}

static void finish(struct ph_http_inner *inner, enum ph_http_inner_end end, struct ph_bytes headers,
                   struct ph_bytes body, struct ph_bytes trailers)
{
    const bool bodiless =
        inner->status == 204 || inner->status == 304 || ph_bytes_is(inner->req.head.method, "HEAD");
    const struct ph_http_inner_answer answer = {
        .end = end,
        .status = inner->status,
        .headers = headers,
        .trailers = trailers,
        .body = bodiless ? (struct ph_bytes){NULL, 0} : body,
    };

    inner->req.begun = inner->req.answered = inner->over = true;
    inner->end = end;
    inner->config.done(inner->config.ctx, &answer);
    queue(inner);
}

static bool is_over(const struct ph_http_inner *inner)
{
    return inner->over || inner->cut;
}

static uint16_t sane(uint16_t status)
{
    return status < 200 || status > 599 ? 502 : status;
}

void ph_http_inner_respond(struct ph_http_inner *inner, uint16_t status, struct ph_bytes headers,
                           struct ph_bytes body)
{
    assert(!inner->req.begun);
    inner->status = sane(status);
    inner->req.one_piece = true;
    finish(inner, PH_HTTP_INNER_WHOLE, headers, body, (struct ph_bytes){NULL, 0});
}

void ph_http_inner_start(struct ph_http_inner *inner, uint16_t status, struct ph_bytes headers)
{
    assert(!inner->req.begun);
    inner->status = sane(status);
    inner->req.begun = true;
    if (ph_buf_add(&inner->headers, headers) != PH_OK)
        finish(inner, PH_HTTP_INNER_TOO_LONG, (struct ph_bytes){NULL, 0},
               (struct ph_bytes){NULL, 0}, (struct ph_bytes){NULL, 0});
}

/* The handler learns from on_closed that nobody wants the rest. */
size_t ph_http_inner_write(struct ph_http_inner *inner, struct ph_bytes data)
{
    if (!is_over(inner) && ph_buf_add(&inner->answer, data) != PH_OK)
        finish(inner, PH_HTTP_INNER_TOO_LONG, ph_buf_view(&inner->headers),
               (struct ph_bytes){NULL, 0}, (struct ph_bytes){NULL, 0});
    return 0;
}

void ph_http_inner_end(struct ph_http_inner *inner, struct ph_bytes trailers)
{
    if (!is_over(inner))
        finish(inner, PH_HTTP_INNER_WHOLE, ph_buf_view(&inner->headers),
               ph_buf_view(&inner->answer), trailers);
}

void ph_http_inner_abort(struct ph_http_inner *inner)
{
    if (is_over(inner))
        return;
    if (inner->status == 0)
        inner->status = 502;
    finish(inner, PH_HTTP_INNER_CUT, ph_buf_view(&inner->headers), (struct ph_bytes){NULL, 0},
           (struct ph_bytes){NULL, 0});
}

void ph_http_inner_resume(struct ph_http_inner *inner)
{
    if (!is_over(inner))
        queue(inner);
}

struct ph_bytes ph_http_inner_block(const struct ph_http_inner *inner)
{
    return (struct ph_bytes){inner->block, inner->req.head.block_len};
}

uint32_t ph_http_inner_tag(const struct ph_http_inner *inner)
{
    return inner->tag;
}

bool ph_http_inner_is_tls(const struct ph_http_inner *inner)
{
    return inner->config.is_tls;
}

const char *ph_http_inner_remote(const struct ph_http_inner *inner)
{
    return inner->remote;
}
