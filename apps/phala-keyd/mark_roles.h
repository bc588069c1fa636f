#ifndef PH_PHALA_KEYD_MARK_ROLES_H
#define PH_PHALA_KEYD_MARK_ROLES_H

/* How what storage is held against (marks.h) goes to other workers of the cluster, comes from them,
 * and is kept on this worker's disk, by phalad. docs/keys.md.
 *
 *   request = ask 32, random || nonce 12 || tag 16 of AES-256-GCM over nothing, aad
 *             "phala-marks-ask-v1"
 *
 * The pages of the answer are sealed with the same key, ph_keys_marks of identity and ask: only a
 * worker with the cluster's keys can make them, and only after it was asked.
 *
 * Tests: mark_roles_test.c, tests/integration/marks.test.mjs.
 */

#include "job.h"

enum { MARKS_REQUEST_LEN = PH_MARKS_REQUEST_LEN };

bool mark_role_has(uint16_t type);
/* As keyd_answer, for the types it has: the answer in job->reply, or an error and job->why. */
PH_CHECKED enum ph_err mark_role(struct job *job);

#endif
