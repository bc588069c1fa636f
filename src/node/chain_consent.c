#include "node/chain_registrar_priv.h"

#include "base/log.h"
#include "base/own.h"
#include "node/api.h"
#include "node/calls.h"
#include "node/upload.h"
#include "store/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* Of the key that signs, and of the one that is to follow it. After the change they stay where they
 * are until it is final: what they are about is seen from whose key they name. */
#define CONSENT_FILE "chain-consent.json"
#define NEXT_FILE "chain-consent-next.json"

enum { PROVE_AGAIN_MS = 2000 };

static bool names(const struct ph_chain_registrar *r, const struct ph_consent *consent,
                  const struct ph_eth_address *key)
{
    const struct ph_registry_of where = {r->w->network.chain_id, r->w->network.registry};

    return ph_consent_check(&where, consent, key, &r->w->node->identity.operator_) == PH_OK;
}

/* Whose it is, or NULL. */
static const struct ph_eth_address *key_of(const struct ph_chain_registrar *r,
                                           const struct ph_consent *consent)
{
    const struct ph_eth_address *signer = &r->w->node->identity.signer;

    if (names(r, consent, signer))
        return signer;
    if (r->rotation.key.is != PH_WORKER_KEY_NONE && names(r, consent, &r->rotation.key.other))
        return &r->rotation.key.other;
    return NULL;
}

/* The same key, as this worker has it; NULL: it has it no more. */
static const struct ph_eth_address *own_key(const struct ph_chain_registrar *r,
                                            const struct ph_eth_address *key)
{
    const struct ph_eth_address *signer = &r->w->node->identity.signer;

    if (memcmp(signer->b, key->b, sizeof(key->b)) == 0)
        return signer;
    return memcmp(r->rotation.key.other.b, key->b, sizeof(key->b)) == 0 ? &r->rotation.key.other
                                                                        : NULL;
}

static bool is_second(const struct ph_chain_registrar *r, const struct ph_eth_address *key)
{
    return key == &r->rotation.key.other;
}

/* Consent to the next key is the word to change: what ended, or is for a key that was, is none. */
static enum ph_err judge_second(const struct ph_chain_registrar *r, const struct ph_consent *c,
                                char why[static 256])
{
    const char *text = NULL;

    if (r->rotation.key.is != PH_WORKER_KEY_NEXT)
        text = "it is for the key that this worker had before";
    else if (r->facts.time >= c->deadline)
        text = "its deadline has passed: the key is not changed with it";
    if (!text)
        return PH_OK;
    (void)snprintf(why, 256, "%s", text);
    return PH_ERR_UNTRUSTED;
}

static void take(struct ph_chain_registrar *r, const struct ph_consent *consent, bool second)
{
    if (second) {
        r->rotation.consent = *consent;
        r->rotation.has_consent = true;
        return;
    }
    r->consent = *consent;
    r->has_consent = true;
}

static int open_data(const struct ph_chain_registrar *r)
{
    return open(r->w->node->config->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static enum ph_err store_consent(struct ph_chain_registrar *r, struct ph_bytes text, bool second)
{
    const bool changed = r->rotation.key.is == PH_WORKER_KEY_PREVIOUS;
    int dir_fd PH_OWNED(ph_closep) = open_data(r);

    return dir_fd < 0
               ? PH_ERR_IO
               : ph_file_replace(dir_fd, second != changed ? NEXT_FILE : CONSENT_FILE, &text, 1);
}

/* What was proved to be consent to this key: kept, and used. */
static enum ph_err keep(struct ph_chain_registrar *r, struct ph_bytes text,
                        const struct ph_consent *consent, const struct ph_eth_address *key,
                        char why[static 256])
{
    const bool second = is_second(r, key);

    if (second)
        PH_TRY(judge_second(r, consent, why));
    if (store_consent(r, text, second) != PH_OK) {
        (void)snprintf(why, 256, "the consent could not be stored");
        return PH_ERR_IO;
    }
    take(r, consent, second);
    ph_chain_registrar_try_now(r);
    return PH_OK;
}

/* What was kept, over a restart. */

static const char *const files[] = {CONSENT_FILE, NEXT_FILE};

static enum ph_err read_kept(struct ph_chain_registrar *r, const char *name, struct ph_consent *out)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_CONSENT_TEXT_MAX);
    struct ph_json_why why = {""};
    int dir_fd PH_OWNED(ph_closep) = open_data(r);

    if (dir_fd < 0 || ph_file_read(dir_fd, name, &text) != PH_OK)
        return PH_ERR_NOT_FOUND;
    return ph_consent_parse(ph_buf_view(&text), out, &why);
}

static void tell_useless(const char *name)
{
    ph_log(PH_LOG_WARN, "a consent that was kept is of no use", "file", name, "why",
           "not its operator's to a key of this worker", NULL);
}

void ph_chain_consent_load(struct ph_chain_registrar *r)
{
    struct ph_consent consent;

    ph_chain_consent_tidy(r);
    for (size_t i = 0; i < PH_LEN(files); i++) {
        if (read_kept(r, files[i], &consent) != PH_OK)
            continue;
        const struct ph_eth_address *key = key_of(r, &consent);
        if (key)
            take(r, &consent, is_second(r, key));
    }
}

