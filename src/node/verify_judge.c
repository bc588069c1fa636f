#include "node/verify_judge_priv.h"

#include <stdlib.h>

enum { TOKENS_MAX = 40 * 1024 }; /* a whole event log may lie in the body */

void ph_verify_error(struct ph_verify_answer *out, uint16_t status, const char *code,
                     const char *message)
{
    struct ph_jput put = {.out = &out->body};

    out->status = status;
    out->body.len = 0;
    ph_jput_object(&put, NULL);
    ph_jput_object(&put, "error");
    ph_jput_str(&put, "code", code);
    ph_jput_str(&put, "message", message);
    ph_jput_close(&put);
    ph_jput_close(&put);
    if (ph_jput_end(&put) != PH_OK) { /* what the message quotes is no UTF-8, or no memory */
        out->body.len = 0;
        if (ph_buf_add_str(&out->body,
                           "{\"error\":{\"code\":\"bad-request\",\"message\":\"malformed\"}}") !=
            PH_OK)
            out->status = 500;
    }
}

bool ph_verify_open(struct ph_bytes body, const char *const *allowed,
                    struct ph_verify_request *request, struct ph_verify_answer *out)
{
    struct ph_json_why why = {""};

    out->body = PH_BUF(PH_VERIFY_ANSWER_MAX);
    request->toks = malloc(TOKENS_MAX * sizeof(*request->toks));
    if (!request->toks) {
        ph_verify_error(out, 500, "internal", "out of memory");
        return false;
    }
    if (ph_jread_open(body, PH_VERIFY_BODY_MAX, request->toks, TOKENS_MAX, &request->json, &why) !=
            PH_OK ||
        ph_jread_only_keys(&request->json, 0, "", allowed, &why) != PH_OK) {
        ph_verify_error(out, 400, "bad-request", why.text);
        return false;
    }
    return true;
}
