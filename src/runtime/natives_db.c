#include "runtime/natives_priv.h"
#include "runtime/turns.h"

#include <stdio.h>
#include <stdlib.h>

/* Natives behind env.DB and env.KV: statements of the phat, one at a time, each run to its end. */

enum {
    SQL_MAX = 1024 * 1024,         /* bytes of a statement's text */
    PARAMETERS_MAX = 32766,        /* SQLite's own limit */
    COLUMNS_MAX = 2000,            /* as well */
    VALUE_MAX = 32 * 1024 * 1024,  /* bytes of one value going in */
    RESULT_MAX = 64 * 1024 * 1024, /* bytes of one result, each row at least ROW_COST */
    ROW_COST = 32,
    DEPTH_MAX = 64, /* of savepoints */
    ROWS_NEAR = 16,
};
enum { STATEMENT, FIRST_ONLY, KINDS, VALUES }; /* arguments of dbRun */
static const double SAFE = 9007199254740991.0;
/* Room for a row. On the stack, where the collector sees what is in it; not zeroed first, which
 * would cost more than most rows. */
#define CELLS __attribute__((uninitialized))

static JSValueRef db_error(JSContextRef ctx, const char *message, JSValueRef *exception)
{
    return ph_js_throw(ctx, "Error", message, exception);
}

/* What SQLite said, or why when the reason is ours. */
static JSValueRef failed(JSContextRef ctx, struct ph_engine *e, int rc, JSValueRef *exception)
{
    struct ph_turns *t = e->turns;
    char text[512];
    const char *why = NULL;
    const enum ph_err fault = ph_state_fault(t->state, &why);
    const int plain = rc & 0xff;

    (void)snprintf(text, sizeof(text), "%s", sqlite3_errmsg(t->db));
    if (t->client.lost || fault == PH_ERR_UNTRUSTED) {
        (void)snprintf(text, sizeof(text), "%s", t->client.lost ? t->client.why : why);
        ph_turns_lose(e, text);
    } else if (e->stop != PH_STOP_NONE) {
        (void)snprintf(text, sizeof(text), "The statement was stopped: %s",
                       e->stop == PH_STOP_CPU ? "CPU time is used up (limits.cpuMs)"
                                              : "memory is used up (limits.memoryMiB)");
    } else if (plain == SQLITE_FULL) {
        (void)snprintf(text, sizeof(text), "%s",
                       fault == PH_ERR_LIMIT && why
                           ? why
                           : "the database is full: raise state.maxMiB in phat.json");
    } else if (plain == SQLITE_IOERR && fault != PH_OK && why) {
        (void)snprintf(text, sizeof(text), "%s", why);
    } else if (plain == SQLITE_NOMEM) {
        (void)snprintf(text, sizeof(text),
                       "The statement needs more memory than there is "
                       "(limits.memoryMiB)");
    }
    (void)snprintf(t->why, sizeof(t->why), "%.255s", text);
    return db_error(ctx, text, exception);
}

