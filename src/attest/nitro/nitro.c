#include "attest/nitro/nitro.h"

#include "codec/cbor.h"

enum { TAG_COSE_SIGN1 = 18 };

/* RFC 9053 §2.1: { 1 (alg): -35 (ES384) }. Strict CBOR has one form of it. */
static const uint8_t protected_es384[] = {0xa1, 0x01, 0x38, 0x22};

static enum ph_err fail(enum ph_check *failed, enum ph_check check, enum ph_err err)
{
    *failed = check;
    return err;
}

static enum ph_err read_bytes(struct ph_reader *r, struct ph_bytes *out)
{
    struct ph_cbor e;
    PH_TRY(ph_cbor_expect(r, PH_CBOR_BYTES, &e));
    *out = e.bytes;
    return PH_OK;
}

/* One item of strict CBOR and nothing else. */
static enum ph_err is_one_item(struct ph_bytes bytes)
{
    struct ph_reader r = {bytes};
    struct ph_bytes whole;
    PH_TRY(ph_cbor_cut(&r, &whole));
    return r.rest.len == 0 ? PH_OK : PH_ERR_MALFORMED;
}

/* [NSM] §3.1: [protected, unprotected, payload, signature], with or without its tag. */
static enum ph_err read_cose(struct ph_bytes document, struct ph_nitro_doc *doc,
                             uint64_t *unprotected_cnt)
{
    struct ph_reader r = {document};
    struct ph_cbor e;

    PH_TRY(is_one_item(document));
    PH_TRY(ph_cbor_next(&r, &e));
    if (e.type == PH_CBOR_TAG) {
        if (e.value != TAG_COSE_SIGN1)
            return PH_ERR_MALFORMED;
        PH_TRY(ph_cbor_next(&r, &e));
    }
    if (e.type != PH_CBOR_ARRAY || e.value != 4)
        return PH_ERR_MALFORMED;
    PH_TRY(read_bytes(&r, &doc->protected_header));
    struct ph_reader map = r;
    struct ph_bytes skipped;
    PH_TRY(ph_cbor_cut(&r, &skipped));
    PH_TRY(ph_cbor_expect(&map, PH_CBOR_MAP, &e));
    *unprotected_cnt = e.indefinite ? UINT64_MAX : e.value;
    PH_TRY(read_bytes(&r, &doc->payload));
    PH_TRY(read_bytes(&r, &doc->signature));
    if (doc->payload.len == 0 || doc->payload.len > PH_NITRO_PAYLOAD_MAX ||
        doc->signature.len != 96)
        return PH_ERR_MALFORMED;
    return PH_OK;
}

enum field {
    MODULE_ID,
    DIGEST,
    TIMESTAMP,
    PCRS,
    CERTIFICATE,
    CABUNDLE,
    PUBLIC_KEY,
    USER_DATA,
    NONCE,
    FIELD_CNT,
};
static const char *const names[FIELD_CNT] = {"module_id",  "digest",      "timestamp",
                                             "pcrs",       "certificate", "cabundle",
                                             "public_key", "user_data",   "nonce"};

/* Values of the map by field: a reader that begins at each. */
struct fields {
    struct ph_reader value[FIELD_CNT];
    bool present[FIELD_CNT];
};

static enum ph_err read_map(struct ph_bytes payload, struct fields *f)
{
    struct ph_reader r = {payload};
    struct ph_cbor map, key;
    struct ph_bytes skipped;
    bool more;

    PH_TRY(is_one_item(payload));
    PH_TRY(ph_cbor_expect(&r, PH_CBOR_MAP, &map));
    for (;;) {
        size_t i = 0;
        PH_TRY(ph_cbor_more(&r, &map, &more));
        if (!more)
            return PH_OK;
        PH_TRY(ph_cbor_expect(&r, PH_CBOR_TEXT, &key));
        while (i < FIELD_CNT && !ph_bytes_is(key.bytes, names[i]))
            i++;
        if (i == FIELD_CNT)
            return PH_ERR_MALFORMED; /* [NSM] §3.2.2.1 "allowed fields" */
        f->present[i] = true;
        f->value[i] = r;
        PH_TRY(ph_cbor_cut(&r, &skipped));
    }
}

/* A byte string of min..max bytes; null is absent where that is allowed. */
static enum ph_err read_field(const struct fields *f, enum field field, size_t min, size_t max,
                              struct ph_bytes *out)
{
    struct ph_reader r = f->value[field];
    struct ph_cbor e;

    *out = (struct ph_bytes){NULL, 0};
    if (!f->present[field])
        return PH_OK;
    PH_TRY(ph_cbor_next(&r, &e));
    if (e.type == PH_CBOR_NULL && field >= PUBLIC_KEY)
        return PH_OK;
    if (e.type != PH_CBOR_BYTES || e.bytes.len < min || e.bytes.len > max)
        return PH_ERR_MALFORMED;
    *out = e.bytes;
    return PH_OK;
}

static enum ph_err read_cabundle(const struct fields *f, struct ph_nitro_doc *doc)
{
    struct ph_reader r = f->value[CABUNDLE];
    struct ph_cbor list;

