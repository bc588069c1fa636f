#include "sandbox/sandbox.h"

#include "base/own.h"
#include "base/test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

/* Each attempt runs in a child of a process that prepared a sandbox, as an instance is a child of
 * the zygote. What an attempt returns is its exit status; 0 would mean that it succeeded. */
enum { SUCCEEDED = 0, NOT_ENTERED = 99 };
enum when { BEFORE_VM, AFTER_VM };

static void run_child(const struct ph_sandbox *sb, int (*attempt)(void), enum when when)
{
    const struct ph_sandbox_child child = {.slot = 1, .memory_mib = 64, .fds = {2}, .fd_cnt = 1};
    struct ph_sandbox_report report;

    if (ph_sandbox_enter_before_vm(sb, &child, &report) != PH_OK)
        _exit(NOT_ENTERED);
    if (when == AFTER_VM && ph_sandbox_enter_after_vm(sb, &child, &report) != PH_OK)
        _exit(NOT_ENTERED);
    _exit(attempt());
}

/* Wait status of the attempt's process. */
static int try_in_sandbox(int (*attempt)(void), enum when when)
{
    int ends[2], status = -1;

    CHECK(pipe(ends) == 0);
    const pid_t zygote = fork();
    CHECK(zygote >= 0);
    if (zygote == 0) {
        struct ph_sandbox *sb = NULL;
        char why[256];
        if (ph_sandbox_prepare(&sb, why) != PH_OK)
            _exit(1);
        const pid_t child = fork();
        if (child == 0)
            run_child(sb, attempt, when);
        int got = -1;
        if (child < 0 || waitpid(child, &got, 0) != child)
            _exit(1);
        ph_sandbox_remove(sb, 1);
        _exit(write(ends[1], &got, sizeof(got)) == (ssize_t)sizeof(got) ? 0 : 1);
    }
    (void)close(ends[1]);
    const ssize_t n = read(ends[0], &status, sizeof(status));
    (void)close(ends[0]);
    CHECK(waitpid(zygote, NULL, 0) == zygote);
    CHECK(n == (ssize_t)sizeof(status));
    CHECK(!WIFEXITED(status) || WEXITSTATUS(status) != NOT_ENTERED);
    return status;
}

/* 0 if a raw call succeeded, else its errno. */
static int outcome(long result)
{
    return result >= 0 ? SUCCEEDED : errno;
}

#define ATTEMPT(name, call)                                                                        \
    static int name(void)                                                                          \
    {                                                                                              \
        return outcome(call);                                                                      \
    }
