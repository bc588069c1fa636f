#include "node/phats.h"

#include "base/hex.h"
#include "base/log.h"
#include "base/own.h"
#include "codec/bundle.h"
#include "codec/code.h"
#include "node/call_gate.h"
#include "node/guest_agent.h"
#include "node/instances.h"
#include "node/keyd_secrets.h"
#include "node/keys.h"
#include "node/wipe.h"
#include "store/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUCKETS = 4096, PHATS_MAX = 100000 };

struct ph_phats {
    struct ph_node *node;
    int dir_fd;
    size_t cnt;
    struct ph_phat *buckets[BUCKETS];
};

/* Encrypted code: what lies in the clear. */
static enum ph_err open_encrypted(const struct ph_tar *tar, struct ph_bundle_info *out,
                                  struct ph_json_why *why)
{
    char reason[PH_CODE_WHY_LEN];
    struct ph_code code;

    const enum ph_err err = ph_code_parse(tar, &code, reason);
    if (err != PH_OK || code.epoch == 0) {
        (void)snprintf(why->text, sizeof(why->text), "%s",
                       err != PH_OK ? reason : "code: phat.code names no key epoch");
        return PH_ERR_MALFORMED;
    }
    PH_TRY(ph_manifest_parse(code.manifest, &out->manifest, why));
    if (out->manifest.wallet) {
        (void)snprintf(why->text, sizeof(why->text),
                       "phat.json: wallet: a phat whose code is encrypted has none, because "
                       "phala-keyd could not tell that this phat.json is the bundle's");
        ph_manifest_clear(&out->manifest);
        return PH_ERR_MALFORMED;
    }
    out->hash = code.bundle_hash;
    out->code_epoch = code.epoch;
    return PH_OK;
}

enum ph_err ph_bundle_open(struct ph_bytes archive, struct ph_bundle_info *out,
                           struct ph_json_why *why)
{
    struct ph_tar *tar PH_OWNED(ph_freep) = malloc(sizeof(*tar));
    struct ph_bundle_info info = {0};
    char reason[128] = "";

    if (!tar)
        return PH_ERR_NOMEM;
    const enum ph_err err = ph_tar_parse(archive, tar, reason);
    if (err != PH_OK) {
        (void)snprintf(why->text, sizeof(why->text), "bundle: %s", reason);
        return err;
    }
    if (ph_code_is_in(tar))
        return open_encrypted(tar, out, why);
    const struct ph_tar_file *manifest = ph_tar_find(tar, PH_BYTES_LIT("phat.json"));
    if (!manifest) {
        (void)snprintf(why->text, sizeof(why->text), "bundle: has no phat.json");
        return PH_ERR_MALFORMED;
    }
    ph_bundle_hash_tar(tar, &info.hash);
    PH_TRY(ph_manifest_parse(manifest->data, &info.manifest, why));
    if (!ph_tar_find(tar, ph_bytes_str(info.manifest.main_file))) {
        (void)snprintf(why->text, sizeof(why->text),
                       "bundle: phat.json names main \"%.100s\", which is not in it",
                       info.manifest.main_file);
        ph_manifest_clear(&info.manifest);
        return PH_ERR_MALFORMED;
    }
    *out = info;
    return PH_OK;
}

enum ph_err ph_version_new(struct ph_bundle_info *info, const struct ph_owner_request *request,
                           const uint8_t sig[static 65], struct ph_version **out)
{
    struct ph_version *v = calloc(1, sizeof(*v));
    if (!v)
        return PH_ERR_NOMEM;
    v->refs = 1;
    v->request = *request;
    memcpy(v->sig, sig, sizeof(v->sig));
    v->bundle_hash = info->hash;
    v->manifest = info->manifest;
    v->code_epoch = info->code_epoch;
    info->manifest = (struct ph_manifest){0};
    *out = v;
    return PH_OK;
}

struct ph_version *ph_version_ref(struct ph_version *version)
{
    version->refs++;
    return version;
}

