#ifndef PH_NODE_ENVELOPES_H
#define PH_NODE_ENVELOPES_H

/* Each private call once in the whole cluster: asks the database which the workers share, many
 * envelopes at a time (store/cluster_envelopes.h). A worker that is alone has no use for it.
 *
 * Layer: node. Argument: docs/private-calls.md. Tests: tests/integration/private_cluster.test.mjs.
 */

#include "node/node.h"
#include "store/cluster_envelopes.h"

struct ph_envelopes;

/* One question; the storage is the asker's until it is told, once, or forgets. */
struct ph_envelope_ask {
    struct ph_envelope envelope;
    /* PH_OK: taken here, first. PH_ERR_CONFLICT: another worker took it, or it is too old by the
     * database's clock. Else it is unknown. */
    void (*told)(void *ctx, enum ph_err err);
    void *ctx;
    struct ph_envelopes *at; /* NULL: nothing is asked */
    struct ph_envelope_ask *next;
};

/* PH_ERR_NOMEM, PH_ERR_IO. */
PH_CHECKED enum ph_err ph_envelopes_new(struct ph_node *node, struct ph_envelopes **out);
/* Nobody is told any more. NULL is fine. */
void ph_envelopes_free(struct ph_envelopes *envelopes);
void ph_envelopes_take(struct ph_envelopes *envelopes, struct ph_envelope_ask *ask);
void ph_envelopes_forget(struct ph_envelope_ask *ask);

#endif
