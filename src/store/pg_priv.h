#ifndef PH_STORE_PG_PRIV_H
#define PH_STORE_PG_PRIV_H

/* Questions to PostgreSQL that end in time: libpq's own calls wait as long as the server does, and
 * a server that is stopped, or behind a cut network, says nothing at all. The connection is made
 * when it is needed, and anew after it failed.
 *
 * Blocks for at most the deadline. One handle per thread. Source: PostgreSQL 15 manual, 34.1, 34.4.
 *
 * Layer: store. Tests: takeover.test.mjs, through what uses it.
 */

#include "base/bytes.h"

#include <libpq-fe.h>

enum { PH_PG_WHY = 256, PH_PG_PARAMS = 6 };
enum {
    PH_PG_BYTEA = 17,
    PH_PG_INT8 = 20,
    PH_PG_TEXT = 25
}; /* types, as pg_type.dat numbers them */

struct ph_pg;

/* Parameters of one question, all binary. Values are borrowed. */
struct ph_pg_args {
    int cnt;
    Oid types[PH_PG_PARAMS];
    const char *values[PH_PG_PARAMS];
    int lens[PH_PG_PARAMS], formats[PH_PG_PARAMS];
    uint8_t numbers[PH_PG_PARAMS][8];
};
void ph_pg_bytes(struct ph_pg_args *args, struct ph_bytes value);
void ph_pg_text(struct ph_pg_args *args, const char *value);
void ph_pg_u64(struct ph_pg_args *args, uint64_t value);

/* `tables` is asked once on each new connection, and may fail as long as `look` then succeeds: of
 * two workers that make a table at once one is told an error. Both static. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_pg_new(const char *url, int deadline_ms, const char *tables,
                                 const char *look, struct ph_pg **out);
void ph_pg_free(struct ph_pg *pg);

/**
 * Ask, and wait for the answer.
 *
 * @args  NULL: none
 * @out   on PH_OK the caller's: ph_pg_reply_freep
 *
 * Returns PH_ERR_IO  no connection, an error of the server, or no answer in time: why. Whether it
 *                    took effect is unknown; the connection is closed
 */
PH_CHECKED enum ph_err ph_pg_ask(struct ph_pg *pg, const char *sql, const struct ph_pg_args *args,
                                 PGresult **out, char why[static PH_PG_WHY]);
void ph_pg_reply_freep(PGresult **result);

/* A field of a binary result; of a NULL, nothing. */
struct ph_bytes ph_pg_field(const PGresult *result, int row, int column);
/* A bigint of a binary result; false: it is NULL or none. */
bool ph_pg_get_u64(const PGresult *result, int row, int column, uint64_t *out);

#endif
