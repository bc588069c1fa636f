#include "http/answer.h"

#include "http/syntax.h"

static enum ph_err read_field(struct ph_bytes line, bool *has_len, struct ph_http_answer *out)
{
    struct ph_http_field field;
    int64_t len;

    if (!ph_http_field_parse(line, &field) || ph_http_is_nocase(field.name, "transfer-encoding"))
        return PH_ERR_MALFORMED;
    if (!ph_http_is_nocase(field.name, "content-length"))
        return PH_OK;
    if (*has_len || !ph_http_parse_decimal(field.value, &len) || len > PH_HTTP_ANSWER_BODY_MAX)
        return PH_ERR_MALFORMED;
    *has_len = true;
    out->body_len = (uint32_t)len;
    return PH_OK;
}

enum ph_err ph_http_answer_parse(struct ph_bytes bytes, struct ph_http_answer *out)
{
    const size_t seen =
        bytes.len < PH_HTTP_ANSWER_HEAD_MAX ? bytes.len : (size_t)PH_HTTP_ANSWER_HEAD_MAX;
    const uint8_t *end = memmem(bytes.ptr, seen, "\r\n\r\n", 4);
    struct ph_http_answer got = {0};
    struct ph_bytes line;
    bool has_len = false;

    if (!end)
        return bytes.len < PH_HTTP_ANSWER_HEAD_MAX ? PH_ERR_AGAIN : PH_ERR_LIMIT;
    got.head_len = (size_t)(end - bytes.ptr) + 4;
    struct ph_bytes rest = {bytes.ptr, got.head_len - 2};
    if (!ph_http_line_next(&rest, &line) || !ph_http_status_parse(line, &got.status) ||
        got.status < 200 || got.status > 599)
        return PH_ERR_MALFORMED;
    while (ph_http_line_next(&rest, &line))
        PH_TRY(read_field(line, &has_len, &got));
    if (!has_len)
        return PH_ERR_MALFORMED;
    *out = got;
    return PH_OK;
}
