#include "http/syntax.h"

#include <time.h>

/* Per byte, bits: 1 may stand in a token, 2 may stand in a field value. */
/* clang-format off */
static const uint8_t classes[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, /* 0x00 */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 0x10 */
    2, 3, 2, 3, 3, 3, 3, 3, 2, 2, 3, 3, 2, 3, 3, 2, /* 0x20 */
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2, /* 0x30 */
    2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, /* 0x40 */
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2, 2, 2, 3, 3, /* 0x50 */
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, /* 0x60 */
    3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2, 3, 2, 3, 0, /* 0x70 */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, /* 0x80 */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, /* 0x90 */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, /* 0xa0 */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, /* 0xb0 */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, /* 0xc0 */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, /* 0xd0 */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, /* 0xe0 */
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, /* 0xf0 */
};
/* clang-format on */

static bool all_of(struct ph_bytes text, uint8_t class)
{
    for (size_t i = 0; i < text.len; i++)
        if (!(classes[text.ptr[i]] & class))
            return false;
    return true;
}

bool ph_http_is_token(struct ph_bytes text)
{
    return text.len > 0 && all_of(text, 1);
}

bool ph_http_is_value(struct ph_bytes text)
{
    return all_of(text, 2);
}

uint8_t ph_http_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool ph_http_is_nocase(struct ph_bytes text, const char *lower)
{
    size_t i = 0;

    for (; i < text.len && lower[i]; i++)
        if (ph_http_lower(text.ptr[i]) != (uint8_t)lower[i])
            return false;
    return i == text.len && !lower[i];
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

struct ph_bytes ph_http_trim(struct ph_bytes text)
{
    while (text.len > 0 && is_blank(text.ptr[0]))
        text = (struct ph_bytes){text.ptr + 1, text.len - 1};
    while (text.len > 0 && is_blank(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

/* Cut up to (and drop) the separator, or everything. */
static struct ph_bytes cut(struct ph_bytes *rest, int separator)
{
    const uint8_t *at = memchr(rest->ptr, separator, rest->len);
    struct ph_bytes piece = *rest;

    if (!at) {
        *rest = (struct ph_bytes){0};
        return piece;
    }
    piece.len = (size_t)(at - rest->ptr);
    *rest = (struct ph_bytes){at + 1, rest->len - piece.len - 1};
    return piece;
}

bool ph_http_block_next(struct ph_bytes *rest, struct ph_http_field *out)
{
    while (rest->len > 0) {
        struct ph_bytes value = cut(rest, '\n');
        if (value.len == 0 || !memchr(value.ptr, ':', value.len))
            continue;
        struct ph_bytes name = cut(&value, ':');
        value = ph_http_trim(value);
        if (!ph_http_is_token(name) || !ph_http_is_value(value))
            continue;
        *out = (struct ph_http_field){name, value};
        return true;
    }
    return false;
}

struct ph_bytes ph_http_block_find(struct ph_bytes block, const char *name)
{
    struct ph_http_field field;

    while (ph_http_block_next(&block, &field))
        if (ph_http_is_nocase(field.name, name))
            return field.value;
    return (struct ph_bytes){0};
}

bool ph_http_is_hop_by_hop(struct ph_bytes name)
{
    static const char *const names[] = {"connection", "keep-alive",        "te",    "trailer",
                                        "upgrade",    "transfer-encoding", "expect"};

    for (size_t i = 0; i < PH_LEN(names); i++)
        if (ph_http_is_nocase(name, names[i]))
            return true;
    return name.len >= 6 && ph_http_is_nocase((struct ph_bytes){name.ptr, 6}, "proxy-");
}

bool ph_http_list_next(struct ph_bytes *rest, struct ph_bytes *out)
{
    while (rest->len > 0) {
        struct ph_bytes item = ph_http_trim(cut(rest, ','));
        if (item.len == 0)
            continue;
        *out = item;
        return true;
    }
    return false;
}

bool ph_http_list_has(struct ph_bytes list, const char *token)
{
    struct ph_bytes item;

    while (ph_http_list_next(&list, &item))
        if (ph_http_is_nocase(item, token))
            return true;
    return false;
}

bool ph_http_parse_decimal(struct ph_bytes text, int64_t *out)
{
    int64_t value = 0;

    if (text.len < 1 || text.len > 18)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        value = value * 10 + (text.ptr[i] - '0');
    }
    *out = value;
    return true;
}

bool ph_http_date_print(int64_t time_s, char out[static PH_HTTP_DATE_LEN + 1])
{
    const time_t t = (time_t)time_s;
    struct tm tm;

    /* The C locale's names are what IMF-fixdate wants; daemons never call setlocale. */
    return gmtime_r(&t, &tm) && tm.tm_year >= 1000 - 1900 && tm.tm_year <= 9999 - 1900 &&
           strftime(out, PH_HTTP_DATE_LEN + 1, "%a, %d %b %Y %H:%M:%S GMT", &tm) ==
               PH_HTTP_DATE_LEN;
}

static int digits(struct ph_bytes text, size_t at, size_t cnt)
{
    int value = 0;

    for (size_t i = at; i < at + cnt; i++)
        value =
            text.ptr[i] >= '0' && text.ptr[i] <= '9' ? value * 10 + (text.ptr[i] - '0') : -10000;
    return value;
}

bool ph_http_date_parse(struct ph_bytes text, int64_t *out)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char again[PH_HTTP_DATE_LEN + 1];
    struct tm tm = {0};
    int month = 0;

    if (text.len != PH_HTTP_DATE_LEN)
        return false;
    while (month < 12 && memcmp(months + 3 * month, text.ptr + 8, 3) != 0)
        month++;
    tm.tm_mday = digits(text, 5, 2);
    tm.tm_mon = month;
    tm.tm_year = digits(text, 12, 4) - 1900;
    tm.tm_hour = digits(text, 17, 2);
    tm.tm_min = digits(text, 20, 2);
    tm.tm_sec = digits(text, 23, 2);
    if (month == 12 || tm.tm_mday < 0 || tm.tm_year < 0 || tm.tm_hour < 0 || tm.tm_min < 0 ||
        tm.tm_sec < 0)
        return false;
    const int64_t time_s = timegm(&tm);
    /* Whatever is out of range, or not as it must be written, comes out as another text. */
    if (!ph_http_date_print(time_s, again) || memcmp(again, text.ptr, PH_HTTP_DATE_LEN) != 0)
        return false;
    *out = time_s;
    return true;
}

bool ph_http_line_next(struct ph_bytes *rest, struct ph_bytes *line)
{
    const uint8_t *end = rest->len > 0 ? memmem(rest->ptr, rest->len, "\r\n", 2) : NULL;

    if (!end)
        return false;
    *line = (struct ph_bytes){rest->ptr, (size_t)(end - rest->ptr)};
    *rest = (struct ph_bytes){end + 2, rest->len - line->len - 2};
    return true;
}

bool ph_http_field_parse(struct ph_bytes line, struct ph_http_field *out)
{
    const uint8_t *colon = line.len > 0 ? memchr(line.ptr, ':', line.len) : NULL;

    if (!colon)
        return false;
    const size_t name_len = (size_t)(colon - line.ptr);
    const struct ph_http_field field = {
        {line.ptr, name_len}, ph_http_trim((struct ph_bytes){colon + 1, line.len - name_len - 1})};
    if (!ph_http_is_token(field.name) || !ph_http_is_value(field.value))
        return false;
    *out = field;
    return true;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

bool ph_http_status_parse(struct ph_bytes line, uint16_t *out)
{
    static const char version[] = "HTTP/1.1 ";
    const size_t at = sizeof(version) - 1;

    if (line.len < at + 3 || memcmp(line.ptr, version, at) != 0 || !is_digit(line.ptr[at]) ||
        !is_digit(line.ptr[at + 1]) || !is_digit(line.ptr[at + 2]) ||
        (line.len > at + 3 && line.ptr[at + 3] != ' '))
        return false;
    *out = (uint16_t)((line.ptr[at] - '0') * 100 + (line.ptr[at + 1] - '0') * 10 +
                      (line.ptr[at + 2] - '0'));
    return true;
}
