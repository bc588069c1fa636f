/* POST /v1/phats: a signed bundle is judged, started on trial, stored, and only then takes over. */

#include "base/log.h"
#include "base/own.h"
#include "node/api.h"
#include "node/api_priv.h"
#include "node/calls.h"
#include "node/instances.h"
#include "node/phats.h"
#include "node/records.h"
#include "node/wipe.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    DEPLOYS_MAX = 16,       /* each may hold a bundle of 16 MiB in memory */
    UPLOAD_WALL_MS = 60000, /* for a bundle to arrive: slow ones must not keep the places */
};

/* Lives from the request to the end of the trial, whichever is later. */
struct deploy {
    struct ph_exchange ex;
    struct ph_node *node;
    struct ph_http_req *req; /* NULL: answered, or the owner left */
    bool closed, on_trial;
    struct ph_timer upload_timer;
    struct ph_owner_request request;
    struct ph_eth_address owner;
    uint8_t sig[65];
    struct ph_buf body;
    struct ph_phat *phat;
    struct ph_version *version;
    struct ph_instance *instance; /* on trial */
    uint64_t instance_id;
    struct ph_wipe_waiter wipe; /* of what the phat's name had before */
};

static void maybe_free(struct deploy *d)
{
    if (!d->closed || d->on_trial)
        return;
    ph_timer_cancel(d->node->loop, &d->upload_timer);
    d->node->deploys_open--;
    ph_version_unref(d->version);
    ph_buf_clear(&d->body);
    free(d);
}

static void refuse(struct deploy *d, uint16_t status, const char *code, const char *message)
{
    d->node->metrics.deploys_refused++;
    if (d->req)
        ph_answer_error(d->req, status, code, message);
    d->req = NULL;
}

static void on_body(struct ph_exchange *ex, struct ph_bytes data)
{
    struct deploy *d = (struct deploy *)ex;

    if (d->req && ph_buf_add(&d->body, data) != PH_OK)
        refuse(d, 413, "request-too-large", "a bundle is at most 16 MiB");
}

static void upload_overdue(void *ctx)
{
    refuse(ctx, 408, "upload-timeout", "the bundle did not arrive within 60 s");
}

static void on_closed(struct ph_exchange *ex, bool sent_all)
{
    struct deploy *d = (struct deploy *)ex;

    (void)sent_all;
    d->req = NULL;
    d->closed = true;
    maybe_free(d);
}

/* The instance that ran its top level; NULL if it ended while the bundle was stored. */
static struct ph_instance *tried(const struct deploy *d)
{
    return ph_instance_running(d->node->instances, d->instance_id);
}

/* Stored for the cluster, if there is one: store it here, then let it take over. */
static void take_over(struct deploy *d)
{
    const bool is_new = d->phat->version == NULL;

    if (ph_phat_put(d->phat, d->version, ph_buf_view(&d->body)) != PH_OK) {
        if (tried(d))
            ph_instance_kill(tried(d), "retired", "its bundle could not be stored");
        refuse(d, 500, "storage", "the bundle could not be stored; nothing was changed");
        return;
    }
    d->version = NULL; /* the phat's now */
    if (tried(d))
        ph_instance_adopt(d->phat, tried(d));
    else
        ph_instance_retire(d->phat);
    d->node->metrics.deploys++;
    ph_log(PH_LOG_INFO, "phat deployed", "phat", d->phat->id_text, "name",
           d->phat->version->manifest.name, NULL);
    if (d->req)
        ph_api_phat_answer(d->req, is_new ? 201 : 200, d->phat);
    d->req = NULL;
}

static void on_shared(void *ctx, enum ph_err err)
{
    struct deploy *d = ctx;

    d->on_trial = false;
    d->phat->deploying = false;
    if (err == PH_OK) {
        take_over(d);
    } else {
        if (tried(d))
            ph_instance_kill(tried(d), "retired", "its bundle could not be stored");
        ph_phat_release(d->phat);
        d->node->metrics.deploys_refused++;
        if (d->req)
            ph_record_refuse(d->req, err);
        d->req = NULL;
    }
    maybe_free(d);
}

static void share(struct deploy *d)
{
    const struct ph_record_wish wish = {.file = PH_PHAT_BUNDLE,
                                        .phat = d->phat->id,
                                        .request = &d->request,
                                        .sig = d->sig,
                                        .data = ph_buf_view(&d->body),
                                        .done = on_shared,
                                        .ctx = d};

    ph_record_share(d->node, &wish);
}

static void give_up(struct deploy *d)
{
    if (tried(d))
        ph_instance_kill(tried(d), "retired", "its bundle could not be stored");
    d->on_trial = false;
    d->phat->deploying = false;
    refuse(d, 503, "state-not-wiped",
           "the state of the phat that had this name is not wiped yet; try again later");
    maybe_free(d);
}

static void on_wiped(void *ctx, enum ph_err err)
{
    struct deploy *d = ctx;

    if (err == PH_OK)
        share(d);
    else
        give_up(d);
}

/* The new version ran its top level. A name that was deleted starts with nothing. */
static void accept(struct deploy *d)
{
    d->instance_id = d->instance->spawn_id;
    if (!d->phat->unwiped) {
        share(d);
        return;
    }
    d->wipe.done = on_wiped;
    d->wipe.ctx = d;
    ph_wipe_start(d->phat, &d->wipe);
}

