#ifndef PH_NODE_HANDOVERS_H
#define PH_NODE_HANDOVERS_H

/* The list of hand-overs of the cluster's keys that this worker took part in, append-only, one JSON
 * line each in `handovers.jsonl` under the data directory; also in the log.
 *
 * Layer: node. Tests: tests/integration/cluster.test.mjs.
 */

#include "node/node.h"

enum { PH_HANDOVERS_SHOWN_MAX = 1 << 20 }; /* bytes of the newest that are shown */

/**
 * Write one down; durable when this returns.
 *
 * @what         "gave" or "took"
 * @peer         the other worker's receipt signer
 * @measurement  of the other's code, as phala-keyd proved it
 * @remote       address it was reached at, or came from
 *
 * Returns PH_ERR_IO, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_handovers_add(struct ph_node *node, const char *what,
                                        const struct ph_eth_address *peer, const char *measurement,
                                        const char *remote);
/* {"handovers":[…]}, oldest first, appended. PH_ERR_IO, PH_ERR_LIMIT, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_handovers_list(struct ph_node *node, struct ph_buf *out);

#endif
