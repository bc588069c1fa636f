#ifndef PH_HTTP_WS_H
#define PH_HTTP_WS_H

/* A WebSocket to a server, on a client of http/client.h: the same rules and addresses, the same
 * roots for certificates, the same loop (ph_http_client_fd, _timeout_ms, _run).
 *
 * The client must have no fetches beside it: libcurl ends connections that it takes for idle when
 * it opens others.
 *
 * Layer: http. Spec: RFC 6455. Tests: ws_test.c, against a server of the test's own.
 */

#include "http/client.h"

struct ph_http_ws;

struct ph_http_ws_spec {
    struct ph_bytes url;                /* http:// or https:// stand for ws:// and wss:// */
    const struct ph_egress_rule *rules; /* copied */
    size_t rule_cnt;
    uint32_t timeout_ms; /* until it is open */
    size_t message_max;  /* bytes of one that comes */
    size_t queue_max;    /* bytes of those that wait to leave */
};

/* From ph_http_client_run alone. */
struct ph_http_ws_events {
    /* A message, whole. */
    void (*on_message)(void *ctx, struct ph_bytes text);
    /* It is over, and gone: a code of struct ph_http_fetch_events, "closed" when the server said
     * goodbye or hung up, "limit" for one over a limit of ws_frames.h. */
    void (*on_close)(void *ctx, const char *code);
    void *ctx;
};

/* Connect. PH_ERR_NOMEM, PH_ERR_LIMIT: too many connections; PH_ERR_IO: no randomness. */
PH_CHECKED enum ph_err ph_http_ws_open(struct ph_http_client *client,
                                       const struct ph_http_ws_spec *spec,
                                       const struct ph_http_ws_events *events,
                                       struct ph_http_ws **out);
/* Queue a message; it leaves once the server has agreed. PH_ERR_LIMIT: over queue_max.
 * PH_ERR_CLOSED: it is over, on_close will say so. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_http_ws_send(struct ph_http_ws *ws, struct ph_bytes text);
/* Hang up: no further event comes, `ws` is not to be used again. */
void ph_http_ws_drop(struct ph_http_ws *ws);

#endif
