#ifndef PH_NODE_KEYD_CHAIN_H
#define PH_NODE_KEYD_CHAIN_H

/* What phala-keyd signs for a chain. Errors as in keyd_client.h; PH_ERR_NOT_FOUND: it was started
 * without a network.
 *
 * Layer: node. Tests: keyd_chain_test.c (the real process).
 */

#include "chain/anchor.h"
#include "chain/consent.h"
#include "node/keyd_client.h"

/* The account that pays for the worker's transactions. */
PH_CHECKED enum ph_err ph_keyd_chain_key(struct ph_keyd_client *client,
                                         struct ph_eth_address *sender,
                                         char why[static PH_KEYD_WHY_LEN]);
/* A transaction of that account. PH_ERR_UNTRUSTED: not one that a worker sends, or over a limit. */
PH_CHECKED enum ph_err ph_keyd_tx_sign(struct ph_keyd_client *client, struct ph_bytes unsigned_tx,
                                       uint8_t sig[static 65], char why[static PH_KEYD_WHY_LEN]);
/* An answer, with the key that the worker is registered under. */
PH_CHECKED enum ph_err ph_keyd_answer_sign(struct ph_keyd_client *client,
                                           const struct ph_anchor_answer *answer,
                                           uint8_t sig[static 65],
                                           char why[static PH_KEYD_WHY_LEN]);

/* What the worker says of itself to the registry, for transactions of that account. */
PH_CHECKED enum ph_err ph_keyd_worker_says(struct ph_keyd_client *client, enum ph_worker_word word,
                                           const struct ph_hash32 *worker_id,
                                           uint8_t sig[static 65],
                                           char why[static PH_KEYD_WHY_LEN]);

#endif
