/* Calls per second and CPU time per call of one instance, without HTTP: 64 calls in flight, the
 * instance pinned to one core and this driver to another.
 *
 * usage: PHALA_RUN=build/apps/phala-run/phala-run build/src/runtime/run_bench [calls [cpu [cpu]]]
 */
#include "runtime/run_fixture.h"

#include "base/clock.h"
#include "base/test.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { IN_FLIGHT = 64 };

static const struct {
    const char *name, *script;
} workloads[] = {
    {"hello", "globalThis.__phat={default:{fetch(){return new Response('Hello, world!')}}}"},
    {"hello async",
     "globalThis.__phat={default:{async fetch(){return new Response('Hello, world!')}}}"},
    {"url and header", "globalThis.__phat={default:{fetch(r){const u=new URL(r.url);return new "
                       "Response(u.pathname+r.headers.get('x-id'),{headers:{'x-a':'1'}})}}}"},
    {"json 15 us",
     "globalThis.__phat={default:{fetch(r){const a=[];for(let i=0;i<60;i++)a.push({id:i,k:(i*7919)%"
     "61,s:'n'+i});a.sort((x,y)=>x.k-y.k);return new Response(JSON.stringify(a),{headers:{'content-"
     "type':'application/json'}})}}}"},
};

static void pin(pid_t pid, int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((unsigned)cpu, &set);
    CHECK(sched_setaffinity(pid, sizeof(set), &set) == 0);
}