static char page[4096];
static struct iovec local = {page, 8}, remote = {page, 8};
ATTEMPT(do_execve, syscall(SYS_execve, "/bin/true", NULL, NULL))
ATTEMPT(do_execveat, syscall(SYS_execveat, 3, "", NULL, NULL, 0x1000))
ATTEMPT(do_socket_inet, syscall(SYS_socket, AF_INET, SOCK_STREAM, 0))
ATTEMPT(do_socket_unix, syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0))
ATTEMPT(do_socketpair, syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, page))
ATTEMPT(do_connect, syscall(SYS_connect, 3, page, 16))
ATTEMPT(do_bind, syscall(SYS_bind, 3, page, 16))
ATTEMPT(do_sendto_address, syscall(SYS_sendto, 3, page, 1, 0, page, 16))
ATTEMPT(do_sendmsg, syscall(SYS_sendmsg, 3, page, 0))
ATTEMPT(do_fork, syscall(SYS_fork))
ATTEMPT(do_vfork_by_clone, syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0))
ATTEMPT(do_clone_process, syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0))
ATTEMPT(do_kill_parent, syscall(SYS_kill, getppid(), SIGKILL))
ATTEMPT(do_kill_all, syscall(SYS_kill, -1, SIGKILL))
ATTEMPT(do_tgkill_other, syscall(SYS_tgkill, 1, 1, SIGUSR1))
ATTEMPT(do_tgkill_stop, syscall(SYS_tgkill, getpid(), gettid(), SIGSTOP))
ATTEMPT(do_pidfd_open, syscall(SYS_pidfd_open, 1, 0))
ATTEMPT(do_ptrace, syscall(SYS_ptrace, 0, 0, 0, 0))
ATTEMPT(do_process_vm_readv, syscall(SYS_process_vm_readv, 1, &local, 1, &remote, 1, 0))
ATTEMPT(do_process_vm_writev, syscall(SYS_process_vm_writev, 1, &local, 1, &remote, 1, 0))
ATTEMPT(do_mmap_exec,
        syscall(SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
ATTEMPT(do_mmap_file, syscall(SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE, 3, 0))
ATTEMPT(do_mprotect_exec,
        syscall(SYS_mprotect, (uintptr_t)page & ~4095UL, 4096, PROT_READ | PROT_EXEC))
ATTEMPT(do_unshare, syscall(SYS_unshare, CLONE_NEWUSER))
ATTEMPT(do_setns, syscall(SYS_setns, 3, 0))
ATTEMPT(do_mount, syscall(SYS_mount, "x", "/", "tmpfs", 0, NULL))
ATTEMPT(do_io_uring, syscall(SYS_io_uring_setup, 8, page))
ATTEMPT(do_memfd, syscall(SYS_memfd_create, "x", 0))
ATTEMPT(do_userfaultfd, syscall(SYS_userfaultfd, 0))
ATTEMPT(do_bpf, syscall(SYS_bpf, 0, page, 64))
ATTEMPT(do_perf, syscall(SYS_perf_event_open, page, 0, -1, -1, 0))
ATTEMPT(do_seccomp_again, syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL))
ATTEMPT(do_prctl_dumpable, syscall(SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0))
ATTEMPT(do_ioctl, syscall(SYS_ioctl, 3, TIOCSTI, page))
ATTEMPT(do_setuid, syscall(SYS_setuid, 0))
ATTEMPT(do_keyctl, syscall(SYS_keyctl, 0, 0, 0, 0, 0))
ATTEMPT(do_shmget, syscall(SYS_shmget, 1, 4096, 01600))
ATTEMPT(do_unlink, syscall(SYS_unlink, "/etc/passwd"))
ATTEMPT(do_mkdir, syscall(SYS_mkdir, "/tmp/x", 0755))
ATTEMPT(do_raise_limit, syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &(struct rlimit){64, 64}, NULL))
ATTEMPT(do_other_limit, syscall(SYS_prlimit64, 1, RLIMIT_NOFILE, NULL, page))
/* The x32 numbers of the same kernel must not be a way round the list. */
ATTEMPT(do_x32_execve, syscall(0x40000000 + 520, "/bin/true", NULL, NULL))

TEST(what_an_instance_never_needs_kills_it)
{
    static const struct {
        const char *name;
        int (*attempt)(void);
    } attempts[] = {
#define A(name) {#name, name}
        A(do_execve),
        A(do_execveat),
        A(do_socket_inet),
        A(do_socket_unix),
        A(do_socketpair),
        A(do_connect),
        A(do_bind),
        A(do_sendto_address),
        A(do_sendmsg),
        A(do_fork),
        A(do_vfork_by_clone),
        A(do_clone_process),
        A(do_kill_parent),
        A(do_kill_all),
        A(do_tgkill_other),
        A(do_tgkill_stop),
        A(do_pidfd_open),
        A(do_ptrace),
        A(do_process_vm_readv),
        A(do_process_vm_writev),
        A(do_mmap_exec),
        A(do_mmap_file),
        A(do_mprotect_exec),
        A(do_unshare),
        A(do_setns),
        A(do_mount),
        A(do_io_uring),
        A(do_memfd),
        A(do_userfaultfd),
        A(do_bpf),
        A(do_perf),
        A(do_seccomp_again),
        A(do_prctl_dumpable),
        A(do_ioctl),
        A(do_setuid),
        A(do_keyctl),
        A(do_shmget),
        A(do_unlink),
        A(do_mkdir),
        A(do_raise_limit),
        A(do_other_limit),
        A(do_x32_execve),
#undef A
    };
    for (size_t i = 0; i < PH_LEN(attempts); i++) {
        const int status = try_in_sandbox(attempts[i].attempt, AFTER_VM);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
            fail_msg("%s: wait status 0x%x, expected death by SIGSYS", attempts[i].name, status);
    }
}

