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

#endif
