#ifndef PH_CHAIN_LEASE_H
#define PH_CHAIN_LEASE_H

/* What a worker has to do next about its place in the registry. A decision alone: what the chain
 * says comes in, what to send goes out.
 *
 * Layer: chain. Pure. Spec: contracts/src/worker/WorkerRegistry.sol; docs/chain.md. Tests:
 * lease_test.c.
 */

#include "chain/consent.h"

enum { PH_LEASE_WHY_LEN = 256 };

/* WorkerState of the contract, as it numbers them. */
enum ph_worker_state {
    PH_WORKER_NONE,
    PH_WORKER_ACTIVE,
    PH_WORKER_DRAINING,
    PH_WORKER_RETIRED,
    PH_WORKER_INVALID,
    PH_WORKER_RESTING,
};

/* What the chain says at one block (Lens.statusOf). Times are Unix seconds. */
struct ph_lease_facts {
    uint64_t time;                    /* of the block */
    uint64_t beacon_time, beacon_due; /* when the newest value was rolled; the next one can be */
    uint64_t paused_until;            /* the registry takes nothing before; the past: it does */
    bool known;                       /* the key has or had a place */
    enum ph_worker_state state;
    struct ph_eth_address owner, sign_key; /* of that place now */
    uint64_t lease_until, attested_at;
    uint8_t ecdh_key[32];
};

/* What the worker is and wants. */
struct ph_lease_self {
    struct ph_eth_address operator_, sign_key;
    uint8_t ecdh_key[32];
    bool stopping;
    bool rotates;                     /* another key is to take the place of sign_key */
    const struct ph_consent *consent; /* NULL: none was given */
};

enum ph_lease_step {
    PH_LEASE_KEEP,     /* nothing to send */
    PH_LEASE_BLOCKED,  /* cannot go on: somebody has to do something; `why` says what */
    PH_LEASE_ROLL,     /* the beacon, so that evidence is fresh */
    PH_LEASE_REGISTER, /* with evidence */
    PH_LEASE_RENEW,    /* with evidence */
    PH_LEASE_ROTATE,   /* with evidence of the next key */
    PH_LEASE_REST,
    PH_LEASE_WAKE,
};

/* @why  of BLOCKED: what is missing, and what to do; else empty */
enum ph_lease_step ph_lease_decide(const struct ph_lease_facts *facts,
                                   const struct ph_lease_self *self,
                                   char why[static PH_LEASE_WHY_LEN]);

/* Answers that it signs count now. */
bool ph_lease_is_live(const struct ph_lease_facts *facts, const struct ph_lease_self *self);
/* "none", "active", "draining", "retired", "invalid", "resting". Static storage. */
const char *ph_worker_state_name(enum ph_worker_state state);

#endif
