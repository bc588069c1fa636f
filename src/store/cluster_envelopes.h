#ifndef PH_STORE_CLUSTER_ENVELOPES_H
#define PH_STORE_CLUSTER_ENVELOPES_H

/* Which private calls the workers of a cluster have taken, in PostgreSQL (docs/private-calls.md):
 *
 *   phala_envelopes(enc bytea primary key, date bigint)
 *   phala_envelope_floor(one boolean primary key, date bigint): dates up to it are taken no more
 *
 * Rows go a minute after their date has fallen below the floor, so that nobody who still sees an
 * older floor can take them again. Every call blocks for at most PH_ENVELOPES_DEADLINE_MS. One
 * handle per thread.
 *
 * Layer: store. Tests: tests/integration/private_cluster.test.mjs.
 */

#include "base/bytes.h"

struct ph_envelope_store;

enum {
    PH_ENVELOPES_DEADLINE_MS = 3000,
    PH_ENVELOPES_WHY = 256,
    PH_ENVELOPES_AT_ONCE = 64,
    PH_ENVELOPE_PAST_S = 90, /* the floor stays so far behind the database's clock */
};

/* The ephemeral key of an envelope, which no other has, and the Date inside, Unix seconds. */
struct ph_envelope {
    uint8_t enc[32];
    int64_t date_s;
};

/* `url` of the database. Connects later. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_envelope_store_new(const char *url, struct ph_envelope_store **out);
void ph_envelope_store_free(struct ph_envelope_store *store);

/* Take envelopes, all different, 1 to PH_ENVELOPES_AT_ONCE: durable when it returns. `first[i]`: no
 * worker had taken it, and its date is above the floor. PH_ERR_IO: it is unknown which are taken.
 */
PH_CHECKED enum ph_err ph_envelope_store_take(struct ph_envelope_store *store,
                                              const struct ph_envelope *envelopes, size_t cnt,
                                              bool *first, char why[static PH_ENVELOPES_WHY]);
/* Raise the floor to PH_ENVELOPE_PAST_S ago, and forget what lay below it long enough. PH_ERR_IO.
 */
PH_CHECKED enum ph_err ph_envelope_store_forget(struct ph_envelope_store *store,
                                                char why[static PH_ENVELOPES_WHY]);

#endif
