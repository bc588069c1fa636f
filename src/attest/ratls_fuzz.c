/* A certificate with evidence: opened and shown; what opens is judged and refused. */
#include "attest/ratls.h"
#include "base/own.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct ph_verdict verdict;
    struct ph_ratls *ratls PH_OWNED(ph_ratls_freep) = NULL;
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
    struct ph_jput j = {.out = &text};
    struct ph_json_why why;

    if (ph_ratls_open((struct ph_bytes){data, len}, &ratls, &why) != PH_OK)
        return 0;
    (void)!ph_ratls_show(ratls, &j, NULL, &why);
    const struct ph_attest_roots roots = ph_attest_roots_production();
    const struct ph_evidence_args args = {
        .roots = &roots, .policy = ph_policy_builtin_hardware(), .now_s = 1750000000};
    if (ph_ratls_verify(ratls, &args, &verdict) == PH_OK)
        abort(); /* without collateral nothing is accepted */
    return 0;
}
