#include "node/records.h"

#include "base/hex.h"
#include "base/log.h"
#include "base/own.h"
#include "node/api.h"
#include "node/calls.h"
#include "node/instances.h"
#include "node/offload.h"
#include "node/records_bring.h"
#include "node/rekey.h"
#include "store/cluster_records.h"

#include <stdlib.h>

enum { POLL_MS = 250 };

struct ph_records {
    struct ph_node *node;
    struct ph_record_store *store; /* of the thread */
    struct ph_offload *thread;
    struct ph_timer timer;
    bool failing;
    bool brought; /* what this worker alone had is in the database */
    struct ph_bring bring;
    uint64_t since;
    struct ph_record_change changes[PH_RECORDS_AT_ONCE];
    size_t cnt, at;
};

struct put_job {
    struct ph_job job;
    struct ph_records *records;
    enum ph_phat_file file;
    struct ph_phat_id phat;
    uint64_t sequence;
    bool deletion;
    bool renewal; /* of the sequence that is there */
    struct ph_buf record;
    enum ph_err err;
    void (*done)(void *ctx, enum ph_err err);
    void *ctx;
    char why[PH_RECORDS_WHY];
};

/* One step of a poll: what changed, or one record. */
struct poll_job {
    struct ph_job job;
    struct ph_records *records;
    enum ph_phat_file file;
    struct ph_phat_id phat;
    struct ph_buf record;
    enum ph_err err;
    char why[PH_RECORDS_WHY];
};

static void poll_later(struct ph_records *r);
static void next_change(struct ph_records *r);

/* Changes made here. */

static void put_work(struct ph_job *job)
{
    struct put_job *j = (struct put_job *)job;

    j->err = j->renewal ? ph_record_replace(j->records->store, j->file, &j->phat, j->sequence,
                                            ph_buf_view(&j->record), j->why)
                        : ph_record_put(j->records->store, j->file, &j->phat, j->sequence,
                                        j->deletion, ph_buf_view(&j->record), j->why);
}

static void put_done(struct ph_job *job, bool dropped)
{
    struct put_job *j = (struct put_job *)job;

    if (dropped)
        j->err = PH_ERR_CLOSED;
    if (j->err != PH_OK && j->err != PH_ERR_CONFLICT && j->err != PH_ERR_NOT_FOUND)
        ph_log(PH_LOG_ERROR, "a change was not stored for the cluster", "why", j->why, NULL);
    j->done(j->ctx, j->err);
    ph_buf_clear(&j->record);
    free(j);
}

static enum ph_err encode(const struct ph_record_wish *wish, uint64_t time_ms, struct ph_buf *out)
{
    struct ph_phat_record rec = {.request = *wish->request, .time_ms = time_ms};

    memcpy(rec.sig, wish->sig, sizeof(rec.sig));
    /* Only read: the record does not own these bytes. */
    rec.data = (struct ph_buf){.ptr = (uint8_t *)(uintptr_t)wish->data.ptr,
                               .len = wish->data.len,
                               .limit = wish->data.len};
    return ph_phat_record_encode(wish->file, &rec, out);
}

static void share(struct ph_node *node, const struct ph_record_wish *wish, bool renewal)
{
    struct put_job *j = node->records ? calloc(1, sizeof(*j)) : NULL;

    if (!j) {
        wish->done(wish->ctx, node->records ? PH_ERR_NOMEM : PH_OK);
        return;
    }
    j->job = (struct ph_job){.work = put_work, .done = put_done};
    j->records = node->records;
    j->file = wish->file;
    j->phat = wish->phat;
    j->sequence = wish->request->sequence;
    j->deletion = wish->file == PH_PHAT_BUNDLE && wish->data.len == 0;
    j->renewal = renewal;
    j->done = wish->done;
    j->ctx = wish->ctx;
    j->record = PH_BUF(PH_PHAT_RECORD_MAX);
    if (encode(wish, (uint64_t)ph_loop_wall_ms(node->loop), &j->record) != PH_OK) {
        ph_buf_clear(&j->record);
        free(j);
        wish->done(wish->ctx, PH_ERR_NOMEM);
        return;
    }
    ph_offload_add(node->records->thread, &j->job, false);
}

void ph_record_share(struct ph_node *node, const struct ph_record_wish *wish)
{
    share(node, wish, false);
}

static void ignore(void *ctx, enum ph_err err)
{
    (void)ctx;
    (void)err;
}

void ph_record_renew(struct ph_node *node, enum ph_phat_file file, const struct ph_phat_id *phat,
                     const struct ph_owner_request *request, const uint8_t sig[static 65],
                     struct ph_bytes data)
{
    const struct ph_record_wish wish = {
        .file = file, .phat = *phat, .request = request, .sig = sig, .data = data, .done = ignore};

    share(node, &wish, true);
}

void ph_record_refuse(struct ph_http_req *req, enum ph_err err)
{
    if (err == PH_ERR_CONFLICT)
        ph_answer_error(req, 409, "stale-sequence",
                        "another worker accepted a change with this or a higher sequence; read the "
                        "phat and sign a higher one");
    else
        ph_answer_error(req, 503, "storage",
                        "the cluster's database did not confirm the change: it may be stored or "
                        "not; read the phat, or try again with a higher sequence");
}