/* Before a statement: there is a state, and the turn has its transaction. */
static bool enter(JSContextRef ctx, struct ph_engine *e, JSValueRef *exception)
{
    struct ph_turns *t = e->turns;

    if (!t || !t->state || e->over)
        (void)db_error(ctx, "This phat has no state: add \"state\" to phat.json", exception);
    else if (t->replacing)
        (void)db_error(ctx, "The phat's owner is importing another state", exception);
    else if (t->stepping)
        (void)db_error(ctx, "Another statement is running", exception);
    else if (t->broken)
        (void)db_error(ctx,
                       "An error before rolled back all that this turn wrote: nothing more can be "
                       "done with the state in it",
                       exception);
    else if (!t->began && sqlite3_exec(t->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
        (void)db_error(ctx, sqlite3_errmsg(t->db), exception);
    else
        return t->began = true;
    return false;
}

/* After one that failed: SQLite may have ended the whole transaction with it. */
static void after_failure(struct ph_turns *t, bool wrote)
{
    if (sqlite3_get_autocommit(t->db) == 0)
        return;
    t->began = false;
    t->broken = wrote || t->depth > 0;
}

static bool has_written(const struct ph_turns *t)
{
    return sqlite3_txn_state(t->db, "main") == SQLITE_TXN_WRITE;
}

/* Behind white space, comments and semicolons, as SQLite's tokenizer skips them. */
static const char *first_word(const char *at, const char *end)
{
    while (at < end) {
        if (*at == ' ' || (*at >= '\t' && *at <= '\r') || *at == ';') {
            at++;
        } else if (end - at >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0) {
            at += 3;
        } else if (end - at >= 2 && at[0] == '-' && at[1] == '-') {
            while (at < end && *at != '\n')
                at++;
        } else if (end - at >= 2 && at[0] == '/' && at[1] == '*') {
            at += 2;
            while (at < end && !(end - at >= 2 && at[0] == '*' && at[1] == '/'))
                at++;
            at = end - at >= 2 ? at + 2 : end;
        } else {
            break;
        }
    }
    return at;
}

/* Transactions are the turns' business. */
static bool is_transaction_word(const char *sql, const char *end)
{
    static const char *const words[] = {"BEGIN",    "COMMIT",    "END",
                                        "ROLLBACK", "SAVEPOINT", "RELEASE"};
    const char *at = first_word(sql, end);
    size_t len = 0;

    while (at + len < end &&
           ((at[len] >= 'a' && at[len] <= 'z') || (at[len] >= 'A' && at[len] <= 'Z')))
        len++;
    for (size_t i = 0; i < PH_LEN(words); i++) {
        if (strlen(words[i]) == len && sqlite3_strnicmp(words[i], at, (int)len) == 0)
            return true;
    }
    return false;
}

/* One statement of `sql`; *tail gets what follows. NULL: thrown, or there is none (*none). */
static sqlite3_stmt *prepare(JSContextRef ctx, struct ph_engine *e, const char *sql, size_t len,
                             unsigned flags, const char **tail, bool *none, JSValueRef *exception)
{
    sqlite3_stmt *stmt = NULL;

    *none = false;
    if (is_transaction_word(sql, sql + len)) {
        (void)db_error(ctx,
                       "Transactions are not written in SQL: a call's turn is one; use "
                       "DB.transaction(fn) or DB.batch([…])",
                       exception);
        return NULL;
    }
    const int rc = sqlite3_prepare_v3(e->turns->db, sql, (int)len + 1, flags, &stmt, tail);
    if (rc != SQLITE_OK)
        (void)failed(ctx, e, rc, exception);
    else
        *none = !stmt;
    return stmt;
}

/* The one statement that `sql` is. NULL: thrown. */
static sqlite3_stmt *prepare_one(JSContextRef ctx, struct ph_engine *e, JSValueRef sql,
                                 unsigned flags, JSValueRef *exception)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(4 * SQL_MAX);
    const char *tail;
    bool none;

    if (!ph_arg_add_string(ctx, 1, &sql, 0, SQL_MAX, &text) ||
        ph_buf_add(&text, PH_BYTES_LIT("\0")) != PH_OK) {
        (void)ph_native_bad(ctx, "The statement is no string of at most 1 MiB", exception);
        return NULL;
    }
    const char *at = (const char *)text.ptr;
    const size_t len = text.len - 1;
    sqlite3_stmt *stmt = prepare(ctx, e, at, len, flags, &tail, &none, exception);
    if (none)
        (void)db_error(ctx, "The statement is empty", exception);
    if (!stmt)
        return NULL;
    if (first_word(tail, at + len) == at + len)
        return stmt;
    (void)sqlite3_finalize(stmt);
    (void)db_error(ctx, "More than one statement: prepare one at a time, or use DB.exec",
                   exception);
    return NULL;
}

void ph_statement_clear(struct ph_engine *e, struct ph_statement *s)
{
    (void)sqlite3_finalize(s->stmt);
    if (s->names)
        JSValueUnprotect(e->ctx, s->names);
    *s = (struct ph_statement){0};
}

/* (place, sql): keeps the statement in a place from 0 to PH_STATEMENTS_KEPT - 1, instead of what
 * was there. */
PH_NATIVE(native_db_prepare)
{
    struct ph_engine *e = ph_the_engine;
    uint64_t place;

    PH_NATIVE_UNUSED();
    if (!enter(ctx, e, exception))
        return JSValueMakeUndefined(ctx);
    if (arg_cnt < 2 || !ph_arg_id(ctx, arg_cnt, args, 0, &place) || place >= PH_STATEMENTS_KEPT)
        return ph_native_bad(ctx, "dbPrepare: arguments", exception);
    struct ph_statement *kept = &e->turns->kept[place];
    ph_statement_clear(e, kept);
    kept->stmt = prepare_one(ctx, e, args[1], SQLITE_PREPARE_PERSISTENT, exception);
    return JSValueMakeUndefined(ctx);
}

static int bind_number(sqlite3_stmt *stmt, int i, double n)
{
    return n >= -SAFE && n <= SAFE && (double)(sqlite3_int64)n == n
               ? sqlite3_bind_int64(stmt, i, (sqlite3_int64)n)
               : sqlite3_bind_double(stmt, i, n);
}

/* `is_bigint`: it is a string of digits that stands for one. */
static int bind_string(JSContextRef ctx, sqlite3_stmt *stmt, int i, JSValueRef value,
                       bool is_bigint)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(VALUE_MAX + 8);
    const JSStringRef string = JSValueToStringCopy(ctx, value, NULL);
    const enum ph_err err = ph_string_append(&text, string);

    JSStringRelease(string);
    if (err != PH_OK || text.len > VALUE_MAX)
        return SQLITE_TOOBIG;
    if (!is_bigint)
        return sqlite3_bind_text64(stmt, i, text.len ? (const char *)text.ptr : "", text.len,
                                   SQLITE_TRANSIENT, SQLITE_UTF8);
    if (ph_buf_add(&text, PH_BYTES_LIT("\0")) != PH_OK)
        return SQLITE_NOMEM;
    return sqlite3_bind_int64(stmt, i, strtoll((const char *)text.ptr, NULL, 10));
}

