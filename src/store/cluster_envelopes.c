#include "store/cluster_envelopes.h"

#include "base/own.h"
#include "store/pg_priv.h"

#include <assert.h>
#include <stdlib.h>

enum { ROW_LEN = 32 + 8 };

struct ph_envelope_store {
    struct ph_pg *pg;
};

static const char tables[] =
    "DO $$ BEGIN "
    "CREATE TABLE IF NOT EXISTS phala_envelopes (enc bytea PRIMARY KEY, date bigint NOT NULL); "
    "CREATE INDEX IF NOT EXISTS phala_envelopes_date ON phala_envelopes (date); "
    "CREATE TABLE IF NOT EXISTS phala_envelope_floor (one boolean PRIMARY KEY, date bigint NOT "
    "NULL); "
    "INSERT INTO phala_envelope_floor VALUES (true, 0) ON CONFLICT DO NOTHING; END $$";
static const char look[] = "SELECT 1 FROM phala_envelopes, phala_envelope_floor WHERE false";

enum ph_err ph_envelope_store_new(const char *url, struct ph_envelope_store **out)
{
    struct ph_envelope_store *s PH_OWNED(ph_freep) = calloc(1, sizeof(*s));

    if (!s)
        return PH_ERR_NOMEM;
    PH_TRY(ph_pg_new(url, PH_ENVELOPES_DEADLINE_MS, tables, look, &s->pg));
    *out = PH_TAKE(s);
    return PH_OK;
}

void ph_envelope_store_free(struct ph_envelope_store *store)
{
    if (!store)
        return;
    ph_pg_free(store->pg);
    free(store);
}

static void put_row(const struct ph_envelope *envelope, uint8_t out[static ROW_LEN])
{
    memcpy(out, envelope->enc, 32);
    ph_put_u64be(out + 32, (uint64_t)envelope->date_s);
}

/* One statement and one sync for all. A floor that has lost its row takes nothing. */
enum ph_err ph_envelope_store_take(struct ph_envelope_store *store,
                                   const struct ph_envelope *envelopes, size_t cnt, bool *first,
                                   char why[static PH_ENVELOPES_WHY])
{
    PGresult *r PH_OWNED(ph_pg_reply_freep) = NULL;
    uint8_t rows[PH_ENVELOPES_AT_ONCE * ROW_LEN];
    struct ph_pg_args args = {0};

    assert(cnt > 0 && cnt <= PH_ENVELOPES_AT_ONCE);
    for (size_t i = 0; i < cnt; i++)
        put_row(&envelopes[i], rows + i * ROW_LEN);
    ph_pg_bytes(&args, (struct ph_bytes){rows, cnt * ROW_LEN});
    PH_TRY(
        ph_pg_ask(store->pg,
                  "INSERT INTO phala_envelopes SELECT enc, date FROM ("
                  "SELECT substring($1 FROM 40 * i + 1 FOR 32) AS enc, ('x' || "
                  "encode(substring($1 FROM 40 * i + 33 FOR 8), 'hex'))::bit(64)::bigint AS date "
                  "FROM generate_series(0, octet_length($1) / 40 - 1) AS i) AS asked "
                  "WHERE date > (SELECT date FROM phala_envelope_floor) "
                  "ON CONFLICT DO NOTHING RETURNING enc",
                  &args, &r, why));
    for (size_t i = 0; i < cnt; i++) {
        first[i] = false;
        for (int row = 0; row < PQntuples(r) && !first[i]; row++)
            first[i] = ph_bytes_equal(ph_pg_field(r, row, 0), PH_BYTES_OF(envelopes[i].enc));
    }
    return PH_OK;
}

enum ph_err ph_envelope_store_forget(struct ph_envelope_store *store,
                                     char why[static PH_ENVELOPES_WHY])
{
    PGresult *raised PH_OWNED(ph_pg_reply_freep) = NULL, *gone PH_OWNED(ph_pg_reply_freep) = NULL;
    struct ph_pg_args args = {0};

    ph_pg_u64(&args, PH_ENVELOPE_PAST_S);
    PH_TRY(ph_pg_ask(store->pg,
                     "DELETE FROM phala_envelopes WHERE date < (SELECT date FROM "
                     "phala_envelope_floor) - 60",
                     NULL, &gone, why));
    return ph_pg_ask(store->pg,
                     "UPDATE phala_envelope_floor SET date = greatest(date, extract(epoch FROM "
                     "clock_timestamp())::bigint - $1)",
                     &args, &raised, why);
}
