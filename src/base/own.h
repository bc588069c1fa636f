#ifndef PH_BASE_OWN_H
#define PH_BASE_OWN_H

/* Ownership at the declaration: release on every way out of the scope, hand over with PH_TAKE.
 *
 * Layer: base. Tests: base_test.c.
 */

#include <stdlib.h>
#include <unistd.h>

/* struct foo *f PH_OWNED(foo_freep) = NULL;  releases f on every way out of the scope. */
#define PH_OWNED(freep) __attribute__((cleanup(freep)))

/* Hand an owned pointer to someone else: yields it and leaves NULL behind. */
#define PH_TAKE(p)                                                                                 \
    __extension__({                                                                                \
        __typeof__(p) ph_taken_ = (p);                                                             \
        (p) = NULL;                                                                                \
        ph_taken_;                                                                                 \
    })

/* Hand an owned descriptor to someone else: yields it and leaves -1 behind. */
#define PH_TAKE_FD(fd)                                                                             \
    __extension__({                                                                                \
        int ph_taken_fd_ = (fd);                                                                   \
        (fd) = -1;                                                                                 \
        ph_taken_fd_;                                                                              \
    })

/* On a large buffer of a hot path that is written before it is read: the build zeroes every other
 * automatic variable (-ftrivial-auto-var-init). */
#define PH_NO_INIT __attribute__((uninitialized))

/* char *s PH_OWNED(ph_freep) = NULL;  for anything from malloc. */
static inline void ph_freep(void *p)
{
    free(*(void **)p);
}

/* int fd PH_OWNED(ph_closep) = -1; */
static inline void ph_closep(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

#endif
