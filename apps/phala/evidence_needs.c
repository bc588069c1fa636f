#include "evidence_needs.h"

#include "attest/amd/snp_report.h"
#include "attest/evidence.h"
#include "attest/nvidia/device_chain.h"
#include "attest/nvidia/evidence.h"
#include "attest/nvidia/rim.h"
#include "base/hex.h"
#include "base/own.h"
#include "codec/base64.h"
#include "crypto/hash.h"

#include <ctype.h>
#include <stdio.h>

bool ph_is_file_name(const char *name)
{
    const size_t len = strlen(name);

    for (size_t i = 0; i < len; i++) {
        const char c = name[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '_' && c != '-' && c != '.')
            return false;
    }
    return len > 0 && len < 128 && name[0] != '.';
}

static enum ph_err bad(enum ph_err err, const char *what, struct ph_json_why *why)
{
    (void)snprintf(why->text, sizeof(why->text), "%s", what);
    return err;
}

static enum ph_err intel_needs(struct ph_bytes quote, struct ph_needs *out, struct ph_json_why *why)
{
    const enum ph_err err = ph_collateral_key_of(quote, &out->intel);
    if (err == PH_ERR_NOT_FOUND)
        return bad(PH_ERR_UNSUPPORTED,
                   "the quote names its PCK certificate without carrying it: give --fmspc and --ca",
                   why);
    if (err != PH_OK)
        return bad(err, "the quote or its PCK chain breaks its format", why);
    out->has_intel = true;
    return PH_OK;
}

static enum ph_err snp_needs(struct ph_bytes report, struct ph_needs *out, struct ph_json_why *why)
{
    struct ph_snp_need *need = &out->snp;
    struct ph_snp_evidence e;
    enum ph_check failed;

    if (ph_snp_report_parse(report, &e, &failed) != PH_OK)
        return bad(PH_ERR_MALFORMED, "the SEV-SNP report breaks its format", why);
    const struct ph_snp_report *r = &e.report;
    /* Version 2 does not name the processor; only Milan made it. */
    need->product = e.version >= 3 ? ph_snp_product_of_cpu(r->cpuid_family[0], r->cpuid_model[0])
                                   : PH_SNP_MILAN;
    if (need->product == PH_SNP_UNKNOWN)
        return bad(PH_ERR_UNSUPPORTED, "the report is of a processor that is not known here", why);
    need->is_vlek = e.key == PH_SNP_KEY_VLEK;
    need->tcb = ph_snp_tcb_decode(need->product, r->reported_tcb);
    memcpy(need->chip_id, r->chip_id, sizeof(need->chip_id));
    for (size_t i = 0; i < sizeof(need->chip_id); i++) {
        if (r->chip_id[i] != 0)
            need->chip_id_len =
                need->product == PH_SNP_TURIN ? PH_SNP_TURIN_CHIP_ID_LEN : sizeof(need->chip_id);
    }
    out->has_snp = true;
    return PH_OK;
}

void ph_snp_need_name(const struct ph_snp_need *need, char out[static PH_SNP_FOLDER_LEN])
{
    char chip[2 * 64 + 1], product[16];

    (void)snprintf(product, sizeof(product), "%s", ph_snp_product_name(need->product));
    product[0] = (char)tolower((unsigned char)product[0]);
    ph_hex_encode((struct ph_bytes){need->chip_id, need->chip_id_len}, chip);
    if (need->is_vlek)
        (void)snprintf(out, PH_SNP_FOLDER_LEN, "snp-vlek-%s", product);
    else
        (void)snprintf(out, PH_SNP_FOLDER_LEN, "snp-%s-%s-%02x%02x%02x%02x%02x", product, chip,
                       need->tcb.fmc, need->tcb.bootloader, need->tcb.tee, need->tcb.snp,
                       need->tcb.microcode);
}

static enum ph_err add_rim(const char *id, struct ph_needs *out, struct ph_json_why *why)
{
    for (size_t i = 0; i < out->rim_cnt; i++) {
        if (strcmp(out->rim[i], id) == 0)
            return PH_OK;
    }
    if (!ph_is_file_name(id))
        return bad(PH_ERR_MALFORMED, "a device names its firmware with odd characters", why);
    if (out->rim_cnt == PH_EVIDENCE_RIMS_MAX)
        return bad(PH_ERR_LIMIT, "the devices need more than 16 manifests", why);
    (void)snprintf(out->rim[out->rim_cnt++], PH_SPDM_RIM_ID_LEN, "%s", id);
    return PH_OK;
}

static enum ph_err device_needs(const struct ph_nv_item *item, struct ph_needs *out,
                                struct ph_json_why *why)
{
    struct ph_nv_chain *chain PH_OWNED(ph_nv_chain_freep) = NULL;
    char id[PH_SPDM_RIM_ID_LEN];
    struct ph_spdm_report r;
    enum ph_check failed;

    if (ph_nv_chain_parse(item->chain_pem, NULL, &chain) != PH_OK)
        return bad(PH_ERR_MALFORMED, "a device's certificate chain breaks its format", why);
    const enum ph_err err = chain->arch == PH_NVIDIA_LS10
                                ? ph_spdm_parse_switch(item->report, &r, &failed)
                                : ph_spdm_parse_gpu(item->report, &r, &failed);
    if (err != PH_OK)
        return bad(err, "a device's report breaks its format", why);
    if (ph_spdm_driver_rim_id(&r, chain->arch, id))
        PH_TRY(add_rim(id, out, why));
    if (ph_spdm_vbios_rim_id(&r, id))
        PH_TRY(add_rim(id, out, why));
    return PH_OK;
}

