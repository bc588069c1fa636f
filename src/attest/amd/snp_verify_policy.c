/* What the relying party requires of a genuine report. */

#include "attest/amd/snp_verify_priv.h"

static bool guest_matches(const struct ph_policy_snp_guest *want, const struct ph_snp_report *r)
{
    return memcmp(want->measurement, r->measurement, 48) == 0 &&
           (!want->has_host_data || memcmp(want->host_data, r->host_data, 32) == 0) &&
           (!want->has_id_key_digest || memcmp(want->id_key_digest, r->id_key_digest, 48) == 0) &&
           (!want->has_author_key_digest ||
            memcmp(want->author_key_digest, r->author_key_digest, 48) == 0);
}

static bool is_measured(const struct ph_snp_judgement *j)
{
    const struct ph_policy *p = j->args->policy;

    if (p->any_measurement)
        return true;
    for (size_t i = 0; i < p->snp.guest_cnt; i++) {
        if (guest_matches(&p->snp.guest[i], &j->evidence.report))
            return true;
    }
    return false;
}

/* Launch counts too: what older firmware let out of the guest is out. */
static bool reaches_min_tcb(const struct ph_snp_judgement *j)
{
    const struct ph_policy_snp *p = &j->args->policy->snp;
    const enum ph_snp_product product = j->chain->ext.product;

    return !p->has_min_tcb || (p->min_tcb[product].present &&
                               ph_snp_tcb_reaches(&j->reported, &p->min_tcb[product].tcb) &&
                               ph_snp_tcb_reaches(&j->launch, &p->min_tcb[product].tcb));
}

static bool is_committed(const struct ph_snp_judgement *j)
{
    return ph_snp_tcb_reaches(&j->committed, &j->current) &&
           ph_snp_firmware_reaches(&j->committed_firmware, &j->current_firmware);
}

static bool is_known_chip(const struct ph_snp_judgement *j)
{
    const struct ph_policy_snp *p = &j->args->policy->snp;

    for (size_t i = 0; i < p->chip_id_cnt; i++) {
        if (memcmp(p->chip_ids[i], j->evidence.report.chip_id, 64) == 0)
            return true;
    }
    return p->chip_id_cnt == 0;
}

static void judge_platform(struct ph_snp_judgement *j)
{
    const struct ph_policy_snp *p = &j->args->policy->snp;
    const struct ph_bytes info = PH_SNP_FIELD(j, platform_info);
    const struct ph_snp_firmware least = {.major = p->min_abi_major, .minor = p->min_abi_minor};

    (void)ph_snp_judge(j, PH_CHECK_POLICY_SNP_MIN_TCB, reaches_min_tcb(j),
                       PH_SNP_FIELD(j, reported_tcb));
    (void)ph_snp_judge(j, PH_CHECK_POLICY_SNP_PROVISIONAL, is_committed(j) || p->allow_provisional,
                       PH_SNP_FIELD(j, committed_tcb));
    (void)ph_snp_judge(j, PH_CHECK_POLICY_SNP_ABI,
                       ph_snp_firmware_reaches(&j->committed_firmware, &least),
                       PH_SNP_FIELD(j, committed_minor));
    (void)ph_snp_judge(j, PH_CHECK_POLICY_SNP_VLEK, !j->chain->is_vlek || !p->deny_vlek,
                       PH_SNP_FIELD(j, flags));
    (void)ph_snp_judge(j, PH_CHECK_POLICY_SNP_SMT,
                       (j->platform_info & PH_SNP_PLATFORM_SMT) == 0 || !p->require_smt_off, info);
    (void)ph_snp_judge(j, PH_CHECK_POLICY_SNP_CIPHERTEXT,
                       (j->platform_info & PH_SNP_PLATFORM_CIPHERTEXT_HIDING) != 0 ||
                           !p->require_ciphertext_hiding,
                       info);
    (void)ph_snp_judge(j, PH_CHECK_POLICY_SNP_CHIP, is_known_chip(j), PH_SNP_FIELD(j, chip_id));
}

void ph_snp_judge_policy(struct ph_snp_judgement *j)
{
    const struct ph_policy *p = j->args->policy;
    const struct ph_bytes policy = PH_SNP_FIELD(j, policy);

    ph_judge_tcb_policy(&j->judge, p);
    (void)ph_snp_judge(j, PH_CHECK_POLICY_DEBUG,
                       (j->policy & PH_SNP_POLICY_DEBUG) == 0 || p->allow_debug_insecure, policy);
    judge_platform(j);
    (void)ph_snp_judge(j, PH_CHECK_POLICY_SNP_SVN, j->guest_svn >= p->snp.min_guest_svn,
                       PH_SNP_FIELD(j, guest_svn));
    (void)ph_snp_judge(j, PH_CHECK_POLICY_SNP_VMPL, j->vmpl <= p->snp.max_vmpl,
                       PH_SNP_FIELD(j, vmpl));
    (void)ph_snp_judge(j, PH_CHECK_POLICY_SNP_MIGRATE,
                       (j->policy & PH_SNP_POLICY_MIGRATE_MA) == 0 || p->snp.allow_migrate_ma,
                       policy);
    (void)ph_snp_judge(j, PH_CHECK_POLICY_MEASUREMENT, is_measured(j),
                       PH_SNP_FIELD(j, measurement));
}
