#ifndef PH_NODE_KEYD_WORKER_KEY_H
#define PH_NODE_KEYD_WORKER_KEY_H

/* What phalad asks phala-keyd about replacing the key that this worker signs with. Every call waits
 * for the answer, as those of keyd_client.h, and gives its errors; refusals keep their class and
 * have a sentence in `why`.
 *
 * Layer: node. Tests: keyd_worker_key_test.c; tests/integration/chain_rotate.test.mjs.
 */

#include "base/ids.h"
#include "ipc/messages.h"
#include "node/keyd_client.h"

/* The second signing key. */
struct ph_keyd_worker_key {
    enum ph_worker_key is;
    struct ph_eth_address other; /* zero with PH_WORKER_KEY_NONE */
};
PH_CHECKED enum ph_err ph_keyd_worker_key(struct ph_keyd_client *client,
                                          struct ph_keyd_worker_key *out,
                                          char why[static PH_KEYD_WHY_LEN]);
/* Begin a step: `state`, appended, must be what the state file holds before ph_keyd_worker_key_kept
 * (nothing: no file is kept). PH_ERR_CONFLICT: the step does not follow on where the keys are. */
PH_CHECKED enum ph_err ph_keyd_worker_key_step(struct ph_keyd_client *client,
                                               enum ph_worker_key_step step, struct ph_buf *state,
                                               char why[static PH_KEYD_WHY_LEN]);
/* The state file holds it: those are the keys now, and the client's info is asked again. */
PH_CHECKED enum ph_err ph_keyd_worker_key_kept(struct ph_keyd_client *client,
                                               char why[static PH_KEYD_WHY_LEN]);
/* The present key says that the next one follows it, for evidence over this value of the beacon.
 * PH_ERR_CONFLICT: there is no next one. */
PH_CHECKED enum ph_err ph_keyd_worker_key_rotate(struct ph_keyd_client *client,
                                                 const struct ph_hash32 *worker_id,
                                                 const struct ph_hash32 *beacon,
                                                 uint8_t sig[static 65],
                                                 char why[static PH_KEYD_WHY_LEN]);

#endif
