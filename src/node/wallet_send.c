/* A phat's send: named by its key, so that it is wanted once; where the phat gives no gas, nodes
 * say what it takes, and a transaction that would revert is not sent at all. */

#include "base/clock.h"
#include "base/hex.h"
#include "base/own.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "node/wallets_priv.h"

#include <inttypes.h>
#include <stdio.h>

static enum ph_err no(struct ph_wallet_question *q, enum ph_err err, const char *code,
                      const char *text)
{
    q->failed = code;
    (void)snprintf(q->failure, sizeof(q->failure), "%s", text);
    return err;
}

/* Names of the order and of what it is to do. */
static void name_order(const struct ph_wallet_wanted *wanted, struct ph_wallet_question *q)
{
    struct ph_sha256 h;
    uint8_t gas[8];

    ph_random(q->key.b, sizeof(q->key.b));
    if (wanted->key.len > 0) {
        ph_sha256_init(&h);
        ph_sha256_update(&h, PH_BYTES_LIT("phala-wallet-order-v1"));
        ph_sha256_update(&h, wanted->key);
        ph_sha256_final(&h, q->key.b);
    }
    ph_put_u64le(gas, wanted->gas);
    ph_sha256_init(&h);
    ph_sha256_update(&h, PH_BYTES_OF(wanted->to.b));
    ph_sha256_update(&h, PH_BYTES_OF(wanted->value.b));
    ph_sha256_update(&h, PH_BYTES_OF(gas));
    ph_sha256_update(&h, ph_buf_view(&wanted->data));
    ph_sha256_final(&h, q->params.b);
}

static enum ph_err can_send(struct ph_wallet_question *q)
{
    const struct ph_wallet *w = q->wallet;

    if (!w->sends)
        return no(q, PH_ERR_UNTRUSTED, "wallet-elsewhere",
                  "phat.json names another worker than this one in wallet.worker");
    if (!w->txman)
        return no(q, PH_ERR_UNTRUSTED, "wallet-unavailable",
                  "phat.json's wallet is for another chain than this worker's");
    return PH_OK;
}

/* Whether there is an order of this key already; then it is what is asked about. */
static enum ph_err had_before(struct ph_wallet_question *q, bool *had)
{
    const struct ph_wallet_order *o = ph_wallet_order_find(q->wallet, &q->key);

    *had = o != NULL;
    if (o && memcmp(o->params.b, q->params.b, sizeof(o->params.b)) != 0)
        return no(q, PH_ERR_CONFLICT, "wallet-key-reused",
                  "this idempotencyKey was used for another transaction");
    return PH_OK;
}

static enum ph_err want(struct ph_wallet_question *q, uint64_t gas)
{
    const struct ph_txman_order order = {.key = q->key,
                                         .to = q->wanted.to,
                                         .value = q->wanted.value,
                                         .gas = gas,
                                         .data = ph_buf_view(&q->wanted.data)};
    bool had;

    PH_TRY(had_before(q, &had));
    if (had)
        return PH_OK;
    const enum ph_err err = ph_wallet_order_add(q->wallet, &order, &q->params);
    if (err != PH_OK)
        return no(q, err, "wallet-unavailable",
                  err == PH_ERR_LIMIT ? "256 transactions of this phat are not final yet"
                                      : ph_err_name(err));
    return PH_OK;
}

/* What phala-keyd would refuse whatever the day has seen: told before the journal has it, and as
 * that, not as what nodes make of it. */
static enum ph_err foresee(struct ph_wallet_question *q)
{
    const struct ph_wallet_policy *policy = &q->wallet->policy;
    const struct ph_tx tx = {.chain_id = policy->chain_id,
                             .nonce = policy->first_nonce,
                             .gas = q->wanted.gas > 0 ? q->wanted.gas : 21000,
                             .to = q->wanted.to,
                             .value = q->wanted.value,
                             .data = ph_buf_view(&q->wanted.data)};
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(PH_TX_MAX);
    struct ph_wallet_ledger ledger = {0};
    char why[PH_WALLET_WHY_LEN];

    PH_TRY(ph_tx_encode(&tx, &raw));
    const enum ph_err err =
        ph_wallet_judge(policy, ph_buf_view(&raw), ph_clock_wall_ms() / 1000, &ledger, why);
    if (err != PH_OK)
        return no(q, err, ph_wallet_refusal_code(err), why);
    return PH_OK;
}

