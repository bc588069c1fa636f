/* The writing half of der.h. */

#include "codec/der.h"

#include "base/clock.h"

enum { HEADER_MAX = 1 + 1 + 4 };

enum ph_err ph_der_put(struct ph_buf *buf, uint8_t tag, struct ph_bytes value)
{
    uint8_t header[HEADER_MAX] = {tag}, *at;
    size_t n = 1;

    if (value.len > UINT32_MAX)
        return PH_ERR_LIMIT;
    if (value.len < 0x80) {
        header[n++] = (uint8_t)value.len;
    } else {
        unsigned cnt = 1;
        while (value.len >> 8 * cnt)
            cnt++;
        header[n++] = (uint8_t)(0x80 | cnt);
        while (cnt > 0)
            header[n++] = (uint8_t)(value.len >> 8 * --cnt);
    }
    /* One reservation for both, so that a full buffer stays as it was. */
    PH_TRY(ph_buf_reserve(buf, n + value.len, &at));
    memcpy(at, header, n);
    if (value.len > 0)
        memcpy(at + n, value.ptr, value.len);
    buf->len += n + value.len;
    return PH_OK;
}

enum ph_err ph_der_put_uint(struct ph_buf *buf, struct ph_bytes magnitude)
{
    uint8_t with_sign[1 + PH_DER_UINT_MAX] = {0};

    while (magnitude.len > 0 && magnitude.ptr[0] == 0)
        magnitude = (struct ph_bytes){magnitude.ptr + 1, magnitude.len - 1};
    if (magnitude.len > PH_DER_UINT_MAX)
        return PH_ERR_LIMIT;
    if (magnitude.len > 0)
        memcpy(with_sign + 1, magnitude.ptr, magnitude.len);
    /* A zero octet in front says "not negative", and is all there is of zero. */
    const size_t skip = magnitude.len > 0 && (magnitude.ptr[0] & 0x80) == 0;
    return ph_der_put(buf, PH_DER_INTEGER,
                      (struct ph_bytes){with_sign + skip, 1 + magnitude.len - skip});
}

enum ph_err ph_der_put_u64(struct ph_buf *buf, uint64_t v)
{
    uint8_t be[8];

    ph_put_u64be(be, v);
    return ph_der_put_uint(buf, PH_BYTES_OF(be));
}

/* X.690 §8.19.2: base 128, high bit on all octets but the last. */
static size_t put_arc(uint8_t *out, uint32_t arc)
{
    size_t n = 1;

    while (n < 5 && arc >> 7 * n)
        n++;
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)((arc >> 7 * (n - 1 - i) & 0x7f) | (i + 1 < n ? 0x80 : 0));
    return n;
}

/* One decimal number, then a dot or the end. */
static bool read_arc(const char **text, uint32_t *out)
{
    const char *p = *text;
    uint64_t n = 0;

    if (*p < '0' || *p > '9')
        return false;
    for (; *p >= '0' && *p <= '9'; p++) {
        n = n * 10 + (uint64_t)(*p - '0');
        if (n > UINT32_MAX)
            return false;
    }
    if (*p == '.')
        p++;
    else if (*p != '\0')
        return false;
    *text = p;
    *out = (uint32_t)n;
    return true;
}

enum ph_err ph_der_put_oid(struct ph_buf *buf, const char *dotted)
{
    uint8_t value[128];
    uint32_t first, second, arc;
    const size_t text_len = strlen(dotted);

    if (text_len == 0 || dotted[text_len - 1] == '.')
        return PH_ERR_MALFORMED;
    /* X.690 §8.19.4: the first two arcs share an octet. */
    if (!read_arc(&dotted, &first) || !read_arc(&dotted, &second) || first > 2 ||
        (first < 2 && second >= 40) || second > UINT32_MAX - 80)
        return PH_ERR_MALFORMED;
    size_t n = put_arc(value, first * 40 + second);
    while (*dotted != '\0') {
        if (!read_arc(&dotted, &arc))
            return PH_ERR_MALFORMED;
        if (n > sizeof(value) - 5)
            return PH_ERR_LIMIT;
        n += put_arc(value + n, arc);
    }
    return ph_der_put(buf, PH_DER_OID, (struct ph_bytes){value, n});
}

enum ph_err ph_der_put_time(struct ph_buf *buf, int64_t s)
{
    char rfc3339[21], digits[16]; /* 2025-06-19T10:32:27Z -> 20250619103227Z */
    size_t n = 0;

    ph_time_format_rfc3339(s, rfc3339);
    for (const char *p = rfc3339; *p != '\0'; p++) {
        if (*p != '-' && *p != ':' && *p != 'T')
            digits[n++] = *p;
    }
    digits[n] = '\0';
    const bool utc = strncmp(digits, "1950", 4) >= 0 && strncmp(digits, "2050", 4) < 0;
    return ph_der_put(buf, utc ? PH_DER_UTC_TIME : PH_DER_GENERALIZED_TIME,
                      ph_bytes_str(digits + (utc ? 2 : 0)));
}

enum ph_err ph_der_put_ecdsa_sig(struct ph_buf *buf, const uint8_t *sig, size_t n)
{
    struct ph_buf body = PH_BUF(2 * (HEADER_MAX + 1 + PH_DER_SCALAR_MAX));

    if (n > PH_DER_SCALAR_MAX)
        return PH_ERR_LIMIT;
    enum ph_err err = ph_der_put_uint(&body, (struct ph_bytes){sig, n});
    if (err == PH_OK)
        err = ph_der_put_uint(&body, (struct ph_bytes){sig + n, n});
    if (err == PH_OK)
        err = ph_der_put(buf, PH_DER_SEQUENCE, ph_buf_view(&body));
    ph_buf_clear(&body);
    return err;
}
