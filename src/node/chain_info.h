#ifndef PH_NODE_CHAIN_INFO_H
#define PH_NODE_CHAIN_INFO_H

/* The member "chain" of GET /v1/info: api/openapi.yaml.
 *
 * Layer: node. Tests: tests/integration/chain_worker.test.mjs, openapi.test.mjs.
 */

#include "codec/json.h"
#include "node/node.h"

/* Null when the worker is on no chain. NULL: no memory. The caller's. */
json_t *ph_chain_info(const struct ph_node *node);
/* Its member "registration" alone, for GET /readyz. */
json_t *ph_chain_registration_info(const struct ph_node *node);
/* Before GET /metrics. */
void ph_chain_count(const struct ph_node *node, struct ph_metrics *metrics);

#endif
