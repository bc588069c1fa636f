#include "store/cluster_records.h"

#include "base/own.h"
#include "store/pg_priv.h"

#include <stdio.h>
#include <stdlib.h>

struct ph_record_store {
    struct ph_pg *pg;
};

/* One statement, so that it can be sent with parameters' protocol. */
static const char tables[] =
    "DO $$ BEGIN "
    "CREATE TABLE IF NOT EXISTS phala_phats (phat bytea NOT NULL, kind smallint NOT NULL, "
    "sequence bigint NOT NULL, change bigint NOT NULL, record bytea NOT NULL, "
    "PRIMARY KEY (phat, kind)); "
    "CREATE INDEX IF NOT EXISTS phala_phats_change ON phala_phats (change); "
    "CREATE TABLE IF NOT EXISTS phala_changes (one boolean PRIMARY KEY, n bigint NOT NULL); "
    "INSERT INTO phala_changes VALUES (true, 0) ON CONFLICT DO NOTHING; END $$";
static const char look[] = "SELECT 1 FROM phala_phats, phala_changes WHERE false";

enum ph_err ph_record_store_new(const char *url, struct ph_record_store **out)
{
    struct ph_record_store *s PH_OWNED(ph_freep) = calloc(1, sizeof(*s));

    if (!s)
        return PH_ERR_NOMEM;
    PH_TRY(ph_pg_new(url, PH_RECORDS_DEADLINE_MS, tables, look, &s->pg));
    *out = PH_TAKE(s);
    return PH_OK;
}

void ph_record_store_free(struct ph_record_store *store)
{
    if (!store)
        return;
    ph_pg_free(store->pg);
    free(store);
}

/* The counter's row is locked first: whoever comes second sees what the first has put. After an
 * error the connection is closed, which rolls back what was begun. */
enum ph_err ph_record_put(struct ph_record_store *store, enum ph_phat_file file,
                          const struct ph_phat_id *phat, uint64_t sequence, bool deletion,
                          struct ph_bytes record, char why[static PH_RECORDS_WHY])
{
    PGresult *begun PH_OWNED(ph_pg_reply_freep) = NULL, *counted PH_OWNED(ph_pg_reply_freep) = NULL;
    PGresult *put PH_OWNED(ph_pg_reply_freep) = NULL, *dropped PH_OWNED(ph_pg_reply_freep) = NULL;
    PGresult *done PH_OWNED(ph_pg_reply_freep) = NULL;
    struct ph_pg_args args = {0}, phat_only = {0};
    uint64_t change;

    if (sequence > INT64_MAX) {
        (void)snprintf(why, PH_RECORDS_WHY, "a sequence of 2^63 or more cannot be stored");
        return PH_ERR_LIMIT;
    }
    PH_TRY(ph_pg_ask(store->pg, "BEGIN", NULL, &begun, why));
    PH_TRY(ph_pg_ask(store->pg, "UPDATE phala_changes SET n = n + 1 RETURNING n", NULL, &counted,
                     why));
    if (PQntuples(counted) != 1 || !ph_pg_get_u64(counted, 0, 0, &change)) {
        (void)snprintf(why, PH_RECORDS_WHY, "phala_changes has lost its row");
        (void)!ph_pg_ask(store->pg, "ROLLBACK", NULL, &done, why);
        return PH_ERR_IO;
    }
    ph_pg_bytes(&args, PH_BYTES_OF(phat->b));
    ph_pg_u64(&args, (uint64_t)file);
    ph_pg_u64(&args, sequence);
    ph_pg_u64(&args, change);
    ph_pg_bytes(&args, record);
    PH_TRY(ph_pg_ask(store->pg,
                     "INSERT INTO phala_phats SELECT $1, $2::smallint, $3, $4, $5 WHERE NOT EXISTS "
                     "(SELECT 1 FROM phala_phats WHERE phat = $1 AND sequence >= $3) "
                     "ON CONFLICT (phat, kind) DO UPDATE SET sequence = excluded.sequence, "
                     "change = excluded.change, record = excluded.record RETURNING 1",
                     &args, &put, why));
    const bool is_newest = PQntuples(put) == 1;
    if (is_newest && deletion) {
        ph_pg_bytes(&phat_only, PH_BYTES_OF(phat->b));
        ph_pg_u64(&phat_only, PH_PHAT_SECRETS);
        PH_TRY(ph_pg_ask(store->pg, "DELETE FROM phala_phats WHERE phat = $1 AND kind = $2",
                         &phat_only, &dropped, why));
    }
    PH_TRY(ph_pg_ask(store->pg, is_newest ? "COMMIT" : "ROLLBACK", NULL, &done, why));
    if (is_newest && strcmp(PQcmdStatus(done), "COMMIT") != 0) {
        (void)snprintf(why, PH_RECORDS_WHY, "PostgreSQL rolled the change back");
        return PH_ERR_IO;
    }
    return is_newest ? PH_OK : PH_ERR_CONFLICT;
}

