#include "node/chain_registrar_priv.h"

#include "attest/evidence_bundle.h"
#include "base/own.h"
#include "chain/refusal.h"
#include "crypto/hash.h"
#include "tee/quote.h"

enum { CALL_MAX = PH_TEE_QUOTE_MAX + PH_CERTIFICATE_MAX + 4096 };

void ph_chain_proof_clear(struct ph_chain_proof *p)
{
    ph_chain_evidence_clear(&p->evidence);
    ph_buf_clear(&p->whole);
    ph_buf_clear(&p->call);
    ph_chain_certificate_clear(&p->certificate);
    p->busy = false;
}

void ph_chain_proof_give_up(struct ph_chain_registrar *r, const char *what, const char *why)
{
    ph_chain_registrar_fail(r, what, why); /* which may lie in the proof */
    ph_chain_proof_clear(&r->proof);
}

/* No answer is no refusal: it says nothing about the evidence. */
static bool is_unanswered(struct ph_chain_registrar *r, const struct ph_rpc_reply *reply)
{
    if (reply->err == PH_OK)
        return false;
    ph_chain_proof_give_up(r, "the chain cannot be asked", ph_err_name(reply->err));
    return true;
}

/* What puts the platform's certificate on chain, and yields what evidence begins with. */
static enum ph_err encode_add_pck(const struct ph_chain_proof *p, struct ph_buf *out)
{
    const struct ph_abi_intel_collateral_add_pck_args args = {.ca_id = p->evidence.ca_id,
                                                              .der = ph_buf_view(&p->evidence.pck)};

    return ph_abi_encode_call(&ph_abi_intel_collateral_add_pck, &args, out);
}

static void on_judged(void *ctx, const struct ph_rpc_reply *reply)
{
    struct ph_chain_registrar *r = ctx;
    struct ph_chain_proof *p = &r->proof;
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(PH_RPC_REVERT_DATA_MAX);
    const struct ph_network *net = &r->w->network;

    if (is_unanswered(r, reply))
        return;
    if (!reply->answer->is_error) {
        ph_chain_registrar_send(r, p->errand, &net->registry, ph_buf_view(&p->call));
        ph_chain_proof_clear(p);
        return;
    }
    ph_chain_revert_data(reply->answer, &raw);
    if (!ph_refusal_is(ph_buf_view(&raw), "PckUnknown")) {
        ph_chain_proof_clear(p);
        ph_chain_registrar_refused(r, "the registry refuses this worker", reply->answer);
        return;
    }
    ph_buf_clear(&p->call);
    if (encode_add_pck(p, &p->call) == PH_OK)
        ph_chain_registrar_send(r, ERRAND_PCK, &net->intel_collateral, ph_buf_view(&p->call));
    ph_chain_proof_clear(p);
}

static struct ph_abi_worker_registry_registration registration(const struct ph_chain_registrar *r)
{
    const struct ph_chain_proof *p = &r->proof;
    const struct ph_worker_identity *id = &p->identity;
    const bool enters = p->errand == ERRAND_REGISTER;
    struct ph_abi_worker_registry_registration g = {
        .kind = enters ? r->consent.kind : r->kind,
        .slot = enters ? r->consent.slot : r->slot,
        .owner = id->operator_,
        .sign_key = id->signer,
        .beacon = p->beacon,
        .cluster = id->cluster,
        .evidence = ph_buf_view(p->mode == MODE_COMMITTEE ? &p->certificate.certified : &p->whole),
        .certificate = p->mode == MODE_BOTH ? ph_buf_view(&p->certificate.certified)
                                            : (struct ph_bytes){NULL, 0},
    };

    memcpy(g.ecdh_key.b, id->caller_x25519, sizeof(g.ecdh_key.b));
    ph_worker_tls_hash(id, g.tls_key_hash.b);
    if (id->has_ohttp)
        ph_sha256(PH_BYTES_OF(id->ohttp_keys), g.ohttp_hash.b);
    return g;
}

static enum ph_err encode_rotation(struct ph_chain_registrar *r, struct ph_buf *out)
{
    char why[PH_KEYD_WHY_LEN] = "";
    uint8_t sig[65];
    const struct ph_abi_worker_registry_rotate_key_args args = {
        .id = r->id, .r = registration(r), .old_key_signature = PH_BYTES_OF(sig)};

