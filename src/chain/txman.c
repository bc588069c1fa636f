#include "chain/txman_priv.h"

#include <stdlib.h>

enum ph_err ph_txman_new(const struct ph_txman_config *config, struct ph_txman **out)
{
    if (config->max_fee_cap == 0 || config->in_flight_max == 0 || config->bump_blocks == 0 ||
        config->resend_ms == 0)
        return PH_ERR_MALFORMED;
    struct ph_txman *m = calloc(1, sizeof(*m));
    if (!m)
        return PH_ERR_NOMEM;
    m->config = *config;
    m->end = &m->entries;
    *out = m;
    return PH_OK;
}

void ph_txman_drop_attempts(struct entry *e)
{
    for (size_t i = 0; i < e->attempt_cnt; i++)
        ph_buf_clear(&e->attempts[i].raw);
    e->attempt_cnt = 0;
    e->sent_ms = 0;
    e->taken_block = 0;
}

static void entry_free(struct entry *e)
{
    ph_txman_drop_attempts(e);
    ph_buf_clear(&e->data);
    free(e);
}

void ph_txman_free(struct ph_txman *m)
{
    if (!m)
        return;
    for (struct entry *e = m->entries, *next; e; e = next) {
        next = e->next;
        entry_free(e);
    }
    free(m);
}

struct entry *ph_txman_find(const struct ph_txman *m, const struct ph_hash32 *key)
{
    for (struct entry *e = m->entries; e; e = e->next)
        if (!e->forgotten && memcmp(e->key.b, key->b, sizeof(key->b)) == 0)
            return e;
    return NULL;
}

struct entry *ph_txman_add(struct ph_txman *m, const struct ph_txman_order *order)
{
    struct entry *e = calloc(1, sizeof(*e));

    if (!e)
        return NULL;
    *e = (struct entry){.txman = m,
                        .key = order->key,
                        .to = order->to,
                        .value = order->value,
                        .gas = order->gas,
                        .data = PH_BUF(PH_TX_MAX)};
    if (ph_buf_add(&e->data, order->data) != PH_OK) {
        free(e);
        return NULL;
    }
    *m->end = e;
    m->end = &e->next;
    m->cnt++;
    return e;
}

/* Take out and free what nobody asks for any more. */
void ph_txman_reap(struct ph_txman *m)
{
    struct entry **at = &m->entries;

    while (*at) {
        struct entry *e = *at;
        if (!e->forgotten || e->asking > 0) {
            at = &e->next;
            continue;
        }
        *at = e->next;
        m->cnt--;
        entry_free(e);
    }
    m->end = at;
}

void ph_txman_release(struct entry *e)
{
    e->asking--;
}

static struct ph_txman_outcome outcome_of(const struct entry *e)
{
    struct ph_txman_outcome out = e->mined;

    out.state = e->state;
    out.nonce = e->nonce;
    if (e->state == PH_TXMAN_SENT && e->attempt_cnt > 0)
        out.tx_hash = e->attempts[e->attempt_cnt - 1].hash;
    return out;
}

void ph_txman_set(struct entry *e, enum ph_txman_state state)
{
    struct ph_txman *m = e->txman;

    e->state = state;
    if (state == PH_TXMAN_SENT || state == PH_TXMAN_QUEUED)
        e->mined = (struct ph_txman_outcome){0};
    if (m->config.changed && !e->forgotten) {
        const struct ph_txman_outcome out = outcome_of(e);
        const struct ph_hash32 key = e->key;
        m->config.changed(m->config.ctx, &key, &out);
    }
}

enum ph_err ph_txman_submit(struct ph_txman *m, const struct ph_txman_order *order)
{
    if (ph_txman_find(m, &order->key))
        return PH_ERR_CONFLICT;
    if (m->cnt >= PH_TXMAN_MAX || order->data.len > PH_TX_MAX - 1024)
        return PH_ERR_LIMIT;
    struct entry *e = ph_txman_add(m, order);
    if (!e)
        return PH_ERR_NOMEM;
    const enum ph_err err = ph_txman_record_order(m, e);
    if (err != PH_OK)
        e->forgotten = true;
    return err;
}

enum ph_err ph_txman_get(const struct ph_txman *m, const struct ph_hash32 *key,
                         struct ph_txman_outcome *out)
{
    const struct entry *e = ph_txman_find(m, key);

    if (!e)
        return PH_ERR_NOT_FOUND;
    *out = outcome_of(e);
    return PH_OK;
}

size_t ph_txman_hashes(const struct ph_txman *m, const struct ph_hash32 *key,
                       struct ph_hash32 out[static PH_TXMAN_ATTEMPTS_MAX])
{
    const struct entry *e = ph_txman_find(m, key);

    for (size_t i = 0; e && i < e->attempt_cnt; i++)
        out[i] = e->attempts[i].hash;
    return e ? e->attempt_cnt : 0;
}

void ph_txman_set_fee_cap(struct ph_txman *m, uint64_t max_fee_cap)
{
    m->config.max_fee_cap = max_fee_cap;
}

/* A journal that does not take the note keeps the key for longer, which is harmless. Freed with the
 * next step: callers walk the list. */
void ph_txman_forget(struct ph_txman *m, const struct ph_hash32 *key)
{
    struct entry *e = ph_txman_find(m, key);

    if (!e || (e->state != PH_TXMAN_DONE && e->state != PH_TXMAN_REFUSED))
        return;
    e->forgotten = true;
    (void)!ph_txman_record_forget(m, e);
}

size_t ph_txman_count(const struct ph_txman *m, enum ph_txman_state state)
{
    size_t cnt = 0;

    for (const struct entry *e = m->entries; e; e = e->next)
        cnt += !e->forgotten && e->state == state;
    return cnt;
}

void ph_txman_undone(struct ph_txman *m, uint64_t block_number)
{
    for (struct entry *e = m->entries; e; e = e->next) {
        if (e->state != PH_TXMAN_MINED || e->mined.block_number < block_number)
            continue;
        e->sent_ms = 0; /* nodes may have forgotten it: send it again at once */
        ph_txman_set(e, PH_TXMAN_SENT);
    }
    for (struct entry *e = m->entries; e; e = e->next)
        e->taken_block = 0;
    m->round_head = (struct ph_follow_head){0};
}

void ph_txman_head(struct ph_txman *m, const struct ph_follow_head *head)
{
    m->head = *head;
    m->has_head = true;
}

void ph_txman_step(struct ph_txman *m, int64_t now_ms)
{
    m->now_ms = now_ms;
    ph_txman_reap(m);
    if (!m->has_head)
        return;
    if (!m->in_round)
        ph_txman_watch(m);
    if (m->ready)
        ph_txman_send(m);
}
