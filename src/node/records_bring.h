#ifndef PH_NODE_RECORDS_BRING_H
#define PH_NODE_RECORDS_BRING_H

/* What this worker has and the cluster's database has not: phats from before it came into the
 * cluster, or that the database lost. Put there like any change, once the worker has seen all that
 * is there. A record with the same or a higher sequence in the database wins.
 *
 * Layer: node. Tests: tests/integration/takeover.test.mjs.
 */

#include "node/phats.h"

/* Zeroed: not begun. */
struct ph_bring {
    struct ph_node *node;
    struct ph_phat_id *ids; /* owned */
    size_t cnt, at;         /* of records: two for each phat */
    /* PH_OK: all that the database takes is there. Else it is to begin again. */
    void (*done)(void *ctx, enum ph_err err);
    void *ctx;
};

/* The database has a record of this sequence. */
void ph_bring_note(struct ph_node *node, const struct ph_phat_id *phat, enum ph_phat_file file,
                   uint64_t sequence);
/* `done` is told once, perhaps at once. */
void ph_bring_begin(struct ph_bring *bring, struct ph_node *node,
                    void (*done)(void *ctx, enum ph_err err), void *ctx);
void ph_bring_clear(struct ph_bring *bring);

#endif
