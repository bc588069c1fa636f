/* ph_nvidia_json: what evidence says, unproved. */

#include "attest/nvidia/device_chain.h"
#include "attest/nvidia/evidence.h"
#include "attest/nvidia/spdm.h"
#include "attest/nvidia/verify.h"
#include "base/own.h"

#include <stdio.h>

/* What a field's value means, where it is one of a few; NULL: as it stands. */
static const char *meaning(const struct ph_spdm_report *r, uint16_t number, struct ph_bytes value)
{
    if (number == PH_SPDM_NVDEC0 || number == PH_SPDM_PROTECTED_PCIE)
        return value.ptr[0] == PH_SPDM_ENABLED    ? "enabled"
               : value.ptr[0] == PH_SPDM_DISABLED ? "disabled"
                                                  : "unknown";
    if (number != PH_SPDM_MODE || r->is_switch)
        return NULL;
    switch (value.ptr[0]) {
    case PH_SPDM_MODE_SPT:
        return "one GPU (SPT)";
    case PH_SPDM_MODE_MPT:
        return "several GPUs, links encrypted (MPT)";
    case PH_SPDM_MODE_PPCIE:
        return "several GPUs and their switches, links in the clear (PPCIE)";
    default:
        return "unknown";
    }
}

static void put_list(struct ph_jput *out, const char *key, enum ph_spdm_form form,
                     struct ph_bytes value)
{
    struct ph_reader r = {value};
    struct ph_bytes id;
    uint32_t count;

    ph_jput_array(out, key);
    if (form == PH_SPDM_AS_COUNTS) {
        while (ph_read_u32le(&r, &count))
            ph_jput_int(out, NULL, count);
    } else {
        while (ph_read_view(&r, 8, &id))
            ph_jput_hex(out, NULL, id);
    }
    ph_jput_close(out);
}

static void put_fields(struct ph_jput *out, const struct ph_spdm_report *r)
{
    ph_jput_array(out, "fields");
    const uint16_t cnt = PH_SPDM_FIELD_CNT;

    for (uint16_t n = 0; n < cnt; n++) {
        const struct ph_bytes value = r->field[n];
        struct ph_spdm_field_row row;
        if (!value.ptr || ph_spdm_field_row(r->is_switch, n, &row) != PH_OK)
            continue;
        const char *means = meaning(r, n, value);
        ph_jput_object(out, NULL);
        ph_jput_int(out, "id", n);
        ph_jput_str(out, "name", row.name);
        if (row.form == PH_SPDM_AS_TEXT)
            ph_jput_text(out, "value", ph_spdm_text(r, (enum ph_spdm_field)n));
        else if (row.form == PH_SPDM_AS_BYTES)
            ph_jput_hex(out, "value", value);
        else
            put_list(out, "value", row.form, value);
        if (means)
            ph_jput_str(out, "meaning", means);
        ph_jput_close(out);
    }
    ph_jput_close(out);
}

static void put_measurements(struct ph_jput *out, const struct ph_spdm_report *r)
{
    char index[24];
    ph_jput_object(out, "measurements");
    for (size_t i = 0; i < r->block_cnt; i++) {
        (void)snprintf(index, sizeof(index), "%zu", i + 1);
        ph_jput_hex(out, index, ph_spdm_digest(r, i));
    }
    ph_jput_close(out);
}

/* A name as text where it is such; the certificates are anybody's. */
static void put_name(struct ph_jput *out, struct ph_bytes cn)
{
    for (size_t i = 0; i < cn.len; i++) {
        if (cn.ptr[i] < 0x20 || cn.ptr[i] > 0x7e) {
            ph_jput_hex(out, "subject_hex", cn);
            return;
        }
    }
    ph_jput_text(out, "subject", cn);
}

