/* Claims as JSON. Members are named as the makers' documents name them; docs/attestation.md lists
 * them. */

#include "attest/claims_json_priv.h"

#include "attest/amd/snp.h"
#include "attest/eventlog/event_log.h"

#include <stdio.h>

#define PUT_FIELD(name, off, len, what) ph_jput_hex(out, #name, PH_BYTES_OF(b->name));

static void put_sgx(struct ph_jput *out, const struct ph_sgx_body *b)
{
    PH_SGX_BODY(PUT_FIELD)
}

static void put_tdx(struct ph_jput *out, const struct ph_tdx_body *b)
{
    PH_TDX_BODY(PUT_FIELD)
}

static void put_tdx15(struct ph_jput *out, const struct ph_tdx15_tail *b)
{
    PH_TDX15_TAIL(PUT_FIELD)
}

static void put_intel_platform(struct ph_jput *out, const struct ph_claims *c)
{
    ph_jput_hex(out, "fmspc", PH_BYTES_OF(c->fmspc));
    ph_jput_hex(out, "pceid", PH_BYTES_OF(c->pceid));
    ph_jput_hex(out, "pck_cpusvn", PH_BYTES_OF(c->cpusvn));
    ph_jput_int(out, "pck_pcesvn", c->pcesvn);
    if (c->has_platform_instance)
        ph_jput_hex(out, "platform_instance", PH_BYTES_OF(c->platform_instance));
    else
        ph_jput_null(out, "platform_instance");
}

static void put_nitro(struct ph_jput *out, const struct ph_nitro_claims *n)
{
    ph_jput_str(out, "module_id", n->module_id);
    ph_jput_int(out, "timestamp_ms", n->timestamp_ms);
    ph_jput_object(out, "pcrs");
    for (unsigned i = 0; i < PH_NITRO_PCRS; i++) {
        char name[4];
        (void)snprintf(name, sizeof(name), "%u", i);
        if (n->pcrs >> i & 1)
            ph_jput_hex(out, name, PH_BYTES_OF(n->pcr[i]));
    }
    ph_jput_close(out);
    ph_jput_hex(out, "public_key", (struct ph_bytes){n->public_key, n->public_key_len});
    ph_jput_hex(out, "user_data", (struct ph_bytes){n->user_data, n->user_data_len});
    ph_jput_hex(out, "nonce", (struct ph_bytes){n->nonce, n->nonce_len});
}

static void put_nvidia(struct ph_jput *out, const struct ph_nvidia_claims *n)
{
    ph_jput_hex(out, "nonce", PH_BYTES_OF(n->nonce));
    ph_jput_bool(out, "measured", n->measured);
    ph_jput_bool(out, "revocation_checked", n->revocation_checked);
    ph_jput_array(out, "devices");
    for (size_t i = 0; i < n->device_cnt && i < PH_NVIDIA_DEVICES_MAX; i++) {
        ph_jput_object(out, NULL);
        ph_jput_str(out, "arch", ph_nvidia_arch_name(n->device[i].arch));
        ph_jput_str(out, "driver", n->device[i].driver);
        ph_jput_str(out, "vbios", n->device[i].vbios);
        ph_jput_hex(out, "device_id", PH_BYTES_OF(n->device[i].device_id));
        ph_jput_close(out);
    }
    ph_jput_close(out);
}

static void put_intel_body(struct ph_jput *out, const struct ph_claims *c)
{
    ph_jput_int(out, "quote_version", c->quote_version);
    if (c->tee == PH_TEE_TDX)
        put_tdx(out, &c->tdx);
    else
        put_sgx(out, &c->sgx);
    if (c->has_tdx15)
        put_tdx15(out, &c->tdx15);
}

void ph_claims_json(const struct ph_claims *c, struct ph_jput *out, const char *key)
{
    const bool intel = c->tee == PH_TEE_SGX || c->tee == PH_TEE_TDX;

    ph_jput_object(out, key);
    ph_jput_str(out, "tee", ph_tee_kind_name(c->tee));
    if (intel)
        put_intel_body(out, c);
    if (c->tee == PH_TEE_SNP)
        ph_snp_claims_json(&c->snp, out);
    if (c->tee == PH_TEE_NITRO)
        put_nitro(out, &c->nitro);
    if (c->tee == PH_TEE_NVIDIA)
        put_nvidia(out, &c->nvidia);
    ph_jput_bool(out, "report_data_checked", c->report_data_checked);
    if (intel)
        put_intel_platform(out, c);
    if (c->has_gpus) {
        ph_jput_object(out, "gpus");
        put_nvidia(out, &c->nvidia);
        ph_jput_close(out);
    }
    if (c->has_events)
        ph_event_claims_json(&c->events, out, "event_log");
    ph_jput_bool(out, "insecure_simulator", c->insecure_simulator);
    ph_jput_time(out, "verified_at", c->verified_at_s);
    ph_jput_close(out);
}
