/* A phat's questions to its wallet, one JSON text each:
 *
 *   {"ask":"address"}                                    {"ok":"0x…"}
 *   {"ask":"balance"}                                    {"ok":"7"}: wei, at the newest final block
 *   {"ask":"send","to":"0x…","data":"0x…","value":"7","gas":90000,"key":"…"}
 *                                                        {"ok":{"hash":"0x…","nonce":3}}
 *   {"ask":"receipt","hash":"0x…"}                       {"ok":null} or {"ok":{"hash":…}}, as below
 *   {"ask":"wait","hash":"0x…","final":true}             {"ok":{"hash":"0x…","success":true,
 *                                                         "blockNumber":5,"nonce":3,"final":true}}
 *
 * data, value, gas and key may be left out: no calldata, 0 wei, maxGas of the policy, sent whatever
 * was sent before. The hash of an answer is that of the form that was taken; one asks with any. */

#include "base/hex.h"
#include "base/own.h"
#include "codec/jput.h"
#include "codec/jread.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "node/wallets_priv.h"

#include <stdio.h>
#include <stdlib.h>

enum { TOKS = 64, TEXT_MAX = 96 * 1024, KEY_MAX = 256, ANSWER_MAX = 1024 };

/* What is asked for, and what was wrong with it. */
struct asked {
    struct ph_wallet *w;
    const struct ph_jdoc *doc;
    struct ph_json_why *why;
    const char *code; /* when it is not answered */
};

static enum ph_err no(struct asked *a, enum ph_err err, const char *code, const char *text)
{
    a->code = code;
    (void)snprintf(a->why->text, sizeof(a->why->text), "%s", text);
    return err;
}

/* --- send ------------------------------------------------------------------------------------- */

static enum ph_err read_data(struct asked *a, struct ph_buf *out)
{
    struct ph_bytes text = {0};
    uint8_t *at;

    PH_TRY(ph_jread_str(a->doc, 0, "", "data", 2, 2 + 2 * PH_WALLET_DATA_MAX, &text, a->why));
    if (text.len == 0)
        return PH_OK;
    const size_t len = (text.len - 2) / 2;
    PH_TRY(ph_buf_reserve(out, len + 1, &at));
    if (memcmp(text.ptr, "0x", 2) != 0 || text.len % 2 != 0 ||
        (len > 0 && ph_hex_decode((struct ph_bytes){text.ptr + 2, text.len - 2}, at, len) != PH_OK))
        return ph_jread_bad(a->why, "", "data", "is no bytes 0x…");
    out->len += len;
    return PH_OK;
}

static enum ph_err read_order(struct asked *a, struct ph_txman_order *order, struct ph_buf *data)
{
    struct ph_bytes value = {0};
    bool present = false;

    PH_TRY(
        ph_jread_hex_0x(a->doc, 0, "", "to", order->to.b, sizeof(order->to.b), &present, a->why));
    if (!present)
        return ph_jread_bad(a->why, "", "to", "is missing");
    PH_TRY(ph_jread_str(a->doc, 0, "", "value", 1, 78, &value, a->why));
    if (value.len > 0 && ph_u256_parse_decimal(value, &order->value) != PH_OK)
        return ph_jread_bad(a->why, "", "value", "is no amount of wei");
    PH_TRY(ph_jread_int(a->doc, 0, "", "gas", 21000, 1 << 24, &order->gas, a->why));
    PH_TRY(read_data(a, data));
    order->data = ph_buf_view(data);
    return PH_OK;
}

/* Names of the order and of what it is to do. */
static enum ph_err name_order(struct asked *a, const struct ph_txman_order *order,
                              struct ph_hash32 *key, struct ph_hash32 *params)
{
    struct ph_bytes text = {0};
    struct ph_sha256 h;
    uint8_t gas[8];

    PH_TRY(ph_jread_str(a->doc, 0, "", "key", 1, KEY_MAX, &text, a->why));
    ph_random(key->b, sizeof(key->b));
    if (text.len > 0) {
        ph_sha256_init(&h);
        ph_sha256_update(&h, PH_BYTES_LIT("phala-wallet-order-v1"));
        ph_sha256_update(&h, text);
        ph_sha256_final(&h, key->b);
    }
    ph_put_u64le(gas, order->gas);
    ph_sha256_init(&h);
    ph_sha256_update(&h, PH_BYTES_OF(order->to.b));
    ph_sha256_update(&h, PH_BYTES_OF(order->value.b));
    ph_sha256_update(&h, PH_BYTES_OF(gas));
    ph_sha256_update(&h, order->data);
    ph_sha256_final(&h, params->b);
    return PH_OK;
}