/* --- gas -------------------------------------------------------------------------------------- */

/* The most that a quorum of nodes finds enough. */
static enum ph_err quorum_of(const struct ph_wallet *w, const struct ph_rpc_reply *reply,
                             uint64_t *out)
{
    uint64_t values[PH_RPC_ENDPOINTS_MAX];
    struct ph_txman_config nodes;
    size_t cnt = 0;

    PH_TRY(reply->err);
    ph_chain_client_lend(w->all->worker->client, &nodes);
    for (size_t i = 0; i < nodes.endpoint_cnt; i++) {
        const struct ph_bytes text = reply->each[i];
        if (text.len > 2 && text.ptr[0] == '"')
            cnt += ph_quantity_parse((struct ph_bytes){text.ptr + 1, text.len - 2}, &values[cnt]) ==
                   PH_OK;
    }
    return ph_quorum_number(values, cnt, nodes.quorum, out);
}

/* A quarter more than now: the chain goes on meanwhile. */
static enum ph_err want_with(struct ph_wallet_question *q, uint64_t estimate)
{
    const uint64_t most = q->wallet->policy.max_gas;
    char text[128];

    if (estimate > most) {
        (void)snprintf(text, sizeof(text),
                       "wallet: it takes %" PRIu64 " gas, which is over maxGas %" PRIu64, estimate,
                       most);
        return no(q, PH_ERR_LIMIT, "wallet-limit", text);
    }
    return want(q, most - estimate < estimate / 4 ? most : estimate + estimate / 4);
}

static void on_estimate(void *ctx, const struct ph_rpc_reply *reply)
{
    struct ph_wallet_question *q = ctx;
    uint64_t estimate;

    q->estimating = false;
    if (!q->events.done)
        return; /* nobody waits for it: it is not wanted any more */
    if (quorum_of(q->wallet, reply, &estimate) != PH_OK)
        (void)!no(q, PH_ERR_UNTRUSTED, "wallet-estimate",
                  "the chain's nodes cannot estimate its gas: it would revert, or costs more than "
                  "the account has. With `gas` it is sent all the same");
    else
        (void)!want_with(q, estimate);
}

static enum ph_err put_call(const struct ph_wallet_question *q, struct ph_buf *out)
{
    const struct ph_bytes data = ph_buf_view(&q->wanted.data);
    char from[41], to[41], value[2 * 32 + 1], *digits = value;
    uint8_t *at;

    ph_hex_encode(PH_BYTES_OF(q->wallet->address.b), from);
    ph_hex_encode(PH_BYTES_OF(q->wanted.to.b), to);
    ph_hex_encode(PH_BYTES_OF(q->wanted.value.b), value);
    while (digits[0] == '0' && digits[1] != '\0')
        digits++; /* a quantity has no leading zeros */
    PH_TRY(ph_buf_addf(out, "[{\"from\":\"0x%s\",\"to\":\"0x%s\",\"value\":\"0x%s\",\"data\":\"0x",
                       from, to, digits));
    PH_TRY(ph_buf_reserve(out, 2 * data.len + 1, &at));
    ph_hex_encode(data, (char *)at);
    out->len += 2 * data.len;
    return ph_buf_add_str(out, "\"}]");
}

static enum ph_err estimate(struct ph_wallet_question *q)
{
    struct ph_buf params PH_OWNED(ph_buf_clear) = PH_BUF(2 * PH_WALLET_DATA_MAX + 512);

    PH_TRY(put_call(q, &params));
    const struct ph_rpc_question ask = {.mode = PH_RPC_EACH,
                                        .method = "eth_estimateGas",
                                        .params = ph_buf_view(&params),
                                        .done = on_estimate,
                                        .ctx = q};
    PH_TRY(ph_chain_client_ask(q->wallet->all->worker->client, &ask));
    q->estimating = true;
    return PH_OK;
}

enum ph_err ph_wallet_send(struct ph_wallet_question *q)
{
    bool had;

    name_order(&q->wanted, q);
    q->wanted.key = (struct ph_bytes){0}; /* it was a view into the question */
    PH_TRY(can_send(q));
    PH_TRY(had_before(q, &had));
    if (had)
        return PH_OK;
    PH_TRY(foresee(q));
    return q->wanted.gas > 0 ? want(q, q->wanted.gas) : estimate(q);
}
