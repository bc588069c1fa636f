#ifndef PH_CHAIN_NETWORK_H
#define PH_CHAIN_NETWORK_H

/* The network that a worker belongs to: a chain and the addresses of its contracts there, as
 * contracts/deploy.mjs writes them, and what a worker may spend. One JSON document, which phalad
 * and phala-keyd are both given:
 *
 *   {"chainId": 31337, "block": 12,
 *    "contracts": {"anchor": "0x…", "beacon": "0x…", "registry": "0x…",
 *                  "lens": "0x…", "intelCollateral": "0x…", "policy": "0x…",
 *                  "committee": "0x…", …},
 *    "limits": {"maxFeePerGasWei": "100000000000", "maxGas": 16777216, "maxWeiPerDay": "…"}}
 *
 * block: there is no request before it. Without lens and intelCollateral, which is the one that the
 * worker's kind is judged with, a worker does not register itself; without policy and committee
 * no certificate of a committee is asked for or given. Other contracts may be named. limits and its
 * members may be left out.
 *
 * Layer: chain. Pure. Documented in docs/chain.md. Tests: network_test.c, network_fuzz.c.
 */

#include "base/ids.h"
#include "chain/u256.h"
#include "codec/jread.h"

enum {
    PH_NETWORK_TEXT_MAX = 64 * 1024,
    PH_NETWORK_GAS_MAX = 1 << 24, /* EIP-7825: of one transaction */
};
#define PH_NETWORK_FEE_DEFAULT UINT64_C(100000000000) /* 100 gwei */

struct ph_network {
    uint64_t chain_id, block;
    struct ph_eth_address anchor, beacon, registry;
    /* Zero: not named, and the worker does not register itself. */
    struct ph_eth_address lens, intel_collateral;
    struct ph_eth_address policy, committee; /* zero: not named, and certificates are not known */
    uint64_t max_fee;                        /* wei a unit of gas */
    uint64_t max_gas;                        /* of one transaction */
    struct ph_u256 max_wei_per_day; /* for gas, of all transactions that are signed in a day */
};

/* PH_ERR_MALFORMED: `why` says which member. PH_ERR_LIMIT: too long, or too many values. */
PH_CHECKED enum ph_err ph_network_parse(struct ph_bytes text, struct ph_network *out,
                                        struct ph_json_why *why);

#endif
