#ifndef PH_NODE_STATE_CATCH_UP_H
#define PH_NODE_STATE_CATCH_UP_H

/* Before a state is opened: what other workers committed since phala-keyd last heard of it.
 *
 * Layer: node. Argument: docs/cluster.md. Tests: keyd_state_test.c, takeover.test.mjs.
 */

#include "node/keyd_client.h"
#include "store/commit_log.h"

/* Show phala-keyd every head that follows the newest it knows; `but_newest`: not the newest of the
 * log, which comes with the opening. Nothing for a phat that it does not know, and with an older
 * log, which the opening refuses. Errors of the log and of phala-keyd. */
PH_CHECKED enum ph_err ph_state_catch_up(struct ph_keyd_client *keyd, const struct ph_phat_id *phat,
                                         struct ph_commit_writer *log, bool but_newest,
                                         char why[static PH_COMMIT_LOG_WHY]);

#endif
