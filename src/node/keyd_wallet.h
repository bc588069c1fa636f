#ifndef PH_NODE_KEYD_WALLET_H
#define PH_NODE_KEYD_WALLET_H

/* phala-keyd's part in the accounts of phats on chain. Errors as in keyd_client.h. Event loop only:
 * both give up at once while phala-keyd is stalled (PH_ERR_AGAIN).
 *
 * Layer: node. Tests: keyd_wallet_test.c (the real process).
 */

#include "node/keyd_client.h"

/**
 * Have the account of a phat opened, under the policy of this bundle.
 *
 * @deploy    the owner's request for the bundle
 * @manifest  its phat.json
 * @files     codec/bundle.h, ph_bundle_list_tar
 * @ledger    what ph_keyd_wallet_sign gave last; empty: nothing was signed for this phat here
 * @sends     whether this is the worker that the policy names
 *
 * Returns PH_ERR_UNTRUSTED  not the owner's, or older than what was opened before
 *         PH_ERR_MALFORMED, PH_ERR_NOT_FOUND, PH_ERR_LIMIT: see why
 */
PH_CHECKED enum ph_err ph_keyd_wallet_open(struct ph_keyd_client *client,
                                           const struct ph_owner_request *deploy,
                                           const uint8_t owner_sig[static 65],
                                           struct ph_bytes manifest, struct ph_bytes files,
                                           struct ph_bytes ledger, struct ph_eth_address *address,
                                           bool *sends, char why[static PH_KEYD_WHY_LEN]);
/* A signature by that account. @ledger appended: to be durable before the signature is used.
 * PH_ERR_UNTRUSTED, PH_ERR_LIMIT: against the policy. PH_ERR_NOT_FOUND: not opened. */
PH_CHECKED enum ph_err ph_keyd_wallet_sign(struct ph_keyd_client *client,
                                           const struct ph_phat_id *phat,
                                           struct ph_bytes unsigned_tx, uint8_t sig[static 65],
                                           struct ph_buf *ledger, char why[static PH_KEYD_WHY_LEN]);

#endif
