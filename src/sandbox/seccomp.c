#include "base/own.h"
#include "sandbox/sandbox_priv.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* System calls of a running instance: everything not named here kills the process. Found by tracing
 * JIT, wasm, collector, Intl, regular expressions and BigInt after lockdown (strace -f). */

#define NR(name) SCMP_SYS(name)

static const int allowed[] = {
    /* the socket to phalad and the secrets pipe */
    NR(read),
    NR(write),
    NR(close),
    NR(poll),
    NR(ppoll),
    /* threads of the engine: collector, compiler, watchdog */
    NR(futex),
    NR(sched_yield),
    NR(set_robust_list),
    NR(rseq),
    NR(gettid),
    NR(getpid),
    NR(sched_getaffinity),
    NR(rt_sigprocmask),
    NR(rt_sigreturn),
    NR(rt_sigsuspend),
    NR(rt_sigaction),
    NR(sigaltstack),
    NR(restart_syscall),
    NR(exit),
    NR(exit_group),
    /* memory; mmap, mprotect are below */
    NR(munmap),
    NR(mremap),
    NR(brk),
    NR(madvise),
    /* time and facts about this process */
    NR(clock_gettime),
    NR(clock_getres),
    NR(clock_nanosleep),
    NR(nanosleep),
    NR(gettimeofday),
    NR(time),
    NR(getrandom),
    NR(sysinfo),
    NR(getrusage),
    /* its own /proc/self/statm, opened before */
    NR(pread64),
    NR(lseek),
    /* the watchdog thread starts at the first limit and wants an event descriptor */
    NR(eventfd2),
};

/* Refused with an error that callers in libc and ICU handle: they try files on first use. */
static const int no_access[] = {
    NR(open),      NR(openat),     NR(newfstatat), NR(fstat),      NR(stat),
    NR(lstat),     NR(statx),      NR(readlink),   NR(readlinkat), NR(access),
    NR(faccessat), NR(faccessat2), NR(getcwd),
};
static const int no_permission[] = {NR(sched_setscheduler), NR(sched_setparam), NR(setpriority),
                                    NR(sched_setattr)};

/* Stands for the child's pid in the program, which is made before the child: above any pid
 * (pid_max is at most 2^22), so that no other constant is taken for it. */
static const uint32_t PID = 0x7f1d0001;

enum {
    NEW_NAMESPACES = CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID |
                     CLONE_NEWUSER | CLONE_NEWUTS,
    THREAD = CLONE_THREAD | CLONE_VM | CLONE_SIGHAND,
};

static int add_lists(scmp_filter_ctx ctx)
{
    int err = 0;

    for (size_t i = 0; i < PH_LEN(allowed) && err == 0; i++)
        err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
    for (size_t i = 0; i < PH_LEN(no_access) && err == 0; i++)
        err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), no_access[i], 0);
    for (size_t i = 0; i < PH_LEN(no_permission) && err == 0; i++)
        err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), no_permission[i], 0);
    return err;
}

/* Calls that depend on their arguments. */
static int add_conditions(scmp_filter_ctx ctx)
{
    int err = 0;
#define ALLOW_IF(nr, cnt, ...)                                                                     \
    if (err == 0)                                                                                  \
    err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, (nr), (cnt), __VA_ARGS__)

    /* memory without a file behind it, and never executable: the JIT's pool is mapped before */
    ALLOW_IF(NR(mmap), 2, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0),
             SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS));
    ALLOW_IF(NR(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    /* threads, never processes or namespaces */
    ALLOW_IF(NR(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, THREAD | NEW_NAMESPACES, THREAD));
    /* flags of clone3 lie in memory, out of a filter's sight; on ENOSYS glibc uses clone */
    if (err == 0)
        err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), NR(clone3), 0);
    /* the collector stops its own threads with SIGUSR1; abort ends this process only */
    ALLOW_IF(NR(tgkill), 2, SCMP_A0(SCMP_CMP_EQ, PID), SCMP_A2(SCMP_CMP_EQ, SIGUSR1));
    ALLOW_IF(NR(tgkill), 2, SCMP_A0(SCMP_CMP_EQ, PID), SCMP_A2(SCMP_CMP_EQ, SIGABRT));
    /* reading own limits */
    ALLOW_IF(NR(prlimit64), 2, SCMP_A0(SCMP_CMP_EQ, 0), SCMP_A2(SCMP_CMP_EQ, 0));
    ALLOW_IF(NR(prlimit64), 2, SCMP_A0(SCMP_CMP_EQ, PID), SCMP_A2(SCMP_CMP_EQ, 0));
    ALLOW_IF(NR(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
    /* on a connected socket, without an address */
    ALLOW_IF(NR(sendto), 1, SCMP_A4(SCMP_CMP_EQ, 0));
#undef ALLOW_IF
    return err;
}

/* libseccomp writes programs to descriptors only. */
static bool export_program(scmp_filter_ctx ctx, struct ph_sandbox *sb)
{
    int fd PH_OWNED(ph_closep) = memfd_create("seccomp", MFD_CLOEXEC);
    if (fd < 0 || seccomp_export_bpf(ctx, fd) != 0)
        return false;
    const off_t len = lseek(fd, 0, SEEK_END);
    if (len <= 0 || (size_t)len > sizeof(sb->bpf) || len % (off_t)sizeof(sb->bpf[0]) != 0)
        return false;
    if (pread(fd, sb->bpf, (size_t)len, 0) != len)
        return false;
    sb->bpf_len = (uint16_t)((size_t)len / sizeof(sb->bpf[0]));
    return true;
}

bool ph_layer_seccomp_prepare(struct ph_sandbox *sb, char state[static PH_STATE_MAX])
{
    const scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!ctx)
        return ph_layer_missing(state, "libseccomp");
    const bool made = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0 &&
                      add_lists(ctx) == 0 && add_conditions(ctx) == 0 && export_program(ctx, sb);
    seccomp_release(ctx);
    if (!made)
        return ph_layer_missing(state, "program");
    return ph_layer_ok(state, NULL);
}

bool ph_layer_seccomp_enter(const struct ph_sandbox *sb, const struct ph_sandbox_child *child,
                            char state[static PH_STATE_MAX])
{
    struct sock_filter own[PH_SANDBOX_BPF_MAX];
    const uint32_t pid = (uint32_t)getpid();
    size_t patched = 0;

    (void)child;
    memcpy(own, sb->bpf, sb->bpf_len * sizeof(own[0]));
    for (size_t i = 0; i < sb->bpf_len; i++) {
        if (own[i].k == PID) {
            own[i].k = pid;
            patched++;
        }
    }
    if (patched == 0)
        return ph_layer_missing(state, "program without pid");
    const struct sock_fprog prog = {.len = sb->bpf_len, .filter = own};
    /* TSYNC: the engine's threads run already. */
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog) != 0)
        return ph_layer_missing_errno(state, "filter");
    return ph_layer_ok(state, NULL);
}