static enum ph_err can_send(struct asked *a)
{
    const struct ph_wallet *w = a->w;

    if (!w->sends)
        return no(a, PH_ERR_UNTRUSTED, "wallet-elsewhere",
                  "phat.json names another worker than this one in wallet.worker");
    if (!w->txman)
        return no(a, PH_ERR_UNTRUSTED, "wallet-unavailable",
                  "phat.json's wallet is for another chain than this worker's");
    return PH_OK;
}

static enum ph_err ask_send(struct asked *a, struct ph_wallet_question *q)
{
    static const char *const keys[] = {"ask", "to", "data", "value", "gas", "key", NULL};
    struct ph_buf data PH_OWNED(ph_buf_clear) = PH_BUF(PH_WALLET_DATA_MAX + 1);
    struct ph_txman_order order = {0};
    struct ph_hash32 params;

    PH_TRY(ph_jread_only_keys(a->doc, 0, "", keys, a->why));
    PH_TRY(read_order(a, &order, &data));
    PH_TRY(name_order(a, &order, &order.key, &params));
    PH_TRY(can_send(a));
    q->key = order.key;
    const struct ph_wallet_order *had = ph_wallet_order_find(a->w, &order.key);
    if (had && memcmp(had->params.b, params.b, sizeof(params.b)) != 0)
        return no(a, PH_ERR_CONFLICT, "wallet-key-reused",
                  "this idempotencyKey was used for another transaction");
    if (had && !had->refused)
        return PH_OK;
    if (had)
        return no(a, PH_ERR_AGAIN, "wallet-unavailable", "this key was refused just now");
    if (order.gas == 0)
        order.gas = a->w->policy.max_gas;
    const enum ph_err err = ph_wallet_order_add(a->w, &order, &params);
    if (err != PH_OK)
        return no(a, err, "wallet-unavailable",
                  err == PH_ERR_LIMIT ? "256 transactions of this phat are not final yet"
                                      : ph_err_name(err));
    return PH_OK;
}

/* --- receipt, wait ---------------------------------------------------------------------------- */

static enum ph_err find_order(struct asked *a, struct ph_wallet_question *q)
{
    struct ph_hash32 hash;
    bool present = false;

    PH_TRY(ph_jread_hex_0x(a->doc, 0, "", "hash", hash.b, sizeof(hash.b), &present, a->why));
    if (!present)
        return ph_jread_bad(a->why, "", "hash", "is missing");
    const struct ph_wallet_order *o = ph_wallet_order_of(a->w, &hash);
    if (!o)
        return no(a, PH_ERR_NOT_FOUND, "wallet-unknown",
                  "no transaction of this phat's newest 1,024 has this hash");
    q->key = o->key;
    return PH_OK;
}

static enum ph_err ask_receipt(struct asked *a, struct ph_wallet_question *q)
{
    static const char *const keys[] = {"ask", "hash", NULL};

    PH_TRY(ph_jread_only_keys(a->doc, 0, "", keys, a->why));
    return find_order(a, q);
}

static enum ph_err ask_wait(struct asked *a, struct ph_wallet_question *q)
{
    static const char *const keys[] = {"ask", "hash", "final", NULL};

    PH_TRY(ph_jread_only_keys(a->doc, 0, "", keys, a->why));
    PH_TRY(ph_jread_bool(a->doc, 0, "", "final", &q->final, a->why));
    return find_order(a, q);
}

static enum ph_err ask_address(struct asked *a, struct ph_wallet_question *q)
{
    static const char *const keys[] = {"ask", NULL};

    (void)q;
    return ph_jread_only_keys(a->doc, 0, "", keys, a->why);
}

static void on_balance(void *ctx, struct ph_bytes json)
{
    struct ph_wallet_question *q = ctx;

    q->reading = NULL; /* gone with this event */
    q->events.done(q->events.ctx, json);
    q->events.done = NULL;
    ph_chain_client_wake(q->wallet->all->worker->client);
}

