#ifndef PH_NODE_CHAIN_COMMITTEE_H
#define PH_NODE_CHAIN_COMMITTEE_H

/* A worker on a committee of its chain (contracts/src/committee): it certifies evidence of others,
 * which phala-keyd judges, keeps what it certified for as long as anybody can ask about it, and
 * gives its verdict about certificates that are challenged.
 *
 * Layer: node. Tests: tests/integration/chain_committee.test.mjs.
 */

#include "node/node.h"

struct ph_http_req;

/* POST /v1/committee/certificate: abi.encode(Certificate, bytes evidence) to
 * abi.encode(Certificate, bytes[] signatures), with one signature. */
void ph_api_committee_certificate(struct ph_node *node, struct ph_http_req *req,
                                  struct ph_bytes arg);
/* POST /v1/committee/verdict: the same, with all claims, to {"certificate","genuine","signer",
 * "signature"}. */
void ph_api_committee_verdict(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);
/* GET /v1/committee/evidence/{hash}: keccak-256, hexadecimal. */
void ph_api_committee_evidence(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);

#endif