void ph_version_unref(struct ph_version *version)
{
    if (!version || --version->refs > 0)
        return;
    ph_manifest_clear(&version->manifest);
    free(version);
}

static size_t bucket_of(const struct ph_phat_id *id)
{
    return ((size_t)id->b[0] << 8 | id->b[1]) % BUCKETS; /* ids are hashes */
}

struct ph_phat *ph_phats_find(const struct ph_phats *phats, const struct ph_phat_id *id)
{
    for (struct ph_phat *p = phats->buckets[bucket_of(id)]; p; p = p->next)
        if (memcmp(p->id.b, id->b, sizeof(id->b)) == 0)
            return p;
    return NULL;
}

enum ph_err ph_phats_ensure(struct ph_phats *phats, const struct ph_phat_id *id,
                            const struct ph_eth_address *owner, struct ph_phat **out)
{
    struct ph_phat *p = ph_phats_find(phats, id);

    if (!p) {
        if (phats->cnt == PHATS_MAX)
            return PH_ERR_LIMIT;
        p = calloc(1, sizeof(*p));
        if (!p)
            return PH_ERR_NOMEM;
        p->id = *id;
        p->owner = *owner;
        p->node = phats->node;
        ph_hex_encode(PH_BYTES_OF(id->b), p->id_text);
        ph_phat_log_init(&p->log);
        p->next = phats->buckets[bucket_of(id)];
        phats->buckets[bucket_of(id)] = p;
        phats->cnt++;
    }
    *out = p;
    return PH_OK;
}

void ph_phat_release(struct ph_phat *phat)
{
    struct ph_phats *phats = phat->node->phats;

    if (!phats || phat->version || phat->sequence > 0 || phat->holders > 0 || phat->deploying ||
        phat->calls > 0 || phat->log.followers)
        return;
    for (struct ph_phat **at = &phats->buckets[bucket_of(&phat->id)]; *at; at = &(*at)->next)
        if (*at == phat) {
            *at = phat->next;
            break;
        }
    phats->cnt--;
    ph_timer_cancel(phat->node->loop, &phat->cron_timer);
    ph_phat_log_clear(&phat->log);
    free(phat);
}

void ph_phats_each(const struct ph_phats *phats, void (*fn)(void *ctx, struct ph_phat *phat),
                   void *ctx)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct ph_phat *p = phats->buckets[i]; p; p = p->next)
            fn(ctx, p);
}

static void arm_cron(struct ph_phat *phat);

static void cron_fire(void *ctx)
{
    struct ph_phat *phat = ctx;
    const int64_t now_s = ph_loop_wall_ms(phat->node->loop) / 1000;

    if (!phat->version || phat->node->stopping)
        return;
    for (size_t i = 0; i < phat->version->manifest.cron_cnt; i++) {
        const struct ph_cron *cron = &phat->version->manifest.cron[i];
        int64_t at;
        if (ph_cron_next(cron, now_s / 60 * 60 - 60, &at) == PH_OK && at == now_s / 60 * 60)
            ph_call_gate_scheduled(phat->node, phat, cron->text, at * 1000);
    }
    arm_cron(phat);
}

static void arm_cron(struct ph_phat *phat)
{
    const int64_t now_ms = ph_loop_wall_ms(phat->node->loop);
    int64_t first = INT64_MAX, at;

    ph_timer_cancel(phat->node->loop, &phat->cron_timer);
    if (!phat->version)
        return;
    for (size_t i = 0; i < phat->version->manifest.cron_cnt; i++)
        if (ph_cron_next(&phat->version->manifest.cron[i], now_ms / 1000, &at) == PH_OK &&
            at < first)
            first = at;
    if (first != INT64_MAX && ph_timer_arm(phat->node->loop, &phat->cron_timer,
                                           first * 1000 - now_ms, cron_fire, phat) != PH_OK)
        ph_log(PH_LOG_ERROR, "cron trigger not armed: out of memory", "phat", phat->id_text, NULL);
}

