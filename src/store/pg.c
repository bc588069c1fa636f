#include "store/pg_priv.h"

#include "base/clock.h"
#include "base/own.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ph_pg {
    char *url;
    int deadline_ms;
    const char *tables, *look;
    PGconn *db; /* NULL: none */
};

void ph_pg_reply_freep(PGresult **result)
{
    PQclear(*result);
}

static void add(struct ph_pg_args *a, Oid type, const void *value, size_t len)
{
    const int i = a->cnt++;

    a->types[i] = type;
    a->values[i] = len > 0 ? value : "";
    a->lens[i] = (int)len;
    a->formats[i] = 1;
}

void ph_pg_bytes(struct ph_pg_args *args, struct ph_bytes value)
{
    add(args, PH_PG_BYTEA, value.ptr, value.len);
}

void ph_pg_text(struct ph_pg_args *args, const char *value)
{
    add(args, PH_PG_TEXT, value, strlen(value));
}

void ph_pg_u64(struct ph_pg_args *args, uint64_t value)
{
    uint8_t *at = args->numbers[args->cnt];

    ph_put_u64be(at, value);
    add(args, PH_PG_INT8, at, 8);
}

struct ph_bytes ph_pg_field(const PGresult *result, int row, int column)
{
    return (struct ph_bytes){(const uint8_t *)PQgetvalue(result, row, column),
                             (size_t)PQgetlength(result, row, column)};
}

bool ph_pg_get_u64(const PGresult *result, int row, int column, uint64_t *out)
{
    struct ph_reader in = {ph_pg_field(result, row, column)};
    return !PQgetisnull(result, row, column) && ph_read_u64be(&in, out) && in.rest.len == 0;
}

enum ph_err ph_pg_new(const char *url, int deadline_ms, const char *tables, const char *look,
                      struct ph_pg **out)
{
    struct ph_pg *pg = calloc(1, sizeof(*pg));

    if (!pg || !(pg->url = strdup(url))) {
        free(pg);
        return PH_ERR_NOMEM;
    }
    pg->deadline_ms = deadline_ms;
    pg->tables = tables;
    pg->look = look;
    *out = pg;
    return PH_OK;
}

static void disconnect(struct ph_pg *pg)
{
    PQfinish(pg->db);
    pg->db = NULL;
}

void ph_pg_free(struct ph_pg *pg)
{
    if (!pg)
        return;
    disconnect(pg);
    free(pg->url);
    free(pg);
}

/* libpq's messages name host and user, never the password; newlines become spaces. */
static enum ph_err failed(struct ph_pg *pg, const char *what, char *why)
{
    (void)snprintf(why, PH_PG_WHY, "PostgreSQL: %s%s", what, pg->db ? PQerrorMessage(pg->db) : "");
    for (char *c = why; *c; c++)
        if (*c == '\n')
            *c = ' ';
    disconnect(pg);
    return PH_ERR_IO;
}

/* False: the deadline is over. */
static bool wait_for(const struct ph_pg *pg, short events, int64_t until_ns)
{
    struct pollfd p = {.fd = PQsocket(pg->db), .events = events};

    for (;;) {
        const int64_t left_ns = until_ns - ph_clock_mono_ns();
        if (left_ns <= 0)
            return false;
        const int n = poll(&p, 1, (int)(left_ns / 1000000) + 1);
        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
    }
}

static enum ph_err finish_connect(struct ph_pg *pg, int64_t until_ns, char *why)
{
    PostgresPollingStatusType step = PGRES_POLLING_WRITING;

    while (step != PGRES_POLLING_OK) {
        if (step == PGRES_POLLING_FAILED)
            return failed(pg, "", why);
        if (!wait_for(pg, step == PGRES_POLLING_READING ? POLLIN : POLLOUT, until_ns))
            return failed(pg, "no connection in time", why);
        step = PQconnectPoll(pg->db);
    }
    return PQsetnonblocking(pg->db, 1) == 0 ? PH_OK : failed(pg, "", why);
}

static enum ph_err flush(struct ph_pg *pg, int64_t until_ns, char *why)
{
    int left;

    while ((left = PQflush(pg->db)) > 0) {
        if (!wait_for(pg, POLLIN | POLLOUT, until_ns))
            return failed(pg, "it takes no data in time", why);
        if (!PQconsumeInput(pg->db))
            return failed(pg, "", why);
    }
    return left == 0 ? PH_OK : failed(pg, "", why);
}

/* The last result of what was sent. */
static enum ph_err collect(struct ph_pg *pg, int64_t until_ns, PGresult **out, char *why)
{
    PGresult *last PH_OWNED(ph_pg_reply_freep) = NULL;

    for (;;) {
        while (PQisBusy(pg->db)) {
            if (!wait_for(pg, POLLIN, until_ns))
                return failed(pg, "no answer in time", why);
            if (!PQconsumeInput(pg->db))
                return failed(pg, "", why);
        }
        PGresult *result = PQgetResult(pg->db);
        if (!result)
            break;
        PQclear(last);
        last = result;
    }
    const ExecStatusType status = PQresultStatus(last);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        return failed(pg, "", why);
    *out = PH_TAKE(last);
    return PH_OK;
}

static enum ph_err send_one(struct ph_pg *pg, const char *sql, const struct ph_pg_args *args,
                            int64_t until_ns, PGresult **out, char *why)
{
    static const struct ph_pg_args none;
    const struct ph_pg_args *a = args ? args : &none;

    if (!PQsendQueryParams(pg->db, sql, a->cnt, a->types, a->values, a->lens, a->formats, 1))
        return failed(pg, "", why);
    PH_TRY(flush(pg, until_ns, why));
    return collect(pg, until_ns, out, why);
}

static enum ph_err connect_now(struct ph_pg *pg, int64_t until_ns, char *why)
{
    static const char *const keys[] = {"dbname", "application_name", "options", NULL};
    const char *const values[] = {pg->url, "phala cluster",
                                  "-c statement_timeout=15000 -c client_min_messages=error", NULL};
    PGresult *made PH_OWNED(ph_pg_reply_freep) = NULL;
    PGresult *there PH_OWNED(ph_pg_reply_freep) = NULL;

    pg->db = PQconnectStartParams(keys, values, 1);
    if (!pg->db || PQstatus(pg->db) == CONNECTION_BAD)
        return failed(pg, "", why);
    PH_TRY(finish_connect(pg, until_ns, why));
    if (send_one(pg, pg->look, NULL, until_ns, &there, why) == PH_OK)
        return PH_OK;
    /* That error closed the connection. */
    pg->db = PQconnectStartParams(keys, values, 1);
    if (!pg->db || PQstatus(pg->db) == CONNECTION_BAD)
        return failed(pg, "", why);
    PH_TRY(finish_connect(pg, until_ns, why));
    return send_one(pg, pg->tables, NULL, until_ns, &made, why);
}

enum ph_err ph_pg_ask(struct ph_pg *pg, const char *sql, const struct ph_pg_args *args,
                      PGresult **out, char why[static PH_PG_WHY])
{
    const int64_t until_ns = ph_clock_mono_ns() + (int64_t)pg->deadline_ms * 1000000;

    if (!pg->db)
        PH_TRY(connect_now(pg, until_ns, why));
    return send_one(pg, sql, args, until_ns, out, why);
}
