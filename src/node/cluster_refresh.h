#ifndef PH_NODE_CLUSTER_REFRESH_H
#define PH_NODE_CLUSTER_REFRESH_H

/* A worker that was started with --join asks the worker there for epochs that are newer than its
 * own, by the same hand-over that gave it its keys (keys/handover.h).
 *
 * Layer: node. Tests: tests/integration/keys.test.mjs.
 */

#include "node/node.h"

struct ph_refresh;

/* Begin asking, every few seconds. PH_OK and nothing without config->join_url. */
PH_CHECKED enum ph_err ph_refresh_open(struct ph_node *node);
void ph_refresh_close(struct ph_node *node);

#endif
