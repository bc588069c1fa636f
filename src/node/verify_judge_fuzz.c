/* Requests to verify: whatever comes in is answered, and proves nothing to who trusts nobody. The
 * first byte says which verifier. */

#include "node/verify_judge.h"

static enum ph_err find(void *ctx, const struct ph_collateral_key *key, struct ph_collateral **out,
                        struct ph_json_why *why)
{
    (void)ctx;
    (void)key;
    (void)out;
    (void)why;
    return PH_ERR_NOT_FOUND;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct ph_attest_roots nobody;
    const struct ph_verify_env env = {.now_s = 1750000000, .roots = &nobody, .find = find};
    struct ph_verify_answer answer;
    static const char yes[] = "\"quote_verified\":true";

    if (len == 0)
        return 0;
    const struct ph_bytes body = {data + 1, len - 1};
    if (data[0] == 'd')
        ph_verify_dstack(&env, body, &answer);
    else
        ph_verify_evidence(&env, body, &answer);
    if ((answer.status != 200 && answer.status != 400 && answer.status != 500) ||
        answer.body.len == 0 || memmem(answer.body.ptr, answer.body.len, yes, sizeof(yes) - 1))
        __builtin_trap();
    ph_buf_clear(&answer.body);
    return 0;
}
