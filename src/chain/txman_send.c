/* Nonces, fees, signatures. Nothing leaves before the journal is durable. */

#include "base/hex.h"
#include "base/own.h"
#include "chain/txman_priv.h"

struct fees {
    uint64_t max_fee, max_priority_fee;
};

static uint64_t sum(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t at_most(uint64_t v, uint64_t limit)
{
    return v < limit ? v : limit;
}

/* Twice the base fee lasts for six full blocks in a row: EIP-1559 raises it by an eighth each. */
static struct fees fees_now(const struct ph_txman *m)
{
    const uint64_t cap = m->config.max_fee_cap;
    const uint64_t least = m->config.min_priority;
    const uint64_t priority = at_most(m->priority > least ? m->priority : least, cap);
    const uint64_t base = m->head.base_fee > UINT64_MAX / 2 ? UINT64_MAX : 2 * m->head.base_fee;

    return (struct fees){at_most(sum(base, priority), cap), priority};
}

/* An eighth more than before, where nodes ask for a tenth. */
static uint64_t raised(uint64_t v)
{
    return sum(v, v / 8 + 1);
}

/* What replaces an attempt; false: the cap does not allow any. */
static bool fees_above(const struct ph_txman *m, const struct attempt *old, struct fees *out)
{
    struct fees f = fees_now(m);
    const uint64_t least = raised(old->max_fee), least_priority = raised(old->max_priority_fee);

    f.max_fee = f.max_fee > least ? f.max_fee : least;
    f.max_priority_fee = f.max_priority_fee > least_priority ? f.max_priority_fee : least_priority;
    if (f.max_fee > m->config.max_fee_cap || f.max_priority_fee > f.max_fee)
        return false;
    *out = f;
    return true;
}

static enum ph_err make(const struct ph_txman *m, const struct entry *e, uint64_t nonce,
                        struct fees fees, struct attempt *out)
{
    const struct ph_tx tx = {.chain_id = m->config.chain_id,
                             .nonce = nonce,
                             .max_priority_fee = fees.max_priority_fee,
                             .max_fee = fees.max_fee,
                             .gas = e->gas,
                             .to = e->to,
                             .value = e->value,
                             .data = ph_buf_view(&e->data)};
    struct ph_buf unsigned_tx PH_OWNED(ph_buf_clear) = PH_BUF(PH_TX_MAX);
    struct attempt a = {.raw = PH_BUF(PH_TX_MAX),
                        .max_fee = fees.max_fee,
                        .max_priority_fee = fees.max_priority_fee};
    uint8_t sig[PH_ETH_SIG_LEN];

    PH_TRY(ph_tx_encode(&tx, &unsigned_tx));
    PH_TRY(m->config.sign(m->config.ctx, ph_buf_view(&unsigned_tx), sig));
    PH_TRY(ph_tx_sign_with(ph_buf_view(&unsigned_tx), sig, &a.raw));
    ph_tx_hash(ph_buf_view(&a.raw), &a.hash);
    *out = a;
    return PH_OK;
}

/* A new attempt, in the journal. */
static enum ph_err attempt(struct ph_txman *m, struct entry *e, uint64_t nonce, struct fees fees)
{
    struct attempt a;

    PH_TRY(make(m, e, nonce, fees, &a));
    e->nonce = nonce;
    e->attempts[e->attempt_cnt++] = a;
    const enum ph_err err = ph_txman_record_attempt(m, e);
    if (err != PH_OK) {
        ph_buf_clear(&e->attempts[--e->attempt_cnt].raw);
        return err;
    }
    e->sent_block = m->head.number;
    e->sent_ms = 0;
    return PH_OK;
}

static void refuse(struct ph_txman *m, struct entry *e)
{
    e->state = PH_TXMAN_REFUSED;
    (void)!ph_txman_record_end(m, e);
    ph_txman_set(e, PH_TXMAN_REFUSED);
}

/* Queued ones get a nonce, in the order of submission, as far as the window goes. */
static void sign_queued(struct ph_txman *m)
{
    size_t in_flight = ph_txman_count(m, PH_TXMAN_SENT);

    for (struct entry *e = m->entries; e && in_flight < m->config.in_flight_max; e = e->next) {
        if (e->state != PH_TXMAN_QUEUED || e->forgotten)
            continue;
        const enum ph_err err = attempt(m, e, m->next_nonce, fees_now(m));
        if (err == PH_ERR_UNTRUSTED || err == PH_ERR_LIMIT) {
            refuse(m, e);
            continue;
        }
        if (err != PH_OK)
            return; /* the next step tries again */
        m->next_nonce++;
        in_flight++;
        ph_txman_set(e, PH_TXMAN_SENT);
    }
}

/* Nodes promise room for this many of one sender: geth's accountslots. */
enum { WINDOW = 16 };

/* Those whose turn it is got stuck if blocks went by without them. */
static void raise_stuck(struct ph_txman *m)
{
    for (struct entry *e = m->entries; e; e = e->next) {
        struct fees fees;
        if (e->state != PH_TXMAN_SENT || e->nonce < m->nonce_latest ||
            e->nonce - m->nonce_latest >= WINDOW || e->attempt_cnt == 0 ||
            e->attempt_cnt == PH_TXMAN_ATTEMPTS_MAX)
            continue;
        if (e->sent_block == 0)
            e->sent_block = m->head.number;
        if (m->head.number < sum(e->sent_block, m->config.bump_blocks))
            continue;
        if (fees_above(m, &e->attempts[e->attempt_cnt - 1], &fees) &&
            attempt(m, e, e->nonce, fees) != PH_OK)
            return;
    }
}

static void nothing_to_do(void *ctx, const struct ph_rpc_reply *reply)
{
    (void)ctx;
    (void)reply; /* what becomes of it, the chain says */
}

static enum ph_err broadcast(struct ph_txman *m, const struct attempt *a)
{
    struct ph_buf params PH_OWNED(ph_buf_clear) = PH_BUF(2 * PH_TX_MAX + 16);
    uint8_t *at;

    PH_TRY(ph_buf_add_str(&params, "[\"0x"));
    PH_TRY(ph_buf_reserve(&params, 2 * a->raw.len + 1, &at));
    ph_hex_encode(ph_buf_view(&a->raw), (char *)at);
    params.len += 2 * a->raw.len;
    PH_TRY(ph_buf_add_str(&params, "\"]"));
    const struct ph_rpc_question q = {.mode = PH_RPC_EACH,
                                      .method = "eth_sendRawTransaction",
                                      .params = ph_buf_view(&params),
                                      .done = nothing_to_do};
    return ph_rpc_ask(m->config.rpc, &q);
}

static bool is_due(const struct ph_txman *m, const struct entry *e)
{
    return e->state == PH_TXMAN_SENT && e->attempt_cnt > 0 &&
           (e->sent_ms == 0 || m->now_ms - e->sent_ms >= m->config.resend_ms);
}

void ph_txman_send(struct ph_txman *m)
{
    sign_queued(m);
    raise_stuck(m);
    if (m->dirty) {
        if (m->config.sync(m->config.ctx) != PH_OK)
            return; /* nothing leaves that is not durable */
        m->dirty = false;
    }
    for (struct entry *e = m->entries; e; e = e->next) {
        if (!is_due(m, e))
            continue;
        if (broadcast(m, &e->attempts[e->attempt_cnt - 1]) != PH_OK)
            return;
        e->sent_ms = m->now_ms > 0 ? m->now_ms : 1;
    }
}
