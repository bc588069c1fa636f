#include "http/answer.h"

#include "http/syntax.h"

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 reason": the reason is nobody's. */
static enum ph_err read_status(struct ph_bytes line, uint16_t *out)
{
    static const char version[] = "HTTP/1.1 ";
    const size_t at = sizeof(version) - 1;

    if (line.len < at + 3 || memcmp(line.ptr, version, at) != 0 || !is_digit(line.ptr[at]) ||
        !is_digit(line.ptr[at + 1]) || !is_digit(line.ptr[at + 2]) ||
        (line.len > at + 3 && line.ptr[at + 3] != ' '))
        return PH_ERR_MALFORMED;
    const unsigned status =
        (line.ptr[at] - '0') * 100u + (line.ptr[at + 1] - '0') * 10u + (line.ptr[at + 2] - '0');
    if (status < 200 || status > 599)
        return PH_ERR_MALFORMED;
    *out = (uint16_t)status;
    return PH_OK;
}

static enum ph_err read_field(struct ph_bytes line, bool *has_len, struct ph_http_answer *out)
{
    const uint8_t *colon = memchr(line.ptr, ':', line.len);
    int64_t len;

    if (!colon)
        return PH_ERR_MALFORMED;
    const size_t name_len = (size_t)(colon - line.ptr);
    const struct ph_bytes name = {line.ptr, name_len};
    const struct ph_bytes value =
        ph_http_trim((struct ph_bytes){colon + 1, line.len - name_len - 1});
    if (!ph_http_is_token(name) || !ph_http_is_value(value) ||
        ph_http_is_nocase(name, "transfer-encoding"))
        return PH_ERR_MALFORMED;
    if (!ph_http_is_nocase(name, "content-length"))
        return PH_OK;
    if (*has_len || !ph_http_parse_decimal(value, &len) || len > PH_HTTP_ANSWER_BODY_MAX)
        return PH_ERR_MALFORMED;
    *has_len = true;
    out->body_len = (uint32_t)len;
    return PH_OK;
}

/* Cut a line that ends in CRLF. */
static bool next_line(struct ph_bytes *rest, struct ph_bytes *line)
{
    const uint8_t *end = memmem(rest->ptr, rest->len, "\r\n", 2);

    if (!end)
        return false;
    *line = (struct ph_bytes){rest->ptr, (size_t)(end - rest->ptr)};
    *rest = (struct ph_bytes){end + 2, rest->len - line->len - 2};
    return true;
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
    if (!next_line(&rest, &line))
        return PH_ERR_MALFORMED;
    PH_TRY(read_status(line, &got.status));
    while (next_line(&rest, &line))
        PH_TRY(read_field(line, &has_len, &got));
    if (!has_len)
        return PH_ERR_MALFORMED;
    *out = got;
    return PH_OK;
}
