#ifndef PH_NODE_CHAIN_READ_H
#define PH_NODE_CHAIN_READ_H

/* env.CHAIN: a phat asks the chain of this worker, at final blocks, and gets what a quorum of nodes
 * says. The question travels as a fetch of PH_CHAIN_READ_URL, so it counts as one.
 *
 * Layer: node. Form: chain/query.h. Tests: tests/integration/chain_read.test.mjs.
 */

#include "node/node.h"

#define PH_CHAIN_READ_URL "phala-chain:"
enum { PH_CHAIN_READ_WHY_LEN = 256 };

struct ph_chain_reading;

/* One of the two, once, never from inside ph_chain_read. */
struct ph_chain_read_events {
    void (*done)(void *ctx, struct ph_bytes json);
    void (*failed)(void *ctx, const char *code, const char *message);
    void *ctx;
};

/* PH_ERR_NOT_FOUND: the worker is on no chain, or knows no final block yet. PH_ERR_MALFORMED: no
 * question. PH_ERR_LIMIT: too many under way. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_chain_read(struct ph_node *node, struct ph_bytes question,
                                     const struct ph_chain_read_events *events,
                                     struct ph_chain_reading **out,
                                     char why[static PH_CHAIN_READ_WHY_LEN]);
/* Nobody wants the answer any more. NULL is fine. */
void ph_chain_read_forget(struct ph_chain_reading *reading);

#endif
