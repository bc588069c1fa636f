/* POST /verify, as dstack's verifier answers. Facts of its format: dstack's verifier, types.rs. */

#include "node/verify_judge_priv.h"

#include "attest/dstack_doc.h"
#include "attest/eventlog/dstack_mr.h"
#include "base/own.h"
#include "crypto/hash.h"

#include <stdio.h>
#include <stdlib.h>

/* How far the proof of one request went. */
struct proof {
    struct ph_collateral_key key;
    struct ph_verdict verdict; /* of the quote; then of quote and event log */
    bool quote_verified, event_log_verified;
    const struct ph_os_image *image; /* the operator's, with these registers; NULL: not verified */
    char reason[768];
};

/* dstack leaves the TCB status to its caller, and so do we: every status that any policy can
 * accept. The rest stays strict: no debug, no migration, SEPT_VE_DISABLE on. */
static struct ph_policy *dstack_policy(void)
{
    struct ph_policy *p = calloc(1, sizeof(*p));

    if (p) {
        p->statuses = UINT32_MAX; /* Revoked, NoMatchingLevel and Unknown are never accepted */
        p->any_measurement = true;
    }
    return p;
}

static void say(struct proof *p, const char *what, const struct ph_verdict *v)
{
    (void)snprintf(p->reason, sizeof(p->reason), "%s: %s. %s", what, v->reason, v->sentence);
}

static enum ph_err judge(const struct ph_verify_env *env, struct ph_bytes quote,
                         struct ph_bytes log, const uint8_t *image_hash, struct proof *p)
{
    struct ph_collateral *collateral PH_OWNED(ph_collateral_freep) = NULL;
    struct ph_policy *policy PH_OWNED(ph_freep) = dstack_policy();
    struct ph_json_why why = {""};

    if (!policy)
        return PH_ERR_NOMEM;
    struct ph_verify_args args = {.quote = quote,
                                  .roots = env->roots,
                                  .policy = policy,
                                  .report_data_unchecked = true, /* the caller compares it */
                                  .now_s = env->now_s};
    enum ph_err err = ph_collateral_key_of(quote, &p->key);
    if (err == PH_OK)
        err = env->find(env->ctx, &p->key, &collateral, &why);
    if (err == PH_ERR_NOMEM)
        return err;
    args.collateral = collateral;
    p->quote_verified = ph_quote_verify_with(&args, &p->verdict) == PH_OK;
    if (!p->quote_verified && err != PH_OK && why.text[0]) {
        (void)snprintf(p->reason, sizeof(p->reason), "quote not verified: %s", why.text);
        return PH_OK;
    }
    if (!p->quote_verified) {
        say(p, "quote not verified", &p->verdict);
        return PH_OK;
    }
    args.event_log = &log;
    struct ph_verdict *both PH_OWNED(ph_freep) = malloc(sizeof(*both));
    if (!both)
        return PH_ERR_NOMEM;
    p->event_log_verified = ph_quote_verify_with(&args, both) == PH_OK;
    if (!p->event_log_verified) {
        say(p, "event log not verified", both);
        return PH_OK;
    }
    p->verdict = *both;
    if (image_hash)
        p->image = ph_os_images_find(env->images, image_hash, &p->verdict.claims.tdx);
    if (!p->image)
        (void)snprintf(
            p->reason, sizeof(p->reason),
            "OS image not verified: %s. Compare mrtd and rtmr0 to rtmr2 with those of an "
            "image you trust",
            image_hash ? "this worker knows no image of that hash with these registers"
                       : "vm_config names no os_image_hash");
    return PH_OK;
}

static void put_opt(struct ph_jput *out, const char *key, bool has, struct ph_bytes bytes)
{
    ph_jput_hex(out, key, has ? bytes : (struct ph_bytes){NULL, 0});
}

static void put_advisories(struct ph_jput *out, const char *key, const struct ph_verdict *v)
{
    ph_jput_array(out, key);
    for (size_t i = 0; i < v->advisory_cnt; i++)
        ph_jput_str(out, NULL, v->advisories[i]);
    ph_jput_close(out);
}

/* The members that app_info and boot_info share, in the spelling of each. What was not measured is
 * empty. */
