#include "sandbox/sandbox.h"

#include "base/own.h"
#include "sandbox/sandbox_priv.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static bool set_state(char state[static PH_STATE_MAX], const char *a, const char *b, const char *c)
{
    (void)snprintf(state, PH_STATE_MAX, "%s%.80s%s", a, b, c);
    for (char *p = state; (p = strchr(p, ','));)
        *p = ';'; /* the comma parts layers */
    return true;
}

bool ph_layer_ok(char state[static PH_STATE_MAX], const char *detail)
{
    return detail ? set_state(state, "ok(", detail, ")") : set_state(state, "ok", "", "");
}

bool ph_layer_missing(char state[static PH_STATE_MAX], const char *reason)
{
    return !set_state(state, "missing:", reason, "");
}

bool ph_layer_missing_errno(char state[static PH_STATE_MAX], const char *what)
{
    char reason[PH_STATE_MAX];
    (void)snprintf(reason, sizeof(reason), "%s: %s", what, strerrordesc_np(errno));
    return ph_layer_missing(state, reason);
}

static bool cgroup_prepare(struct ph_sandbox *sb, char state[static PH_STATE_MAX])
{
    char why[64];
    if (ph_cgroup_open(&sb->cgroup, why) != PH_OK)
        return ph_layer_missing(state, why);
    return ph_layer_ok(state, NULL);
}

static bool cgroup_enter(const struct ph_sandbox *sb, const struct ph_sandbox_child *child,
                         char state[static PH_STATE_MAX])
{
    if (sb->cgroup.dir < 0)
        return false;
    if (ph_cgroup_join(&sb->cgroup, child->slot, child->memory_mib) != PH_OK)
        return ph_layer_missing_errno(state, "join");
    return ph_layer_ok(state, NULL);
}

static bool rlimits_enter(const struct ph_sandbox *sb, const struct ph_sandbox_child *child,
                          char state[static PH_STATE_MAX])
{
    static const struct {
        int resource;
        rlim_t max;
    } limits[] = {
        {RLIMIT_CORE, 0},     /* a core file would hold the phat's secrets */
        {RLIMIT_FSIZE, 0},    /* no file grows */
        {RLIMIT_NOFILE, 32},  /* two channels, statm, the engine's event descriptors */
        {RLIMIT_NPROC, 64},   /* threads; counted per uid, and each instance has its own */
        {RLIMIT_MEMLOCK, 0},  /* no pinned memory */
        {RLIMIT_MSGQUEUE, 0}, /* no message queues */
        {RLIMIT_SIGPENDING, 64}, {RLIMIT_NICE, 0}, {RLIMIT_RTPRIO, 0},
    };
    /* No bound on address space or data: the engine reserves tens of GiB that it never touches. */

    (void)sb;
    (void)child;
    for (size_t i = 0; i < PH_LEN(limits); i++) {
        const struct rlimit l = {limits[i].max, limits[i].max};
        if (setrlimit((__rlimit_resource_t)limits[i].resource, &l) != 0)
            return ph_layer_missing_errno(state, "setrlimit");
    }
    return ph_layer_ok(state, NULL);
}

static bool uid_enter(const struct ph_sandbox *sb, const struct ph_sandbox_child *child,
                      char state[static PH_STATE_MAX])
{
    const uid_t uid = PH_SANDBOX_UID_BASE + child->slot;

    if (sb->uid_range) {
        if (setgroups(0, NULL) != 0 || setresgid(uid, uid, uid) != 0 ||
            setresuid(uid, uid, uid) != 0)
            return ph_layer_missing_errno(state, "setresuid");
        return ph_layer_ok(state, NULL);
    }
    /* All instances share the operator's uid. An own user namespace gives each its own count of
     * threads, so that one cannot use up those of the others. */
    if (unshare(CLONE_NEWUSER) != 0)
        return ph_layer_missing_errno(state, "not started as root; and unshare");
    return ph_layer_missing(state, "not started as root: instances share one uid");
}

static bool caps_enter(const struct ph_sandbox *sb, const struct ph_sandbox_child *child,
                       char state[static PH_STATE_MAX])
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

    (void)sb;
    (void)child;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 ||
        syscall(SYS_capset, &header, none) != 0)
        return ph_layer_missing_errno(state, "capset");
    return ph_layer_ok(state, NULL);
}

static bool no_new_privs_enter(const struct ph_sandbox *sb, const struct ph_sandbox_child *child,
                               char state[static PH_STATE_MAX])
{
    (void)sb;
    (void)child;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return ph_layer_missing_errno(state, "prctl");
    return ph_layer_ok(state, NULL);
}

static bool fds_prepare(struct ph_sandbox *sb, char state[static PH_STATE_MAX])
{
    sb->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (sb->null_fd < 0)
        return ph_layer_missing_errno(state, "/dev/null");
    return ph_layer_ok(state, NULL);
}

