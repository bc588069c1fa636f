#ifndef PH_BASE_TEST_GUARDED_H
#define PH_BASE_TEST_GUARDED_H

/* For tests: bytes at the very end of readable memory, so that a reader that goes one byte too far
 * dies there, in any build. */

#include "base/bytes.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* A copy of `bytes` before a page that cannot be read; ph_guarded_free gives it back. Aborts when
 * memory has run out. */
static inline struct ph_bytes ph_guarded(struct ph_bytes bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t room = (bytes.len + page - 1) / page * page;
    uint8_t *at = (uint8_t *)mmap(NULL, room + page, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (at == MAP_FAILED || mprotect(at + room, page, PROT_NONE) != 0)
        abort();
    at += room - bytes.len;
    if (bytes.len > 0)
        memcpy(at, bytes.ptr, bytes.len);
    return (struct ph_bytes){at, bytes.len};
}

static inline void ph_guarded_free(struct ph_bytes bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t room = (bytes.len + page - 1) / page * page;

    if (munmap((void *)(uintptr_t)(bytes.ptr + bytes.len - room), room + page) != 0)
        abort();
}

#endif
