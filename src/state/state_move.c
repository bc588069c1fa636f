/* The whole state at once: read as it is now while it changes, or replaced as one commit. */

#include "base/own.h"
#include "state/state_priv.h"

enum ph_err ph_state_snapshot_begin(struct ph_state *state, size_t keep_bytes,
                                    struct ph_state_tip *tip)
{
    if (state->snapshot.on || state->replace.on || ph_state_is_dirty(state))
        return PH_ERR_CONFLICT;
    state->snapshot.on = true;
    state->snapshot.outrun = false;
    state->snapshot.next = 0;
    state->snapshot.cnt = state->sent.page_cnt;
    state->snapshot.keep_max = keep_bytes / PH_STATE_PAGE;
    *tip = state->sent;
    return PH_OK;
}

enum ph_err ph_state_snapshot_keep(struct ph_state *s, uint32_t page)
{
    struct ph_overlay_page *kept;
    uint8_t now[PH_STATE_PAGE];
    bool fresh;

    if (!s->snapshot.on || s->snapshot.outrun || page < s->snapshot.next ||
        page >= s->snapshot.cnt || ph_overlay_find(&s->snapshot.kept, page))
        return PH_OK;
    s->snapshot.outrun = s->snapshot.kept.cnt >= s->snapshot.keep_max;
    if (s->snapshot.outrun) { /* the writer goes on; the reader is told */
        ph_overlay_clear(&s->snapshot.kept);
        return PH_OK;
    }
    PH_TRY(ph_state_read_page(s, page, now));
    if (ph_overlay_change(&s->snapshot.kept, page, &kept, &fresh) != PH_OK)
        return ph_state_fail(s, PH_ERR_NOMEM, "no memory for a changed page");
    memcpy(kept->b, now, PH_STATE_PAGE);
    return PH_OK;
}

void ph_state_snapshot_cut(struct ph_state *s, uint32_t page_cnt)
{
    if (s->snapshot.on && page_cnt < s->snapshot.cnt && s->snapshot.next < s->snapshot.cnt)
        s->snapshot.outrun = true;
}

enum ph_err ph_state_snapshot_next(struct ph_state *state, uint8_t out[static PH_STATE_PAGE])
{
    const uint32_t page = state->snapshot.next;
    const struct ph_overlay_page *kept = ph_overlay_find(&state->snapshot.kept, page);

    if (!state->snapshot.on || page >= state->snapshot.cnt)
        return PH_ERR_NOT_FOUND;
    if (state->snapshot.outrun)
        return PH_ERR_LIMIT;
    if (kept)
        memcpy(out, kept->b, PH_STATE_PAGE);
    else
        PH_TRY(ph_state_read_page(state, page, out));
    state->snapshot.next++;
    return PH_OK;
}

void ph_state_snapshot_end(struct ph_state *state)
{
    ph_overlay_clear(&state->snapshot.kept);
    state->snapshot.on = false;
}

enum ph_err ph_state_replace_begin(struct ph_state *state, uint32_t page_cnt)
{
    if (state->replace.on || state->snapshot.on || state->in_flight || ph_state_is_dirty(state) ||
        sqlite3_get_autocommit(state->db) == 0)
        return PH_ERR_CONFLICT;
    if (page_cnt > state->limits.pages || page_cnt > PH_STATE_COMMIT_PAGES)
        return PH_ERR_LIMIT;
    state->replace.on = true;
    state->replace.next = 0;
    state->replace.cnt = page_cnt;
    state->replace.table = PH_BUF((size_t)PH_STATE_COMMIT_PAGES * PH_STATE_TABLE_ENTRY);
    const enum ph_err err = ph_tree_resize(state->tree, 0);
    return err == PH_OK ? PH_OK : ph_state_broken(state, err);
}

enum ph_err ph_state_replace_page(struct ph_state *state, const uint8_t page[static PH_STATE_PAGE],
                                  uint8_t sealed[static PH_STATE_PAGE])
{
    uint8_t row[PH_STATE_TABLE_ENTRY];

    if (!state->replace.on || state->replace.next >= state->replace.cnt)
        return PH_ERR_CONFLICT;
    enum ph_err err =
        ph_state_seal_page(state, state->sent.index + 1, state->replace.next, page, row, sealed);
    if (err == PH_OK)
        err = ph_buf_add(&state->replace.table, PH_BYTES_OF(row));
    if (err != PH_OK)
        return ph_state_broken(state, err);
    state->replace.next++;
    return PH_OK;
}

enum ph_err ph_state_replace_end(struct ph_state *state, uint64_t time_ms, struct ph_buf *out)
{
    const struct ph_bytes table = ph_buf_view(&state->replace.table);
    uint8_t *at;

    if (!state->replace.on || state->replace.next != state->replace.cnt)
        return PH_ERR_CONFLICT;
    enum ph_err err = ph_tree_resize(state->tree, state->replace.cnt);
    if (err == PH_OK)
        err = ph_buf_reserve(out, PH_STATE_HEAD_LEN, &at);
    if (err == PH_OK)
        err = ph_state_seal_head(state, time_ms, state->replace.cnt, table, at);
    if (err == PH_OK) {
        out->len += PH_STATE_HEAD_LEN;
        err = ph_buf_add(out, table);
    }
    if (err != PH_OK)
        return ph_state_broken(state, err);
    state->page_cnt = state->cut = state->replace.cnt;
    state->in_flight = true;
    return PH_OK;
}

enum ph_err ph_state_token_open(const struct ph_state *state, enum ph_move_kind kind,
                                struct ph_bytes bound, struct ph_bytes tokens,
                                uint8_t file_key[static 32])
{
    return ph_move_token_open(state->epochs.at[state->epochs.cnt - 1].key, kind, bound, tokens,
                              file_key);
}