static bool fds_enter(const struct ph_sandbox *sb, const struct ph_sandbox_child *child,
                      char state[static PH_STATE_MAX])
{
    int high[PH_SANDBOX_FDS_MAX];

    /* Out of the way first: a target number may be the source of another. */
    for (size_t i = 0; i < child->fd_cnt; i++) {
        high[i] = fcntl(child->fds[i], F_DUPFD, 3 + PH_SANDBOX_FDS_MAX);
        if (high[i] < 0)
            return ph_layer_missing_errno(state, "dup");
    }
    for (int fd = 0; fd < 3; fd++) {
        if (dup2(sb->null_fd, fd) != fd)
            return ph_layer_missing_errno(state, "dup2");
    }
    for (size_t i = 0; i < child->fd_cnt; i++) {
        if (dup2(high[i], 3 + (int)i) < 0)
            return ph_layer_missing_errno(state, "dup2");
    }
    if (syscall(SYS_close_range, 3 + (unsigned)child->fd_cnt, ~0U, 0) != 0)
        return ph_layer_missing_errno(state, "close_range");
    return ph_layer_ok(state, NULL);
}

static bool process_enter(const struct ph_sandbox *sb, const struct ph_sandbox_child *child,
                          char state[static PH_STATE_MAX])
{
    (void)sb;
    (void)child;
    /* Not attachable; and the death signal again, because setresuid resets it. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return ph_layer_missing_errno(state, "prctl");
    return ph_layer_ok(state, NULL);
}

/* The list. Rows run from top to bottom, in the zygote (prepare) and in each child (enter). A row
 * without an enter function is inherited from the zygote. */
enum moment { BEFORE_VM, AFTER_VM };
/* clang-format off */
static const struct layer {
    const char *name;
    bool (*prepare)(struct ph_sandbox *, char state[static PH_STATE_MAX]);
    bool (*enter)(const struct ph_sandbox *, const struct ph_sandbox_child *, char state[static PH_STATE_MAX]);
    enum moment moment; /* of enter */
    bool required;      /* a host without it runs no phat at all */
} layers[] = {
    /* bound on memory and tasks by the kernel; first, while the cgroup files can be written */
    {"cgroup",       cgroup_prepare,            cgroup_enter,             BEFORE_VM, false},
    /* root inside is nobody outside; also what lets a zygote without root make the next five */
    {"userns",       ph_layer_userns_prepare,   NULL,                     BEFORE_VM, false},
    /* no interface, not even loopback */
    {"netns",        ph_layer_netns_prepare,    NULL,                     BEFORE_VM, false},
    /* no System V or POSIX IPC object of the host */
    {"ipcns",        ph_layer_ipcns_prepare,    NULL,                     BEFORE_VM, false},
    {"utsns",        ph_layer_utsns_prepare,    NULL,                     BEFORE_VM, false},
    /* no process of the host has a number here */
    {"pidns",        ph_layer_pidns_prepare,    NULL,                     BEFORE_VM, false},
    /* an empty, read-only root */
    {"mountns",      ph_layer_mountns_prepare,  NULL,                     BEFORE_VM, false},
    {"rlimits",      NULL,                      rlimits_enter,            BEFORE_VM, true},
    /* an own uid: no instance can signal, trace or starve another */
    {"uid",          NULL,                      uid_enter,                BEFORE_VM, false},
    {"caps",         NULL,                      caps_enter,               BEFORE_VM, true},
    {"no_new_privs", NULL,                      no_new_privs_enter,       BEFORE_VM, true},
    /* files, TCP and signals; per thread, hence before the engine starts any */
    {"landlock",     ph_layer_landlock_prepare, ph_layer_landlock_enter,  BEFORE_VM, false},
    /* only the two channels to phalad stay open, and /dev/null as 0, 1 and 2 */
    {"fds",          fds_prepare,               fds_enter,                BEFORE_VM, true},
    /* ---- the VM starts here ---- */
    {"process",      NULL,                      process_enter,            AFTER_VM,  true},
    /* last, because it takes away what the rows above use */
    {"seccomp",      ph_layer_seccomp_prepare,  ph_layer_seccomp_enter,   AFTER_VM,  true},
};
/* clang-format on */
_Static_assert(PH_LEN(layers) <= PH_SANDBOX_LAYER_MAX, "a report has room for every row");

static void mark_failed(char state[static PH_STATE_MAX])
{
    char reason[PH_STATE_MAX];
    const char *colon = strchr(state, ':');
    (void)snprintf(reason, sizeof(reason), "%s", colon ? colon + 1 : "");
    (void)set_state(state, "failed:", reason, "");
}

enum ph_err ph_sandbox_prepare(struct ph_sandbox **out, char why[static 256])
{
    struct ph_sandbox *sb = calloc(1, sizeof(*sb));

    if (!sb) {
        (void)snprintf(why, 256, "sandbox: out of memory");
        return PH_ERR_NOMEM;
    }
    sb->cgroup.dir = sb->ruleset_fd = sb->null_fd = -1;
    /* Descriptors first: /dev/null is not in the empty root. */
    for (size_t pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < PH_LEN(layers); i++) {
            const struct layer *l = &layers[i];
            if (!l->prepare || (l->prepare == fds_prepare) != (pass == 0))
                continue;
            if (!l->prepare(sb, sb->report.state[i]) && l->required) {
                (void)snprintf(why, 256, "sandbox: %s: %s", l->name, sb->report.state[i]);
                free(sb);
                return PH_ERR_IO;
            }
        }
    }
    *out = sb;
    return PH_OK;
}

