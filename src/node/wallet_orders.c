/* What phats wanted to send, and the journal of it. Records:
 *
 *   't' record                      of chain/txman.h
 *   'o' key 32 params 32            wanted
 *   'x' key 32                      phala-keyd did not sign it: as if it had not been wanted
 *   'd' key 32 params 32 ok u8 block u64le nonce u64le hash 32 …   final; the hash that was taken,
 *                                   then all that were signed
 */

#include "base/own.h"
#include "node/wallets_priv.h"

#include <stdio.h>
#include <stdlib.h>

enum { REWRITE_MIN = 4 << 20 };

struct ph_wallet_order *ph_wallet_order_find(const struct ph_wallet *w, const struct ph_hash32 *key)
{
    for (struct ph_wallet_order *o = w->orders; o; o = o->next)
        if (memcmp(o->key.b, key->b, sizeof(key->b)) == 0)
            return o;
    return NULL;
}

/* All names that its transactions have. */
static size_t hashes_of(const struct ph_wallet *w, const struct ph_wallet_order *o,
                        struct ph_hash32 out[static PH_TXMAN_ATTEMPTS_MAX])
{
    if (!o->done)
        return w->txman ? ph_txman_hashes(w->txman, &o->key, out) : 0;
    memcpy(out, o->hashes, sizeof(o->hashes));
    return o->hash_cnt;
}

struct ph_wallet_order *ph_wallet_order_of(const struct ph_wallet *w, const struct ph_hash32 *hash)
{
    struct ph_hash32 hashes[PH_TXMAN_ATTEMPTS_MAX];

    for (struct ph_wallet_order *o = w->orders; o; o = o->next) {
        const size_t cnt = hashes_of(w, o, hashes);
        for (size_t i = 0; i < cnt; i++)
            if (memcmp(hashes[i].b, hash->b, sizeof(hash->b)) == 0)
                return o;
    }
    return NULL;
}

void ph_wallet_order_outcome(const struct ph_wallet *w, const struct ph_wallet_order *o,
                             struct ph_txman_outcome *out)
{
    if (o->done)
        *out = o->outcome;
    else if (!w->txman || ph_txman_get(w->txman, &o->key, out) != PH_OK)
        *out = (struct ph_txman_outcome){.state = PH_TXMAN_QUEUED};
}

static struct ph_wallet_order *add(struct ph_wallet *w, const struct ph_hash32 *key,
                                   const struct ph_hash32 *params)
{
    struct ph_wallet_order *o = calloc(1, sizeof(*o));

    if (!o)
        return NULL;
    o->key = *key;
    o->params = *params;
    *w->end = o;
    w->end = &o->next;
    w->open_cnt++;
    return o;
}

static void drop(struct ph_wallet *w, struct ph_wallet_order *gone)
{
    struct ph_wallet_order **at = &w->orders;

    while (*at != gone)
        at = &(*at)->next;
    *at = gone->next;
    if (!*at)
        w->end = at;
    if (gone->done)
        w->kept_cnt--;
    else
        w->open_cnt--;
    free(gone);
}

void ph_wallet_orders_reap(struct ph_wallet *w)
{
    for (struct ph_wallet_order *o = w->orders, *next; o; o = next) {
        next = o->next;
        if (o->refused || (o->done && w->kept_cnt > PH_WALLET_KEPT_MAX))
            drop(w, o);
    }
}

void ph_wallet_orders_free(struct ph_wallet *w)
{
    while (w->orders)
        drop(w, w->orders);
}

/* --- the journal ------------------------------------------------------------------------------ */

static enum ph_err put(struct ph_journal *journal, uint8_t kind, struct ph_bytes fields)
{
    struct ph_buf whole PH_OWNED(ph_buf_clear) = PH_BUF(PH_TXMAN_RECORD_MAX + 1);

    PH_TRY(ph_buf_add(&whole, (struct ph_bytes){&kind, 1}));
    PH_TRY(ph_buf_add(&whole, fields));
    return ph_journal_add(journal, ph_buf_view(&whole));
}

