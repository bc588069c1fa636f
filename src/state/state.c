#include "base/own.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "state/state_priv.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { TREE_CACHE = 512, SEALED = PH_STATE_PAGE + PH_GCM_TAG_LEN };

enum ph_err ph_state_fail(struct ph_state *s, enum ph_err err, const char *sentence)
{
    if (s->fault != PH_ERR_UNTRUSTED) { /* that one stays */
        s->fault = err;
        s->sentence = sentence;
    }
    return err;
}

static enum ph_err tree_failed(struct ph_state *s, enum ph_err err)
{
    if (err == PH_ERR_UNTRUSTED)
        return ph_state_fail(
            s, err,
            "stored state was altered: a tree node does not fit the root that phala-keyd "
            "knows; restore the storage");
    return ph_state_fail(s, err, "a tree node could not be read");
}

/* What a page is sealed with. */
struct seal {
    uint8_t nonce[PH_GCM_NONCE_LEN];
    uint8_t aad[32];
};

static struct seal seal_of(const struct ph_state *s, uint64_t index, uint32_t page)
{
    struct seal seal;
    ph_put_u32le(seal.nonce, page);
    ph_put_u64le(seal.nonce + 4, index);
    memcpy(seal.aad, s->phat.b, 20);
    ph_put_u64le(seal.aad + 20, index);
    ph_put_u32le(seal.aad + 28, page);
    return seal;
}

static uint32_t newest_epoch(const struct ph_state *s)
{
    return s->epochs.at[s->epochs.cnt - 1].epoch;
}

static const uint8_t *newest_key(const struct ph_state *s)
{
    return s->epochs.at[s->epochs.cnt - 1].key;
}

/* Sessions are random, so that one is of one epoch. NULL: its key is not here. */
static const uint8_t *session_key(struct ph_state *s, const struct ph_hash32 *session,
                                  uint32_t epoch)
{
    uint32_t of = 0;

    for (size_t i = 0; i < PH_STATE_SESSION_KEYS; i++) {
        if (s->keys[i].set && memcmp(s->keys[i].session.b, session->b, 32) == 0)
            return s->keys[i].key;
    }
    while (of < s->epochs.cnt && s->epochs.at[of].epoch != epoch)
        of++;
    if (of == s->epochs.cnt)
        return NULL;
    const size_t i = s->next_key++ % PH_STATE_SESSION_KEYS;
    s->keys[i].session = *session;
    s->keys[i].set = true;
    ph_state_session_key(s->epochs.at[of].key, session, s->keys[i].key);
    return s->keys[i].key;
}

static enum ph_err open_page(struct ph_state *s, uint32_t page, const struct ph_tree_entry *entry,
                             uint8_t out[static PH_STATE_PAGE])
{
    uint8_t sealed[SEALED];
    const struct seal seal = seal_of(s, entry->index, page);

    const enum ph_err err = s->source.page(s->source.ctx, page, sealed);
    if (err == PH_ERR_NOT_FOUND)
        return ph_state_fail(s, PH_ERR_UNTRUSTED,
                             "stored state lacks a page that was written; restore the storage");
    if (err != PH_OK)
        return ph_state_fail(s, err, "a page could not be read");
    memcpy(sealed + PH_STATE_PAGE, entry->tag, PH_STATE_TAG);
    const uint8_t *key = session_key(s, &entry->session, entry->epoch);
    if (!key)
        return ph_state_fail(
            s, PH_ERR_UNTRUSTED,
            "a page is of a key epoch that the commit does not name; restore the storage");
    if (ph_aes256gcm_open(key, seal.nonce, PH_BYTES_OF(seal.aad), PH_BYTES_OF(sealed), out) !=
        PH_OK)
        return ph_state_fail(
            s, PH_ERR_UNTRUSTED,
            "stored state was altered: a page does not fit its tag; restore the storage");
    return PH_OK;
}

enum ph_err ph_state_read_page(struct ph_state *s, uint32_t page, uint8_t out[static PH_STATE_PAGE])
{
    struct ph_tree_entry entry = {0};
    const struct ph_overlay_page *here = ph_overlay_find(&s->overlay, page);

