#ifndef PH_NODE_GUEST_CALLS_H
#define PH_NODE_GUEST_CALLS_H

/* The methods of the guest agent: node/guest_agent.h has the sockets.
 *
 * Layer: node. Source of the formats: dstack, sdk/curl/api.md. Tests:
 * tests/integration/guest_agent.test.mjs with dstack's own SDK.
 */

#include "node/phats.h"

/* Answer a request for the phat of this id, now or when its body is there. */
void ph_guest_call_begin(struct ph_node *node, struct ph_http_req *req,
                         const struct ph_phat_id *phat);

#endif
