/* Commits in PostgreSQL, or in what speaks its protocol: one row each. The primary key is the
 * fence: of two writers of one index, one gets a unique violation, and is finished. */

#include "base/own.h"
#include "store/commit_log_pg_priv.h"

#include <stdio.h>
#include <stdlib.h>

struct pg_log {
    char *url;
};

void ph_pg_result_freep(PGresult **r)
{
    PQclear(*r);
}

/* libpq's messages name host and user, never the password; newlines become spaces. */
static enum ph_err pg_why(enum ph_err err, char *why, const char *what, const PGconn *db)
{
    (void)!ph_commit_fail(err, why, "%s: %s", what, db ? PQerrorMessage(db) : "no memory");
    for (char *c = why; *c; c++) {
        if (*c == '\n')
            *c = ' ';
    }
    return err;
}

/* A dead peer is found within seconds: what waits for it is a caller. */
static PGconn *connect_to(const char *url)
{
    static const char *const keys[] = {"dbname",
                                       "connect_timeout",
                                       "keepalives_idle",
                                       "keepalives_interval",
                                       "keepalives_count",
                                       "tcp_user_timeout",
                                       "application_name",
                                       "options",
                                       NULL};
    const char *const values[] = {
        url, "5",    "5",     "2",
        "3", "8000", "phala", "-c statement_timeout=15000 -c lock_timeout=10000",
        NULL};
    return PQconnectdbParams(keys, values, 1);
}

static void pg_writer_close(void *writer)
{
    struct ph_pg_writer *w = writer;
    if (!w)
        return;
    PQfinish(w->db);
    free(w->images);
    free(w);
}

static void writer_freep(struct ph_pg_writer **w)
{
    pg_writer_close(*w);
}

enum ph_err ph_pg_run(PGconn *db, const char *sql, char *why)
{
    PGresult *r PH_OWNED(ph_pg_result_freep) = PQexec(db, sql);
    const ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        return pg_why(PH_ERR_IO, why, "PostgreSQL", db);
    return PH_OK;
}

/* Two workers may make the table at once; the loser's error is no error if the table is there. */
static enum ph_err make_table(PGconn *db, char *why)
{
    static const char look[] = "SELECT 1 FROM phala_commits WHERE false";
    static const char make[] = "CREATE TABLE IF NOT EXISTS phala_commits ("
                               "phat bytea NOT NULL, index bigint NOT NULL, prev bytea NOT NULL, "
                               "record bytea NOT NULL, PRIMARY KEY (phat, index))";

    if (ph_pg_run(db, look, why) == PH_OK || ph_pg_run(db, make, why) == PH_OK)
        return PH_OK;
    return ph_pg_run(db, look, why);
}

void ph_pg_put(struct ph_pg_query *q, int i, struct ph_bytes value)
{
    q->values[i] = (const char *)value.ptr;
    q->lens[i] = (int)value.len; /* at most 257 MiB */
    q->formats[i] = 1;
}

void ph_pg_put_number(struct ph_pg_query *q, int i, uint64_t n)
{
    ph_put_u64be(q->number, n);
    ph_pg_put(q, i, PH_BYTES_OF(q->number));
}

/* A bigint of a binary result; false if it is NULL. */
static bool get_index(const PGresult *r, int column, uint64_t *out)
{
    struct ph_reader in = {
        {(const uint8_t *)PQgetvalue(r, 0, column), (size_t)PQgetlength(r, 0, column)}};
    return !PQgetisnull(r, 0, column) && ph_read_u64be(&in, out);
}

static enum ph_err pg_writer_open(void *log, const struct ph_phat_id *phat, void **writer,
                                  uint64_t *first, uint64_t *last, char *why)
{
    static const Oid types[] = {PH_PG_BYTEA};
    const struct pg_log *l = log;
    struct ph_pg_writer *w PH_OWNED(writer_freep) = calloc(1, sizeof(*w));
    struct ph_pg_query q = {0};
    uint64_t cnt = 0;

    if (!w || !(w->db = connect_to(l->url)))
        return ph_commit_fail(PH_ERR_NOMEM, why, "no memory");
    if (PQstatus(w->db) != CONNECTION_OK)
        return pg_why(PH_ERR_IO, why, "cannot reach PostgreSQL", w->db);
    w->phat = *phat;
    PH_TRY(make_table(w->db, why));
    PH_TRY(ph_pg_make_pages(w->db, why));
    ph_pg_put(&q, 0, PH_BYTES_OF(phat->b));
    PGresult *r PH_OWNED(ph_pg_result_freep) =
        PQexecParams(w->db,
                     "SELECT min(index), max(index), count(*) FROM phala_commits "
                     "WHERE phat = $1",
                     1, types, q.values, q.lens, q.formats, 1);
    if (PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) != 1)
        return pg_why(PH_ERR_IO, why, "PostgreSQL", w->db);
    *first = *last = 0;
    if (get_index(r, 0, first) &&
        (!get_index(r, 1, last) || !get_index(r, 2, &cnt) || cnt != *last - *first + 1))
        return ph_commit_fail(PH_ERR_MALFORMED, why,
                              "commits between %llu and %llu are missing from phala_commits",
                              (unsigned long long)*first, (unsigned long long)*last);
    *writer = PH_TAKE(w);
    return PH_OK;
}

enum ph_err ph_pg_judge(const struct ph_pg_writer *w, const PGresult *r, char *why)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);

    if (state && strcmp(state, "23505") == 0)
        return ph_commit_fail(
            PH_ERR_CONFLICT, why,
            "another worker committed first: this one no longer writes the state");
    if (state && strncmp(state, "53", 2) == 0) /* insufficient resources: disk full, memory */
        return pg_why(PH_ERR_LIMIT, why, "PostgreSQL has no room", w->db);
    return pg_why(PH_ERR_IO, why, "PostgreSQL", w->db);
}