/* Changes made elsewhere: nothing in the database is believed. */

static enum ph_err judge(struct ph_node *node, const struct ph_phat_record *rec)
{
    return memcmp(rec->request.cluster.b, node->identity.cluster.b,
                  sizeof(rec->request.cluster.b)) == 0 &&
                   ph_api_owner_is_allowed(node->config, &rec->owner)
               ? PH_OK
               : PH_ERR_UNTRUSTED;
}

static enum ph_err apply_deploy(struct ph_node *node, const struct ph_phat_id *id,
                                const struct ph_phat_record *rec)
{
    struct ph_bundle_info info = {0};
    struct ph_version *version = NULL;
    struct ph_json_why why = {""};
    struct ph_phat *phat;

    PH_TRY(ph_bundle_open(ph_buf_view(&rec->data), &info, &why));
    enum ph_err err = memcmp(info.hash.b, rec->request.content.b, 32) == 0 &&
                              strcmp(info.manifest.name, rec->request.name) == 0
                          ? PH_OK
                          : PH_ERR_UNTRUSTED;
    if (err == PH_OK)
        err = ph_phats_ensure(node->phats, id, &rec->owner, &phat);
    if (err == PH_OK)
        err = ph_version_new(&info, &rec->request, rec->sig, &version);
    ph_manifest_clear(&info.manifest);
    PH_TRY(err);
    err = ph_phat_put(phat, version, ph_buf_view(&rec->data));
    if (err != PH_OK) {
        ph_version_unref(version);
        ph_phat_release(phat);
        return err;
    }
    ph_instance_retire(phat);
    if (phat->version->code_epoch != 0) /* its key may be of an older epoch */
        ph_rekey_wake(node);
    return PH_OK;
}

static enum ph_err apply_bundle(struct ph_node *node, const struct ph_phat_id *id,
                                const struct ph_phat_record *rec)
{
    struct ph_phat *phat = ph_phats_find(node->phats, id);

    if (phat && rec->request.sequence <= phat->bundle_sequence)
        return phat->bundle_sequence == rec->request.sequence ? PH_OK : PH_ERR_CONFLICT;
    if (strcmp(rec->request.action, "deploy") == 0)
        return apply_deploy(node, id, rec);
    if (strcmp(rec->request.action, "delete") != 0)
        return PH_ERR_UNTRUSTED;
    PH_TRY(ph_phats_ensure(node->phats, id, &rec->owner, &phat));
    ph_instance_retire(phat);
    return ph_phat_drop(phat, &rec->request, rec->sig);
}

static enum ph_err apply_secrets(struct ph_node *node, const struct ph_phat_id *id,
                                 const struct ph_phat_record *rec)
{
    struct ph_phat *phat = ph_phats_find(node->phats, id);

    if (strcmp(rec->request.action, "secrets") != 0)
        return PH_ERR_UNTRUSTED;
    if (!phat || !phat->version) /* its bundle comes later, and asks for them again */
        return PH_OK;
    if (rec->request.sequence <= phat->secrets_sequence ||
        rec->request.sequence <= phat->secrets_floor)
        return phat->secrets_sequence == rec->request.sequence ? PH_OK : PH_ERR_CONFLICT;
    ph_instance_retire(phat);
    return ph_phat_put_secrets(phat, &rec->request, rec->sig, ph_buf_view(&rec->data));
}

static enum ph_err apply(struct ph_node *node, const struct poll_job *j)
{
    struct ph_phat_record rec;

    PH_TRY(ph_phat_record_parse(ph_buf_view(&j->record), j->file, &j->phat, &rec));
    enum ph_err err = judge(node, &rec);
    if (err == PH_OK)
        err = j->file == PH_PHAT_BUNDLE ? apply_bundle(node, &j->phat, &rec)
                                        : apply_secrets(node, &j->phat, &rec);
    ph_phat_record_clear(&rec);
    return err;
}

static struct poll_job *new_poll(struct ph_records *r, void (*work)(struct ph_job *),
                                 void (*done)(struct ph_job *, bool))
{
    struct poll_job *j = calloc(1, sizeof(*j));

    if (!j)
        return NULL;
    j->job = (struct ph_job){.work = work, .done = done};
    j->records = r;
    j->record = PH_BUF(PH_PHAT_RECORD_MAX);
    return j;
}

static void free_poll(struct poll_job *j)
{
    ph_buf_clear(&j->record);
    free(j);
}

/* The database does not answer: said once, until it does again. */
static void poll_failed(struct ph_records *r, const char *why)
{
    if (!r->failing)
        ph_log(PH_LOG_WARN, "the cluster's records cannot be read", "why", why, NULL);
    r->failing = true;
    poll_later(r);
}

static void read_work(struct ph_job *job)
{
    struct poll_job *j = (struct poll_job *)job;

    j->err = ph_record_read(j->records->store, j->file, &j->phat, &j->record, j->why);
}

