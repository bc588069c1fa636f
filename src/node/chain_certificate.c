#include "node/chain_certificate.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/own.h"
#include "codec/json.h"
#include "crypto/hash.h"
#include "crypto/secp256k1.h"
#include "node/chain_registrar_priv.h"

#include <stdio.h>

#define CERTIFICATE_PATH "/v1/committee/certificate"

enum { URL_LEN = 512, ANSWER_MAX = 4096, TICKET_BITS = 8 };

void ph_chain_certificate_clear(struct ph_chain_certificate *k)
{
    const uint64_t round = k->round;

    ph_buf_clear(&k->evidence);
    ph_buf_clear(&k->request);
    ph_buf_clear(&k->certified);
    *k = (struct ph_chain_certificate){.round = round + 1};
}

static const char *url_of(const struct ph_chain_registrar *r, uint64_t ticket)
{
    return r->w->node->config->member_urls[ticket & ((1 << TICKET_BITS) - 1)];
}

static bool is_current(const struct ph_chain_registrar *r, uint64_t ticket)
{
    return r->proof.busy && r->proof.certificate.waiting > 0 &&
           ticket >> TICKET_BITS == r->proof.certificate.round;
}

/* Choosing. */

static struct ph_committee_of where_of(const struct ph_chain_registrar *r)
{
    return (struct ph_committee_of){r->w->network.chain_id, r->w->network.committee};
}

static bool is_member(const struct ph_chain_certificate *k, const struct ph_eth_address *key)
{
    for (size_t i = 0; i < k->member_cnt; i++)
        if (memcmp(k->members[i].b, key->b, sizeof(key->b)) == 0)
            return true;
    return false;
}

static size_t alike(const struct ph_chain_certificate *k, const struct ph_chain_vote *v)
{
    size_t cnt = 0;

    for (size_t i = 0; i < k->vote_cnt; i++)
        cnt += ph_claims_are_same(&k->votes[i].c.claims, &v->c.claims);
    return cnt;
}

/* Votes are in ascending order of their signers, as the contract wants signatures. */
static enum ph_err put_together(struct ph_chain_certificate *k)
{
    const struct ph_chain_vote *best = &k->votes[0];
    struct ph_certified certified = {.sig_cnt = 0};

    for (size_t i = 1; i < k->vote_cnt; i++)
        if (alike(k, &k->votes[i]) > alike(k, best))
            best = &k->votes[i];
    certified.c = best->c;
    for (size_t i = 0; i < k->vote_cnt; i++)
        if (ph_claims_are_same(&k->votes[i].c.claims, &best->c.claims))
            memcpy(certified.sig[certified.sig_cnt++], k->votes[i].sig, 65);
    k->certified = PH_BUF(PH_CERTIFICATE_MAX);
    return ph_certified_encode(&certified, &k->certified);
}

static void end_round(struct ph_chain_registrar *r)
{
    struct ph_chain_certificate *k = &r->proof.certificate;

    if (k->vote_cnt == 0)
        ph_chain_proof_give_up(r, "no committee member certifies this worker", k->why);
    else if (put_together(k) != PH_OK)
        ph_chain_proof_give_up(r, "the certificate cannot be written", "no memory");
    else
        ph_chain_proof_certified(r);
}

static void one_less(struct ph_chain_registrar *r)
{
    if (--r->proof.certificate.waiting == 0)
        end_round(r);
}

/* Answers. */

static void refused_by(struct ph_chain_registrar *r, uint64_t ticket, const char *what)
{
    struct ph_chain_certificate *k = &r->proof.certificate;

    (void)snprintf(k->why, sizeof(k->why), "%.60s: %.130s", url_of(r, ticket), what);
    ph_log(PH_LOG_WARN, "a committee member gives no certificate", "url", url_of(r, ticket), "why",
           what, NULL);
}

/* A vote for what was asked, by a member: its place among the others. */
static const char *add_vote(struct ph_chain_registrar *r, struct ph_bytes body)
{
    struct ph_chain_certificate *k = &r->proof.certificate;
    const struct ph_committee_of where = where_of(r);
    struct ph_certified got;
    struct ph_chain_vote v;
    struct ph_hash32 digest;
    size_t at = 0;

    if (ph_certified_parse(body, &got) != PH_OK || got.sig_cnt != 1)
        return "its answer is no certificate with one signature";
    v.c = k->c;
    ph_sha256(ph_buf_view(&k->evidence), v.c.data_ref.b);
    v.c.claims = got.c.claims;
    memcpy(v.sig, got.sig[0], sizeof(v.sig));
    ph_certificate_digest(&where, &v.c, &digest);
    if (ph_eth_recover(&digest, v.sig, &v.signer) != PH_OK || !is_member(k, &v.signer))
        return "it did not sign what was asked, or is no member of the committee in office";
    while (at < k->vote_cnt && memcmp(k->votes[at].signer.b, v.signer.b, 20) < 0)
        at++;
    if (at < k->vote_cnt && memcmp(k->votes[at].signer.b, v.signer.b, 20) == 0)
        return "it is a member that answered at another URL";
    memmove(&k->votes[at + 1], &k->votes[at], (k->vote_cnt - at) * sizeof(v));
    k->votes[at] = v;
    k->vote_cnt++;
    return NULL;
}

static void on_answered(void *ctx, uint64_t ticket, struct ph_bytes body)
{
    struct ph_chain_registrar *r = ctx;

    if (!is_current(r, ticket))
        return;
    const char *what = r->proof.certificate.vote_cnt < PH_CERTIFICATE_SIGS_MAX
                           ? add_vote(r, body)
                           : "more members than seats";
    if (what)
        refused_by(r, ticket, what);
    one_less(r);
}

