#ifndef PH_PHALA_KEYD_MOVES_H
#define PH_PHALA_KEYD_MOVES_H

/* STATE_MOVE: an owner asked for the phat's state, or brings one. The key of the file goes from
 * here to the process that has the state in tokens that only it can open (state/move.h), never to
 * phalad. docs/state.md. */

#include "cluster.h"

#include "ipc/messages.h"

/* Answer STATE_MOVE with STATE_MOVE_IS. PH_ERR_UNTRUSTED: the owner signed something else, or the
 * file's key is not wrapped for this cluster and this head. PH_ERR_MALFORMED; PH_ERR_LIMIT. */
PH_CHECKED enum ph_err state_move(struct keyring *ring, const struct ph_ipc_frame *frame,
                                  struct ph_buf *reply, char why[static CLUSTER_WHY_LEN]);

#endif
