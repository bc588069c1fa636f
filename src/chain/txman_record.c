/* The journal's records: an RLP list each, whose first item says what happened.
 *
 *   1 key to value gas data          somebody wants a transaction
 *   2 key nonce max_fee priority raw it was signed; another nonce than before: it started over
 *   3 key state ok hash block nonce  it is final, or was refused
 *   4 key                            its user has forgotten it
 */

#include "base/own.h"
#include "chain/rlp.h"
#include "chain/txman_priv.h"

enum { ORDER = 1, ATTEMPT, END, FORGET };

static enum ph_err put_fixed(struct ph_buf *out, const void *bytes, size_t len)
{
    return ph_rlp_put_string(out, (struct ph_bytes){bytes, len});
}

static enum ph_err begin(struct ph_buf *out, uint64_t what, const struct entry *e)
{
    PH_TRY(ph_rlp_put_u64(out, what));
    return put_fixed(out, e->key.b, sizeof(e->key.b));
}

static enum ph_err put_order(struct ph_buf *out, const struct entry *e)
{
    PH_TRY(begin(out, ORDER, e));
    PH_TRY(put_fixed(out, e->to.b, sizeof(e->to.b)));
    PH_TRY(ph_rlp_put_u256(out, &e->value));
    PH_TRY(ph_rlp_put_u64(out, e->gas));
    return ph_rlp_put_string(out, ph_buf_view(&e->data));
}

static enum ph_err put_attempt(struct ph_buf *out, const struct entry *e, size_t i)
{
    const struct attempt *a = &e->attempts[i];

    PH_TRY(begin(out, ATTEMPT, e));
    PH_TRY(ph_rlp_put_u64(out, e->nonce));
    PH_TRY(ph_rlp_put_u64(out, a->max_fee));
    PH_TRY(ph_rlp_put_u64(out, a->max_priority_fee));
    return ph_rlp_put_string(out, ph_buf_view(&a->raw));
}

static enum ph_err put_end(struct ph_buf *out, const struct entry *e)
{
    PH_TRY(begin(out, END, e));
    PH_TRY(ph_rlp_put_u64(out, e->state));
    PH_TRY(ph_rlp_put_u64(out, e->mined.ok));
    PH_TRY(put_fixed(out, e->mined.tx_hash.b, sizeof(e->mined.tx_hash.b)));
    PH_TRY(ph_rlp_put_u64(out, e->mined.block_number));
    return ph_rlp_put_u64(out, e->nonce);
}

static enum ph_err give(enum ph_err (*append)(void *, struct ph_bytes), void *ctx,
                        const struct ph_buf *fields)
{
    struct ph_buf record PH_OWNED(ph_buf_clear) = PH_BUF(PH_TXMAN_RECORD_MAX);

    PH_TRY(ph_rlp_put_list(&record, ph_buf_view(fields)));
    return append(ctx, ph_buf_view(&record));
}

static enum ph_err note(struct ph_txman *m, const struct ph_buf *fields)
{
    m->dirty = true;
    return give(m->config.append, m->config.ctx, fields);
}

enum ph_err ph_txman_record_order(struct ph_txman *m, const struct entry *e)
{
    struct ph_buf fields PH_OWNED(ph_buf_clear) = PH_BUF(PH_TXMAN_RECORD_MAX);

    PH_TRY(put_order(&fields, e));
    return note(m, &fields);
}

enum ph_err ph_txman_record_attempt(struct ph_txman *m, const struct entry *e)
{
    struct ph_buf fields PH_OWNED(ph_buf_clear) = PH_BUF(PH_TXMAN_RECORD_MAX);

    PH_TRY(put_attempt(&fields, e, e->attempt_cnt - 1));
    return note(m, &fields);
}

enum ph_err ph_txman_record_end(struct ph_txman *m, const struct entry *e)
{
    struct ph_buf fields PH_OWNED(ph_buf_clear) = PH_BUF(PH_TXMAN_RECORD_MAX);

    PH_TRY(put_end(&fields, e));
    return note(m, &fields);
}

enum ph_err ph_txman_record_forget(struct ph_txman *m, const struct entry *e)
{
    struct ph_buf fields PH_OWNED(ph_buf_clear) = PH_BUF(PH_TXMAN_RECORD_MAX);

    PH_TRY(begin(&fields, FORGET, e));
    return note(m, &fields);
}

enum ph_err ph_txman_dump(const struct ph_txman *m, enum ph_err (*append)(void *, struct ph_bytes),
                          void *ctx)
{
    for (const struct entry *e = m->entries; e; e = e->next) {
        struct ph_buf fields PH_OWNED(ph_buf_clear) = PH_BUF(PH_TXMAN_RECORD_MAX);
        if (e->forgotten)
            continue;
        PH_TRY(put_order(&fields, e));
        PH_TRY(give(append, ctx, &fields));
        for (size_t i = 0; i < e->attempt_cnt; i++) {
            ph_buf_clear(&fields);
            PH_TRY(put_attempt(&fields, e, i));
            PH_TRY(give(append, ctx, &fields));
        }
        if (e->state == PH_TXMAN_DONE || e->state == PH_TXMAN_REFUSED) {
            ph_buf_clear(&fields);
            PH_TRY(put_end(&fields, e));
            PH_TRY(give(append, ctx, &fields));
        }
    }
    return PH_OK;
}

