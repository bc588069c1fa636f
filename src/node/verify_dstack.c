/* POST /verify, as dstack's verifier answers. Facts of its format: dstack's verifier, types.rs. */

#include "node/verify_judge_priv.h"

#include "attest/dstack_doc.h"
#include "attest/eventlog/dstack_mr.h"
#include "attest/evidence.h"
#include "base/own.h"
#include "crypto/hash.h"

#include <stdio.h>
#include <stdlib.h>

enum { VM_CONFIG_TOKENS = 1024 };

/* How far the proof of one request went. */
struct proof {
    struct ph_collateral_key key;
    struct ph_verdict verdict; /* of the quote; then of quote and event log */
    bool quote_verified, event_log_verified;
    const struct ph_os_image *image; /* the operator's, with these registers; NULL: none */
    bool image_verified;             /* by the operator's list, or by what vm_config measures */
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

/* The quote, report or document by itself; Intel's with the collateral that the worker keeps.
 * Returns PH_ERR_NOMEM alone. */
static enum ph_err judge_quote(const struct ph_verify_env *env, struct ph_evidence_args *args,
                               struct ph_collateral **collateral, struct proof *p)
{
    const struct ph_bytes quote = args->evidence->quote;
    struct ph_json_why why = {""};
    enum ph_err found = PH_OK;

    if (ph_evidence_detect(quote) == PH_EVIDENCE_INTEL &&
        ph_collateral_key_of(quote, &p->key) == PH_OK)
        found = env->find(env->ctx, &p->key, collateral, &why);
    if (found == PH_ERR_NOMEM)
        return found;
    args->collateral = *collateral;
    const enum ph_err err = ph_evidence_verify(args, &p->verdict);
    p->quote_verified = err == PH_OK;
    if (err != PH_OK && found != PH_OK)
        (void)snprintf(p->reason, sizeof(p->reason), "quote not verified: %s", why.text);
    else if (err != PH_OK)
        say(p, "quote not verified", &p->verdict);
    return err == PH_ERR_NOMEM ? err : PH_OK;
}

/* The same quote with its log. Returns PH_ERR_NOMEM alone. */
static enum ph_err judge_log(struct ph_evidence_args *args, const struct ph_evidence *e,
                             struct proof *p)
{
    struct ph_verdict *both PH_OWNED(ph_freep) = malloc(sizeof(*both));

