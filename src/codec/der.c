#include "codec/der.h"

#include "base/clock.h"

/* X.690 §8.1.2, §8.1.3, §10.1: identifier and length octets. */
static bool read_header(struct ph_reader *r, uint8_t *tag, size_t *len)
{
    uint8_t first, octet;

    /* The five low bits all set announce a tag of several octets, which nothing we read uses; tag 0
     * is BER's end-of-contents. */
    if (!ph_read_u8(r, tag) || (*tag & 0x1f) == 0x1f || *tag == 0 || !ph_read_u8(r, &first))
        return false;
    if (first < 0x80) {
        *len = first;
        return true;
    }
    const unsigned cnt = first & 0x7f;
    if (cnt == 0 || cnt > 4) /* indefinite, or over 4 GiB */
        return false;
    size_t n = 0;
    for (unsigned i = 0; i < cnt; i++) {
        if (!ph_read_u8(r, &octet) || (i == 0 && octet == 0))
            return false;
        n = n << 8 | octet;
    }
    if (n < 0x80)
        return false;
    *len = n;
    return true;
}

enum ph_err ph_der_next(struct ph_reader *r, struct ph_der *out)
{
    struct ph_reader at = *r;
    struct ph_bytes value;
    uint8_t tag;
    size_t len;

    if (!read_header(&at, &tag, &len) || !ph_read_view(&at, len, &value))
        return PH_ERR_MALFORMED;
    *out = (struct ph_der){
        .tag = tag, .value = value, .whole = {r->rest.ptr, r->rest.len - at.rest.len}};
    *r = at;
    return PH_OK;
}

enum ph_err ph_der_expect(struct ph_reader *r, uint8_t tag, struct ph_der *out)
{
    if (!ph_der_peek(r, tag))
        return PH_ERR_MALFORMED;
    return ph_der_next(r, out);
}

bool ph_der_peek(const struct ph_reader *r, uint8_t tag)
{
    return r->rest.len > 0 && r->rest.ptr[0] == tag;
}

/* X.690 §8.3.2: the first nine bits are not all the same. */
static bool minimal_non_negative(struct ph_bytes v)
{
    return v.len > 0 && (v.ptr[0] & 0x80) == 0 &&
           (v.len == 1 || v.ptr[0] != 0 || (v.ptr[1] & 0x80) != 0);
}

enum ph_err ph_der_uint(const struct ph_der *e, struct ph_bytes *out)
{
    if ((e->tag != PH_DER_INTEGER && e->tag != PH_DER_ENUMERATED) ||
        !minimal_non_negative(e->value))
        return PH_ERR_MALFORMED;
    const size_t skip = e->value.ptr[0] == 0;
    *out = (struct ph_bytes){e->value.ptr + skip, e->value.len - skip};
    return PH_OK;
}

enum ph_err ph_der_u64(const struct ph_der *e, uint64_t *out)
{
    struct ph_bytes v;

    PH_TRY(ph_der_uint(e, &v));
    if (v.len > 8)
        return PH_ERR_MALFORMED;
    uint64_t n = 0;
    for (size_t i = 0; i < v.len; i++)
        n = n << 8 | v.ptr[i];
    *out = n;
    return PH_OK;
}

enum ph_err ph_der_bool(const struct ph_der *e, bool *out)
{
    /* X.690 §11.1: TRUE is all ones. */
    if (e->tag != PH_DER_BOOLEAN || e->value.len != 1 ||
        (e->value.ptr[0] != 0x00 && e->value.ptr[0] != 0xff))
        return PH_ERR_MALFORMED;
    *out = e->value.ptr[0] != 0;
    return PH_OK;
}

enum ph_err ph_der_bits(const struct ph_der *e, struct ph_bytes *out)
{
    struct ph_reader r = {e->value};
    uint8_t unused;

    if (e->tag != PH_DER_BIT_STRING || !ph_read_u8(&r, &unused) || unused != 0)
        return PH_ERR_MALFORMED;
    *out = r.rest;
    return PH_OK;
}

enum ph_err ph_der_time(const struct ph_der *e, int64_t *out_s)
{
    if (e->tag == PH_DER_UTC_TIME)
        return ph_time_parse_asn1_utc(e->value, out_s);
    if (e->tag == PH_DER_GENERALIZED_TIME)
        return ph_time_parse_asn1_generalized(e->value, out_s);
    return PH_ERR_MALFORMED;
}

/* Next element: an INTEGER of at most n bytes, as exactly n bytes. */
static enum ph_err read_scalar(struct ph_reader *r, size_t n, uint8_t *out)
{
    struct ph_der e;
    struct ph_bytes v;

    PH_TRY(ph_der_expect(r, PH_DER_INTEGER, &e));
    PH_TRY(ph_der_uint(&e, &v));
    if (v.len > n)
        return PH_ERR_MALFORMED;
    memset(out, 0, n - v.len);
    if (v.len > 0)
        memcpy(out + (n - v.len), v.ptr, v.len);
    return PH_OK;
}

enum ph_err ph_der_ecdsa_sig(struct ph_bytes der, size_t n, uint8_t *out)
{
    struct ph_reader r = {der};
    struct ph_der seq;
    uint8_t sig[2 * PH_DER_SCALAR_MAX];

    if (n > PH_DER_SCALAR_MAX)
        return PH_ERR_LIMIT;
    PH_TRY(ph_der_expect(&r, PH_DER_SEQUENCE, &seq));
    if (r.rest.len != 0)
        return PH_ERR_MALFORMED;
    struct ph_reader body = {seq.value};
    PH_TRY(read_scalar(&body, n, sig));
    PH_TRY(read_scalar(&body, n, sig + n));
    if (body.rest.len != 0)
        return PH_ERR_MALFORMED;
    memcpy(out, sig, 2 * n);
    return PH_OK;
}

enum ph_err ph_der_enter(struct ph_reader *r, uint8_t tag, struct ph_reader *inside,
                         struct ph_bytes *whole)
{
    struct ph_der e;
    PH_TRY(ph_der_expect(r, tag, &e));
    *inside = (struct ph_reader){e.value};
    if (whole)
        *whole = e.whole;
    return PH_OK;
}

enum ph_err ph_der_end(const struct ph_reader *r)
{
    return r->rest.len == 0 ? PH_OK : PH_ERR_MALFORMED;
}
