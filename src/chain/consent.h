#ifndef PH_CHAIN_CONSENT_H
#define PH_CHAIN_CONSENT_H

/* What an operator signs for a worker, and a worker for itself: contracts/src/worker/
 * WorkerRegistry.sol in C, domain {PhalaWorkerRegistry, 1, chain, registry}.
 *
 * A consent lets a worker's key enter the registry, as often as it has to, until it ends or is
 * taken back; the operator's key stays with the operator. As a document:
 *
 *   {"kind":2,"slot":0,"nonce":0,"deadline":1798761600,"signature":"0x…"}
 *
 * Layer: chain. Pure. Spec: EIP-712. Tests: consent_test.c, consent_fuzz.c; against the contract:
 * tests/integration/chain_register.test.mjs.
 */

#include "chain/typed.h"
#include "codec/jread.h"
#include "crypto/secp256k1.h"

enum {
    PH_CONSENT_TEXT_MAX = 4096,
    PH_CONSENT_SIG_MAX = 1024, /* bytes of a signature: a contract's can be several people's */
};

struct ph_consent {
    uint16_t kind;     /* TeePolicy's number */
    uint8_t slot;      /* place on the platform, from 0 */
    uint64_t nonce;    /* WorkerRegistry.consentNonce(operator, key) */
    uint64_t deadline; /* Unix seconds: it counts before */
    size_t sig_len;    /* PH_ETH_SIG_LEN of an account's; of a contract's what the contract takes */
    uint8_t sig[PH_CONSENT_SIG_MAX];
};

/* PH_ERR_MALFORMED: `why` says which member. PH_ERR_LIMIT: too long, or too many values. */
PH_CHECKED enum ph_err ph_consent_parse(struct ph_bytes text, struct ph_consent *out,
                                        struct ph_json_why *why);

/* Where a worker registers. */
struct ph_registry_of {
    uint64_t chain_id;
    struct ph_eth_address registry;
};
/* What the operator signs: Register(uint16 kind,uint8 slot,address signKey,uint256 nonce,uint256
 * deadline). */
void ph_consent_digest(const struct ph_registry_of *where, const struct ph_consent *consent,
                       const struct ph_eth_address *sign_key, struct ph_hash32 *out);
/* Did this operator, an account, consent to this key? PH_ERR_UNTRUSTED: not by this signature. What
 * an operator that is a contract calls its signature, the chain alone can say (ERC-1271). */
PH_CHECKED enum ph_err ph_consent_check(const struct ph_registry_of *where,
                                        const struct ph_consent *consent,
                                        const struct ph_eth_address *sign_key,
                                        const struct ph_eth_address *operator_);

/* What a worker says of itself; each counts from the sender that it names alone. */
enum ph_worker_word {
    PH_WORKER_RESTS = 0, /* Rest(bytes32 workerId,address carrier) */
    PH_WORKER_WAKES = 1, /* Wake(…) */
};
void ph_worker_word_digest(const struct ph_registry_of *where, enum ph_worker_word word,
                           const struct ph_hash32 *worker_id, const struct ph_eth_address *carrier,
                           struct ph_hash32 *out);

/* What the key that is replaced signs: RotateKey(bytes32 workerId,address newKey,bytes32 beacon).
 * @beacon  the value that the evidence of the new key binds */
void ph_worker_rotate_digest(const struct ph_registry_of *where, const struct ph_hash32 *worker_id,
                             const struct ph_eth_address *new_key, const struct ph_hash32 *beacon,
                             struct ph_hash32 *out);

#endif
