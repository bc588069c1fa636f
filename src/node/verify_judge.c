#include "node/verify_judge_priv.h"

#include "codec/base64.h"

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

static bool starts_like_json(struct ph_bytes text)
{
    size_t i = 0;

    while (i < text.len && (text.ptr[i] == ' ' || text.ptr[i] == '\n' || text.ptr[i] == '\r' ||
                            text.ptr[i] == '\t'))
        i++;
    return i < text.len && text.ptr[i] == '[';
}

enum ph_err ph_verify_event_log(const struct ph_jdoc *json, const char *key, struct ph_buf *keep,
                                struct ph_bytes *log)
{
    const uint32_t t = ph_jscan_get(json, 0, key);
    struct ph_bytes text;

    *log = (struct ph_bytes){NULL, 0};
    if (t == 0 || json->toks[t].type == PH_JNULL)
        return PH_OK;
    if (json->toks[t].type == PH_JARRAY) {
        *log = ph_jscan_raw(json, t);
        return PH_OK;
    }
    if (ph_jscan_str(json, t, &text) == PH_OK && !starts_like_json(text)) {
        PH_TRY(ph_base64_decode(text, keep));
    } else {
        PH_TRY(ph_jread_unescape(json, t, keep));
    }
    if (keep->len == 0)
        return PH_ERR_MALFORMED;
    *log = ph_buf_view(keep);
    return PH_OK;
}