    PH_TRY(ph_keyd_worker_key_rotate(r->w->node->keyd, &r->id, &r->proof.beacon, sig, why));
    return ph_abi_encode_call(&ph_abi_worker_registry_rotate_key, &args, out);
}

static enum ph_err encode(struct ph_chain_registrar *r, struct ph_buf *out)
{
    if (r->proof.errand == ERRAND_ROTATE)
        return encode_rotation(r, out);
    if (r->proof.errand == ERRAND_RENEW) {
        const struct ph_abi_worker_registry_renew_args args = {.id = r->id, .r = registration(r)};
        return ph_abi_encode_call(&ph_abi_worker_registry_renew, &args, out);
    }
    const struct ph_abi_worker_registry_register_args args = {
        .r = registration(r),
        .deadline = ph_u256_of(r->consent.deadline),
        .owner_signature = {r->consent.sig, r->consent.sig_len}};
    return ph_abi_encode_call(&ph_abi_worker_registry_register, &args, out);
}

/* All of it is there: what do the contracts say? */
static enum ph_err ask_judged(struct ph_chain_registrar *r)
{
    PH_TRY(encode(r, &r->proof.call));
    return ph_chain_registrar_ask(r, &r->w->network.registry, ph_buf_view(&r->proof.call),
                                  on_judged);
}

void ph_chain_proof_certified(struct ph_chain_registrar *r)
{
    const enum ph_err err = ask_judged(r);

    if (err != PH_OK)
        ph_chain_proof_give_up(r, "the registration cannot be written", ph_err_name(err));
}

/* What evidence of this platform begins with; asked also where it is not on chain yet. */
static void on_pck(void *ctx, const struct ph_rpc_reply *reply)
{
    struct ph_chain_registrar *r = ctx;
    struct ph_chain_proof *p = &r->proof;
    struct ph_abi_intel_collateral_add_pck_result got;
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    _Alignas(16) uint8_t room[256];
    struct ph_abi_mem mem = {.ptr = room, .len = sizeof(room)};

    if (is_unanswered(r, reply))
        return;
    if (reply->answer->is_error) {
        ph_chain_proof_clear(p);
        ph_chain_registrar_refused(r, "the chain's collateral does not take this platform",
                                   reply->answer);
        return;
    }
    enum ph_err err = ph_rpc_data(reply->answer->doc, reply->answer->result, &raw);
    if (err == PH_OK)
        err = ph_abi_decode(ph_abi_intel_collateral_add_pck.out, ph_buf_view(&raw), &mem, &got);
    if (err == PH_OK)
        err = ph_buf_add(&p->whole, got.pck);
    if (err == PH_OK)
        err = ph_buf_add(&p->whole, ph_buf_view(&p->evidence.quote));
    if (err == PH_OK && p->mode == MODE_BOTH) {
        ph_chain_certificate_begin(r);
        return;
    }
    if (err == PH_OK)
        err = ask_judged(r);
    if (err != PH_OK)
        ph_chain_proof_give_up(r, "the registration cannot be written", ph_err_name(err));
}

static enum ph_err ask_pck(struct ph_chain_registrar *r)
{
    struct ph_buf call PH_OWNED(ph_buf_clear) = PH_BUF(CALL_MAX);

    PH_TRY(encode_add_pck(&r->proof, &call));
    return ph_chain_registrar_ask(r, &r->w->network.intel_collateral, ph_buf_view(&call), on_pck);
}

static void take_quote(struct ph_chain_registrar *r, struct ph_bytes quote)
{
    char reason[PH_CHAIN_EVIDENCE_WHY_LEN] = "";

    enum ph_err err = ph_chain_evidence_of(quote, &r->proof.evidence, reason);
    if (err == PH_OK)
        err = ask_pck(r);
    if (err != PH_OK)
        ph_chain_proof_give_up(r, "the quote cannot be registered",
                               reason[0] ? reason : ph_err_name(err));
}

