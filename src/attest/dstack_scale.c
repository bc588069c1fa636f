/* Version 0 of dstack's attestation, in SCALE: fields one after the other, lengths compact. */

#include "attest/dstack_blob_priv.h"

enum platform { TDX, GCP_TDX, NITRO, SNP, NITRO_TPM };

/* A compact number of at most 30 bits, in its shortest form: no length here is longer. */
static enum ph_err read_compact(struct ph_reader *r, uint32_t *out)
{
    uint8_t first;
    uint16_t two;
    uint32_t four;

    if (r->rest.len == 0)
        return PH_ERR_MALFORMED;
    switch (r->rest.ptr[0] & 3) {
    case 0:
        if (!ph_read_u8(r, &first))
            return PH_ERR_MALFORMED;
        *out = first >> 2;
        return PH_OK;
    case 1:
        if (!ph_read_u16le(r, &two) || two >> 2 < 1 << 6)
            return PH_ERR_MALFORMED;
        *out = two >> 2;
        return PH_OK;
    case 2:
        if (!ph_read_u32le(r, &four) || four >> 2 < 1 << 14)
            return PH_ERR_MALFORMED;
        *out = four >> 2;
        return PH_OK;
    default:
        return PH_ERR_LIMIT;
    }
}

static enum ph_err read_bytes(struct ph_reader *r, struct ph_bytes *out)
{
    uint32_t len;

    PH_TRY(read_compact(r, &len));
    return ph_read_view(r, len, out) ? PH_OK : PH_ERR_MALFORMED;
}

static enum ph_err read_log(struct ph_dstack_reading *d)
{
    uint32_t cnt;

    PH_TRY(read_compact(&d->r, &cnt));
    if (cnt == 0)
        return PH_OK;
    ph_jput_array(&d->log, NULL);
    for (uint32_t i = 0; i < cnt; i++) {
        struct ph_dstack_event e = {.version = 1};
        if (!ph_read_u32le(&d->r, &e.imr) || !ph_read_u32le(&d->r, &e.type))
            return PH_ERR_MALFORMED;
        PH_TRY(read_bytes(&d->r, &e.digest));
        PH_TRY(read_bytes(&d->r, &e.name));
        PH_TRY(read_bytes(&d->r, &e.payload));
        ph_dstack_add_event(d, &e);
        if (d->log.err != PH_OK)
            return d->log.err;
    }
    ph_jput_close(&d->log);
    return PH_OK;
}

/* Certificates, and the document that HOST_DATA names. */
static enum ph_err read_snp_rest(struct ph_dstack_reading *d)
{
    struct ph_dstack_blob *b = &d->blob;
    uint32_t cnt;

    PH_TRY(read_compact(&d->r, &cnt));
    if (cnt > PH_DSTACK_CERTS_MAX)
        return PH_ERR_LIMIT;
    for (b->cert_cnt = 0; b->cert_cnt < cnt; b->cert_cnt++)
        PH_TRY(read_bytes(&d->r, &b->cert[b->cert_cnt]));
    return read_bytes(&d->r, &b->mr_config);
}

static enum ph_err read_platform(struct ph_dstack_reading *d, uint8_t platform)
{
    struct ph_dstack_blob *b = &d->blob;

    switch (platform) {
    case TDX:
        b->kind = PH_EVIDENCE_INTEL;
        PH_TRY(read_bytes(&d->r, &b->quote));
        return read_log(d);
    case SNP:
        b->kind = PH_EVIDENCE_SNP;
        PH_TRY(read_bytes(&d->r, &b->quote));
        return read_snp_rest(d);
    case NITRO:
        b->kind = PH_EVIDENCE_NITRO;
        return read_bytes(&d->r, &b->quote);
    case GCP_TDX:
    case NITRO_TPM:
    default:
        return PH_ERR_UNSUPPORTED;
    }
}

enum ph_err ph_dstack_scale(struct ph_dstack_reading *d)
{
    struct ph_bytes skipped;
    uint8_t version, platform;
    uint32_t cnt;

    if (!ph_read_u8(&d->r, &version) || version != 0 || !ph_read_u8(&d->r, &platform))
        return PH_ERR_MALFORMED;
    PH_TRY(read_platform(d, platform));
    PH_TRY(read_compact(&d->r, &cnt)); /* runtime events: name and payload each */
    for (uint32_t i = 0; i < cnt; i++) {
        PH_TRY(read_bytes(&d->r, &skipped));
        PH_TRY(read_bytes(&d->r, &skipped));
    }
    if (!ph_read_view(&d->r, 64, &skipped)) /* report data */
        return PH_ERR_MALFORMED;
    return read_bytes(&d->r, &d->blob.config);
}