ATTEMPT(do_open, syscall(SYS_open, "/proc/self/maps", O_RDONLY))
ATTEMPT(do_openat, syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY))
ATTEMPT(do_create, syscall(SYS_open, "/tmp/x", O_CREAT | O_WRONLY, 0600))
ATTEMPT(do_stat, syscall(SYS_newfstatat, AT_FDCWD, "/", page, 0))
ATTEMPT(do_readlink, syscall(SYS_readlink, "/proc/self/exe", page, 100))
ATTEMPT(do_access, syscall(SYS_access, "/", 0))

TEST(files_are_refused_with_an_error_that_libraries_survive)
{
    int (*const attempts[])(void) = {do_open, do_openat,   do_create,
                                     do_stat, do_readlink, do_access};
    for (size_t i = 0; i < PH_LEN(attempts); i++) {
        const int status = try_in_sandbox(attempts[i], AFTER_VM);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == EACCES);
    }
}

ATTEMPT(do_clone3, syscall(SYS_clone3, page, 64))
ATTEMPT(do_setpriority, syscall(SYS_setpriority, 0, 0, -5))

TEST(thread_start_and_priority_fall_back)
{
    int status = try_in_sandbox(do_clone3, AFTER_VM);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == ENOSYS);
    status = try_in_sandbox(do_setpriority, AFTER_VM);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == EPERM);
}

static void *thread_main(void *arg)
{
    *(int *)arg = 1;
    return NULL;
}

static void on_usr1(int sig)
{
    (void)sig;
}

/* What the engine does all the time: threads, memory, its own SIGUSR1, limits read. */
static int do_engine_work(void)
{
    pthread_t t;
    int ran = 0;
    struct rlimit limit;

    if (pthread_create(&t, NULL, thread_main, &ran) != 0 || pthread_join(t, NULL) != 0 || !ran)
        return 1;
    void *mem = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mem == MAP_FAILED || mprotect(mem, 4096, PROT_READ | PROT_WRITE) != 0)
        return 2;
    *(volatile char *)mem = 1;
    if (madvise(mem, 4096, MADV_DONTNEED) != 0 || munmap(mem, 1 << 20) != 0)
        return 3;
    if (signal(SIGUSR1, on_usr1) == SIG_ERR ||
        syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1) != 0)
        return 4;
    if (getrlimit(RLIMIT_STACK, &limit) != 0 || prctl(PR_SET_NAME, "x") != 0)
        return 5;
    return 7; /* not 0: that is what a forbidden attempt's success looks like */
}

