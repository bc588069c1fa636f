#include "node/chain_registrar_priv.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/own.h"
#include "chain/refusal.h"
#include "crypto/hash.h"
#include "tee/quote.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    LOOK_MS = 500,
    FAILURE_MS = 2000, /* twice as long each time … */
    FAILURES_MAX = 8,  /* … up to some eight minutes */
    UNANSWERED_MAX = 3,
    CALL_PARAMS_MAX = 2 * (PH_TEE_QUOTE_MAX + PH_CERTIFICATE_MAX + 8192),
};

static int64_t now_ms(void)
{
    return ph_clock_mono_ns() / 1000000;
}

static void look(void *ctx);

static void look_in(struct ph_chain_registrar *r, uint32_t ms)
{
    /* Without memory for a timer, the next head makes it look. */
    (void)!ph_timer_arm(r->w->node->loop, &r->timer, ms, look, r);
}

/* Saying what is wrong. */

void ph_chain_registrar_say(struct ph_chain_registrar *r, const char *text)
{
    if (strcmp(r->why, text) == 0)
        return;
    if (text[0])
        ph_log(PH_LOG_WARN, "not in order in the registry", "why", text, NULL);
    (void)snprintf(r->why, sizeof(r->why), "%s", text);
}

void ph_chain_registrar_fail(struct ph_chain_registrar *r, const char *what, const char *why)
{
    char text[PH_LEASE_WHY_LEN];

    (void)snprintf(text, sizeof(text), "%.100s: %.140s", what, why);
    ph_chain_registrar_say(r, text);
    r->refused_cnt++;
    r->not_before_ms = now_ms() + ((int64_t)FAILURE_MS << r->failures);
    if (r->failures < FAILURES_MAX)
        r->failures++;
}

void ph_chain_revert_data(const struct ph_rpc_answer *answer, struct ph_buf *out)
{
    if (ph_rpc_data_of(answer->data, out) != PH_OK)
        ph_buf_clear(out);
}

void ph_chain_registrar_refused(struct ph_chain_registrar *r, const char *what,
                                const struct ph_rpc_answer *answer)
{
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(PH_RPC_REVERT_DATA_MAX);
    char why[PH_REFUSAL_LEN];

    ph_chain_revert_data(answer, &raw);
    if (raw.len > 0)
        ph_refusal_text(ph_buf_view(&raw), why);
    else
        (void)snprintf(why, sizeof(why), "%.*s", (int)answer->message.len,
                       (const char *)answer->message.ptr);
    ph_chain_registrar_fail(r, what, why);
}

/* Asking the chain. */

static enum ph_err add_hex(struct ph_buf *out, struct ph_bytes data)
{
    enum { STEP = 512 };
    char text[2 * STEP + 1];

    for (size_t at = 0; at < data.len; at += STEP) {
        const size_t n = data.len - at < STEP ? data.len - at : STEP;
        ph_hex_encode((struct ph_bytes){data.ptr + at, n}, text);
        PH_TRY(ph_buf_add_str(out, text));
    }
    return PH_OK;
}

enum ph_err ph_chain_registrar_ask(struct ph_chain_registrar *r, const struct ph_eth_address *to,
                                   struct ph_bytes data,
                                   void (*done)(void *, const struct ph_rpc_reply *))
{
    return ph_chain_registrar_ask_at(r, to, data, r->facts_block, done);
}

enum ph_err ph_chain_registrar_ask_at(struct ph_chain_registrar *r, const struct ph_eth_address *to,
                                      struct ph_bytes data, uint64_t number,
                                      void (*done)(void *, const struct ph_rpc_reply *))
{
    struct ph_buf params PH_OWNED(ph_buf_clear) = PH_BUF(CALL_PARAMS_MAX);
    char from_text[41], to_text[41];

    ph_hex_encode(PH_BYTES_OF(r->w->sender.b), from_text);
    ph_hex_encode(PH_BYTES_OF(to->b), to_text);
    PH_TRY(ph_buf_addf(&params, "[{\"from\":\"0x%s\",\"to\":\"0x%s\",\"data\":\"0x", from_text,
                       to_text));
    PH_TRY(add_hex(&params, data));
    PH_TRY(ph_buf_addf(&params, "\"},\"0x%" PRIx64 "\"]", number));
    const struct ph_rpc_question q = {.mode = PH_RPC_QUORUM,
                                      .method = "eth_call",
                                      .params = ph_buf_view(&params),
                                      .done = done,
                                      .ctx = r};
    return ph_chain_client_ask(r->w->client, &q);
}

struct ph_lease_self ph_chain_registrar_self(const struct ph_chain_registrar *r)
{
    const struct ph_worker_identity *id = &r->w->node->identity;
    struct ph_lease_self self = {.operator_ = id->operator_,
                                 .sign_key = id->signer,
                                 .stopping = r->stopping,
                                 .rotates = ph_chain_rotation_is_wanted(r),
                                 .consent = r->has_consent ? &r->consent : NULL};

