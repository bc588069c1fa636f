#include "node/routes.h"

#include "base/hex.h"
#include "node/api.h"
#include "node/call_gate.h"
#include "node/calls.h"
#include "node/chain_committee.h"
#include "node/chain_registrar.h"
#include "node/chain_rotation.h"
#include "node/cluster.h"
#include "node/guest_agent.h"
#include "node/keys.h"
#include "node/marks.h"
#include "node/phats.h"
#include "node/private_calls.h"
#include "node/restore.h"
#include "node/verify_api.h"

/* OPEN_PAGES: web pages of other origins. OPEN_INNER: private calls, which are for phats.
 * OPEN_RESTORING: while the worker waits for its keys. */
enum { OPEN_PAGES = 1, OPEN_INNER = 2, OPEN_RESTORING = 4 };

enum { TAG_API = 0 }; /* tags above it: index of a one-phat listener plus one */

static const struct route {
    const char *method;
    const char *before, *after; /* path around {id}; after NULL: no {id} */
    void (*handle)(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg);
    unsigned open; /* to whom besides those who connect */
} routes[] = {
    {"GET", "/healthz", NULL, ph_api_health, OPEN_RESTORING},
    {"GET", "/readyz", NULL, ph_api_ready, 0},
    {"GET", "/metrics", NULL, ph_api_metrics, 0},
    {"GET", "/v1/info", NULL, ph_api_info, OPEN_PAGES | OPEN_INNER},
    {"GET", "/v1/attestation", NULL, ph_api_attestation, OPEN_PAGES},
    {"POST", "/verify", NULL, ph_api_verify_dstack, 0},
    {"POST", "/v1/evidence/verify", NULL, ph_api_verify_evidence, 0},
    {"GET", "/v1/ohttp-keys", NULL, ph_api_ohttp_keys, OPEN_PAGES},
    {"POST", "/.well-known/ohttp-gateway", NULL, ph_api_ohttp_gateway, OPEN_PAGES},
    {"POST", "/v1/cluster/nonce", NULL, ph_api_cluster_nonce, 0},
    {"POST", "/v1/cluster/join", NULL, ph_api_cluster_join, 0},
    {"POST", "/v1/cluster/marks", NULL, ph_api_cluster_marks, 0},
    {"GET", "/v1/cluster/handovers", NULL, ph_api_cluster_handovers, 0},
    {"GET", "/v1/keys", NULL, ph_api_keys, 0},
    {"POST", "/v1/keys/nonce", NULL, ph_api_keys_nonce, 0},
    {"POST", "/v1/keys/rotate", NULL, ph_api_keys_rotate, 0},
    {"POST", "/v1/keys/retire", NULL, ph_api_keys_retire, 0},
    {"POST", "/v1/keys/backup", NULL, ph_api_keys_backup, 0},
    {"GET", "/v1/restore", NULL, ph_api_restore_show, OPEN_RESTORING},
    {"POST", "/v1/restore", NULL, ph_api_restore_share, OPEN_RESTORING},
    {"PUT", "/v1/chain/consent", NULL, ph_api_chain_consent, 0},
    {"POST", "/v1/committee/certificate", NULL, ph_api_committee_certificate, 0},
    {"POST", "/v1/committee/verdict", NULL, ph_api_committee_verdict, 0},
    {"GET", "/v1/committee/evidence/", "", ph_api_committee_evidence, 0},
    {"POST", "/v1/chain/next-key", NULL, ph_api_chain_next_key, 0},
    {"GET", "/v1/phats", NULL, ph_api_phats_list, 0},
    {"POST", "/v1/phats", NULL, ph_api_phat_deploy, 0},
    {"GET", "/v1/phats/", "", ph_api_phat_show, 0},
    {"DELETE", "/v1/phats/", "", ph_api_phat_delete, 0},
    {"PUT", "/v1/phats/", "/secrets", ph_api_phat_secrets, 0},
    {"GET", "/v1/phats/", "/logs", ph_api_phat_logs, 0},
    {"POST", "/v1/phats/", "/state/export", ph_api_state_export, 0},
    {"PUT", "/v1/phats/", "/state", ph_api_state_import, 0},
    {"GET", "/v1/receipts/", "", ph_api_receipt, OPEN_INNER},
};

enum ph_err ph_routes_list(struct ph_buf *out)
{
    for (size_t i = 0; i < PH_LEN(routes); i++)
        PH_TRY(ph_buf_addf(out, "%s %s%s%s\n", routes[i].method, routes[i].before,
                           routes[i].after ? "{id}" : "", routes[i].after ? routes[i].after : ""));
    return ph_buf_add_str(out, "ANY /p/{id}/{path}\n");
}

static bool match(const struct route *r, struct ph_bytes path, struct ph_bytes *arg)
{
    const size_t before = strlen(r->before);

    *arg = (struct ph_bytes){NULL, 0};
    if (!r->after)
        return ph_bytes_is(path, r->before);
    const size_t after = strlen(r->after);
    if (path.len <= before + after || memcmp(path.ptr, r->before, before) != 0 ||
        memcmp(path.ptr + path.len - after, r->after, after) != 0)
        return false;
    *arg = (struct ph_bytes){path.ptr + before, path.len - before - after};
    return memchr(arg->ptr, '/', arg->len) == NULL;
}

static struct ph_bytes path_of(struct ph_bytes target)
{
    const uint8_t *query = memchr(target.ptr, '?', target.len);
    return (struct ph_bytes){target.ptr, query ? (size_t)(query - target.ptr) : target.len};
}

