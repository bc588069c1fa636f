#ifndef PH_ATTEST_NVIDIA_TEST_VECTORS_H
#define PH_ATTEST_NVIDIA_TEST_VECTORS_H

/* For the tests of this directory: files under PHALA_VECTORS/nvidia, which belong to their makers
 * and are not in the repository. A test that needs one skips without it. */

#include "base/hex.h"
#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>

/* A whole file, at most 4 MiB; the caller clears it. */
static inline struct ph_buf vectors_load(const char *rel)
{
    const char *dir = getenv("PHALA_VECTORS");
    struct ph_buf buf = PH_BUF(4 * 1024 * 1024);
    char path[512];
    uint8_t *at;
    (void)snprintf(path, sizeof(path), "%s/nvidia/%s", dir && *dir ? dir : "../shared/vectors",
                   rel);
    FILE *f = fopen(path, "rb");
    if (!f)
        SKIP_BECAUSE("no vectors: set PHALA_VECTORS");
    for (size_t n = 1; n > 0;) {
        CHECK(ph_buf_reserve(&buf, 4096, &at) == PH_OK);
        n = fread(at, 1, 4096, f);
        buf.len += n;
    }
    (void)fclose(f);
    return buf;
}

/* The same of a file in hexadecimal. */
static inline struct ph_buf vectors_hex(const char *rel)
{
    struct ph_buf buf = vectors_load(rel);
    while (buf.len > 0 && (buf.ptr[buf.len - 1] == '\n' || buf.ptr[buf.len - 1] == '\r'))
        buf.len--;
    CHECK(buf.len % 2 == 0);
    CHECK(ph_hex_decode(ph_buf_view(&buf), buf.ptr, buf.len / 2) == PH_OK);
    buf.len /= 2;
    return buf;
}

#endif
