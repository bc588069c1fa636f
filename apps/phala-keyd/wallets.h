#ifndef PH_PHALA_KEYD_WALLETS_H
#define PH_PHALA_KEYD_WALLETS_H

/* Accounts of phats on chain: one secp256k1 key each, of the cluster's identity. What one signs is
 * read here, and held against the policy in the phat.json of a bundle that its owner signed
 * (chain/wallet_policy.h) and against what was signed before (chain/wallet_ledger.h).
 *
 * The ledger lies in this process and, sealed with a key of the cluster's, with phalad, which
 * stores it before it uses a signature:
 *
 *   01 || nonce 12 || AES-256-GCM(ledger), aad "phala-wallet-ledger-v1" || phat 20
 *
 * docs/keys.md. Tests: wallets_test.c, src/node/keyd_wallet_test.c.
 */

#include "cluster.h"
#include "keyring.h"

#include "chain/wallet_ledger.h"
#include "ipc/messages.h"

enum {
    WALLETS_MAX = 512,
    WALLETS_SEALED_LEN = 1 + 12 + PH_WALLET_LEDGER_LEN + 16,
};

struct wallet {
    struct ph_phat_id phat;
    struct ph_wallet_policy policy;
    struct ph_wallet_ledger ledger;
};

struct wallets {
    struct wallet *at[WALLETS_MAX]; /* owned */
    size_t cnt;
};

void wallets_clear(struct wallets *wallets);

/* Answer to WALLET_OPEN: from here on the account has the policy of this bundle. PH_ERR_UNTRUSTED:
 * not the owner's, an older bundle than one that was opened, or a ledger that is not of this phat
 * and cluster. PH_ERR_MALFORMED, PH_ERR_NOT_FOUND: its phat.json has no wallet. PH_ERR_LIMIT,
 * PH_ERR_NOMEM. */
PH_CHECKED enum ph_err wallet_open(struct wallets *wallets, struct keyring *ring,
                                   const struct ph_ipc_frame *frame, struct ph_buf *reply,
                                   char why[static CLUSTER_WHY_LEN]);
/* Answer to WALLET_SIGN. PH_ERR_NOT_FOUND: it was not opened. PH_ERR_UNTRUSTED: its policy names
 * another worker. Else as ph_wallet_judge. */
PH_CHECKED enum ph_err wallet_sign(struct wallets *wallets, struct keyring *ring,
                                   const struct ph_ipc_frame *frame, int64_t now_s,
                                   struct ph_buf *reply, char why[static CLUSTER_WHY_LEN]);

#endif
