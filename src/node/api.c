#include "node/api.h"

#include "node/api_priv.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/own.h"
#include "codec/json.h"
#include "node/calls.h"
#include "node/chain_info.h"
#include "node/instances.h"
#include "node/phat_show.h"
#include "node/phats.h"
#include "node/upload.h"
#include "node/version.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { EXPIRES_AHEAD_S = 600 };

#define JSON_TYPE PH_BYTES_LIT("content-type: application/json\n")

static void answer_json(struct ph_http_req *req, uint16_t status, json_t *doc)
{
    json_t *owned PH_OWNED(ph_json_freep) = doc;
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(16 * 1024 * 1024);

    if (!owned || ph_json_dump(owned, &text) != PH_OK || ph_buf_add_str(&text, "\n") != PH_OK)
        ph_answer_error(req, 500, "internal", "out of memory");
    else
        ph_http_respond(req, status, JSON_TYPE, ph_buf_view(&text));
}

static json_t *json_hex(struct ph_bytes bytes, bool prefix)
{
    char text[2 + 2 * 64 + 1] = "0x";
    ph_hex_encode(bytes, prefix ? text + 2 : text);
    return json_string(text);
}

struct ph_bytes ph_api_query(const struct ph_http_req *req, const char *name)
{
    const struct ph_bytes target = ph_http_req_target(req);
    const uint8_t *query = memchr(target.ptr, '?', target.len);
    const size_t name_len = strlen(name);

    if (!query)
        return (struct ph_bytes){NULL, 0};
    struct ph_reader r = {{query + 1, target.len - (size_t)(query + 1 - target.ptr)}};
    while (r.rest.len > 0) {
        const uint8_t *amp = memchr(r.rest.ptr, '&', r.rest.len);
        const size_t len = amp ? (size_t)(amp - r.rest.ptr) : r.rest.len;
        struct ph_bytes pair;
        if (!ph_read_view(&r, len, &pair) || (amp && !ph_read_u8(&r, &(uint8_t){0})))
            break;
        if (pair.len > name_len && pair.ptr[name_len] == '=' &&
            memcmp(pair.ptr, name, name_len) == 0)
            return (struct ph_bytes){pair.ptr + name_len + 1, pair.len - name_len - 1};
    }
    return (struct ph_bytes){NULL, 0};
}

void ph_api_health(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    (void)node;
    (void)arg;
    ph_http_respond(req, 200, JSON_TYPE, PH_BYTES_LIT("{\"status\":\"ok\"}\n"));
}

void ph_api_ready(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    (void)arg;
    if (node->stopping)
        ph_http_respond(req, 503, JSON_TYPE, PH_BYTES_LIT("{\"status\":\"stopping\"}\n"));
    else if (!ph_instances_ready(node->instances))
        ph_http_respond(req, 503, JSON_TYPE, PH_BYTES_LIT("{\"status\":\"starting\"}\n"));
    else if (node->chain)
        answer_json(req, 200,
                    json_pack("{s:s, s:o}", "status", "ready", "registration",
                              ph_chain_registration_info(node)));
    else
        ph_http_respond(req, 200, JSON_TYPE, PH_BYTES_LIT("{\"status\":\"ready\"}\n"));
}

void ph_api_metrics(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(65536);

    (void)arg;
    node->metrics.connections = ph_http_server_conn_cnt(node->server);
    ph_chain_count(node, &node->metrics);
    if (ph_metrics_print(&node->metrics, &text) != PH_OK)
        ph_answer_error(req, 500, "internal", "out of memory");
    else
        ph_http_respond(req, 200, PH_BYTES_LIT("content-type: text/plain; version=0.0.4\n"),
                        ph_buf_view(&text));
}

