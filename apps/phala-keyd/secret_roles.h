#ifndef PH_PHALA_KEYD_SECRET_ROLES_H
#define PH_PHALA_KEYD_SECRET_ROLES_H

/* What phala-keyd does for the secrets of phats: it seals what owners send, gives it to the
 * instances of bundles that they signed, and keeps which set of each phat is the newest. The keys
 * of encrypted code go the same way. docs/keys.md. */

#include "job.h"

bool secret_role_has(uint16_t type);
/* As keyd_answer, for the types it has: the answer in job->reply, or an error and job->why. */
PH_CHECKED enum ph_err secret_role(struct job *job);

#endif
