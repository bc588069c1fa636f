#include "base/own.h"
#include "sandbox/sandbox_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* One set of empty namespaces, made once: an instance that is forked into them pays nothing. Making
 * a network namespace per instance costs 0.35 ms. */

static bool write_file(const char *path, const char *text)
{
    int fd PH_OWNED(ph_closep) = open(path, O_WRONLY | O_CLOEXEC);
    const size_t len = strlen(text);
    return fd >= 0 && write(fd, text, len) == (ssize_t)len;
}

/* user_namespaces(7): mapping more than one's own id needs CAP_SETUID in the parent namespace, so
 * root maps from a child that stays outside. */
static bool map_ids_from_outside(pid_t target)
{
    char path[64], range[96];

    (void)snprintf(range, sizeof(range), "0 0 1\n%u %u %u\n", PH_SANDBOX_UID_BASE,
                   PH_SANDBOX_UID_BASE, PH_SANDBOX_SLOTS);
    (void)snprintf(path, sizeof(path), "/proc/%d/gid_map", (int)target);
    if (!write_file(path, range))
        return false;
    (void)snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)target);
    return write_file(path, range);
}

static bool map_own_id(uid_t uid, gid_t gid)
{
    char text[64];

    if (!write_file("/proc/self/setgroups", "deny"))
        return false;
    (void)snprintf(text, sizeof(text), "0 %u 1\n", gid);
    if (!write_file("/proc/self/gid_map", text))
        return false;
    (void)snprintf(text, sizeof(text), "0 %u 1\n", uid);
    return write_file("/proc/self/uid_map", text);
}

static bool reap_ok(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return false;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Fork a mapper that waits for a byte. */
static pid_t fork_mapper(int *go)
{
    int ends[2];
    const pid_t target = getpid();

    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    const pid_t pid = fork();
    if (pid == 0) {
        char byte;
        (void)close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 1 && map_ids_from_outside(target) ? 0 : 1);
    }
    (void)close(ends[0]);
    *go = ends[1];
    return pid;
}

bool ph_layer_userns_prepare(struct ph_sandbox *sb, char state[static PH_STATE_MAX])
{
    const uid_t uid = geteuid();
    const gid_t gid = getegid();
    int go PH_OWNED(ph_closep) = -1;
    const pid_t mapper = uid == 0 ? fork_mapper(&go) : -1;

    sb->uid_range = uid == 0;
    if (unshare(CLONE_NEWUSER) != 0) {
        const int err = errno;
        if (mapper > 0) {
            (void)close(PH_TAKE_FD(go));
            (void)reap_ok(mapper);
        }
        errno = err;
        return ph_layer_missing_errno(state, "unshare");
    }
    bool mapped = false;
    if (mapper > 0) {
        mapped = write(go, "", 1) == 1;
        mapped = reap_ok(mapper) && mapped;
        sb->uid_range = mapped;
    }
    if (!mapped && !map_own_id(uid, gid))
        return ph_layer_missing_errno(state, "uid_map");
    return ph_layer_ok(state, NULL);
}

static bool unshare_one(int flag, char state[static PH_STATE_MAX])
{
    if (unshare(flag) != 0)
        return ph_layer_missing_errno(state, "unshare");
    return ph_layer_ok(state, NULL);
}

bool ph_layer_netns_prepare(struct ph_sandbox *sb, char state[static PH_STATE_MAX])
{
    (void)sb;
    return unshare_one(CLONE_NEWNET, state);
}

bool ph_layer_ipcns_prepare(struct ph_sandbox *sb, char state[static PH_STATE_MAX])
{
    (void)sb;
    return unshare_one(CLONE_NEWIPC, state);
}

bool ph_layer_utsns_prepare(struct ph_sandbox *sb, char state[static PH_STATE_MAX])
{
    (void)sb;
    if (!unshare_one(CLONE_NEWUTS, state))
        return false;
    if (sethostname("phat", 4) != 0)
        return ph_layer_missing_errno(state, "sethostname");
    return true;
}

