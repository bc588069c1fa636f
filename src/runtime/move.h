#ifndef PH_RUNTIME_MOVE_H
#define PH_RUNTIME_MOVE_H

/* Exports and imports of the phat's state: calls that the engine answers itself, the phat's code
 * knows nothing of them. The file's key comes in a token of phala-keyd (state/move.h). One at a
 * time.
 *
 * An export is of the newest commit; calls and commits go on meanwhile. An import ends all other
 * calls, is one commit, and nothing can be done with this instance after it.
 *
 * Format and argument: docs/state.md. Tests: tests/integration/state_moves.test.mjs.
 */

#include "runtime/engine_priv.h"

static inline bool ph_move_is_kind(uint8_t kind)
{
    return kind == PH_CALL_EXPORT || kind == PH_CALL_IMPORT;
}
/* A call of these kinds came; `done`: with its whole body. */
void ph_move_begin(struct ph_engine *e, struct ph_call *call, const struct ph_msg_CALL *m,
                   bool done);
/* More of its body, the end of it, room in its answer's window. */
void ph_move_body(struct ph_engine *e, struct ph_call *call, struct ph_bytes data);
void ph_move_body_end(struct ph_engine *e, struct ph_call *call);
void ph_move_window(struct ph_engine *e, struct ph_call *call);
/* Between turns: what waits for the state to be quiet may begin. */
void ph_moves_go(struct ph_engine *e);
/* The call is over: free; an import that was begun and not finished ends the instance. */
void ph_move_drop(struct ph_engine *e, struct ph_move *move);

#endif