    if (!both)
        return PH_ERR_NOMEM;
    if (e->event_log.len == 0) {
        (void)snprintf(p->reason, sizeof(p->reason),
                       "event log not verified: the attestation shows none of RTMR3");
        return PH_OK;
    }
    args->evidence = e;
    const enum ph_err err = ph_evidence_verify(args, both);
    p->event_log_verified = err == PH_OK;
    if (err == PH_OK)
        p->verdict = *both;
    else
        say(p, "event log not verified", both);
    return err == PH_ERR_NOMEM ? err : PH_OK;
}

static void judge_image(const struct ph_verify_env *env, const uint8_t *hash, struct proof *p)
{
    const struct ph_event_claims *e = &p->verdict.claims.events;

    if (hash)
        p->image = ph_os_images_find(env->images, hash, &p->verdict.claims.tdx);
    p->image_verified = p->image || e->has_image;
    if (!p->image_verified)
        (void)snprintf(
            p->reason, sizeof(p->reason),
            "OS image not verified: %s. Compare mrtd and rtmr0 to rtmr2 with those of an "
            "image you trust",
            hash ? "this worker knows no image of that hash with these registers"
                 : "vm_config names no os_image_hash");
}

static enum ph_err judge(const struct ph_verify_env *env, const struct ph_evidence *e,
                         const uint8_t *image_hash, struct proof *p)
{
    struct ph_collateral *collateral PH_OWNED(ph_collateral_freep) = NULL;
    struct ph_policy *policy PH_OWNED(ph_freep) = dstack_policy();
    struct ph_evidence alone = *e;

    if (!policy)
        return PH_ERR_NOMEM;
    alone.event_log = (struct ph_bytes){0};
    struct ph_evidence_args args = {.evidence = &alone,
                                    .roots = env->roots,
                                    .policy = policy,
                                    .report_data_unchecked = true, /* the caller compares it */
                                    .now_s = env->now_s};
    PH_TRY(judge_quote(env, &args, &collateral, p));
    if (!p->quote_verified)
        return PH_OK;
    if (p->verdict.claims.tee != PH_TEE_TDX) {
        (void)snprintf(p->reason, sizeof(p->reason),
                       "OS image not verified: only a TD has registers to compare with an image's");
        return PH_OK;
    }
    PH_TRY(judge_log(&args, e, p));
    if (p->event_log_verified)
        judge_image(env, image_hash, p);
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
    put_opt(out, camel ? "osImageHash" : "os_image_hash", p->image_verified || e->has_os_image_hash,
            p->image       ? PH_BYTES_OF(p->image->hash)
            : e->has_image ? PH_BYTES_OF(e->image_hash)
                           : PH_BYTES_OF(e->os_image_hash));
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

/* RTMR0 covers the ACPI tables: equal to a trusted value, so are they. What vm_config measures does
 * not say what they should be. */
static void put_image(struct ph_jput *out, const struct proof *p)
{
    const struct ph_os_image *image = p->image;

    ph_jput_bool(out, "os_image_hash_verified", p->image_verified);
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

/* What dstack calls it; of an enclave, which it does not know, nothing. AWS gives Nitro documents
 * no TCB status, and so does dstack. */
static void put_quote(struct ph_jput *out, const struct ph_verdict *v)
{
    static const char *const variants[] = {[PH_TEE_TDX] = "dstack-tdx",
                                           [PH_TEE_SNP] = "dstack-amd-sev-snp",
                                           [PH_TEE_NITRO] = "dstack-nitro-enclave"};
    const enum ph_tee_kind tee = v->claims.tee;

    if (tee < PH_LEN(variants) && variants[tee])
        ph_jput_str(out, "tee_variant", variants[tee]);
    else
        ph_jput_null(out, "tee_variant");
    ph_jput_hex(out, "report_data", PH_BYTES_OF(v->claims.report_data));
    if (tee != PH_TEE_NITRO)
        ph_jput_str(out, "tcb_status", ph_tcb_status_name(v->status));
    else
        ph_jput_null(out, "tcb_status");
    put_advisories(out, "advisory_ids", v);
}

static void put_details(struct ph_jput *out, const struct proof *p)
{
    ph_jput_object(out, "details");
    ph_jput_bool(out, "quote_verified", p->quote_verified);
    ph_jput_bool(out, "event_log_verified", p->event_log_verified);
    put_image(out, p);
    if (p->quote_verified) {
        put_quote(out, &p->verdict);
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
    ph_jput_bool(&put, "is_valid", p->image_verified);
    put_details(&put, p);
    if (p->image_verified)
        ph_jput_null(&put, "reason");
    else
        ph_jput_str(&put, "reason", p->reason);
    ph_jput_close(&put);
    if (ph_jput_end(&put) != PH_OK)
        ph_verify_error(out, 500, "internal", "the answer could not be written");
}

/* "os_image_hash" of vm_config: whatever else it says is the host's word. */
static enum ph_err image_hash_of(struct ph_bytes vm_config, uint8_t hash[static 32], bool *has)
{
    struct ph_jtok *toks PH_OWNED(ph_freep) = malloc(VM_CONFIG_TOKENS * sizeof(*toks));
    struct ph_json_why why;
    struct ph_jdoc doc;

    *has = false;
    if (!toks)
        return PH_ERR_NOMEM;
    if (vm_config.len == 0)
        return PH_OK;
    PH_TRY(ph_jread_open(vm_config, PH_EVIDENCE_MAX, toks, VM_CONFIG_TOKENS, &doc, &why));
    return ph_jread_hex(&doc, 0, "", "os_image_hash", hash, 32, has, &why);
}

/* What was given is evidence as the CLI opens it: attest/dstack_doc.h. */
static enum ph_err verify(const struct ph_verify_env *env, const struct ph_jdoc *json,
                          struct proof *proof, struct ph_json_why *why)
{
    struct ph_evidence_bundle *bundle PH_OWNED(ph_evidence_freep) = NULL;
    uint8_t image_hash[32];
    bool has_image;

    PH_TRY(ph_dstack_doc_open(json->text, &bundle, why));
    const struct ph_evidence *e = ph_evidence_view(bundle);
    if (e->event_log.len == 0 && !ph_dstack_has_blob(json))
        return ph_jread_bad(why, "", "event_log", "expected the log as JSON text or as an array");
    const enum ph_err err = image_hash_of(e->vm_config, image_hash, &has_image);
    if (err == PH_ERR_NOMEM)
        return err;
    if (err != PH_OK)
        return ph_jread_bad(why, "", "vm_config",
                            "expected JSON, with os_image_hash in hexadecimal");
    return judge(env, e, has_image ? image_hash : NULL, proof);
}

void ph_verify_dstack(const struct ph_verify_env *env, struct ph_bytes body,
                      struct ph_verify_answer *out)
{
    static const char *const allowed[] = {"quote", "event_log", "vm_config",   "attestation",
                                          "debug", "pccs_url",  "report_data", NULL};
    struct ph_verify_request request = {.toks = NULL};
    struct proof *proof PH_OWNED(ph_freep) = calloc(1, sizeof(*proof));
    struct ph_json_why why = {""};

    if (ph_verify_open(body, allowed, &request, out)) {
        const enum ph_err err = proof ? verify(env, &request.json, proof, &why) : PH_ERR_NOMEM;
        if (err == PH_OK)
            answer(proof, out);
        else if (err == PH_ERR_NOMEM)
            ph_verify_error(out, 500, "internal", "out of memory");
        else
            ph_verify_error(out, 400, "bad-request", why.text[0] ? why.text : ph_err_name(err));
    }
    free(request.toks);
}
