#include "codec/bhttp.h"

/* Framing indicators: RFC 9292 §3.3. */
enum { REQUEST_KNOWN = 0, RESPONSE_KNOWN = 1, REQUEST_STREAM = 2, RESPONSE_STREAM = 3 };

/* Variable-length integer: RFC 9000 §16. Longer forms than needed are allowed there. */
static bool read_varint(struct ph_reader *r, uint64_t *out)
{
    uint8_t byte;

    if (!ph_read_u8(r, &byte))
        return false;
    uint64_t value = byte & 0x3f;
    for (unsigned left = (1u << (byte >> 6)) - 1; left > 0; left--) {
        if (!ph_read_u8(r, &byte))
            return false;
        value = value << 8 | byte;
    }
    *out = value;
    return true;
}

/* A length and that many bytes. */
static bool read_part(struct ph_reader *r, struct ph_bytes *out)
{
    uint64_t len;

    return read_varint(r, &len) && len <= r->rest.len && ph_read_view(r, (size_t)len, out);
}

/* No byte that could end a line or a string elsewhere. */
static bool is_clean(struct ph_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t c = text.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static bool is_name(struct ph_bytes name)
{
    if (name.len == 0 || !is_clean(name))
        return false;
    /* Blanks and colons separate in HTTP/1; capitals are not allowed [RFC 9292 §3.6]. */
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] == ' ' || name.ptr[i] == '\t' || name.ptr[i] == ':' ||
            (name.ptr[i] >= 'A' && name.ptr[i] <= 'Z'))
            return false;
    return true;
}

static bool read_line(struct ph_reader *r, struct ph_bhttp_field *out)
{
    struct ph_bhttp_field got;

    if (!read_part(r, &got.name) || !read_part(r, &got.value) || !is_name(got.name) ||
        !is_clean(got.value))
        return false;
    *out = got;
    return true;
}

static enum ph_err read_known_fields(struct ph_reader *r, struct ph_bhttp_fields *out)
{
    struct ph_bhttp_field line;
    struct ph_reader lines;
    unsigned cnt = 0;

    if (r->rest.len == 0) /* cut off: the rest is empty [RFC 9292 §3.8] */
        return PH_OK;
    if (!read_part(r, &out->lines))
        return PH_ERR_MALFORMED;
    for (lines = (struct ph_reader){out->lines}; lines.rest.len > 0;) {
        if (!read_line(&lines, &line))
            return PH_ERR_MALFORMED;
        if (++cnt > PH_BHTTP_FIELDS_MAX)
            return PH_ERR_LIMIT;
    }
    return PH_OK;
}

/* Lines up to a zero where the next name's length would be. */
static enum ph_err read_stream_fields(struct ph_reader *r, struct ph_bhttp_fields *out)
{
    const struct ph_bytes from = r->rest;
    struct ph_bhttp_field line;
    unsigned cnt = 0;

    if (from.len == 0)
        return PH_OK;
    for (;;) {
        struct ph_reader ahead = *r;
        uint64_t name_len;
        if (!read_varint(&ahead, &name_len))
            return PH_ERR_MALFORMED;
        if (name_len == 0) {
            out->lines = (struct ph_bytes){from.ptr, from.len - r->rest.len};
            *r = ahead;
            return PH_OK;
        }
        if (!read_line(r, &line))
            return PH_ERR_MALFORMED;
        if (++cnt > PH_BHTTP_FIELDS_MAX)
            return PH_ERR_LIMIT;
    }
}

static enum ph_err read_stream_content(struct ph_reader *r, struct ph_bhttp_content *out)
{
    const struct ph_bytes from = r->rest;
    struct ph_bytes chunk;
    size_t before;

    out->chunked = true;
    if (from.len == 0)
        return PH_OK;
    do {
        before = r->rest.len;
        if (!read_part(r, &chunk))
            return PH_ERR_MALFORMED;
        out->len += chunk.len;
    } while (chunk.len > 0);
    out->raw = (struct ph_bytes){from.ptr, from.len - before};
    return PH_OK;
}

static enum ph_err read_rest(struct ph_reader *r, bool stream, struct ph_bhttp_fields *fields,
                             struct ph_bhttp_content *content, struct ph_bhttp_fields *trailers)
{
    if (stream) {
        PH_TRY(read_stream_fields(r, fields));
        PH_TRY(read_stream_content(r, content));
        PH_TRY(read_stream_fields(r, trailers));
    } else {
        PH_TRY(read_known_fields(r, fields));
        if (r->rest.len > 0 && !read_part(r, &content->raw))
            return PH_ERR_MALFORMED;
        content->len = content->raw.len;
        PH_TRY(read_known_fields(r, trailers));
    }
    for (size_t i = 0; i < r->rest.len; i++)
        if (r->rest.ptr[i] != 0)
            return PH_ERR_MALFORMED;
    return PH_OK;
}

