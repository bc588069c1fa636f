#include "runtime/engine_priv.h"

#include "base/clock.h"

#include <stdlib.h>
#include <time.h>

/* The polite limits, inside the VM. What they do not reach (a wasm loop, one long native operation,
 * a loop of promise jobs) ends by phalad's wall deadline and SIGKILL, or by the cgroup. */

enum {
    TICK_MS = 20,
    CHECK_MEMORY_NS = 50 * 1000 * 1000,
    IDLE_MS = 2000,
    IDLE_GARBAGE = 4 << 20, /* bytes worth a collection */
};

static int64_t thread_cpu_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Resident less shared pages (proc(5), statm), in bytes. 0: unknown. */
static uint64_t read_private(int statm_fd)
{
    char text[128];

    if (statm_fd < 0)
        return 0;
    const ssize_t n = pread(statm_fd, text, sizeof(text) - 1, 0);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    char *at = text;
    (void)strtoul(at, &at, 10); /* size */
    const unsigned long resident = strtoul(at, &at, 10);
    const unsigned long shared = strtoul(at, &at, 10);
    if (shared > resident)
        return 0;
    return (uint64_t)(resident - shared) * 4096;
}

void ph_limits_set_base(struct ph_engine *e, int statm_fd)
{
    e->base_bytes = read_private(statm_fd);
}

/* What the instance has made of private memory in bytes. 0: unknown, or nothing. */
static uint64_t private_bytes(const struct ph_engine *e)
{
    const uint64_t now = read_private(e->statm_fd);
    return now > e->base_bytes ? now - e->base_bytes : 0;
}

static uint64_t memory_limit(const struct ph_engine *e)
{
    return (uint64_t)e->start.memory_mib << 20;
}

static bool should_stop(JSContextRef ctx, void *data);

static void set_tick(struct ph_engine *e)
{
    const double s =
        (double)(e->start.cpu_ms > 0 && e->start.cpu_ms < TICK_MS ? e->start.cpu_ms : TICK_MS) /
        1000;
    JSContextGroupSetExecutionTimeLimit(e->group, s, should_stop, e);
}

/* Called by the engine each time TICK_MS of CPU time have passed inside one entry. */
static bool should_stop(JSContextRef ctx, void *data)
{
    struct ph_engine *e = data;
    const int64_t now = thread_cpu_ns();

    (void)ctx;
    if (e->stop == PH_STOP_NONE) {
        if (e->tick_ns == 0)
            e->tick_ns = now - (int64_t)TICK_MS * 1000000;
        if (e->inside && now - e->tick_ns >= e->budget_ns)
            e->stop = PH_STOP_CPU;
        else if (e->start.memory_mib > 0 && private_bytes(e) > memory_limit(e))
            e->stop = PH_STOP_MEMORY;
    }
    /* It asks again only if a limit is set again. */
    set_tick(e);
    return e->stop != PH_STOP_NONE;
}

bool ph_limits_over(struct ph_engine *e)
{
    const int64_t now = thread_cpu_ns();

    if (e->stop == PH_STOP_NONE && e->inside) {
        if (e->tick_ns == 0)
            e->tick_ns = now;
        if (now - e->tick_ns >= e->budget_ns)
            e->stop = PH_STOP_CPU;
        else if (e->start.memory_mib > 0 && private_bytes(e) > memory_limit(e))
            e->stop = PH_STOP_MEMORY;
    }
    return e->stop != PH_STOP_NONE;
}

void ph_limits_init(struct ph_engine *e)
{
    set_tick(e);
}

void ph_limits_enter(struct ph_engine *e, struct ph_call *call)
{
    uint64_t ms = e->start.cpu_ms;

    if (!e->started && ms < PH_ENGINE_START_CPU_MS)
        ms = PH_ENGINE_START_CPU_MS;
    e->budget_ns = (int64_t)ms * 1000000;
    if (call)
        e->budget_ns -= (int64_t)call->cpu_ns;
    e->tick_ns = 0;
    e->stop = PH_STOP_NONE;
}

void ph_limits_turn_begins(struct ph_engine *e)
{
    e->touched_cnt = 0;
    e->turn_wall_ns = 0;
    e->entry_ns = ph_clock_mono_ns();
}

/* The CPU time of a turn, shared out among the calls that it entered and that are still open: by
 * their share of the wall time, so that being preempted costs a call nothing. One clock read a turn
 * instead of two a call. */
static void bill_calls(struct ph_engine *e)
{
    const int64_t now = thread_cpu_ns();
    const uint64_t used = (uint64_t)(now - e->cpu_before_ns);

    e->cpu_before_ns = now;
    for (size_t i = e->touched_cnt; i-- > 0;) {
        struct ph_call *call = e->touched[i];
        call->touched = false;
        call->cpu_ns +=
            (uint64_t)((double)used * ((double)call->turn_ns / (double)e->turn_wall_ns));
        call->turn_ns = 0;
        if (call->cpu_ns > (uint64_t)e->start.cpu_ms * 1000000 && !call->done)
            ph_call_fail(e, call, "cpu-limit",
                         PH_BYTES_LIT("The call used up its CPU time (limits.cpuMs)"));
    }
    e->touched_cnt = 0;
}

int ph_limits_idle_ms(const struct ph_engine *e)
{
    if (e->idle_ns == 0)
        return -1;
    const int64_t ms = (e->idle_ns - ph_clock_mono_ns()) / 1000000 + IDLE_MS;
    return ms < 0 ? 0 : (int)ms + 1;
}

void ph_limits_idle(struct ph_engine *e)
{
    if (e->idle_ns == 0 || ph_limits_idle_ms(e) > 0)
        return;
    e->idle_ns = 0;
    if (private_bytes(e) <= e->kept_bytes + IDLE_GARBAGE)
        return;
    JSSynchronousGarbageCollectForDebugging(e->ctx);
    e->kept_bytes = private_bytes(e);
}

static uint64_t live_bytes(struct ph_engine *e)
{
    static const char *const members[] = {"heapSize", "extraMemorySize"};
    const JSObjectRef stats = JSGetMemoryUsageStatistics(e->ctx);
    double sum = 0;

    for (size_t i = 0; i < PH_LEN(members); i++) {
        const JSStringRef key = JSStringCreateWithUTF8CString(members[i]);
        sum += JSValueToNumber(e->ctx, JSObjectGetProperty(e->ctx, stats, key, NULL), NULL);
        JSStringRelease(key);
    }
    return sum > 0 ? (uint64_t)sum : 0;
}

/* Garbage alone may pass the limit between collections: collect, then judge what lives. */
static void check_memory(struct ph_engine *e)
{
    const uint64_t limit = memory_limit(e);

    if (limit == 0 || private_bytes(e) <= limit)
        return;
    JSSynchronousGarbageCollectForDebugging(e->ctx);
    const uint64_t after = private_bytes(e);
    if (after <= limit || (after <= limit + limit / 2 && live_bytes(e) <= limit / 4 * 3))
        return;
    ph_calls_fail_all(e, "memory-limit", "The phat is over its memory limit (limits.memoryMiB)");
    ph_engine_end(e, PH_ENGINE_EXIT_MEMORY);
}

void ph_limits_turn_ends(struct ph_engine *e)
{
    if (e->turn_wall_ns > 0)
        bill_calls(e);
    if (e->statm_fd < 0)
        return;
    const int64_t now = ph_clock_mono_ns();
    if (now - e->checked_ns < CHECK_MEMORY_NS)
        return;
    e->checked_ns = now;
    check_memory(e);
}
