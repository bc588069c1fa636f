/* What the relying party requires of genuine evidence. */

#include "attest/intel/verify_priv.h"

static uint64_t u64le(const uint8_t b[static 8])
{
    uint64_t v = 0;
    for (size_t i = 0; i < 8; i++)
        v |= (uint64_t)b[i] << 8 * i;
    return v;
}

static bool field_matches(const struct ph_policy_tdx *want, enum ph_tdx_field field,
                          const uint8_t *a, const uint8_t *b)
{
    return (want->fields & (uint32_t)field) == 0 || memcmp(a, b, 48) == 0;
}

static bool tdx_matches(const struct ph_policy_tdx *want, const struct ph_tdx_body *td)
{
    return want->fields != 0 && field_matches(want, PH_TDX_FIELD_MRTD, want->mrtd, td->mr_td) &&
           field_matches(want, PH_TDX_FIELD_RTMR0, want->rtmr[0], td->rtmr0) &&
           field_matches(want, PH_TDX_FIELD_RTMR1, want->rtmr[1], td->rtmr1) &&
           field_matches(want, PH_TDX_FIELD_RTMR2, want->rtmr[2], td->rtmr2) &&
           field_matches(want, PH_TDX_FIELD_RTMR3, want->rtmr[3], td->rtmr3) &&
           field_matches(want, PH_TDX_FIELD_MRCONFIGID, want->mrconfigid, td->mr_config_id) &&
           field_matches(want, PH_TDX_FIELD_MRSEAM, want->mrseam, td->mr_seam);
}

static bool sgx_matches(const struct ph_policy_sgx *want, const struct ph_sgx_body *enclave)
{
    const uint16_t product = (uint16_t)(enclave->isvprodid[0] | enclave->isvprodid[1] << 8);
    const uint16_t svn = (uint16_t)(enclave->isvsvn[0] | enclave->isvsvn[1] << 8);

    if (!want->has_mrenclave && !want->has_mrsigner)
        return false;
    if (want->has_mrenclave && memcmp(want->mrenclave, enclave->mrenclave, 32) != 0)
        return false;
    return !want->has_mrsigner || (memcmp(want->mrsigner, enclave->mrsigner, 32) == 0 &&
                                   want->isvprodid == product && svn >= want->min_isvsvn);
}

static bool is_measured(const struct ph_judgement *j)
{
    const struct ph_policy *p = j->args->policy;

    if (p->any_measurement)
        return true;
    if (j->quote.tee == PH_TEE_TDX) {
        for (size_t i = 0; i < p->tdx_cnt; i++) {
            if (tdx_matches(&p->tdx[i], &j->td))
                return true;
        }
    } else {
        for (size_t i = 0; i < p->sgx_cnt; i++) {
            if (sgx_matches(&p->sgx[i], &j->enclave))
                return true;
        }
    }
    return false;
}

static bool is_known_instance(const struct ph_policy *p, const struct ph_sgx_ext *pck)
{
    if (p->instance_cnt == 0)
        return true;
    for (size_t i = 0; pck->has_platform_instance && i < p->instance_cnt; i++) {
        if (memcmp(p->instances[i], pck->platform_instance, 16) == 0)
            return true;
    }
    return false;
}

static void judge_td(struct ph_judgement *j)
{
    static const uint8_t none[48];
    const struct ph_policy *p = j->args->policy;
    const uint64_t attributes = u64le(j->td.td_attributes);
    const struct ph_bytes seen = PH_JUDGE_FIELD(j, ph_tdx_body, td_attributes);

    (void)ph_judge(j, PH_CHECK_POLICY_DEBUG,
                   (attributes & PH_TD_ATTR_DEBUG) == 0 || p->allow_debug_insecure, seen);
    (void)ph_judge(j, PH_CHECK_POLICY_SEPT_VE,
                   (attributes & PH_TD_ATTR_SEPT_VE_DISABLE) != 0 || p->allow_sept_ve, seen);
    (void)ph_judge(j, PH_CHECK_POLICY_MIGRATABLE,
                   (attributes & PH_TD_ATTR_MIGRATABLE) == 0 || p->allow_migratable, seen);
    if (ph_intel_quote_has_tdx15(&j->quote))
        (void)ph_judge(j, PH_CHECK_POLICY_SERVICE_TD,
                       memcmp(j->td15.mr_service_td, none, 48) == 0 || p->allow_service_td,
                       j->quote.body);
}

void ph_judge_policy(struct ph_judgement *j)
{
    const struct ph_policy *p = j->args->policy;

    ph_judge_tcb_policy(&j->judge, p);
    (void)ph_judge(j, PH_CHECK_POLICY_EVALUATION,
                   j->verdict->evaluation_number >= p->min_evaluation_number, (struct ph_bytes){0});
    if (j->quote.tee == PH_TEE_TDX)
        judge_td(j);
    else
        (void)ph_judge(j, PH_CHECK_POLICY_DEBUG,
                       (j->enclave.attributes[0] & PH_SGX_ATTR_DEBUG) == 0 ||
                           p->allow_debug_insecure,
                       PH_JUDGE_FIELD(j, ph_sgx_body, attributes));
    (void)ph_judge(j, PH_CHECK_POLICY_INSTANCE, is_known_instance(p, &j->chain->sgx), j->pck_pem);
    (void)ph_judge(j, PH_CHECK_POLICY_MEASUREMENT, is_measured(j), j->quote.body);
}
