#ifndef PH_CHAIN_WALLET_POLICY_H
#define PH_CHAIN_WALLET_POLICY_H

/* What a phat may send on chain from an account of its own: the member "wallet" of its phat.json,
 * which its owner signs with the rest of the bundle. phalad reads it to refuse a bundle early,
 * phala-keyd to refuse a signature.
 *
 *   {"chainId": 31337, "worker": "0x…", "firstNonce": 0,
 *    "contracts": [{"address": "0x…", "selectors": ["0x095ea7b3", "0x",
 *        {"selector": "0xa9059cbb", "words": [{"is": "0x…"}, {"max": "1000"}]}]}],
 *    "maxValueWei": "0", "maxValueWeiPerDay": "0", "maxTransactionsPerDay": 10,
 *    "maxGas": 100000, "maxFeePerGasWei": "100000000000"}
 *
 * Every member may be left out; what is left out allows nothing. "0x" among the selectors is a
 * transaction without calldata. words bind the words of 32 bytes after a selector: to one value, or
 * to numbers up to one; null, and what follows the last, is free. A selector may be there more than
 * once, with other words: each of them allows.
 *
 * Layer: chain. Pure. Documented in docs/phats.md. Tests: wallet_policy_test.c,
 * wallet_policy_fuzz.c.
 */

#include "base/ids.h"
#include "chain/u256.h"
#include "codec/json_why.h"

enum {
    PH_WALLET_CONTRACTS_MAX = 32,
    PH_WALLET_SELECTORS_MAX = 32, /* of one contract */
    PH_WALLET_WORDS_MAX = 64,     /* of all selectors */
    PH_WALLET_MANIFEST_MAX = 64 * 1024,
    PH_WALLET_TRANSACTIONS_MAX = 100000, /* in a day */
};

enum ph_wallet_bound { PH_WALLET_FREE, PH_WALLET_IS, PH_WALLET_MAX };
struct ph_wallet_word {
    enum ph_wallet_bound bound;
    struct ph_u256 value;
};

struct ph_wallet_selector {
    uint8_t b[4];
    uint8_t word_at, word_cnt; /* its words, in the policy's */
};

struct ph_wallet_contract {
    struct ph_eth_address address;
    struct ph_wallet_selector selectors[PH_WALLET_SELECTORS_MAX];
    size_t selector_cnt;
    bool plain; /* without calldata */
};

/* Zeroed: allows nothing. */
struct ph_wallet_policy {
    uint64_t chain_id;
    struct ph_eth_address worker; /* the only one that sends: signer of its receipts */
    uint64_t first_nonce;         /* of the first transaction that this worker signs */
    struct ph_wallet_contract contracts[PH_WALLET_CONTRACTS_MAX];
    size_t contract_cnt;
    struct ph_wallet_word words[PH_WALLET_WORDS_MAX];
    size_t word_cnt;
    struct ph_u256 max_value, max_value_per_day; /* wei */
    uint64_t max_transactions_per_day;
    uint64_t max_gas;
    uint64_t max_fee; /* wei a unit of gas */
};

/**
 * Read the member "wallet" of a whole phat.json.
 *
 * @manifest  untrusted, at most PH_WALLET_MANIFEST_MAX; the rules of codec/jscan.h hold for all of
 *            it
 * @present   whether there is such a member; without one *out is left alone
 *
 * Returns PH_ERR_MALFORMED  `why` says which member is wrong
 *         PH_ERR_LIMIT      too long, or too many values
 *         PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_wallet_policy_parse(struct ph_bytes manifest,
                                              struct ph_wallet_policy *out, bool *present,
                                              struct ph_json_why *why);

#endif
