/* Answers to a phat's questions to its wallet (chain/wallet_question.h), one JSON text each:
 *
 *   address        {"ok":"0x…"}
 *   balance        {"ok":"7"}: wei, at the newest final block
 *   send           {"ok":{"hash":"0x…","nonce":3}}
 *   receipt, wait  {"ok":{"hash":"0x…","success":true,"blockNumber":5,"nonce":3,"final":true}};
 *                  of a receipt that is not there {"ok":null}
 *
 * The hash of an answer is that of the form that was taken; one asks with any. */

#include "base/hex.h"
#include "base/own.h"
#include "codec/jput.h"
#include "node/wallets_priv.h"

#include <stdio.h>
#include <stdlib.h>

enum { ANSWER_MAX = 1024 };

static enum ph_err no(struct ph_wallet_question *q, enum ph_err err, const char *code,
                      const char *text)
{
    q->failed = code;
    (void)snprintf(q->failure, sizeof(q->failure), "%s", text);
    return err;
}

/* --- asking ----------------------------------------------------------------------------------- */

static enum ph_err find_order(struct ph_wallet_question *q)
{
    const struct ph_wallet_order *o = ph_wallet_order_of(q->wallet, &q->wanted.hash);

    if (!o)
        return no(q, PH_ERR_NOT_FOUND, "wallet-unknown",
                  "no transaction of this phat's newest 1,024 has this hash");
    q->key = o->key;
    return PH_OK;
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

static enum ph_err ask_balance(struct ph_wallet_question *q)
{
    const struct ph_chain_read_events events = {on_balance, on_no_balance, q};
    char text[80] = "{\"ask\":\"balance\",\"of\":\"0x", why[PH_CHAIN_READ_WHY_LEN] = "";
    const size_t len = strlen(text);

    ph_hex_encode(PH_BYTES_OF(q->wallet->address.b), text + len);
    (void)snprintf(text + len + 40, sizeof(text) - len - 40, "\"}");
    const enum ph_err err =
        ph_chain_read(q->wallet->all->worker->node, ph_bytes_str(text), &events, &q->reading, why);
    if (err != PH_OK)
        return no(q, err, "chain-unavailable", why);
    return PH_OK;
}

static enum ph_err begin(struct ph_wallet_question *q)
{
    switch (q->wanted.wish) {
    case PH_WALLET_ADDRESS:
        return PH_OK;
    case PH_WALLET_BALANCE:
        return ask_balance(q);
    case PH_WALLET_SEND:
        return ph_wallet_send(q);
    case PH_WALLET_RECEIPT:
    case PH_WALLET_WAIT:
        return find_order(q);
    }
    return PH_ERR_UNSUPPORTED;
}

static void question_free(struct ph_wallet_question *q)
{
    ph_wallet_wanted_clear(&q->wanted);
    free(q);
}

/* A question that may be answered, or an error with its code and sentence. */
static enum ph_err ask(struct ph_wallet_question *q, struct ph_bytes text)
{
    struct ph_json_why reason = {""};

    if (q->wallet->question_cnt >= PH_WALLET_QUESTIONS_MAX)
        return no(q, PH_ERR_LIMIT, "wallet-unavailable",
                  "too much is asked of this wallet at once");
    enum ph_err err = ph_wallet_question_parse(text, &q->wanted, &reason);
    if (err != PH_OK)
        return no(q, err, "wallet-question", reason.text[0] ? reason.text : ph_err_name(err));
    err = begin(q);
    if (err != PH_OK && !q->failed)
        return no(q, err, "wallet-unavailable", ph_err_name(err));
    return err;
}

enum ph_err ph_wallet_ask(struct ph_phat *phat, struct ph_version *version,
                          struct ph_bytes question, const struct ph_wallet_events *events,
                          struct ph_wallet_question **out, const char **code,
                          char why[static PH_WALLET_ASK_WHY_LEN])
{
    struct ph_wallet *w = NULL;

    PH_TRY(ph_wallet_of(phat, version, &w, code, why));
    struct ph_wallet_question *q = calloc(1, sizeof(*q));
    *code = "wallet-unavailable";
    (void)snprintf(why, PH_WALLET_ASK_WHY_LEN, "out of memory");
    if (!q)
        return PH_ERR_NOMEM;
    *q = (struct ph_wallet_question){.wallet = w, .events = *events};
    const enum ph_err err = ask(q, question);
    if (err != PH_OK) {
        *code = q->failed;
        (void)snprintf(why, PH_WALLET_ASK_WHY_LEN, "%s", q->failure);
        question_free(q);
        return err;
    }
    q->next = w->questions;
    w->questions = q;
    w->question_cnt++;
    *out = q;
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
    if (q->wanted.wish == PH_WALLET_ADDRESS)
        put_0x(&j, "ok", PH_BYTES_OF(q->wallet->address.b));
    else if (q->wanted.wish == PH_WALLET_SEND)
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
    switch (q->wanted.wish) {
    case PH_WALLET_BALANCE:
        return false; /* told by whom it asks */
    case PH_WALLET_ADDRESS:
    case PH_WALLET_RECEIPT:
        return true;
    case PH_WALLET_SEND:
        return got->state != PH_TXMAN_QUEUED && !q->wallet->dirty;
    case PH_WALLET_WAIT:
        return got->state == PH_TXMAN_DONE || (!q->wanted.final && got->state == PH_TXMAN_MINED);
    }
    return false;
}

/* True: it was told, or nobody wants to know. */
static bool settle(const struct ph_wallet_question *q)
{
    const struct ph_wallet *w = q->wallet;
    const struct ph_wallet_order *o = NULL;
    struct ph_txman_outcome got = {0};

    if (q->estimating)
        return false; /* nodes' answer knows of it */
    if (!q->events.done)
        return true;
    if (q->failed) {
        q->events.failed(q->events.ctx, q->failed, q->failure);
        return true;
    }
    if (q->wanted.wish != PH_WALLET_ADDRESS && q->wanted.wish != PH_WALLET_BALANCE) {
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
    question_free(q);
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