    if (s->fault == PH_ERR_UNTRUSTED)
        return s->fault;
    /* A page that was cut off and not written again is zeros, though a record on its way has it. */
    if (here && (here->changed || page < s->cut)) {
        memcpy(out, here->b, PH_STATE_PAGE);
        return PH_OK;
    }
    if (page < s->cut) {
        const enum ph_err err = ph_tree_get(s->tree, page, &entry);
        if (err != PH_OK)
            return tree_failed(s, err);
    }
    if (entry.index == 0) {
        memset(out, 0, PH_STATE_PAGE);
        return PH_OK;
    }
    return open_page(s, page, &entry, out);
}

enum ph_err ph_state_change_page(struct ph_state *s, uint32_t page, bool whole, uint8_t **out)
{
    struct ph_overlay_page *here;
    uint8_t now[PH_STATE_PAGE];
    bool fresh;

    if (s->fault == PH_ERR_UNTRUSTED)
        return s->fault;
    if (page >= s->limits.pages)
        return ph_state_fail(s, PH_ERR_LIMIT,
                             "the database is full: raise state.maxMiB in phat.json");
    if ((s->overlay.cnt + 1) * (uint64_t)PH_STATE_PAGE > s->limits.dirty_bytes &&
        !ph_overlay_find(&s->overlay, page))
        return ph_state_fail(s, PH_ERR_LIMIT,
                             "one turn changes too much of the database: write in parts");
    PH_TRY(ph_state_snapshot_keep(s, page));
    if (!whole)
        PH_TRY(ph_state_read_page(s, page, now));
    if (ph_overlay_change(&s->overlay, page, &here, &fresh) != PH_OK)
        return ph_state_fail(s, PH_ERR_NOMEM, "no memory for a changed page");
    if (!whole)
        memcpy(here->b, now, PH_STATE_PAGE);
    if (page >= s->page_cnt)
        s->page_cnt = page + 1;
    *out = here->b;
    return PH_OK;
}

void ph_state_cut(struct ph_state *s, uint32_t page_cnt)
{
    ph_state_snapshot_cut(s, page_cnt);
    s->page_cnt = page_cnt;
    if (page_cnt < s->cut)
        s->cut = page_cnt;
    ph_overlay_cut(&s->overlay, page_cnt);
}

void ph_state_free(struct ph_state *state)
{
    if (!state)
        return;
    ph_state_disconnect(state);
    ph_tree_free(state->tree);
    ph_overlay_clear(&state->overlay);
    ph_state_snapshot_end(state);
    ph_buf_clear(&state->replace.table);
    ph_wipe(state, sizeof(*state));
    free(state);
}

static void state_freep(struct ph_state **state)
{
    ph_state_free(*state);
}

static void set_limits(struct ph_state *s, const struct ph_state_limits *limits)
{
    s->limits = *limits;
    if (s->limits.pages == 0 || s->limits.pages > PH_STATE_PAGES_MAX)
        s->limits.pages = PH_STATE_PAGES_MAX;
    if (s->limits.cache_bytes == 0)
        s->limits.cache_bytes = 8 << 20;
    if (s->limits.dirty_bytes == 0)
        s->limits.dirty_bytes = 64 << 20;
}

static enum ph_err explain(const struct ph_state *s, enum ph_err err, char why[static 256])
{
    (void)snprintf(why, 256, "%s", s->sentence ? s->sentence : "no memory to open the state");
    return err;
}

enum ph_err ph_state_open(const struct ph_phat_id *phat, const struct ph_state_keys *keys,
                          const struct ph_state_tip *tip, const struct ph_state_source *source,
                          const struct ph_state_limits *limits, struct ph_state **out,
                          char why[static 256])
{
    struct ph_state *s PH_OWNED(state_freep) = calloc(1, sizeof(*s));

    if (!s) {
        (void)snprintf(why, 256, "no memory to open the state");
        return PH_ERR_NOMEM;
    }
    s->phat = *phat;
    assert(keys->cnt > 0 && keys->cnt <= PH_STATE_KEYS_MAX);
    s->epochs = *keys;
    s->source = *source;
    set_limits(s, limits);
    if (s->limits.pages < tip->page_cnt) /* the limit was lowered: it may be written, not grow */
        s->limits.pages = tip->page_cnt;
    s->durable = s->sent = *tip;
    s->page_cnt = s->cut = tip->page_cnt;
    ph_random(s->session.b, sizeof(s->session.b));
    enum ph_err err = ph_tree_open(tip, source->node, source->ctx, TREE_CACHE, &s->tree);
    if (err != PH_OK)
        return explain(s, tree_failed(s, err), why);
    err = ph_state_connect(s);
    if (err != PH_OK)
        return explain(s, err, why);
    *out = PH_TAKE(s);
    return PH_OK;
}

