/* What the chain says: a round of questions about nonces and fees, then one about receipts. */

#include "base/hex.h"
#include "base/own.h"
#include "chain/txman_priv.h"

static void ask(struct ph_txman *m, const struct ph_rpc_question *q)
{
    if (ph_rpc_ask(m->config.rpc, q) == PH_OK)
        m->round_waiting++;
    else
        m->round_failed = true;
}

/* Second part: receipts. */

/* A receipt counts for as much as its block: mined, and when the block is final, done. */
static void take_receipt(struct entry *e, const struct ph_eth_receipt *r)
{
    struct ph_txman *m = e->txman;
    const bool is_final = r->block_number <= m->head.final_number;
    const bool is_new = e->state != PH_TXMAN_MINED || e->mined.ok != r->ok ||
                        e->mined.block_number != r->block_number ||
                        memcmp(e->mined_block.b, r->block_hash.b, 32) != 0;

    if (e->forgotten || (e->state != PH_TXMAN_SENT && e->state != PH_TXMAN_MINED))
        return;
    if (r->block_number > m->head.number)
        return; /* of a block that was not read yet: the next round */
    e->mined = (struct ph_txman_outcome){
        .ok = r->ok, .tx_hash = r->tx_hash, .block_number = r->block_number, .nonce = e->nonce};
    e->mined_block = r->block_hash;
    if (is_final) {
        e->state = PH_TXMAN_DONE;
        (void)!ph_txman_record_end(m, e);
        ph_txman_set(e, PH_TXMAN_DONE);
        ph_txman_drop_attempts(e);
    } else if (is_new) {
        ph_txman_set(e, PH_TXMAN_MINED);
    }
}

/* The nonce belongs to a final transaction that is none of this one's attempts. (Nodes keep no old
 * states: the nonce as of a final block is not asked for, but seen and waited with.) */
static void start_over(struct entry *e)
{
    ph_txman_drop_attempts(e);
    ph_txman_set(e, PH_TXMAN_QUEUED);
}

/* All attempts of an entry were asked about. */
static void judge(struct entry *e)
{
    struct ph_txman *m = e->txman;

    if (e->found || e->forgotten || e->unknown < e->attempt_cnt)
        return;
    if (e->state == PH_TXMAN_MINED)
        ph_txman_set(e, PH_TXMAN_SENT); /* its block is gone; ph_txman_undone tells soon */
    if (e->state != PH_TXMAN_SENT || e->nonce >= m->nonce_latest)
        return;
    if (e->taken_block == 0)
        e->taken_block = m->head.number;
    else if (e->taken_block <= m->head.final_number)
        start_over(e);
}

static void round_over(struct ph_txman *m)
{
    if (--m->round_waiting > 0)
        return;
    m->in_round = false;
    if (m->round_failed)
        m->round_head = (struct ph_follow_head){0};
}

static void on_receipt(void *ctx, const struct ph_rpc_reply *reply)
{
    struct entry *e = ctx;
    struct ph_txman *m = e->txman;
    struct ph_eth_receipt receipt;
    enum ph_err err = PH_ERR_IO;

    if (reply->err == PH_OK && !reply->answer->is_error)
        err = ph_eth_receipt_parse(reply->answer->doc, reply->answer->result, &receipt);
    if (err == PH_OK) {
        e->found = true;
        take_receipt(e, &receipt);
    } else if (err == PH_ERR_NOT_FOUND) {
        e->unknown++;
    }
    ph_txman_release(e);
    if (e->asking == 0)
        judge(e);
    round_over(m);
}

