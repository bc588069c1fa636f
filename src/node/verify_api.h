#ifndef PH_NODE_VERIFY_API_H
#define PH_NODE_VERIFY_API_H

/* Verification as a service: POST /verify and POST /v1/evidence/verify. Judging runs on a thread of
 * its own, so that calls go on meanwhile; bodies, requests under way and the time to send one are
 * bounded. Nobody signs: what is answered follows from the request, the clock and public documents.
 *
 * Layer: node. Tests: verify_api_test.c (threads), tests/integration/verify_api.test.mjs.
 */

#include "node/node.h"

struct ph_verifier;

/* Borrows node; reads the list of OS images its configuration names. PH_ERR_NOMEM, PH_ERR_IO; what
 * ph_os_images_parse returns, logged. */
PH_CHECKED enum ph_err ph_verifier_new(struct ph_node *node, struct ph_verifier **out);
/* Waits for the judgement under way. NULL is fine. Requests must have been closed before. */
void ph_verifier_free(struct ph_verifier *verifier);

void ph_api_verify_dstack(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);
void ph_api_verify_evidence(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);

#endif
