#include "node/call_gate.h"

#include "base/hex.h"
#include "base/own.h"
#include "node/leases.h"

#include <stdio.h>
#include <stdlib.h>

enum { WAITING_MAX = 4096 };

/* A call that waits. */
struct gated {
    struct ph_exchange ex; /* first: the request's user pointer is this */
    struct ph_lease_waiter waiter;
    struct ph_node *node;
    struct ph_http_req *req;
    struct ph_phat_id phat;
    struct ph_bytes target;
    void (*begin)(struct ph_node *, struct ph_http_req *, struct ph_phat *, struct ph_bytes);
    bool is_api; /* `target` is whole: not what stands behind a phat's id */
    bool body_ended;
};

static void gated_free(struct gated *g)
{
    ph_lease_forget(&g->waiter);
    g->node->calls_gated--;
    free(g);
}

static void on_body_end(struct ph_exchange *ex)
{
    ((struct gated *)ex)->body_ended = true;
}

static void on_closed(struct ph_exchange *ex, bool sent_all)
{
    (void)sent_all;
    gated_free((struct gated *)ex);
}

static bool has_query_or_path(struct ph_bytes target)
{
    return target.len > 0 && target.ptr[0] == '/';
}

static void redirect(struct gated *g, const char *url)
{
    struct ph_buf headers PH_OWNED(ph_buf_clear) = PH_BUF(64 * 1024);
    char id[41];

    ph_hex_encode(PH_BYTES_OF(g->phat.b), id);
    g->node->metrics.calls_redirected++;
    if (!has_query_or_path(g->target) ||
        ph_buf_addf(&headers, "phala-holder: %s\ncache-control: no-store\nlocation: %s%s%s", url,
                    url, g->is_api ? "" : "/p/", g->is_api ? "" : id) != PH_OK ||
        ph_buf_add(&headers, g->target) != PH_OK || ph_buf_add_str(&headers, "\n") != PH_OK)
        ph_answer_error(g->req, 500, "internal", "out of memory");
    else
        ph_http_respond(g->req, 307, ph_buf_view(&headers), (struct ph_bytes){NULL, 0});
}

/* The lease is here: the call begins, with what its request has brought so far. */
static void enter(struct gated *g, struct ph_phat *phat)
{
    struct ph_http_req *req = g->req;
    struct ph_node *node = g->node;
    const struct gated was = *g;

    gated_free(g);
    ph_http_req_set_user(req, NULL);
    was.begin(node, req, phat, was.target);
    struct ph_exchange *ex = ph_http_req_user(req);
    if (was.body_ended && ex && ex->on_body_end)
        ex->on_body_end(ex);
    ph_http_req_resume(req);
}

static void on_told(void *ctx, enum ph_lease_told what, const char *url)
{
    struct gated *g = ctx;
    struct ph_phat *phat = ph_phats_find(g->node->phats, &g->phat);

    if (!phat || !phat->version)
        ph_answer_error(g->req, 404, "no-such-phat", "the phat was deleted during the call");
    else if (what == PH_LEASE_OURS)
        enter(g, phat);
    else if (what == PH_LEASE_THEIRS)
        redirect(g, url);
    else
        ph_answer_error(g->req, 503, "state-unreachable",
                        "this worker cannot reach the cluster's database: try another, or later");
}

/* Wait, as `like` says: target, begin, is_api. */
static void wait_for_lease(struct ph_node *node, struct ph_http_req *req, struct ph_phat *phat,
                           const struct gated *like)
{
    struct gated *g = node->calls_gated < WAITING_MAX ? calloc(1, sizeof(*g)) : NULL;
    if (!g) {
        node->metrics.calls_refused++;
        ph_answer_error(req, 503, "overloaded",
                        "the worker has no room for another call; try again later");
        return;
    }
    node->calls_gated++;
    *g = *like;
    g->ex = (struct ph_exchange){.on_body_end = on_body_end, .on_closed = on_closed};
    g->node = node;
    g->req = req;
    g->phat = phat->id;
    g->waiter.told = on_told;
    g->waiter.ctx = g;
    ph_http_req_set_user(req, g);
    ph_http_req_pause(req);
    ph_lease_want(phat, &g->waiter);
}

void ph_call_gate(struct ph_node *node, struct ph_http_req *req, struct ph_phat *phat,
                  struct ph_bytes target)
{
    const struct gated call = {.target = target, .begin = ph_call_begin};

    if (phat->version->manifest.state_pages == 0 || ph_lease_is_held(phat))
        ph_call_begin(node, req, phat, target);
    else
        wait_for_lease(node, req, phat, &call);
}

void ph_call_gate_api(struct ph_node *node, struct ph_http_req *req, struct ph_phat *phat,
                      struct ph_bytes target,
                      void (*begin)(struct ph_node *node, struct ph_http_req *req,
                                    struct ph_phat *phat, struct ph_bytes target))
{
    const struct gated api = {.target = target, .begin = begin, .is_api = true};

    if (ph_lease_is_held(phat))
        begin(node, req, phat, target);
    else
        wait_for_lease(node, req, phat, &api);
}

/* A scheduled call that waits. */
struct gated_cron {
    struct ph_lease_waiter waiter;
    struct ph_node *node;
    struct ph_phat_id phat;
    int64_t at_ms;
    char cron[65];
};

static void cron_told(void *ctx, enum ph_lease_told what, const char *url)
{
    struct gated_cron *g = ctx;
    struct ph_phat *phat = ph_phats_find(g->node->phats, &g->phat);

    (void)url;
    if (what == PH_LEASE_OURS && phat && phat->version)
        ph_call_scheduled(g->node, phat, g->cron, g->at_ms);
    free(g);
}

void ph_call_gate_scheduled(struct ph_node *node, struct ph_phat *phat, const char *cron,
                            int64_t at_ms)
{
    if (ph_lease_is_held(phat)) {
        ph_call_scheduled(node, phat, cron, at_ms);
        return;
    }
    struct gated_cron *g = calloc(1, sizeof(*g));
    if (!g)
        return;
    g->node = node;
    g->phat = phat->id;
    g->at_ms = at_ms;
    (void)snprintf(g->cron, sizeof(g->cron), "%s", cron);
    g->waiter.told = cron_told;
    g->waiter.ctx = g;
    ph_lease_want(phat, &g->waiter);
}
