#include "attest/evidence.h"

#include "attest/amd/snp.h"
#include "attest/azure/hcl.h"
#include "attest/dstack_doc.h"
#include "attest/nitro/nitro.h"
#include "attest/nvidia/evidence.h"
#include "attest/nvidia/verify.h"
#include "attest/verdict_json.h"

#include <stdio.h>

/* Version 3..5, an attestation key by ECDSA, SGX or TDX: Intel SGX DCAP, quote header. */
static bool is_intel(struct ph_bytes bytes)
{
    struct ph_reader r = {bytes};
    uint16_t version, key_type;
    uint32_t tee;

    if (!ph_read_u16le(&r, &version) || !ph_read_u16le(&r, &key_type) || !ph_read_u32le(&r, &tee))
        return false;
    return version >= 3 && version <= 5 && (key_type == 2 || key_type == 3) &&
           (tee == 0 || tee == 0x81);
}

static bool starts_with(struct ph_bytes bytes, struct ph_bytes head)
{
    return bytes.len >= head.len && memcmp(bytes.ptr, head.ptr, head.len) == 0;
}

/* COSE_Sign1, tagged or not, whose protected header is {1: -35}, ES384: RFC 9052 §4.2. */
static bool is_nitro(struct ph_bytes bytes)
{
    return starts_with(bytes, PH_BYTES_LIT("\x84\x44\xa1\x01\x38\x22")) ||
           starts_with(bytes, PH_BYTES_LIT("\xd2\x84\x44\xa1\x01\x38\x22"));
}

/* Objects are bundles, unless they do not name our format and another reader takes them. */
static enum ph_evidence_kind kind_of_object(struct ph_bytes bytes)
{
    const char *format = ph_evidence_kind_name(PH_EVIDENCE_BUNDLE);

    if (memmem(bytes.ptr, bytes.len, format, strlen(format)))
        return PH_EVIDENCE_BUNDLE;
    if (ph_nvidia_is_evidence(bytes))
        return PH_EVIDENCE_NVIDIA;
    return ph_dstack_is_doc(bytes) ? PH_EVIDENCE_DSTACK : PH_EVIDENCE_BUNDLE;
}

enum ph_evidence_kind ph_evidence_detect(struct ph_bytes bytes)
{
    size_t at = 0;

    while (at < bytes.len && (bytes.ptr[at] == ' ' || bytes.ptr[at] == '\n' ||
                              bytes.ptr[at] == '\r' || bytes.ptr[at] == '\t'))
        at++;
    if (at < bytes.len && bytes.ptr[at] == '{')
        return kind_of_object(bytes);
    if ((at < bytes.len && bytes.ptr[at] == '[') || ph_nv_is_raw_report(bytes))
        return PH_EVIDENCE_NVIDIA;
    if (is_intel(bytes))
        return PH_EVIDENCE_INTEL;
    if (ph_snp_is_report(bytes))
        return PH_EVIDENCE_SNP;
    if (is_nitro(bytes))
        return PH_EVIDENCE_NITRO;
    if (starts_with(bytes, PH_BYTES_LIT("HCLA")))
        return PH_EVIDENCE_AZURE;
    return ph_dstack_is_doc(bytes) ? PH_EVIDENCE_DSTACK : PH_EVIDENCE_NONE;
}

enum ph_err ph_evidence_open(struct ph_bytes bytes, struct ph_evidence_bundle **out,
                             struct ph_json_why *why)
{
    const enum ph_evidence_kind kind = ph_evidence_detect(bytes);

    if (bytes.len > PH_EVIDENCE_MAX) {
        (void)snprintf(why->text, sizeof(why->text), "evidence: longer than %d bytes",
                       PH_EVIDENCE_MAX);
        return PH_ERR_LIMIT;
    }
    if (kind == PH_EVIDENCE_BUNDLE)
        return ph_evidence_parse(bytes, out, why);
    if (kind == PH_EVIDENCE_DSTACK)
        return ph_dstack_doc_open(bytes, out, why);
    if (kind == PH_EVIDENCE_NONE) {
        (void)snprintf(why->text, sizeof(why->text), "evidence: no kind that is known here");
        return PH_ERR_UNSUPPORTED;
    }
    (void)snprintf(why->text, sizeof(why->text), "out of memory");
    return ph_evidence_of_bytes(kind, bytes, out);
}

