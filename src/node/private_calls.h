#ifndef PH_NODE_PRIVATE_CALLS_H
#define PH_NODE_PRIVATE_CALLS_H

/* The Oblivious HTTP gateway: opens an envelope, lets the request inside go the way of any other,
 * and seals its answer. docs/private-calls.md
 *
 *   POST /.well-known/ohttp-gateway ── head ──▶ phala-keyd ── that envelope's keys
 *     open → binary HTTP → Date? once in the cluster? → ph_http_inner_begin → … → answer → seal
 *
 * Layer: node. Spec: RFC 9458, RFC 9540. Tests: tests/integration/private_calls.test.mjs.
 */

#include "http/server.h"
#include "node/node.h"

struct ph_private_gateway;

enum {
    PH_PRIVATE_REQUEST_MAX = 1024 * 1024,    /* bytes of an envelope */
    PH_PRIVATE_ANSWER_MAX = 4 * 1024 * 1024, /* bytes of an answer's body */
    PH_PRIVATE_CALLS_MAX = 512,              /* at a time */
    PH_PRIVATE_HELD_MAX = 64 * 1024 * 1024,  /* bytes of all envelopes together */
};

/* PH_ERR_NOMEM. Borrows node. */
PH_CHECKED enum ph_err ph_private_gateway_new(struct ph_node *node,
                                              struct ph_private_gateway **out);
/* After the HTTP server closed. NULL is fine. */
void ph_private_gateway_free(struct ph_private_gateway *gateway);

/* Routes; see api.h. */
void ph_api_ohttp_keys(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);
void ph_api_ohttp_gateway(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);

#endif
