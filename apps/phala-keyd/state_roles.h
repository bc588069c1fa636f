#ifndef PH_PHALA_KEYD_STATE_ROLES_H
#define PH_PHALA_KEYD_STATE_ROLES_H

/* What phala-keyd does for the states of phats: it judges the newest commit that storage shows,
 * keeps which one it was, hands the state's keys to the phat's process, and wipes. docs/state.md.
 */

#include "job.h"

bool state_role_has(uint16_t type);
/* As keyd_answer, for the types it has: the answer in job->reply, or an error and job->why. */
PH_CHECKED enum ph_err state_role(struct job *job);

#endif
