#ifndef PH_NODE_CHAIN_OWNER_H
#define PH_NODE_CHAIN_OWNER_H

/* Consents of an operator that is a contract: what it calls its signature it says itself
 * (isValidSignature), as a quorum of nodes gives it. One consent at a time is asked about, so that
 * strangers cannot have nodes asked without end.
 *
 * Layer: node. Spec: ERC-1271. Tests: tests/integration/chain_register.test.mjs.
 */

#include "chain/consent.h"
#include "chain/rpc.h"

struct ph_chain_registrar;

/* Zeroed: nothing is asked. */
struct ph_chain_owner_ask {
    bool busy;
    struct ph_consent consent;
    struct ph_eth_address keys[2]; /* this worker's: consent to one of them */
    size_t key_cnt, at;
    void (*done)(void *ctx, enum ph_err err, const struct ph_eth_address *key);
    void *ctx;
};

/**
 * Ask whether the operator consents to one of this worker's keys.
 *
 * @done    called once, later. PH_OK: to `key`, a view for the time of the call. PH_ERR_UNTRUSTED:
 *          to none of them, or the operator is no contract. PH_ERR_IO: too few nodes answer
 *
 * Returns PH_ERR_AGAIN  another one is asked about
 *         PH_ERR_LIMIT, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err
ph_chain_owner_ask(struct ph_chain_registrar *r, const struct ph_consent *consent,
                   void (*done)(void *ctx, enum ph_err err, const struct ph_eth_address *key),
                   void *ctx);
/* Whoever asked with `ctx` is gone: done is not called. */
void ph_chain_owner_leave(struct ph_chain_registrar *r, const void *ctx);

#endif
