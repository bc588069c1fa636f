#ifndef PH_CHAIN_ANCHOR_H
#define PH_CHAIN_ANCHOR_H

/* Requests of contracts to phats, and their answers: contracts/src/anchor/PhatAnchor.sol in C.
 *
 * An answer is EIP-712 typed data in the domain {PhalaPhatAnchor, 1, chain, anchor}:
 * Answer(uint64 requestId,bytes32 terms,bytes32 codeHash,uint8 outcome,bytes32 resultHash).
 *
 * Layer: chain. Pure. Spec: EIP-712. Tests: anchor_test.c; against the contract and viem:
 * tests/integration/chain_worker.test.mjs.
 */

#include "chain/abi.h"
#include "contracts_abi.h"

enum ph_anchor_outcome {
    PH_ANCHOR_ANSWERED = 0,
    PH_ANCHOR_FAILED = 1, /* the worker answered for the phat: a limit, an exception */
};

/* Bits of Terms.demand that concern a worker (contracts/src/interfaces/IPhatAnchor.sol, Demand). */
enum { PH_ANCHOR_BLOB_INPUT = 4 }; /* the input is elsewhere */

/* What a worker signs for an answer. */
struct ph_anchor_answer {
    uint64_t request_id;
    struct ph_hash32 terms, code_hash, result_hash; /* keccak256, SHA-256, keccak256 */
    uint8_t outcome;
};

/* keccak256 of the terms as the anchor keeps it. PH_ERR_LIMIT: a number that its type does not
 * hold. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_anchor_terms_hash(const struct ph_abi_phat_anchor_terms *terms,
                                            struct ph_hash32 *out);
void ph_anchor_answer_digest(uint64_t chain_id, const struct ph_eth_address *anchor,
                             const struct ph_anchor_answer *answer, struct ph_hash32 *out);

#endif
