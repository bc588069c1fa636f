#ifndef PH_CLI_PROC_H
#define PH_CLI_PROC_H

/* Child processes: run one to its end and keep what it printed, or start one and hold its id. */

#include "base/bytes.h"

#include <sys/types.h>

/* How a finished child ended. */
struct ph_proc_end {
    int exit_code; /* -1 when a signal ended it */
    int signal;    /* 0 when it exited */
};

/**
 * Run to the end, with /dev/null as input.
 *
 * @argv, @env  ended by NULL; argv[0] is the program's path, no PATH search
 * @cwd         working directory
 * @out, @err   receive what it printed, up to their limits
 * Returns      PH_ERR_IO     it could not be started (errno)
 *              PH_ERR_LIMIT  it printed more than a limit; it was killed
 */
PH_CHECKED enum ph_err ph_proc_run(char *const *argv, char *const *env, const char *cwd,
                                   struct ph_buf *out, struct ph_buf *err, struct ph_proc_end *end);

/**
 * Start and do not wait. Input is /dev/null.
 *
 * @out_fd   where standard output and error go
 * @pass_fd  a descriptor the child gets as number 3, or -1
 * The child has its own process group, so that Ctrl-C reaches only its starter, which then ends it;
 * it gets SIGTERM if its starter dies.
 */
PH_CHECKED enum ph_err ph_proc_start(char *const *argv, int out_fd, int pass_fd, pid_t *out);
/* SIGTERM, up to `grace_ms` to leave, then SIGKILL; reaps it. */
void ph_proc_stop(pid_t pid, int grace_ms);

#endif