/* "netns=ok,cgroup=missing:reason" to an object. */
static json_t *layers_json(const char *layers)
{
    json_t *doc = json_object();
    struct ph_reader r = {ph_bytes_str(layers)};

    while (doc && r.rest.len > 0) {
        const uint8_t *comma = memchr(r.rest.ptr, ',', r.rest.len);
        const size_t len = comma ? (size_t)(comma - r.rest.ptr) : r.rest.len;
        struct ph_bytes pair;
        if (!ph_read_view(&r, len, &pair) || (comma && !ph_read_u8(&r, &(uint8_t){0})))
            break;
        const uint8_t *eq = memchr(pair.ptr, '=', pair.len);
        if (!eq)
            continue;
        char key[64];
        (void)snprintf(key, sizeof(key), "%.*s", (int)(eq - pair.ptr), (const char *)pair.ptr);
        (void)json_object_set_new(
            doc, key, json_stringn((const char *)eq + 1, pair.len - (size_t)(eq + 1 - pair.ptr)));
    }
    return doc;
}

void ph_api_info(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    const struct ph_worker_identity *id = &node->identity;
    const struct ph_config *c = node->config;
    const struct ph_keyd_info *keyd = ph_keyd_client_info(node->keyd);
    static const struct ph_hash32 none;
    const bool has_policy = memcmp(keyd->policy.b, none.b, sizeof(none.b)) != 0;
    json_t *hosts = json_array();

    (void)arg;
    for (size_t i = 0; hosts && i < c->private_host_cnt; i++)
        (void)json_array_append_new(hosts, json_string(c->private_hosts_insecure[i]));
    answer_json(
        req, 200,
        json_pack(
            "{s:s, s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:b, s:b, s:b, s:b, s:o, s:o, s:s?, "
            "s:o}",
            "version", PH_VERSION, "signer", json_hex(PH_BYTES_OF(id->signer.b), true), "cluster",
            json_hex(PH_BYTES_OF(id->cluster.b), true), "epoch", (int)keyd->epoch, "cluster_policy",
            has_policy ? json_hex(PH_BYTES_OF(keyd->policy.b), false) : json_null(),
            "caller_x25519", json_hex(PH_BYTES_OF(id->caller_x25519), false), "tls_pub",
            json_hex(PH_BYTES_OF(id->tls_pub), false), "operator",
            json_hex(PH_BYTES_OF(id->operator_.b), true), "insecure_simulator",
            node->insecure_simulator, "keys_ephemeral", node->keys_ephemeral, "open", c->open,
            "jit", c->jit, "sandbox", layers_json(ph_instances_layers(node->instances)),
            "private_hosts_insecure", hosts, "domain", c->domain, "chain", ph_chain_info(node)));
}

/* --- attestation ----------------------------------------------------------------------------- */

struct attestation_exchange {
    struct ph_exchange ex;
    struct ph_node *node;
    struct ph_http_req *req;
    struct ph_attest_wish wish;
};

static void attestation_done(void *ctx, enum ph_err err, struct ph_bytes document, const char *why)
{
    struct attestation_exchange *x = ctx;

    if (err == PH_OK) {
        ph_http_respond(x->req, 200, JSON_TYPE, document);
        return;
    }
    ph_log(PH_LOG_ERROR, "no evidence", "why", why, "error", ph_err_name(err), NULL);
    ph_answer_error(x->req, 503, "no-evidence",
                    why[0] ? why : "the machine gave no quote; try again");
}

static void attestation_closed(struct ph_exchange *ex, bool sent_all)
{
    struct attestation_exchange *x = (struct attestation_exchange *)ex;

    (void)sent_all;
    ph_attester_forget(x->node->attester, &x->wish);
    free(x);
}

void ph_api_attestation(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    const struct ph_bytes nonce = ph_api_query(req, "nonce");
    struct attestation_exchange *x = calloc(1, sizeof(*x));

    (void)arg;
    if (!x) {
        ph_answer_error(req, 503, "overloaded", "out of memory; try again later");
        return;
    }
    if (nonce.len > 0 && ph_hex_decode(nonce, x->wish.nonce, sizeof(x->wish.nonce)) != PH_OK) {
        free(x);
        ph_answer_error(req, 400, "bad-request", "nonce is 64 hex digits");
        return;
    }
    x->ex.on_closed = attestation_closed;
    x->node = node;
    x->req = req;
    x->wish.done = attestation_done;
    x->wish.ctx = x;
    ph_http_req_set_user(req, x);
    if (ph_attester_ask(node->attester, &x->wish) != PH_OK)
        ph_answer_error(req, 503, "overloaded", "too many wait for evidence; try again later");
}

