#include "node/private_message.h"

#include "base/own.h"
#include "http/syntax.h"

static enum ph_err add_line(struct ph_buf *head, struct ph_bytes name, struct ph_bytes value)
{
    PH_TRY(ph_buf_add(head, name));
    PH_TRY(ph_buf_add_str(head, ": "));
    PH_TRY(ph_buf_add(head, value));
    return ph_buf_add_str(head, "\r\n");
}

static bool is_plain_authority(struct ph_bytes authority)
{
    for (size_t i = 0; i < authority.len; i++)
        if (memchr("/?#@ \t", authority.ptr[i], 6))
            return false;
    return true;
}

enum ph_err ph_private_head(const struct ph_bhttp_request *request, struct ph_buf *head,
                            bool *is_tls)
{
    struct ph_bhttp_fields fields = request->fields;
    struct ph_bhttp_field field;
    const bool https = ph_bytes_is(request->scheme, "https");

    if ((!https && !ph_bytes_is(request->scheme, "http")) || request->path.len == 0 ||
        request->path.ptr[0] != '/' || !is_plain_authority(request->authority))
        return PH_ERR_MALFORMED;
    PH_TRY(ph_buf_add(head, request->method));
    PH_TRY(ph_buf_add_str(head, " "));
    /* With an authority the parser sees to it that Host is the same. */
    if (request->authority.len > 0) {
        PH_TRY(ph_buf_add_str(head, https ? "https://" : "http://"));
        PH_TRY(ph_buf_add(head, request->authority));
    }
    PH_TRY(ph_buf_add(head, request->path));
    PH_TRY(ph_buf_add_str(head, " HTTP/1.1\r\n"));
    if (request->authority.len > 0 && ph_bhttp_field_find(fields, "host").len == 0)
        PH_TRY(add_line(head, PH_BYTES_LIT("host"), request->authority));
    while (ph_bhttp_field_next(&fields, &field))
        PH_TRY(add_line(head, field.name, field.value));
    PH_TRY(ph_buf_add_str(head, "\r\n"));
    *is_tls = https;
    return PH_OK;
}

/* Names are in lower case there [RFC 9292 §3.6]; a phat may have written another. */
static enum ph_err add_field(struct ph_buf *section, const struct ph_http_field *field)
{
    struct ph_buf name PH_OWNED(ph_buf_clear) = PH_BUF(PH_PRIVATE_HEAD_MAX);

    PH_TRY(ph_buf_add(&name, field->name));
    for (size_t i = 0; i < name.len; i++)
        name.ptr[i] = ph_http_lower(name.ptr[i]);
    return ph_bhttp_put_field(section, ph_buf_view(&name), field->value);
}

static enum ph_err add_section(struct ph_bytes block, int64_t now_s, struct ph_buf *out)
{
    struct ph_buf section PH_OWNED(ph_buf_clear) = PH_BUF(1024 * 1024);
    struct ph_http_field field;
    char date[PH_HTTP_DATE_LEN + 1];

    while (ph_http_block_next(&block, &field))
        if (!ph_http_is_hop_by_hop(field.name) && !ph_http_is_nocase(field.name, "date") &&
            !ph_http_is_nocase(field.name, "content-length"))
            PH_TRY(add_field(&section, &field));
    if (now_s > 0 && ph_http_date_print(now_s, date))
        PH_TRY(ph_bhttp_put_field(&section, PH_BYTES_LIT("date"), ph_bytes_str(date)));
    return ph_bhttp_put_part(out, ph_buf_view(&section));
}

enum ph_err ph_private_response(uint16_t status, struct ph_bytes headers, struct ph_bytes body,
                                struct ph_bytes trailers, int64_t now_s, struct ph_buf *out)
{
    PH_TRY(ph_bhttp_put_response(out, status));
    PH_TRY(add_section(headers, now_s, out));
    PH_TRY(ph_bhttp_put_part(out, body));
    return add_section(trailers, 0, out);
}
