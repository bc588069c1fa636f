#ifndef PH_NODE_EGRESS_H
#define PH_NODE_EGRESS_H

/* fetch() of a phat: frames of its instance on one side, the checked HTTP client on the other.
 *
 * Layer: node. Tests: tests/integration/egress.test.mjs.
 */

#include "node/instances.h"

/* A frame FETCH, FETCH_SEND, FETCH_SEND_END, FETCH_CANCEL, or CREDIT_D for a fetch.
 * PH_ERR_MALFORMED: kill the instance. */
PH_CHECKED enum ph_err ph_egress_frame(struct ph_instance *instance,
                                       const struct ph_ipc_frame *frame);
/* What was queued to the instance is out: pass on what waited for that. */
void ph_egress_drained(struct ph_instance *instance);
/* Drop everything the instance has under way. */
void ph_egress_cancel_all(struct ph_instance *instance);

#endif
