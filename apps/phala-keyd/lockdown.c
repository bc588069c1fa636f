#include "lockdown.h"

#include "base/bytes.h"
#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static enum ph_err fail(char why[static LOCKDOWN_WHY_LEN], const char *what, int error)
{
    (void)snprintf(why, LOCKDOWN_WHY_LEN, "%s: %s", what, strerror(error));
    return PH_ERR_IO;
}

enum ph_err lockdown_memory(char why[static LOCKDOWN_WHY_LEN])
{
    const struct rlimit none = {0, 0};

    if (setrlimit(RLIMIT_CORE, &none) != 0)
        return fail(why, "no core dumps", errno);
    /* No core dump whatever the pattern is, and no ptrace or /proc/PID/mem by the same user. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return fail(why, "not dumpable", errno);
    /* Keys lie in pages that are locked one by one, which must succeed (keys/secret.h). Locking all
     * covers the stack's copies too, where RLIMIT_MEMLOCK allows it. */
    (void)mlockall(MCL_CURRENT | MCL_FUTURE);
    return PH_OK;
}

/* Every file system right this kernel knows, and no rule that gives one back. */
static const char *landlock_nothing(void)
{
    const long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1)
        return "landlock";
    /* ABI 1 has the thirteen rights up to MAKE_SYM; 2 adds REFER, 3 TRUNCATE. */
    const struct landlock_ruleset_attr attr = {
        .handled_access_fs = (UINT64_C(1) << (abi == 1   ? 13
                                              : abi == 2 ? 14
                                                         : 15)) -
                             1,
    };
    int fd PH_OWNED(ph_closep) =
        (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr.handled_access_fs), 0);
    if (fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0) != 0)
        return "landlock";
    return NULL;
}

/* What answering a request takes: the channel, the secrets pipe, memory, time, randomness, the end.
 * Opening, sockets, processes, and executable memory are not among them. */
static const int allowed[] = {
    SCMP_SYS(read),          SCMP_SYS(write),           SCMP_SYS(recvmsg),
    SCMP_SYS(sendmsg),       SCMP_SYS(close),           SCMP_SYS(futex),
    SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),    SCMP_SYS(getrandom),
    SCMP_SYS(brk),           SCMP_SYS(munmap),          SCMP_SYS(mremap),
    SCMP_SYS(madvise),       SCMP_SYS(getpid),          SCMP_SYS(sched_yield),
    SCMP_SYS(rt_sigreturn),  SCMP_SYS(restart_syscall), SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

static int add_rules(scmp_filter_ctx ctx)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < PH_LEN(allowed); i++)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
    /* Memory, but never executable. */
    static const int mapping[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};
    for (size_t i = 0; rc == 0 && i < PH_LEN(mapping); i++)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, mapping[i], 1,
                              SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    /* Make the secrets pipe non-blocking. */
    static const int commands[] = {F_GETFL, F_SETFL, F_GETPIPE_SZ};
    for (size_t i = 0; rc == 0 && i < PH_LEN(commands); i++)
        rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                              SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)commands[i]));
    return rc;
}

static enum ph_err seccomp(char why[static LOCKDOWN_WHY_LEN])
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!ctx)
        return fail(why, "seccomp", ENOMEM);
    int rc = add_rules(ctx);
    if (rc == 0)
        rc = seccomp_load(ctx);
    seccomp_release(ctx);
    return rc == 0 ? PH_OK : fail(why, "seccomp", -rc);
}

enum ph_err lockdown_rest(int channel_fd, const char **missing, char why[static LOCKDOWN_WHY_LEN])
{
    /* The channel, standard error, and a pipe per request. */
    const struct rlimit files = {16, 16};

    *missing = NULL;
    /* gmtime_r, for the log, opens /etc/localtime at its first use. */
    tzset();
    if (channel_fd != 3 || close_range(4, ~0U, 0) != 0)
        return fail(why, "close descriptors", channel_fd != 3 ? EBADF : errno);
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        return fail(why, "limit descriptors", errno);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail(why, "no new privileges", errno);
    *missing = landlock_nothing();
    return seccomp(why);
}
