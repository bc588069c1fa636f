#include "store/cluster_leases.h"

#include "base/own.h"
#include "store/pg_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct ph_lease_store {
    struct ph_pg *pg;
    const struct ph_lease_worker *worker;
};

static const char tables[] =
    "CREATE TABLE IF NOT EXISTS phala_leases (phat bytea PRIMARY KEY, worker bytea NOT NULL, "
    "url text NOT NULL, mac bytea NOT NULL, epoch bigint NOT NULL, "
    "renewed_at timestamptz NOT NULL)";
static const char look[] = "SELECT 1 FROM phala_leases WHERE false";

int64_t ph_clock_boot_ns(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_BOOTTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

enum ph_err ph_lease_store_new(const char *url, const struct ph_lease_worker *worker,
                               struct ph_lease_store **out)
{
    struct ph_lease_store *s PH_OWNED(ph_freep) = calloc(1, sizeof(*s));

    if (!s)
        return PH_ERR_NOMEM;
    s->worker = worker;
    PH_TRY(ph_pg_new(url, PH_LEASE_DEADLINE_MS, tables, look, &s->pg));
    *out = PH_TAKE(s);
    return PH_OK;
}

void ph_lease_store_free(struct ph_lease_store *store)
{
    if (!store)
        return;
    ph_pg_free(store->pg);
    free(store);
}

/* Who has it, if it is not over. */
static enum ph_err read_holder(struct ph_lease_store *s, const struct ph_phat_id *phat,
                               struct ph_lease_taken *out, char *why)
{
    struct ph_pg_args args = {0};
    PGresult *r PH_OWNED(ph_pg_reply_freep) = NULL;

    ph_pg_bytes(&args, PH_BYTES_OF(phat->b));
    PH_TRY(ph_pg_ask(s->pg, "SELECT url, mac FROM phala_leases WHERE phat = $1", &args, &r, why));
    if (PQntuples(r) != 1)
        return PH_ERR_AGAIN;
    const struct ph_bytes url = ph_pg_field(r, 0, 0), mac = ph_pg_field(r, 0, 1);
    if (url.len > PH_CLUSTER_URL_MAX || mac.len != sizeof(out->mac.b)) {
        (void)snprintf(why, PH_LEASE_WHY, "phala_leases names a holder that no worker wrote");
        return PH_ERR_IO;
    }
    memcpy(out->url, url.ptr, url.len);
    out->url[url.len] = '\0';
    memcpy(out->mac.b, mac.ptr, mac.len);
    return PH_OK;
}

enum ph_err ph_lease_take(struct ph_lease_store *store, const struct ph_phat_id *phat,
                          struct ph_lease_taken *out, char why[static PH_LEASE_WHY])
{
    /* clock_timestamp is read again when the row was locked by another: no stale decision. */
    static const char sql[] =
        "INSERT INTO phala_leases VALUES ($1, $2, $3, $4, 1, clock_timestamp()) "
        "ON CONFLICT (phat) DO UPDATE SET worker = $2, url = $3, mac = $4, "
        "epoch = phala_leases.epoch + 1, renewed_at = clock_timestamp() "
        "WHERE phala_leases.worker = $2 OR "
        "phala_leases.renewed_at < clock_timestamp() - $5 * interval '1 millisecond' "
        "RETURNING epoch";
    struct ph_lease_taken taken = {.sent_ns = ph_clock_boot_ns()};
    struct ph_pg_args args = {0};
    PGresult *r PH_OWNED(ph_pg_reply_freep) = NULL;

    ph_pg_bytes(&args, PH_BYTES_OF(phat->b));
    ph_pg_bytes(&args, PH_BYTES_OF(store->worker->id));
    ph_pg_text(&args, store->worker->url);
    ph_pg_bytes(&args, PH_BYTES_OF(store->worker->mac.b));
    ph_pg_u64(&args, PH_LEASE_MS);
    PH_TRY(ph_pg_ask(store->pg, sql, &args, &r, why));
    taken.ours = PQntuples(r) == 1 && ph_pg_get_u64(r, 0, 0, &taken.epoch);
    if (!taken.ours)
        PH_TRY(read_holder(store, phat, &taken, why));
    *out = taken;
    return PH_OK;
}

static int by_phat(const void *a, const void *b)
{
    return memcmp(((const struct ph_lease_held *)a)->phat.b,
                  ((const struct ph_lease_held *)b)->phat.b, sizeof(struct ph_phat_id));
}

enum ph_err ph_lease_renew(struct ph_lease_store *store, struct ph_lease_held **out, size_t *cnt,
                           int64_t *sent_ns, char why[static PH_LEASE_WHY])
{
    static const char sql[] = "UPDATE phala_leases SET renewed_at = clock_timestamp() "
                              "WHERE worker = $1 AND renewed_at <> '-infinity' "
                              "RETURNING phat, epoch";
    const int64_t now_ns = ph_clock_boot_ns();
    struct ph_pg_args args = {0};
    PGresult *r PH_OWNED(ph_pg_reply_freep) = NULL;

    ph_pg_bytes(&args, PH_BYTES_OF(store->worker->id));
    PH_TRY(ph_pg_ask(store->pg, sql, &args, &r, why));
    const int rows = PQntuples(r);
    struct ph_lease_held *held PH_OWNED(ph_freep) = calloc((size_t)rows + 1, sizeof(*held));
    size_t n = 0;
    if (!held)
        return PH_ERR_NOMEM;
    for (int i = 0; i < rows; i++) {
        const struct ph_bytes phat = ph_pg_field(r, i, 0);
        if (phat.len != sizeof(held->phat.b) || !ph_pg_get_u64(r, i, 1, &held[n].epoch))
            continue;
        memcpy(held[n++].phat.b, phat.ptr, phat.len);
    }
    qsort(held, n, sizeof(*held), by_phat);
    *out = PH_TAKE(held);
    *cnt = n;
    *sent_ns = now_ns;
    return PH_OK;
}

enum ph_err ph_lease_release(struct ph_lease_store *store, const struct ph_phat_id *phat,
                             char why[static PH_LEASE_WHY])
{
    struct ph_pg_args args = {0};
    PGresult *r PH_OWNED(ph_pg_reply_freep) = NULL;

    ph_pg_bytes(&args, PH_BYTES_OF(store->worker->id));
    if (phat)
        ph_pg_bytes(&args, PH_BYTES_OF(phat->b));
    return ph_pg_ask(store->pg,
                     phat ? "UPDATE phala_leases SET renewed_at = '-infinity' "
                            "WHERE worker = $1 AND phat = $2"
                          : "UPDATE phala_leases SET renewed_at = '-infinity' WHERE worker = $1",
                     &args, &r, why);
}