static void ask_receipts(struct entry *e)
{
    e->unknown = 0;
    e->found = false;
    for (size_t i = 0; i < e->attempt_cnt; i++) {
        char params[80] = "[\"0x";
        ph_hex_encode(PH_BYTES_OF(e->attempts[i].hash.b), params + 4);
        memcpy(params + 68, "\"]", 3);
        const uint32_t before = e->txman->round_waiting;
        ask(e->txman, &(struct ph_rpc_question){.mode = PH_RPC_QUORUM,
                                                .method = "eth_getTransactionReceipt",
                                                .params = ph_bytes_str(params),
                                                .members = ph_eth_receipt_members,
                                                .done = on_receipt,
                                                .ctx = e});
        e->asking += e->txman->round_waiting - before;
    }
}

static void facts_answered(struct ph_txman *m)
{
    if (m->round_waiting > 1) { /* the last of them goes on */
        m->round_waiting--;
        return;
    }
    if (!m->round_failed) {
        if (m->nonce_latest > m->next_nonce)
            m->next_nonce = m->nonce_latest;
        m->ready = true;
        for (struct entry *e = m->entries; e; e = e->next) {
            const bool is_mined = e->state == PH_TXMAN_SENT && e->nonce < m->nonce_latest;
            const bool is_final =
                e->state == PH_TXMAN_MINED && e->mined.block_number <= m->head.final_number;
            if (!e->forgotten && (is_mined || is_final))
                ask_receipts(e);
        }
    }
    round_over(m);
}

/* First part: nonces and the price of a place in a block. */

static void on_latest(void *ctx, const struct ph_rpc_reply *reply)
{
    struct ph_txman *m = ctx;

    if (reply->err != PH_OK || reply->answer->is_error ||
        ph_rpc_quantity(reply->answer->doc, reply->answer->result, &m->nonce_latest) != PH_OK)
        m->round_failed = true;
    facts_answered(m);
}

/* Nodes' opinions differ; one that a quorum reaches is as good as it gets, and none will do too. */
static void on_priority(void *ctx, const struct ph_rpc_reply *reply)
{
    struct ph_txman *m = ctx;
    uint64_t values[PH_RPC_ENDPOINTS_MAX];
    size_t cnt = 0;

    for (size_t i = 0; reply->err == PH_OK && i < m->config.endpoint_cnt; i++) {
        const struct ph_bytes text = reply->each[i];
        if (text.len > 2 && text.ptr[0] == '"')
            cnt += ph_quantity_parse((struct ph_bytes){text.ptr + 1, text.len - 2}, &values[cnt]) ==
                   PH_OK;
    }
    if (ph_quorum_number(values, cnt, m->config.quorum, &m->priority) != PH_OK)
        m->priority = 0;
    facts_answered(m);
}

static void ask_nonce(struct ph_txman *m)
{
    struct ph_buf params PH_OWNED(ph_buf_clear) = PH_BUF(128);
    char sender[41];

    ph_hex_encode(PH_BYTES_OF(m->config.sender.b), sender);
    if (ph_buf_addf(&params, "[\"0x%s\",\"0x%llx\"]", sender, (unsigned long long)m->head.number) !=
        PH_OK)
        m->round_failed = true;
    else
        ask(m, &(struct ph_rpc_question){.mode = PH_RPC_QUORUM,
                                         .method = "eth_getTransactionCount",
                                         .params = ph_buf_view(&params),
                                         .done = on_latest,
                                         .ctx = m});
}

void ph_txman_watch(struct ph_txman *m)
{
    if (memcmp(m->round_head.hash.b, m->head.hash.b, sizeof(m->head.hash.b)) == 0 &&
        m->round_head.final_number == m->head.final_number)
        return; /* nothing can have happened since */
    m->round_head = m->head;
    m->in_round = true;
    m->round_failed = false;
    m->round_waiting = 1; /* this function */
    ask_nonce(m);
    ask(m, &(struct ph_rpc_question){.mode = PH_RPC_EACH,
                                     .method = "eth_maxPriorityFeePerGas",
                                     .params = PH_BYTES_LIT("[]"),
                                     .done = on_priority,
                                     .ctx = m});
    facts_answered(m);
}
