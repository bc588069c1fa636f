/* POST /v1/phats/{id}/state/export, PUT /v1/phats/{id}/state: an owner takes the phat's state away,
 * or brings one. phalad passes sealed pieces on; phala-keyd judges who asks, and gives the file's
 * key to the phat's process. docs/state.md. */

#include "base/own.h"
#include "node/api.h"
#include "node/api_priv.h"
#include "node/call_gate.h"
#include "node/calls.h"
#include "node/keyd_moves.h"
#include "state/move.h"

#include <stdlib.h>

enum { TOKENS_MAX = PH_MOVE_TOKENS_MAX * PH_MOVE_TOKEN_LEN };

static bool find_with_state(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg,
                            struct ph_phat **phat)
{
    if (!ph_api_find_phat(node, req, arg, phat))
        return false;
    if ((*phat)->version && (*phat)->version->manifest.state_pages > 0)
        return true;
    ph_answer_error(req, 409, "no-state", "the phat is deleted, or keeps no state");
    return false;
}

static bool is_free(struct ph_http_req *req, const struct ph_phat *phat)
{
    if (!phat->moving && !phat->deploying)
        return true;
    ph_answer_error(req, 409, "conflict",
                    "an export, an import or a deploy of this phat is under way; try again");
    return false;
}

/* Have phala-keyd allow it; false: it refused, and the request is answered. */
static bool allow(struct ph_node *node, struct ph_http_req *req,
                  const struct ph_owner_request *request, const uint8_t sig[static 65],
                  struct ph_bytes head, struct ph_buf *wrapped, struct ph_buf *tokens)
{
    char why[PH_KEYD_WHY_LEN] = "";
    const enum ph_err err =
        ph_keyd_state_move(node->keyd, request, sig, head, wrapped, tokens, why);

    if (err == PH_OK)
        return true;
    if (err == PH_ERR_AGAIN)
        ph_answer_error(req, 503, "overloaded", "phala-keyd does not answer; try again later");
    else
        ph_answer_error(req, 422, "move-refused", why[0] ? why : ph_err_name(err));
    return false;
}

/* The lease is here. */
static void begin_export(struct ph_node *node, struct ph_http_req *req, struct ph_phat *phat,
                         struct ph_bytes target)
{
    struct ph_buf before PH_OWNED(ph_buf_clear) =
        PH_BUF(32 + PH_EXPORT_WRAPPED_LEN + 21 + TOKENS_MAX);
    struct ph_buf wrapped PH_OWNED(ph_buf_clear) = PH_BUF(PH_EXPORT_WRAPPED_LEN);
    struct ph_buf tokens PH_OWNED(ph_buf_clear) = PH_BUF(TOKENS_MAX);
    struct ph_owner_request request;
    struct ph_eth_address owner;
    uint8_t sig[65];
    const uint8_t what = !ph_bytes_is(ph_api_query(req, "what"), "head");

    if (ph_api_authorize(node, req, "export", &request, sig, &owner) != PH_OK ||
        !ph_api_owns(req, phat, &owner, &request) || !is_free(req, phat))
        return;
    if (ph_http_req_body_len(req) != 0) {
        ph_answer_error(req, 400, "bad-request", "an export is asked for without a body");
        return;
    }
    if (!allow(node, req, &request, sig, (struct ph_bytes){NULL, 0}, &wrapped, &tokens))
        return;
    if (ph_buf_add(&before, PH_BYTES_OF(request.content.b)) != PH_OK ||
        ph_buf_add(&before, ph_buf_view(&wrapped)) != PH_OK ||
        ph_buf_add(&before, (struct ph_bytes){&what, 1}) != PH_OK ||
        ph_buf_add(&before, PH_BYTES_OF(request.cluster.b)) != PH_OK ||
        ph_buf_add(&before, ph_buf_view(&tokens)) != PH_OK) {
        ph_answer_error(req, 503, "overloaded", "out of memory; try again later");
        return;
    }
    const struct ph_call_move move = {.kind = PH_CALL_EXPORT, .before = ph_buf_view(&before)};
    ph_call_begin_move(node, req, phat, target, &move);
}

void ph_api_state_export(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    struct ph_phat *phat;

    if (find_with_state(node, req, arg, &phat))
        ph_call_gate_api(node, req, phat, ph_http_req_target(req), begin_export);
}