/* Members judge the bundle as it is; with them the chain, the quote in it. */
static void take_bundle(struct ph_chain_registrar *r, struct ph_bytes text)
{
    struct ph_evidence_bundle *bundle PH_OWNED(ph_evidence_freep) = NULL;
    struct ph_chain_certificate *k = &r->proof.certificate;
    struct ph_json_why why = {""};

    k->evidence = PH_BUF(PH_TEE_EVIDENCE_MAX);
    if (ph_buf_add(&k->evidence, text) != PH_OK || ph_evidence_parse(text, &bundle, &why) != PH_OK)
        ph_chain_proof_give_up(r, "no evidence can be had", why.text[0] ? why.text : "no memory");
    else if (r->proof.mode == MODE_BOTH)
        take_quote(r, ph_evidence_view(bundle)->quote);
    else
        ph_chain_certificate_begin(r);
}

static void on_evidence(void *ctx, enum ph_err err, struct ph_bytes made, const char *why)
{
    struct ph_chain_registrar *r = ctx;

    if (err != PH_OK)
        ph_chain_proof_give_up(r, "no quote can be had", why);
    else if (r->proof.mode == MODE_ONCHAIN)
        take_quote(r, made);
    else
        take_bundle(r, made);
}

static void ask_evidence(struct ph_chain_registrar *r)
{
    struct ph_chain_proof *p = &r->proof;

    p->wish.quote = p->mode == MODE_ONCHAIN;
    p->wish.bare = !p->wish.quote;
    const enum ph_err err = ph_attester_ask(r->w->node->attester, &p->wish);
    if (err != PH_OK)
        ph_chain_proof_give_up(r, "no quote can be had", ph_err_name(err));
}

static void on_kind(void *ctx, const struct ph_rpc_reply *reply)
{
    struct ph_chain_registrar *r = ctx;
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(1024);
    struct ph_abi_tee_policy_kind_of_result got;
    _Alignas(16) uint8_t room[512];
    struct ph_abi_mem mem = {.ptr = room, .len = sizeof(room)};

    if (is_unanswered(r, reply))
        return;
    if (reply->answer->is_error ||
        ph_rpc_data(reply->answer->doc, reply->answer->result, &raw) != PH_OK ||
        ph_abi_decode(ph_abi_tee_policy_kind_of.out, ph_buf_view(&raw), &mem, &got) != PH_OK) {
        ph_chain_proof_give_up(r, "the policy does not say its rules", "is its address right?");
        return;
    }
    if (got.arg0.mode == MODE_NONE || got.arg0.mode > MODE_BOTH) {
        ph_chain_proof_give_up(r, "the network has no such kind of TEE",
                               "give a consent with another --kind");
        return;
    }
    r->proof.mode = (enum ph_chain_mode)got.arg0.mode;
    ask_evidence(r);
}

/* Who judges? Without the policy's address: the chain alone. */
static enum ph_err ask_kind(struct ph_chain_registrar *r)
{
    static const struct ph_eth_address unnamed;
    const struct ph_network *net = &r->w->network;
    struct ph_buf call PH_OWNED(ph_buf_clear) = PH_BUF(64);
    const struct ph_abi_tee_policy_kind_of_args args = {
        .kind = r->proof.errand == ERRAND_REGISTER ? r->consent.kind : r->kind};

    if (memcmp(net->policy.b, unnamed.b, sizeof(unnamed.b)) == 0 ||
        memcmp(net->committee.b, unnamed.b, sizeof(unnamed.b)) == 0) {
        ask_evidence(r);
        return PH_OK;
    }
    PH_TRY(ph_abi_encode_call(&ph_abi_tee_policy_kind_of, &args, &call));
    return ph_chain_registrar_ask(r, &net->policy, ph_buf_view(&call), on_kind);
}

void ph_chain_proof_begin(struct ph_chain_registrar *r, enum ph_chain_errand errand)
{
    struct ph_chain_proof *p = &r->proof;

    *p = (struct ph_chain_proof){.busy = true,
                                 .errand = errand,
                                 .mode = MODE_ONCHAIN,
                                 .identity = r->w->node->identity,
                                 .beacon = r->beacon,
                                 .whole = PH_BUF(CALL_MAX),
                                 .call = PH_BUF(CALL_MAX),
                                 .certificate = {.round = p->certificate.round + 1},
                                 .wish = {.done = on_evidence, .ctx = r}};
    if (errand == ERRAND_ROTATE)
        p->identity.signer = r->rotation.key.other;
    ph_worker_report_data(&p->identity, p->beacon.b, p->wish.report_data);
    const enum ph_err err = ask_kind(r);
    if (err != PH_OK)
        ph_chain_proof_give_up(r, "the policy cannot be asked", ph_err_name(err));
}
