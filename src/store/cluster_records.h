#ifndef PH_STORE_CLUSTER_RECORDS_H
#define PH_STORE_CLUSTER_RECORDS_H

/* Records of phats that the workers of a cluster share, in PostgreSQL (docs/cluster.md): the same
 * bytes as in files (store/phats.h), so that each reader judges them by itself.
 *
 *   phala_phats(phat bytea, kind smallint, sequence bigint, change bigint, record bytea,
 *               primary key (phat, kind))
 *   phala_changes(one boolean primary key, n bigint): every change takes the next number, and holds
 *               the row until it is committed: numbers become visible in their order.
 *
 * Every call blocks for at most PH_RECORDS_DEADLINE_MS. One handle per thread.
 *
 * Layer: store. Tests: tests/integration/takeover.test.mjs.
 */

#include "store/phats.h"

struct ph_record_store;

enum { PH_RECORDS_DEADLINE_MS = 10000, PH_RECORDS_WHY = 256, PH_RECORDS_AT_ONCE = 256 };

/* `url` of the database. Connects later. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_record_store_new(const char *url, struct ph_record_store **out);
void ph_record_store_free(struct ph_record_store *store);

/* Store a record durably, unless one of this phat with its sequence or a higher one is there. A
 * bundle record that is a deletion takes the secrets with it.
 * PH_ERR_CONFLICT: there is a newer one; PH_ERR_LIMIT: sequence of 2^63 or more; PH_ERR_IO: it is
 * unknown whether it is there. */
PH_CHECKED enum ph_err ph_record_put(struct ph_record_store *store, enum ph_phat_file file,
                                     const struct ph_phat_id *phat, uint64_t sequence,
                                     bool deletion, struct ph_bytes record,
                                     char why[static PH_RECORDS_WHY]);

/* Replace the bytes of a record of this sequence by others that say the same: secrets sealed under
 * a newer epoch. It is no change to anybody. PH_ERR_NOT_FOUND: none of this sequence is there.
 * PH_ERR_IO. */
PH_CHECKED enum ph_err ph_record_replace(struct ph_record_store *store, enum ph_phat_file file,
                                         const struct ph_phat_id *phat, uint64_t sequence,
                                         struct ph_bytes record, char why[static PH_RECORDS_WHY]);

struct ph_record_change {
    struct ph_phat_id phat;
    enum ph_phat_file file;
    uint64_t sequence, change; /* as stored: not judged */
};
/* What changed after number `since`, in order, at most PH_RECORDS_AT_ONCE. PH_ERR_IO. */
PH_CHECKED enum ph_err ph_record_changes(struct ph_record_store *store, uint64_t since,
                                         struct ph_record_change out[static PH_RECORDS_AT_ONCE],
                                         size_t *cnt, char why[static PH_RECORDS_WHY]);
/* The bytes of one, appended to `out`. PH_ERR_NOT_FOUND, PH_ERR_LIMIT, PH_ERR_NOMEM, PH_ERR_IO. */
PH_CHECKED enum ph_err ph_record_read(struct ph_record_store *store, enum ph_phat_file file,
                                      const struct ph_phat_id *phat, struct ph_buf *out,
                                      char why[static PH_RECORDS_WHY]);

#endif
