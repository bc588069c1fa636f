#ifndef PH_CHAIN_TYPED_H
#define PH_CHAIN_TYPED_H

/* EIP-712 typed data in the domain of one contract: {name, "1", chain, contract}. Members are
 * encoded by the caller, one word each.
 *
 * Layer: chain. Pure. Spec: EIP-712. Tests: anchor_test.c, registry_test.c (values of viem).
 */

#include "base/bytes.h"
#include "base/ids.h"

enum { PH_TYPED_WORDS_MAX = 8 };

/* Whose data it is. */
struct ph_typed_domain {
    const char *name;
    uint64_t chain_id;
    const struct ph_eth_address *contract;
};

/* One member. */
struct ph_typed_word {
    uint8_t b[32];
};
struct ph_typed_word ph_typed_uint(uint64_t v);
struct ph_typed_word ph_typed_address(const struct ph_eth_address *address);
struct ph_typed_word ph_typed_hash(const struct ph_hash32 *hash);

/* What is signed: keccak256(0x1901 | domain | keccak256(keccak256(type) | words)). @word_cnt at
 * most PH_TYPED_WORDS_MAX. */
void ph_typed_digest(const struct ph_typed_domain *domain, const char *type,
                     const struct ph_typed_word *words, size_t word_cnt, struct ph_hash32 *out);

#endif