sqlite3 *ph_state_db(struct ph_state *state)
{
    return state->db;
}

enum ph_err ph_state_fault(const struct ph_state *state, const char **sentence)
{
    *sentence = state->sentence;
    return state->fault;
}

bool ph_state_is_behind(const struct ph_state *state)
{
    return state->sent.index > 0 &&
           (state->sent.key_epoch != newest_epoch(state) || state->sent.older_epoch != 0);
}

/* A page of an older epoch, as it is stored: it is to be sealed anew. */
static enum ph_err is_older(struct ph_state *s, uint32_t page, bool *older)
{
    const struct ph_overlay_page *here = ph_overlay_find(&s->overlay, page);
    struct ph_tree_entry entry;

    *older = false;
    if (here && here->changed)
        return PH_OK;
    const enum ph_err err = ph_tree_get(s->tree, page, &entry);
    if (err != PH_OK)
        return tree_failed(s, err);
    *older = entry.index > 0 && entry.epoch != newest_epoch(s);
    return PH_OK;
}

enum ph_err ph_state_renew(struct ph_state *state, uint32_t pages)
{
    struct ph_state *s = state;
    uint8_t *same;
    bool older;

    if (s->fault == PH_ERR_UNTRUSTED)
        return s->fault;
    for (uint32_t done = 0; s->renew_at < s->cut && s->renew_at < s->page_cnt; s->renew_at++) {
        if (done == pages)
            return PH_OK;
        PH_TRY(is_older(s, s->renew_at, &older));
        if (!older)
            continue;
        PH_TRY(ph_state_change_page(s, s->renew_at, false, &same));
        done++;
    }
    s->renewed = true;
    return PH_ERR_NOT_FOUND;
}

/* The next record differs from the last one in what it says of epochs alone. */
static bool has_news_of_epochs(const struct ph_state *s)
{
    return s->renewed && ph_state_is_behind(s);
}

bool ph_state_is_dirty(const struct ph_state *state)
{
    return has_news_of_epochs(state) || state->overlay.changed_cnt > 0 ||
           state->page_cnt != state->sent.page_cnt || state->cut != state->sent.page_cnt;
}

enum ph_err ph_state_seal_page(struct ph_state *s, uint64_t index, uint32_t page,
                               const uint8_t plain[static PH_STATE_PAGE],
                               uint8_t row[static PH_STATE_TABLE_ENTRY],
                               uint8_t sealed[static PH_STATE_PAGE])
{
    const struct seal seal = seal_of(s, index, page);
    const uint8_t *key = session_key(s, &s->session, newest_epoch(s));
    struct ph_tree_entry entry = {.index = index, .session = s->session, .epoch = newest_epoch(s)};
    uint8_t with_tag[SEALED];

    assert(key);
    PH_TRY(ph_aes256gcm_seal(key, seal.nonce, PH_BYTES_OF(seal.aad),
                             (struct ph_bytes){plain, PH_STATE_PAGE}, with_tag));
    memcpy(entry.tag, with_tag + PH_STATE_PAGE, PH_STATE_TAG);
    PH_TRY(ph_tree_set(s->tree, page, &entry));
    ph_put_u32le(row, page);
    memcpy(row + 4, entry.tag, PH_STATE_TAG);
    memcpy(sealed, with_tag, PH_STATE_PAGE);
    return PH_OK;
}

/* Of what storage has after the next record. */
static uint32_t older_epoch(const struct ph_state *s)
{
    if (s->renewed || !ph_state_is_behind(s))
        return 0;
    return s->sent.older_epoch != 0 ? s->sent.older_epoch : s->sent.key_epoch;
}

enum ph_err ph_state_seal_head(struct ph_state *s, uint64_t time_ms, uint32_t page_cnt,
                               struct ph_bytes table, uint8_t out[static PH_STATE_HEAD_LEN])
{
    struct ph_state_head head = {.phat = s->phat,
                                 .index = s->sent.index + 1,
                                 .key_epoch = newest_epoch(s),
                                 .older_epoch = older_epoch(s),
                                 .prev = s->sent.hash,
                                 .session = s->session,
                                 .page_cnt = page_cnt,
                                 .record_pages = (uint32_t)(table.len / PH_STATE_TABLE_ENTRY),
                                 .time_ms = time_ms};

