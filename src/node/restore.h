#ifndef PH_NODE_RESTORE_H
#define PH_NODE_RESTORE_H

/* `phalad --restore`: before anything else is served, this worker takes the shares of a backup of
 * its cluster's keys (keys/escrow.h) from their holders. phala-keyd judges and combines them.
 *
 * Layer: node. Tests: tests/integration/escrow.test.mjs.
 */

#include "http/server.h"
#include "node/node.h"

/* Run the event loop, whose server is open, until the keys are there. PH_ERR_CLOSED: the worker was
 * stopped before. */
PH_CHECKED enum ph_err ph_restore_wait(struct ph_node *node);

/* GET: the key that shares are sealed to, and evidence for it over the holder's nonce. POST: u16be
 * length || backup || share. Refused on a worker that has its keys. */
void ph_api_restore_show(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);
void ph_api_restore_share(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);

#endif
