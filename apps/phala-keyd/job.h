#ifndef PH_PHALA_KEYD_JOB_H
#define PH_PHALA_KEYD_JOB_H

/* One request being answered, for roles.c and state_roles.c. */

#include "owner_check.h"
#include "roles.h"

#include "ipc/messages.h"

struct job {
    struct keyd *keyd;
    const struct ph_ipc_frame *frame;
    int fd; /* that came with it, or -1 */
    struct ph_buf *reply;
    char why[CLUSTER_WHY_LEN]; /* sentence for KEYD_FAIL */
};

/* `err`, and the sentence that says why. */
static inline enum ph_err because(struct job *job, enum ph_err err, const char *why)
{
    return cluster_refuse(job->why, err, why);
}

/* What an owner asked for and signed, and the phat that it is about. */
static inline enum ph_err owner_of(struct job *job, struct ph_bytes raw,
                                   const struct ph_bytes65 *sig, const char *action,
                                   struct ph_owner_request *req, struct ph_phat_id *phat)
{
    return keyd_owner_of(&job->keyd->ring, raw, sig, action, req, phat, job->why);
}

#endif
