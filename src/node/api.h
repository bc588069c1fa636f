#ifndef PH_NODE_API_H
#define PH_NODE_API_H

/* The worker's own API. One function per route; `arg` is the {id} of the path, empty where there is
 * none. Contract: api/openapi.yaml. What owners ask is signed: keys/eip712.h.
 *
 * Layer: node. Tests: tests/integration/deploy.test.mjs, openapi.test.mjs, logs.test.mjs,
 * attestation.test.mjs.
 */

#include "http/server.h"
#include "node/attester.h"
#include "node/node.h"

void ph_api_health(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);
void ph_api_ready(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);
void ph_api_metrics(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);
void ph_api_info(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);
void ph_api_attestation(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);
void ph_api_receipt(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);
void ph_api_phats_list(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);
void ph_api_phat_show(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);
void ph_api_phat_deploy(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);
void ph_api_phat_delete(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);
void ph_api_phat_secrets(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);
void ph_api_phat_logs(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);
/* state_moves.c: docs/state.md, "Export and import". */
void ph_api_state_export(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);
void ph_api_state_import(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);
/* The worker stops: end the answers of those who follow a log. */
void ph_api_end_followers(struct ph_node *node);

/* Value of a query parameter of the request's target; empty if absent. No decoding: our parameters
 * need none. */
struct ph_bytes ph_api_query(const struct ph_http_req *req, const char *name);

/**
 * Who asks, and may they: the Authorization header, its signature, worker, expiry, action and name.
 *
 * @req     answered with an error when the result is not PH_OK
 * @action  what this route is for
 */
PH_CHECKED enum ph_err ph_api_authorize(struct ph_node *node, struct ph_http_req *req,
                                        const char *action, struct ph_owner_request *out,
                                        uint8_t sig[static 65], struct ph_eth_address *owner);
/* The worker takes phats of this owner. */
bool ph_api_owner_is_allowed(const struct ph_config *config, const struct ph_eth_address *owner);

#endif