/* --- receipts -------------------------------------------------------------------------------- */

void ph_api_receipt(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    struct ph_receipt receipt;
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(16384);

    const enum ph_err err = ph_batcher_find(node->batcher, arg, &receipt);
    if (err == PH_OK && ph_receipt_to_json(&receipt, &text) == PH_OK &&
        ph_buf_add_str(&text, "\n") == PH_OK)
        ph_http_respond(req, 200, JSON_TYPE, ph_buf_view(&text));
    else if (err == PH_ERR_AGAIN)
        ph_http_respond(req, 202, PH_BYTES_LIT("content-type: application/json\nretry-after: 1\n"),
                        PH_BYTES_LIT("{\"status\":\"signing\"}\n"));
    else if (err == PH_ERR_MALFORMED)
        ph_answer_error(req, 400, "bad-request", "a receipt id is what Phala-Receipt-Id says");
    else if (err == PH_ERR_NOT_FOUND)
        ph_answer_error(req, 404, "no-such-receipt",
                        "no receipt of this id is, or is still, kept here");
    else
        ph_answer_error(req, 500, "internal", "the receipt could not be read");
}

/* --- phats ----------------------------------------------------------------------------------- */

bool ph_api_owner_is_allowed(const struct ph_config *c, const struct ph_eth_address *owner)
{
    for (size_t i = 0; i < c->owner_cnt; i++)
        if (memcmp(c->owners[i].b, owner->b, sizeof(owner->b)) == 0)
            return true;
    return c->open;
}

enum ph_err ph_api_authorize(struct ph_node *node, struct ph_http_req *req, const char *action,
                             struct ph_owner_request *out, uint8_t sig[static 65],
                             struct ph_eth_address *owner)
{
    const struct ph_bytes header = ph_http_req_header(req, "authorization");
    const int64_t now_s = ph_loop_wall_ms(node->loop) / 1000;
    char why[128] = "";
    const char *code = "unauthorized", *what;
    uint16_t status = 401;

    if (header.len == 0) {
        what = "sign the request: Authorization: Phala <base64url JSON>; see api/openapi.yaml";
    } else if (ph_owner_request_from_header(header, out, sig, owner, why) != PH_OK) {
        what = why;
    } else if (strcmp(out->action, action) != 0) {
        what = "the signed action is not the one of this route";
    } else if (memcmp(out->cluster.b, node->identity.cluster.b, sizeof(out->cluster.b)) != 0) {
        what =
            "the request is signed for another cluster; sign for the cluster that /v1/info names";
    } else if (out->expires < (uint64_t)now_s) {
        code = "expired";
        what = "the signed request has expired; sign a new one, and check the clock";
    } else if (out->expires > (uint64_t)now_s + EXPIRES_AHEAD_S) {
        code = "expires-too-late";
        what = "expires may lie at most 600 s ahead";
    } else if (!ph_api_owner_is_allowed(node->config, owner)) {
        status = 403;
        code = "owner-not-allowed";
        what = "this worker is not open, and this owner is not on its list";
    } else {
        return PH_OK;
    }
    ph_answer_error(req, status, code, what);
    return PH_ERR_UNTRUSTED;
}

bool ph_api_find_phat(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg,
                      struct ph_phat **out)
{
    struct ph_phat_id id;

    *out = NULL;
    if (arg.len == 40 && ph_hex_decode(arg, id.b, sizeof(id.b)) == PH_OK)
        *out = ph_phats_find(node->phats, &id);
    if (*out && ((*out)->version || (*out)->sequence > 0)) /* else its first bundle is on trial */
        return true;
    ph_answer_error(req, 404, "no-such-phat", "no phat of this id is deployed here");
    return false;
}

void ph_api_phat_answer(struct ph_http_req *req, uint16_t status, struct ph_phat *phat)
{
    answer_json(req, status, ph_phat_show(phat));
}

void ph_api_phat_show(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    struct ph_phat *phat;

    if (ph_api_find_phat(node, req, arg, &phat))
        ph_api_phat_answer(req, 200, phat);
}

