#ifndef PH_BASE_BYTES_H
#define PH_BASE_BYTES_H

/* Views of bytes, and the bounded cursor that is the only way to read bytes from outside.
 *
 * Layer: base. Tests: base_test.c.
 */

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PH_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* A view of bytes owned by someone else. ptr may be NULL only when len is 0. */
struct ph_bytes {
    const uint8_t *ptr;
    size_t len;
};

/* View of an array, of a string literal without its NUL, of a C string. */
#define PH_BYTES_OF(array) ((struct ph_bytes){(const uint8_t *)(array), sizeof(array)})
#define PH_BYTES_LIT(lit) ((struct ph_bytes){(const uint8_t *)("" lit), sizeof(lit) - 1})
static inline struct ph_bytes ph_bytes_str(const char *s)
{
    return (struct ph_bytes){(const uint8_t *)s, strlen(s)};
}

static inline bool ph_bytes_equal(struct ph_bytes a, struct ph_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* True if `a` holds exactly the characters of the NUL-terminated `s`. */
static inline bool ph_bytes_is(struct ph_bytes a, const char *s)
{
    return ph_bytes_equal(a, ph_bytes_str(s));
}

/* A cursor over untrusted bytes. It cannot run past the end. Each ph_read_* cuts its bytes off
 * the front and returns true, or touches neither cursor nor output and returns false. */
struct ph_reader {
    struct ph_bytes rest;
};

PH_CHECKED static inline bool ph_read_view(struct ph_reader *r, size_t n, struct ph_bytes *out)
{
    if (n > r->rest.len)
        return false;
    *out = (struct ph_bytes){r->rest.ptr, n};
    if (n > 0)
        r->rest = (struct ph_bytes){r->rest.ptr + n, r->rest.len - n};
    return true;
}

PH_CHECKED static inline bool ph_read_copy(struct ph_reader *r, void *out, size_t n)
{
    struct ph_bytes view;
    if (!ph_read_view(r, n, &view))
        return false;
    if (n > 0)
        memcpy(out, view.ptr, n);
    return true;
}

PH_CHECKED static inline bool ph_read_u8(struct ph_reader *r, uint8_t *out)
{
    return ph_read_copy(r, out, 1);
}

#define PH_READ_INT_(name, type, order, n)                                                         \
    PH_CHECKED static inline bool name(struct ph_reader *r, type *out)                             \
    {                                                                                              \
        struct ph_bytes v;                                                                         \
        if (!ph_read_view(r, n, &v))                                                               \
            return false;                                                                          \
        uint64_t x = 0;                                                                            \
        for (size_t i = 0; i < (n); i++)                                                           \
            x |= (uint64_t)v.ptr[i] << 8 * (order);                                                \
        *out = (type)x;                                                                            \
        return true;                                                                               \
    }
PH_READ_INT_(ph_read_u16le, uint16_t, i, 2)
PH_READ_INT_(ph_read_u32le, uint32_t, i, 4)
PH_READ_INT_(ph_read_u64le, uint64_t, i, 8)
PH_READ_INT_(ph_read_u16be, uint16_t, (2 - 1 - i), 2)
PH_READ_INT_(ph_read_u32be, uint32_t, (4 - 1 - i), 4)
PH_READ_INT_(ph_read_u64be, uint64_t, (8 - 1 - i), 8)
#undef PH_READ_INT_

/* Write an integer big- or little-endian into exactly its size. */
static inline void ph_put_u32le(uint8_t out[static 4], uint32_t v)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(v >> 8 * i);
}
static inline void ph_put_u64le(uint8_t out[static 8], uint64_t v)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(v >> 8 * i);
}
static inline void ph_put_u16le(uint8_t out[static 2], uint16_t v)
{
    out[0] = (uint8_t)v;
    out[1] = (uint8_t)(v >> 8);
}
static inline void ph_put_u32be(uint8_t out[static 4], uint32_t v)
{
    for (int i = 0; i < 4; i++)
        out[3 - i] = (uint8_t)(v >> 8 * i);
}
static inline void ph_put_u64be(uint8_t out[static 8], uint64_t v)
{
    for (int i = 0; i < 8; i++)
        out[7 - i] = (uint8_t)(v >> 8 * i);
}

/* Constant-time comparison: for secrets, and for anything whose mismatch position could help. */
bool ph_ct_equal(const void *a, const void *b, size_t len);

/* Overwrite memory in a way the compiler keeps. */
void ph_wipe(void *p, size_t len);

/* An owned, growing byte buffer with a hard limit. Zero-initialise with PH_BUF(limit). */
struct ph_buf {
    uint8_t *ptr;
    size_t len, cap, limit;
};
#define PH_BUF(max) ((struct ph_buf){.limit = (max)})

/* Append; PH_ERR_LIMIT past the limit, PH_ERR_NOMEM. On failure the buffer is unchanged. */
PH_CHECKED enum ph_err ph_buf_add(struct ph_buf *buf, struct ph_bytes bytes);
PH_CHECKED enum ph_err ph_buf_add_str(struct ph_buf *buf, const char *s);
PH_CHECKED enum ph_err ph_buf_addf(struct ph_buf *buf, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Make room for `n` more bytes and yield where they go; the caller then raises len itself. */
PH_CHECKED enum ph_err ph_buf_reserve(struct ph_buf *buf, size_t n, uint8_t **at);
/* Drop `n` bytes (at most len) from the front. */
void ph_buf_consume(struct ph_buf *buf, size_t n);
static inline struct ph_bytes ph_buf_view(const struct ph_buf *buf)
{
    return (struct ph_bytes){buf->ptr, buf->len};
}
/* Free the memory; the limit stays, so the buffer can be used again. */
void ph_buf_clear(struct ph_buf *buf);
/* Cleanup form: struct ph_buf b PH_OWNED(ph_buf_clear) = PH_BUF(n). */

#endif
