#include "node/chain_registrar_priv.h"

#include "base/log.h"
#include "base/own.h"
#include "node/api.h"
#include "node/calls.h"
#include "store/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Of the key that signs, and of the one that is to follow it. After the change they stay where they
 * are until it is final: what they are about is seen from whose key they name. */
#define CONSENT_FILE "chain-consent.json"
#define NEXT_FILE "chain-consent-next.json"

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

static bool is_second(const struct ph_chain_registrar *r, const struct ph_eth_address *key)
{
    return key == &r->rotation.key.other;
}

static enum ph_err read_consent(struct ph_chain_registrar *r, struct ph_bytes text,
                                struct ph_consent *out, const struct ph_eth_address **key,
                                char why[static 256])
{
    struct ph_json_why reason = {""};

    const enum ph_err err = ph_consent_parse(text, out, &reason);
    if (err != PH_OK) {
        (void)snprintf(why, 256, "%.200s", reason.text);
        return err;
    }
    *key = key_of(r, out);
    if (!*key) {
        (void)snprintf(why, 256,
                       "not signed by the worker's --operator for this worker's key, chain and "
                       "registry");
        return PH_ERR_UNTRUSTED;
    }
    return PH_OK;
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

enum ph_err ph_chain_registrar_consent(struct ph_chain_registrar *r, struct ph_bytes text,
                                       char why[static 256])
{
    const struct ph_eth_address *key;
    struct ph_consent consent;

    PH_TRY(read_consent(r, text, &consent, &key, why));
    const bool second = is_second(r, key);
    if (second)
        PH_TRY(judge_second(r, &consent, why));
    if (store_consent(r, text, second) != PH_OK) {
        (void)snprintf(why, 256, "the consent could not be stored");
        return PH_ERR_IO;
    }
    take(r, &consent, second);
    ph_chain_registrar_try_now(r);
    return PH_OK;
}

static void load_file(struct ph_chain_registrar *r, int dir_fd, const char *name)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_CONSENT_TEXT_MAX);
    const struct ph_eth_address *key;
    struct ph_consent consent;
    char why[256] = "";

    if (ph_file_read(dir_fd, name, &text) != PH_OK)
        return;
    if (read_consent(r, ph_buf_view(&text), &consent, &key, why) == PH_OK)
        take(r, &consent, is_second(r, key));
    else
        ph_log(PH_LOG_WARN, "a consent that was kept is of no use", "file", name, "why", why, NULL);
}

void ph_chain_consent_load(struct ph_chain_registrar *r)
{
    int dir_fd PH_OWNED(ph_closep) = open_data(r);

    if (dir_fd < 0)
        return;
    ph_chain_consent_tidy(r);
    load_file(r, dir_fd, CONSENT_FILE);
    load_file(r, dir_fd, NEXT_FILE);
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
    struct ph_exchange ex; /* first: the request's user pointer is this */
    struct ph_node *node;
    struct ph_http_req *req;
    struct ph_buf body;
    bool answered;
};

static void refuse(struct giving *g, uint16_t status, const char *code, const char *why)
{
    g->answered = true;
    ph_answer_error(g->req, status, code, why);
}

static void giving_body(struct ph_exchange *ex, struct ph_bytes data)
{
    struct giving *g = (struct giving *)ex;

    if (!g->answered && ph_buf_add(&g->body, data) != PH_OK)
        refuse(g, 413, "request-too-large", "longer than a consent can be");
}

static void giving_end(struct ph_exchange *ex)
{
    struct giving *g = (struct giving *)ex;
    struct ph_chain_registrar *r = g->node->chain ? g->node->chain->registrar : NULL;
    char why[256] = "";

    if (g->answered)
        return;
    if (!r) {
        refuse(g, 404, "no-registry", "this worker registers on no chain: see --network");
        return;
    }
    const enum ph_err err = ph_chain_registrar_consent(r, ph_buf_view(&g->body), why);
    if (err == PH_ERR_UNTRUSTED)
        refuse(g, 403, "consent-refused", why);
    else if (err == PH_ERR_IO)
        refuse(g, 500, "storage", why);
    else if (err != PH_OK)
        refuse(g, 400, "bad-consent", why);
    else
        ph_http_respond(g->req, 204, (struct ph_bytes){NULL, 0}, (struct ph_bytes){NULL, 0});
}

static void giving_closed(struct ph_exchange *ex, bool sent_all)
{
    struct giving *g = (struct giving *)ex;

    (void)sent_all;
    ph_buf_clear(&g->body);
    free(g);
}

void ph_api_chain_consent(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    struct giving *g = calloc(1, sizeof(*g));

    (void)arg;
    if (!g) {
        ph_answer_error(req, 503, "overloaded", "out of memory; try again later");
        return;
    }
    *g = (struct giving){.ex = {giving_body, giving_end, NULL, giving_closed},
                         .node = node,
                         .req = req,
                         .body = PH_BUF(PH_CONSENT_TEXT_MAX)};
    ph_http_req_set_user(req, g);
}