static enum ph_err gpu_needs(const struct ph_nvidia_parts *p, struct ph_needs *out,
                             struct ph_json_why *why)
{
    struct ph_nv_evidence *ev PH_OWNED(ph_nv_evidence_freep) = NULL;

    if (ph_nv_evidence_open(p->evidence, p->chain, &ev) != PH_OK)
        return bad(PH_ERR_MALFORMED, "the GPU evidence breaks its format", why);
    for (size_t i = 0; i < ev->item_cnt; i++)
        PH_TRY(device_needs(&ev->item[i], out, why));
    return PH_OK;
}

enum ph_err ph_needs_of(const struct ph_evidence *evidence, struct ph_needs *out,
                        struct ph_json_why *why)
{
    const enum ph_evidence_kind kind =
        evidence->quote.len > 0 ? ph_evidence_quote_kind(evidence) : PH_EVIDENCE_NONE;

    memset(out, 0, sizeof(*out));
    if (kind == PH_EVIDENCE_INTEL)
        PH_TRY(intel_needs(evidence->quote, out, why));
    if (kind == PH_EVIDENCE_SNP)
        PH_TRY(snp_needs(evidence->quote, out, why));
    if (evidence->nvidia.evidence.len > 0)
        PH_TRY(gpu_needs(&evidence->nvidia, out, why));
    return PH_OK;
}

/* One walk over certificates. */
struct ocsp_walk {
    ph_ocsp_each *each;
    void *arg;
};

static enum ph_err visit(const struct ocsp_walk *w, const struct ph_x509 *cert,
                         const struct ph_x509 *issuer)
{
    char name[PH_OCSP_NAME_LEN], hex[2 * PH_SHA256_LEN + 1];
    uint8_t hash[PH_SHA256_LEN];

    ph_sha256(cert->whole, hash);
    ph_hex_encode(PH_BYTES_OF(hash), hex);
    (void)snprintf(name, sizeof(name), "%s.der", hex);
    return w->each(w->arg, cert, issuer, name);
}

static enum ph_err visit_device(const struct ocsp_walk *w, const struct ph_nv_item *item,
                                struct ph_json_why *why)
{
    struct ph_nv_chain *chain PH_OWNED(ph_nv_chain_freep) = NULL;

    if (ph_nv_chain_parse(item->chain_pem, NULL, &chain) != PH_OK)
        return bad(PH_ERR_MALFORMED, "a device's certificate chain breaks its format", why);
    /* The leaf is the firmware's, made anew at each start: nobody lists it. */
    for (size_t c = PH_NV_DEVICE; c < PH_NV_ROOT; c++)
        PH_TRY(visit(w, &chain->cert[c], &chain->cert[c + 1]));
    return PH_OK;
}

static enum ph_err visit_rim(const struct ocsp_walk *w, struct ph_bytes xml,
                             struct ph_json_why *why)
{
    struct ph_rim *rim PH_OWNED(ph_freep) = calloc(1, sizeof(*rim));
    enum ph_rim_check failed;

    if (!rim)
        return bad(PH_ERR_NOMEM, "out of memory", why);
    if (ph_rim_parse(xml, rim, &failed) != PH_OK)
        return bad(PH_ERR_MALFORMED, "a manifest breaks its format", why);
    for (size_t i = 0; i + 1 < rim->cert_cnt; i++) {
        struct ph_buf der PH_OWNED(ph_buf_clear) = PH_BUF(PH_RIM_CERT_MAX);
        struct ph_buf above PH_OWNED(ph_buf_clear) = PH_BUF(PH_RIM_CERT_MAX);
        struct ph_x509 cert, issuer;
        if (ph_rim_cert_open(rim->cert[i], &der, &cert) != PH_OK ||
            ph_rim_cert_open(rim->cert[i + 1], &above, &issuer) != PH_OK)
            return bad(PH_ERR_MALFORMED, "a manifest's certificate breaks its format", why);
        PH_TRY(visit(w, &cert, &issuer));
    }
    return PH_OK;
}

enum ph_err ph_needs_ocsp(const struct ph_evidence *evidence, ph_ocsp_each *each, void *arg,
                          struct ph_json_why *why)
{
    struct ph_nv_evidence *ev PH_OWNED(ph_nv_evidence_freep) = NULL;
    const struct ph_nvidia_parts *p = &evidence->nvidia;
    const struct ocsp_walk w = {each, arg};

    if (p->evidence.len > 0 && ph_nv_evidence_open(p->evidence, p->chain, &ev) != PH_OK)
        return bad(PH_ERR_MALFORMED, "the GPU evidence breaks its format", why);
    for (size_t i = 0; ev && i < ev->item_cnt; i++)
        PH_TRY(visit_device(&w, &ev->item[i], why));
    for (size_t i = 0; i < p->rim_cnt; i++)
        PH_TRY(visit_rim(&w, p->rim[i], why));
    return PH_OK;
}