/* SQLite's code, SQLITE_MISMATCH: not a value it has. */
static int bind_value(JSContextRef ctx, sqlite3_stmt *stmt, int i, JSValueRef value, bool is_bigint)
{
    struct ph_bytes bytes;

    switch ((int)JSValueGetType(ctx, value)) { /* bigints are in newer enumerations only */
    case kJSTypeNull:
        return sqlite3_bind_null(stmt, i);
    case kJSTypeBoolean:
        return sqlite3_bind_int(stmt, i, JSValueToBoolean(ctx, value));
    case kJSTypeNumber:
        return bind_number(stmt, i, JSValueToNumber(ctx, value, NULL));
    case kJSTypeString:
        return bind_string(ctx, stmt, i, value, is_bigint);
    default:
        break;
    }
    if (!ph_js_bytes(ctx, value, &bytes))
        return SQLITE_MISMATCH;
    if (bytes.len == 0)
        return sqlite3_bind_zeroblob(stmt, i, 0);
    return bytes.len > VALUE_MAX
               ? SQLITE_TOOBIG
               : sqlite3_bind_blob64(stmt, i, bytes.ptr, bytes.len, SQLITE_TRANSIENT);
}

/* Parameters from argument VALUES on; KINDS names those that are bigints, one character each, or is
 * null. */
static bool bind_all(JSContextRef ctx, sqlite3_stmt *stmt, size_t arg_cnt, const JSValueRef args[],
                     JSValueRef *exception)
{
    struct ph_buf kinds PH_OWNED(ph_buf_clear) = PH_BUF(PARAMETERS_MAX + 8);
    const int wanted = sqlite3_bind_parameter_count(stmt);
    const size_t cnt = arg_cnt - VALUES;
    char text[128];

    const bool has_kinds = ph_arg_add_string(ctx, arg_cnt, args, KINDS, PARAMETERS_MAX, &kinds);
    if (cnt > PARAMETERS_MAX || (has_kinds && kinds.len != cnt)) {
        (void)ph_native_bad(ctx, "dbRun: parameters", exception);
        return false;
    }
    if ((size_t)wanted != cnt) {
        (void)snprintf(text, sizeof(text),
                       "The statement has %d parameters, and %zu values are bound", wanted, cnt);
        (void)db_error(ctx, text, exception);
        return false;
    }
    for (int i = 0; i < wanted; i++) {
        const int rc =
            bind_value(ctx, stmt, i + 1, args[VALUES + i], has_kinds && kinds.ptr[i] == 'b');
        if (rc == SQLITE_OK)
            continue;
        (void)snprintf(text, sizeof(text), "Value %d %s", i + 1,
                       rc == SQLITE_TOOBIG     ? "is larger than 32 MiB"
                       : rc == SQLITE_MISMATCH ? "is of a type that the database has not"
                                               : "needs more memory than there is");
        (void)db_error(ctx, text, exception);
        return false;
    }
    return true;
}

