#ifndef PH_NODE_CHAIN_REGISTRAR_H
#define PH_NODE_CHAIN_REGISTRAR_H

/* A worker's place in WorkerRegistry: it registers with its own evidence and its operator's
 * consent, renews before half of its lease is over, shows new keys of its cluster, rests when it is
 * stopped and wakes when it is back. Everything is decided from what the chain says now
 * (chain/lease.h), so a restart at any point goes on where it was; transactions are durable in the
 * client's journal. What stands in the way is said, and tried again later.
 *
 *   Lens.statusOf ─▶ decide ─▶ quote over the beacon's value ─▶ asked whether it would be taken
 *                      ─▶ register / renew ─▶ mined ─▶ Lens.statusOf …
 *
 * Layer: node. Tests: tests/integration/chain_register.test.mjs (anvil, the contracts).
 */

#include "chain/lease.h"
#include "chain/txman.h"
#include "ipc/messages.h"
#include "node/node.h"

struct ph_chain_worker;
struct ph_chain_registrar;

/* Reads the consent that was given before. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_chain_registrar_new(struct ph_chain_worker *worker,
                                              struct ph_chain_registrar **out);
/* After the node's attester. NULL is fine. */
void ph_chain_registrar_free(struct ph_chain_registrar *registrar);

/* The nodes are of the right chain: begin to look. */
void ph_chain_registrar_start(struct ph_chain_registrar *registrar);
/* From the client: a transaction came to a state, perhaps one of this part's. */
void ph_chain_registrar_changed(struct ph_chain_registrar *registrar, const struct ph_hash32 *key,
                                const struct ph_txman_outcome *outcome);

/* Answers count now. */
bool ph_chain_registrar_is_live(const struct ph_chain_registrar *registrar);
/* Another key is on its way to take the place of the one that signs: sign no answer until then. */
bool ph_chain_registrar_rotates(const struct ph_chain_registrar *registrar);
/* Say on chain that nothing new is taken … */
void ph_chain_registrar_stop(struct ph_chain_registrar *registrar);
/* … which is said, or need not be, or cannot be because no node answers. */
bool ph_chain_registrar_is_at_rest(const struct ph_chain_registrar *registrar);

/* PUT /v1/chain/consent. */
void ph_api_chain_consent(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);

struct ph_chain_registration {
    bool known, live; /* known: the chain was asked; else the rest is zero */
    enum ph_worker_state state;
    struct ph_hash32 id; /* zero: none yet */
    uint64_t lease_until, time;
    enum ph_worker_key second_is; /* of its keys that sign, the second one */
    struct ph_eth_address second;
    uint64_t refused_cnt; /* times that it could not go on */
    const char *why;      /* what stands in the way; empty: nothing */
};
void ph_chain_registrar_status(const struct ph_chain_registrar *registrar,
                               struct ph_chain_registration *out);

#endif