/* A browser asks first: CORS protocol of the Fetch standard. */
static void answer_preflight(struct ph_http_req *req)
{
    ph_http_respond(req, 204,
                    PH_BYTES_LIT("access-control-allow-methods: GET, POST\n"
                                 "access-control-allow-headers: content-type\n"
                                 "access-control-max-age: 86400\n"),
                    (struct ph_bytes){NULL, 0});
}

static void to_route(struct ph_node *node, struct ph_http_req *req, const struct route *route,
                     struct ph_bytes arg)
{
    if (ph_http_req_is_inner(req) && !(route->open & OPEN_INNER))
        ph_answer_error(req, 403, "not-private",
                        "private calls are for phats; ask for this without an envelope");
    else if (node->restoring && !(route->open & OPEN_RESTORING))
        ph_answer_error(req, 503, "restoring", "this worker waits for its cluster's keys");
    else
        route->handle(node, req, arg);
}

static void to_api(struct ph_node *node, struct ph_http_req *req)
{
    const struct ph_bytes path = path_of(ph_http_req_target(req)), method = ph_http_req_method(req);
    bool known = false;
    struct ph_bytes arg;

    for (size_t i = 0; i < PH_LEN(routes); i++) {
        if (!match(&routes[i], path, &arg))
            continue;
        known = true;
        if (routes[i].open & OPEN_PAGES)
            ph_http_req_allow_any_origin(req);
        if ((routes[i].open & OPEN_PAGES) && ph_bytes_is(method, "OPTIONS")) {
            answer_preflight(req);
            return;
        }
        if (ph_bytes_is(method, routes[i].method) ||
            (ph_bytes_is(method, "HEAD") && strcmp(routes[i].method, "GET") == 0)) {
            to_route(node, req, &routes[i], arg);
            return;
        }
    }
    if (node->restoring)
        ph_answer_error(req, 503, "restoring", "this worker waits for its cluster's keys");
    else if (known)
        ph_answer_error(req, 405, "method-not-allowed", "the path exists, but not for this method");
    else
        ph_answer_error(req, 404, "not-found",
                        "no such path; the API is under /v1, phats under /p/<id>/");
}

static void to_phat(struct ph_node *node, struct ph_http_req *req, const struct ph_phat_id *id,
                    struct ph_bytes target)
{
    struct ph_phat *phat = ph_phats_find(node->phats, id);

    if (!phat || !phat->version) {
        node->metrics.calls_refused++;
        ph_answer_error(req, 404, "no-such-phat", "no phat of this id is deployed here");
        return;
    }
    ph_call_gate(node, req, phat, target);
}

static bool parse_id(struct ph_bytes hex, struct ph_phat_id *out)
{
    return hex.len == 40 && ph_hex_decode(hex, out->b, sizeof(out->b)) == PH_OK;
}

/* "<id>.<domain>" */
static bool host_names_phat(const struct ph_node *node, struct ph_bytes host,
                            struct ph_phat_id *out)
{
    if (!node->config->domain || host.len != 41 + strlen(node->config->domain) ||
        host.ptr[40] != '.' || memcmp(host.ptr + 41, node->config->domain, host.len - 41) != 0)
        return false;
    return parse_id((struct ph_bytes){host.ptr, 40}, out);
}

static void on_request(void *ctx, struct ph_http_req *req)
{
    struct ph_node *node = ctx;
    const uint32_t tag = ph_http_req_tag(req);
    const struct ph_bytes target = ph_http_req_target(req);
    struct ph_phat_id id;

    if (node->restoring) {
        to_api(node, req);
    } else if (tag >= PH_GUEST_TAG) {
        ph_guest_agent_request(node, req, tag);
    } else if (tag != TAG_API) {
        to_phat(node, req, &node->config->listen[tag - 1].phat, target);
    } else if (host_names_phat(node, ph_http_req_host(req), &id)) {
        to_phat(node, req, &id, target);
    } else if (target.len >= 43 && memcmp(target.ptr, "/p/", 3) == 0 &&
               parse_id((struct ph_bytes){target.ptr + 3, 40}, &id) &&
               (target.len == 43 || target.ptr[43] == '/' || target.ptr[43] == '?')) {
        /* What follows the id is the target that the phat sees; nothing is "/". */
        if (target.len == 43)
            to_phat(node, req, &id, PH_BYTES_LIT("/"));
        else if (target.ptr[43] == '?')
            ph_answer_error(req, 404, "not-found", "put a / between the phat's id and the query");
        else
            to_phat(node, req, &id, (struct ph_bytes){target.ptr + 43, target.len - 43});
    } else {
        to_api(node, req);
    }
}

static void on_body(void *ctx, struct ph_http_req *req, struct ph_bytes data)
{
    struct ph_exchange *ex = ph_http_req_user(req);

    (void)ctx;
    if (ex && ex->on_body)
        ex->on_body(ex, data);
}

static void on_body_end(void *ctx, struct ph_http_req *req)
{
    struct ph_exchange *ex = ph_http_req_user(req);

    (void)ctx;
    if (ex && ex->on_body_end)
        ex->on_body_end(ex);
}

static void on_writable(void *ctx, struct ph_http_req *req)
{
    struct ph_exchange *ex = ph_http_req_user(req);

    (void)ctx;
    if (ex && ex->on_writable)
        ex->on_writable(ex);
}

static void on_closed(void *ctx, struct ph_http_req *req, bool sent_all)
{
    struct ph_exchange *ex = ph_http_req_user(req);

    (void)ctx;
    if (ex && ex->on_closed)
        ex->on_closed(ex, sent_all);
}

struct ph_http_handler ph_routes_handler(struct ph_node *node)
{
    return (struct ph_http_handler){on_request, on_body, on_body_end, on_writable, on_closed, node};
}