static void on_no_balance(void *ctx, const char *code, const char *message)
{
    struct ph_wallet_question *q = ctx;

    q->reading = NULL;
    q->events.failed(q->events.ctx, code, message);
    q->events.done = NULL;
    ph_chain_client_wake(q->wallet->all->worker->client);
}

static enum ph_err ask_balance(struct asked *a, struct ph_wallet_question *q)
{
    const struct ph_chain_read_events events = {on_balance, on_no_balance, q};
    char text[80] = "{\"ask\":\"balance\",\"of\":\"0x";
    const size_t len = strlen(text);

    PH_TRY(ask_address(a, q));
    ph_hex_encode(PH_BYTES_OF(a->w->address.b), text + len);
    (void)snprintf(text + len + 40, sizeof(text) - len - 40, "\"}");
    a->code = "chain-unavailable";
    return ph_chain_read(a->w->all->worker->node, ph_bytes_str(text), &events, &q->reading,
                         a->why->text);
}

/* --- asking ----------------------------------------------------------------------------------- */

static enum ph_err read_question(struct asked *a, struct ph_wallet_question *q)
{
    static const struct {
        const char *name;
        enum ph_wallet_wish wish;
        enum ph_err (*ask)(struct asked *a, struct ph_wallet_question *q);
    } asks[] = {{"address", PH_WALLET_ADDRESS, ask_address},
                {"balance", PH_WALLET_BALANCE, ask_balance},
                {"send", PH_WALLET_SEND, ask_send},
                {"receipt", PH_WALLET_RECEIPT, ask_receipt},
                {"wait", PH_WALLET_WAIT, ask_wait}};
    struct ph_bytes ask = {0};

    PH_TRY(ph_jread_str(a->doc, 0, "", "ask", 1, 16, &ask, a->why));
    for (size_t i = 0; i < PH_LEN(asks); i++)
        if (ph_bytes_is(ask, asks[i].name)) {
            q->wish = asks[i].wish;
            return asks[i].ask(a, q);
        }
    return ph_jread_bad(a->why, "", "ask", "is none of address, balance, send, receipt, wait");
}

static enum ph_err judge(struct ph_wallet *w, struct ph_bytes text, struct ph_wallet_question *q,
                         const char **code, struct ph_json_why *why)
{
    struct ph_jtok toks[TOKS];
    struct ph_jdoc doc;
    struct asked a = {.w = w, .doc = &doc, .why = why, .code = "wallet-question"};

    enum ph_err err = ph_jread_open(text, TEXT_MAX, toks, TOKS, &doc, why);
    if (err == PH_OK && doc.toks[0].type != PH_JOBJECT)
        err = ph_jread_bad(why, "", "question", "is no object");
    if (err == PH_OK)
        err = read_question(&a, q);
    *code = a.code;
    return err;
}

enum ph_err ph_wallet_ask(struct ph_phat *phat, struct ph_version *version,
                          struct ph_bytes question, const struct ph_wallet_events *events,
                          struct ph_wallet_question **out, const char **code,
                          char why[static PH_WALLET_ASK_WHY_LEN])
{
    struct ph_wallet_question *q PH_OWNED(ph_freep) = NULL;
    struct ph_json_why reason = {""};
    struct ph_wallet *w = NULL;

    PH_TRY(ph_wallet_of(phat, version, &w, code, why));
    *code = "wallet-unavailable";
    (void)snprintf(why, PH_WALLET_ASK_WHY_LEN, "too much is asked of this wallet at once");
    if (w->question_cnt >= PH_WALLET_QUESTIONS_MAX)
        return PH_ERR_LIMIT;
    q = calloc(1, sizeof(*q));
    if (!q)
        return PH_ERR_NOMEM;
    *q = (struct ph_wallet_question){.wallet = w, .final = true, .events = *events};
    const enum ph_err err = judge(w, question, q, code, &reason);
    if (err != PH_OK) {
        (void)snprintf(why, PH_WALLET_ASK_WHY_LEN, "%s",
                       reason.text[0] ? reason.text : ph_err_name(err));
        return err;
    }
    q->next = w->questions;
    w->questions = q;
    w->question_cnt++;
    *out = PH_TAKE(q);
    ph_chain_client_wake(w->all->worker->client);
    return PH_OK;
}

void ph_wallet_forget(struct ph_wallet_question *q)
{
    if (q)
        q->events.done = NULL;
}

