#ifndef PH_SANDBOX_SANDBOX_H
#define PH_SANDBOX_SANDBOX_H

/* What a process gives up before it runs code of a phat: one ordered table in sandbox.c.
 *
 * Three moments. The zygote prepares once what all instances share (namespaces, landlock ruleset,
 * seccomp program). Each forked instance then enters in two steps, because a JavaScript engine
 * needs a few files, executable memory and threads while it starts, and nothing of that later:
 *
 *   ph_sandbox_prepare          zygote, single thread, before any fork
 *   ph_sandbox_enter_before_vm  child, single thread
 *   (the VM starts)
 *   ph_sandbox_enter_after_vm   child, all its threads; before the first byte of the phat
 *
 * A layer that the host does not give is reported as missing, with the reason; a layer that cannot
 * be missing (no_new_privs, capabilities, limits, descriptors, seccomp) fails the call instead.
 *
 * Layer: sandbox. Documented in docs/sandbox.md. Tests: sandbox_test.c, cgroup_test.c.
 */

#include "base/bytes.h"

enum {
    PH_SANDBOX_LAYER_MAX = 16, /* rows of the table */
    PH_SANDBOX_STATE_MAX = 96, /* characters of one row's state, with NUL */
    PH_SANDBOX_TEXT_MAX = PH_SANDBOX_LAYER_MAX * (PH_SANDBOX_STATE_MAX + 16),
    PH_SANDBOX_FDS_MAX = 4,
    PH_SANDBOX_UID_BASE = 200000, /* instance n runs as uid and gid 200000 + n */
    PH_SANDBOX_SLOTS = 65536,
};

/* State of each layer: "ok", "ok(detail)" or "missing:reason"; no commas inside. */
struct ph_sandbox_report {
    char state[PH_SANDBOX_LAYER_MAX][PH_SANDBOX_STATE_MAX];
};

/* What all instances of a zygote share. */
struct ph_sandbox;

/**
 * Change this process into one that can spawn sandboxed children, and precompute what they need.
 *
 * Afterwards it lives in empty namespaces as far as the host gives them: it sees no network and a
 * root directory with only what the engine's start reads.
 *
 * @out  owned by the caller, for the life of the process; there is no way back
 * @why  on failure a sentence
 *
 * Returns PH_ERR_IO     a layer that cannot be missing failed
 *         PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_sandbox_prepare(struct ph_sandbox **out, char why[static 256]);

/* One instance. */
struct ph_sandbox_child {
    uint32_t slot;               /* below PH_SANDBOX_SLOTS, unique among living instances */
    uint32_t memory_mib;         /* memory.max of its cgroup */
    int fds[PH_SANDBOX_FDS_MAX]; /* become 3, 4, …; every other descriptor is closed */
    size_t fd_cnt;
};

/**
 * The two steps of a child. Neither can be undone. On failure the child must _exit.
 *
 * @report  enter_before_vm fills it; enter_after_vm completes it
 * Returns PH_ERR_IO  a layer that cannot be missing failed; the report says which: "failed:reason"
 */
PH_CHECKED enum ph_err ph_sandbox_enter_before_vm(const struct ph_sandbox *sb,
                                                  const struct ph_sandbox_child *child,
                                                  struct ph_sandbox_report *report);
PH_CHECKED enum ph_err ph_sandbox_enter_after_vm(const struct ph_sandbox *sb,
                                                 const struct ph_sandbox_child *child,
                                                 struct ph_sandbox_report *report);

/* Fork a child that enters and reports, so that the zygote can say what this host gives before the
 * first phat. PH_ERR_IO: a layer that cannot be missing failed; the report says which. */
PH_CHECKED enum ph_err ph_sandbox_trial(const struct ph_sandbox *sb,
                                        struct ph_sandbox_report *report);

/* Set memory.max of a living child's cgroup, for a child that entered before it was known for which
 * phat. PH_OK on a host without cgroup; PH_ERR_IO. */
PH_CHECKED enum ph_err ph_sandbox_limit_memory(const struct ph_sandbox *sb, uint32_t slot,
                                               uint32_t memory_mib);

/* Remove what an exited child leaves behind: its cgroup. */
void ph_sandbox_remove(const struct ph_sandbox *sb, uint32_t slot);

/* "no_new_privs=ok,userns=ok,…", in table order, NUL-terminated. */
void ph_sandbox_report_text(const struct ph_sandbox_report *report,
                            char out[static PH_SANDBOX_TEXT_MAX]);
/* Nothing is missing. */
bool ph_sandbox_report_full(const struct ph_sandbox_report *report);
/* State of one layer by name, or NULL. */
const char *ph_sandbox_report_layer(const struct ph_sandbox_report *report, const char *name);

#endif
