#ifndef PH_NODE_KEYD_MOVES_H
#define PH_NODE_KEYD_MOVES_H

/* phala-keyd's part in exports, imports and the wiping of states: state/move.h, docs/state.md.
 *
 * Layer: node. Tests: keyd_state_test.c.
 */

#include "node/keyd_client.h"
#include "state/format.h"

/**
 * Have a move allowed.
 *
 * @request  the owner's, with action "export" or "import"; `expires` is the caller's to judge
 * @head     of an import; empty: an export
 * @wrapped  of an export, appended: the file's key for its recipient
 * @tokens   appended
 *
 * Gives up at once while phala-keyd is stalled (PH_ERR_AGAIN). PH_ERR_UNTRUSTED, PH_ERR_MALFORMED:
 * refused, see why.
 */
PH_CHECKED enum ph_err ph_keyd_state_move(struct ph_keyd_client *client,
                                          const struct ph_owner_request *request,
                                          const uint8_t owner_sig[static 65], struct ph_bytes head,
                                          struct ph_buf *wrapped, struct ph_buf *tokens,
                                          char why[static PH_KEYD_WHY_LEN]);

/**
 * The commit that wipes a deleted phat's state.
 *
 * @request  the owner's, with action "delete"
 * @head     of the newest commit
 * @wiped    the head of one that follows it and has no pages: a whole record
 *
 * PH_ERR_UNTRUSTED: refused, see why.
 */
PH_CHECKED enum ph_err ph_keyd_state_wipe(struct ph_keyd_client *client,
                                          const struct ph_owner_request *request,
                                          const uint8_t owner_sig[static 65], struct ph_bytes head,
                                          uint8_t wiped[static PH_STATE_HEAD_LEN],
                                          char why[static PH_KEYD_WHY_LEN]);

#endif
