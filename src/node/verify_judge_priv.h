#ifndef PH_NODE_VERIFY_JUDGE_PRIV_H
#define PH_NODE_VERIFY_JUDGE_PRIV_H

/* Shared by the two verifiers. */

#include "attest/verdict_json.h"
#include "codec/jread.h"
#include "node/verify_judge.h"

enum { PH_VERIFY_ANSWER_MAX = 256 * 1024 };

/* A request body, scanned; the caller frees toks. */
struct ph_verify_request {
    struct ph_jdoc json;
    struct ph_jtok *toks;
};

/* {"error":{"code","message"}} */
void ph_verify_error(struct ph_verify_answer *out, uint16_t status, const char *code,
                     const char *message);
/* False: answered with an error. `allowed` ends in NULL. */
PH_CHECKED bool ph_verify_open(struct ph_bytes body, const char *const *allowed,
                               struct ph_verify_request *request, struct ph_verify_answer *out);
/* An event log given as an array, as its JSON text, or (where CCELs are read) as base64. Absent and
 * null leave *log empty. Views point into the request or `keep`. */
PH_CHECKED enum ph_err ph_verify_event_log(const struct ph_jdoc *json, const char *key,
                                           struct ph_buf *keep, struct ph_bytes *log);

#endif
