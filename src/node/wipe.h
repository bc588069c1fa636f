#ifndef PH_NODE_WIPE_H
#define PH_NODE_WIPE_H

/* Wiping the state of a deleted phat: as soon as its last instance has ended, the lease is here and
 * storage answers; until then it is tried again. A bundle of that name is not taken before.
 *
 * Layer: node. Argument: docs/state.md, "Deletion". Tests: tests/integration/wipe.test.mjs.
 */

#include "node/phats.h"

/* Someone who waits; the storage is theirs. Zeroed: does not wait. */
struct ph_wipe_waiter {
    /* PH_OK: the state is empty. PH_ERR_AGAIN: not yet, after PH_WIPE_WAIT_MS; it goes on. */
    void (*done)(void *ctx, enum ph_err err);
    void *ctx;
    int64_t until_ns;
    struct ph_wipe_waiter *next, **prev;
};

enum { PH_WIPE_WAIT_MS = 15000 };

/* Begin, or go on, to wipe the state of a phat that has phat->unwiped. `waiter` may be NULL. */
void ph_wipe_start(struct ph_phat *phat, struct ph_wipe_waiter *waiter);
void ph_wipe_forget(struct ph_wipe_waiter *waiter);
/* PH_STATE_WIPED came. */
void ph_wipe_told(struct ph_phat *phat, enum ph_err err, const char *why);
/* No more of it: the phat lives again; those who wait are told PH_ERR_CLOSED. */
void ph_wipe_end(struct ph_phat *phat);
/* The same when the worker ends; nobody is told. */
void ph_wipe_drop(struct ph_phat *phat);
/* Go on with what was under way when the worker ended; only where no other worker can have taken
 * the name meanwhile. */
void ph_wipes_resume(struct ph_node *node);

#endif