static enum ph_err insert(struct ph_pg_writer *w, uint64_t index, struct ph_bytes record, char *why)
{
    static const Oid types[] = {PH_PG_BYTEA, PH_PG_INT8, PH_PG_BYTEA, PH_PG_BYTEA};
    struct ph_state_head head;
    struct ph_pg_query q = {0};

    PH_TRY(ph_state_head_parse((struct ph_bytes){record.ptr, PH_STATE_HEAD_LEN}, &head));
    ph_pg_put(&q, 0, PH_BYTES_OF(w->phat.b));
    ph_pg_put_number(&q, 1, index);
    ph_pg_put(&q, 2, PH_BYTES_OF(head.prev.b));
    ph_pg_put(&q, 3, record);
    PGresult *r PH_OWNED(ph_pg_result_freep) =
        PQexecParams(w->db, "INSERT INTO phala_commits VALUES ($1, $2, $3, $4)", 4, types, q.values,
                     q.lens, q.formats, 1);
    return PQresultStatus(r) == PGRES_COMMAND_OK ? PH_OK : ph_pg_judge(w, r, why);
}

enum ph_err ph_pg_commit(const struct ph_pg_writer *w, char *why)
{
    PGresult *r PH_OWNED(ph_pg_result_freep) = PQexec(w->db, "COMMIT");
    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        return ph_pg_judge(w, r, why);
    /* COMMIT of a failed transaction answers ROLLBACK. */
    return strcmp(PQcmdStatus(r), "COMMIT") == 0
               ? PH_OK
               : ph_commit_fail(PH_ERR_IO, why, "PostgreSQL rolled the commit back");
}

static enum ph_err append_many(struct ph_pg_writer *w, const struct ph_bytes *records, size_t cnt,
                               uint64_t first_index, char *why)
{
    char unused[PH_COMMIT_LOG_WHY];

    PH_TRY(ph_pg_run(w->db, "BEGIN", why));
    for (size_t i = 0; i < cnt; i++) {
        const enum ph_err err = insert(w, first_index + i, records[i], why);
        if (err != PH_OK)
            return ph_pg_run(w->db, "ROLLBACK", unused) == PH_OK || err == PH_ERR_CONFLICT
                       ? err
                       : PH_ERR_IO;
    }
    return ph_pg_commit(w, why);
}

static enum ph_err pg_append(void *writer, const struct ph_bytes *records, size_t cnt,
                             uint64_t first_index, char *why)
{
    struct ph_pg_writer *w = writer;

    if (cnt == 1)
        return insert(w, first_index, records[0], why);
    return append_many(w, records, cnt, first_index, why);
}

static enum ph_err pg_read(void *writer, uint64_t index, struct ph_buf *out, char *why)
{
    static const Oid types[] = {PH_PG_BYTEA, PH_PG_INT8};
    struct ph_pg_writer *w = writer;
    struct ph_pg_query q = {0};

    ph_pg_put(&q, 0, PH_BYTES_OF(w->phat.b));
    ph_pg_put_number(&q, 1, index);
    PGresult *r PH_OWNED(ph_pg_result_freep) =
        PQexecParams(w->db, "SELECT record FROM phala_commits WHERE phat = $1 AND index = $2", 2,
                     types, q.values, q.lens, q.formats, 1);
    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        return pg_why(PH_ERR_IO, why, "PostgreSQL", w->db);
    if (PQntuples(r) != 1)
        return ph_commit_fail(PH_ERR_NOT_FOUND, why, "commit %llu is not in phala_commits",
                              (unsigned long long)index);
    return ph_buf_add(
        out, (struct ph_bytes){(const uint8_t *)PQgetvalue(r, 0, 0), (size_t)PQgetlength(r, 0, 0)});
}

static enum ph_err pg_truncate(void *writer, uint64_t index, char *why)
{
    static const Oid types[] = {PH_PG_BYTEA, PH_PG_INT8};
    struct ph_pg_writer *w = writer;
    struct ph_pg_query q = {0};

    ph_pg_put(&q, 0, PH_BYTES_OF(w->phat.b));
    ph_pg_put_number(&q, 1, index);
    PGresult *r PH_OWNED(ph_pg_result_freep) =
        PQexecParams(w->db, "DELETE FROM phala_commits WHERE phat = $1 AND index < $2", 2, types,
                     q.values, q.lens, q.formats, 1);
    return PQresultStatus(r) == PGRES_COMMAND_OK ? PH_OK
                                                 : pg_why(PH_ERR_IO, why, "PostgreSQL", w->db);
}

static void pg_close(void *log)
{
    struct pg_log *l = log;
    free(l->url);
    free(l);
}

/* Connects once to say early what is wrong; each writer has a connection of its own. */
enum ph_err ph_commit_pg_open(const char *url, void **log, char *why)
{
    struct pg_log *l = calloc(1, sizeof(*l));
    char *copy = strdup(url);
    PGconn *db = copy ? connect_to(copy) : NULL;

    if (!l || !copy || !db || PQstatus(db) != CONNECTION_OK) {
        const enum ph_err err = l && db ? PH_ERR_IO : PH_ERR_NOMEM;
        (void)pg_why(err, why, "cannot reach PostgreSQL", db);
        PQfinish(db);
        free(copy);
        free(l);
        return err;
    }
    PQfinish(db);
    l->url = copy;
    *log = l;
    return PH_OK;
}

const struct ph_commit_backend ph_commit_pg = {
    .close = pg_close,
    .writer_open = pg_writer_open,
    .writer_close = pg_writer_close,
    .append = pg_append,
    .read = pg_read,
    .truncate = pg_truncate,
    .pages = &ph_commit_pages_pg,
};