/* Integers beyond 2^53 are bigints; the engine's API for those is not in all its versions. */
static JSValueRef integer_value(JSContextRef ctx, sqlite3_int64 n)
{
    char text[32];

    if (n >= -(sqlite3_int64)SAFE && n <= (sqlite3_int64)SAFE)
        return JSValueMakeNumber(ctx, (double)n);
    (void)snprintf(text, sizeof(text), n == INT64_MIN ? "-9223372036854775807n-1n" : "%lldn",
                   (long long)n);
    const JSStringRef script = JSStringCreateWithUTF8CString(text);
    const JSValueRef value = JSEvaluateScript(ctx, script, NULL, NULL, 1, NULL);
    JSStringRelease(script);
    return value ? value : JSValueMakeNumber(ctx, (double)n);
}

static JSValueRef column_value(struct ph_engine *e, sqlite3_stmt *stmt, int i)
{
    const void *at;

    switch (sqlite3_column_type(stmt, i)) {
    case SQLITE_INTEGER:
        return integer_value(e->ctx, sqlite3_column_int64(stmt, i));
    case SQLITE_FLOAT:
        return JSValueMakeNumber(e->ctx, sqlite3_column_double(stmt, i));
    case SQLITE_TEXT:
        at = sqlite3_column_text(stmt, i);
        return ph_string_value(e, (struct ph_bytes){at, (size_t)sqlite3_column_bytes(stmt, i)});
    case SQLITE_BLOB:
        at = sqlite3_column_blob(stmt, i);
        return ph_js_new_bytes(e->ctx,
                               (struct ph_bytes){at, (size_t)sqlite3_column_bytes(stmt, i)});
    default:
        return e->js_null;
    }
}

/* Rows as arrays. The first stand on the stack, where the collector sees them; behind those all are
 * protected. */
struct rows {
    JSValueRef near[ROWS_NEAR], *at;
    size_t cnt, cap, bytes;
};

static void rows_clear(struct ph_engine *e, struct rows *rows)
{
    if (rows->at == rows->near)
        return;
    for (size_t i = 0; i < rows->cnt; i++)
        JSValueUnprotect(e->ctx, rows->at[i]);
    free(rows->at);
}

static bool rows_grow(struct ph_engine *e, struct rows *rows)
{
    const size_t cap = 4 * rows->cap;
    const bool near = rows->at == rows->near;
    JSValueRef *more = realloc(near ? NULL : rows->at, cap * sizeof(*more));

    if (!more)
        return false;
    if (near) {
        memcpy(more, rows->near, sizeof(rows->near));
        for (size_t i = 0; i < rows->cnt; i++)
            JSValueProtect(e->ctx, more[i]);
    }
    rows->at = more;
    rows->cap = cap;
    return true;
}

static const char *add_row(struct ph_engine *e, sqlite3_stmt *stmt, struct rows *rows)
{
    JSValueRef values[COLUMNS_MAX] CELLS;
    const int cnt = sqlite3_column_count(stmt);

    for (int i = 0; i < cnt; i++) {
        const int type = sqlite3_column_type(stmt, i);
        if (type == SQLITE_TEXT || type == SQLITE_BLOB)
            rows->bytes += (size_t)sqlite3_column_bytes(stmt, i);
    }
    rows->bytes += ROW_COST * (size_t)(cnt + 1);
    if (rows->bytes > RESULT_MAX)
        return "The result is larger than 64 MiB: ask for less of it at once";
    if (rows->cnt == rows->cap && !rows_grow(e, rows))
        return "Out of memory";
    for (int i = 0; i < cnt; i++) {
        values[i] = column_value(e, stmt, i);
        if (!values[i])
            return "Out of memory";
    }
    const JSObjectRef row = JSObjectMakeArray(e->ctx, (size_t)cnt, values, NULL);
    if (!row)
        return "Out of memory";
    if (rows->at != rows->near)
        JSValueProtect(e->ctx, row);
    rows->at[rows->cnt++] = row;
    return NULL;
}

