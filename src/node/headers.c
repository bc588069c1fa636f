#include "node/calls_priv.h"

static bool is_token(struct ph_bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        const uint8_t c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              (c != '\0' && strchr("!#$%&'*+-.^_`|~", c))))
            return false;
    }
    return name.len > 0;
}

static bool is_value(struct ph_bytes value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] == 0x7f || (value.ptr[i] < 0x20 && value.ptr[i] != '\t'))
            return false;
    return true;
}

/* Cut one "name: value\n" line off. */
static enum ph_err next_line(struct ph_reader *r, struct ph_bytes *line, struct ph_bytes *name,
                             struct ph_bytes *value)
{
    const uint8_t *start = r->rest.ptr;
    const uint8_t *end = memchr(start, '\n', r->rest.len);
    const uint8_t *colon = end ? memchr(start, ':', (size_t)(end - start)) : NULL;

    if (!colon || end - colon < 2 || colon[1] != ' ')
        return PH_ERR_MALFORMED;
    *name = (struct ph_bytes){start, (size_t)(colon - start)};
    *value = (struct ph_bytes){colon + 2, (size_t)(end - colon - 2)};
    if (!ph_read_view(r, (size_t)(end - start) + 1, line) || !is_token(*name) || !is_value(*value))
        return PH_ERR_MALFORMED;
    return PH_OK;
}

static bool is_reserved(struct ph_bytes name)
{
    return name.len >= 6 && memcmp(name.ptr, "phala-", 6) == 0;
}

enum ph_err ph_headers_scan(struct ph_bytes *headers, struct ph_buf *cleaned,
                            struct ph_covered *covered)
{
    struct ph_reader r = {*headers};
    struct ph_bytes line, name, value;
    bool reserved = false;

    *covered = (struct ph_covered){0};
    while (r.rest.len > 0) {
        PH_TRY(next_line(&r, &line, &name, &value));
        reserved = reserved || is_reserved(name);
        struct ph_bytes *slot = ph_bytes_is(name, "content-type")       ? &covered->content_type
                                : ph_bytes_is(name, "content-encoding") ? &covered->content_encoding
                                : ph_bytes_is(name, "location")         ? &covered->location
                                                                        : NULL;
        if (slot && slot->ptr)
            return PH_ERR_MALFORMED; /* two values: a receipt could not say which one counts */
        if (slot)
            *slot = value;
    }
    if (!reserved)
        return PH_OK;
    r = (struct ph_reader){*headers};
    while (r.rest.len > 0) {
        PH_TRY(next_line(&r, &line, &name, &value));
        if (!is_reserved(name))
            PH_TRY(ph_buf_add(cleaned, line));
    }
    *headers = ph_buf_view(cleaned);
    return PH_OK;
}
