#ifndef PH_CHAIN_WALLET_LEDGER_H
#define PH_CHAIN_WALLET_LEDGER_H

/* What a phat's account was signed for, and whether one more transaction is within its policy. A
 * day is one of UTC, and never an earlier one than before.
 *
 * Nonces are counted here, too: only the next one is new, and a nonce that was signed may be signed
 * again. So whoever brings back an older ledger has to spend transactions of the day's number on
 * nonces that the chain has seen already, and the chain takes none of those: a day has at most
 * max_transactions_per_day transactions whatever becomes of the ledger.
 *
 * Layer: chain. Pure; used by phala-keyd. Spec: EIP-1559. Tests: wallet_ledger_test.c,
 * wallet_ledger_fuzz.c.
 */

#include "chain/tx.h"
#include "chain/wallet_policy.h"

enum {
    PH_WALLET_SIGNED_MAX = 32, /* newest nonces that may be signed again */
    PH_WALLET_WHY_LEN = 200,
    PH_WALLET_LEDGER_LEN = 8 + 8 + 32 + 8 + 8 + PH_WALLET_SIGNED_MAX * 32,
    PH_WALLET_DATA_MAX = 24 * 1024, /* bytes of calldata */
};

/* Zeroed: of an account that nothing was signed for. */
struct ph_wallet_ledger {
    uint64_t sequence;     /* of the newest bundle that it was signed under */
    int64_t day;           /* since 1970 */
    struct ph_u256 value;  /* wei, signed on that day */
    uint64_t transactions; /* on that day */
    uint64_t next_nonce;
    struct ph_hash32 orders[PH_WALLET_SIGNED_MAX]; /* at nonce % 32: what its transaction does */
};

/**
 * Judge an unsigned transaction, and note it.
 *
 * @now_s   Unix seconds
 * @ledger  written on PH_OK alone
 * @why     what is not allowed, and what would be
 *
 * The same order (chain, to, value, gas, calldata) at a nonce that has it, with other fees, counts
 * no second time: one of the two is executed. Another order there counts as one more.
 *
 * Returns PH_ERR_MALFORMED    no transaction of type 2 without an access list
 *         PH_ERR_UNSUPPORTED  another type, or an access list
 *         PH_ERR_UNTRUSTED    another chain, contract, function or nonce than allowed; a creation
 *         PH_ERR_LIMIT        over a limit of value, gas, fee, number or calldata
 */
PH_CHECKED enum ph_err ph_wallet_judge(const struct ph_wallet_policy *policy,
                                       struct ph_bytes unsigned_tx, int64_t now_s,
                                       struct ph_wallet_ledger *ledger,
                                       char why[static PH_WALLET_WHY_LEN]);

void ph_wallet_ledger_encode(const struct ph_wallet_ledger *ledger,
                             uint8_t out[static PH_WALLET_LEDGER_LEN]);
/* PH_ERR_MALFORMED: another length, or a day before 1970. */
PH_CHECKED enum ph_err ph_wallet_ledger_decode(struct ph_bytes raw, struct ph_wallet_ledger *out);

#endif
