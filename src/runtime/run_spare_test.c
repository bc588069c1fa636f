/* The process that the zygote makes ahead: what it has given up, that an order turns it into an
 * instance once, and that its death costs nothing. PHALA_RUN names the program. */
#include "runtime/run_fixture.h"

#include "base/own.h"
#include "base/test.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static const struct ph_rig_limits limits = {.cpu_ms = 200, .memory_mib = 128, .subrequests = 50};
static const struct ph_rig_limits no_jit = {
    .cpu_ms = 200, .memory_mib = 128, .subrequests = 50, .no_jit = true};
static const char hello[] = "globalThis.__phat={default:{fetch(){return new Response('hello')}}}";

/* A line of /proc/<pid>/status, without its name and the tab. */
static bool status_line(pid_t pid, const char *name, char out[static 128])
{
    char path[64], line[256];
    const size_t len = strlen(name);
    bool found = false;

    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "r");
    while (f && !found && fgets(line, sizeof(line), f)) {
        found = strncmp(line, name, len) == 0 && line[len] == ':';
        line[strcspn(line, "\n")] = '\0';
        if (found)
            (void)snprintf(out, 128, "%.127s", line + len + 2);
    }
    if (f)
        (void)fclose(f);
    return found;
}

static bool is_ready_spare_of(pid_t pid, pid_t zygote)
{
    char name[128], parent[128], syscall_path[64], syscall[32] = "";

    if (!status_line(pid, "Name", name) || strcmp(name, "phala-spare") != 0 ||
        !status_line(pid, "PPid", parent) || strtol(parent, NULL, 10) != zygote)
        return false;
    /* It waits for its order: recvmsg is system call 47. */
    (void)snprintf(syscall_path, sizeof(syscall_path), "/proc/%d/syscall", (int)pid);
    FILE *f = fopen(syscall_path, "r");
    const bool waits = f && fgets(syscall, sizeof(syscall), f) && strncmp(syscall, "47 ", 3) == 0;
    if (f)
        (void)fclose(f);
    return waits;
}

static pid_t find_spare(const struct ph_rig *rig)
{
    DIR *proc = opendir("/proc");
    pid_t found = 0;

    CHECK(proc);
    for (struct dirent *entry; !found && (entry = readdir(proc));) {
        const pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0 && is_ready_spare_of(pid, rig->pid))
            found = pid;
    }
    (void)closedir(proc);
    return found;
}

static pid_t await_spare(const struct ph_rig *rig)
{
    pid_t pid = 0;

    for (int i = 0; i < 2000 && pid == 0; i++) {
        pid = find_spare(rig);
        if (pid == 0)
            (void)poll(NULL, 0, 10);
    }
    CHECK(pid != 0);
    return pid;
}

static void await_end(pid_t pid)
{
    char name[128];

    for (int i = 0; i < 2000 && status_line(pid, "Name", name); i++)
        (void)poll(NULL, 0, 10);
    CHECK(!status_line(pid, "Name", name));
}

TEST(a_spare_becomes_an_instance_and_the_next_one_is_another_process)
{
    struct ph_rig rig;
    struct ph_rig_instance first, second;
    char name[128];

    ph_rig_open(&rig);
    const pid_t spare = await_spare(&rig);
    ph_rig_run(&rig, &first, limits, hello);
    CHECK(first.pid == spare);
    CHECK(status_line(spare, "Name", name) && strcmp(name, "phala-phat") == 0);
    ph_rig_answers(&first, 1, "/", "hello");
    const pid_t next = await_spare(&rig);
    CHECK(next != spare);
    ph_rig_run(&rig, &second, limits, hello);
    CHECK(second.pid == next);
    ph_rig_answers(&second, 1, "/", "hello");
    ph_rig_answers(&first, 2, "/", "hello");
    /* The same layers as an instance that was forked for its phat. */
    CHECK(strcmp(first.layers, rig.layers) == 0 && strcmp(second.layers, rig.layers) == 0);
    ph_rig_drop(&first);
    ph_rig_drop(&second);
    ph_rig_close(&rig);
}