TEST(what_the_engine_needs_works)
{
    const int status = try_in_sandbox(do_engine_work, AFTER_VM);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

/* Layers under seccomp, alone: the process between the two steps. */
static int do_open_forbidden_file(void)
{
    const int fd = open("/usr/bin/env", O_RDONLY);
    return fd >= 0 ? SUCCEEDED : errno;
}

static int do_write_tmp(void)
{
    return outcome(open("/tmp/phala-sandbox-test", O_CREAT | O_WRONLY, 0600));
}

static int do_regain_root(void)
{
    return outcome(setuid(0));
}

static int do_keep_caps(void)
{
    /* Needs CAP_SYS_ADMIN in any namespace this process could be in. */
    return outcome(sethostname("x", 1));
}

static int do_loopback(void)
{
    const int s = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr addr = {.sa_family = AF_INET, .sa_data = {0, 22, 127, 0, 0, 1}};
    return s < 0 ? errno : outcome(connect(s, &addr, sizeof(addr)));
}

static int do_count_fds(void)
{
    int open_cnt = 0;
    for (int fd = 0; fd < 1024; fd++)
        open_cnt += fcntl(fd, F_GETFD) >= 0;
    return open_cnt;
}

static int do_core_limit(void)
{
    struct rlimit l;
    return getrlimit(RLIMIT_CORE, &l) == 0 && l.rlim_max == 0 ? 7 : 1;
}

static bool host_gives(const char *layer)
{
    /* In a child, because asking changes the process. */
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        struct ph_sandbox *sb = NULL;
        char why[256];
        struct ph_sandbox_report report;
        if (ph_sandbox_prepare(&sb, why) != PH_OK || ph_sandbox_trial(sb, &report) != PH_OK)
            _exit(2);
        const char *state = ph_sandbox_report_layer(&report, layer);
        _exit(state && strncmp(state, "ok", 2) == 0 ? 0 : 1);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) < 2);
    return WEXITSTATUS(status) == 0;
}

static int exit_of(int (*attempt)(void))
{
    const int status = try_in_sandbox(attempt, BEFORE_VM);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

TEST(files_are_out_of_reach_without_seccomp_too)
{
    if (!host_gives("landlock") && !host_gives("mountns"))
        SKIP_BECAUSE("this host gives neither landlock nor mount namespaces");
    const int err = exit_of(do_open_forbidden_file);
    CHECK(err == EACCES || err == ENOENT);
    CHECK(exit_of(do_write_tmp) != SUCCEEDED);
}

TEST(the_network_is_out_of_reach_without_seccomp_too)
{
    if (!host_gives("netns"))
        SKIP_BECAUSE("this host gives no network namespace");
    const int err = exit_of(do_loopback);
    CHECK(err == ENETUNREACH || err == EACCES);
}

TEST(root_and_capabilities_are_gone)
{
    CHECK(exit_of(do_keep_caps) == EPERM);
    if (!host_gives("uid"))
        SKIP_BECAUSE("not root: no own uid per instance");
    CHECK(exit_of(do_regain_root) == EPERM);
}

TEST(only_the_channel_stays_open)
{
    CHECK(exit_of(do_count_fds) == 4); /* 0, 1, 2 are /dev/null; 3 is the one that was passed */
    CHECK(exit_of(do_core_limit) == 7);
}

TEST(a_report_names_every_layer_once_and_knows_what_is_missing)
{
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        struct ph_sandbox *sb = NULL;
        char why[256], text[PH_SANDBOX_TEXT_MAX];
        struct ph_sandbox_report report;
        if (ph_sandbox_prepare(&sb, why) != PH_OK || ph_sandbox_trial(sb, &report) != PH_OK)
            _exit(1);
        ph_sandbox_report_text(&report, text);
        print_message("# %s\n", text);
        const bool full = ph_sandbox_report_full(&report);
        if (full != !strstr(text, "=missing:") || !strstr(text, "seccomp=ok") ||
            !strstr(text, "no_new_privs=ok") || strstr(text, "=,") || strstr(text, "=failed"))
            _exit(2);
        (void)snprintf(report.state[0], sizeof(report.state[0]), "missing:test");
        if (ph_sandbox_report_full(&report))
            _exit(3);
        _exit(0);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

PH_TEST_MAIN(CASE(what_an_instance_never_needs_kills_it),
             CASE(files_are_refused_with_an_error_that_libraries_survive),
             CASE(thread_start_and_priority_fall_back), CASE(what_the_engine_needs_works),
             CASE(files_are_out_of_reach_without_seccomp_too),
             CASE(the_network_is_out_of_reach_without_seccomp_too),
             CASE(root_and_capabilities_are_gone), CASE(only_the_channel_stays_open),
             CASE(a_report_names_every_layer_once_and_knows_what_is_missing))