enum ph_err ph_wallet_append(void *ctx, struct ph_bytes record)
{
    struct ph_wallet *w = ctx;

    w->dirty = true;
    return put(w->journal, 't', record);
}

static enum ph_err put_order(struct ph_journal *journal, const struct ph_wallet_order *o)
{
    uint8_t fields[64];

    memcpy(fields, o->key.b, 32);
    memcpy(fields + 32, o->params.b, 32);
    return put(journal, 'o', PH_BYTES_OF(fields));
}

static enum ph_err put_done(struct ph_journal *journal, const struct ph_wallet_order *o)
{
    uint8_t fields[64 + 1 + 16 + 32 * (1 + PH_TXMAN_ATTEMPTS_MAX)];
    size_t len = 113;

    memcpy(fields, o->key.b, 32);
    memcpy(fields + 32, o->params.b, 32);
    fields[64] = o->outcome.ok;
    ph_put_u64le(fields + 65, o->outcome.block_number);
    ph_put_u64le(fields + 73, o->outcome.nonce);
    memcpy(fields + 81, o->outcome.tx_hash.b, 32);
    for (size_t i = 0; i < o->hash_cnt; i++, len += 32)
        memcpy(fields + len, o->hashes[i].b, 32);
    return put(journal, 'd', (struct ph_bytes){fields, len});
}

struct fill {
    struct ph_wallet *wallet;
    struct ph_journal *to;
};

static enum ph_err fill_tx(void *ctx, struct ph_bytes record)
{
    struct fill *f = ctx;

    return put(f->to, 't', record);
}

static enum ph_err fill(void *ctx, struct ph_journal *to)
{
    struct fill f = {ctx, to};

    for (const struct ph_wallet_order *o = f.wallet->orders; o; o = o->next)
        if (!o->refused)
            PH_TRY(o->done ? put_done(to, o) : put_order(to, o));
    return ph_txman_dump(f.wallet->txman, fill_tx, &f);
}

enum ph_err ph_wallet_sync(void *ctx)
{
    struct ph_wallet *w = ctx;

    PH_TRY(ph_journal_sync(w->journal));
    w->dirty = false;
    if (ph_journal_size(w->journal) < w->rewrite_at)
        return PH_OK;
    PH_TRY(ph_journal_rewrite(w->journal, fill, w));
    const uint64_t twice = 2 * ph_journal_size(w->journal);
    w->rewrite_at = twice > REWRITE_MIN ? twice : REWRITE_MIN;
    return PH_OK;
}

static void finish(struct ph_wallet *w, struct ph_wallet_order *o,
                   const struct ph_txman_outcome *outcome)
{
    o->done = true;
    o->outcome = *outcome;
    o->outcome.state = PH_TXMAN_DONE;
    w->open_cnt--;
    w->kept_cnt++;
}

static enum ph_err take_done(struct ph_wallet *w, struct ph_wallet_order *o, struct ph_reader *r)
{
    struct ph_txman_outcome outcome = {0};
    uint8_t ok;

    if (o->done || !ph_read_u8(r, &ok) || ok > 1 || !ph_read_u64le(r, &outcome.block_number) ||
        !ph_read_u64le(r, &outcome.nonce) || !ph_read_copy(r, outcome.tx_hash.b, 32) ||
        r->rest.len % 32 != 0 || r->rest.len / 32 > PH_TXMAN_ATTEMPTS_MAX)
        return PH_ERR_MALFORMED;
    outcome.ok = ok == 1;
    while (ph_read_copy(r, o->hashes[o->hash_cnt].b, 32))
        if (++o->hash_cnt == PH_TXMAN_ATTEMPTS_MAX)
            break;
    finish(w, o, &outcome);
    return PH_OK;
}

static enum ph_err take_own(struct ph_wallet *w, uint8_t kind, struct ph_reader *r)
{
    struct ph_hash32 key, params;
    struct ph_wallet_order *o;