struct listing {
    json_t *list;
    const struct ph_eth_address *owner;
};

static void list_one(void *ctx, struct ph_phat *phat)
{
    struct listing *l = ctx;

    if (phat->version && memcmp(phat->owner.b, l->owner->b, sizeof(phat->owner.b)) == 0)
        (void)json_array_append_new(l->list, ph_phat_show(phat));
}

void ph_api_phats_list(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    struct ph_owner_request request;
    struct ph_eth_address owner;
    uint8_t sig[65];

    (void)arg;
    if (ph_api_authorize(node, req, "list", &request, sig, &owner) != PH_OK)
        return;
    struct listing l = {json_array(), &owner};
    ph_phats_each(node->phats, list_one, &l);
    answer_json(req, 200, json_pack("{s:o}", "phats", l.list));
}

bool ph_api_owns(struct ph_http_req *req, const struct ph_phat *phat,
                 const struct ph_eth_address *owner, const struct ph_owner_request *request)
{
    struct ph_phat_id id;

    ph_phat_id_derive(owner, request->name, &id);
    if (memcmp(id.b, phat->id.b, sizeof(id.b)) == 0)
        return true;
    ph_answer_error(req, 403, "not-the-owner",
                    "the signer and name of the request are not those of this phat");
    return false;
}

static bool is_replay(struct ph_http_req *req, const struct ph_phat *phat,
                      const struct ph_owner_request *request)
{
    if (request->sequence > phat->sequence)
        return false;
    ph_answer_error(req, 409, "stale-sequence",
                    "a change with this or a higher sequence was accepted; read the phat and sign "
                    "a higher one");
    return true;
}

void ph_api_phat_delete(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    struct ph_owner_request request;
    struct ph_eth_address owner;
    uint8_t sig[65];
    struct ph_phat *phat;

    if (ph_api_authorize(node, req, "delete", &request, sig, &owner) != PH_OK ||
        !ph_api_find_phat(node, req, arg, &phat) || !ph_api_owns(req, phat, &owner, &request) ||
        is_replay(req, phat, &request))
        return;
    if (!phat->version || phat->deploying) {
        ph_answer_error(req, 409, "conflict",
                        "the phat is deleted already, or being deployed right now");
        return;
    }
    (void)ph_api_change(node, req, phat, &request, sig, NULL);
}

/* --- secrets --------------------------------------------------------------------------------- */

struct secrets {
    struct ph_upload up;
    struct ph_owner_request request;
    struct ph_eth_address owner;
    uint8_t sig[65];
};

static void secrets_whole(struct ph_upload *up)
{
    struct secrets *u = (struct secrets *)up;
    struct ph_buf sealed PH_OWNED(ph_buf_clear) = PH_BUF(PH_SEALED_MAX);
    struct ph_phat_id id;
    struct ph_phat *phat;
    char why[PH_KEYD_WHY_LEN] = "";

    ph_phat_id_derive(&u->owner, u->request.name, &id);
    phat = ph_phats_find(up->node->phats, &id);
    if (!phat || !phat->version) {
        ph_answer_error(up->req, 404, "no-such-phat", "deploy the phat before its secrets");
        return;
    }
    if (is_replay(up->req, phat, &u->request))
        return;
    if (phat->deploying) {
        ph_answer_error(up->req, 409, "conflict",
                        "the phat is being deployed right now; try again");
        return;
    }
    const enum ph_err err = ph_keyd_client_secrets_seal(up->node->keyd, &u->request, u->sig,
                                                        ph_buf_view(&up->body), &sealed, why);
    if (err == PH_ERR_AGAIN) {
        ph_answer_error(up->req, 503, "overloaded", "phala-keyd does not answer; try again later");
        return;
    }
    if (err != PH_OK) {
        ph_answer_error(up->req, 422, "secrets-refused", why[0] ? why : ph_err_name(err));
        return;
    }
    if (ph_api_change(up->node, up->req, phat, &u->request, u->sig, &sealed))
        ph_upload_free(up); /* the request is the change's now */
}