    memcpy(self.ecdh_key, id->caller_x25519, sizeof(self.ecdh_key));
    return self;
}

static void act(struct ph_chain_registrar *r)
{
    const struct ph_lease_self self = ph_chain_registrar_self(r);
    char why[PH_LEASE_WHY_LEN];
    const enum ph_lease_step step = ph_lease_decide(&r->facts, &self, why);
    const bool waits = ph_chain_errand_is_under_way(r);

    if (r->proof.busy || r->rotation.asking || now_ms() < r->not_before_ms)
        return;
    if (waits || (step != PH_LEASE_KEEP && step != PH_LEASE_BLOCKED)) {
        if (!ph_chain_registrar_can_pay(r) || waits)
            return;
    }
    switch (step) {
    case PH_LEASE_KEEP:
        r->failures = 0;
        ph_chain_registrar_say(r, "");
        return;
    case PH_LEASE_BLOCKED:
        ph_chain_registrar_say(r, why);
        return;
    case PH_LEASE_ROLL:
        ph_chain_errand_roll(r);
        return;
    case PH_LEASE_REGISTER:
        ph_chain_proof_begin(r, ERRAND_REGISTER);
        return;
    case PH_LEASE_RENEW:
        ph_chain_proof_begin(r, ERRAND_RENEW);
        return;
    case PH_LEASE_ROTATE:
        ph_chain_proof_begin(r, ERRAND_ROTATE);
        return;
    case PH_LEASE_REST:
        ph_chain_errand_word(r, PH_WORKER_RESTS);
        return;
    case PH_LEASE_WAKE:
        ph_chain_errand_word(r, PH_WORKER_WAKES);
        return;
    }
}

enum ph_err ph_chain_status_read(const struct ph_rpc_reply *reply,
                                 struct ph_abi_lens_status_of_result *out)
{
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    _Alignas(16) uint8_t room[1024]; /* nothing of the answer lies there: it has no lists */
    struct ph_abi_mem mem = {.ptr = room, .len = sizeof(room)};

    PH_TRY(reply->err);
    if (reply->answer->is_error)
        return PH_ERR_MALFORMED;
    PH_TRY(ph_rpc_data(reply->answer->doc, reply->answer->result, &raw));
    return ph_abi_decode(ph_abi_lens_status_of.out, ph_buf_view(&raw), &mem, out);
}

static enum ph_err take_facts(struct ph_chain_registrar *r, const struct ph_rpc_reply *reply)
{
    struct ph_abi_lens_status_of_result got;
    static const struct ph_hash32 none;

    PH_TRY(ph_chain_status_read(reply, &got));
    const struct ph_abi_lens_worker *w = &got.s.worker;
    r->facts = (struct ph_lease_facts){.time = got.s.time,
                                       .beacon_time = got.s.beacon_time,
                                       .beacon_due = got.s.beacon_due,
                                       .paused_until = got.s.registry_paused_until,
                                       .known = memcmp(got.s.id.b, none.b, sizeof(none.b)) != 0,
                                       .state = (enum ph_worker_state)w->state,
                                       .owner = w->owner,
                                       .sign_key = w->sign_key,
                                       .lease_until = w->lease_until,
                                       .attested_at = w->attested_at};
    memcpy(r->facts.ecdh_key, w->ecdh_key.b, sizeof(r->facts.ecdh_key));
    r->id = got.s.id;
    r->beacon = got.s.beacon;
    r->committee = got.s.committee;
    r->is_member = got.s.committee_member;
    r->kind = (uint16_t)w->kind;
    r->slot = (uint8_t)w->slot;
    return PH_OK;
}

static void on_status(void *ctx, const struct ph_rpc_reply *reply)
{
    struct ph_chain_registrar *r = ctx;
    const struct ph_lease_self self = ph_chain_registrar_self(r);
    const bool was_live = r->has_facts && ph_lease_is_live(&r->facts, &self);

    r->asking = false;
    const enum ph_err err = take_facts(r, reply);
    if (err != PH_OK) {
        r->unanswered++;
        ph_chain_registrar_fail(r, "the chain cannot be asked", ph_err_name(err));
        return;
    }
    r->unanswered = 0;
    r->has_facts = true;
    r->taken_block = r->facts_block;
    if (ph_chain_rotation_follow(r))
        return;
    if (ph_lease_is_live(&r->facts, &self) != was_live) {
        ph_log(PH_LOG_INFO, was_live ? "not live in the registry any more" : "live in the registry",
               "state", ph_worker_state_name(r->facts.state), NULL);
        ph_chain_requests_head(r->w);
    }
    act(r);
}

