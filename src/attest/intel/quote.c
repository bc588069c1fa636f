#include "attest/intel/quote.h"

/* [QUOTE] A.3.1: QE vendor id 939a7233-f79c-4ca9-940a-0db3957f0607, Intel. */
static const uint8_t intel_vendor[16] = {0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9,
                                         0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};

static enum ph_err bad(enum ph_err err, enum ph_check check, enum ph_check *reterr)
{
    *reterr = check;
    return err;
}

static enum ph_err read_header(struct ph_reader *r, struct ph_intel_quote *q, enum ph_check *reterr)
{
    uint16_t key_type;
    uint32_t tee;

    if (!ph_read_view(r, PH_QUOTE_HEADER_LEN, &q->header))
        return bad(PH_ERR_MALFORMED, PH_CHECK_QUOTE_LENGTH, reterr);
    struct ph_reader h = {q->header};
    if (!ph_read_u16le(&h, &q->version) || !ph_read_u16le(&h, &key_type) ||
        !ph_read_u32le(&h, &tee))
        return bad(PH_ERR_MALFORMED, PH_CHECK_QUOTE_LENGTH, reterr);
    if (q->version < 3 || q->version > 5)
        return bad(PH_ERR_UNSUPPORTED, PH_CHECK_QUOTE_VERSION, reterr);
    if (key_type != PH_QUOTE_KEY_ECDSA_P256)
        return bad(PH_ERR_UNSUPPORTED, PH_CHECK_QUOTE_KEY_TYPE, reterr);
    if (tee == PH_QUOTE_TEE_TDX && q->version >= 4)
        q->tee = PH_TEE_TDX;
    else if (tee == PH_QUOTE_TEE_SGX)
        q->tee = PH_TEE_SGX;
    else
        return bad(PH_ERR_UNSUPPORTED, PH_CHECK_QUOTE_TEE_TYPE, reterr);
    if (memcmp(q->header.ptr + offsetof(struct ph_quote_header, vendor_id), intel_vendor, 16) != 0)
        return bad(PH_ERR_UNSUPPORTED, PH_CHECK_QUOTE_VENDOR, reterr);
    return PH_OK;
}

static uint32_t body_len(uint16_t body_type)
{
    switch (body_type) {
    case PH_QUOTE_V5_BODY_SGX:
        return sizeof(struct ph_sgx_body);
    case PH_QUOTE_V5_BODY_TD10:
        return sizeof(struct ph_tdx_body);
    case PH_QUOTE_V5_BODY_TD15:
        return sizeof(struct ph_tdx_body) + sizeof(struct ph_tdx15_tail);
    case PH_QUOTE_V5_BODY_TD15EX:
        return PH_QUOTE_TD15EX_LEN;
    default:
        return 0;
    }
}

/* Versions 3 and 4 have one body for each TEE; version 5 names it. */
static enum ph_err read_body(struct ph_reader *r, struct ph_intel_quote *q, enum ph_check *reterr)
{
    const uint8_t *start = q->header.ptr;

    q->body_type = q->tee == PH_TEE_SGX ? PH_QUOTE_V5_BODY_SGX : PH_QUOTE_V5_BODY_TD10;
    if (q->version == 5) {
        uint32_t size;
        if (!ph_read_u16le(r, &q->body_type) || !ph_read_u32le(r, &size))
            return bad(PH_ERR_MALFORMED, PH_CHECK_QUOTE_LENGTH, reterr);
        if (body_len(q->body_type) == 0 || size != body_len(q->body_type))
            return bad(PH_ERR_UNSUPPORTED, PH_CHECK_QUOTE_BODY, reterr);
        if ((q->body_type == PH_QUOTE_V5_BODY_SGX) != (q->tee == PH_TEE_SGX))
            return bad(PH_ERR_MALFORMED, PH_CHECK_QUOTE_TEE_TYPE, reterr);
    }
    if (!ph_read_view(r, body_len(q->body_type), &q->body))
        return bad(PH_ERR_MALFORMED, PH_CHECK_QUOTE_LENGTH, reterr);
    q->signed_part = (struct ph_bytes){start, (size_t)(r->rest.ptr - start)};
    return PH_OK;
}

/* [SGX] A.4.8: the sizes that certification data can have. */
static bool cert_data_fits(uint16_t type, size_t len)
{
    switch (type) {
    case PH_QUOTE_CERT_PPID:
        return len == 16 + 16 + 2 || len == 16 + 16 + 2 + 2;
    case PH_QUOTE_CERT_PPID_RSA2048:
        return len == 256 + 16 + 2 || len == 256 + 16 + 2 + 2;
    case PH_QUOTE_CERT_PPID_RSA3072:
        return len == 384 + 16 + 2 || len == 384 + 16 + 2 + 2;
    case PH_QUOTE_CERT_PCK_LEAF:
    case PH_QUOTE_CERT_PCK_CHAIN:
        return len > 0;
    default:
        return false;
    }
}

