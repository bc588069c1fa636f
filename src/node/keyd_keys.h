#ifndef PH_NODE_KEYD_KEYS_H
#define PH_NODE_KEYD_KEYS_H

/* What phalad asks phala-keyd about the cluster's keys themselves (docs/keys.md). Every call waits
 * for the answer, as those of keyd_client.h, and gives its errors; refusals keep their class and
 * have a sentence in `why`.
 *
 * Layer: node. Tests: tests/integration/keys.test.mjs.
 */

#include "keys/escrow.h"
#include "keys/key_act.h"
#include "node/keyd_client.h"

struct ph_keyd_keys {
    struct ph_key_owners owners;
    uint32_t epoch_cnt;
    uint32_t epoch[PH_EPOCHS_MAX]; /* ascending */
};
PH_CHECKED enum ph_err ph_keyd_keys_status(struct ph_keyd_client *client, struct ph_keyd_keys *out,
                                           char why[static PH_KEYD_WHY_LEN]);
/* For an act of the keys' owners. */
PH_CHECKED enum ph_err ph_keyd_keys_nonce(struct ph_keyd_client *client, uint8_t out[static 32],
                                          char why[static PH_KEYD_WHY_LEN]);
/* Rotate: `state`, appended, must be what the state file holds before ph_keyd_keys_kept (nothing:
 * no file is kept). PH_ERR_UNTRUSTED, PH_ERR_UNSUPPORTED, PH_ERR_CONFLICT, PH_ERR_LIMIT. */
PH_CHECKED enum ph_err ph_keyd_keys_rotate(struct ph_keyd_client *client,
                                           const struct ph_key_act_signed *act, uint32_t *epoch,
                                           struct ph_buf *state, char why[static PH_KEYD_WHY_LEN]);
/* Forget every epoch before this one; the rest as ph_keyd_keys_rotate. PH_ERR_CONFLICT: something
 * refers to one, or there is none. */
PH_CHECKED enum ph_err ph_keyd_keys_retire(struct ph_keyd_client *client, uint32_t before,
                                           struct ph_buf *state, char why[static PH_KEYD_WHY_LEN]);
/* The same before the newest, signed by the keys' owners. Also PH_ERR_UNTRUSTED,
 * PH_ERR_UNSUPPORTED. */
PH_CHECKED enum ph_err ph_keyd_keys_retire_signed(struct ph_keyd_client *client,
                                                  const struct ph_key_act_signed *act,
                                                  struct ph_buf *state,
                                                  char why[static PH_KEYD_WHY_LEN]);
/* The state file holds what was answered last: those are the keys now, and the client's info is
 * theirs. Event loop only. */
PH_CHECKED enum ph_err ph_keyd_keys_kept(struct ph_keyd_client *client,
                                         char why[static PH_KEYD_WHY_LEN]);
/* A backup, appended. Errors as ph_keyd_keys_rotate. */
PH_CHECKED enum ph_err ph_keyd_keys_backup(struct ph_keyd_client *client,
                                           const struct ph_key_act_signed *act,
                                           struct ph_buf *backup, char why[static PH_KEYD_WHY_LEN]);
/* Stored secrets under the newest epoch, appended. PH_ERR_NOT_FOUND: they are. */
PH_CHECKED enum ph_err ph_keyd_secrets_reseal(struct ph_keyd_client *client,
                                              const struct ph_phat_id *phat, struct ph_bytes sealed,
                                              struct ph_buf *out, char why[static PH_KEYD_WHY_LEN]);

struct ph_keyd_restore {
    uint8_t key[32]; /* that holders seal their shares to */
    struct ph_eth_address cluster;
    uint32_t have, needed; /* needed 0: no share came yet */
};
/* PH_ERR_UNSUPPORTED, PH_ERR_CONFLICT: it does not wait for shares. */
PH_CHECKED enum ph_err ph_keyd_restore(struct ph_keyd_client *client, struct ph_keyd_restore *out,
                                       char why[static PH_KEYD_WHY_LEN]);
/* One share; have == needed: the keys are there, and `state` is as in ph_keyd_keys_rotate.
 * PH_ERR_UNTRUSTED, PH_ERR_CONFLICT, PH_ERR_MALFORMED: refused. */
PH_CHECKED enum ph_err ph_keyd_restore_share(struct ph_keyd_client *client, struct ph_bytes backup,
                                             struct ph_bytes share, uint32_t *have,
                                             uint32_t *needed, struct ph_buf *state,
                                             char why[static PH_KEYD_WHY_LEN]);

#endif