static void prove(void *ctx);

static void prove_next(struct ph_chain_registrar *r)
{
    r->unproved++;
    prove(r);
}

static void on_proved(void *ctx, enum ph_err err, const struct ph_eth_address *key)
{
    struct ph_chain_registrar *r = ctx;

    if (err == PH_ERR_IO) {
        (void)!ph_timer_arm(r->w->node->loop, &r->prove_timer, PROVE_AGAIN_MS, prove, r);
        return;
    }
    const struct ph_eth_address *own = err == PH_OK ? own_key(r, key) : NULL;
    if (own) {
        take(r, &r->owner_ask.consent, is_second(r, own));
        ph_chain_registrar_try_now(r);
    } else {
        tell_useless(files[r->unproved]);
    }
    prove_next(r);
}

/* An account's consent was judged when it was loaded; anything else is perhaps a contract's. */
static void prove(void *ctx)
{
    struct ph_chain_registrar *r = ctx;
    struct ph_consent consent;

    for (; r->unproved < PH_LEN(files); r->unproved++) {
        if (read_kept(r, files[r->unproved], &consent) != PH_OK || key_of(r, &consent))
            continue;
        if (ph_chain_owner_ask(r, &consent, on_proved, r) != PH_OK)
            (void)!ph_timer_arm(r->w->node->loop, &r->prove_timer, PROVE_AGAIN_MS, prove, r);
        return;
    }
}

void ph_chain_consent_prove(struct ph_chain_registrar *r)
{
    r->unproved = 0;
    prove(r);
}

void ph_chain_consent_tidy(struct ph_chain_registrar *r)
{
    int dir_fd PH_OWNED(ph_closep) = open_data(r);

    if (dir_fd >= 0 && r->rotation.key.is == PH_WORKER_KEY_NONE &&
        renameat(dir_fd, NEXT_FILE, dir_fd, CONSENT_FILE) == 0 && fsync(dir_fd) != 0)
        ph_log(PH_LOG_WARN, "the consent to the new key may not be where it belongs", NULL);
}

/* PUT /v1/chain/consent. */

struct giving {
    struct ph_upload up;
    bool asks;
};

static void refuse(struct giving *g, uint16_t status, const char *code, const char *why)
{
    ph_answer_error(g->up.req, status, code, why);
}

static void answer(struct giving *g, enum ph_err err, const char *why)
{
    if (err == PH_OK)
        ph_http_respond(g->up.req, 204, (struct ph_bytes){NULL, 0}, (struct ph_bytes){NULL, 0});
    else if (err == PH_ERR_UNTRUSTED)
        refuse(g, 403, "consent-refused", why);
    else
        refuse(g, 500, "storage", why);
}

/* The chain has said whose consent it is. */
static void on_judged(void *ctx, enum ph_err err, const struct ph_eth_address *key)
{
    struct giving *g = ctx;
    struct ph_chain_registrar *r = g->up.node->chain->registrar;
    char why[256] = "";

    g->asks = false;
    if (err == PH_ERR_IO) {
        refuse(g, 503, "chain-unavailable",
               "not an account's signature, and too few nodes answer to ask the operator's "
               "contract; try again later");
        return;
    }
    (void)snprintf(why, sizeof(why),
                   "not signed by the worker's --operator for this worker's key, chain and "
                   "registry");
    const struct ph_eth_address *own = err == PH_OK ? own_key(r, key) : NULL;
    err =
        own ? keep(r, ph_buf_view(&g->up.body), &r->owner_ask.consent, own, why) : PH_ERR_UNTRUSTED;
    answer(g, err, why);
}

static void judge(struct giving *g, struct ph_chain_registrar *r)
{
    struct ph_json_why reason = {""};
    struct ph_consent consent;
    char why[256] = "";

    if (ph_consent_parse(ph_buf_view(&g->up.body), &consent, &reason) != PH_OK) {
        refuse(g, 400, "bad-consent", reason.text);
        return;
    }
    const struct ph_eth_address *key = key_of(r, &consent);
    if (key) {
        const enum ph_err err = keep(r, ph_buf_view(&g->up.body), &consent, key, why);
        answer(g, err, why);
        return;
    }
    g->asks = ph_chain_owner_ask(r, &consent, on_judged, g) == PH_OK;
    if (!g->asks)
        refuse(g, 503, "overloaded", "another consent is being judged; try again later");
}

static void giving_whole(struct ph_upload *up)
{
    struct giving *g = (struct giving *)up;
    struct ph_chain_registrar *r = up->node->chain ? up->node->chain->registrar : NULL;

    if (r)
        judge(g, r);
    else
        refuse(g, 404, "no-registry", "this worker registers on no chain: see --network");
}

static void giving_gone(struct ph_upload *up)
{
    const struct giving *g = (const struct giving *)up;

    if (g->asks)
        ph_chain_owner_leave(up->node->chain->registrar, g);
}

void ph_api_chain_consent(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    struct giving *g = (struct giving *)ph_upload_new(req, sizeof(*g));

    (void)arg;
    if (g)
        ph_upload_take(&g->up, node, req, PH_CONSENT_TEXT_MAX, "longer than a consent can be",
                       giving_whole, giving_gone);
}