static enum ph_err read_framing(struct ph_reader *r, uint64_t known, uint64_t stream,
                                bool *is_stream)
{
    uint64_t framing;

    if (!read_varint(r, &framing))
        return PH_ERR_MALFORMED;
    if (framing != known && framing != stream)
        return PH_ERR_UNSUPPORTED;
    *is_stream = framing == stream;
    return PH_OK;
}

enum ph_err ph_bhttp_request_parse(struct ph_bytes message, struct ph_bhttp_request *out)
{
    struct ph_bhttp_request got = {0};
    struct ph_reader r = {message};
    bool stream;

    PH_TRY(read_framing(&r, REQUEST_KNOWN, REQUEST_STREAM, &stream));
    if (!read_part(&r, &got.method) || !read_part(&r, &got.scheme) ||
        !read_part(&r, &got.authority) || !read_part(&r, &got.path) || got.method.len == 0 ||
        !is_clean(got.method) || !is_clean(got.scheme) || !is_clean(got.authority) ||
        !is_clean(got.path))
        return PH_ERR_MALFORMED;
    PH_TRY(read_rest(&r, stream, &got.fields, &got.content, &got.trailers));
    *out = got;
    return PH_OK;
}

enum ph_err ph_bhttp_response_parse(struct ph_bytes message, struct ph_bhttp_response *out)
{
    struct ph_bhttp_response got = {0};
    struct ph_reader r = {message};
    struct ph_bhttp_fields ignored;
    bool stream;
    uint64_t status;

    PH_TRY(read_framing(&r, RESPONSE_KNOWN, RESPONSE_STREAM, &stream));
    for (unsigned cnt = 0;; cnt++) {
        if (!read_varint(&r, &status) || status < 100 || status > 599)
            return PH_ERR_MALFORMED;
        if (status >= 200)
            break;
        if (cnt == PH_BHTTP_INFORMATIONAL_MAX)
            return PH_ERR_LIMIT;
        PH_TRY(stream ? read_stream_fields(&r, &ignored) : read_known_fields(&r, &ignored));
    }
    got.status = (uint16_t)status;
    PH_TRY(read_rest(&r, stream, &got.fields, &got.content, &got.trailers));
    *out = got;
    return PH_OK;
}

bool ph_bhttp_field_next(struct ph_bhttp_fields *fields, struct ph_bhttp_field *out)
{
    struct ph_reader r = {fields->lines};

    if (r.rest.len == 0 || !read_line(&r, out))
        return false;
    fields->lines = r.rest;
    return true;
}

struct ph_bytes ph_bhttp_field_find(struct ph_bhttp_fields fields, const char *name)
{
    struct ph_bhttp_field field;

    while (ph_bhttp_field_next(&fields, &field))
        if (ph_bytes_is(field.name, name))
            return field.value;
    return (struct ph_bytes){NULL, 0};
}

enum ph_err ph_bhttp_content_add(const struct ph_bhttp_content *content, struct ph_buf *out)
{
    struct ph_reader r = {content->raw};
    struct ph_bytes chunk;

    if (!content->chunked)
        return ph_buf_add(out, content->raw);
    while (r.rest.len > 0 && read_part(&r, &chunk))
        PH_TRY(ph_buf_add(out, chunk));
    return PH_OK;
}

static enum ph_err put_varint(struct ph_buf *out, uint64_t value)
{
    const unsigned kind = value < 1u << 6 ? 0 : value < 1u << 14 ? 1 : value < 1u << 30 ? 2 : 3;
    const size_t len = (size_t)1 << kind;
    uint8_t be[8];

    if (value >> 62)
        return PH_ERR_LIMIT;
    ph_put_u64be(be, value);
    be[8 - len] |= (uint8_t)(kind << 6);
    return ph_buf_add(out, (struct ph_bytes){be + 8 - len, len});
}

enum ph_err ph_bhttp_put_part(struct ph_buf *out, struct ph_bytes part)
{
    PH_TRY(put_varint(out, part.len));
    return ph_buf_add(out, part);
}

enum ph_err ph_bhttp_put_request(struct ph_buf *out, struct ph_bytes method, struct ph_bytes scheme,
                                 struct ph_bytes authority, struct ph_bytes path)
{
    PH_TRY(put_varint(out, REQUEST_KNOWN));
    PH_TRY(ph_bhttp_put_part(out, method));
    PH_TRY(ph_bhttp_put_part(out, scheme));
    PH_TRY(ph_bhttp_put_part(out, authority));
    return ph_bhttp_put_part(out, path);
}

enum ph_err ph_bhttp_put_response(struct ph_buf *out, uint16_t status)
{
    PH_TRY(put_varint(out, RESPONSE_KNOWN));
    return put_varint(out, status);
}

enum ph_err ph_bhttp_put_field(struct ph_buf *section, struct ph_bytes name, struct ph_bytes value)
{
    PH_TRY(ph_bhttp_put_part(section, name));
    return ph_bhttp_put_part(section, value);
}
