#ifndef PH_BASE_TEST_VECTORS_H
#define PH_BASE_TEST_VECTORS_H

/* For tests: real evidence under the folder that PHALA_VECTORS names (../shared/vectors without
 * it), which belongs to its makers and is not in the repository. */

#include "base/hex.h"
#include "base/own.h"
#include "base/test.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { PH_TEST_VECTOR_MAX = 4 * 1024 * 1024 };

static inline const char *ph_test_vectors_dir(void)
{
    const char *dir = getenv("PHALA_VECTORS");
    return dir && *dir ? dir : "../shared/vectors";
}

__attribute__((format(printf, 1, 0))) static inline struct ph_buf
ph_test_vector_read(const char *fmt, va_list args)
{
    struct ph_buf buf = PH_BUF(PH_TEST_VECTOR_MAX);
    char rel[256], path[4096];
    uint8_t *at;

    (void)vsnprintf(rel, sizeof(rel), fmt, args);
    (void)snprintf(path, sizeof(path), "%s/%s", ph_test_vectors_dir(), rel);
    FILE *f = fopen(path, "rb");
    if (!f)
        return buf;
    for (size_t n = 1; n > 0;) {
        CHECK(ph_buf_reserve(&buf, 4096, &at) == PH_OK);
        n = fread(at, 1, 4096, f);
        buf.len += n;
    }
    (void)fclose(f);
    return buf;
}

/* A whole file, named as by printf; empty if there is none. The caller clears it. */
__attribute__((format(printf, 1, 2))) static inline struct ph_buf ph_test_vector_if(const char *fmt,
                                                                                    ...)
{
    va_list args;
    va_start(args, fmt);
    const struct ph_buf buf = ph_test_vector_read(fmt, args);
    va_end(args);
    return buf;
}

/* The same; the test skips if there is none. */
__attribute__((format(printf, 1, 2))) static inline struct ph_buf ph_test_vector(const char *fmt,
                                                                                 ...)
{
    va_list args;
    va_start(args, fmt);
    const struct ph_buf buf = ph_test_vector_read(fmt, args);
    va_end(args);
    if (buf.len == 0)
        SKIP_BECAUSE("no vectors: set PHALA_VECTORS");
    return buf;
}

/* The bytes of a file in hexadecimal: the same text, in place. */
static inline struct ph_buf ph_test_vector_unhex(struct ph_buf buf)
{
    while (buf.len > 0 && (buf.ptr[buf.len - 1] == '\n' || buf.ptr[buf.len - 1] == '\r'))
        buf.len--;
    CHECK(buf.len % 2 == 0);
    CHECK(ph_hex_decode(ph_buf_view(&buf), buf.ptr, buf.len / 2) == PH_OK);
    buf.len /= 2;
    return buf;
}

#endif
