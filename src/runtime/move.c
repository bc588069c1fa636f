#include "runtime/move.h"

#include "base/clock.h"
#include "crypto/hash.h"
#include "runtime/natives_priv.h"
#include "runtime/turns.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    /* An import's body is taken in as fast as it is sealed: what waits is a window, and a piece. */
    WAITING_MAX = 4 * PH_IPC_WINDOW,
    SEALED_PIECE = PH_EXPORT_PIECE + PH_EXPORT_PIECE_OVERHEAD,
    KEEP_SHARE = 4, /* of the memory for changed pages: what a snapshot may keep */
    EXPORT_BOUND = 32 + PH_EXPORT_WRAPPED_LEN,
};

struct ph_move {
    struct ph_call *call;
    uint8_t kind;
    bool waits;      /* for the state to be quiet, or an import's head to be there */
    bool body_ended; /* of an import */
    bool head_only;  /* of an export */
    bool replacing;  /* an import has begun to change the state, and is not durable */
    uint8_t key[32]; /* of the file */
    struct ph_hash32 binding;
    uint32_t page_cnt;
    uint64_t next; /* piece */
    struct ph_export_head head;
    struct ph_import_head import;
    struct ph_sha256 sha; /* of the pieces of an import */
    struct ph_buf in;     /* of the body */
};

/* The move ends; `code` is for the caller, `why` for the owner's log. */
static void fail(struct ph_engine *e, struct ph_move *m, const char *code, const char *why)
{
    ph_call_fail(e, m->call, code, ph_bytes_str(why));
}

/* Of what went wrong with the state itself. */
static void fail_for(struct ph_engine *e, struct ph_move *m, enum ph_err err)
{
    struct ph_turns *t = e->turns;
    const char *why = NULL;

    if (ph_state_fault(t->state, &why) == PH_ERR_UNTRUSTED || t->client.lost)
        ph_turns_lose(e, t->client.lost ? t->client.why : why ? why : "the state is broken");
    else if (err == PH_ERR_LIMIT)
        fail(e, m, "export-outrun", "More of the state changed than can be kept for an export");
    else
        fail(e, m, "state-unusable", why ? why : ph_err_name(err));
}

/* --- Export */

static enum ph_err next_piece(struct ph_turns *t, struct ph_move *m, struct ph_engine *e)
{
    uint8_t plain[PH_EXPORT_PIECE], sealed[SEALED_PIECE];
    const size_t len = ph_export_piece_len(m->page_cnt, m->next);

    for (size_t at = 0; at < len; at += PH_STATE_PAGE)
        PH_TRY(ph_state_snapshot_next(t->state, plain + at));
    PH_TRY(ph_export_piece_seal(m->key, &m->binding, m->next++, (struct ph_bytes){plain, len},
                                sealed));
    const struct ph_bytes piece = {sealed, len + PH_EXPORT_PIECE_OVERHEAD};
    return ph_body_send(e, ph_body_resp, m->call->id, &m->call->resp, piece);
}

static void send_pieces(struct ph_engine *e, struct ph_move *m)
{
    struct ph_call *call = m->call;
    enum ph_err err = PH_OK;

    while (err == PH_OK && m->next < ph_export_piece_cnt(m->page_cnt) &&
           ph_body_left(&call->resp) > 0)
        err = next_piece(e->turns, m, e);
    if (err != PH_OK) {
        fail_for(e, m, err);
        return;
    }
    if (m->next < ph_export_piece_cnt(m->page_cnt) || call->resp.ended)
        return;
    ph_engine_check(e, ph_body_end(e, ph_body_resp, call->id, &call->resp));
    if (ph_body_over(&call->resp))
        ph_call_close(e, call);
}

