#ifndef PH_NODE_KEYD_GUEST_H
#define PH_NODE_KEYD_GUEST_H

/* What the guest agent asks phala-keyd. Both calls wait for the answer, as those of keyd_client.h;
 * PH_ERR_AGAIN at once while phala-keyd is stalled. Refusals of phala-keyd keep their class.
 *
 * Layer: node. Tests: tests/integration/guest_agent.test.mjs.
 */

#include "keys/dstack.h"
#include "node/keyd_client.h"

struct ph_guest_key {
    uint8_t key[32]; /* secret: the caller wipes it */
    uint8_t by_app[65], by_cluster[65];
};
PH_CHECKED enum ph_err ph_keyd_guest_key(struct ph_keyd_client *client,
                                         const struct ph_phat_id *phat, enum ph_dstack_alg alg,
                                         struct ph_bytes path, struct ph_bytes purpose,
                                         struct ph_guest_key *out);

struct ph_guest_signed {
    uint8_t sig[64], by_app[65], by_cluster[65];
    uint8_t public_key[PH_DSTACK_PUBLIC_MAX];
    size_t public_len;
};
PH_CHECKED enum ph_err ph_keyd_guest_sign(struct ph_keyd_client *client,
                                          const struct ph_phat_id *phat, enum ph_dstack_alg alg,
                                          struct ph_bytes data, struct ph_guest_signed *out);

#endif
