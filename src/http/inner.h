#ifndef PH_HTTP_INNER_H
#define PH_HTTP_INNER_H

/* Requests that came inside another message (Oblivious HTTP): they go through the server's handler
 * as if a connection carried them, and through the same parser of heads; their answers are
 * collected and given to whoever began them.
 *
 *   outer request ── ph_http_inner_begin ──▶ on_request, on_body, on_body_end
 *                    done ◀── ph_http_respond*, then on_closed
 *
 * Layer: http. Tests: inner_test.c, tests/integration/private_calls.test.mjs.
 */

#include "http/head.h"
#include "http/server.h"

struct ph_http_inner;

enum ph_http_inner_end {
    PH_HTTP_INNER_WHOLE,
    PH_HTTP_INNER_CUT,      /* the handler gave up in the middle */
    PH_HTTP_INNER_TOO_LONG, /* more than answer_max bytes of body, or no memory for them */
};

/* Views, valid during `done`. */
struct ph_http_inner_answer {
    enum ph_http_inner_end end;        /* unless whole, only `status` and `headers` hold */
    uint16_t status;                   /* 200 to 599 */
    struct ph_bytes headers, trailers; /* as the handler gave them: read with ph_http_block_next */
    struct ph_bytes body;              /* empty where HTTP has none: HEAD, 204, 304 */
};

struct ph_http_inner_config {
    bool is_tls;       /* what ph_http_req_is_tls says */
    size_t answer_max; /* bytes of a streamed answer's body */
    /* The answer; called from within the server's run, once, unless the request is cut before.
     * Afterwards the inner request is none of the asker's business. */
    void (*done)(void *ctx, const struct ph_http_inner_answer *answer);
    void *ctx;
};

/**
 * Begin a request; the handler sees it in the next turn of the server.
 *
 * @outer  what it came in; its listener's tag and its remote address are the inner one's
 * @head   an HTTP/1.1 head with its empty line; no Transfer-Encoding, and a Content-Length only if
 *         it is right. Taken, as is
 * @body   the whole body; both are left empty, also on failure
 * @no     written when refused
 *
 * Returns false: refused with the status, code and sentence that a connection would answer with.
 */
PH_CHECKED bool ph_http_inner_begin(struct ph_http_req *outer,
                                    const struct ph_http_inner_config *config, struct ph_buf *head,
                                    struct ph_buf *body, struct ph_http_inner **out,
                                    struct ph_http_refusal *no);
/* The asker is gone: on_closed(false), no `done`. Not after `done`. */
void ph_http_inner_cut(struct ph_http_inner *inner);

#endif