static double cpu_s(clockid_t clock)
{
    struct timespec t;
    CHECK(clock_gettime(clock, &t) == 0);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run_calls(struct ph_rig_instance *inst, uint64_t *next, uint64_t cnt)
{
    uint64_t sent = 0, got = 0;
    while (got < cnt) {
        while (sent < cnt && sent - got < IN_FLIGHT) {
            ph_rig_get(inst, (*next)++, "/hello?x=1");
            sent++;
        }
        ph_rig_flush(inst);
        const bool alive = ph_rig_next(inst);
        if (!alive)
            fail_msg("ended with wait status 0x%x", (unsigned)ph_rig_exited(inst));
        if (!alive || inst->frame.type != PH_IPC_RESP)
            fail_msg("after %llu answers: %s %.*s", (unsigned long long)got,
                     alive ? ph_ipc_name(inst->frame.type) : "the end",
                     alive ? (int)inst->frame.payload.len - 4 : 0,
                     (const char *)inst->frame.payload.ptr + 4);
        got++;
        while (ph_ipc_next(&inst->chan, &inst->frame) == PH_OK)
            got += inst->frame.type == PH_IPC_RESP;
    }
}

static void measure(struct ph_rig *rig, size_t i, uint64_t cnt, int cpu)
{
    const struct ph_rig_limits limits = {.cpu_ms = 200, .memory_mib = 128, .subrequests = 50};
    struct ph_rig_instance inst;
    clockid_t child;
    uint64_t next = 1;

    ph_rig_run(rig, &inst, limits, workloads[i].script);
    pin(inst.pid, cpu);
    run_calls(&inst, &next, cnt / 5); /* the JIT's share */
    CHECK(clock_getcpuclockid(inst.pid, &child) == 0);
    const double cpu0 = cpu_s(child), own0 = cpu_s(CLOCK_PROCESS_CPUTIME_ID);
    const int64_t wall0 = ph_clock_mono_ns();
    run_calls(&inst, &next, cnt);
    const double wall = (double)(ph_clock_mono_ns() - wall0) / 1e9;
    printf("%-16s %9.0f calls/s  %6.2f us CPU per call in the instance  %5.2f us in the driver\n",
           workloads[i].name, (double)cnt / wall, (cpu_s(child) - cpu0) / (double)cnt * 1e6,
           (cpu_s(CLOCK_PROCESS_CPUTIME_ID) - own0) / (double)cnt * 1e6);
    ph_rig_drop(&inst);
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum { COLD_CNT = 31 };

static double median(double v[static COLD_CNT])
{
    qsort(v, COLD_CNT, sizeof(v[0]), compare);
    return v[COLD_CNT / 2];
}

static void measure_cold(struct ph_rig *rig)
{
    const struct ph_rig_limits limits = {.cpu_ms = 200, .memory_mib = 128, .subrequests = 50};
    double ready[COLD_CNT], ready_cpu[COLD_CNT], answered[COLD_CNT], answered_cpu[COLD_CNT];

    for (int i = 0; i < COLD_CNT; i++) {
        struct ph_rig_instance inst;
        clockid_t child;
        const int64_t t0 = ph_clock_mono_ns();
        ph_rig_spawn(rig, &inst, limits);
        const int64_t t1 = ph_clock_mono_ns();
        CHECK(clock_getcpuclockid(inst.pid, &child) == 0);
        ready_cpu[i] = cpu_s(child) * 1e3;
        ph_rig_start(&inst, limits, workloads[0].script);
        ph_rig_answers(&inst, 1, "/", "Hello, world!");
        const int64_t t2 = ph_clock_mono_ns();
        answered_cpu[i] = cpu_s(child) * 1e3 - ready_cpu[i];
        ph_rig_drop(&inst);
        ready[i] = (double)(t1 - t0) / 1e6;
        answered[i] = (double)(t2 - t1) / 1e6;
    }
    printf(
        "cold start       spawn to READY %.2f ms (%.2f ms CPU), START to answer %.2f ms (%.2f ms "
        "CPU); medians of %d\n",
        median(ready), median(ready_cpu), median(answered), median(answered_cpu), COLD_CNT);
}

/* Proportional set size of a process in KiB, as smaps_rollup has it. */
static double pss_kib(pid_t pid)
{
    char path[64], line[256];
    double kib = 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
    FILE *f = fopen(path, "r");
    CHECK(f);
    while (fgets(line, sizeof(line), f)) {
        if (strncmp(line, "Pss:", 4) == 0)
            kib = strtod(line + 4, NULL);
    }
    (void)fclose(f);
    return kib;
}

static void measure_memory(struct ph_rig *rig)
{
    enum { CNT = 200 };
    static struct ph_rig_instance inst[CNT];
    const struct ph_rig_limits limits = {.cpu_ms = 200, .memory_mib = 128, .subrequests = 50};
    double warm = 0, idle = 0;

    for (int i = 0; i < CNT; i++)
        ph_rig_spawn(rig, &inst[i], limits);
    for (int i = 0; i < CNT; i++)
        warm += pss_kib(inst[i].pid);
    for (int i = 0; i < CNT; i++) {
        ph_rig_start(&inst[i], limits, workloads[0].script);
        ph_rig_answers(&inst[i], 1, "/", "Hello, world!");
    }
    for (int i = 0; i < CNT; i++)
        idle += pss_kib(inst[i].pid);
    printf("memory           %.2f MiB PSS at READY, %.2f MiB after a call; mean of %d at once\n",
           warm / CNT / 1024, idle / CNT / 1024, CNT);
    for (int i = 0; i < CNT; i++)
        ph_rig_drop(&inst[i]);
}

static void bench(void **state)
{
    struct ph_rig rig;
    char **argv = *state;
    const uint64_t cnt = argv[1] ? strtoull(argv[1], NULL, 10) : 300000;
    const int cpu = argv[1] && argv[2] ? (int)strtol(argv[2], NULL, 10) : 0;
    const int own = argv[1] && argv[2] && argv[3] ? (int)strtol(argv[3], NULL, 10) : 1;

    ph_rig_open(&rig);
    pin(0, own);
    measure_cold(&rig);
    measure_memory(&rig);
    for (size_t i = 0; i < PH_LEN(workloads); i++)
        measure(&rig, i, cnt, cpu);
    ph_rig_close(&rig);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest cases[] = {cmocka_unit_test_prestate(bench, argv)};
    (void)argc;
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(cases, NULL, NULL);
}
