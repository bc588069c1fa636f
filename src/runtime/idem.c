#include "runtime/idem.h"

#include "base/clock.h"
#include "crypto/hash.h"
#include "runtime/idem_fields.h"
#include "runtime/turns.h"

#include <stdio.h>
#include <stdlib.h>

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS _phala_idem(key TEXT PRIMARY KEY, request BLOB NOT NULL, status "
    "INTEGER NOT NULL, at INTEGER NOT NULL, headers BLOB NOT NULL, body BLOB)";
/* Rows are numbered as they come, so the oldest stand first; few at once, because a turn's changed
 * pages are bounded. */
static const char prune[] =
    "DELETE FROM _phala_idem WHERE rowid IN (SELECT r FROM (SELECT rowid AS r, at FROM _phala_idem "
    "ORDER BY rowid LIMIT 8) WHERE at <= ?1 OR r <= (SELECT max(rowid) FROM _phala_idem) - ?2)";
static const char insert[] =
    "INSERT OR REPLACE INTO _phala_idem(key, request, status, at, headers, body) "
    "VALUES(?1, ?2, ?3, ?4, ?5, ?6)";
static const char lookup[] =
    "SELECT request, status, headers, body FROM _phala_idem WHERE key = ?1 AND at > ?2";
static const char has_table[] =
    "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_phala_idem'";

static void finalize(sqlite3_stmt **stmt)
{
    (void)sqlite3_finalize(*stmt);
}

/* --- The request */

static void hash_part(struct ph_sha256 *sha, struct ph_bytes part)
{
    uint8_t len[8];

    ph_put_u64le(len, part.len);
    ph_sha256_update(sha, PH_BYTES_OF(len));
    ph_sha256_update(sha, part);
}

/* Path and query: another worker of a cluster has another name. */
static struct ph_bytes target_of(struct ph_bytes url)
{
    unsigned slashes = 0;

    for (size_t i = 0; i < url.len; i++) {
        slashes += url.ptr[i] == '/';
        if (slashes == 3)
            return (struct ph_bytes){url.ptr + i, url.len - i};
    }
    return url;
}

/* What makes two requests the same. Who asks is a part of it: an answer made for one holder of
 * credentials is not for another. */
static void hash_request(struct ph_idem *idem, const struct ph_msg_CALL *m)
{
    static const char *const names[] = {"content-type", "authorization", "cookie"};
    struct ph_sha256 sha;
    struct ph_bytes value;

    ph_sha256_init(&sha);
    hash_part(&sha, m->method);
    hash_part(&sha, target_of(m->url));
    for (size_t i = 0; i < PH_LEN(names); i++) {
        (void)ph_idem_field_find(m->headers, names[i], &value);
        hash_part(&sha, value);
    }
    hash_part(&sha, m->body);
    ph_sha256_final(&sha, idem->request);
}

static void refuse(struct ph_engine *e, struct ph_call *call, const char *code, const char *why)
{
    ph_call_fail(e, call, code, ph_bytes_str(why));
}

/* --- The rows. Outside of every turn: read only. */

static int prepare(struct ph_turns *t, const char *sql, sqlite3_stmt **stmt)
{
    return sqlite3_prepare_v2(t->db, sql, -1, stmt, NULL);
}

static struct ph_bytes column(sqlite3_stmt *stmt, int i)
{
    const void *at = sqlite3_column_blob(stmt, i);
    return (struct ph_bytes){at, at ? (size_t)sqlite3_column_bytes(stmt, i) : 0};
}

static void replay(struct ph_engine *e, struct ph_call *call, sqlite3_stmt *row)
{
    const struct ph_bytes request = column(row, 0), kept = column(row, 2);
    const int status = sqlite3_column_int(row, 1);
    struct ph_buf headers PH_OWNED(ph_buf_clear) = PH_BUF(2 * PH_NATIVE_HEADERS_MAX);

    if (!ph_bytes_equal(request, PH_BYTES_OF(call->idem->request))) {
        refuse(e, call, "idempotency-key-reused", "The key came with another request before");
        return;
    }
    if (sqlite3_column_type(row, 3) == SQLITE_NULL) {
        refuse(e, call, "idempotency-answer-not-kept",
               "The call ran; its answer was streamed, or too large to be kept");
        return;
    }
    if (status < 200 || status > 599 || ph_buf_add(&headers, kept) != PH_OK ||
        ph_buf_add_str(&headers, "idempotency-replayed: true\n") != PH_OK) {
        refuse(e, call, "internal", "The answer in _phala_idem cannot be sent");
        return;
    }
    const struct ph_msg_RESP resp = {
        .status = (uint16_t)status, .headers = ph_buf_view(&headers), .body = column(row, 3)};
    ph_engine_check(e, ph_put_RESP(&e->chan, PH_IPC_END, call->id, &resp));
    ph_call_close(e, call);
}

/* SQLite could not read: with the reason that matters more, if there is one, the state is lost. */
static void cannot_read(struct ph_engine *e, struct ph_call *call)
{
    struct ph_turns *t = e->turns;
    const char *why = NULL;
    char text[256];

    (void)snprintf(text, sizeof(text), "%.255s", sqlite3_errmsg(t->db));
    if (t->client.lost)
        ph_turns_lose(e, t->client.why);
    else if (ph_state_fault(t->state, &why) == PH_ERR_UNTRUSTED && why)
        ph_turns_lose(e, why);
    else
        refuse(e, call, "internal", text);
}

/* True: the key is new. Otherwise the call is answered. */
static bool is_new(struct ph_engine *e, struct ph_call *call)
{
    struct ph_turns *t = e->turns;
    struct ph_idem *idem = call->idem;
    sqlite3_stmt *table PH_OWNED(finalize) = NULL, *row PH_OWNED(finalize) = NULL;
    int rc = prepare(t, has_table, &table);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(table);
    if (rc == SQLITE_DONE)
        return true;
    if (rc != SQLITE_ROW || prepare(t, lookup, &row) != SQLITE_OK ||
        sqlite3_bind_text(row, 1, idem->key, -1, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_bind_int64(row, 2, ph_clock_wall_ms() - PH_IDEM_AGE_MS) != SQLITE_OK) {
        cannot_read(e, call);
        return false;
    }
    rc = sqlite3_step(row);
    if (rc == SQLITE_ROW)
        replay(e, call, row);
    else if (rc != SQLITE_DONE)
        cannot_read(e, call);
    return rc == SQLITE_DONE;
}

/* True: another call with this key runs, and this one is refused. */
static bool is_in_use(struct ph_engine *e, struct ph_call *call)
{
    const struct ph_idem *idem = call->idem, *other = e->turns->idems;

    while (other && !(other->runs && strcmp(other->key, idem->key) == 0))
        other = other->next;
    if (!other)
        return false;
    if (memcmp(other->request, idem->request, sizeof(idem->request)) != 0)
        refuse(e, call, "idempotency-key-reused", "The key came with another request before");
    else
        refuse(e, call, "idempotency-key-in-use", "The first call with this key still runs");
    return true;
}

static void run_new(struct ph_engine *e, struct ph_call *call, const struct ph_msg_CALL *m)
{
    hash_request(call->idem, m);
    if (is_in_use(e, call) || !is_new(e, call))
        return;
    call->idem->runs = true;
    ph_call_enter(e, call->id, m, true);
}

/* --- Collecting */

static size_t waiting(const struct ph_turns *t)
{
    size_t sum = 0;

    for (const struct ph_idem *i = t->idems; i; i = i->next)
        sum += i->body.len;
    return sum;
}

bool ph_idem_passes(struct ph_engine *e, struct ph_call *call, const struct ph_msg_CALL *m,
                    bool whole)
{
    struct ph_turns *t = e->turns;
    struct ph_bytes key;
    const size_t cnt = m->kind == PH_CALL_FETCH && t && t->state
                           ? ph_idem_field_find(m->headers, "idempotency-key", &key)
                           : 0;

    if (cnt == 0)
        return true;
    if (cnt > 1 || !ph_idem_key_is_right(key)) {
        refuse(e, call, "bad-idempotency-key", "Not one key of 1 to 255 visible ASCII characters");
        return false;
    }
    struct ph_idem *idem = calloc(1, sizeof(*idem));
    if (!idem) {
        ph_engine_check(e, PH_ERR_NOMEM);
        return false;
    }
    memcpy(idem->key, key.ptr, key.len);
    idem->call = call;
    idem->due_ns = ph_clock_mono_ns() + (int64_t)m->wall_ms * 1000000;
    idem->head = PH_BUF(4 << 20);
    idem->body = PH_BUF(PH_IDEM_REQUEST_MAX);
    idem->next = t->idems;
    t->idems = call->idem = idem;
    if (whole && m->body.len > PH_IDEM_REQUEST_MAX) {
        refuse(e, call, "idempotency-body-too-large", "Its body has more than 1 MiB");
    } else if (whole) {
        run_new(e, call, m);
    } else {
        idem->method_len = m->method.len;
        idem->url_len = m->url.len;
        const bool kept = ph_buf_add(&idem->head, m->method) == PH_OK &&
                          ph_buf_add(&idem->head, m->url) == PH_OK &&
                          ph_buf_add(&idem->head, m->headers) == PH_OK;
        ph_engine_check(e, kept ? PH_OK : PH_ERR_NOMEM);
        ph_idem_body(e, call, m->body);
    }
    return false;
}

void ph_idem_body(struct ph_engine *e, struct ph_call *call, struct ph_bytes data)
{
    if (data.len > PH_IDEM_WAITING_MAX - waiting(e->turns)) {
        refuse(e, call, "overloaded", "Too many requests with a key are on their way in");
        return;
    }
    const enum ph_err err = ph_buf_add(&call->idem->body, data);
    if (err == PH_OK)
        ph_native_give_credit(e, call->id, PH_STREAM_CALL, &call->received, data.len);
    else if (err == PH_ERR_LIMIT)
        refuse(e, call, "idempotency-body-too-large", "Its body has more than 1 MiB");
    else
        ph_engine_check(e, err);
}

void ph_idem_end(struct ph_engine *e, struct ph_call *call)
{
    struct ph_idem *idem = call->idem;
    /* The call may be over, and `idem` gone, before the handler returns. */
    struct ph_buf head PH_OWNED(ph_buf_clear) = idem->head;
    struct ph_buf body PH_OWNED(ph_buf_clear) = idem->body;
    const size_t method = idem->method_len, url = idem->url_len;
    const struct ph_msg_CALL m = {
        .kind = PH_CALL_FETCH,
        .method = {head.ptr, method},
        .url = {head.ptr + method, url},
        .headers = {head.ptr + method + url, head.len - method - url},
        .body = ph_buf_view(&body),
    };

    idem->head = idem->body = (struct ph_buf){0};
    run_new(e, call, &m);
}

/* --- Callers that leave. Without this, a caller whose connection broke would repeat a call whose
 * handler is still at work. */

bool ph_idem_goes_on(struct ph_engine *e, struct ph_call *call)
{
    size_t alone = 0;

    for (const struct ph_idem *i = e->turns ? e->turns->idems : NULL; i; i = i->next)
        alone += i->alone;
    if (!call->idem || !call->idem->runs || call->head_sent || alone >= PH_IDEM_ALONE_MAX ||
        ph_clock_mono_ns() >= call->idem->due_ns)
        return false;
    return call->idem->alone = true;
}

void ph_idem_sweep(struct ph_engine *e)
{
    const int64_t now = ph_clock_mono_ns();
    struct ph_idem *i = e->turns->idems;

    while (i && !e->over) {
        if (!i->alone || (!i->call->head_sent && now < i->due_ns)) {
            i = i->next;
            continue;
        }
        ph_call_cancel(e, i->call);
        i = e->turns->idems; /* JavaScript ran: any of them may be gone */
    }
}

/* --- Answers */

/* Most of the state stays the phat's: answers are kept while a quarter of it is free. */
static bool has_room(struct ph_turns *t)
{
    static const char *const questions[] = {"PRAGMA page_count", "PRAGMA freelist_count"};
    int64_t n[2];

    for (size_t i = 0; i < PH_LEN(questions); i++) {
        sqlite3_stmt *stmt PH_OWNED(finalize) = NULL;
        if (prepare(t, questions[i], &stmt) != SQLITE_OK || sqlite3_step(stmt) != SQLITE_ROW)
            return false;
        n[i] = sqlite3_column_int64(stmt, 0);
    }
    return n[0] - n[1] < (int64_t)t->max_pages / 4 * 3;
}

/* The body's bytes as they are kept; false: they are not. */
static bool keep_body(const struct ph_arg_body *body, struct ph_buf *out)
{
    return ph_arg_body_most(body) <= 3UL * PH_IDEM_ANSWER_MAX &&
           ph_arg_body_add(out, body) == PH_OK && out->len <= PH_IDEM_ANSWER_MAX;
}

static int bind_blob(sqlite3_stmt *stmt, int i, struct ph_bytes bytes)
{
    return bytes.len ? sqlite3_bind_blob64(stmt, i, bytes.ptr, bytes.len, SQLITE_STATIC)
                     : sqlite3_bind_zeroblob(stmt, i, 0);
}

static int write_row(struct ph_turns *t, const struct ph_idem *idem, uint16_t status,
                     struct ph_bytes headers, const struct ph_bytes *body)
{
    sqlite3_stmt *row PH_OWNED(finalize) = NULL, *old PH_OWNED(finalize) = NULL;
    const int64_t now = ph_clock_wall_ms();
    int rc = t->began ? SQLITE_OK : sqlite3_exec(t->db, "BEGIN", NULL, NULL, NULL);

    t->began = t->began || rc == SQLITE_OK;
    rc = rc ? rc : sqlite3_exec(t->db, schema, NULL, NULL, NULL);
    rc = rc ? rc : prepare(t, insert, &row);
    rc = rc ? rc : sqlite3_bind_text(row, 1, idem->key, -1, SQLITE_STATIC);
    rc = rc ? rc : bind_blob(row, 2, PH_BYTES_OF(idem->request));
    rc = rc ? rc : sqlite3_bind_int(row, 3, status);
    rc = rc ? rc : sqlite3_bind_int64(row, 4, now);
    rc = rc ? rc : bind_blob(row, 5, headers);
    rc = rc ? rc : body ? bind_blob(row, 6, *body) : sqlite3_bind_null(row, 6);
    rc = rc ? rc : sqlite3_step(row) == SQLITE_DONE ? SQLITE_OK : sqlite3_errcode(t->db);
    rc = rc ? rc : prepare(t, prune, &old);
    rc = rc ? rc : sqlite3_bind_int64(old, 1, now - PH_IDEM_AGE_MS);
    rc = rc ? rc : sqlite3_bind_int(old, 2, PH_IDEM_ROWS);
    rc = rc ? rc : sqlite3_step(old) == SQLITE_DONE ? SQLITE_OK : sqlite3_errcode(t->db);
    return rc;
}

void ph_idem_answer(struct ph_engine *e, struct ph_call *call, uint16_t status,
                    struct ph_bytes headers, const struct ph_arg_body *body, bool whole)
{
    struct ph_turns *t = e->turns;
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(4UL * PH_IDEM_ANSWER_MAX);

    if (t->broken || e->over)
        return; /* the answer is revoked at the end of the turn */
    const bool kept = whole && has_room(t) && keep_body(body, &text);
    const struct ph_bytes bytes = ph_buf_view(&text);
    if (write_row(t, call->idem, status, kept ? headers : (struct ph_bytes){NULL, 0},
                  kept ? &bytes : NULL) == SQLITE_OK)
        return;
    (void)snprintf(t->why, sizeof(t->why), "its answer cannot be kept in _phala_idem: %.200s",
                   sqlite3_errmsg(t->db));
    t->broken = true;
}

void ph_idem_drop(struct ph_engine *e, struct ph_idem *idem)
{
    struct ph_idem **at = &e->turns->idems;

    while (*at != idem)
        at = &(*at)->next;
    *at = idem->next;
    ph_buf_clear(&idem->head);
    ph_buf_clear(&idem->body);
    free(idem);
}