enum ph_evidence_kind ph_evidence_quote_kind(const struct ph_evidence *evidence)
{
    const enum ph_evidence_kind found = ph_evidence_detect(evidence->quote);
    return evidence->kind == PH_EVIDENCE_NONE || evidence->kind == found ? found : PH_EVIDENCE_NONE;
}

/* The report inside, and the runtime data that it binds. */
static enum ph_err show_azure(struct ph_bytes blob, struct ph_jput *out, const char *key,
                              enum ph_check *failed)
{
    struct ph_hcl hcl;
    char why[128];

    PH_TRY(ph_hcl_parse(blob, &hcl, why));
    ph_jput_object(out, key);
    ph_jput_str(out, "kind", ph_evidence_kind_name(PH_EVIDENCE_AZURE));
    ph_jput_text(out, "runtime_data", hcl.runtime);
    if (hcl.kind == PH_HCL_SNP)
        PH_TRY(ph_snp_json(hcl.report, out, "report", failed));
    else
        ph_jput_hex(out, "tdreport", hcl.report);
    ph_jput_close(out);
    return out->err;
}

/* One piece of evidence by its kind; `failed` is the format check that refused, if one did. */
static enum ph_err show_piece(enum ph_evidence_kind kind, const struct ph_evidence *e,
                              struct ph_jput *out, const char *key, enum ph_check *failed)
{
    switch (kind) {
    case PH_EVIDENCE_INTEL:
        return ph_quote_json(e->quote, out, key, failed);
    case PH_EVIDENCE_SNP:
        return ph_snp_json(e->quote, out, key, failed);
    case PH_EVIDENCE_NITRO:
        return ph_nitro_json(e->quote, out, key, failed);
    case PH_EVIDENCE_NVIDIA:
        return ph_nvidia_json(e->nvidia.evidence, e->nvidia.chain, out, key, failed);
    case PH_EVIDENCE_AZURE:
        return show_azure(e->quote, out, key, failed);
    case PH_EVIDENCE_NONE:
    case PH_EVIDENCE_DSTACK:
    case PH_EVIDENCE_BUNDLE:
    case PH_EVIDENCE_KIND_CNT:
        break;
    }
    return PH_ERR_UNSUPPORTED;
}

static enum ph_err show(enum ph_evidence_kind kind, const struct ph_evidence *e,
                        struct ph_jput *out, const char *key, struct ph_json_why *why)
{
    enum ph_check failed = PH_CHECK_CNT;
    const enum ph_err err = show_piece(kind, e, out, key, &failed);

    if (err == PH_OK)
        return PH_OK;
    if (failed != PH_CHECK_CNT)
        (void)snprintf(why->text, sizeof(why->text), "%s: it does not hold that %s",
                       ph_evidence_kind_name(kind), ph_check_holds(failed));
    else
        (void)snprintf(why->text, sizeof(why->text), "evidence of kind %s cannot be shown: %s",
                       ph_evidence_kind_name(kind), ph_err_name(err));
    return err;
}

enum ph_err ph_evidence_show(const struct ph_evidence *evidence, struct ph_jput *out,
                             const char *key, struct ph_json_why *why)
{
    const bool quote = evidence->quote.len > 0, gpus = evidence->nvidia.evidence.len > 0;

    if (quote && !gpus)
        return show(ph_evidence_quote_kind(evidence), evidence, out, key, why);
    if (!quote)
        return show(PH_EVIDENCE_NVIDIA, evidence, out, key, why);
    ph_jput_object(out, key);
    ph_jput_str(out, "kind", ph_evidence_kind_name(PH_EVIDENCE_BUNDLE));
    ph_jput_time(out, "time", evidence->time_s);
    ph_jput_array(out, "evidence");
    PH_TRY(show(ph_evidence_quote_kind(evidence), evidence, out, NULL, why));
    PH_TRY(show(PH_EVIDENCE_NVIDIA, evidence, out, NULL, why));
    ph_jput_close(out);
    ph_jput_close(out);
    return out->err;
}