static void begin_export(struct ph_engine *e, struct ph_move *m)
{
    struct ph_turns *t = e->turns;
    uint8_t front[PH_EXPORT_FRONT_LEN];
    struct ph_state_tip tip;
    const enum ph_err err = ph_state_snapshot_begin(t->state, t->dirty_bytes / KEEP_SHARE, &tip);

    if (err != PH_OK) {
        fail_for(e, m, err);
        return;
    }
    m->waits = false;
    m->head.phat = e->start.phat;
    m->head.index = tip.index;
    m->head.hash = tip.hash;
    m->head.root = tip.root;
    m->head.page_cnt = m->page_cnt = tip.page_cnt;
    m->head.time_ms = (uint64_t)ph_clock_wall_ms();
    ph_export_head_encode(&m->head, front);
    ph_sha256((struct ph_bytes){front, PH_EXPORT_HEAD_LEN}, m->binding.b);
    memcpy(front + PH_EXPORT_HEAD_LEN, m->in.ptr, EXPORT_BOUND);
    ph_buf_clear(&m->in);
    const struct ph_msg_RESP resp = {.status = 200,
                                     .headers =
                                         PH_BYTES_LIT("content-type: application/octet-stream\n"
                                                      "cache-control: no-store\n"),
                                     .body = PH_BYTES_OF(front)};
    ph_engine_check(e, ph_put_RESP(&e->chan, m->head_only ? PH_IPC_END : 0, m->call->id, &resp));
    if (m->head_only) {
        ph_call_close(e, m->call);
        return;
    }
    m->call->head_sent = true;
    m->call->resp.window -= (int64_t)sizeof(front);
    send_pieces(e, m);
}

/* recipient || wrapped || u8 what || cluster || tokens */
static void read_export(struct ph_engine *e, struct ph_move *m, struct ph_bytes body)
{
    struct ph_reader r = {body};
    struct ph_bytes bound;
    uint8_t what;

    if (!ph_read_view(&r, EXPORT_BOUND, &bound) || !ph_read_u8(&r, &what) || what > 1 ||
        !ph_read_copy(&r, m->head.cluster.b, sizeof(m->head.cluster.b)) ||
        ph_state_token_open(e->turns->state, PH_MOVE_EXPORT, bound, r.rest, m->key) != PH_OK) {
        fail(e, m, "bad-import", "phala-keyd did not allow this export");
        return;
    }
    m->head_only = what == 0;
    const enum ph_err err = ph_buf_add(&m->in, bound);
    ph_engine_check(e, err);
    if (err == PH_OK)
        ph_moves_go(e);
}

/* --- Import */

/* Everybody else's calls end: what they saw is about to be gone. */
static void end_others(struct ph_engine *e, const struct ph_call *mine)
{
    struct ph_call *call;

    for (size_t at = 0; (call = ph_idmap_next(&e->calls, &at));) {
        if (call == mine)
            continue;
        ph_call_fail(e, call, "state-replaced",
                     PH_BYTES_LIT("The owner imports another state in place of this one"));
        at = 0;
    }
}

/* u8 count || tokens || import head, once all of it is there. False: not yet, or refused. */
static bool read_import(struct ph_engine *e, struct ph_move *m)
{
    struct ph_reader r = {ph_buf_view(&m->in)};
    struct ph_bytes tokens, head;
    uint8_t cnt;

    if (!ph_read_u8(&r, &cnt) || !ph_read_view(&r, (size_t)cnt * PH_MOVE_TOKEN_LEN, &tokens) ||
        !ph_read_view(&r, PH_IMPORT_HEAD_LEN, &head)) {
        if (m->body_ended)
            fail(e, m, "bad-import", "The import is cut off in its head");
        return false;
    }
    if (ph_import_head_parse(head, &m->import) != PH_OK ||
        ph_state_token_open(e->turns->state, PH_MOVE_IMPORT, head, tokens, m->key) != PH_OK) {
        fail(e, m, "bad-import", "phala-keyd did not allow this import");
        return false;
    }
    m->binding = m->import.binding;
    m->page_cnt = m->import.from.page_cnt;
    const size_t used = m->in.len - r.rest.len;
    ph_buf_consume(&m->in, used);
    ph_native_give_credit(e, m->call->id, PH_STREAM_CALL, &m->call->received, used);
    return true;
}

static bool is_over_the_tip(const struct ph_turns *t, const struct ph_import_head *import)
{
    struct ph_state_tip durable, sent;

    ph_state_tips(t->state, &durable, &sent);
    return durable.index == import->over_index &&
           memcmp(durable.hash.b, import->over_hash.b, sizeof(durable.hash.b)) == 0;
}

