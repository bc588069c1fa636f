#include "codec/base64.h"

#include "base/own.h"

#include <stdbool.h>
#include <stdio.h>

static const char std_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Value of a digit plus 1; 0 is no digit. The first 62 are common, the last two each form's own. */
/* clang-format off */
static const uint8_t value_plus_1[256] = {
    ['A'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
    ['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52,
    ['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62,
};
/* clang-format on */

static inline int digit_value(uint8_t c, const char *digits)
{
    if (value_plus_1[c] != 0)
        return value_plus_1[c] - 1;
    if (c == (uint8_t)digits[62])
        return 62;
    if (c == (uint8_t)digits[63])
        return 63;
    return -1;
}

static enum ph_err encode(struct ph_bytes in, const char *digits, bool pad, struct ph_buf *out)
{
    if (in.len > SIZE_MAX / 4)
        return PH_ERR_LIMIT;
    const size_t whole = in.len / 3, tail = in.len % 3;
    const size_t len = whole * 4 + (tail == 0 ? 0 : pad ? 4 : tail + 1);
    uint8_t *at;
    PH_TRY(ph_buf_reserve(out, len, &at));

    const uint8_t *p = in.ptr;
    for (size_t i = 0; i < whole; i++, p += 3) {
        const uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        *at++ = (uint8_t)digits[v >> 18];
        *at++ = (uint8_t)digits[v >> 12 & 63];
        *at++ = (uint8_t)digits[v >> 6 & 63];
        *at++ = (uint8_t)digits[v & 63];
    }
    if (tail > 0) {
        const uint32_t v = (uint32_t)p[0] << 16 | (tail == 2 ? (uint32_t)p[1] << 8 : 0);
        *at++ = (uint8_t)digits[v >> 18];
        *at++ = (uint8_t)digits[v >> 12 & 63];
        if (tail == 2)
            *at++ = (uint8_t)digits[v >> 6 & 63];
        for (size_t i = tail; pad && i < 3; i++)
            *at++ = '=';
    }
    out->len += len;
    return PH_OK;
}

enum ph_err ph_base64_encode(struct ph_bytes bytes, struct ph_buf *out)
{
    return encode(bytes, std_digits, true, out);
}

enum ph_err ph_base64url_encode(struct ph_bytes bytes, struct ph_buf *out)
{
    return encode(bytes, url_digits, false, out);
}

/* Digits without padding. RFC 4648 §3.5: the bits that do not fill a byte must be zero. */
static enum ph_err decode(struct ph_bytes text, const char *digits, struct ph_buf *out)
{
    const size_t tail = text.len % 4, len = text.len / 4 * 3 + (tail == 0 ? 0 : tail - 1);
    uint8_t *at;

    if (tail == 1)
        return PH_ERR_MALFORMED;
    PH_TRY(ph_buf_reserve(out, len, &at));
    uint32_t acc = 0, bits = 0;
    for (size_t i = 0; i < text.len; i++) {
        const int v = digit_value(text.ptr[i], digits);
        if (v < 0)
            return PH_ERR_MALFORMED;
        acc = acc << 6 | (uint32_t)v;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            *at++ = (uint8_t)(acc >> bits);
        }
    }
    if ((acc & ((1u << bits) - 1)) != 0)
        return PH_ERR_MALFORMED;
    out->len += len;
    return PH_OK;
}

enum ph_err ph_base64_decode(struct ph_bytes text, struct ph_buf *out)
{
    if (text.len % 4 != 0)
        return PH_ERR_MALFORMED;
    for (int i = 0; i < 2 && text.len > 0 && text.ptr[text.len - 1] == '='; i++)
        text.len--;
    return decode(text, std_digits, out);
}

enum ph_err ph_base64url_decode(struct ph_bytes text, struct ph_buf *out)
{
    return decode(text, url_digits, out);
}

static bool starts_with(struct ph_bytes text, size_t at, struct ph_bytes what)
{
    return text.len - at >= what.len && memcmp(text.ptr + at, what.ptr, what.len) == 0;
}

/* Offset of a line that starts with `what`, at or after `at`, or SIZE_MAX. */
static size_t find_line(struct ph_bytes text, size_t at, struct ph_bytes what)
{
    while (at < text.len) {
        if (starts_with(text, at, what))
            return at;
        const uint8_t *lf = memchr(text.ptr + at, '\n', text.len - at);
        if (!lf)
            break;
        at = (size_t)(lf - text.ptr) + 1;
    }
    return SIZE_MAX;
}

/* Base64 in lines ended by LF or CRLF: append the decoded bytes to `out`. */
static enum ph_err decode_lines(struct ph_bytes text, struct ph_buf *out)
{
    struct ph_buf joined PH_OWNED(ph_buf_clear) = PH_BUF(text.len);
    uint8_t *at;

    PH_TRY(ph_buf_reserve(&joined, text.len, &at));
    while (text.len > 0) {
        const uint8_t *lf = memchr(text.ptr, '\n', text.len);
        const size_t line = lf ? (size_t)(lf - text.ptr) : text.len;
        const size_t chars = line > 0 && text.ptr[line - 1] == '\r' ? line - 1 : line;
        memcpy(at + joined.len, text.ptr, chars);
        joined.len += chars;
        const size_t used = lf ? line + 1 : line;
        text = (struct ph_bytes){text.ptr + used, text.len - used};
    }
    return ph_base64_decode(ph_buf_view(&joined), out);
}

enum ph_err ph_pem_next(struct ph_reader *r, const char *label, struct ph_buf *out)
{
    char marker[2][PH_PEM_LABEL_MAX + 32];

    if (strlen(label) > PH_PEM_LABEL_MAX)
        return PH_ERR_LIMIT;
    (void)snprintf(marker[0], sizeof(marker[0]), "-----BEGIN %s-----", label);
    (void)snprintf(marker[1], sizeof(marker[1]), "-----END %s-----", label);
    const struct ph_bytes text = r->rest, begin = ph_bytes_str(marker[0]),
                          end = ph_bytes_str(marker[1]);

    const size_t start = find_line(text, 0, begin);
    if (start == SIZE_MAX)
        return PH_ERR_NOT_FOUND;
    size_t body = start + begin.len;
    body += body < text.len && text.ptr[body] == '\r';
    if (body >= text.len || text.ptr[body] != '\n')
        return PH_ERR_MALFORMED;
    body++;
    const size_t stop = find_line(text, body, end);
    if (stop == SIZE_MAX)
        return PH_ERR_MALFORMED;
    PH_TRY(decode_lines((struct ph_bytes){text.ptr + body, stop - body}, out));
    const size_t used = stop + end.len;
    r->rest = (struct ph_bytes){text.ptr + used, text.len - used};
    return PH_OK;
}

enum ph_err ph_pem_encode(const char *label, struct ph_bytes der, struct ph_buf *out)
{
    enum { LINE_BYTES = 48 }; /* 64 characters */
    const size_t before = out->len;
    enum ph_err err = ph_buf_addf(out, "-----BEGIN %s-----\n", label);

    while (err == PH_OK && der.len > 0) {
        const size_t n = der.len < LINE_BYTES ? der.len : LINE_BYTES;
        err = ph_base64_encode((struct ph_bytes){der.ptr, n}, out);
        if (err == PH_OK)
            err = ph_buf_add_str(out, "\n");
        der = (struct ph_bytes){der.ptr + n, der.len - n};
    }
    if (err == PH_OK)
        err = ph_buf_addf(out, "-----END %s-----\n", label);
    if (err != PH_OK)
        out->len = before;
    return err;
}