static enum ph_err enter(const struct ph_sandbox *sb, const struct ph_sandbox_child *child,
                         enum moment moment, struct ph_sandbox_report *report)
{
    for (size_t i = 0; i < PH_LEN(layers); i++) {
        const struct layer *l = &layers[i];
        if (!l->enter || l->moment != moment)
            continue;
        if (!l->enter(sb, child, report->state[i]) && l->required) {
            mark_failed(report->state[i]);
            return PH_ERR_IO;
        }
    }
    return PH_OK;
}

enum ph_err ph_sandbox_enter_before_vm(const struct ph_sandbox *sb,
                                       const struct ph_sandbox_child *child,
                                       struct ph_sandbox_report *report)
{
    assert(child->fd_cnt <= PH_SANDBOX_FDS_MAX && child->slot < PH_SANDBOX_SLOTS);
    *report = sb->report;
    return enter(sb, child, BEFORE_VM, report);
}

enum ph_err ph_sandbox_enter_after_vm(const struct ph_sandbox *sb,
                                      const struct ph_sandbox_child *child,
                                      struct ph_sandbox_report *report)
{
    return enter(sb, child, AFTER_VM, report);
}

/* The trial's child: its report is its last word, in one write (below PIPE_BUF). */
_Static_assert(sizeof(struct ph_sandbox_report) <= 4096, "one atomic write");

static _Noreturn void trial_child(const struct ph_sandbox *sb, int out)
{
    const struct ph_sandbox_child child = {
        .slot = PH_SANDBOX_SLOTS - 1, .memory_mib = 64, .fds = {out}, .fd_cnt = 1};
    struct ph_sandbox_report report;
    enum ph_err err = ph_sandbox_enter_before_vm(sb, &child, &report);
    if (err == PH_OK) {
        out = 3;
        err = ph_sandbox_enter_after_vm(sb, &child, &report);
    }
    const bool told = write(out, &report, sizeof(report)) == (ssize_t)sizeof(report);
    _exit(err == PH_OK && told ? 0 : 1);
}

enum ph_err ph_sandbox_trial(const struct ph_sandbox *sb, struct ph_sandbox_report *report)
{
    int ends[2];
    struct ph_sandbox_report got;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return PH_ERR_IO;
    const pid_t pid = fork();
    if (pid == 0)
        trial_child(sb, ends[1]);
    (void)close(ends[1]);
    const ssize_t n = pid > 0 ? read(ends[0], &got, sizeof(got)) : -1;
    (void)close(ends[0]);
    int status = -1;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    ph_sandbox_remove(sb, PH_SANDBOX_SLOTS - 1);
    if (n != (ssize_t)sizeof(got))
        return PH_ERR_IO;
    *report = got;
    return status == 0 ? PH_OK : PH_ERR_IO;
}

enum ph_err ph_sandbox_limit_memory(const struct ph_sandbox *sb, uint32_t slot, uint32_t memory_mib)
{
    return sb->cgroup.dir < 0 ? PH_OK : ph_cgroup_limit(&sb->cgroup, slot, memory_mib);
}

void ph_sandbox_remove(const struct ph_sandbox *sb, uint32_t slot)
{
    ph_cgroup_remove(&sb->cgroup, slot);
}

void ph_sandbox_report_text(const struct ph_sandbox_report *report,
                            char out[static PH_SANDBOX_TEXT_MAX])
{
    size_t at = 0;

    out[0] = '\0';
    for (size_t i = 0; i < PH_LEN(layers); i++)
        at += (size_t)snprintf(out + at, PH_SANDBOX_TEXT_MAX - at, "%s%s=%s", i > 0 ? "," : "",
                               layers[i].name, report->state[i]);
}

bool ph_sandbox_report_full(const struct ph_sandbox_report *report)
{
    for (size_t i = 0; i < PH_LEN(layers); i++) {
        if (strncmp(report->state[i], "ok", 2) != 0)
            return false;
    }
    return true;
}

const char *ph_sandbox_report_layer(const struct ph_sandbox_report *report, const char *name)
{
    for (size_t i = 0; i < PH_LEN(layers); i++) {
        if (strcmp(layers[i].name, name) == 0)
            return report->state[i];
    }
    return NULL;
}