static void take_pieces(struct ph_engine *e, struct ph_move *m);

static void begin_import(struct ph_engine *e, struct ph_move *m)
{
    struct ph_turns *t = e->turns;

    if (!read_import(e, m))
        return;
    if (!is_over_the_tip(t, &m->import)) {
        fail(e, m, "state-changed", "The import was signed over another commit than the newest");
        return;
    }
    m->waits = false;
    const enum ph_err err = ph_state_replace_begin(t->state, m->page_cnt);
    if (err == PH_ERR_LIMIT) {
        fail(e, m, "import-too-large",
             "The import is larger than state.maxMiB, or than the 256 MiB of one commit");
        return;
    }
    if (err != PH_OK) {
        fail_for(e, m, err);
        return;
    }
    m->replacing = t->replacing = true;
    end_others(e, m->call);
    ph_sha256_init(&m->sha);
    if (ph_state_client_replace(&t->client, ph_state_record_len(m->page_cnt)) != PH_OK)
        ph_turns_lose(e, t->client.why);
    else
        take_pieces(e, m);
}

/* Open one piece, seal its pages as the state's, and pass them on. */
static enum ph_err take_piece(struct ph_turns *t, struct ph_move *m, struct ph_bytes sealed,
                              char why[static 128])
{
    uint8_t plain[PH_EXPORT_PIECE], pages[PH_EXPORT_PIECE];
    const size_t len = sealed.len - PH_EXPORT_PIECE_OVERHEAD;

    (void)snprintf(why, 128, "a piece of the import was altered");
    ph_sha256_update(&m->sha, sealed);
    PH_TRY(ph_export_piece_open(m->key, &m->binding, m->next, sealed, plain));
    if (m->next == 0)
        PH_TRY(ph_import_check_database((struct ph_bytes){plain, PH_STATE_PAGE}, m->page_cnt, why));
    (void)snprintf(why, 128, "no memory for an import");
    for (size_t at = 0; at < len; at += PH_STATE_PAGE)
        PH_TRY(ph_state_replace_page(t->state, plain + at, pages + at));
    m->next++;
    return ph_state_client_pieces(&t->client, (struct ph_bytes){pages, len});
}

/* All pieces are in: the commit, and the answer, which waits until it is durable. */
static void finish_import(struct ph_engine *e, struct ph_move *m)
{
    struct ph_turns *t = e->turns;
    struct ph_buf front PH_OWNED(ph_buf_clear) =
        PH_BUF(PH_STATE_HEAD_LEN + (size_t)PH_STATE_COMMIT_PAGES * PH_STATE_TABLE_ENTRY);
    struct ph_state_tip durable, sent;
    struct ph_hash32 pieces;
    char body[160], root[65];

    ph_sha256_final(&m->sha, pieces.b);
    if (m->in.len > 0 || memcmp(pieces.b, m->import.pieces.b, sizeof(pieces.b)) != 0) {
        fail(e, m, "bad-import", "The import is not the file that its owner signed");
        return;
    }
    if (ph_state_replace_end(t->state, (uint64_t)ph_clock_wall_ms(), &front) != PH_OK ||
        ph_state_client_pieces(&t->client, ph_buf_view(&front)) != PH_OK) {
        ph_turns_lose(e, t->client.lost ? t->client.why : "no memory for an import");
        return;
    }
    t->in_flight = t->heavy = true;
    m->replacing = false;
    ph_state_tips(t->state, &durable, &sent);
    for (size_t i = 0; i < sizeof(sent.root.b); i++)
        (void)snprintf(root + 2 * i, 3, "%02x", sent.root.b[i]);
    const int n = snprintf(body, sizeof(body),
                           "{\"index\":%" PRIu64 ",\"root\":\"%s\",\"pages\":%" PRIu32 "}\n",
                           sent.index, root, sent.page_cnt);
    const struct ph_msg_RESP resp = {.status = 200,
                                     .headers = PH_BYTES_LIT("content-type: application/json\n"),
                                     .body = {(const uint8_t *)body, (size_t)n}};
    ph_engine_check(e, ph_put_RESP(&e->chan, PH_IPC_END, m->call->id, &resp));
    ph_call_close(e, m->call);
}