/* Reading them again. */

static enum ph_err read_fixed(struct ph_reader *r, void *out, size_t len)
{
    struct ph_bytes view;

    PH_TRY(ph_rlp_read_string(r, &view));
    if (view.len != len)
        return PH_ERR_MALFORMED;
    memcpy(out, view.ptr, len);
    return PH_OK;
}

static enum ph_err take_order(struct ph_txman *m, const struct ph_hash32 *key, struct ph_reader *r)
{
    struct ph_txman_order order = {.key = *key};

    PH_TRY(read_fixed(r, order.to.b, sizeof(order.to.b)));
    PH_TRY(ph_rlp_read_u256(r, &order.value));
    PH_TRY(ph_rlp_read_u64(r, &order.gas));
    PH_TRY(ph_rlp_read_string(r, &order.data));
    if (r->rest.len != 0 || ph_txman_find(m, key))
        return PH_ERR_MALFORMED;
    if (m->cnt >= PH_TXMAN_MAX)
        return PH_ERR_LIMIT;
    return ph_txman_add(m, &order) ? PH_OK : PH_ERR_NOMEM;
}

/* What was signed must be what the order says: a journal from somewhere else changes nothing. */
static bool is_of(const struct entry *e, const struct ph_tx *tx, uint64_t nonce)
{
    const struct ph_txman_config *config = &e->txman->config;

    return tx->chain_id == config->chain_id && tx->nonce == nonce && !tx->creates &&
           memcmp(tx->to.b, e->to.b, sizeof(e->to.b)) == 0 &&
           ph_u256_cmp(&tx->value, &e->value) == 0 &&
           ph_bytes_equal(tx->data, ph_buf_view(&e->data));
}

static enum ph_err take_attempt(struct entry *e, struct ph_reader *r)
{
    struct attempt a = {.raw = PH_BUF(PH_TX_MAX)};
    struct ph_eth_address sender;
    struct ph_bytes raw;
    struct ph_tx tx;
    uint64_t nonce;

    PH_TRY(ph_rlp_read_u64(r, &nonce));
    PH_TRY(ph_rlp_read_u64(r, &a.max_fee));
    PH_TRY(ph_rlp_read_u64(r, &a.max_priority_fee));
    PH_TRY(ph_rlp_read_string(r, &raw));
    if (r->rest.len != 0 || ph_tx_parse_signed(raw, &tx, &sender) != PH_OK ||
        memcmp(sender.b, e->txman->config.sender.b, sizeof(sender.b)) != 0 || !is_of(e, &tx, nonce))
        return PH_ERR_MALFORMED;
    if (e->nonce != nonce || e->attempt_cnt == PH_TXMAN_ATTEMPTS_MAX)
        ph_txman_drop_attempts(e);
    PH_TRY(ph_buf_add(&a.raw, raw));
    ph_tx_hash(raw, &a.hash);
    e->attempts[e->attempt_cnt++] = a;
    e->nonce = nonce;
    e->state = PH_TXMAN_SENT;
    if (nonce >= e->txman->next_nonce)
        e->txman->next_nonce = nonce + 1;
    return PH_OK;
}

static enum ph_err take_end(struct entry *e, struct ph_reader *r)
{
    struct ph_txman_outcome got = {0};
    uint64_t state, ok;

    PH_TRY(ph_rlp_read_u64(r, &state));
    PH_TRY(ph_rlp_read_u64(r, &ok));
    PH_TRY(read_fixed(r, got.tx_hash.b, sizeof(got.tx_hash.b)));
    PH_TRY(ph_rlp_read_u64(r, &got.block_number));
    PH_TRY(ph_rlp_read_u64(r, &got.nonce));
    if (r->rest.len != 0 || ok > 1 || (state != PH_TXMAN_DONE && state != PH_TXMAN_REFUSED))
        return PH_ERR_MALFORMED;
    got.ok = ok == 1;
    ph_txman_drop_attempts(e);
    e->state = (enum ph_txman_state)state;
    e->mined = got;
    e->nonce = got.nonce;
    return PH_OK;
}

enum ph_err ph_txman_restore(struct ph_txman *m, struct ph_bytes record)
{
    struct ph_reader outer = {record}, r;
    struct ph_hash32 key;
    uint64_t what;

    PH_TRY(ph_rlp_read_list(&outer, &r));
    PH_TRY(ph_rlp_read_u64(&r, &what));
    PH_TRY(read_fixed(&r, key.b, sizeof(key.b)));
    if (outer.rest.len != 0)
        return PH_ERR_MALFORMED;
    if (what == ORDER)
        return take_order(m, &key, &r);
    struct entry *e = ph_txman_find(m, &key);
    if (!e)
        return PH_ERR_MALFORMED;
    if (what == ATTEMPT)
        return take_attempt(e, &r);
    if (what == END)
        return take_end(e, &r);
    if (what != FORGET || r.rest.len != 0)
        return PH_ERR_MALFORMED;
    e->forgotten = true;
    ph_txman_reap(m);
    return PH_OK;
}
