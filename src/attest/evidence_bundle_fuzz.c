/* A whole bundle: parsed, its collateral too, and its quote judged. Whatever comes in, a policy
 * that trusts nobody must not accept it. */

#include "attest/evidence_bundle.h"
#include "attest/intel/verify.h"
#include "base/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct ph_attest_roots nobody;
    struct ph_evidence_bundle *bundle PH_OWNED(ph_evidence_freep) = NULL;
    struct ph_collateral *collateral PH_OWNED(ph_collateral_freep) = NULL;
    struct ph_json_why why;
    struct ph_verdict v;

    if (ph_evidence_parse((struct ph_bytes){data, len}, &bundle, &why) != PH_OK)
        return 0;
    const struct ph_evidence *e = ph_evidence_view(bundle);
    if (ph_collateral_parse(&e->collateral, &collateral, &why) != PH_OK)
        return 0;
    if (ph_quote_verify_report_data_unchecked(e->quote, collateral, &nobody,
                                              ph_policy_builtin_hardware(), e->time_s, &v) == PH_OK)
        __builtin_trap();
    return 0;
}