/* The first process of the namespace: waits until the zygote's end of the pipe is gone, whichever
 * way the zygote died (a parent-death signal does not reach the init of a namespace). Its end takes
 * every instance with it. */
_Noreturn static void wait_for_zygote_end(int pipe_read)
{
    char byte;

    (void)prctl(PR_SET_NAME, "phala-pid1");
    if (dup2(pipe_read, 0) != 0)
        _exit(1);
    (void)syscall(SYS_close_range, 1, ~0U, 0);
    while (read(0, &byte, 1) < 0 && errno == EINTR)
        ;
    _exit(0);
}

/* Children are born in the new namespace. The zygote keeps the write end open for its life;
 * instances close it with everything else they inherit. */
bool ph_layer_pidns_prepare(struct ph_sandbox *sb, char state[static PH_STATE_MAX])
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return ph_layer_missing_errno(state, "pipe2");
    const pid_t pid = unshare(CLONE_NEWPID) == 0 ? fork() : -1;
    if (pid == 0)
        wait_for_zygote_end(ends[0]);
    (void)close(ends[0]);
    if (pid < 0) {
        (void)close(ends[1]);
        return ph_layer_missing_errno(state, "a pid namespace");
    }
    sb->pid1 = pid;
    return ph_layer_ok(state, NULL);
}

/* What the engine's start reads, and nothing else, bound read-only into an empty root. */
static const struct bound {
    const char *path;
    bool dir;
} bound[] = {
    {"/proc", true},           {"/dev/urandom", false},       {"/sys/devices/system/cpu", true},
    {"/etc/localtime", false}, {"/usr/share/zoneinfo", true},
};

static bool make_target(const char *root, const struct bound *b)
{
    char path[256];

    for (const char *slash = b->path; (slash = strchr(slash + 1, '/'));) {
        (void)snprintf(path, sizeof(path), "%s%.*s", root, (int)(slash - b->path), b->path);
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            return false;
    }
    (void)snprintf(path, sizeof(path), "%s%s", root, b->path);
    if (b->dir)
        return mkdir(path, 0755) == 0;
    int fd PH_OWNED(ph_closep) = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    return fd >= 0;
}

static bool fill_root(const char *root)
{
    char path[256];

    for (size_t i = 0; i < PH_LEN(bound); i++) {
        if (access(bound[i].path, F_OK) != 0)
            continue; /* this host has no such file: the engine copes, as it does there outside */
        (void)snprintf(path, sizeof(path), "%s%s", root, bound[i].path);
        if (!make_target(root, &bound[i]) ||
            mount(bound[i].path, path, NULL, MS_BIND | MS_REC, NULL) != 0)
            return false;
        /* A mount that an outer namespace locked keeps its flags; landlock denies writing anyway.
         */
        (void)mount(NULL, path, NULL,
                    MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV * bound[i].dir |
                        MS_NOEXEC,
                    NULL);
    }
    return true;
}

bool ph_layer_mountns_prepare(struct ph_sandbox *sb, char state[static PH_STATE_MAX])
{
    static const char root[] = "/tmp"; /* any directory that every host has; covered in here only */

    (void)sb;
    if (unshare(CLONE_NEWNS) != 0)
        return ph_layer_missing_errno(state, "unshare");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return ph_layer_missing_errno(state, "private /");
    if (mount("phat", root, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=64k,mode=0755") != 0)
        return ph_layer_missing_errno(state, "tmpfs");
    if (!fill_root(root))
        return ph_layer_missing_errno(state, "bind");
    /* pivot_root(2): "pivot_root(".", ".")" stacks the old root on the new one, and the umount
     * takes it away. */
    if (chdir(root) != 0 || syscall(SYS_pivot_root, ".", ".") != 0 ||
        umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
        return ph_layer_missing_errno(state, "pivot_root");
    if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
              NULL) != 0)
        return ph_layer_missing_errno(state, "read-only /");
    return ph_layer_ok(state, NULL);
}
