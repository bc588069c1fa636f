/* A bad clock and a slow disk for one process: a library that the loader puts before the C library
 * (LD_PRELOAD), for tests that start daemons (tests/integration/lib/faults.mjs). Nothing that is
 * installed knows of it.
 *
 * PHALA_TEST_FAULTS names a file of struct control, mapped and shared, so that a test changes the
 * faults of a process that runs and sees whether they took effect. Calls go to the kernel directly:
 * sandboxes of the daemons allow what they allow without it, and nanosleep only where fsync is
 * called, which those in a sandbox never do.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct control {
    _Atomic int64_t wall_ms;      /* added to the time of day */
    _Atomic int64_t boot_ppm;     /* CLOCK_BOOTTIME goes so much faster; set before the start */
    _Atomic uint64_t sync_max_ms; /* fsync and fdatasync take up to so much longer */
    _Atomic uint64_t random;      /* seed, then state: how much longer each takes */
    _Atomic uint64_t walls;       /* times of day that were asked for */
    _Atomic uint64_t boots;       /* the same of CLOCK_BOOTTIME */
    _Atomic uint64_t slow_syncs;  /* syncs that were delayed */
};

#define EXPORTED __attribute__((visibility("default")))

static struct control *control;

__attribute__((constructor)) static void map_control(void)
{
    const char *path = getenv("PHALA_TEST_FAULTS");
    const int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        _exit(126);
    void *at = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    if (at == MAP_FAILED)
        _exit(126);
    control = at;
}

static void add_ns(struct timespec *t, int64_t ns)
{
    const int64_t sum = t->tv_sec * INT64_C(1000000000) + t->tv_nsec + ns;
    t->tv_sec = sum / INT64_C(1000000000);
    t->tv_nsec = sum % INT64_C(1000000000);
}

EXPORTED int clock_gettime(clockid_t clock, struct timespec *out)
{
    const int rc = (int)syscall(SYS_clock_gettime, clock, out);
    if (rc != 0 || !control)
        return rc;
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) {
        atomic_fetch_add(&control->walls, 1);
        add_ns(out, atomic_load(&control->wall_ms) * 1000000);
    } else if (clock == CLOCK_BOOTTIME) {
        atomic_fetch_add(&control->boots, 1);
        const int64_t us = out->tv_sec * INT64_C(1000000) + out->tv_nsec / 1000;
        add_ns(out, us * atomic_load(&control->boot_ppm) / 1000);
    }
    return 0;
}

EXPORTED int gettimeofday(struct timeval *out, void *zone)
{
    struct timespec t = {0};
    (void)zone;
    const int rc = clock_gettime(CLOCK_REALTIME, &t);
    *out = (struct timeval){t.tv_sec, t.tv_nsec / 1000};
    return rc;
}

EXPORTED time_t time(time_t *out)
{
    struct timespec t = {0};
    (void)clock_gettime(CLOCK_REALTIME, &t);
    if (out)
        *out = t.tv_sec;
    return t.tv_sec;
}

/* splitmix64 */
static uint64_t next_random(void)
{
    uint64_t z = atomic_fetch_add(&control->random, UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void delay(void)
{
    const uint64_t max_ms = control ? atomic_load(&control->sync_max_ms) : 0;
    if (max_ms == 0)
        return;
    const uint64_t ms = next_random() % (max_ms + 1);
    struct timespec t = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    while (syscall(SYS_nanosleep, &t, &t) != 0 && errno == EINTR)
        ;
    atomic_fetch_add(&control->slow_syncs, 1);
}

EXPORTED int fsync(int fd)
{
    delay();
    return (int)syscall(SYS_fsync, fd);
}

EXPORTED int fdatasync(int fd)
{
    delay();
    return (int)syscall(SYS_fdatasync, fd);
}
