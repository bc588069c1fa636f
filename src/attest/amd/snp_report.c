#include "attest/amd/snp_report.h"

#include "attest/amd/snp.h"

/* [GHCB] §4.1.8.1: GUIDs in the order of RFC 4122, as AMD's and virtee's host tools write them;
 * the list of kinds as in virtee's `sev` (CertType). */
static const struct {
    const char *name;
    uint8_t guid[16];
} kinds[PH_SNP_TABLE_CNT] = {
    [PH_SNP_TABLE_VCEK] = {"VCEK",
                           {0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, 0xad, 0xc5, 0xf4, 0xb9,
                            0x3b, 0xe8, 0xac, 0xcd}},
    [PH_SNP_TABLE_VLEK] = {"VLEK",
                           {0xa8, 0x07, 0x4b, 0xc2, 0xa2, 0x5a, 0x48, 0x3e, 0xaa, 0xe6, 0x39, 0xc0,
                            0x45, 0xa0, 0xb8, 0xa1}},
    [PH_SNP_TABLE_ASK] = {"ASK",
                          {0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4, 0xa0, 0x2f, 0x05, 0xae,
                           0xf3, 0x27, 0xc7, 0x82}},
    [PH_SNP_TABLE_ARK] = {"ARK",
                          {0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52, 0x97, 0x43, 0x3f, 0xb6,
                           0x01, 0x4c, 0xd0, 0xae}},
    [PH_SNP_TABLE_CRL] = {"CRL",
                          {0x92, 0xf8, 0x1b, 0xc3, 0x58, 0x11, 0x4d, 0x3d, 0x97, 0xff, 0xd1, 0x9f,
                           0x88, 0xdc, 0x67, 0xea}},
};

const char *ph_snp_table_name(enum ph_snp_table_cert cert)
{
    return kinds[cert].name;
}

const uint8_t *ph_snp_table_guid(enum ph_snp_table_cert cert)
{
    return kinds[cert].guid;
}

const char *ph_snp_product_name(enum ph_snp_product product)
{
    static const char *const names[] = {"unknown", "Milan", "Genoa", "Turin"};
    return names[product];
}

static bool is_zero(const uint8_t *b, size_t len)
{
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++)
        any |= b[i];
    return any == 0;
}

static enum ph_err bad(enum ph_err err, enum ph_check check, enum ph_check *reterr)
{
    *reterr = check;
    return err;
}

static bool is_known_version(uint32_t version)
{
    return version >= 2 && version <= 5;
}

/* Version 3 added the processor, version 5 the mitigations; what was there before was reserved. */
static bool reserved_is_zero(const struct ph_snp_report *r, uint32_t version)
{
    bool zero = is_zero(r->reserved_04c, sizeof(r->reserved_04c)) &&
                is_zero(r->reserved_18b, sizeof(r->reserved_18b)) && r->reserved_1eb[0] == 0 &&
                r->reserved_1ef[0] == 0 && is_zero(r->reserved_208, sizeof(r->reserved_208)) &&
                is_zero(r->reserved_330, sizeof(r->reserved_330));
    if (version < 3)
        zero =
            zero && r->cpuid_family[0] == 0 && r->cpuid_model[0] == 0 && r->cpuid_stepping[0] == 0;
    if (version < 5)
        zero = zero && is_zero(r->launch_mit_vector, sizeof(r->launch_mit_vector)) &&
               is_zero(r->current_mit_vector, sizeof(r->current_mit_vector));
    return zero;
}

static enum ph_err read_report(struct ph_reader *r, struct ph_snp_evidence *e,
                               enum ph_check *reterr)
{
    if (!ph_read_view(r, PH_SNP_REPORT_LEN, &e->whole))
        return bad(PH_ERR_MALFORMED, PH_CHECK_SNP_LENGTH, reterr);
    memcpy(&e->report, e->whole.ptr, sizeof(e->report));
    e->signed_part = (struct ph_bytes){e->whole.ptr, PH_SNP_SIGNED_LEN};

    e->version = ph_snp_u32(e->report.version);
    if (!is_known_version(e->version))
        return bad(PH_ERR_UNSUPPORTED, PH_CHECK_SNP_VERSION, reterr);
    if (ph_snp_u32(e->report.signature_algo) != PH_SNP_SIG_ECDSA_P384_SHA384)
        return bad(PH_ERR_UNSUPPORTED, PH_CHECK_SNP_ALGORITHM, reterr);
    const uint32_t flags = ph_snp_u32(e->report.flags), key = flags >> PH_SNP_FLAG_KEY_SHIFT & 7;
    if ((flags & ~(uint32_t)PH_SNP_FLAGS_KNOWN) != 0 ||
        (key != PH_SNP_KEY_VCEK && key != PH_SNP_KEY_VLEK))
        return bad(PH_ERR_UNSUPPORTED, PH_CHECK_SNP_SIGNING_KEY, reterr);
    e->key = key == PH_SNP_KEY_VLEK ? PH_SNP_KEY_VLEK : PH_SNP_KEY_VCEK;
    if (!reserved_is_zero(&e->report, e->version))
        return bad(PH_ERR_MALFORMED, PH_CHECK_SNP_RESERVED, reterr);
    return PH_OK;
}