    if (!ph_read_copy(r, key.b, 32))
        return PH_ERR_MALFORMED;
    o = ph_wallet_order_find(w, &key);
    if (kind == 'x') {
        if (!o || r->rest.len != 0)
            return PH_ERR_MALFORMED;
        drop(w, o);
        return PH_OK;
    }
    if (!ph_read_copy(r, params.b, 32) || (kind == 'o' && (o || r->rest.len != 0)))
        return PH_ERR_MALFORMED;
    if (!o)
        o = add(w, &key, &params);
    if (!o)
        return PH_ERR_NOMEM;
    return kind == 'o' ? PH_OK : take_done(w, o, r);
}

static enum ph_err take(void *ctx, struct ph_bytes record)
{
    struct ph_wallet *w = ctx;
    struct ph_reader r = {record};
    uint8_t kind;

    if (!ph_read_u8(&r, &kind))
        return PH_ERR_MALFORMED;
    if (kind == 't')
        return ph_txman_restore(w->txman, r.rest);
    if (kind != 'o' && kind != 'x' && kind != 'd')
        return PH_ERR_MALFORMED;
    return take_own(w, kind, &r);
}

/* A crash can leave the end of one of two records that belong together. */
static void mend(struct ph_wallet *w)
{
    struct ph_txman_outcome outcome;

    for (struct ph_wallet_order *o = w->orders; o; o = o->next) {
        if (o->done)
            ph_txman_forget(w->txman, &o->key);
        else if (ph_txman_get(w->txman, &o->key, &outcome) != PH_OK)
            o->refused = true; /* it was never wanted for certain */
        else
            ph_wallet_order_changed(w, &o->key, &outcome);
    }
    ph_wallet_orders_reap(w);
}

enum ph_err ph_wallet_journal_open(struct ph_wallet *w)
{
    char name[64];

    (void)snprintf(name, sizeof(name), "%s.journal", w->id_text);
    PH_TRY(ph_journal_open(w->all->dir_fd, name, take, w, &w->journal));
    w->rewrite_at = REWRITE_MIN;
    mend(w);
    return PH_OK;
}

/* --- from wanting one to its end -------------------------------------------------------------- */

enum ph_err ph_wallet_order_add(struct ph_wallet *w, const struct ph_txman_order *order,
                                const struct ph_hash32 *params)
{
    if (w->open_cnt >= PH_WALLET_ORDERS_MAX)
        return PH_ERR_LIMIT;
    struct ph_wallet_order *o = add(w, &order->key, params);
    if (!o)
        return PH_ERR_NOMEM;
    w->dirty = true;
    ph_txman_forget(w->txman, &order->key); /* what was refused, if a crash kept that */
    enum ph_err err = put_order(w->journal, o);
    if (err == PH_OK)
        err = ph_txman_submit(w->txman, order);
    if (err != PH_OK)
        drop(w, o);
    return err;
}

const char *ph_wallet_refusal_code(enum ph_err err)
{
    return err == PH_ERR_LIMIT ? "wallet-limit" : "wallet-denied";
}

static void refuse(struct ph_wallet *w, struct ph_wallet_order *o)
{
    o->refused = true;
    o->refusal_code = ph_wallet_refusal_code(w->refusal_class);
    (void)snprintf(o->refusal, sizeof(o->refusal), "%s", w->refusal);
    /* A journal that does not take it tries the order again after a restart. */
    (void)!put(w->journal, 'x', PH_BYTES_OF(o->key.b));
}

void ph_wallet_order_changed(struct ph_wallet *w, const struct ph_hash32 *key,
                             const struct ph_txman_outcome *outcome)
{
    struct ph_wallet_order *o = ph_wallet_order_find(w, key);

    if (!o || o->done || o->refused ||
        (outcome->state != PH_TXMAN_DONE && outcome->state != PH_TXMAN_REFUSED))
        return;
    w->dirty = true;
    if (outcome->state == PH_TXMAN_REFUSED) {
        refuse(w, o);
    } else {
        o->hash_cnt = ph_txman_hashes(w->txman, key, o->hashes);
        if (o->hash_cnt == 0)
            o->hashes[o->hash_cnt++] = outcome->tx_hash;
        finish(w, o, outcome);
        (void)!put_done(w->journal, o);
    }
    ph_txman_forget(w->txman, key);
}
