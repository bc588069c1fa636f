#ifndef PH_BASE_TEST_HEAP_H
#define PH_BASE_TEST_HEAP_H

/* Counts heap allocations of the whole test program, libraries included, by standing in for glibc's
 * functions. Include in one file of a program. The sanitizers stand there themselves: with one of
 * them PH_TEST_HEAP_COUNTS is 0, nothing is counted, and the test has to skip.
 */

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PH_TEST_HEAP_COUNTS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PH_TEST_HEAP_COUNTS 0
#endif
#endif
#ifndef PH_TEST_HEAP_COUNTS
#define PH_TEST_HEAP_COUNTS 1
#endif

static atomic_ulong ph_test_heap_cnt;

/* Allocations since the program started. */
static inline unsigned long ph_test_heap(void)
{
    return atomic_load(&ph_test_heap_cnt);
}

#if PH_TEST_HEAP_COUNTS
void *__libc_malloc(size_t len);
void *__libc_calloc(size_t cnt, size_t len);
void *__libc_realloc(void *old, size_t len);
void *__libc_memalign(size_t alignment, size_t len);

__attribute__((visibility("default"))) void *malloc(size_t len)
{
    atomic_fetch_add(&ph_test_heap_cnt, 1);
    return __libc_malloc(len);
}

__attribute__((visibility("default"))) void *calloc(size_t cnt, size_t len)
{
    atomic_fetch_add(&ph_test_heap_cnt, 1);
    return __libc_calloc(cnt, len);
}

__attribute__((visibility("default"))) void *realloc(void *old, size_t len)
{
    atomic_fetch_add(&ph_test_heap_cnt, 1);
    return __libc_realloc(old, len);
}

__attribute__((visibility("default"))) void *aligned_alloc(size_t alignment, size_t len)
{
    atomic_fetch_add(&ph_test_heap_cnt, 1);
    return __libc_memalign(alignment, len);
}

__attribute__((visibility("default"))) int posix_memalign(void **out, size_t alignment, size_t len)
{
    void *p;
    atomic_fetch_add(&ph_test_heap_cnt, 1);
    p = __libc_memalign(alignment, len);
    if (!p)
        return ENOMEM;
    *out = p;
    return 0;
}
#endif

#endif
