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
/* "METHOD path" lines of every route, as phalad --print-routes gives them. */
void ph_routes_print(void);

#endif
