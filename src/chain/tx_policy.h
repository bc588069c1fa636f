#ifndef PH_CHAIN_TX_POLICY_H
#define PH_CHAIN_TX_POLICY_H

/* Which transactions a worker's key signs: messages to the contracts of its network that a worker
 * has to send, which move no value, at a price within its limits. Everything else is refused, also
 * when phalad is what asks for it.
 *
 * Layer: chain. Pure; used by phala-keyd. Tests: tx_policy_test.c.
 */

#include "chain/network.h"
#include "chain/tx.h"

enum { PH_TX_POLICY_WHY_LEN = 128 };

/* What was signed for on the current day (UTC). Zeroed at the start. */
struct ph_tx_budget {
    int64_t day;
    struct ph_u256 spent; /* wei: most that the signed transactions of this day can cost */
};

/**
 * Judge an unsigned transaction, and count what it can cost at most.
 *
 * @now_s  Unix seconds
 *
 * Returns PH_ERR_MALFORMED, PH_ERR_UNSUPPORTED, PH_ERR_LIMIT  as ph_tx_parse
 *         PH_ERR_UNTRUSTED  against the rules, or the day's budget is spent
 */
PH_CHECKED enum ph_err ph_tx_policy_check(const struct ph_network *net, struct ph_bytes unsigned_tx,
                                          int64_t now_s, struct ph_tx_budget *budget,
                                          char why[static PH_TX_POLICY_WHY_LEN]);

#endif
