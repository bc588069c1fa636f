#include "node/records_bring.h"

#include "base/log.h"
#include "base/own.h"
#include "node/records.h"

#include <stdlib.h>

static uint64_t sequence_of(const struct ph_phat *phat, enum ph_phat_file file)
{
    if (file == PH_PHAT_SECRETS)
        return phat->version ? phat->secrets_sequence : 0;
    return phat->bundle_sequence;
}

static bool is_missing(const struct ph_phat *phat, enum ph_phat_file file)
{
    return sequence_of(phat, file) > phat->shared[file];
}

void ph_bring_note(struct ph_node *node, const struct ph_phat_id *phat, enum ph_phat_file file,
                   uint64_t sequence)
{
    struct ph_phat *own = ph_phats_find(node->phats, phat);

    if (own && sequence > own->shared[file])
        own->shared[file] = sequence;
}

/* The signed request that the record is of, and its data; `data` is the caller's. */
static enum ph_err read_record(const struct ph_phat *phat, enum ph_phat_file file,
                               struct ph_owner_request *request, uint8_t sig[static 65],
                               struct ph_buf *data)
{
    if (file == PH_PHAT_SECRETS)
        return ph_phat_read_secrets_record(phat, request, sig, data);
    *request = phat->version ? phat->version->request : phat->deletion;
    memcpy(sig, phat->version ? phat->version->sig : phat->deletion_sig, 65);
    return phat->version ? ph_phat_read_bundle(phat, phat->version, data) : PH_OK;
}

static void finish(struct ph_bring *b, enum ph_err err)
{
    free(PH_TAKE(b->ids));
    b->cnt = b->at = 0;
    b->done(b->ctx, err);
}

/* Two records of each phat, one after the other. */
static enum ph_phat_file file_now(const struct ph_bring *b)
{
    return b->at % 2 == 0 ? PH_PHAT_BUNDLE : PH_PHAT_SECRETS;
}

/* NULL: it is gone meanwhile. */
static struct ph_phat *phat_now(const struct ph_bring *b)
{
    return ph_phats_find(b->node->phats, &b->ids[b->at / 2]);
}

static void next(struct ph_bring *b);

static void shared(void *ctx, enum ph_err err)
{
    struct ph_bring *b = ctx;
    const enum ph_phat_file file = file_now(b);
    struct ph_phat *phat = phat_now(b);

    if (err != PH_OK && err != PH_ERR_CONFLICT) {
        finish(b, err);
        return;
    }
    if (err == PH_OK && phat)
        ph_log(PH_LOG_INFO, "the cluster has a record of this worker now", "phat", phat->id_text,
               "record", file == PH_PHAT_BUNDLE ? "bundle" : "secrets", NULL);
    if (phat)
        phat->shared[file] = sequence_of(phat, file);
    b->at++;
    next(b);
}

/* False: there is nothing to share. */
static bool share(struct ph_bring *b, const struct ph_phat *phat, enum ph_phat_file file)
{
    struct ph_buf data PH_OWNED(ph_buf_clear) = PH_BUF(PH_BUNDLE_MAX);
    struct ph_owner_request request;
    uint8_t sig[65];

    enum ph_err err = read_record(phat, file, &request, sig, &data);
    if (err == PH_OK &&
        memcmp(request.cluster.b, b->node->identity.cluster.b, sizeof(request.cluster.b)) != 0)
        err = PH_ERR_UNTRUSTED; /* of another cluster: nobody would take it */
    if (err != PH_OK) {
        ph_log(PH_LOG_ERROR, "a record of this worker is not the cluster's", "phat", phat->id_text,
               "error", ph_err_name(err), NULL);
        return false;
    }
    const struct ph_record_wish wish = {.file = file,
                                        .phat = phat->id,
                                        .request = &request,
                                        .sig = sig,
                                        .data = ph_buf_view(&data),
                                        .done = shared,
                                        .ctx = b};
    ph_record_share(b->node, &wish);
    return true;
}

static void next(struct ph_bring *b)
{
    for (; b->at < b->cnt; b->at++) {
        const enum ph_phat_file file = file_now(b);
        const struct ph_phat *phat = phat_now(b);
        if (phat && is_missing(phat, file) && share(b, phat, file))
            return;
    }
    finish(b, PH_OK);
}

static void count(void *ctx, struct ph_phat *phat)
{
    struct ph_bring *b = ctx;

    b->cnt += is_missing(phat, PH_PHAT_BUNDLE) || is_missing(phat, PH_PHAT_SECRETS);
}

static void add(void *ctx, struct ph_phat *phat)
{
    struct ph_bring *b = ctx;

    if (is_missing(phat, PH_PHAT_BUNDLE) || is_missing(phat, PH_PHAT_SECRETS))
        b->ids[b->at++] = phat->id;
}

void ph_bring_begin(struct ph_bring *bring, struct ph_node *node,
                    void (*done)(void *ctx, enum ph_err err), void *ctx)
{
    *bring = (struct ph_bring){.node = node, .done = done, .ctx = ctx};
    ph_phats_each(node->phats, count, bring);
    if (bring->cnt > 0 && !(bring->ids = calloc(bring->cnt, sizeof(*bring->ids)))) {
        finish(bring, PH_ERR_NOMEM);
        return;
    }
    ph_phats_each(node->phats, add, bring);
    bring->cnt *= 2;
    bring->at = 0;
    next(bring);
}

void ph_bring_clear(struct ph_bring *bring)
{
    free(PH_TAKE(bring->ids));
    bring->cnt = 0;
}
