#include "node/chain_owner.h"

#include "base/hex.h"
#include "base/own.h"
#include "node/chain_registrar_priv.h"

enum { PARAMS_MAX = 4 * PH_CONSENT_SIG_MAX };

static void finish(struct ph_chain_owner_ask *a, enum ph_err err, const struct ph_eth_address *key)
{
    a->busy = false;
    if (a->done)
        a->done(a->ctx, err, key);
}

/* The value that stands for yes is the question's own selector. */
static bool says_yes(const struct ph_rpc_answer *answer)
{
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(64);
    struct ph_abi_ierc1271_is_valid_signature_result got;
    _Alignas(16) uint8_t room[128];
    struct ph_abi_mem mem = {.ptr = room, .len = sizeof(room)};

    return !answer->is_error && ph_rpc_data(answer->doc, answer->result, &raw) == PH_OK &&
           ph_abi_decode(ph_abi_ierc1271_is_valid_signature.out, ph_buf_view(&raw), &mem, &got) ==
               PH_OK &&
           memcmp(got.magic_value, ph_abi_ierc1271_is_valid_signature.selector,
                  sizeof(got.magic_value)) == 0;
}

static enum ph_err ask(struct ph_chain_registrar *r);

static void on_answer(void *ctx, const struct ph_rpc_reply *reply)
{
    struct ph_chain_registrar *r = ctx;
    struct ph_chain_owner_ask *a = &r->owner_ask;

    if (reply->err != PH_OK) {
        finish(a, PH_ERR_IO, NULL);
        return;
    }
    if (says_yes(reply->answer)) {
        finish(a, PH_OK, &a->keys[a->at]);
        return;
    }
    if (++a->at == a->key_cnt)
        finish(a, PH_ERR_UNTRUSTED, NULL);
    else if (ask(r) != PH_OK)
        finish(a, PH_ERR_IO, NULL);
}

static enum ph_err put_call(const struct ph_chain_registrar *r, struct ph_buf *out)
{
    const struct ph_chain_owner_ask *a = &r->owner_ask;
    const struct ph_registry_of where = {r->w->network.chain_id, r->w->network.registry};
    struct ph_abi_ierc1271_is_valid_signature_args args = {
        .signature = {a->consent.sig, a->consent.sig_len}};

    ph_consent_digest(&where, &a->consent, &a->keys[a->at], &args.hash);
    return ph_abi_encode_call(&ph_abi_ierc1271_is_valid_signature, &args, out);
}

/* At each node's newest block: this may be asked before any was read here. */
static enum ph_err ask(struct ph_chain_registrar *r)
{
    struct ph_buf params PH_OWNED(ph_buf_clear) = PH_BUF(PARAMS_MAX);
    struct ph_buf call PH_OWNED(ph_buf_clear) = PH_BUF(PARAMS_MAX);
    char to[41], hex[2 * PARAMS_MAX + 1];

    PH_TRY(put_call(r, &call));
    ph_hex_encode(PH_BYTES_OF(r->w->node->identity.operator_.b), to);
    ph_hex_encode(ph_buf_view(&call), hex);
    PH_TRY(ph_buf_addf(&params, "[{\"to\":\"0x%s\",\"data\":\"0x%s\"},\"latest\"]", to, hex));
    const struct ph_rpc_question q = {.mode = PH_RPC_QUORUM,
                                      .method = "eth_call",
                                      .params = ph_buf_view(&params),
                                      .done = on_answer,
                                      .ctx = r};
    return ph_chain_client_ask(r->w->client, &q);
}

enum ph_err ph_chain_owner_ask(struct ph_chain_registrar *r, const struct ph_consent *consent,
                               void (*done)(void *ctx, enum ph_err err,
                                            const struct ph_eth_address *key),
                               void *ctx)
{
    struct ph_chain_owner_ask *a = &r->owner_ask;

    if (a->busy)
        return PH_ERR_AGAIN;
    *a = (struct ph_chain_owner_ask){.busy = true, .consent = *consent, .done = done, .ctx = ctx};
    a->keys[a->key_cnt++] = r->w->node->identity.signer;
    if (r->rotation.key.is != PH_WORKER_KEY_NONE)
        a->keys[a->key_cnt++] = r->rotation.key.other;
    const enum ph_err err = ask(r);
    a->busy = err == PH_OK;
    return err;
}

void ph_chain_owner_leave(struct ph_chain_registrar *r, const void *ctx)
{
    if (r->owner_ask.ctx == ctx)
        r->owner_ask.done = NULL;
}