static void on_balance(void *ctx, const struct ph_rpc_reply *reply)
{
    struct ph_chain_registrar *r = ctx;

    if (reply->err != PH_OK || reply->answer->is_error)
        return;
    struct ph_u256 balance;
    struct ph_bytes text;
    if (ph_jscan_str(reply->answer->doc, reply->answer->result, &text) == PH_OK &&
        ph_u256_parse_quantity(text, &balance) == PH_OK)
        r->balance = balance;
}

static enum ph_err ask_balance(struct ph_chain_registrar *r, uint64_t block_number)
{
    struct ph_buf params PH_OWNED(ph_buf_clear) = PH_BUF(128);
    char account[41];

    ph_hex_encode(PH_BYTES_OF(r->w->sender.b), account);
    PH_TRY(ph_buf_addf(&params, "[\"0x%s\",\"0x%" PRIx64 "\"]", account, block_number));
    const struct ph_rpc_question q = {.mode = PH_RPC_QUORUM,
                                      .method = "eth_getBalance",
                                      .params = ph_buf_view(&params),
                                      .done = on_balance,
                                      .ctx = r};
    return ph_chain_client_ask(r->w->client, &q);
}

/* The balance is asked first, so that it is there when the rest is decided. */
static void ask_status(struct ph_chain_registrar *r, const struct ph_follow_head *head)
{
    struct ph_buf call PH_OWNED(ph_buf_clear) = PH_BUF(64);
    const struct ph_abi_lens_status_of_args args = {r->w->node->identity.signer};

    r->facts_block = head->number;
    r->facts_hash = head->hash; /* a reorganisation can leave the number as it was */
    if (ask_balance(r, head->number) != PH_OK)
        return;
    if (ph_abi_encode_call(&ph_abi_lens_status_of, &args, &call) == PH_OK)
        r->asking =
            ph_chain_registrar_ask(r, &r->w->network.lens, ph_buf_view(&call), on_status) == PH_OK;
}

/* A new block, or time to try again what did not go. */
static void look(void *ctx)
{
    struct ph_chain_registrar *r = ctx;
    const struct ph_follow_head *head = ph_chain_client_head(r->w->client);

    look_in(r, LOOK_MS);
    if (r->asking || r->proof.busy || head->number == 0)
        return;
    if (!r->has_facts || memcmp(head->hash.b, r->facts_hash.b, sizeof(head->hash.b)) != 0)
        ask_status(r, head);
    else
        act(r);
}

void ph_chain_registrar_start(struct ph_chain_registrar *r)
{
    look_in(r, 0);
    ph_chain_consent_prove(r);
}

void ph_chain_registrar_try_now(struct ph_chain_registrar *r)
{
    r->failures = 0;
    r->not_before_ms = 0;
    look_in(r, 0);
}

/* The outside. */

enum ph_err ph_chain_registrar_new(struct ph_chain_worker *w, struct ph_chain_registrar **out)
{
    struct ph_chain_registrar *r = calloc(1, sizeof(*r));

    if (!r)
        return PH_ERR_NOMEM;
    r->w = w;
    ph_chain_rotation_load(r);
    ph_chain_consent_load(r);
    if (w->node->config->member_url_cnt > 0) {
        const enum ph_err err = ph_chain_members_open(r, &r->members);
        if (err != PH_OK) {
            free(r);
            return err;
        }
    }
    *out = r;
    return PH_OK;
}

void ph_chain_registrar_free(struct ph_chain_registrar *r)
{
    if (!r)
        return;
    ph_timer_cancel(r->w->node->loop, &r->timer);
    ph_timer_cancel(r->w->node->loop, &r->prove_timer);
    ph_chain_proof_clear(&r->proof);
    ph_chain_http_free(r->members);
    free(r);
}

bool ph_chain_registrar_is_live(const struct ph_chain_registrar *r)
{
    const struct ph_lease_self self = ph_chain_registrar_self(r);

    return r->has_facts && ph_lease_is_live(&r->facts, &self);
}

bool ph_chain_registrar_rotates(const struct ph_chain_registrar *r)
{
    return ph_chain_rotation_is_sent(r);
}

void ph_chain_registrar_stop(struct ph_chain_registrar *r)
{
    r->stopping = true;
    ph_chain_registrar_try_now(r);
}

bool ph_chain_registrar_is_at_rest(const struct ph_chain_registrar *r)
{
    return !r->has_facts || r->unanswered >= UNANSWERED_MAX || !r->facts.known ||
           r->facts.state != PH_WORKER_ACTIVE;
}

void ph_chain_registrar_status(const struct ph_chain_registrar *r,
                               struct ph_chain_registration *out)
{
    *out = (struct ph_chain_registration){.known = r->has_facts,
                                          .live = ph_chain_registrar_is_live(r),
                                          .state = r->facts.state,
                                          .id = r->id,
                                          .lease_until = r->facts.lease_until,
                                          .time = r->facts.time,
                                          .second_is = r->rotation.key.is,
                                          .second = r->rotation.key.other,
                                          .refused_cnt = r->refused_cnt,
                                          .why = r->why};
}