/* The columns' names, kept with the statement until SQLite prepares it anew for a changed schema.
 */
static JSValueRef names_of(struct ph_engine *e, struct ph_statement *s)
{
    JSValueRef names[COLUMNS_MAX] CELLS;
    const int cnt = sqlite3_column_count(s->stmt);
    const int prepared = sqlite3_stmt_status(s->stmt, SQLITE_STMTSTATUS_REPREPARE, 0);

    if (s->names && s->prepared == prepared)
        return s->names;
    for (int i = 0; i < cnt; i++)
        names[i] = ph_string_value(e, ph_bytes_str(sqlite3_column_name(s->stmt, i)));
    const JSValueRef array = JSObjectMakeArray(e->ctx, (size_t)cnt, names, NULL);
    if (!array)
        return e->js_null;
    JSValueProtect(e->ctx, array);
    if (s->names)
        JSValueUnprotect(e->ctx, s->names);
    s->names = array;
    s->prepared = prepared;
    return array;
}

/* Up to the first row, or all; why not. *rc: SQLite's last word. */
static const char *step_all(struct ph_engine *e, sqlite3_stmt *stmt, bool first_only,
                            struct rows *rows, int *rc)
{
    const char *why = NULL;

    e->turns->stepping = true;
    while (!why && (*rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (sqlite3_column_count(stmt) > COLUMNS_MAX)
            why = "The result has too many columns";
        else if (rows->cnt == 0 || !first_only)
            why = add_row(e, stmt, rows);
        if (first_only && sqlite3_stmt_readonly(stmt)) {
            *rc = SQLITE_DONE;
            break;
        }
    }
    e->turns->stepping = false;
    return why;
}

/* [columns, row or null], or [columns, rows, changes, last row id] */
static JSValueRef run(JSContextRef ctx, struct ph_engine *e, struct ph_statement *s,
                      bool first_only, JSValueRef *exception)
{
    struct ph_turns *t = e->turns;
    struct rows rows CELLS;
    const bool wrote = has_written(t);
    const sqlite3_int64 before = sqlite3_total_changes64(t->db);
    JSValueRef result = NULL;
    int rc = SQLITE_OK;

    rows.at = rows.near;
    rows.cnt = rows.bytes = 0;
    rows.cap = ROWS_NEAR;
    const char *why = step_all(e, s->stmt, first_only, &rows, &rc);
    if (!why && rc == SQLITE_DONE && first_only) {
        const JSValueRef parts[] = {names_of(e, s), rows.cnt > 0 ? rows.at[0] : e->js_null};
        result = JSObjectMakeArray(ctx, PH_LEN(parts), parts, NULL);
    } else if (!why && rc == SQLITE_DONE) {
        const bool changed = sqlite3_total_changes64(t->db) != before;
        const JSValueRef parts[] = {
            names_of(e, s),
            JSObjectMakeArray(ctx, rows.cnt, rows.at, NULL),
            integer_value(ctx, changed ? sqlite3_changes64(t->db) : 0),
            integer_value(ctx, sqlite3_last_insert_rowid(t->db)),
        };
        result = JSObjectMakeArray(ctx, PH_LEN(parts), parts, NULL);
    } else if (why) {
        (void)db_error(ctx, why, exception);
    } else {
        (void)failed(ctx, e, rc, exception);
    }
    (void)sqlite3_reset(s->stmt);
    if (!result)
        after_failure(t, wrote);
    rows_clear(e, &rows);
    return result ? result : JSValueMakeUndefined(ctx);
}

/* (place or sql, firstOnly, kinds, ...values) */
PH_NATIVE(native_db_run)
{
    struct ph_engine *e = ph_the_engine;
    struct ph_statement once = {0}, *s = &once;
    JSValueRef result = JSValueMakeUndefined(ctx);
    uint64_t place;

    PH_NATIVE_UNUSED();
    if (!enter(ctx, e, exception))
        return result;
    if (arg_cnt < VALUES)
        return ph_native_bad(ctx, "dbRun: arguments", exception);
    if (!ph_arg_id(ctx, arg_cnt, args, STATEMENT, &place))
        once.stmt = prepare_one(ctx, e, args[STATEMENT], 0, exception);
    else if (place < PH_STATEMENTS_KEPT && e->turns->kept[place].stmt)
        s = &e->turns->kept[place];
    else
        return ph_native_bad(ctx, "dbRun: no statement is kept there", exception);
    if (!s->stmt)
        return result;
    if (bind_all(ctx, s->stmt, arg_cnt, args, exception))
        result = run(ctx, e, s, ph_arg_bool(ctx, arg_cnt, args, FIRST_ONLY), exception);
    (void)sqlite3_clear_bindings(s->stmt);
    ph_statement_clear(e, &once);
    return result;
}

/* (sql): any number of statements; returns how many. */
PH_NATIVE(native_db_exec)
{
    struct ph_engine *e = ph_the_engine;
    struct ph_buf sql PH_OWNED(ph_buf_clear) = PH_BUF(16 * SQL_MAX);
    double cnt = 0;
    bool none;

    PH_NATIVE_UNUSED();
    if (!enter(ctx, e, exception))
        return JSValueMakeUndefined(ctx);
    if (!ph_arg_add_string(ctx, arg_cnt, args, 0, 4 * SQL_MAX, &sql) ||
        ph_buf_add(&sql, PH_BYTES_LIT("\0")) != PH_OK)
        return ph_native_bad(ctx, "DB.exec: a string of at most 4 MiB", exception);
    const char *at = (const char *)sql.ptr, *end = at + sql.len - 1;
    while (at < end) {
        const char *before = at;
        sqlite3_stmt *stmt = prepare(ctx, e, at, (size_t)(end - at), 0, &at, &none, exception);
        if (none && at == before)
            return db_error(ctx, "DB.exec: the text has a NUL", exception);
        if (none)
            continue;
        if (!stmt)
            return JSValueMakeUndefined(ctx);
        const bool wrote = has_written(e->turns);
        int rc;
        while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        }
        if (rc != SQLITE_DONE)
            (void)failed(ctx, e, rc, exception);
        (void)sqlite3_finalize(stmt);
        if (rc != SQLITE_DONE) {
            after_failure(e->turns, wrote);
            return JSValueMakeUndefined(ctx);
        }
        cnt++;
    }
    return JSValueMakeNumber(ctx, cnt);
}

