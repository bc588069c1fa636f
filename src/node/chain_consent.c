#include "node/chain_registrar_priv.h"

#include "base/log.h"
#include "base/own.h"
#include "node/api.h"
#include "node/calls.h"
#include "store/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#define CONSENT_FILE "chain-consent.json"

static struct ph_registry_of registry_of(const struct ph_chain_registrar *r)
{
    return (struct ph_registry_of){r->w->network.chain_id, r->w->network.registry};
}

static enum ph_err read_consent(struct ph_chain_registrar *r, struct ph_bytes text,
                                struct ph_consent *out, char why[static 256])
{
    const struct ph_worker_identity *id = &r->w->node->identity;
    const struct ph_registry_of where = registry_of(r);
    struct ph_json_why reason = {""};

    const enum ph_err err = ph_consent_parse(text, out, &reason);
    if (err != PH_OK) {
        (void)snprintf(why, 256, "%.200s", reason.text);
        return err;
    }
    if (ph_consent_check(&where, out, &id->signer, &id->operator_) != PH_OK) {
        (void)snprintf(why, 256,
                       "not signed by the worker's --operator for this worker's key, chain and "
                       "registry");
        return PH_ERR_UNTRUSTED;
    }
    return PH_OK;
}

static enum ph_err store_consent(struct ph_chain_registrar *r, struct ph_bytes text)
{
    int dir_fd PH_OWNED(ph_closep) =
        open(r->w->node->config->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return dir_fd < 0 ? PH_ERR_IO : ph_file_replace(dir_fd, CONSENT_FILE, &text, 1);
}

enum ph_err ph_chain_registrar_consent(struct ph_chain_registrar *r, struct ph_bytes text,
                                       char why[static 256])
{
    struct ph_consent consent;

    PH_TRY(read_consent(r, text, &consent, why));
    if (store_consent(r, text) != PH_OK) {
        (void)snprintf(why, 256, "the consent could not be stored");
        return PH_ERR_IO;
    }
    r->consent = consent;
    r->has_consent = true;
    ph_chain_registrar_try_now(r);
    return PH_OK;
}

void ph_chain_consent_load(struct ph_chain_registrar *r)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_CONSENT_TEXT_MAX);
    int dir_fd PH_OWNED(ph_closep) =
        open(r->w->node->config->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char why[256] = "";

    if (dir_fd < 0 || ph_file_read(dir_fd, CONSENT_FILE, &text) != PH_OK)
        return;
    r->has_consent = read_consent(r, ph_buf_view(&text), &r->consent, why) == PH_OK;
    if (!r->has_consent)
        ph_log(PH_LOG_WARN, "the consent that was kept is of no use", "why", why, NULL);
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