static void read_done(struct ph_job *job, bool dropped);

/* This change is dealt with. */
static void seen(struct ph_records *r)
{
    const struct ph_record_change *c = &r->changes[r->at++];

    ph_bring_note(r->node, &c->phat, c->file, c->sequence);
    r->since = c->change;
}

static void read_record(struct ph_records *r, enum ph_phat_file file, const struct ph_phat_id *phat)
{
    struct poll_job *j = new_poll(r, read_work, read_done);

    if (!j) {
        poll_failed(r, "no memory");
        return;
    }
    j->file = file;
    j->phat = *phat;
    ph_offload_add(r->thread, &j->job, false);
}

static void read_done(struct ph_job *job, bool dropped)
{
    struct poll_job *j = (struct poll_job *)job;
    struct ph_records *r = j->records;
    const enum ph_phat_file file = j->file;
    const struct ph_phat_id phat = j->phat;
    char id[41];

    enum ph_err err = dropped ? PH_ERR_CLOSED : j->err;
    if (err == PH_OK) {
        err = apply(r->node, j);
        ph_hex_encode(PH_BYTES_OF(phat.b), id);
        if (err != PH_OK) {
            ph_log(PH_LOG_ERROR, "a record of the cluster is refused", "phat", id, "error",
                   err == PH_ERR_CONFLICT ? "older than what was seen: rolled back"
                                          : ph_err_name(err),
                   NULL);
            err = PH_OK;
        }
    }
    free_poll(j);
    if (dropped)
        return;
    if (err != PH_OK && err != PH_ERR_NOT_FOUND) {
        poll_failed(r, "a record could not be read");
        return;
    }
    if (file == PH_PHAT_BUNDLE) { /* its secrets may have come before it */
        read_record(r, PH_PHAT_SECRETS, &phat);
        return;
    }
    seen(r);
    next_change(r);
}

static void brought(void *ctx, enum ph_err err)
{
    struct ph_records *r = ctx;

    r->brought = err == PH_OK;
    if (err == PH_OK)
        poll_later(r);
    else if (err != PH_ERR_CLOSED)
        poll_failed(r, "a record of this worker was not stored");
}

static bool is_news(const struct ph_records *r, const struct ph_record_change *c)
{
    const struct ph_phat *phat = ph_phats_find(r->node->phats, &c->phat);

    if (c->file == PH_PHAT_SECRETS)
        return phat && phat->version && c->sequence != phat->secrets_sequence;
    return !phat || c->sequence != phat->bundle_sequence;
}

static void next_change(struct ph_records *r)
{
    for (; r->at < r->cnt; seen(r)) {
        const struct ph_record_change *c = &r->changes[r->at];
        if (is_news(r, c)) {
            read_record(r, c->file, &c->phat);
            return;
        }
    }
    if (r->brought || r->cnt == PH_RECORDS_AT_ONCE)
        poll_later(r);
    else
        ph_bring_begin(&r->bring, r->node, brought, r);
}

static void list_work(struct ph_job *job)
{
    struct poll_job *j = (struct poll_job *)job;
    struct ph_records *r = j->records;

    j->err = ph_record_changes(r->store, r->since, r->changes, &r->cnt, j->why);
}

static void list_done(struct ph_job *job, bool dropped)
{
    struct poll_job *j = (struct poll_job *)job;
    struct ph_records *r = j->records;

    if (!dropped && j->err != PH_OK) {
        poll_failed(r, j->why);
    } else if (!dropped) {
        r->failing = false;
        r->at = 0;
        next_change(r);
    }
    free_poll(j);
}

static void poll_now(void *ctx)
{
    struct ph_records *r = ctx;
    struct poll_job *j = new_poll(r, list_work, list_done);

    if (j)
        ph_offload_add(r->thread, &j->job, false);
    else
        poll_failed(r, "no memory");
}

static void poll_later(struct ph_records *r)
{
    const bool more = !r->failing && r->cnt == PH_RECORDS_AT_ONCE;

    if (ph_timer_arm(r->node->loop, &r->timer, more ? 0 : POLL_MS, poll_now, r) != PH_OK)
        ph_node_fatal(r->node, "out of memory for timers");
}

enum ph_err ph_records_open(struct ph_node *node)
{
    if (!node->config->cluster_url)
        return PH_OK;
    struct ph_records *r = node->records = calloc(1, sizeof(*r));
    if (!r)
        return PH_ERR_NOMEM;
    r->node = node;
    PH_TRY(ph_record_store_new(node->config->state_url, &r->store));
    PH_TRY(ph_offload_start(node->loop, &r->thread));
    poll_now(r);
    return PH_OK;
}

void ph_records_close(struct ph_node *node)
{
    struct ph_records *r = node->records;

    if (!r)
        return;
    ph_offload_stop(r->thread);
    ph_bring_clear(&r->bring);
    ph_timer_cancel(node->loop, &r->timer);
    ph_record_store_free(r->store);
    free(r);
    node->records = NULL;
}
