#ifndef PH_NODE_KEYD_SECRETS_H
#define PH_NODE_KEYD_SECRETS_H

/* What phala-keyd is told about stored secrets, so that it releases no older ones, and the keys of
 * encrypted code (docs/keys.md). Event loop only: all give up at once while phala-keyd is stalled
 * (PH_ERR_AGAIN).
 *
 * Layer: node. Tests: keyd_process_test.c, tests/integration/secrets.test.mjs.
 */

#include "codec/code.h"
#include "node/keyd_client.h"

/**
 * Secrets, or a deletion, are stored durably.
 *
 * @request  the owner's, with action "secrets" or "delete"; `expires` is not judged
 * @state    appended: what the state file must hold before anybody is told; nothing: it may stay
 *
 * Returns PH_ERR_UNTRUSTED  not signed for this
 *         PH_ERR_LIMIT      phala-keyd remembers no more phats
 */
PH_CHECKED enum ph_err ph_keyd_secrets_kept(struct ph_keyd_client *client,
                                            const struct ph_owner_request *request,
                                            const uint8_t owner_sig[static 65],
                                            struct ph_buf *state, char why[static PH_KEYD_WHY_LEN]);
/* Phats that have secrets, as far as phala-keyd knows: ids of 20 bytes, appended. */
PH_CHECKED enum ph_err ph_keyd_secrets_known(struct ph_keyd_client *client, struct ph_buf *phats,
                                             char why[static PH_KEYD_WHY_LEN]);

/* Have the key of encrypted code written into `pipe_fd` (as ph_keyd_client_secrets_release, before
 * it). `deploy` is the owner-signed request of the bundle. PH_ERR_UNTRUSTED: not encrypted to this
 * cluster for this phat and bundle, or to an epoch that it does not have. */
PH_CHECKED enum ph_err ph_keyd_code_release(struct ph_keyd_client *client,
                                            const struct ph_owner_request *deploy,
                                            const uint8_t owner_sig[static 65], uint32_t epoch,
                                            struct ph_bytes wrapped, int pipe_fd,
                                            char why[static PH_KEYD_WHY_LEN]);
/* The same key for the newest epoch. PH_ERR_NOT_FOUND: it is. PH_ERR_UNTRUSTED, as above. */
PH_CHECKED enum ph_err ph_keyd_code_rewrap(struct ph_keyd_client *client,
                                           const struct ph_phat_id *phat,
                                           const struct ph_code *code, uint32_t *epoch,
                                           uint8_t wrapped[static PH_CODE_WRAPPED_LEN],
                                           char why[static PH_KEYD_WHY_LEN]);

#endif
