#ifndef PH_NODE_CALL_GATE_H
#define PH_NODE_CALL_GATE_H

/* Before a call begins: is this the worker that has the phat's state? In a cluster a call of a phat
 * with state waits here until that is known, its body unread; then it begins, or the caller is sent
 * to the holder (307, docs/cluster.md).
 *
 * Layer: node. Tests: tests/integration/takeover.test.mjs.
 */

#include "node/calls.h"
#include "node/phats.h"

/* As ph_call_begin. */
void ph_call_gate(struct ph_node *node, struct ph_http_req *req, struct ph_phat *phat,
                  struct ph_bytes target);
/* The same for what the API does with a phat's state: `begin` takes the request here, as it came,
 * or its caller is sent to the same path of the holder. `target` is the request's own. */
void ph_call_gate_api(struct ph_node *node, struct ph_http_req *req, struct ph_phat *phat,
                      struct ph_bytes target,
                      void (*begin)(struct ph_node *node, struct ph_http_req *req,
                                    struct ph_phat *phat, struct ph_bytes target));
/* As ph_call_scheduled; of all workers one runs it. */
void ph_call_gate_scheduled(struct ph_node *node, struct ph_phat *phat, const char *cron,
                            int64_t at_ms);

#endif
