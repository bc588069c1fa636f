// Preloaded before the test programs of a mutation run: measures each test of a program alone, runs
// a choice of them in a given order, and ends at the first failure.
//
//   MUTATE_MEASURE=DIR   counters of test i go to DIR/i, what runs between tests to DIR/all;
//   DIR/times
//                        has a line for each test: its milliseconds
//   MUTATE_CASES=3,0     only tests 3 and 0, in this order; exit status 100 + i: test i failed
#define _GNU_SOURCE
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CASES = 150, FAILED = 100 };

void mutate_dump(void) __attribute__((weak)); // counters.c, in the library under test
typedef int run_fn(const char *, const struct CMUnitTest *, size_t, CMFixtureFunction,
                   CMFixtureFunction);

static struct {
    const struct CMUnitTest *tests;
    size_t order[MAX_CASES];
    size_t n;
    size_t next;
    const char *measure;
    FILE *times;
} runs;

static void count_into(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", runs.measure, name);
    setenv("GCOV_PREFIX", path, 1);
    mutate_dump();
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void run_next(void **state)
{
    const size_t i = runs.order[runs.next++];
    if (!runs.measure) {
        runs.tests[i].test_func(state);
        return;
    }
    char name[24];
    snprintf(name, sizeof name, "%zu", i);
    count_into("all");
    const double start = now_ms();
    runs.tests[i].test_func(state);
    fprintf(runs.times, "%.2f\n", now_ms() - start);
    count_into(name);
}

static void choose(size_t n)
{
    const char *list = getenv("MUTATE_CASES");
    while (list && *list) {
        char *end;
        const size_t i = strtoul(list, &end, 10);
        if (end == list || i >= n || runs.n == MAX_CASES)
            abort();
        runs.order[runs.n++] = i;
        list = *end == ',' ? end + 1 : end;
    }
    if (runs.n == 0) {
        for (size_t i = 0; i < n; i++)
            runs.order[runs.n++] = i;
    }
}

int _cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t n,
                            CMFixtureFunction setup, CMFixtureFunction teardown)
{
    run_fn *const run = (run_fn *)dlsym(RTLD_NEXT, "_cmocka_run_group_tests");
    if (n > MAX_CASES)
        return run(name, tests, n, setup, teardown);
    runs.tests = tests;
    choose(n);
    runs.measure = getenv("MUTATE_MEASURE");
    if (runs.measure) {
        char path[4096];
        snprintf(path, sizeof path, "%s/times", runs.measure);
        runs.times = fopen(path, "w");
        if (!runs.times)
            abort();
    }
    struct CMUnitTest chosen[MAX_CASES];
    for (size_t k = 0; k < runs.n; k++) {
        chosen[k] = tests[runs.order[k]];
        chosen[k].test_func = run_next;
    }
    const int failed = run(name, chosen, runs.n, setup, teardown);
    if (runs.measure) {
        fclose(runs.times);
        count_into("all");
        _exit(failed);
    }
    return failed;
}

// What every failed assertion of cmocka calls, its own among them.
void _fail(const char *file, int line)
{
    fprintf(stderr, "%s:%d\n", file, line);
    _exit(runs.next > 0 ? FAILED + (int)runs.order[runs.next - 1] : 1);
}