static void put_identity(struct ph_jput *out, const struct proof *p, bool camel)
{
    const struct ph_event_claims *e = &p->verdict.claims.events;
    uint8_t device[32];

    ph_sha256(PH_BYTES_OF(p->key.ppid), device);
    put_opt(out, camel ? "appId" : "app_id", e->has_app_id, PH_BYTES_OF(e->app_id));
    put_opt(out, camel ? "composeHash" : "compose_hash", e->has_compose_hash,
            PH_BYTES_OF(e->compose_hash));
    put_opt(out, camel ? "instanceId" : "instance_id", e->has_instance_id,
            PH_BYTES_OF(e->instance_id));
    ph_jput_hex(out, camel ? "deviceId" : "device_id", PH_BYTES_OF(device));
    ph_jput_hex(out, camel ? "mrSystem" : "mr_system", PH_BYTES_OF(e->mr_system));
    ph_jput_hex(out, camel ? "mrAggregated" : "mr_aggregated", PH_BYTES_OF(e->mr_aggregated));
    put_opt(out, camel ? "osImageHash" : "os_image_hash", p->image || e->has_os_image_hash,
            p->image ? PH_BYTES_OF(p->image->hash) : PH_BYTES_OF(e->os_image_hash));
    put_opt(out, camel ? "keyProviderInfo" : "key_provider_info", e->has_key_provider,
            (struct ph_bytes){e->key_provider, e->key_provider_len});
}

static void put_app_info(struct ph_jput *out, const struct proof *p)
{
    const struct ph_tdx_body *td = &p->verdict.claims.tdx;

    if (!p->event_log_verified) {
        ph_jput_null(out, "app_info");
        return;
    }
    ph_jput_object(out, "app_info");
    put_identity(out, p, false);
    ph_jput_hex(out, "mrtd", PH_BYTES_OF(td->mr_td));
    ph_jput_hex(out, "rtmr0", PH_BYTES_OF(td->rtmr0));
    ph_jput_hex(out, "rtmr1", PH_BYTES_OF(td->rtmr1));
    ph_jput_hex(out, "rtmr2", PH_BYTES_OF(td->rtmr2));
    ph_jput_hex(out, "rtmr3", PH_BYTES_OF(td->rtmr3));
    ph_jput_close(out);

    ph_jput_object(out, "boot_info");
    ph_jput_str(out, "teeVariant", "dstack-tdx");
    put_identity(out, p, true);
    ph_jput_str(out, "tcbStatus", ph_tcb_status_name(p->verdict.status));
    put_advisories(out, "advisoryIds", &p->verdict);
    ph_jput_close(out);
}

static void put_provider(struct ph_jput *out, const struct proof *p)
{
    struct ph_dstack_provider provider;

    if (!p->event_log_verified ||
        ph_dstack_provider(&p->verdict.claims.events, &provider) != PH_OK) {
        ph_jput_null(out, "key_provider");
        return;
    }
    ph_jput_object(out, "key_provider");
    ph_jput_str(out, "name", provider.name);
    ph_jput_hex(out, "id", (struct ph_bytes){provider.id, provider.id_len});
    ph_jput_close(out);
}

/* RTMR0 covers the ACPI tables: equal to a trusted value, so are they. */
static void put_image(struct ph_jput *out, const struct ph_os_image *image)
{
    ph_jput_bool(out, "os_image_hash_verified", image != NULL);
    ph_jput_bool(out, "acpi_tables_verified", image != NULL);
    if (image && image->has_is_dev)
        ph_jput_bool(out, "os_image_is_dev", image->is_dev);
    else
        ph_jput_null(out, "os_image_is_dev");
    if (image && image->version[0])
        ph_jput_str(out, "os_image_version", image->version);
    else
        ph_jput_null(out, "os_image_version");
}

static void put_details(struct ph_jput *out, const struct proof *p)
{
    const struct ph_verdict *v = &p->verdict;

    ph_jput_object(out, "details");
    ph_jput_bool(out, "quote_verified", p->quote_verified);
    ph_jput_bool(out, "event_log_verified", p->event_log_verified);
    put_image(out, p->image);
    if (p->quote_verified) {
        ph_jput_str(out, "tee_variant", "dstack-tdx");
        ph_jput_hex(out, "report_data", PH_BYTES_OF(v->claims.report_data));
        ph_jput_str(out, "tcb_status", ph_tcb_status_name(v->status));
        put_advisories(out, "advisory_ids", v);
    } else {
        ph_jput_null(out, "tee_variant");
        ph_jput_null(out, "report_data");
        ph_jput_null(out, "tcb_status");
        ph_jput_array(out, "advisory_ids");
        ph_jput_close(out);
    }
    put_provider(out, p);
    put_app_info(out, p);
    ph_jput_close(out);
}

