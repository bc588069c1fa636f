#include "runtime/turns.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    HELD_MAX = 32 * 1024 * 1024, /* bytes of frames above which answers are given up */
    RECORD_MAX = 300 * 1024 * 1024,
    HEAP_LEAST = 16 << 20,
    DIRTY_LEAST = 4 << 20,
    DIRTY_MOST = 64 << 20,
    RENEW_PAGES = 64, /* of an older epoch, in one record: what a turn waits for is short */
    STEPS = 1000,     /* of SQLite's machine between two looks at the limits */
};

void ph_turns_lose(struct ph_engine *e, const char *why)
{
    const struct ph_msg_STATE_FAIL fail = {.message = ph_bytes_str(why)};

    if (e->over || e->turns->losing) /* a call that fails below may say so again */
        return;
    e->turns->losing = true;
    ph_engine_check(e, ph_put_STATE_FAIL(&e->chan, 0, 0, &fail));
    ph_calls_fail_all(e, "state-lost", why);
    ph_engine_end(e, PH_ENGINE_EXIT_STATE);
}

static int look_at_limits(void *ctx)
{
    return ph_limits_over(ctx);
}

static struct ph_state_limits limits_of(const struct ph_engine *e, uint32_t max_pages)
{
    const uint64_t memory = (uint64_t)e->start.memory_mib << 20;
    struct ph_state_limits limits = {.pages = max_pages, .dirty_bytes = DIRTY_MOST};

    if (memory > 0 && memory / 4 < DIRTY_MOST)
        limits.dirty_bytes = memory / 4 > DIRTY_LEAST ? (uint32_t)(memory / 4) : DIRTY_LEAST;
    if (memory > 0 && memory / 16 < (8U << 20))
        limits.cache_bytes = memory / 16 > (1U << 20) ? (uint32_t)(memory / 16) : 1U << 20;
    return limits;
}

static enum ph_err open_state(struct ph_engine *e, struct ph_turns *t, const struct ph_msg_STATE *m,
                              char why[static 256])
{
    struct ph_state_keys keys;
    const struct ph_state_tip tip = {.index = m->index,
                                     .hash = m->hash,
                                     .root = m->root,
                                     .page_cnt = m->page_cnt,
                                     .key_epoch = m->key_epoch,
                                     .older_epoch = m->older_epoch};
    const struct ph_state_limits limits = limits_of(e, m->max_pages);
    const struct ph_state_source source = ph_state_client_source(&t->client);
    const uint64_t heap = ((uint64_t)e->start.memory_mib << 20) / 2;

    enum ph_err err = ph_state_client_keys(&t->client, &keys);
    if (err == PH_OK)
        err = ph_state_open(&e->start.phat, &keys, &tip, &source, &limits, &t->state, why);
    ph_wipe(&keys, sizeof(keys));
    if (t->client.lost)
        (void)snprintf(why, 256, "%s", t->client.why);
    if (err != PH_OK)
        return err;
    t->dirty_bytes = limits.dirty_bytes;
    t->told = m->index;
    t->max_pages = limits.pages;
    t->db = ph_state_db(t->state);
    if (heap > 0)
        (void)sqlite3_hard_heap_limit64((sqlite3_int64)(heap > HEAP_LEAST ? heap : HEAP_LEAST));
    sqlite3_progress_handler(t->db, STEPS, look_at_limits, e);
    return PH_OK;
}

enum ph_err ph_turns_open(struct ph_engine *e, const struct ph_msg_STATE *m)
{
    char why[256] = "";

    if (!e->started || e->turns || e->last_call > 0 || e->state_fd < 0)
        return PH_ERR_MALFORMED;
    struct ph_turns *t = calloc(1, sizeof(*t));
    if (!t)
        return PH_ERR_NOMEM;
    ph_state_client_init(&t->client, e->state_fd);
    t->held = PH_BUF(2 * HELD_MAX);
    e->turns = t;
    if (open_state(e, t, m, why) != PH_OK) {
        ph_turns_lose(e, why);
        return PH_OK;
    }
    ph_engine_tell(e, PH_HOOK_onState, 0, 0, NULL);
    return PH_OK;
}

void ph_turns_free(struct ph_engine *e)
{
    struct ph_turns *t = PH_TAKE(e->turns);

    if (!t)
        return;
    for (size_t i = 0; i < PH_LEN(t->kept); i++)
        ph_statement_clear(e, &t->kept[i]);
    ph_state_free(t->state);
    ph_buf_clear(&t->held);
    free(t);
}

