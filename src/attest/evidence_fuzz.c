/* Evidence of any kind: opened, shown, judged. Whatever comes in, a policy that trusts nobody must
 * not accept it. */

#include "attest/evidence.h"
#include "base/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct ph_attest_roots nobody;
    struct ph_evidence_bundle *bundle PH_OWNED(ph_evidence_freep) = NULL;
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(4 << 20);
    struct ph_jput j = {.out = &text};
    struct ph_json_why why;
    static struct ph_verdict v;

    if (ph_evidence_open((struct ph_bytes){data, len}, &bundle, &why) != PH_OK)
        return 0;
    const struct ph_evidence *e = ph_evidence_view(bundle);
    if (ph_evidence_show(e, &j, NULL, &why) == PH_OK && ph_jput_end(&j) != PH_OK)
        __builtin_trap();
    const struct ph_evidence_args args = {.evidence = e,
                                          .roots = &nobody,
                                          .policy = ph_policy_builtin_hardware(),
                                          .report_data_unchecked = true,
                                          .now_s = 1750000000};
    if (ph_evidence_verify(&args, &v) == PH_OK || v.accepted)
        __builtin_trap();
    return 0;
}