static void set_version(struct ph_phat *phat, struct ph_version *version)
{
    if (!phat->version != !version)
        phat->node->metrics.phats += version ? 1 : (uint64_t)-1;
    ph_version_unref(phat->version);
    phat->version = version;
    arm_cron(phat);
    ph_guest_agent_follow(phat);
}

/* Its state is to be wiped. */
static void note_deletion(struct ph_phat *phat, const struct ph_owner_request *request,
                          const uint8_t sig[static 65])
{
    phat->unwiped = true;
    phat->deletion = *request;
    memcpy(phat->deletion_sig, sig, sizeof(phat->deletion_sig));
}

static enum ph_err load_one(struct ph_phats *phats, const struct ph_phat_id *id)
{
    struct ph_phat_record rec;
    struct ph_phat *phat;
    struct ph_bundle_info info = {0};
    struct ph_version *version;
    struct ph_json_why why;

    PH_TRY(ph_phat_load(phats->dir_fd, PH_PHAT_BUNDLE, id, &rec));
    struct ph_buf data PH_OWNED(ph_buf_clear) = rec.data;
    PH_TRY(ph_phats_ensure(phats, id, &rec.owner, &phat));
    phat->sequence = rec.request.sequence;
    phat->changed_ms = rec.time_ms;
    phat->bundle_sequence = rec.request.sequence;
    if (data.len == 0) {
        phat->secrets_floor = rec.request.sequence;
        if (strcmp(rec.request.action, "delete") != 0)
            return PH_ERR_UNTRUSTED;
        note_deletion(phat, &rec.request, rec.sig);
        return PH_OK;
    }
    if (strcmp(rec.request.action, "deploy") != 0)
        return PH_ERR_UNTRUSTED;
    PH_TRY(ph_bundle_open(ph_buf_view(&data), &info, &why));
    enum ph_err err =
        memcmp(info.hash.b, rec.request.content.b, 32) == 0 ? PH_OK : PH_ERR_UNTRUSTED;
    if (err == PH_OK)
        err = ph_version_new(&info, &rec.request, rec.sig, &version);
    ph_manifest_clear(&info.manifest);
    PH_TRY(err);
    set_version(phat, version);

    struct ph_phat_record secrets;
    err = ph_phat_load(phats->dir_fd, PH_PHAT_SECRETS, id, &secrets);
    if (err == PH_OK && strcmp(secrets.request.action, "secrets") != 0) {
        ph_phat_record_clear(&secrets);
        err = PH_ERR_UNTRUSTED;
    }
    if (err == PH_OK) {
        phat->secrets_sequence = secrets.request.sequence;
        if (secrets.request.sequence > phat->sequence)
            phat->sequence = secrets.request.sequence;
        ph_phat_record_clear(&secrets);
    } else if (err != PH_ERR_NOT_FOUND) {
        ph_log(PH_LOG_ERROR, "stored secrets do not verify and are left out; set them again",
               "phat", phat->id_text, "error", ph_err_name(err), NULL);
    }
    return PH_OK;
}

/* Secrets whose file is gone are not the same as none: their phat must not run without them. */
static enum ph_err find_lost(struct ph_phats *phats)
{
    struct ph_buf known PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    struct ph_phat_id id;
    char why[PH_KEYD_WHY_LEN];

    PH_TRY(ph_keyd_secrets_known(phats->node->keyd, &known, why));
    struct ph_reader r = {ph_buf_view(&known)};
    while (ph_read_copy(&r, id.b, sizeof(id.b))) {
        struct ph_phat *phat = ph_phats_find(phats, &id);
        if (phat && phat->version && phat->secrets_sequence == 0)
            phat->secrets_lost = true;
    }
    return PH_OK;
}