/* The frame at `at`; its length with header. Frames here are whole: this process made them. */
static size_t frame_at(const struct ph_buf *frames, size_t at, uint16_t *type, uint64_t *id)
{
    const uint8_t *p = frames->ptr + at;

    *type = (uint16_t)(p[4] | p[5] << 8);
    *id = 0;
    for (int i = 7; i >= 0; i--)
        *id = *id << 8 | p[8 + i];
    return PH_IPC_HEADER_LEN +
           ((size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24);
}

static bool is_answer(uint16_t type)
{
    return type == PH_IPC_RESP || type == PH_IPC_RESP_BODY || type == PH_IPC_RESP_END;
}

static bool is_fetch(uint16_t type)
{
    return type == PH_IPC_FETCH || type == PH_IPC_FETCH_SEND || type == PH_IPC_FETCH_SEND_END;
}

/* Take answers out of `frames` from `from` on; their calls fail instead, unless they did there.
 * `fetches`: requests go too. */
static void revoke_answers(struct ph_engine *e, struct ph_buf *frames, size_t from, bool fetches,
                           const char *code, const char *message)
{
    static char there;
    struct ph_idmap revoked = {0}, failed = {0};
    size_t to = from, len;
    enum ph_err err = PH_OK;
    uint16_t type;
    uint64_t id;

    for (size_t i = from; i < frames->len; i += len) {
        len = frame_at(frames, i, &type, &id);
        if (is_answer(type) || type == PH_IPC_RESP_FAIL) {
            struct ph_idmap *map = is_answer(type) ? &revoked : &failed;
            if (!ph_idmap_get(map, id) && err == PH_OK)
                err = ph_idmap_put(map, id, &there);
        }
        if (is_answer(type) || (fetches && is_fetch(type)))
            continue;
        memmove(frames->ptr + to, frames->ptr + i, len);
        to += len;
    }
    frames->len = to;
    ph_engine_check(e, err);
    for (size_t i = 0; i < revoked.cap; i++) {
        id = revoked.slots[i].id;
        if (!revoked.slots[i].value || ph_idmap_get(&failed, id))
            continue;
        struct ph_call *call = ph_idmap_get(&e->calls, id);
        const struct ph_msg_RESP_FAIL fail = {.code = ph_bytes_str(code),
                                              .message = ph_bytes_str(message)};
        if (call)
            ph_call_fail(e, call, code, ph_bytes_str(message));
        else
            ph_engine_check(e, ph_put_RESP_FAIL(&e->chan, 0, id, &fail));
    }
    ph_idmap_clear(&revoked);
    ph_idmap_clear(&failed);
}

void ph_turn_ends(struct ph_engine *e, enum ph_stop stop)
{
    struct ph_turns *t = e->turns;
    char message[400];
    const char *code = stop == PH_STOP_CPU      ? "cpu-limit"
                       : stop == PH_STOP_MEMORY ? "memory-limit"
                                                : "exception";

    if (!t->began && !t->broken)
        return;
    const bool wrote = t->broken || sqlite3_txn_state(t->db, "main") == SQLITE_TXN_WRITE;
    bool back = t->failed || t->broken || stop != PH_STOP_NONE;
    (void)snprintf(message, sizeof(message),
                   "What this turn of the phat wrote to its state was rolled back: %s",
                   stop != PH_STOP_NONE ? "it was stopped"
                   : t->broken          ? t->why
                                        : "a handler in it threw");
    if (!back && sqlite3_exec(t->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK) {
        (void)snprintf(message, sizeof(message), "What this turn wrote cannot be committed: %s",
                       sqlite3_errmsg(t->db));
        back = true;
    }
    if (back && sqlite3_get_autocommit(t->db) == 0 &&
        sqlite3_exec(t->db, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK)
        ph_turns_lose(e, "SQLite could not roll back");
    if (back && (wrote || stop != PH_STOP_NONE))
        revoke_answers(e, &e->chan.out, t->mark, false, code, message);
    t->began = t->failed = t->broken = false;
    t->depth = 0;
}

void ph_turn_begins(struct ph_engine *e)
{
    struct ph_turns *t = e->turns;

    if (t->began) /* code that ran between two entries */
        ph_turn_ends(e, PH_STOP_NONE);
    t->mark = ph_ipc_queued(&e->chan);
    t->began = t->failed = t->broken = false;
    t->depth = 0;
}

bool ph_turns_pending(const struct ph_turns *t)
{
    return t->in_flight || t->held.len > 0 || (t->state && ph_state_is_dirty(t->state));
}

static void release(struct ph_engine *e, size_t len)
{
    struct ph_turns *t = e->turns;

    ph_engine_check(e, ph_buf_add(&e->chan.out, (struct ph_bytes){t->held.ptr, len}));
    ph_buf_consume(&t->held, len);
    t->ready = 0;
    if (t->held.len == 0 && t->held.cap > 4 * PH_IPC_WINDOW)
        ph_buf_clear(&t->held);
}

/* Nothing is to be committed: then pages of older epochs are sealed anew, some at a time. */
static void renew(struct ph_turns *t)
{
    if (!ph_state_is_behind(t->state) || sqlite3_get_autocommit(t->db) == 0)
        return;
    /* What fails, fails the commit, or was put off by a limit: the next time is soon. */
    (void)!ph_state_renew(t->state, RENEW_PAGES);
}

/* The next record, if something changed and none is on its way; nothing is held if nothing did. */
static void advance(struct ph_engine *e)
{
    struct ph_turns *t = e->turns;
    struct ph_buf record PH_OWNED(ph_buf_clear) = PH_BUF(RECORD_MAX);
    const char *why;

    if (t->in_flight)
        return;
    if (!ph_state_is_dirty(t->state)) {
        if (t->held.len > 0)
            release(e, t->held.len);
        renew(t);
    }
    if (!ph_state_is_dirty(t->state))
        return;
    const enum ph_err err = ph_state_commit(t->state, (uint64_t)ph_clock_wall_ms(), &record);
    if (err != PH_OK) {
        const bool known = ph_state_fault(t->state, &why) != PH_OK && why;
        ph_turns_lose(e, t->client.lost ? t->client.why
                         : known        ? why
                                        : "no memory to commit the state");
        return;
    }
    if (ph_state_client_send(&t->client, ph_buf_view(&record)) != PH_OK) {
        ph_turns_lose(e, t->client.why);
        return;
    }
    t->in_flight = true;
    t->heavy = record.len > t->dirty_bytes / 4;
    t->ready = t->held.len;
}

/* While pages are sealed anew nobody may be called, and what says nothing looks stuck. */
static void tell_progress(struct ph_engine *e)
{
    struct ph_turns *t = e->turns;
    struct ph_state_tip durable, sent;

    ph_state_tips(t->state, &durable, &sent);
    const struct ph_msg_STATE_AT msg = {.index = durable.index};
    if (msg.index <= t->told)
        return;
    ph_engine_check(e, ph_put_STATE_AT(&e->chan, 0, 0, &msg));
    t->told = msg.index;
}

void ph_turns_take(struct ph_engine *e)
{
    struct ph_turns *t = e->turns;

    if (!t->state || (!t->in_flight && !t->readable))
        return;
    t->readable = false;
    if (ph_state_client_take(&t->client) != PH_OK) {
        ph_turns_lose(e, t->client.why);
        return;
    }
    if (!t->client.committed)
        return;
    t->client.committed = false;
    if (!t->in_flight) {
        ph_turns_lose(e, "phalad confirmed a commit that was not made");
        return;
    }
    ph_state_durable(t->state);
    t->in_flight = false;
    release(e, t->ready);
    if (ph_state_is_behind(t->state))
        tell_progress(e);
    advance(e);
}

/* The engine ends: what was not durable never leaves. */
static void drop_held(struct ph_engine *e, size_t mark)
{
    struct ph_turns *t = e->turns;
    const char *why = "The instance ended before its state was durable";

    revoke_answers(e, &e->chan.out, mark, true, "state-lost", why);
    revoke_answers(e, &t->held, 0, true, "state-lost", why);
    ph_buf_clear(&t->held);
}

/* Say, in front of frames from `mark` on, which commit they can depend on. */
static void tell_index(struct ph_engine *e, size_t mark)
{
    struct ph_turns *t = e->turns;
    struct ph_buf *out = &e->chan.out, frame PH_OWNED(ph_buf_clear) = PH_BUF(64);
    struct ph_state_tip durable, sent;
    uint8_t *gap;

    ph_state_tips(t->state, &durable, &sent);
    const struct ph_msg_STATE_AT msg = {.index = sent.index + ph_state_is_dirty(t->state)};
    if (msg.index == t->told || out->len == mark)
        return;
    const size_t len = out->len - mark;
    enum ph_err err = ph_encode_STATE_AT(&frame, 0, 0, &msg);
    if (err == PH_OK)
        err = ph_buf_reserve(out, frame.len, &gap);
    ph_engine_check(e, err);
    if (err != PH_OK)
        return;
    memmove(out->ptr + mark + frame.len, out->ptr + mark, len);
    memcpy(out->ptr + mark, frame.ptr, frame.len);
    out->len += frame.len;
    t->told = msg.index;
}

void ph_turns_hold(struct ph_engine *e)
{
    struct ph_turns *t = e->turns;
    const size_t mark = e->turn_at;

    if (!t->state)
        return;
    ph_turn_ends(e, PH_STOP_NONE); /* of code that ran outside of every entry */
    if (t->client.lost)
        ph_turns_lose(e, t->client.why);
    if (e->over) {
        drop_held(e, mark);
        return;
    }
    if (!ph_turns_pending(t)) {
        tell_index(e, mark);
        advance(e); /* of older epochs, if there are any */
        return;
    }
    if (t->held.len + (e->chan.out.len - mark) > HELD_MAX)
        revoke_answers(
            e, &e->chan.out, mark, false, "state-queue",
            "Too many answers wait for the state to be durable; what the call wrote may stay");
    tell_index(e, mark);
    const struct ph_bytes made = {e->chan.out.ptr + mark, e->chan.out.len - mark};
    ph_engine_check(e, ph_buf_add(&t->held, made));
    e->chan.out.len = mark;
    if (!ph_state_is_dirty(t->state))
        t->ready = t->held.len;
    advance(e);
}
