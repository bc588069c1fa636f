#ifndef PH_NODE_ROUTES_H
#define PH_NODE_ROUTES_H

/* Which request goes where. The table of /v1 is the list that api/openapi.yaml is held against.
 *
 * Layer: node. Tests: tests/integration/openapi.test.mjs.
 */

#include "http/server.h"
#include "node/node.h"

/* The server's callbacks; ctx is the node. */
struct ph_http_handler ph_routes_handler(struct ph_node *node);
/* Append "METHOD path" lines of every route: what phalad --print-routes prints. PH_ERR_NOMEM,
 * PH_ERR_LIMIT. */
PH_CHECKED enum ph_err ph_routes_list(struct ph_buf *out);

#endif
