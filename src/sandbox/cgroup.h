#ifndef PH_SANDBOX_CGROUP_H
#define PH_SANDBOX_CGROUP_H

/* One cgroup (version 2) per instance: the kernel's own bound on memory and tasks.
 *
 * Layer: sandbox. Spec: Linux Documentation/admin-guide/cgroup-v2.rst. Tests: cgroup_test.c.
 */

#include "base/bytes.h"

/* The cgroup under which instances get theirs. dir -1: none on this host. */
struct ph_cgroup {
    int dir; /* owned */
};

/**
 * Take over the cgroup in directory `dir`: delegate the memory and pids controllers to its
 * children.
 *
 * Controllers can only be delegated by a cgroup without processes of its own, so those found are
 * moved to a child `phala-main` first; that is what a service with Delegate=yes is expected to do.
 *
 * @dir   borrowed: the own cgroup in a cgroup2 file system
 * @out   owned: close out->dir
 * @why   on failure a short reason without commas
 *
 * Returns PH_ERR_UNSUPPORTED  no memory or pids controller, or not ours to delegate
 */
PH_CHECKED enum ph_err ph_cgroup_delegate(int dir, struct ph_cgroup *out, char why[static 64]);

/* Find this process's own cgroup and delegate it. Errors as above. */
PH_CHECKED enum ph_err ph_cgroup_open(struct ph_cgroup *out, char why[static 64]);

/* Make the instance's cgroup and move the calling process into it. memory.oom.group kills the whole
 * instance when the limit is hit, and swap is off: a phat's memory is `memory_mib`. PH_ERR_IO. */
PH_CHECKED enum ph_err ph_cgroup_join(const struct ph_cgroup *cgroup, uint32_t slot,
                                      uint32_t memory_mib);

/* Set memory.max of an instance that has joined. PH_ERR_IO. */
PH_CHECKED enum ph_err ph_cgroup_limit(const struct ph_cgroup *cgroup, uint32_t slot,
                                       uint32_t memory_mib);

/* Remove the cgroup of an instance whose processes are gone. */
void ph_cgroup_remove(const struct ph_cgroup *cgroup, uint32_t slot);

#endif