enum ph_err ph_phats_open(struct ph_node *node, struct ph_phats **out)
{
    struct ph_phats *phats = calloc(1, sizeof(*phats));
    struct ph_phat_id *ids PH_OWNED(ph_freep) = calloc(PHATS_MAX, sizeof(*ids));
    int data_fd PH_OWNED(ph_closep) = -1;
    size_t cnt = 0;

    if (!phats || !ids) {
        free(phats);
        return PH_ERR_NOMEM;
    }
    phats->node = node;
    phats->dir_fd = -1;
    enum ph_err err = ph_dir_open(AT_FDCWD, node->config->data_dir, &data_fd);
    if (err == PH_OK)
        err = ph_dir_open(data_fd, "phats", &phats->dir_fd);
    if (err == PH_OK)
        err = ph_phat_list(phats->dir_fd, ids, PHATS_MAX, &cnt);
    if (err != PH_OK) {
        ph_phats_close(phats);
        return err;
    }
    for (size_t i = 0; i < cnt; i++) {
        char id[41];
        ph_hex_encode(PH_BYTES_OF(ids[i].b), id);
        err = load_one(phats, &ids[i]);
        if (err != PH_OK)
            ph_log(PH_LOG_ERROR, "a stored phat does not verify and is left out; deploy it again",
                   "phat", id, "error", ph_err_name(err), NULL);
    }
    err = find_lost(phats);
    if (err != PH_OK) {
        ph_phats_close(phats);
        return err;
    }
    *out = phats;
    return PH_OK;
}

void ph_phats_close(struct ph_phats *phats)
{
    if (!phats)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        while (phats->buckets[i]) {
            struct ph_phat *p = phats->buckets[i];
            phats->buckets[i] = p->next;
            ph_timer_cancel(phats->node->loop, &p->cron_timer);
            ph_wipe_drop(p);
            ph_version_unref(p->version);
            ph_phat_log_clear(&p->log);
            free(p);
        }
    if (phats->dir_fd >= 0)
        (void)close(phats->dir_fd);
    free(phats);
}

static enum ph_err store(struct ph_phat *phat, enum ph_phat_file file,
                         const struct ph_owner_request *request, const uint8_t sig[static 65],
                         struct ph_bytes data)
{
    struct ph_phat_record rec = {.request = *request,
                                 .time_ms = (uint64_t)ph_loop_wall_ms(phat->node->loop)};

    memcpy(rec.sig, sig, sizeof(rec.sig));
    /* Only read through the view below: the record does not own these bytes. */
    rec.data =
        (struct ph_buf){.ptr = (uint8_t *)(uintptr_t)data.ptr, .len = data.len, .limit = data.len};
    PH_TRY(ph_phat_store(phat->node->phats->dir_fd, file, &phat->id, &rec));
    if (request->sequence > phat->sequence) /* a cluster's records come in another order */
        phat->sequence = request->sequence;
    if (file == PH_PHAT_BUNDLE)
        phat->bundle_sequence = request->sequence;
    phat->changed_ms = rec.time_ms;
    return PH_OK;
}

/* phala-keyd is to remember which secrets are the newest, in its state file too. */
static enum ph_err note_secrets(struct ph_phat *phat, const struct ph_owner_request *request,
                                const uint8_t sig[static 65])
{
    struct ph_buf state PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    char why[PH_KEYD_WHY_LEN] = "";

    enum ph_err err = ph_keyd_secrets_kept(phat->node->keyd, request, sig, &state, why);
    if (err == PH_OK)
        err = ph_keys_store(phat->node, &state);
    if (err != PH_OK)
        ph_log(PH_LOG_ERROR, "the state file does not say which secrets are the newest", "phat",
               phat->id_text, "error", ph_err_name(err), "why", why, NULL);
    return err;
}

enum ph_err ph_phat_put(struct ph_phat *phat, struct ph_version *version, struct ph_bytes archive)
{
    PH_TRY(store(phat, PH_PHAT_BUNDLE, &version->request, version->sig, archive));
    phat->unwiped = false; /* whoever took the bundle has seen to that */
    ph_wipe_end(phat);
    set_version(phat, version);
    return PH_OK;
}

