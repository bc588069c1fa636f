#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bool ph_ct_equal(const void *a, const void *b, size_t len)
{
    const volatile uint8_t *x = a, *y = b;
    uint8_t diff = 0;

    for (size_t i = 0; i < len; i++)
        diff |= (uint8_t)(x[i] ^ y[i]);
    return diff == 0;
}

void ph_wipe(void *p, size_t len)
{
    explicit_bzero(p, len);
}

enum ph_err ph_buf_reserve(struct ph_buf *buf, size_t n, uint8_t **at)
{
    if (n > buf->limit || buf->len > buf->limit - n)
        return PH_ERR_LIMIT;
    if (buf->len + n > buf->cap) {
        size_t cap = buf->cap < 256 ? 256 : buf->cap;
        while (cap < buf->len + n)
            cap = cap > SIZE_MAX / 2 ? buf->len + n : cap * 2;
        if (cap > buf->limit)
            cap = buf->limit;
        uint8_t *grown = realloc(buf->ptr, cap);
        if (!grown)
            return PH_ERR_NOMEM;
        buf->ptr = grown;
        buf->cap = cap;
    }
    *at = buf->ptr + buf->len;
    return PH_OK;
}

enum ph_err ph_buf_add(struct ph_buf *buf, struct ph_bytes bytes)
{
    if (bytes.len == 0)
        return PH_OK;
    uint8_t *at;
    PH_TRY(ph_buf_reserve(buf, bytes.len, &at));
    memcpy(at, bytes.ptr, bytes.len);
    buf->len += bytes.len;
    return PH_OK;
}

enum ph_err ph_buf_add_str(struct ph_buf *buf, const char *s)
{
    return ph_buf_add(buf, ph_bytes_str(s));
}

enum ph_err ph_buf_addf(struct ph_buf *buf, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0)
        return PH_ERR_MALFORMED;

    uint8_t *at;
    PH_TRY(ph_buf_reserve(buf, (size_t)n, &at));
    /* vsnprintf writes a NUL that the reserve above has no room for. */
    char *text = malloc((size_t)n + 1);
    if (!text)
        return PH_ERR_NOMEM;
    va_start(args, fmt);
    (void)vsnprintf(text, (size_t)n + 1, fmt, args);
    va_end(args);
    memcpy(at, text, (size_t)n);
    free(text);
    buf->len += (size_t)n;
    return PH_OK;
}

void ph_buf_consume(struct ph_buf *buf, size_t n)
{
    if (n >= buf->len) {
        buf->len = 0;
        return;
    }
    memmove(buf->ptr, buf->ptr + n, buf->len - n);
    buf->len -= n;
}

void ph_buf_clear(struct ph_buf *buf)
{
    free(buf->ptr);
    *buf = PH_BUF(buf->limit);
}