/* --- answering -------------------------------------------------------------------------------- */

static void put_0x(struct ph_jput *j, const char *key, struct ph_bytes bytes)
{
    char text[2 + 64 + 1] = "0x";

    ph_hex_encode(bytes, text + 2);
    ph_jput_str(j, key, text);
}

static void put_receipt(struct ph_jput *j, const struct ph_txman_outcome *got)
{
    if (got->state != PH_TXMAN_MINED && got->state != PH_TXMAN_DONE) {
        ph_jput_null(j, "ok");
        return;
    }
    ph_jput_object(j, "ok");
    put_0x(j, "hash", PH_BYTES_OF(got->tx_hash.b));
    ph_jput_bool(j, "success", got->ok);
    ph_jput_int(j, "blockNumber", (int64_t)got->block_number);
    ph_jput_int(j, "nonce", (int64_t)got->nonce);
    ph_jput_bool(j, "final", got->state == PH_TXMAN_DONE);
    ph_jput_close(j);
}

static void put_sent(struct ph_jput *j, const struct ph_txman_outcome *got)
{
    ph_jput_object(j, "ok");
    put_0x(j, "hash", PH_BYTES_OF(got->tx_hash.b));
    ph_jput_int(j, "nonce", (int64_t)got->nonce);
    ph_jput_close(j);
}

static void tell(const struct ph_wallet_question *q, const struct ph_txman_outcome *got)
{
    struct ph_buf json PH_OWNED(ph_buf_clear) = PH_BUF(ANSWER_MAX);
    struct ph_jput j = {.out = &json};

    ph_jput_object(&j, NULL);
    if (q->wish == PH_WALLET_ADDRESS)
        put_0x(&j, "ok", PH_BYTES_OF(q->wallet->address.b));
    else if (q->wish == PH_WALLET_SEND)
        put_sent(&j, got);
    else
        put_receipt(&j, got);
    ph_jput_close(&j);
    if (ph_jput_end(&j) == PH_OK)
        q->events.done(q->events.ctx, ph_buf_view(&json));
    else
        q->events.failed(q->events.ctx, "wallet-unavailable", "out of memory");
}

/* Whether there is something to tell yet: of what was sent, once it is durable. */
static bool is_ripe(const struct ph_wallet_question *q, const struct ph_txman_outcome *got)
{
    switch (q->wish) {
    case PH_WALLET_BALANCE:
        return false; /* told by whom it asks */
    case PH_WALLET_ADDRESS:
    case PH_WALLET_RECEIPT:
        return true;
    case PH_WALLET_SEND:
        return got->state != PH_TXMAN_QUEUED && !q->wallet->dirty;
    case PH_WALLET_WAIT:
        return got->state == PH_TXMAN_DONE || (!q->final && got->state == PH_TXMAN_MINED);
    }
    return false;
}

/* True: it was told, or nobody wants to know. */
static bool settle(const struct ph_wallet_question *q)
{
    const struct ph_wallet *w = q->wallet;
    const struct ph_wallet_order *o = NULL;
    struct ph_txman_outcome got = {0};

    if (!q->events.done)
        return true;
    if (q->wish != PH_WALLET_ADDRESS && q->wish != PH_WALLET_BALANCE) {
        o = ph_wallet_order_find(w, &q->key);
        if (!o || o->refused) {
            q->events.failed(q->events.ctx, o ? o->refusal_code : "wallet-unknown",
                             o ? o->refusal : "this transaction is forgotten");
            return true;
        }
        ph_wallet_order_outcome(w, o, &got);
    }
    if (!is_ripe(q, &got))
        return false;
    tell(q, &got);
    return true;
}

static void take_out(struct ph_wallet *w, struct ph_wallet_question **at)
{
    struct ph_wallet_question *q = *at;

    *at = q->next;
    w->question_cnt--;
    free(q);
}

/* Telling may end an instance, which forgets its other questions; none is added meanwhile. */
void ph_wallet_answer(struct ph_wallet *w)
{
    for (struct ph_wallet_question **at = &w->questions; *at;) {
        if (settle(*at)) {
            ph_chain_read_forget((*at)->reading);
            take_out(w, at);
        } else
            at = &(*at)->next;
    }
}

void ph_wallet_questions_free(struct ph_wallet *w)
{
    while (w->questions)
        take_out(w, &w->questions);
}