/* QE report, its signature, QE authentication data, certification data; fills `r` to its end. */
static enum ph_err read_certification(struct ph_reader *r, struct ph_intel_quote *q,
                                      enum ph_check *reterr)
{
    uint16_t auth_len;
    uint32_t cert_len;

    if (!ph_read_view(r, sizeof(struct ph_sgx_body), &q->qe_report) ||
        !ph_read_view(r, 64, &q->qe_sig) || !ph_read_u16le(r, &auth_len) ||
        !ph_read_view(r, auth_len, &q->qe_auth) || !ph_read_u16le(r, &q->cert_type) ||
        !ph_read_u32le(r, &cert_len) || !ph_read_view(r, cert_len, &q->cert_data) ||
        r->rest.len != 0)
        return bad(PH_ERR_MALFORMED, PH_CHECK_QUOTE_AUTH_LENGTH, reterr);
    if (!cert_data_fits(q->cert_type, q->cert_data.len))
        return bad(PH_ERR_MALFORMED, PH_CHECK_QUOTE_CERT_DATA, reterr);
    return PH_OK;
}

static enum ph_err read_auth(struct ph_reader *r, struct ph_intel_quote *q, enum ph_check *reterr)
{
    uint32_t len, outer_len;
    uint16_t outer_type;
    struct ph_reader auth;

    if (!ph_read_u32le(r, &len))
        return bad(PH_ERR_MALFORMED, PH_CHECK_QUOTE_LENGTH, reterr);
    if (!ph_read_view(r, len, &auth.rest) || !ph_read_view(&auth, 64, &q->sig) ||
        !ph_read_view(&auth, 64, &q->key))
        return bad(PH_ERR_MALFORMED, PH_CHECK_QUOTE_AUTH_LENGTH, reterr);
    if (q->version >= 4) {
        if (!ph_read_u16le(&auth, &outer_type) || !ph_read_u32le(&auth, &outer_len))
            return bad(PH_ERR_MALFORMED, PH_CHECK_QUOTE_AUTH_LENGTH, reterr);
        if (outer_type != PH_QUOTE_CERT_QE_REPORT)
            return bad(PH_ERR_UNSUPPORTED, PH_CHECK_QUOTE_OUTER_TYPE, reterr);
        if (outer_len != auth.rest.len)
            return bad(PH_ERR_MALFORMED, PH_CHECK_QUOTE_AUTH_LENGTH, reterr);
    }
    return read_certification(&auth, q, reterr);
}

enum ph_err ph_intel_quote_parse(struct ph_bytes raw, struct ph_intel_quote *out,
                                 enum ph_check *reterr)
{
    struct ph_intel_quote q = {0};
    struct ph_reader r = {raw};

    if (raw.len > PH_QUOTE_MAX)
        return bad(PH_ERR_LIMIT, PH_CHECK_QUOTE_LENGTH, reterr);
    PH_TRY(read_header(&r, &q, reterr));
    PH_TRY(read_body(&r, &q, reterr));
    PH_TRY(read_auth(&r, &q, reterr));
    q.trailing = r.rest;
    *reterr = PH_CHECK_CNT;
    *out = q;
    return PH_OK;
}

bool ph_intel_quote_padding_is_zero(const struct ph_intel_quote *quote)
{
    uint8_t any = 0;
    for (size_t i = 0; i < quote->trailing.len; i++)
        any |= quote->trailing.ptr[i];
    return any == 0;
}

void ph_intel_quote_tdx(const struct ph_intel_quote *quote, struct ph_tdx_body *body)
{
    memcpy(body, quote->body.ptr, sizeof(*body));
}

void ph_intel_quote_tdx15(const struct ph_intel_quote *quote, struct ph_tdx15_tail *tail)
{
    memcpy(tail, quote->body.ptr + sizeof(struct ph_tdx_body), sizeof(*tail));
}

struct ph_bytes ph_intel_quote_report_data(const struct ph_intel_quote *quote)
{
    const size_t at = quote->tee == PH_TEE_SGX ? offsetof(struct ph_sgx_body, report_data)
                                               : offsetof(struct ph_tdx_body, report_data);
    return (struct ph_bytes){quote->body.ptr + at, PH_REPORT_DATA_LEN};
}

const char *ph_quote_body_name(uint16_t body_type)
{
    static const char *const names[] = {"unknown", "SGX", "TDX 1.0", "TDX 1.5", "TDX 1.5 extended"};
    return names[body_type < PH_LEN(names) ? body_type : 0];
}

const char *ph_quote_cert_type_name(uint16_t cert_type)
{
    static const char *const names[] = {
        "unknown",
        "PPID in clear",
        "PPID encrypted with RSA-2048",
        "PPID encrypted with RSA-3072",
        "PCK certificate",
        "PCK certificate chain (PEM)",
        "QE report",
        "platform manifest",
    };
    return names[cert_type < PH_LEN(names) ? cert_type : 0];
}
