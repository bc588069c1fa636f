#ifndef PH_ATTEST_WASM_INCLUDE_PTHREAD_H
#define PH_ATTEST_WASM_INCLUDE_PTHREAD_H

/* What the verifier uses of pthread.h, where there is one thread: wasi-libc has no such header.
 * Found before the system's only when the target is wasm32 (src/attest/wasm/meson.build).
 *
 * Layer: attest. Source: POSIX.1-2017, pthread_once and pthread_mutex_lock.
 */

#include <errno.h>

typedef struct {
    char unused;
} pthread_mutex_t;
typedef int pthread_mutexattr_t;
typedef int pthread_attr_t;
typedef int pthread_t;
typedef int pthread_once_t;
#define PTHREAD_ONCE_INIT 0

static inline int pthread_once(pthread_once_t *once, void (*make)(void))
{
    if (*once == PTHREAD_ONCE_INIT) {
        *once = 1;
        make();
    }
    return 0;
}

static inline int pthread_mutex_init(pthread_mutex_t *lock, const pthread_mutexattr_t *attr)
{
    (void)lock, (void)attr;
    return 0;
}

static inline int pthread_mutex_destroy(pthread_mutex_t *lock)
{
    (void)lock;
    return 0;
}

static inline int pthread_mutex_lock(pthread_mutex_t *lock)
{
    (void)lock;
    return 0;
}

static inline int pthread_mutex_unlock(pthread_mutex_t *lock)
{
    (void)lock;
    return 0;
}

/* No thread can be started: batches run on the caller's. */
static inline int pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                                 void *(*start)(void *), void *arg)
{
    (void)thread, (void)attr, (void)start, (void)arg;
    return EAGAIN;
}

static inline int pthread_join(pthread_t thread, void **out)
{
    (void)thread, (void)out;
    return EINVAL;
}

#endif