static void take_pieces(struct ph_engine *e, struct ph_move *m)
{
    const uint64_t cnt = ph_export_piece_cnt(m->page_cnt);
    char why[128];

    while (m->next < cnt) {
        const size_t len = ph_export_piece_len(m->page_cnt, m->next) + PH_EXPORT_PIECE_OVERHEAD;
        if (m->in.len < len)
            break;
        const enum ph_err err = take_piece(e->turns, m, (struct ph_bytes){m->in.ptr, len}, why);
        if (err == PH_ERR_UNTRUSTED || err == PH_ERR_MALFORMED) {
            fail(e, m, "bad-import", why);
            return;
        }
        if (err != PH_OK) {
            ph_turns_lose(e, e->turns->client.lost ? e->turns->client.why : why);
            return;
        }
        ph_buf_consume(&m->in, len);
        ph_native_give_credit(e, m->call->id, PH_STREAM_CALL, &m->call->received, len);
    }
    if (m->body_ended && m->next < cnt)
        fail(e, m, "bad-import", "The import is cut off");
    else if (m->body_ended)
        finish_import(e, m);
    else if (m->next == cnt && m->in.len > 0)
        fail(e, m, "bad-import", "The import goes on behind its last piece");
}

/* --- Both */

void ph_moves_go(struct ph_engine *e)
{
    struct ph_turns *t = e->turns;
    struct ph_move *m = t->move;

    if (!m || !m->waits || e->over || ph_state_is_dirty(t->state) || t->began)
        return;
    if (m->kind == PH_CALL_EXPORT)
        begin_export(e, m);
    else if (!t->in_flight)
        begin_import(e, m);
}

void ph_move_begin(struct ph_engine *e, struct ph_call *call, const struct ph_msg_CALL *msg,
                   bool done)
{
    struct ph_turns *t = e->turns;

    if (!t || !t->state || t->move) {
        ph_call_fail(e, call, t && t->move ? "overloaded" : "no-handler",
                     PH_BYTES_LIT("No state, or another export or import is under way"));
        return;
    }
    struct ph_move *m = calloc(1, sizeof(*m));
    if (!m) {
        ph_engine_check(e, PH_ERR_NOMEM);
        return;
    }
    m->call = call;
    m->kind = msg->kind;
    m->waits = true;
    m->body_ended = done;
    m->in = PH_BUF(WAITING_MAX);
    t->move = call->move = m;
    if (m->kind == PH_CALL_EXPORT && done)
        read_export(e, m, msg->body);
    else if (m->kind == PH_CALL_EXPORT)
        fail(e, m, "bad-import", "An export's body comes in one piece");
    else
        ph_move_body(e, call, msg->body);
}

void ph_move_body(struct ph_engine *e, struct ph_call *call, struct ph_bytes data)
{
    struct ph_move *m = call->move;
    const enum ph_err err = ph_buf_add(&m->in, data);

    ph_engine_check(e, err);
    if (err != PH_OK)
        return;
    if (m->waits)
        ph_moves_go(e);
    else
        take_pieces(e, m);
}

void ph_move_body_end(struct ph_engine *e, struct ph_call *call)
{
    call->move->body_ended = true;
    ph_move_body(e, call, (struct ph_bytes){NULL, 0});
}

void ph_move_window(struct ph_engine *e, struct ph_call *call)
{
    struct ph_move *m = call->move;

    if (m->kind == PH_CALL_EXPORT && call->head_sent && !call->resp.ended)
        send_pieces(e, m);
}

void ph_move_drop(struct ph_engine *e, struct ph_move *m)
{
    struct ph_turns *t = e->turns;
    const bool broken_off = m->replacing;

    t->move = NULL;
    if (m->kind == PH_CALL_EXPORT)
        ph_state_snapshot_end(t->state);
    ph_wipe(m->key, sizeof(m->key));
    ph_buf_clear(&m->in);
    free(m);
    if (broken_off)
        ph_turns_lose(e, "An import was broken off: the state is as it was before");
}
