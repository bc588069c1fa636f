#ifndef PH_STORE_CLUSTER_LEASES_H
#define PH_STORE_CLUSTER_LEASES_H

/* Leases in PostgreSQL: which worker of a cluster has which phat's state (docs/cluster.md).
 *
 *   phala_leases(phat bytea primary key, worker bytea, url text, mac bytea, epoch bigint,
 *                renewed_at timestamptz)
 *
 * Times are the database's. The epoch grows with every change of hands. A lease keeps two workers
 * from getting in each other's way and says when reads are fresh; what keeps a state from forking
 * is the commit log's primary key.
 *
 * Every call blocks for at most PH_LEASE_DEADLINE_MS. One handle per thread.
 *
 * Layer: store. Tests: tests/integration/takeover.test.mjs.
 */

#include "base/bytes.h"
#include "base/ids.h"

struct ph_lease_store;

enum {
    PH_LEASE_MS = 1500,
    PH_LEASE_DEADLINE_MS = 1000,
    PH_LEASE_WHY = 256,
    PH_CLUSTER_URL_MAX = 255,
    PH_LEASE_WORKER_LEN = 16,
};

/* Who asks: `id` is drawn at each start, so that a process never takes over its predecessor's
 * leases by mistake. Borrowed for the life of the store. */
struct ph_lease_worker {
    uint8_t id[PH_LEASE_WORKER_LEN];
    const char *url;
    struct ph_hash32 mac; /* of the URL, by phala-keyd: peers send callers nowhere else */
};

/* `url` of the database. Connects later. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_lease_store_new(const char *url, const struct ph_lease_worker *worker,
                                          struct ph_lease_store **out);
void ph_lease_store_free(struct ph_lease_store *store);

struct ph_lease_taken {
    bool ours;
    uint64_t epoch;
    int64_t sent_ns;                  /* ph_clock_boot_ns before the question left */
    char url[PH_CLUSTER_URL_MAX + 1]; /* of the holder, when it is another; not judged */
    struct ph_hash32 mac;
};
/* Take a lease that is free, over, or ours; or learn who has it. PH_ERR_IO, PH_ERR_AGAIN: it
 * changed hands meanwhile: ask again. */
PH_CHECKED enum ph_err ph_lease_take(struct ph_lease_store *store, const struct ph_phat_id *phat,
                                     struct ph_lease_taken *out, char why[static PH_LEASE_WHY]);

struct ph_lease_held {
    struct ph_phat_id phat;
    uint64_t epoch;
};
/* Renew everything that is ours: *out (the caller frees it) lists what still was, by phat.
 * PH_ERR_IO, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_lease_renew(struct ph_lease_store *store, struct ph_lease_held **out,
                                      size_t *cnt, int64_t *sent_ns, char why[static PH_LEASE_WHY]);
/* Give one back; NULL: all of ours. PH_ERR_IO. */
PH_CHECKED enum ph_err ph_lease_release(struct ph_lease_store *store, const struct ph_phat_id *phat,
                                        char why[static PH_LEASE_WHY]);

/* Nanoseconds of a clock that never goes back and also runs while the machine sleeps. */
int64_t ph_clock_boot_ns(void);

#endif
