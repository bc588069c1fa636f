/* A deletion, or new secrets: shared with the cluster, if there is one, then stored here. */

#include "node/api_priv.h"
#include "node/calls.h"
#include "node/instances.h"
#include "node/records.h"
#include "node/wipe.h"

#include <stdlib.h>

/* A change that is on its way into the cluster's database; the request may be gone by then. */
struct change {
    struct ph_exchange ex;
    struct ph_node *node;
    struct ph_http_req *req; /* NULL: answered, or the owner left */
    bool closed, shared;
    struct ph_wipe_waiter wipe; /* of a deletion */
    struct ph_owner_request request;
    uint8_t sig[65];
    struct ph_phat *phat;
    struct ph_buf sealed; /* of secrets */
};

static void change_free(struct change *c)
{
    if (!c->closed || !c->shared)
        return;
    ph_wipe_forget(&c->wipe);
    ph_buf_clear(&c->sealed);
    free(c);
}

static void change_closed(struct ph_exchange *ex, bool sent_all)
{
    struct change *c = (struct change *)ex;

    (void)sent_all;
    c->req = NULL;
    c->closed = true;
    change_free(c);
}

/* The deletion is done, but for its state perhaps. */
static void change_wiped(void *ctx, enum ph_err err)
{
    struct change *c = ctx;

    if (c->req && err == PH_OK)
        ph_api_phat_answer(c->req, 200, c->phat);
    else if (c->req)
        ph_answer_error(c->req, 503, "state-not-wiped",
                        "the phat is deleted; its state is wiped as soon as storage answers");
    c->req = NULL;
}

/* Stored for the cluster, or not; now here. */
static void change_shared(void *ctx, enum ph_err err)
{
    struct change *c = ctx;
    struct ph_phat *phat = c->phat;
    const bool is_deletion = strcmp(c->request.action, "delete") == 0;

    phat->deploying = false;
    c->shared = true;
    if (err != PH_OK) {
        if (c->req)
            ph_record_refuse(c->req, err);
    } else {
        ph_instance_retire(phat); /* the next call sees them */
        err = is_deletion ? ph_phat_drop(phat, &c->request, c->sig)
                          : ph_phat_put_secrets(phat, &c->request, c->sig, ph_buf_view(&c->sealed));
        if (is_deletion && err == PH_OK) {
            c->wipe.done = change_wiped;
            c->wipe.ctx = c;
            ph_wipe_start(phat, &c->wipe);
            change_free(c);
            return;
        }
        if (c->req && err == PH_OK)
            ph_api_phat_answer(c->req, 200, phat);
        else if (c->req)
            ph_answer_error(c->req, 500, "storage",
                            is_deletion ? "the deletion could not be stored"
                                        : "the secrets could not be stored");
    }
    c->req = NULL;
    change_free(c);
}

bool ph_api_change(struct ph_node *node, struct ph_http_req *req, struct ph_phat *phat,
                   const struct ph_owner_request *request, const uint8_t sig[static 65],
                   struct ph_buf *sealed)
{
    struct change *c = calloc(1, sizeof(*c));

    if (!c) {
        ph_answer_error(req, 503, "overloaded", "out of memory; try again later");
        return false;
    }
    c->ex.on_closed = change_closed;
    c->node = node;
    c->req = req;
    c->request = *request;
    memcpy(c->sig, sig, sizeof(c->sig));
    c->phat = phat;
    if (sealed) {
        c->sealed = *sealed;
        *sealed = PH_BUF(0);
    }
    ph_http_req_set_user(req, c);
    phat->deploying = true;
    const struct ph_record_wish wish = {.file = sealed ? PH_PHAT_SECRETS : PH_PHAT_BUNDLE,
                                        .phat = phat->id,
                                        .request = &c->request,
                                        .sig = c->sig,
                                        .data = ph_buf_view(&c->sealed),
                                        .done = change_shared,
                                        .ctx = c};
    ph_record_share(node, &wish);
    return true;
}