/* Keep what one entry of the table names; kinds nobody here knows are passed over. */
static bool take_entry(struct ph_snp_evidence *e, const uint8_t guid[static 16],
                       struct ph_bytes cert)
{
    for (size_t i = 0; i < PH_SNP_TABLE_CNT; i++) {
        if (memcmp(guid, kinds[i].guid, 16) != 0)
            continue;
        if (e->cert[i].len > 0 || cert.len == 0)
            return false;
        e->cert[i] = cert;
    }
    return true;
}

static enum ph_err read_table(struct ph_bytes table, struct ph_snp_evidence *e)
{
    struct ph_reader r = {table};
    size_t end = 0;

    for (size_t i = 0; i <= PH_SNP_TABLE_MAX; i++) {
        uint8_t guid[16];
        uint32_t off, len;
        if (!ph_read_copy(&r, guid, 16) || !ph_read_u32le(&r, &off) || !ph_read_u32le(&r, &len))
            return PH_ERR_MALFORMED;
        if (is_zero(guid, 16) && off == 0 && len == 0) {
            const size_t header = (i + 1) * PH_SNP_TABLE_ENTRY_LEN;
            end = end < header ? header : end;
            e->trailing = (struct ph_bytes){table.ptr + end, table.len - end};
            return is_zero(e->trailing.ptr, e->trailing.len) ? PH_OK : PH_ERR_MALFORMED;
        }
        if (off > table.len || len > table.len - off)
            return PH_ERR_MALFORMED;
        if (!take_entry(e, guid, (struct ph_bytes){table.ptr + off, len}))
            return PH_ERR_MALFORMED;
        end = end < (size_t)off + len ? (size_t)off + len : end;
    }
    return PH_ERR_MALFORMED;
}

enum ph_err ph_snp_report_parse(struct ph_bytes raw, struct ph_snp_evidence *out,
                                enum ph_check *reterr)
{
    struct ph_snp_evidence e = {0};
    struct ph_reader r = {raw};

    if (raw.len > PH_SNP_EXTENDED_MAX)
        return bad(PH_ERR_LIMIT, PH_CHECK_SNP_LENGTH, reterr);
    PH_TRY(read_report(&r, &e, reterr));
    if (r.rest.len > 0 && read_table(r.rest, &e) != PH_OK)
        return bad(PH_ERR_MALFORMED, PH_CHECK_SNP_CERT_TABLE, reterr);
    *reterr = PH_CHECK_CNT;
    *out = e;
    return PH_OK;
}

bool ph_snp_is_report(struct ph_bytes raw)
{
    struct ph_reader r = {raw};
    struct ph_bytes skipped;
    uint32_t version, algorithm;

    return raw.len >= PH_SNP_REPORT_LEN && ph_read_u32le(&r, &version) &&
           is_known_version(version) &&
           ph_read_view(&r, offsetof(struct ph_snp_report, signature_algo) - 4, &skipped) &&
           ph_read_u32le(&r, &algorithm) && algorithm == PH_SNP_SIG_ECDSA_P384_SHA384;
}

enum ph_err ph_snp_peek_report_data(struct ph_bytes report, uint8_t out[static PH_REPORT_DATA_LEN])
{
    struct ph_snp_evidence e;
    enum ph_check failed;
    if (ph_snp_report_parse(report, &e, &failed) != PH_OK)
        return PH_ERR_MALFORMED;
    memcpy(out, e.report.report_data, PH_REPORT_DATA_LEN);
    return PH_OK;
}

enum ph_snp_product ph_snp_product_of_cpu(uint8_t family, uint8_t model)
{
    if (family == 0x19 && model <= 0x0f)
        return PH_SNP_MILAN;
    if (family == 0x19 && ((model >= 0x10 && model <= 0x1f) || (model >= 0xa0 && model <= 0xaf)))
        return PH_SNP_GENOA;
    if (family == 0x1a && model <= 0x11)
        return PH_SNP_TURIN;
    return PH_SNP_UNKNOWN;
}

struct ph_snp_tcb ph_snp_tcb_decode(enum ph_snp_product product, const uint8_t raw[static 8])
{
    switch (product) {
    case PH_SNP_MILAN:
    case PH_SNP_GENOA:
        return (struct ph_snp_tcb){
            .bootloader = raw[0], .tee = raw[1], .snp = raw[6], .microcode = raw[7]};
    case PH_SNP_TURIN:
        return (struct ph_snp_tcb){
            .fmc = raw[0], .bootloader = raw[1], .tee = raw[2], .snp = raw[3], .microcode = raw[7]};
    case PH_SNP_UNKNOWN:
        break;
    }
    return (struct ph_snp_tcb){0};
}

bool ph_snp_tcb_is_clean(enum ph_snp_product product, const uint8_t raw[static 8])
{
    switch (product) {
    case PH_SNP_MILAN:
    case PH_SNP_GENOA:
        return is_zero(raw + 2, 4);
    case PH_SNP_TURIN:
        return is_zero(raw + 4, 3);
    case PH_SNP_UNKNOWN:
        break;
    }
    return false;
}

bool ph_snp_tcb_reaches(const struct ph_snp_tcb *a, const struct ph_snp_tcb *b)
{
    return a->fmc >= b->fmc && a->bootloader >= b->bootloader && a->tee >= b->tee &&
           a->snp >= b->snp && a->microcode >= b->microcode;
}

bool ph_snp_tcb_equal(const struct ph_snp_tcb *a, const struct ph_snp_tcb *b)
{
    return ph_snp_tcb_reaches(a, b) && ph_snp_tcb_reaches(b, a);
}