enum ph_err ph_record_replace(struct ph_record_store *store, enum ph_phat_file file,
                              const struct ph_phat_id *phat, uint64_t sequence,
                              struct ph_bytes record, char why[static PH_RECORDS_WHY])
{
    struct ph_pg_args args = {0};
    PGresult *r PH_OWNED(ph_pg_reply_freep) = NULL;

    ph_pg_bytes(&args, PH_BYTES_OF(phat->b));
    ph_pg_u64(&args, (uint64_t)file);
    ph_pg_u64(&args, sequence);
    ph_pg_bytes(&args, record);
    PH_TRY(ph_pg_ask(store->pg,
                     "UPDATE phala_phats SET record = $4 WHERE phat = $1 AND kind = $2::smallint "
                     "AND sequence = $3 RETURNING 1",
                     &args, &r, why));
    return PQntuples(r) == 1 ? PH_OK : PH_ERR_NOT_FOUND;
}

enum ph_err ph_record_changes(struct ph_record_store *store, uint64_t since,
                              struct ph_record_change out[static PH_RECORDS_AT_ONCE], size_t *cnt,
                              char why[static PH_RECORDS_WHY])
{
    struct ph_pg_args args = {0};
    PGresult *r PH_OWNED(ph_pg_reply_freep) = NULL;

    ph_pg_u64(&args, since);
    ph_pg_u64(&args, PH_RECORDS_AT_ONCE);
    PH_TRY(ph_pg_ask(store->pg,
                     "SELECT phat, kind::bigint, sequence, change FROM phala_phats "
                     "WHERE change > $1 ORDER BY change LIMIT $2",
                     &args, &r, why));
    size_t n = 0;
    for (int i = 0; i < PQntuples(r) && n < PH_RECORDS_AT_ONCE; i++) {
        const struct ph_bytes phat = ph_pg_field(r, i, 0);
        struct ph_record_change *c = &out[n];
        uint64_t kind;
        if (phat.len != sizeof(c->phat.b) || !ph_pg_get_u64(r, i, 1, &kind) ||
            kind > PH_PHAT_SECRETS || !ph_pg_get_u64(r, i, 2, &c->sequence) ||
            !ph_pg_get_u64(r, i, 3, &c->change))
            continue;
        memcpy(c->phat.b, phat.ptr, phat.len);
        c->file = (enum ph_phat_file)kind;
        n++;
    }
    *cnt = n;
    return PH_OK;
}

enum ph_err ph_record_read(struct ph_record_store *store, enum ph_phat_file file,
                           const struct ph_phat_id *phat, struct ph_buf *out,
                           char why[static PH_RECORDS_WHY])
{
    struct ph_pg_args args = {0};
    PGresult *r PH_OWNED(ph_pg_reply_freep) = NULL;

    ph_pg_bytes(&args, PH_BYTES_OF(phat->b));
    ph_pg_u64(&args, (uint64_t)file);
    PH_TRY(ph_pg_ask(store->pg, "SELECT record FROM phala_phats WHERE phat = $1 AND kind = $2",
                     &args, &r, why));
    if (PQntuples(r) != 1) {
        (void)snprintf(why, PH_RECORDS_WHY, "the record is gone");
        return PH_ERR_NOT_FOUND;
    }
    return ph_buf_add(out, ph_pg_field(r, 0, 0));
}
