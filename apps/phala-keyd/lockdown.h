#ifndef PH_PHALA_KEYD_LOCKDOWN_H
#define PH_PHALA_KEYD_LOCKDOWN_H

/* What phala-keyd gives up, in two steps around reading its state. */

#include "base/err.h"

enum { LOCKDOWN_WHY_LEN = 128 };

/* Before any key is in memory: no core dumps, no ptrace, no swap. */
PH_CHECKED enum ph_err lockdown_memory(char why[static LOCKDOWN_WHY_LEN]);
/* After the state was read, before the first request: everything else. The process keeps the
 * channel `channel_fd` and standard error. A layer that the kernel does not have is reported in
 * `missing` (a static string, NULL if none); seccomp must hold. */
PH_CHECKED enum ph_err lockdown_rest(int channel_fd, const char **missing,
                                     char why[static LOCKDOWN_WHY_LEN]);

#endif