static void on_failed(void *ctx, uint64_t ticket)
{
    struct ph_chain_registrar *r = ctx;

    if (!is_current(r, ticket))
        return;
    refused_by(r, ticket, "it does not answer");
    one_less(r);
}

static void on_refused(void *ctx, uint64_t ticket, struct ph_bytes body)
{
    struct ph_chain_registrar *r = ctx;
    json_t *doc PH_OWNED(ph_json_freep) = NULL;
    const char *message = NULL;
    struct ph_json_why why;

    if (!is_current(r, ticket))
        return;
    if (ph_json_load(body, ANSWER_MAX, &doc, &why) == PH_OK)
        message = json_string_value(json_object_get(json_object_get(doc, "error"), "message"));
    refused_by(r, ticket, message ? message : "it refuses, and does not say why");
    one_less(r);
}

/* Asking. */

enum ph_err ph_chain_members_open(struct ph_chain_registrar *r, struct ph_chain_http **out)
{
    const struct ph_config *c = r->w->node->config;
    static char text[PH_CONFIG_MEMBERS_MAX][URL_LEN];
    const char *urls[PH_CONFIG_MEMBERS_MAX];
    char why[PH_CHAIN_HTTP_WHY_LEN] = "";

    for (size_t i = 0; i < c->member_url_cnt; i++) {
        if ((size_t)snprintf(text[i], URL_LEN, "%s" CERTIFICATE_PATH, c->member_urls[i]) >= URL_LEN)
            return PH_ERR_LIMIT;
        urls[i] = text[i];
    }
    const struct ph_chain_http_config config = {.loop = r->w->node->loop,
                                                .urls = urls,
                                                .url_cnt = c->member_url_cnt,
                                                .binary = true,
                                                .answered = on_answered,
                                                .failed = on_failed,
                                                .refused = on_refused,
                                                .ctx = r};
    const enum ph_err err = ph_chain_http_new(&config, out, why);
    if (err != PH_OK)
        ph_log(PH_LOG_ERROR, "committee members cannot be asked", "why", why, NULL);
    return err;
}

static void ask_members(struct ph_chain_registrar *r)
{
    struct ph_chain_certificate *k = &r->proof.certificate;
    const size_t cnt = r->w->node->config->member_url_cnt;

    k->waiting = cnt;
    for (size_t i = 0; i < cnt && k->waiting > 0; i++) {
        const uint64_t ticket = k->round << TICKET_BITS | i;
        if (ph_chain_http_post(r->members, i, ticket, ph_buf_view(&k->request)) != PH_OK)
            on_failed(r, ticket);
    }
}

static void on_members(void *ctx, const struct ph_rpc_reply *reply)
{
    struct ph_chain_registrar *r = ctx;
    struct ph_chain_certificate *k = &r->proof.certificate;
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_abi_verifier_committee_members_of_result got;
    _Alignas(16) uint8_t room[1024];
    struct ph_abi_mem mem = {.ptr = room, .len = sizeof(room)};

    enum ph_err err = reply->err;
    if (err == PH_OK && reply->answer->is_error)
        err = PH_ERR_MALFORMED;
    if (err == PH_OK)
        err = ph_rpc_data(reply->answer->doc, reply->answer->result, &raw);
    if (err == PH_OK)
        err =
            ph_abi_decode(ph_abi_verifier_committee_members_of.out, ph_buf_view(&raw), &mem, &got);
    if (err != PH_OK || got.arg0.cnt > PH_CERTIFICATE_SIGS_MAX) {
        ph_chain_proof_give_up(r, "the committee's members cannot be asked for", ph_err_name(err));
        return;
    }
    k->member_cnt = got.arg0.cnt;
    if (k->member_cnt > 0)
        memcpy(k->members, got.arg0.at, k->member_cnt * sizeof(k->members[0]));
    ask_members(r);
}

static enum ph_err write_request(struct ph_chain_registrar *r)
{
    struct ph_chain_certificate *k = &r->proof.certificate;
    const uint64_t now = (uint64_t)(ph_clock_wall_ms() / 1000);

    /* Members take no time to come, the contract none that is beyond its block's. */
    k->c = (struct ph_abi_verifier_committee_certificate){
        .set_id = r->committee, .time = r->facts.time < now ? r->facts.time : now};
    memcpy(k->c.bind.b, r->proof.wish.report_data, sizeof(k->c.bind.b));
    ph_keccak256(ph_buf_view(&k->evidence), k->c.evidence_hash.b);
    k->request = PH_BUF(PH_CERTIFY_MAX);
    return ph_certify_encode(&k->c, ph_buf_view(&k->evidence), &k->request);
}

void ph_chain_certificate_begin(struct ph_chain_registrar *r)
{
    static const char what[] = "a committee's certificate is needed";
    struct ph_buf call PH_OWNED(ph_buf_clear) = PH_BUF(64);
    const struct ph_abi_verifier_committee_members_of_args args = {.set_id = r->committee};

    if (!r->members)
        ph_chain_proof_give_up(r, what, "name its members' URLs with --committee-member");
    else if (r->committee == 0)
        ph_chain_proof_give_up(r, what, "no committee was drawn yet");
    else if (write_request(r) != PH_OK)
        ph_chain_proof_give_up(r, what, "the evidence is longer than members take: 95 KiB");
    else if (ph_abi_encode_call(&ph_abi_verifier_committee_members_of, &args, &call) != PH_OK ||
             ph_chain_registrar_ask(r, &r->w->network.committee, ph_buf_view(&call), on_members) !=
                 PH_OK)
        ph_chain_proof_give_up(r, what, "its members cannot be asked for");
}