enum ph_err ph_phat_put_rewrapped(struct ph_phat *phat, struct ph_bytes archive, uint32_t epoch)
{
    PH_TRY(store(phat, PH_PHAT_BUNDLE, &phat->version->request, phat->version->sig, archive));
    phat->version->code_epoch = epoch;
    return PH_OK;
}

enum ph_err ph_phat_drop(struct ph_phat *phat, const struct ph_owner_request *request,
                         const uint8_t sig[static 65])
{
    /* Secrets first: a deletion that is acknowledged leaves none, and one that fails can be asked
     * for again. */
    PH_TRY(ph_phat_remove_secrets(phat->node->phats->dir_fd, &phat->id));
    phat->secrets_sequence = 0;
    phat->secrets_floor = request->sequence;
    phat->secrets_lost = false;
    PH_TRY(store(phat, PH_PHAT_BUNDLE, request, sig, (struct ph_bytes){NULL, 0}));
    /* Nobody is made to wait for it: the deletion stands, and its record says so too. */
    if (note_secrets(phat, request, sig) != PH_OK)
        ph_log(PH_LOG_WARN, "secrets of a deleted phat could be shown again to phala-keyd", "phat",
               phat->id_text, NULL);
    set_version(phat, NULL);
    note_deletion(phat, request, sig);
    return PH_OK;
}

enum ph_err ph_phat_put_secrets(struct ph_phat *phat, const struct ph_owner_request *request,
                                const uint8_t sig[static 65], struct ph_bytes sealed)
{
    PH_TRY(store(phat, PH_PHAT_SECRETS, request, sig, sealed));
    phat->secrets_sequence = request->sequence;
    phat->secrets_lost = false;
    return note_secrets(phat, request, sig);
}

enum ph_err ph_phat_read_bundle(const struct ph_phat *phat, const struct ph_version *version,
                                struct ph_buf *out)
{
    struct ph_phat_record rec;
    struct ph_bundle_info info;
    struct ph_json_why why;

    PH_TRY(ph_phat_load(phat->node->phats->dir_fd, PH_PHAT_BUNDLE, &phat->id, &rec));
    struct ph_buf data PH_OWNED(ph_buf_clear) = rec.data;
    PH_TRY(ph_bundle_open(ph_buf_view(&data), &info, &why));
    ph_manifest_clear(&info.manifest);
    /* The disk may have been changed under us: only the bytes that the owner signed are run. */
    if (memcmp(info.hash.b, version->bundle_hash.b, sizeof(info.hash.b)) != 0)
        return PH_ERR_UNTRUSTED;
    ph_buf_clear(out);
    *out = data;
    data = PH_BUF(0);
    return PH_OK;
}

enum ph_err ph_phat_read_secrets_record(const struct ph_phat *phat,
                                        struct ph_owner_request *request, uint8_t sig[static 65],
                                        struct ph_buf *out)
{
    struct ph_phat_record rec;

    PH_TRY(ph_phat_load(phat->node->phats->dir_fd, PH_PHAT_SECRETS, &phat->id, &rec));
    *request = rec.request;
    memcpy(sig, rec.sig, sizeof(rec.sig));
    ph_buf_clear(out);
    *out = rec.data;
    return PH_OK;
}

enum ph_err ph_phat_read_secrets(const struct ph_phat *phat, struct ph_buf *out)
{
    struct ph_phat_record rec;

    const enum ph_err err =
        ph_phat_load(phat->node->phats->dir_fd, PH_PHAT_SECRETS, &phat->id, &rec);
    if (err != PH_OK) {
        ph_log(PH_LOG_ERROR, "stored secrets do not verify; set them again", "phat", phat->id_text,
               "error", ph_err_name(err), NULL);
        return err;
    }
    ph_buf_clear(out);
    *out = rec.data;
    return PH_OK;
}
