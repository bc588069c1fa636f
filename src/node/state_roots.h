#ifndef PH_NODE_STATE_ROOTS_H
#define PH_NODE_STATE_ROOTS_H

/* The newest durable commits of one open state: the thread that makes them durable adds them, the
 * event loop asks for the root of one that an instance names. An instance can so choose among what
 * is durable, and state no root of its own.
 *
 * Shared by reference; any thread. Layer: node. Tests: state_roots_test.c.
 */

#include "keys/receipt.h"

struct ph_state_roots;

enum { PH_STATE_ROOTS_KEPT = 256 };

/* One reference is the caller's. NULL: no memory. */
struct ph_state_roots *ph_state_roots_new(void);
struct ph_state_roots *ph_state_roots_ref(struct ph_state_roots *roots);
/* NULL is fine. */
void ph_state_roots_unref(struct ph_state_roots *roots);

/* A commit is durable; indices grow. The first one is the tip at which the state was opened. */
void ph_state_roots_add(struct ph_state_roots *roots, uint64_t index, const struct ph_hash32 *root);
/* The newest index; 0 before the first. */
uint64_t ph_state_roots_newest(const struct ph_state_roots *roots);
/* The commit of this index, or the oldest that is kept when that is newer. PH_ERR_NOT_FOUND: no
 * such commit is durable. */
PH_CHECKED enum ph_err ph_state_roots_find(struct ph_state_roots *roots, uint64_t index,
                                           struct ph_receipt_state *out);

#endif
