#ifndef PH_NODE_REKEY_H
#define PH_NODE_REKEY_H

/* After a rotation: what older epochs of the cluster's keys sealed is sealed anew under the newest,
 * in the background, and then the older epochs are forgotten (docs/keys.md).
 *
 * It goes through the phats, one after another. Secrets, and keys of encrypted code, are sealed
 * anew by phala-keyd and replaced in their file; states by their own instances, which are started
 * for it, a few at a time (node/phat_state.h), and what wipes have left of them by phala-keyd, for
 * the deletion. All of it can be cut off anywhere: what is done stays done, and the next start goes
 * through all again.
 *
 * Layer: node. Tests: tests/integration/rekey.test.mjs.
 */

#include "node/node.h"

struct ph_rekey;

/* Begin, if there is more than one epoch. PH_ERR_NOMEM, PH_ERR_IO. */
PH_CHECKED enum ph_err ph_rekey_open(struct ph_node *node);
void ph_rekey_close(struct ph_node *node);
/* The keys changed: go through everything. */
void ph_rekey_wake(struct ph_node *node);

struct ph_rekey_status {
    bool known;       /* all phats were looked at since the newest epoch began */
    uint32_t secrets; /* of phats, and keys of their code: not of the newest epoch */
    uint32_t states;  /* not wholly of the newest epoch */
    uint32_t left; /* of those: of phats that were deployed without state since, or are deleted and
                      not wiped yet, which nobody can renew */
};
void ph_rekey_status(const struct ph_node *node, struct ph_rekey_status *out);
/* May the older epochs be forgotten, for all that this worker sees? */
bool ph_rekey_is_done(const struct ph_node *node);

#endif
