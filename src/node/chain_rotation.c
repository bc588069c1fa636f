#include "node/chain_rotation.h"

#include "base/hex.h"
#include "base/log.h"
#include "base/own.h"
#include "codec/jput.h"
#include "node/calls.h"
#include "node/chain_registrar_priv.h"
#include "node/keys.h"

#include <stdio.h>

enum { STATE_MAX = 128 * 1024 };

static bool same(const struct ph_eth_address *a, const struct ph_eth_address *b)
{
    return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

static enum ph_err look_up(struct ph_chain_registrar *r, char why[static PH_KEYD_WHY_LEN])
{
    return ph_keyd_worker_key(r->w->node->keyd, &r->rotation.key, why);
}

void ph_chain_rotation_load(struct ph_chain_registrar *r)
{
    char why[PH_KEYD_WHY_LEN] = "";

    if (look_up(r, why) != PH_OK)
        ph_log(PH_LOG_ERROR, "phala-keyd does not say whether there is a second key", "why", why,
               NULL);
}

static enum ph_err step(struct ph_chain_registrar *r, enum ph_worker_key_step what,
                        char why[static PH_KEYD_WHY_LEN])
{
    struct ph_buf state PH_OWNED(ph_buf_clear) = PH_BUF(STATE_MAX);

    PH_TRY(ph_keyd_worker_key_step(r->w->node->keyd, what, &state, why));
    PH_TRY(ph_keys_change_own(r->w->node, &state, why));
    return look_up(r, why);
}

enum ph_err ph_chain_rotation_make(struct ph_chain_registrar *r, struct ph_eth_address *out,
                                   char why[static PH_KEYD_WHY_LEN])
{
    if (r->rotation.key.is == PH_WORKER_KEY_PREVIOUS) {
        (void)snprintf(why, PH_KEYD_WHY_LEN,
                       "the last change of the key is not final yet: try again once it is");
        return PH_ERR_CONFLICT;
    }
    if (r->rotation.key.is == PH_WORKER_KEY_NONE)
        PH_TRY(step(r, PH_WORKER_KEY_MAKE, why));
    *out = r->rotation.key.other;
    return PH_OK;
}

/* The first and the second key change places, and consents to them with them. */
static void go_over(struct ph_chain_registrar *r)
{
    const struct ph_consent consent = r->consent;
    const bool has_consent = r->has_consent;
    char why[PH_KEYD_WHY_LEN] = "";

    if (step(r, PH_WORKER_KEY_SWAP, why) != PH_OK) {
        ph_chain_registrar_fail(r, "this worker cannot go over to its other key", why);
        return;
    }
    r->consent = r->rotation.consent;
    r->has_consent = r->rotation.has_consent;
    r->rotation.consent = consent;
    r->rotation.has_consent = has_consent;
    r->rotation.asked_final = 0;
    r->facts_hash = (struct ph_hash32){{0}};
    ph_chain_requests_show_again(r->w);
}

static void forget(struct ph_chain_registrar *r)
{
    char why[PH_KEYD_WHY_LEN] = "";

    if (step(r, PH_WORKER_KEY_FORGET, why) != PH_OK) {
        ph_log(PH_LOG_WARN, "the previous key could not be forgotten", "why", why, NULL);
        return;
    }
    r->rotation.has_consent = false;
    ph_chain_consent_tidy(r);
}

/* Asking about one of the two keys. */

static bool has_in_place(const struct ph_rpc_reply *reply, const struct ph_eth_address *key)
{
    struct ph_abi_lens_status_of_result got;
    static const struct ph_hash32 none;

    return ph_chain_status_read(reply, &got) == PH_OK &&
           memcmp(got.s.id.b, none.b, sizeof(none.b)) != 0 && same(&got.s.worker.sign_key, key);
}

static void on_final(void *ctx, const struct ph_rpc_reply *reply)
{
    struct ph_chain_registrar *r = ctx;

    r->rotation.asking = false;
    if (r->rotation.key.is == PH_WORKER_KEY_PREVIOUS &&
        has_in_place(reply, &r->w->node->identity.signer))
        forget(r);
}

static void on_other(void *ctx, const struct ph_rpc_reply *reply)
{
    struct ph_chain_registrar *r = ctx;

    r->rotation.asking = false;
    if (r->rotation.key.is != PH_WORKER_KEY_NONE && has_in_place(reply, &r->rotation.key.other))
        go_over(r);
}

static void ask(struct ph_chain_registrar *r, const struct ph_eth_address *key, uint64_t number,
                void (*done)(void *, const struct ph_rpc_reply *))
{
    struct ph_buf call PH_OWNED(ph_buf_clear) = PH_BUF(64);
    const struct ph_abi_lens_status_of_args args = {*key};

    if (ph_abi_encode_call(&ph_abi_lens_status_of, &args, &call) == PH_OK)
        r->rotation.asking = ph_chain_registrar_ask_at(r, &r->w->network.lens, ph_buf_view(&call),
                                                       number, done) == PH_OK;
}

static void look_at_final(struct ph_chain_registrar *r)
{
    const uint64_t number = ph_chain_client_head(r->w->client)->final_number;

    if (number == 0 || number == r->rotation.asked_final)
        return;
    r->rotation.asked_final = number;
    ask(r, &r->w->node->identity.signer, number, on_final);
}

bool ph_chain_rotation_follow(struct ph_chain_registrar *r)
{
    const struct ph_eth_address *signer = &r->w->node->identity.signer;

    if (r->rotation.asking)
        return true;
    if (r->rotation.key.is == PH_WORKER_KEY_NONE)
        return false;
    if (r->facts.known && same(&r->facts.sign_key, &r->rotation.key.other)) {
        go_over(r);
        return true;
    }
    if (r->rotation.key.is != PH_WORKER_KEY_PREVIOUS)
        return false;
    /* The change was taken away: then the place has the previous key. */
    if (!r->facts.known)
        ask(r, &r->rotation.key.other, r->facts_block, on_other);
    else if (same(&r->facts.sign_key, signer))
        look_at_final(r);
    return !r->facts.known;
}

bool ph_chain_rotation_is_wanted(const struct ph_chain_registrar *r)
{
    return r->rotation.key.is == PH_WORKER_KEY_NEXT && r->rotation.has_consent &&
           r->facts.time < r->rotation.consent.deadline;
}

bool ph_chain_rotation_is_sent(const struct ph_chain_registrar *r)
{
    return r->rotation.key.is == PH_WORKER_KEY_NEXT && ph_chain_errand_is_sent(r, ERRAND_ROTATE);
}

/* POST /v1/chain/next-key. */

static void answer(struct ph_http_req *req, const struct ph_eth_address *key)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(256);
    struct ph_jput j = {.out = &text};
    char address[43] = "0x";

    ph_hex_encode(PH_BYTES_OF(key->b), address + 2);
    ph_jput_object(&j, NULL);
    ph_jput_str(&j, "next_signer", address);
    ph_jput_close(&j);
    if (ph_jput_end(&j) == PH_OK)
        ph_http_respond(req, 200, PH_BYTES_LIT("content-type: application/json\n"),
                        ph_buf_view(&text));
    else
        ph_answer_error(req, 500, "internal", "out of memory");
}

void ph_api_chain_next_key(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    struct ph_chain_registrar *r = node->chain ? node->chain->registrar : NULL;
    char why[PH_KEYD_WHY_LEN] = "";
    struct ph_eth_address key;

    (void)arg;
    if (!r) {
        ph_answer_error(req, 404, "no-registry",
                        "this worker registers on no chain: see --network");
        return;
    }
    const enum ph_err err = ph_chain_rotation_make(r, &key, why);
    if (err == PH_OK)
        answer(req, &key);
    else if (err == PH_ERR_CONFLICT)
        ph_answer_error(req, 409, "conflict", why);
    else if (err == PH_ERR_IO)
        ph_answer_error(req, 500, "storage", why);
    else
        ph_answer_error(req, 503, "overloaded", why[0] ? why : ph_err_name(err));
}
