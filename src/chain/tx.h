#ifndef PH_CHAIN_TX_H
#define PH_CHAIN_TX_H

/* Transactions of type 2 (EIP-1559) without an access list: made by phalad, read again and judged
 * by phala-keyd before it signs. The unsigned form is what travels between the two:
 *
 *   0x02 || rlp([chain, nonce, max_priority_fee, max_fee, gas, to, value, data, []])
 *
 * Layer: chain. Pure. Spec: EIP-1559, EIP-2718, EIP-2 (low s). Tests: tx_test.c, tx_fuzz.c; against
 * viem and cast: tests/integration/chain_codec.test.mjs.
 */

#include "base/bytes.h"
#include "base/ids.h"
#include "chain/u256.h"
#include "crypto/secp256k1.h"

/* geth's limit of what it relays: core/txpool/legacypool txMaxSize. */
enum { PH_TX_MAX = 128 * 1024 };

struct ph_tx {
    uint64_t chain_id, nonce;
    uint64_t max_priority_fee, max_fee; /* wei a unit of gas */
    uint64_t gas;
    bool creates; /* a contract: `to` does not count */
    struct ph_eth_address to;
    struct ph_u256 value;
    struct ph_bytes data; /* borrowed; of a parsed one: a view into what was parsed */
};

/* Append the unsigned form. PH_ERR_LIMIT: over PH_TX_MAX, or the buffer's. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_tx_encode(const struct ph_tx *tx, struct ph_buf *out);
/* PH_ERR_MALFORMED: no such transaction. PH_ERR_UNSUPPORTED: another type, or an access list.
 * PH_ERR_LIMIT: over PH_TX_MAX, or a number of more than 64 bits. */
PH_CHECKED enum ph_err ph_tx_parse(struct ph_bytes unsigned_tx, struct ph_tx *out);
/* What the sender signs: keccak256 of the unsigned form. */
void ph_tx_digest(struct ph_bytes unsigned_tx, struct ph_hash32 *out);

/* Append the signed form, which nodes take: the list of the unsigned one with y parity, r and s at
 * its end. @sig r || s || v, v 27 or 28. PH_ERR_MALFORMED: not an unsigned form, or another v. */
PH_CHECKED enum ph_err ph_tx_sign_with(struct ph_bytes unsigned_tx,
                                       const uint8_t sig[static PH_ETH_SIG_LEN],
                                       struct ph_buf *out);
/* Read a signed one, with who sent it. PH_ERR_UNTRUSTED: no valid signature. Else as ph_tx_parse.
 */
PH_CHECKED enum ph_err ph_tx_parse_signed(struct ph_bytes signed_tx, struct ph_tx *out,
                                          struct ph_eth_address *sender);
/* The name of a signed transaction: keccak256 of it. */
void ph_tx_hash(struct ph_bytes signed_tx, struct ph_hash32 *out);

#endif