    PH_TRY(ph_tree_root(s->tree, &head.root));
    ph_sha256(table, head.table_sha256.b);
    ph_state_head_encode(&head, out);
    ph_state_mac(newest_key(s), out, head.mac);
    ph_state_head_encode(&head, out);
    s->sent = (struct ph_state_tip){.index = head.index,
                                    .root = head.root,
                                    .page_cnt = head.page_cnt,
                                    .key_epoch = head.key_epoch,
                                    .older_epoch = head.older_epoch};
    ph_state_commit_hash(out, &s->sent.hash);
    return PH_OK;
}

/* Head, table, pages: the whole record. */
static enum ph_err seal_record(struct ph_state *s, uint64_t time_ms, const uint32_t *pages,
                               uint32_t cnt, uint8_t *at)
{
    const size_t table_len = (size_t)cnt * PH_STATE_TABLE_ENTRY;
    uint8_t *table = at + PH_STATE_HEAD_LEN, *sealed = table + table_len;

    PH_TRY(ph_tree_resize(s->tree, s->cut));
    PH_TRY(ph_tree_resize(s->tree, s->page_cnt));
    for (uint32_t i = 0; i < cnt; i++)
        PH_TRY(ph_state_seal_page(
            s, s->sent.index + 1, pages[i], ph_overlay_find(&s->overlay, pages[i])->b,
            table + (size_t)i * PH_STATE_TABLE_ENTRY, sealed + (size_t)i * PH_STATE_PAGE));
    return ph_state_seal_head(s, time_ms, s->page_cnt, (struct ph_bytes){table, table_len}, at);
}

enum ph_err ph_state_broken(struct ph_state *s, enum ph_err err)
{
    (void)tree_failed(s, err);
    s->fault = PH_ERR_UNTRUSTED;
    return err;
}

/* Pages that were cut off, came back and were not written since are zeros: the record says so, or
 * phalad would keep what they were. */
static enum ph_err zero_revived(struct ph_state *s)
{
    struct ph_overlay_page *page;
    bool fresh;

    for (uint32_t p = s->cut; p < s->page_cnt && p < s->sent.page_cnt; p++) {
        page = ph_overlay_find(&s->overlay, p);
        if (page && page->changed)
            continue;
        PH_TRY(ph_overlay_change(&s->overlay, p, &page, &fresh));
        memset(page->b, 0, sizeof(page->b));
    }
    return PH_OK;
}

enum ph_err ph_state_commit(struct ph_state *state, uint64_t time_ms, struct ph_buf *out)
{
    struct ph_state *s = state;
    uint8_t *at;

    if (s->fault == PH_ERR_UNTRUSTED)
        return s->fault;
    if (s->in_flight || s->replace.on || sqlite3_get_autocommit(s->db) == 0)
        return PH_ERR_CONFLICT;
    if (!ph_state_is_dirty(s))
        return PH_ERR_NOT_FOUND;
    PH_TRY(zero_revived(s));
    const size_t cnt = s->overlay.changed_cnt;
    if (cnt > PH_STATE_COMMIT_PAGES)
        return PH_ERR_LIMIT;
    uint32_t *pages PH_OWNED(ph_freep) = calloc(cnt + 1, sizeof(*pages));
    if (!pages)
        return PH_ERR_NOMEM;
    PH_TRY(ph_buf_reserve(out, ph_state_record_len((uint32_t)cnt), &at));
    ph_overlay_changed(&s->overlay, pages);
    const enum ph_err err = seal_record(s, time_ms, pages, (uint32_t)cnt, at);
    if (err != PH_OK)
        return ph_state_broken(s, err);
    out->len += ph_state_record_len((uint32_t)cnt);
    ph_overlay_sent(&s->overlay);
    s->cut = s->page_cnt;
    s->in_flight = true;
    return PH_OK;
}

void ph_state_durable(struct ph_state *state)
{
    if (!state->in_flight)
        return;
    state->in_flight = false;
    state->durable = state->sent;
    ph_overlay_durable(&state->overlay);
    ph_tree_forget(state->tree);
}

void ph_state_tips(const struct ph_state *state, struct ph_state_tip *durable,
                   struct ph_state_tip *sent)
{
    *durable = state->durable;
    *sent = state->sent;
}
