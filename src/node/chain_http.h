#ifndef PH_NODE_CHAIN_HTTP_H
#define PH_NODE_CHAIN_HTTP_H

/* JSON-RPC bodies to nodes of a chain, over HTTP or a WebSocket (chain_ws.h) on phalad's loop: the
 * transport of chain/rpc.h. It has clients of its own, beside the one for phats: endpoints are
 * named by the operator and may lie on loopback or in a private network, and no phat can use these.
 *
 * Layer: node. Tests: tests/integration/chain_client.test.mjs, chain_ws.test.mjs.
 */

#include "chain/rpc.h"
#include "node/loop.h"

enum {
    PH_CHAIN_HTTP_TIMEOUT_MS = 10000,
    PH_CHAIN_HTTP_WHY_LEN = 256,
    PH_CHAIN_HTTP_URLS_MAX = 16,
};

struct ph_chain_http;

struct ph_chain_http_config {
    struct ph_loop *loop;
    const char *const *urls; /* http, https, ws or wss, with a path if need be */
    size_t url_cnt;          /* 1 to PH_CHAIN_HTTP_URLS_MAX */
    bool binary;             /* bodies are bytes, not JSON; not for WebSockets */
    /* A body of a 2xx answer, or a message with the ids of this ticket; anything else. */
    void (*answered)(void *ctx, uint64_t ticket, struct ph_bytes body);
    void (*failed)(void *ctx, uint64_t ticket);
    /* Instead of `failed`, where it is not NULL: an answer of another status. */
    void (*refused)(void *ctx, uint64_t ticket, struct ph_bytes body);
    /* An endpoint says that there is a new block; nothing says that it is true. */
    void (*woken)(void *ctx, size_t endpoint);
    void *ctx;
};

/* PH_ERR_MALFORMED: a URL, see why. PH_ERR_IO, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_chain_http_new(const struct ph_chain_http_config *config,
                                         struct ph_chain_http **out,
                                         char why[static PH_CHAIN_HTTP_WHY_LEN]);
/* Posts under way are dropped without a word. NULL is fine. */
void ph_chain_http_free(struct ph_chain_http *http);
/* For struct ph_rpc_transport; ctx is the ph_chain_http. */
PH_CHECKED enum ph_err ph_chain_http_post(void *ctx, size_t endpoint, uint64_t ticket,
                                          struct ph_bytes body);

#endif
