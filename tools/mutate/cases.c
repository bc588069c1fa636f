// Preloaded before the test programs of a mutation run: measures each test of a program alone, runs
// a choice of them in a given order, and ends at the first failure.
//
//   MUTATE_MEASURE=DIR   counters of test i go to DIR/i, what runs between tests to DIR/all;
//   DIR/times
//                        has a line for each test: its milliseconds
//   MUTATE_CASES=3,0     only tests 3 and 0, in this order; exit status 100 + i: test i failed
//
//   MUTATE_CPU_S=7       the program may use 7 seconds of processor time
//
// RSA keys, which take seconds to make, are made once: they are kept in the folder of this library.
#define _GNU_SOURCE
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
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

__attribute__((constructor)) static void limit_time(void)
{
    const char *seconds = getenv("MUTATE_CPU_S");
    if (!seconds)
        return;
    const rlim_t most = strtoul(seconds, NULL, 10);
    setrlimit(RLIMIT_CPU, &(struct rlimit){most, most});
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

// The file of the nth key of this process, its size in bits in `what`; false: there is no folder.
static int key_path(size_t what, char path[static 4096])
{
    static unsigned made;
    Dl_info self;
    if (!dladdr(&runs, &self))
        return 0;
    const char *end = strrchr(self.dli_fname, '/');
    const int dir = end ? (int)(end - self.dli_fname) : 0;
    return end &&
           snprintf(path, 4096, "%.*s/rsa-%zu-%u.der", dir, self.dli_fname, what, made++) < 4096;
}

static EVP_PKEY *read_key(const char *path)
{
    FILE *f = fopen(path, "rb");
    EVP_PKEY *key = f ? d2i_PrivateKey_fp(f, NULL) : NULL;
    if (f)
        fclose(f);
    return key;
}

// Another process may be writing it too: a whole file takes its name, or none does.
static void keep_key(const char *path, EVP_PKEY *key)
{
    char part[4200];
    snprintf(part, sizeof part, "%s.%d", path, (int)getpid());
    FILE *f = fopen(part, "wb");
    if (f && i2d_PrivateKey_fp(f, key) == 1 && fclose(f) == 0)
        rename(part, path);
}

EVP_PKEY *EVP_PKEY_Q_keygen(OSSL_LIB_CTX *ctx, const char *propq, const char *type, ...)
{
    typedef EVP_PKEY *make_fn(OSSL_LIB_CTX *, const char *, const char *, ...);
    make_fn *const make = (make_fn *)dlsym(RTLD_NEXT, "EVP_PKEY_Q_keygen");
    char path[4096];
    va_list args;
    va_start(args, type);
    if (strcmp(type, "RSA") != 0) {
        const char *what = va_arg(args, const char *);
        va_end(args);
        return make(ctx, propq, type, what);
    }
    const size_t bits = va_arg(args, size_t);
    va_end(args);
    const int kept = key_path(bits, path);
    EVP_PKEY *key = kept ? read_key(path) : NULL;
    if (key)
        return key;
    key = make(ctx, propq, type, bits);
    if (kept && key)
        keep_key(path, key);
    return key;
}