static void answer(const struct proof *p, struct ph_verify_answer *out)
{
    struct ph_jput put = {.out = &out->body};

    out->status = 200;
    ph_jput_object(&put, NULL);
    ph_jput_bool(&put, "is_valid", p->image != NULL);
    put_details(&put, p);
    if (p->image)
        ph_jput_null(&put, "reason");
    else
        ph_jput_str(&put, "reason", p->reason);
    ph_jput_close(&put);
    if (ph_jput_end(&put) != PH_OK)
        ph_verify_error(out, 500, "internal", "the answer could not be written");
}

static bool given(const struct ph_jdoc *json, uint32_t t)
{
    return t != 0 && json->toks[t].type != PH_JNULL;
}

/* "os_image_hash" of vm_config, which is JSON text: whatever else it says is the host's word. */
static enum ph_err read_vm_config(const struct ph_jdoc *json, uint8_t hash[static 32], bool *has)
{
    enum { VM_CONFIG_MAX = 65536, VM_CONFIG_TOKENS = 1024 };
    struct ph_buf keep PH_OWNED(ph_buf_clear) = PH_BUF(VM_CONFIG_MAX);
    struct ph_jtok *toks PH_OWNED(ph_freep) = malloc(VM_CONFIG_TOKENS * sizeof(*toks));
    const uint32_t t = ph_jscan_get(json, 0, "vm_config");
    struct ph_json_why why;
    struct ph_jdoc doc;

    *has = false;
    if (!toks)
        return PH_ERR_NOMEM;
    if (!given(json, t))
        return PH_OK;
    if (json->toks[t].type == PH_JOBJECT)
        PH_TRY(ph_buf_add(&keep, ph_jscan_raw(json, t)));
    else
        PH_TRY(ph_jread_unescape(json, t, &keep));
    if (keep.len == 0) /* guests without one send "" */
        return PH_OK;
    PH_TRY(ph_jread_open(ph_buf_view(&keep), VM_CONFIG_MAX, toks, VM_CONFIG_TOKENS, &doc, &why));
    return ph_jread_hex(&doc, 0, "", "os_image_hash", hash, 32, has, &why);
}

static void verify(const struct ph_verify_env *env, const struct ph_jdoc *json,
                   struct ph_verify_answer *out)
{
    struct ph_buf quote PH_OWNED(ph_buf_clear) = PH_BUF(PH_QUOTE_MAX);
    struct ph_buf log_text PH_OWNED(ph_buf_clear) = PH_BUF(PH_EVENT_LOG_MAX);
    struct proof *proof PH_OWNED(ph_freep) = calloc(1, sizeof(*proof));
    const uint32_t quote_tok = ph_jscan_get(json, 0, "quote");
    uint8_t image_hash[32];
    bool has_image;
    struct ph_bytes log;

    if (!proof) {
        ph_verify_error(out, 500, "internal", "out of memory");
        return;
    }
    if (given(json, ph_jscan_get(json, 0, "attestation"))) {
        (void)snprintf(proof->reason, sizeof(proof->reason),
                       "attestation blobs are not read here; send quote, event_log and vm_config");
        answer(proof, out);
        return;
    }
    if (!given(json, quote_tok) || ph_dstack_read_hex(json, quote_tok, &quote) != PH_OK) {
        ph_verify_error(out, 400, "bad-request", "quote: expected at most 64 KiB in hexadecimal");
        return;
    }
    if (ph_dstack_read_log(json, "event_log", &log_text, &log) != PH_OK || log.len == 0) {
        ph_verify_error(out, 400, "bad-request",
                        "event_log: expected the log as JSON text or as an array");
        return;
    }
    if (read_vm_config(json, image_hash, &has_image) != PH_OK) {
        ph_verify_error(out, 400, "bad-request",
                        "vm_config: expected JSON, with os_image_hash in hexadecimal");
        return;
    }
    if (judge(env, ph_buf_view(&quote), log, has_image ? image_hash : NULL, proof) != PH_OK)
        ph_verify_error(out, 500, "internal", "out of memory");
    else
        answer(proof, out);
}

void ph_verify_dstack(const struct ph_verify_env *env, struct ph_bytes body,
                      struct ph_verify_answer *out)
{
    static const char *const allowed[] = {"quote", "event_log", "vm_config",   "attestation",
                                          "debug", "pccs_url",  "report_data", NULL};
    struct ph_verify_request request = {.toks = NULL};

    if (ph_verify_open(body, allowed, &request, out))
        verify(env, &request.json, out);
    free(request.toks);
}
