#ifndef PH_PHALA_KEYD_CHAIN_H
#define PH_PHALA_KEYD_CHAIN_H

/* What phala-keyd signs for a chain: transactions of the worker's own account, which pays for gas,
 * and answers to contracts' requests with the key that the worker is registered under. Only for the
 * network that it was started with. docs/keys.md lists the roles. */

#include "cluster.h"
#include "keyring.h"

#include "chain/tx_policy.h"
#include "ipc/messages.h"

struct keyd_chain {
    bool is_set; /* false: nothing is signed */
    struct ph_network network;
    struct ph_tx_budget budget;
};

/* The network's file. PH_ERR_MALFORMED, PH_ERR_IO: see why. */
PH_CHECKED enum ph_err chain_load(struct keyd_chain *chain, const char *path,
                                  char why[static CLUSTER_WHY_LEN]);

/* Answers to CHAIN_KEY, TX_SIGN, ANSWER_SIGN and WORKER_SAYS. An error: `why` says what is refused.
 */
PH_CHECKED enum ph_err chain_key(struct keyd_chain *chain, struct keyring *ring,
                                 const struct ph_ipc_frame *frame, struct ph_buf *reply,
                                 char why[static CLUSTER_WHY_LEN]);
PH_CHECKED enum ph_err chain_tx_sign(struct keyd_chain *chain, struct keyring *ring,
                                     const struct ph_ipc_frame *frame, int64_t now_s,
                                     struct ph_buf *reply, char why[static CLUSTER_WHY_LEN]);
PH_CHECKED enum ph_err chain_answer_sign(struct keyd_chain *chain, struct keyring *ring,
                                         const struct ph_ipc_frame *frame, struct ph_buf *reply,
                                         char why[static CLUSTER_WHY_LEN]);

PH_CHECKED enum ph_err chain_worker_says(struct keyd_chain *chain, struct keyring *ring,
                                         const struct ph_ipc_frame *frame, struct ph_buf *reply,
                                         char why[static CLUSTER_WHY_LEN]);

#endif
