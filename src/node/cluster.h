#ifndef PH_NODE_CLUSTER_H
#define PH_NODE_CLUSTER_H

/* phalad's part in the hand-over of a cluster's keys (keys/handover.h): it carries the messages,
 * asks the machine for the evidence, and writes down what happened. phala-keyd judges.
 *
 * Layer: node. Tests: tests/integration/cluster.test.mjs.
 */

#include "http/server.h"
#include "node/node.h"

/* A policy for development, where none is named and the TEE is the simulator: evidence of this
 * simulator's root with this worker's own measurement. Written under the data directory; its path
 * goes to `path`. */
PH_CHECKED enum ph_err ph_cluster_simulator_policy(struct ph_node *node, char *path, size_t cap);

/* Before anything is served: get the keys from the worker at config->join. Blocks. What went wrong
 * is logged. */
PH_CHECKED enum ph_err ph_cluster_join(struct ph_node *node);

/* Before anything is served by a worker that has its keys: ask the worker at config->join what it
 * knows of states and secrets. Blocks for some seconds at most; what went wrong is logged, and the
 * worker goes on with what it knows itself. */
void ph_cluster_ask_again(struct ph_node *node);

void ph_api_cluster_nonce(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);
void ph_api_cluster_join(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);
void ph_api_cluster_handovers(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);

#endif
