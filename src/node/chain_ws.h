#ifndef PH_NODE_CHAIN_WS_H
#define PH_NODE_CHAIN_WS_H

/* JSON-RPC bodies to one node over a WebSocket: the part of chain_http.h for ws:// and wss://. The
 * connection is made for the first body and made anew for the next one after it was lost; bodies
 * under way fail with it. The node is asked to tell of new blocks: that wakes, and is believed
 * nothing.
 *
 * A body that is not answered in time ends the connection, and so does anything that is neither
 * answer nor news, or too much of what was not asked for.
 *
 * Layer: node. Tests: tests/integration/chain_ws.test.mjs.
 */

#include "chain/rpc_wire.h"
#include "http/egress.h"
#include "node/loop.h"

enum {
    PH_CHAIN_WS_QUEUE_MAX = 32 << 20,   /* bytes that wait to leave */
    PH_CHAIN_WS_POSTS_MAX = 1024,       /* under way */
    PH_CHAIN_WS_UNASKED_MAX = 32 << 20, /* bytes that were not asked for, in a window of */
    PH_CHAIN_WS_UNASKED_MS = 10000,
};

struct ph_chain_ws;

struct ph_chain_ws_config {
    struct ph_loop *loop;
    const char *url;  /* http or https in place of ws and wss; outlives it */
    const char *host; /* "host:port", which may be private; borrowed for the call */
    struct ph_egress_rule rule;
    uint32_t timeout_ms; /* for the opening, and for each body */
    void (*answered)(void *ctx, uint64_t ticket, struct ph_bytes body);
    void (*failed)(void *ctx, uint64_t ticket);
    void (*woken)(void *ctx); /* there may be a new block */
    void *ctx;
};

/* PH_ERR_IO, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_chain_ws_new(const struct ph_chain_ws_config *config,
                                       struct ph_chain_ws **out);
/* Bodies under way are dropped without a word. NULL is fine. */
void ph_chain_ws_free(struct ph_chain_ws *ws);
/* As struct ph_rpc_transport's post. */
PH_CHECKED enum ph_err ph_chain_ws_post(struct ph_chain_ws *ws, uint64_t ticket,
                                        struct ph_bytes body);

#endif