void ph_api_phat_secrets(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    struct secrets *u = (struct secrets *)ph_upload_new(req, sizeof(*u));
    struct ph_phat *phat;

    if (!u)
        return;
    if (ph_api_authorize(node, req, "secrets", &u->request, u->sig, &u->owner) != PH_OK ||
        !ph_api_find_phat(node, req, arg, &phat) ||
        !ph_api_owns(req, phat, &u->owner, &u->request)) {
        free(u);
        return;
    }
    ph_upload_take(&u->up, node, req, PH_SEALED_MAX,
                   "the envelope is larger than 64 KiB of secrets can be", secrets_whole, NULL);
}

/* --- logs ------------------------------------------------------------------------------------ */

struct log_reader {
    struct ph_exchange ex;
    struct ph_http_req *req;
    struct ph_phat *phat;
    struct ph_log_follower follower;
    size_t queued;
    uint64_t dropped;
};

static size_t send_line(struct ph_http_req *req, const struct ph_log_line *line)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(8 * PH_LOG_LINE_MAX);

    return ph_log_line_print(line, &text) == PH_OK ? ph_http_respond_write(req, ph_buf_view(&text))
                                                   : 0;
}

static void follow_line(void *ctx, const struct ph_log_line *line)
{
    struct log_reader *r = ctx;

    /* A reader that does not keep up misses lines: sequence numbers show it. */
    if (r->queued < PH_HTTP_HIGH_WATER)
        r->queued = send_line(r->req, line);
}

static void follow_end(void *ctx)
{
    struct log_reader *r = ctx;

    ph_phat_log_unfollow(&r->phat->log, &r->follower);
    ph_http_respond_end(r->req, (struct ph_bytes){NULL, 0});
}

static void end_followers(void *ctx, struct ph_phat *phat)
{
    (void)ctx;
    while (phat->log.followers)
        phat->log.followers->end(phat->log.followers->ctx);
}

void ph_api_end_followers(struct ph_node *node)
{
    ph_phats_each(node->phats, end_followers, NULL);
}

static void follow_writable(struct ph_exchange *ex)
{
    ((struct log_reader *)ex)->queued = 0;
}

static void follow_closed(struct ph_exchange *ex, bool sent_all)
{
    struct log_reader *r = (struct log_reader *)ex;

    (void)sent_all;
    ph_phat_log_unfollow(&r->phat->log, &r->follower);
    free(r);
}

static uint64_t read_since(const struct ph_http_req *req)
{
    const struct ph_bytes text = ph_api_query(req, "since");
    uint64_t n = 0;

    for (size_t i = 0; i < text.len && i < 18 && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++)
        n = n * 10 + (uint64_t)(text.ptr[i] - '0');
    return n;
}

void ph_api_phat_logs(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    struct ph_owner_request request;
    struct ph_eth_address owner;
    uint8_t sig[65];
    struct ph_phat *phat;
    const bool follow = ph_bytes_is(ph_api_query(req, "follow"), "1");

    if (ph_api_authorize(node, req, "logs", &request, sig, &owner) != PH_OK ||
        !ph_api_find_phat(node, req, arg, &phat) || !ph_api_owns(req, phat, &owner, &request))
        return;
    struct log_reader *r = follow ? calloc(1, sizeof(*r)) : NULL;
    if (follow && !r) {
        ph_answer_error(req, 503, "overloaded", "out of memory; try again later");
        return;
    }
    ph_http_respond_start(
        req, 200, PH_BYTES_LIT("content-type: application/x-ndjson\ncache-control: no-store\n"));
    const uint64_t since = read_since(req);
    for (const struct ph_log_line *line = phat->log.first; line; line = line->next)
        if (line->seq > since)
            (void)send_line(req, line);
    if (!r || node->stopping) {
        free(r);
        ph_http_respond_end(req, (struct ph_bytes){NULL, 0});
        return;
    }
    r->ex = (struct ph_exchange){NULL, NULL, follow_writable, follow_closed};
    r->req = req;
    r->phat = phat;
    r->follower = (struct ph_log_follower){.line = follow_line, .end = follow_end, .ctx = r};
    ph_http_req_set_user(req, r);
    ph_phat_log_follow(&phat->log, &r->follower);
}
