#ifndef PH_NODE_CHAIN_WORKER_H
#define PH_NODE_CHAIN_WORKER_H

/* A worker that answers contracts: it follows PhatAnchor, runs the chain handler of phats that are
 * deployed here, signs what they answer and brings it on chain. Every request is answered once:
 * over crashes by the journal of chain_client.h, between workers by the anchor.
 *
 *   Requested ─▶ whose phat? ─▶ chain(request, env, ctx) ─▶ ANSWER_SIGN ─▶ fulfill ─▶ final
 *
 * Layer: node. Tests: tests/integration/chain_worker.test.mjs (anvil, the contracts).
 */

#include "chain/network.h"
#include "node/chain_registrar.h"
#include "node/node.h"

struct ph_chain_worker;

/* With config->chain_urls and config->network_file; the worker's identity is that of the network's
 * from then on. Errors are logged. */
PH_CHECKED enum ph_err ph_chain_worker_new(struct ph_node *node, struct ph_chain_worker **out);
/* After the instances: calls that run know of it. NULL is fine. */
void ph_chain_worker_free(struct ph_chain_worker *worker);
/* Take no new requests, bring what was answered on chain, and say there that the worker rests. */
void ph_chain_worker_stop(struct ph_chain_worker *worker);
bool ph_chain_worker_is_done(const struct ph_chain_worker *worker);
/* For GET /v1/info. */
struct ph_chain_status {
    struct ph_eth_address account; /* pays for gas */
    uint64_t head, final_number;   /* blocks that were read; 0: none yet */
    size_t requests;               /* not answered for good */
    size_t transactions;           /* kept: not final, or their outcome is needed */
    bool registers;                /* else `registration` is zero */
    struct ph_chain_registration registration;
};
void ph_chain_worker_status(const struct ph_chain_worker *worker, struct ph_chain_status *out);
const struct ph_network *ph_chain_worker_network(const struct ph_chain_worker *worker);

#endif