    PH_TRY(ph_cbor_expect(&r, PH_CBOR_ARRAY, &list));
    if (list.value == 0 || list.value > PH_NITRO_CA_MAX)
        return PH_ERR_MALFORMED;
    for (doc->ca_cnt = 0; doc->ca_cnt < list.value; doc->ca_cnt++) {
        struct ph_bytes *cert = &doc->ca[doc->ca_cnt];
        PH_TRY(read_bytes(&r, cert));
        if (cert->len == 0 || cert->len > PH_NITRO_CERT_MAX)
            return PH_ERR_MALFORMED;
    }
    return PH_OK;
}

/* [NSM] §3.2.2.2. */
static enum ph_err read_fields(const struct fields *f, struct ph_nitro_doc *doc)
{
    struct ph_reader r;
    struct ph_cbor e;

    for (enum field i = 0; i < PUBLIC_KEY; i++) {
        if (!f->present[i])
            return PH_ERR_MALFORMED;
    }
    r = f->value[MODULE_ID];
    PH_TRY(ph_cbor_expect(&r, PH_CBOR_TEXT, &e));
    if (e.bytes.len == 0 || e.bytes.len > PH_NITRO_MODULE_ID_MAX ||
        memchr(e.bytes.ptr, 0, e.bytes.len))
        return PH_ERR_MALFORMED;
    doc->module_id = e.bytes;
    r = f->value[TIMESTAMP];
    PH_TRY(ph_cbor_expect(&r, PH_CBOR_UINT, &e));
    if (e.value == 0 || e.value > INT64_MAX)
        return PH_ERR_MALFORMED;
    doc->timestamp_ms = e.value;
    PH_TRY(read_field(f, CERTIFICATE, 1, PH_NITRO_CERT_MAX, &doc->certificate));
    PH_TRY(read_cabundle(f, doc));
    PH_TRY(read_field(f, PUBLIC_KEY, 1, PH_NITRO_PUBLIC_KEY_MAX, &doc->public_key));
    PH_TRY(read_field(f, USER_DATA, 0, PH_NITRO_USER_DATA_MAX, &doc->user_data));
    return read_field(f, NONCE, 0, PH_NITRO_USER_DATA_MAX, &doc->nonce);
}

/* [NSM] §2.2 allows 32, 48 and 64 bytes; the only digest is SHA384, so that leaves 48. */
static enum ph_err read_pcrs(const struct fields *f, struct ph_nitro_doc *doc)
{
    struct ph_reader r = f->value[DIGEST];
    struct ph_cbor map, e;
    bool more;

    PH_TRY(ph_cbor_expect(&r, PH_CBOR_TEXT, &e));
    if (!ph_bytes_is(e.bytes, "SHA384"))
        return PH_ERR_UNSUPPORTED;
    r = f->value[PCRS];
    PH_TRY(ph_cbor_expect(&r, PH_CBOR_MAP, &map));
    for (;;) {
        PH_TRY(ph_cbor_more(&r, &map, &more));
        if (!more)
            return doc->pcrs != 0 ? PH_OK : PH_ERR_MALFORMED;
        PH_TRY(ph_cbor_expect(&r, PH_CBOR_UINT, &e));
        if (e.value >= PH_NITRO_PCRS)
            return PH_ERR_MALFORMED;
        struct ph_bytes *pcr = &doc->pcr[e.value];
        doc->pcrs |= (uint32_t)1 << e.value;
        PH_TRY(read_bytes(&r, pcr));
        if (pcr->len != 48)
            return PH_ERR_MALFORMED;
    }
}

enum ph_err ph_nitro_parse(struct ph_bytes document, struct ph_nitro_doc *out,
                           enum ph_check *failed)
{
    struct ph_nitro_doc doc = {.pcrs = 0};
    struct fields fields = {.present = {false}};
    uint64_t unprotected_cnt = 0;
    enum ph_err err;

    if (document.len > PH_NITRO_MAX)
        return fail(failed, PH_CHECK_NITRO_LENGTH, PH_ERR_LIMIT);
    if ((err = read_cose(document, &doc, &unprotected_cnt)) != PH_OK)
        return fail(failed, PH_CHECK_NITRO_COSE, err);
    if (!ph_bytes_equal(doc.protected_header, PH_BYTES_OF(protected_es384)) || unprotected_cnt != 0)
        return fail(failed, PH_CHECK_NITRO_ALGORITHM, PH_ERR_UNSUPPORTED);
    if ((err = read_map(doc.payload, &fields)) != PH_OK)
        return fail(failed, PH_CHECK_NITRO_PAYLOAD, err);
    if ((err = read_fields(&fields, &doc)) != PH_OK)
        return fail(failed, PH_CHECK_NITRO_FIELDS, err);
    if ((err = read_pcrs(&fields, &doc)) != PH_OK)
        return fail(failed, PH_CHECK_NITRO_PCRS, err);
    *failed = PH_CHECK_CNT;
    *out = doc;
    return PH_OK;
}
