#ifndef PH_SANDBOX_SANDBOX_PRIV_H
#define PH_SANDBOX_SANDBOX_PRIV_H

/* Inside of src/sandbox: the layers' functions, called from the table in sandbox.c. */

#include "sandbox/cgroup.h"
#include "sandbox/sandbox.h"

#include <linux/filter.h>

enum { PH_SANDBOX_BPF_MAX = 512 };

struct ph_sandbox {
    struct ph_sandbox_report report; /* of the zygote */
    struct ph_cgroup cgroup;
    int null_fd;    /* /dev/null */
    int ruleset_fd; /* landlock */
    int abi;        /* landlock's */
    int32_t pid1;   /* keeps the pid namespace alive, or 0 */
    bool uid_range; /* PH_SANDBOX_UID_BASE… can be used here */
    struct sock_filter bpf[PH_SANDBOX_BPF_MAX];
    uint16_t bpf_len; /* instructions */
};

/* A layer writes its state (see struct ph_sandbox_report) and says whether it is in force. */
enum { PH_STATE_MAX = PH_SANDBOX_STATE_MAX };
bool ph_layer_ok(char state[static PH_STATE_MAX], const char *detail);
bool ph_layer_missing(char state[static PH_STATE_MAX], const char *reason);
/* missing:what: strerror(errno) */
bool ph_layer_missing_errno(char state[static PH_STATE_MAX], const char *what);

bool ph_layer_userns_prepare(struct ph_sandbox *sb, char state[static PH_STATE_MAX]);
bool ph_layer_netns_prepare(struct ph_sandbox *sb, char state[static PH_STATE_MAX]);
bool ph_layer_ipcns_prepare(struct ph_sandbox *sb, char state[static PH_STATE_MAX]);
bool ph_layer_utsns_prepare(struct ph_sandbox *sb, char state[static PH_STATE_MAX]);
bool ph_layer_pidns_prepare(struct ph_sandbox *sb, char state[static PH_STATE_MAX]);
bool ph_layer_mountns_prepare(struct ph_sandbox *sb, char state[static PH_STATE_MAX]);

bool ph_layer_landlock_prepare(struct ph_sandbox *sb, char state[static PH_STATE_MAX]);
bool ph_layer_landlock_enter(const struct ph_sandbox *sb, const struct ph_sandbox_child *child,
                             char state[static PH_STATE_MAX]);

bool ph_layer_seccomp_prepare(struct ph_sandbox *sb, char state[static PH_STATE_MAX]);
bool ph_layer_seccomp_enter(const struct ph_sandbox *sb, const struct ph_sandbox_child *child,
                            char state[static PH_STATE_MAX]);

#endif
