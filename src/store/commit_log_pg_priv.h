#ifndef PH_STORE_COMMIT_LOG_PG_PRIV_H
#define PH_STORE_COMMIT_LOG_PG_PRIV_H

/* Shared by what keeps states in PostgreSQL. */

#include "store/commit_log_priv.h"

#include <libpq-fe.h>

enum { PH_PG_BYTEA = 17, PH_PG_INT8 = 20, PH_PG_INT8S = 1016, PH_PG_BYTEAS = 1001 };
enum { PH_PG_IMAGES = 128 }; /* of one statement */

/* Pages and nodes that are sent with the next statement. */
struct ph_pg_images {
    size_t cnt;
    uint64_t key[PH_PG_IMAGES];
    uint8_t image[PH_PG_IMAGES][PH_STATE_PAGE];
};

struct ph_pg_writer {
    PGconn *db;
    struct ph_phat_id phat;
    struct ph_pg_images *images; /* NULL: no transaction of them */
    uint32_t page_cnt;           /* after it */
};

/* What a query with one phat, and for some a number, as parameters needs. */
struct ph_pg_query {
    const char *values[4];
    int lens[4], formats[4];
    uint8_t number[8];
};

void ph_pg_result_freep(PGresult **r);
void ph_pg_put(struct ph_pg_query *q, int i, struct ph_bytes value);
void ph_pg_put_number(struct ph_pg_query *q, int i, uint64_t n);
/* Sort a failure: lost to another writer, storage full, or unknown. */
PH_CHECKED enum ph_err ph_pg_judge(const struct ph_pg_writer *w, const PGresult *r, char *why);
/* A statement without parameters. PH_ERR_IO. */
PH_CHECKED enum ph_err ph_pg_run(PGconn *db, const char *sql, char *why);
/* COMMIT; one of a failed transaction is an error too. */
PH_CHECKED enum ph_err ph_pg_commit(const struct ph_pg_writer *w, char *why);

PH_CHECKED enum ph_err ph_pg_make_pages(PGconn *db, char *why);
extern const struct ph_commit_pages_backend ph_commit_pages_pg;

#endif