static void put_chain(struct ph_jput *out, const struct ph_nv_chain *chain)
{
    ph_jput_array(out, "certificates");
    for (size_t i = 0; i < PH_NV_CERT_CNT; i++) {
        ph_jput_object(out, NULL);
        put_name(out, chain->cert[i].cn);
        ph_jput_hex(out, "serial", chain->cert[i].serial);
        ph_jput_time(out, "not_before", chain->cert[i].not_before_s);
        ph_jput_time(out, "not_after", chain->cert[i].not_after_s);
        ph_jput_close(out);
    }
    ph_jput_close(out);
    ph_jput_hex(out, "device_id", PH_BYTES_OF(chain->device_id));
    if ((chain->facts & PH_NV_FACT_FWID) != 0)
        ph_jput_hex(out, "leaf_fwid", PH_BYTES_OF(chain->fwid));
}

static void put_rim_ids(struct ph_jput *out, const struct ph_spdm_report *r,
                        enum ph_nvidia_arch arch)
{
    char id[PH_SPDM_RIM_ID_LEN];
    ph_jput_array(out, "rim_ids");
    if (ph_spdm_driver_rim_id(r, arch, id))
        ph_jput_str(out, NULL, id);
    if (ph_spdm_vbios_rim_id(r, id))
        ph_jput_str(out, NULL, id);
    ph_jput_close(out);
}

static enum ph_err put_device(struct ph_jput *out, const struct ph_nv_item *item,
                              enum ph_check *failed)
{
    struct ph_nv_chain *chain PH_OWNED(ph_nv_chain_freep) = NULL;
    enum ph_nvidia_arch arch = item->arch;
    struct ph_spdm_report r;
    enum ph_err err;

    /* A raw report can be shown without its chain: what kind it is shows in its fields. */
    if (item->chain_pem.len > 0) {
        *failed = PH_CHECK_NV_CHAIN_FORMAT;
        PH_TRY(ph_nv_chain_parse(item->chain_pem, NULL, &chain));
        arch = chain->arch;
    }
    err = arch == PH_NVIDIA_LS10 ? ph_spdm_parse_switch(item->report, &r, failed)
                                 : ph_spdm_parse_gpu(item->report, &r, failed);
    if (err != PH_OK && !chain && ph_spdm_parse_switch(item->report, &r, failed) == PH_OK)
        err = PH_OK;
    PH_TRY(err);
    ph_jput_object(out, NULL);
    ph_jput_str(out, "arch", ph_nvidia_arch_name(arch));
    ph_jput_str(out, "kind", r.is_switch ? "switch" : "GPU");
    ph_jput_hex(out, "nonce", r.nonce);
    ph_jput_hex(out, "responder_nonce", r.responder_nonce);
    ph_jput_int(out, "spdm_version", r.version);
    put_fields(out, &r);
    put_measurements(out, &r);
    put_rim_ids(out, &r, arch);
    if (chain)
        put_chain(out, chain);
    ph_jput_hex(out, "signature", r.signature);
    ph_jput_close(out);
    return out->err;
}

enum ph_err ph_nvidia_json(struct ph_bytes evidence, struct ph_bytes chain_pem, struct ph_jput *out,
                           const char *key, enum ph_check *failed)
{
    struct ph_nv_evidence *ev PH_OWNED(ph_nv_evidence_freep) = NULL;

    *failed = PH_CHECK_NV_EVIDENCE;
    const enum ph_err err = ph_nv_evidence_open(evidence, chain_pem, &ev);
    if (err == PH_ERR_NOT_FOUND || err == PH_ERR_LIMIT)
        *failed = PH_CHECK_NV_DEVICE_CNT;
    if (err != PH_OK)
        return err == PH_ERR_NOT_FOUND ? PH_ERR_MALFORMED : err;
    ph_jput_object(out, key);
    ph_jput_str(out, "kind", "nvidia");
    ph_jput_array(out, "devices");
    for (size_t i = 0; i < ev->item_cnt; i++)
        PH_TRY(put_device(out, &ev->item[i], failed));
    ph_jput_close(out);
    ph_jput_close(out);
    *failed = PH_CHECK_CNT;
    return out->err;
}