TEST(a_spare_has_entered_the_sandbox_up_to_the_vm_and_holds_nothing_else)
{
    struct ph_rig rig;
    char line[128], path[64], target[64];
    static const char *const capabilities[] = {"CapInh", "CapPrm", "CapEff", "CapAmb"};

    ph_rig_open(&rig);
    const pid_t spare = await_spare(&rig);
    for (size_t i = 0; i < PH_LEN(capabilities); i++)
        CHECK(status_line(spare, capabilities[i], line) && strtoull(line, NULL, 16) == 0);
    CHECK(status_line(spare, "NoNewPrivs", line) && strcmp(line, "1") == 0);
    CHECK(status_line(spare, "Uid", line));
    CHECK(!strstr(rig.layers, "uid=ok") || strtol(line, NULL, 10) >= 200000);
    /* 0, 1, 2 lead nowhere; 3, 4, 5 are its order socket. */
    for (int fd = 0; fd < 6; fd++) {
        (void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)spare, fd);
        const ssize_t n = readlink(path, target, sizeof(target) - 1);
        CHECK(n > 0);
        target[n] = '\0';
        if (fd < 3)
            CHECK(strcmp(target, "/dev/null") == 0);
        else
            CHECK(strncmp(target, "socket:", 7) == 0);
    }
    ph_rig_close(&rig);
    await_end(spare);
}

TEST(a_spare_that_was_killed_costs_nobody_an_instance)
{
    struct ph_rig rig;
    struct ph_rig_instance inst;

    ph_rig_open(&rig);
    const pid_t spare = await_spare(&rig);
    CHECK(kill(spare, SIGKILL) == 0);
    await_end(spare);
    /* ph_rig_spawn would take word of its end for an instance's: there is none. */
    ph_rig_run(&rig, &inst, limits, hello);
    CHECK(inst.pid != spare);
    ph_rig_answers(&inst, 1, "/", "hello");
    CHECK(await_spare(&rig) != spare);
    ph_rig_drop(&inst);
    ph_rig_close(&rig);
}

TEST(something_that_kills_spares_is_not_fed_for_ever)
{
    struct ph_rig rig;
    struct ph_rig_instance inst;

    ph_rig_open(&rig);
    for (int i = 0; i < 3; i++) {
        const pid_t spare = await_spare(&rig);
        CHECK(kill(spare, SIGKILL) == 0);
        await_end(spare);
    }
    ph_rig_run(&rig, &inst, limits, hello);
    ph_rig_answers(&inst, 1, "/", "hello");
    ph_rig_drop(&inst);
    CHECK(find_spare(&rig) == 0);
    ph_rig_close(&rig);
}

TEST(a_spare_with_jit_is_not_given_to_a_phat_without)
{
    struct ph_rig rig;
    struct ph_rig_instance plain, compiled;

    ph_rig_open(&rig);
    const pid_t spare = await_spare(&rig);
    ph_rig_run(&rig, &plain, no_jit, hello);
    CHECK(plain.pid != spare);
    ph_rig_answers(&plain, 1, "/", "hello");
    ph_rig_run(&rig, &compiled, limits, hello);
    CHECK(compiled.pid == spare);
    ph_rig_answers(&compiled, 1, "/", "hello");
    ph_rig_drop(&plain);
    ph_rig_drop(&compiled);
    ph_rig_close(&rig);
}

TEST(a_spare_ends_with_a_zygote_that_is_killed)
{
    struct ph_rig rig;

    ph_rig_open(&rig);
    const pid_t spare = await_spare(&rig);
    CHECK(kill(rig.pid, SIGKILL) == 0);
    await_end(spare);
    (void)close(rig.control);
}

PH_TEST_MAIN(CASE(a_spare_becomes_an_instance_and_the_next_one_is_another_process),
             CASE(a_spare_has_entered_the_sandbox_up_to_the_vm_and_holds_nothing_else),
             CASE(a_spare_that_was_killed_costs_nobody_an_instance),
             CASE(something_that_kills_spares_is_not_fed_for_ever),
             CASE(a_spare_with_jit_is_not_given_to_a_phat_without),
             CASE(a_spare_ends_with_a_zygote_that_is_killed))