/* An import whose head is on its way. */
struct arriving {
    struct ph_exchange ex; /* first: the request's user pointer is this */
    struct ph_node *node;
    struct ph_http_req *req; /* NULL: answered */
    struct ph_phat_id phat;
    struct ph_bytes target;
    struct ph_owner_request request;
    uint8_t sig[65];
    struct ph_buf head;
};

static void arriving_free(struct arriving *a)
{
    ph_buf_clear(&a->head);
    free(a);
}

static void arriving_closed(struct ph_exchange *ex, bool sent_all)
{
    (void)sent_all;
    arriving_free((struct arriving *)ex);
}

static void arriving_end(struct ph_exchange *ex)
{
    struct arriving *a = (struct arriving *)ex;

    if (a->req)
        ph_answer_error(a->req, 422, "bad-import", "the import is cut off in its head");
    a->req = NULL;
}

/* The head is whole: hand the request over to a call. */
static void enter(struct arriving *a, struct ph_bytes rest)
{
    struct ph_buf tokens PH_OWNED(ph_buf_clear) = PH_BUF(TOKENS_MAX), none = PH_BUF(0);
    struct ph_buf before PH_OWNED(ph_buf_clear) = PH_BUF(1 + TOKENS_MAX);
    struct ph_http_req *req = PH_TAKE(a->req);
    struct ph_phat *phat = ph_phats_find(a->node->phats, &a->phat);

    if (!phat || !phat->version || phat->version->manifest.state_pages == 0) {
        ph_answer_error(req, 409, "no-state", "the phat was deleted, or keeps no state any more");
        return;
    }
    if (!is_free(req, phat) ||
        !allow(a->node, req, &a->request, a->sig, ph_buf_view(&a->head), &none, &tokens))
        return;
    const uint8_t cnt = (uint8_t)(tokens.len / PH_MOVE_TOKEN_LEN);
    if (ph_buf_add(&before, (struct ph_bytes){&cnt, 1}) != PH_OK ||
        ph_buf_add(&before, ph_buf_view(&tokens)) != PH_OK) {
        ph_answer_error(req, 503, "overloaded", "out of memory; try again later");
        return;
    }
    const struct ph_call_move move = {
        .kind = PH_CALL_IMPORT, .before = ph_buf_view(&before), .begun = ph_buf_view(&a->head)};
    ph_http_req_set_user(req, NULL);
    ph_call_begin_move(a->node, req, phat, a->target, &move);
    arriving_free(a);
    struct ph_exchange *call = ph_http_req_user(req);
    if (call && rest.len > 0)
        call->on_body(call, rest);
}

static void arriving_body(struct ph_exchange *ex, struct ph_bytes data)
{
    struct arriving *a = (struct arriving *)ex;

    if (!a->req)
        return;
    const size_t left = PH_IMPORT_HEAD_LEN - a->head.len, n = data.len < left ? data.len : left;
    if (ph_buf_add(&a->head, (struct ph_bytes){data.ptr, n}) != PH_OK) {
        ph_answer_error(a->req, 503, "overloaded", "out of memory; try again later");
        a->req = NULL;
        return;
    }
    if (a->head.len == PH_IMPORT_HEAD_LEN)
        enter(a, (struct ph_bytes){data.ptr + n, data.len - n});
}

static void begin_import(struct ph_node *node, struct ph_http_req *req, struct ph_phat *phat,
                         struct ph_bytes target)
{
    struct arriving *a = calloc(1, sizeof(*a));
    struct ph_eth_address owner;

    if (!a) {
        ph_answer_error(req, 503, "overloaded", "out of memory; try again later");
        return;
    }
    if (ph_api_authorize(node, req, "import", &a->request, a->sig, &owner) != PH_OK ||
        !ph_api_owns(req, phat, &owner, &a->request) || !is_free(req, phat)) {
        free(a);
        return;
    }
    a->ex = (struct ph_exchange){arriving_body, arriving_end, NULL, arriving_closed};
    a->node = node;
    a->req = req;
    a->phat = phat->id;
    a->target = target;
    a->head = PH_BUF(PH_IMPORT_HEAD_LEN);
    ph_http_req_set_user(req, a);
}

void ph_api_state_import(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    struct ph_phat *phat;

    if (find_with_state(node, req, arg, &phat))
        ph_call_gate_api(node, req, phat, ph_http_req_target(req), begin_import);
}
