#include "base/own.h"
#include "sandbox/sandbox_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* Rights by ABI version, from Linux include/uapi/linux/landlock.h; Debian 12's header stops at ABI
 * 2 and kernels go on. ABI 3: truncate; 4: TCP; 5: ioctl on devices; 6: scopes. */
enum { ABI_MAX = 6 };
static const uint64_t fs_rights[ABI_MAX + 1] = {
    [1] = (1ULL << 13) - 1, [2] = (1ULL << 14) - 1, [3] = (1ULL << 15) - 1,
    [4] = (1ULL << 15) - 1, [5] = (1ULL << 16) - 1, [6] = (1ULL << 16) - 1,
};
static const uint64_t NET_BIND_AND_CONNECT = 3, SCOPE_ABSTRACT_SOCKET_AND_SIGNAL = 3;

/* landlock_ruleset_attr, in the layout of ABI 6. */
struct ruleset_attr {
    uint64_t fs, net, scoped;
};

static size_t attr_len(int abi)
{
    return abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
}

/* What the engine reads while it starts; seccomp takes open away before the phat. */
static const char *const readable[] = {"/proc", "/dev/urandom", "/sys/devices/system/cpu"};

static bool allow_reading(int ruleset, const char *path)
{
    int fd PH_OWNED(ph_closep) = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT;
    struct stat st;
    if (fstat(fd, &st) != 0)
        return false;
    const struct landlock_path_beneath_attr rule = {
        .allowed_access =
            LANDLOCK_ACCESS_FS_READ_FILE | (S_ISDIR(st.st_mode) ? LANDLOCK_ACCESS_FS_READ_DIR : 0),
        .parent_fd = fd,
    };
    return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

bool ph_layer_landlock_prepare(struct ph_sandbox *sb, char state[static PH_STATE_MAX])
{
    const long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    if (abi < 1)
        return ph_layer_missing_errno(state, "kernel");
    const int known = abi > ABI_MAX ? ABI_MAX : (int)abi;
    const struct ruleset_attr attr = {
        .fs = fs_rights[known],
        .net = known >= 4 ? NET_BIND_AND_CONNECT : 0,
        .scoped = known >= 6 ? SCOPE_ABSTRACT_SOCKET_AND_SIGNAL : 0,
    };
    int fd PH_OWNED(ph_closep) =
        (int)syscall(SYS_landlock_create_ruleset, &attr, attr_len(known), 0);
    if (fd < 0)
        return ph_layer_missing_errno(state, "ruleset");
    for (size_t i = 0; i < PH_LEN(readable); i++) {
        if (!allow_reading(fd, readable[i]))
            return ph_layer_missing_errno(state, readable[i]);
    }
    sb->ruleset_fd = PH_TAKE_FD(fd);
    sb->abi = (int)abi;
    return ph_layer_ok(state, NULL);
}

bool ph_layer_landlock_enter(const struct ph_sandbox *sb, const struct ph_sandbox_child *child,
                             char state[static PH_STATE_MAX])
{
    char detail[24];

    (void)child;
    if (sb->ruleset_fd < 0)
        return false; /* the state says why since prepare */
    if (syscall(SYS_landlock_restrict_self, sb->ruleset_fd, 0) != 0)
        return ph_layer_missing_errno(state, "restrict_self");
    (void)snprintf(detail, sizeof(detail), "abi %d", sb->abi);
    return ph_layer_ok(state, detail);
}