static void on_trial(void *ctx, bool started, struct ph_bytes message)
{
    struct deploy *d = ctx;

    if (started) {
        accept(d);
        return;
    }
    d->on_trial = false;
    d->phat->deploying = false;
    char text[900];
    (void)snprintf(text, sizeof(text), "%.*s", (int)(message.len > 890 ? 890 : message.len),
                   (const char *)message.ptr);
    refuse(d, 422, "start-failed", text);
    maybe_free(d);
}

static void start_trial(struct deploy *d, const struct ph_phat_id *id, struct ph_bundle_info *info)
{
    if (ph_phats_ensure(d->node->phats, id, &d->owner, &d->phat) != PH_OK ||
        ph_version_new(info, &d->request, d->sig, &d->version) != PH_OK) {
        refuse(d, 507, "worker-full", "this worker has no room for another phat");
        return;
    }
    char why[256] = "";
    d->on_trial = true;
    d->phat->deploying = true;
    const enum ph_err err = ph_instance_trial(d->phat, d->version, ph_buf_view(&d->body), on_trial,
                                              d, &d->instance, why);
    if (err == PH_OK)
        return;
    d->on_trial = false;
    d->phat->deploying = false;
    ph_phat_release(d->phat);
    if (err == PH_ERR_UNTRUSTED || err == PH_ERR_MALFORMED)
        refuse(d, 422, strncmp(why, "code:", 5) == 0 ? "code-refused" : "secrets-refused", why);
    else
        refuse(d, 503, "overloaded",
               "no instance could be started for the bundle; try again later");
}

static void judge(struct deploy *d, struct ph_bundle_info *info)
{
    struct ph_phat_id id;
    struct ph_phat *phat;

    if (memcmp(info->hash.b, d->request.content.b, sizeof(info->hash.b)) != 0) {
        refuse(d, 422, "bundle-hash-mismatch", "the bundle is not the one whose hash was signed");
        return;
    }
    if (strcmp(info->manifest.name, d->request.name) != 0) {
        refuse(d, 422, "name-mismatch", "phat.json has another name than the signed request");
        return;
    }
    if (info->code_epoch != 0 && info->code_epoch != ph_keyd_client_info(d->node->keyd)->epoch) {
        refuse(d, 422, "code-refused",
               "code: its key is encrypted to another key epoch than the newest: encrypt and "
               "deploy it again");
        return;
    }
    ph_phat_id_derive(&d->owner, d->request.name, &id);
    phat = ph_phats_find(d->node->phats, &id);
    if (phat && d->request.sequence <= phat->sequence) {
        refuse(d, 409, "stale-sequence",
               "a change with this or a higher sequence was accepted; read the phat and sign a "
               "higher one");
        return;
    }
    if (phat && phat->deploying) {
        refuse(d, 409, "conflict", "another bundle of this phat is being deployed right now");
        return;
    }
    if (ph_bytes_is(ph_api_query(d->req, "dry_run"), "1")) {
        ph_http_respond(d->req, 200, PH_BYTES_LIT("content-type: application/json\n"),
                        PH_BYTES_LIT("{\"dry_run\":true,\"accepted\":true}\n"));
        d->req = NULL;
        return;
    }
    start_trial(d, &id, info);
}

static void on_body_end(struct ph_exchange *ex)
{
    struct deploy *d = (struct deploy *)ex;
    struct ph_bundle_info info = {0};
    struct ph_json_why why = {""};

    ph_timer_cancel(d->node->loop, &d->upload_timer);
    if (!d->req)
        return;
    const enum ph_err err = ph_bundle_open(ph_buf_view(&d->body), &info, &why);
    if (err != PH_OK) {
        refuse(d, 422, "bad-bundle", why.text[0] ? why.text : ph_err_name(err));
        return;
    }
    judge(d, &info);
    ph_manifest_clear(&info.manifest);
}

void ph_api_phat_deploy(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    struct deploy *d = calloc(1, sizeof(*d));

    (void)arg;
    if (!d || node->stopping || node->deploys_open >= DEPLOYS_MAX) {
        free(d);
        ph_answer_error(req, 503, "overloaded",
                        "the worker is stopping or has many deploys under way; try again later");
        return;
    }
    if (ph_api_authorize(node, req, "deploy", &d->request, d->sig, &d->owner) != PH_OK) {
        node->metrics.deploys_refused++;
        free(d);
        return;
    }
    if (ph_http_req_header(req, "content-encoding").len > 0) {
        free(d);
        ph_answer_error(req, 415, "unsupported-encoding",
                        "send the ustar archive as it is, not compressed");
        return;
    }
    node->deploys_open++;
    d->ex = (struct ph_exchange){on_body, on_body_end, NULL, on_closed};
    d->node = node;
    d->req = req;
    d->body = PH_BUF(PH_BUNDLE_MAX);
    ph_http_req_set_user(req, d);
    if (ph_timer_arm(node->loop, &d->upload_timer, UPLOAD_WALL_MS, upload_overdue, d) != PH_OK)
        refuse(d, 503, "overloaded", "out of memory; try again later");
    else if (ph_http_req_body_len(req) > PH_BUNDLE_MAX)
        refuse(d, 413, "request-too-large", "a bundle is at most 16 MiB");
}
