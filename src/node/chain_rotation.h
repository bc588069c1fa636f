#ifndef PH_NODE_CHAIN_ROTATION_H
#define PH_NODE_CHAIN_ROTATION_H

/* A new key in the place of a worker's: phala-keyd makes the next one, the operator consents to it,
 * evidence binds it, and the registry goes over to it (WorkerRegistry.rotateKey); then this worker
 * does. The previous key is kept until the block of the change is final, for a reorganisation may
 * take it away, and is then forgotten. What is to be done is decided from what the chain says, so
 * that a restart at any point goes on where it was.
 *
 * Layer: node. Tests: tests/integration/chain_rotate.test.mjs.
 */

#include "chain/consent.h"
#include "node/keyd_worker_key.h"

struct ph_chain_registrar;
struct ph_http_req;
struct ph_node;

struct ph_chain_rotation {
    struct ph_keyd_worker_key key; /* the second one */
    struct ph_consent consent;     /* to it */
    bool has_consent;
    bool asking;          /* the chain, about it */
    uint64_t asked_final; /* block for which that was done last */
};

/* What phala-keyd has. */
void ph_chain_rotation_load(struct ph_chain_registrar *r);
/* The next key, made if there is none. PH_ERR_CONFLICT: the last change is not final yet. PH_ERR_IO
 * and errors of keyd_worker_key.h. */
PH_CHECKED enum ph_err ph_chain_rotation_make(struct ph_chain_registrar *r,
                                              struct ph_eth_address *out,
                                              char why[static PH_KEYD_WHY_LEN]);
/* After new facts: go over to the key that the registry has, or forget the previous one. True: the
 * facts are asked anew before anything else is done. */
bool ph_chain_rotation_follow(struct ph_chain_registrar *r);
/* The operator wants the next key to be this worker's. */
bool ph_chain_rotation_is_wanted(const struct ph_chain_registrar *r);
/* It is on its way to the chain: what the present key signs now would be too late. */
bool ph_chain_rotation_is_sent(const struct ph_chain_registrar *r);

/* POST /v1/chain/next-key. */
void ph_api_chain_next_key(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);

#endif
