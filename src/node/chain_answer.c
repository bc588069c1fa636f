#include "node/chain_worker_priv.h"

#include "base/log.h"
#include "base/own.h"
#include "crypto/hash.h"

enum {
    CALL_GAS = 200000, /* fulfill, without callback and calldata */
    BYTE_GAS = 48,     /* calldata at its floor (EIP-7623), and the log */
};

struct ph_hash32 ph_chain_key(const struct ph_chain_request *r, unsigned try)
{
    uint8_t text[20 + 8 + 1 + 20];
    struct ph_hash32 key;

    memcpy(text, r->worker->network.anchor.b, 20);
    ph_put_u64be(text + 20, r->terms.id);
    text[28] = (uint8_t)try;
    memcpy(text + 29, r->worker->node->identity.signer.b, 20);
    ph_keccak256((struct ph_bytes){text, try == PROPOSAL ? 49 : 29}, key.b);
    return key;
}

static enum ph_err sign(struct ph_chain_request *r, uint8_t sig[static 65])
{
    struct ph_anchor_answer answer = {
        .request_id = r->terms.id, .code_hash = r->code_hash, .outcome = r->outcome};
    char why[PH_KEYD_WHY_LEN] = "";

    PH_TRY(ph_anchor_terms_hash(&r->terms, &answer.terms));
    ph_keccak256(ph_buf_view(&r->result), answer.result_hash.b);
    const enum ph_err err = ph_keyd_answer_sign(r->worker->node->keyd, &answer, sig, why);
    if (err != PH_OK)
        ph_log(PH_LOG_WARN, "an answer was not signed", "class", ph_err_name(err), "why", why,
               NULL);
    return err;
}

static enum ph_err submit(struct ph_chain_request *r, const struct ph_hash32 *key,
                          struct ph_bytes data)
{
    struct ph_chain_worker *w = r->worker;
    const uint64_t gas = CALL_GAS + r->terms.callback_gas + r->terms.callback_gas / 32 +
                         BYTE_GAS * (uint64_t)data.len;
    const struct ph_txman_order order = {.key = *key,
                                         .to = w->network.anchor,
                                         .gas = gas < w->network.max_gas ? gas : w->network.max_gas,
                                         .data = data};
    const enum ph_err err = ph_chain_client_submit(w->client, &order);

    return err == PH_ERR_CONFLICT ? PH_OK : err; /* it was sent before a restart */
}

static struct ph_abi_phat_anchor_reply reply_of(const struct ph_chain_request *r)
{
    return (struct ph_abi_phat_anchor_reply){
        .code_hash = r->code_hash, .outcome = r->outcome, .result = ph_buf_view(&r->result)};
}

/* Signatures in ascending order of their signers, of which ours is one. */
static enum ph_err fulfill(struct ph_chain_request *r, const uint8_t sig[static 65],
                           const struct ph_chain_proposal *other)
{
    struct ph_buf data PH_OWNED(ph_buf_clear) = PH_BUF(PH_TX_MAX);
    const struct ph_bytes ours = {sig, 65}, theirs = {other ? other->sig : NULL, 65};
    const bool first =
        !other || memcmp(r->worker->node->identity.signer.b, other->signer.b, 20) < 0;
    const struct ph_bytes sigs[] = {first ? ours : theirs, first ? theirs : ours};
    const struct ph_abi_phat_anchor_fulfill_args args = {
        .t = r->terms, .reply = reply_of(r), .signatures = {sigs, other ? 2 : 1}};

    PH_TRY(ph_abi_encode_call(&ph_abi_phat_anchor_fulfill, &args, &data));
    r->sent_key = ph_chain_key(r, r->tries);
    r->sent_with = other ? other->signer : (struct ph_eth_address){{0}};
    PH_TRY(submit(r, &r->sent_key, ph_buf_view(&data)));
    r->state = SENT;
    return PH_OK;
}

static enum ph_err propose(struct ph_chain_request *r, const uint8_t sig[static 65])
{
    struct ph_buf data PH_OWNED(ph_buf_clear) = PH_BUF(PH_TX_MAX);
    const struct ph_hash32 key = ph_chain_key(r, PROPOSAL);
    const struct ph_abi_phat_anchor_propose_args args = {
        .t = r->terms, .reply = reply_of(r), .signature = {sig, 65}};

    PH_TRY(ph_abi_encode_call(&ph_abi_phat_anchor_propose, &args, &data));
    PH_TRY(submit(r, &key, ph_buf_view(&data)));
    r->proposed = true;
    return PH_OK;
}

/* What another worker proposed and is the same as ours; each try another one: a request can demand
 * another vendor's than ours, which the anchor alone knows of. */
static const struct ph_chain_proposal *second_of(const struct ph_chain_request *r)
{
    const struct ph_chain_proposal *alike[PROPOSALS_MAX];
    struct ph_hash32 result_hash;
    size_t cnt = 0;

    ph_keccak256(ph_buf_view(&r->result), result_hash.b);
    for (size_t i = 0; i < r->proposal_cnt; i++) {
        const struct ph_chain_proposal *p = &r->proposals[i];
        if (p->outcome == r->outcome && memcmp(p->code_hash.b, r->code_hash.b, 32) == 0 &&
            memcmp(p->result_hash.b, result_hash.b, 32) == 0)
            alike[cnt++] = p;
    }
    return cnt > 0 ? alike[r->tries % cnt] : NULL;
}

/* One answer is enough, or ours makes the second of two that are alike, or another worker is to see
 * it. */
enum ph_err ph_chain_bring(struct ph_chain_request *r)
{
    const bool alone = r->terms.replicas == 1;
    const struct ph_chain_proposal *second = alone ? NULL : second_of(r);
    uint8_t sig[65];

    if (!alone && !second && r->proposed)
        return PH_OK;
    PH_TRY(sign(r, sig));
    return alone || second ? fulfill(r, sig, second) : propose(r, sig);
}