/* (what): 0 begins a savepoint, 1 keeps the innermost, 2 rolls it back. */
PH_NATIVE(native_db_savepoint)
{
    struct ph_engine *e = ph_the_engine;
    struct ph_turns *t = e->turns;
    uint64_t what;
    char sql[96];

    PH_NATIVE_UNUSED();
    if (!ph_arg_id(ctx, arg_cnt, args, 0, &what) || what > 2 || !t || (what > 0 && t->depth == 0) ||
        (what == 0 && t->depth == DEPTH_MAX))
        return ph_native_bad(ctx, "DB.transaction: nested too deep, or not begun", exception);
    if (what == 2 && t->broken) { /* it is gone already */
        t->depth--;
        return JSValueMakeUndefined(ctx);
    }
    if (!enter(ctx, e, exception))
        return JSValueMakeUndefined(ctx);
    const unsigned n = what == 0 ? t->depth + 1 : t->depth;
    if (what == 0)
        (void)snprintf(sql, sizeof(sql), "SAVEPOINT phala%u", n);
    else if (what == 1)
        (void)snprintf(sql, sizeof(sql), "RELEASE phala%u", n);
    else
        (void)snprintf(sql, sizeof(sql), "ROLLBACK TO phala%u; RELEASE phala%u", n, n);
    const int rc = sqlite3_exec(t->db, sql, NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return failed(ctx, e, rc, exception);
    t->depth = what == 0 ? n : n - 1;
    return JSValueMakeUndefined(ctx);
}

const struct ph_native ph_natives_db[] = {
    {"dbPrepare", native_db_prepare},
    {"dbRun", native_db_run},
    {"dbExec", native_db_exec},
    {"dbSavepoint", native_db_savepoint},
    {NULL, NULL},
};
