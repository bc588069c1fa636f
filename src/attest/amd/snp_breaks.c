/* One way to break each check that applies to SEV-SNP, so that it alone refuses. */

#include "attest/amd/snp_world.h"

static bool break_format(struct snp_world *w, enum ph_check check)
{
    struct ph_snp_report *r = &w->s.report;

    switch ((int)check) {
    case PH_CHECK_SNP_LENGTH:
        w->cut = PH_SNP_REPORT_LEN - 1;
        return true;
    case PH_CHECK_SNP_VERSION:
        r->version[0] = 6;
        return true;
    case PH_CHECK_SNP_ALGORITHM:
        r->signature_algo[0] = 2;
        return true;
    case PH_CHECK_SNP_SIGNING_KEY:
        r->flags[0] = PH_SNP_KEY_NONE << PH_SNP_FLAG_KEY_SHIFT;
        return true;
    case PH_CHECK_SNP_RESERVED:
        r->reserved_208[0] = 1;
        return true;
    case PH_CHECK_SNP_CERT_TABLE:
        w->padding = 30;
        return true;
    default:
        return false;
    }
}

static bool break_chain(struct snp_world *w, enum ph_check check)
{
    static const struct {
        enum ph_check check;
        uint32_t fault; /* enum ph_synth_snp_fault */
    } faults[] = {
        {PH_CHECK_SNP_ARK_PROFILE, PH_SYNTH_SNP_BAD_ARK_USAGE},
        {PH_CHECK_SNP_ASK_PROFILE, PH_SYNTH_SNP_BAD_ASK_PATHLEN},
        {PH_CHECK_SNP_VEK_PROFILE, PH_SYNTH_SNP_VEK_IS_CA},
        {PH_CHECK_SNP_CHAIN_LINKS, PH_SYNTH_SNP_BAD_ASK_AKI},
        {PH_CHECK_SNP_ARK_SIGNATURE, PH_SYNTH_SNP_BAD_ARK_SIG},
        {PH_CHECK_SNP_ASK_SIGNATURE, PH_SYNTH_SNP_BAD_ASK_SIG},
        {PH_CHECK_SNP_VEK_SIGNATURE, PH_SYNTH_SNP_BAD_VEK_SIG},
        {PH_CHECK_SNP_CRL_ISSUER, PH_SYNTH_SNP_BAD_CRL_ISSUER},
        {PH_CHECK_SNP_CRL_SIGNATURE, PH_SYNTH_SNP_BAD_CRL_SIG},
    };
    for (size_t i = 0; i < PH_LEN(faults); i++) {
        if (faults[i].check == check) {
            w->s.faults = faults[i].fault;
            return true;
        }
    }
    switch ((int)check) {
    case PH_CHECK_SNP_VEK_PRESENT:
        w->drop_vek = true;
        return true;
    case PH_CHECK_SNP_VEK_FORMAT:
        w->bad_vek = true;
        return true;
    case PH_CHECK_SNP_CHAIN_NOT_BEFORE:
        w->s.vek_not_before_s = w->now_s + 1;
        return true;
    case PH_CHECK_SNP_CHAIN_NOT_AFTER:
        w->s.vek_not_after_s = w->now_s;
        return true;
    case PH_CHECK_SNP_ROOT:
        w->trust_root = false;
        return true;
    default:
        return false;
    }
}

static bool break_crl(struct snp_world *w, enum ph_check check)
{
    switch ((int)check) {
    case PH_CHECK_SNP_CRL_PRESENT:
        w->drop_crl = true;
        w->policy.snp.require_crl = true;
        return true;
    case PH_CHECK_SNP_CRL_FORMAT:
        w->bad_crl = true;
        return true;
    case PH_CHECK_SNP_CRL_ISSUED:
        w->s.crl_this_s = w->now_s + 1;
        return true;
    case PH_CHECK_SNP_CRL_FRESH:
        w->s.crl_next_s = w->now_s;
        return true;
    case PH_CHECK_SNP_ASK_REVOKED:
        w->s.revoked[0] = w->s.ask_serial;
        return true;
    case PH_CHECK_SNP_VEK_REVOKED:
        w->s.revoked[0] = w->s.vek_serial;
        return true;
    default:
        return false;
    }
}

static bool break_fields(struct snp_world *w, enum ph_check check)
{
    struct ph_snp_report *r = &w->s.report;

    switch ((int)check) {
    case PH_CHECK_SNP_KEY_KIND:
        r->flags[0] = PH_SNP_KEY_VLEK << PH_SNP_FLAG_KEY_SHIFT;
        return true;
    case PH_CHECK_SNP_SIGNATURE_FORM:
        w->patch[w->patch_cnt++].at = offsetof(struct ph_snp_report, signature_s) + 71;
        w->patch[0].flip = 1;
        return true;
    case PH_CHECK_SNP_SIGNATURE:
        w->patch[w->patch_cnt++].at = offsetof(struct ph_snp_report, signature_r);
        w->patch[0].flip = 1;
        return true;
    case PH_CHECK_SNP_PRODUCT:
        r->cpuid_model[0] = 0x11;
        return true;
    case PH_CHECK_SNP_CHIP_ID:
        r->chip_id[63] ^= 1;
        return true;
    case PH_CHECK_SNP_CHIP_MASK:
        r->flags[0] |= PH_SNP_FLAG_MASK_CHIP_KEY;
        return true;
    case PH_CHECK_SNP_AUTHOR_KEY:
        r->flags[0] |= PH_SNP_FLAG_AUTHOR_KEY;
        return true;
    case PH_CHECK_SNP_VMPL:
        r->vmpl[0] = 4;
        w->policy.snp.max_vmpl = UINT32_MAX;
        return true;
    case PH_CHECK_SNP_POLICY_BITS:
        r->policy[3] = 1 << 2; /* bit 26 */
        return true;
    case PH_CHECK_SNP_PLATFORM_BITS:
        r->platform_info[1] = 1;
        return true;
    case PH_CHECK_SNP_ABI:
        r->policy[0] = 56;
        r->policy[1] = 1;
        return true;
    case PH_CHECK_SNP_POLICY_KEPT:
        r->policy[2] |= 1 << 7; /* RAPL_DIS */
        return true;
    case PH_CHECK_SNP_HOST_DATA:
        w->mr_config = "{}"; /* not what HOST_DATA names */
        return true;
    case PH_CHECK_SNP_FIRMWARE:
        r->committed_build[0]++;
        return true;
    default:
        return false;
    }
}

static bool break_tcb(struct snp_world *w, enum ph_check check)
{
    struct ph_snp_report *r = &w->s.report;

    switch ((int)check) {
    case PH_CHECK_SNP_VEK_EXTENSION:
        /* Structure version 1 is Turin's; what else it says stays readable. */
        w->s.faults = PH_SYNTH_SNP_BAD_STRUCT;
        return true;
    case PH_CHECK_SNP_TCB_FORM:
        r->launch_tcb[3] = 1;
        return true;
    case PH_CHECK_SNP_TCB_CERTIFIED:
        w->s.tcb.microcode--;
        return true;
    case PH_CHECK_SNP_TCB_ORDER:
        r->committed_tcb[7]--;
        w->policy.snp.allow_provisional = true;
        return true;
    case PH_CHECK_SNP_TCB_LAUNCH:
        r->launch_tcb[7]++;
        return true;
    case PH_CHECK_REPORT_DATA:
        w->expected[63] ^= 1;
        return true;
    default:
        return false;
    }
}

static bool break_policy(struct snp_world *w, enum ph_check check)
{
    struct ph_snp_report *r = &w->s.report;
    struct ph_policy_snp *p = &w->policy.snp;

    switch ((int)check) {
    case PH_CHECK_POLICY_STATUS:
        r->committed_tcb[7]++;
        r->current_tcb[7]++;
        return true;
    case PH_CHECK_POLICY_TCB_DATE:
        w->policy.min_tcb_date_s = 1;
        return true;
    case PH_CHECK_POLICY_DEBUG:
        r->policy[2] |= 1 << 3;
        return true;
    case PH_CHECK_POLICY_SNP_MIN_TCB:
        p->has_min_tcb = true;
        p->min_tcb[PH_SNP_MILAN].present = true;
        p->min_tcb[PH_SNP_MILAN].tcb.snp = (uint8_t)(w->s.tcb.snp + 1);
        return true;
    case PH_CHECK_POLICY_SNP_PROVISIONAL:
        r->current_tcb[7]++;
        return true;
    case PH_CHECK_POLICY_SNP_ABI:
        p->min_abi_major = 1;
        p->min_abi_minor = 56;
        return true;
    case PH_CHECK_POLICY_SNP_SMT:
        p->require_smt_off = true;
        return true;
    case PH_CHECK_POLICY_SNP_CIPHERTEXT:
        p->require_ciphertext_hiding = true;
        return true;
    case PH_CHECK_POLICY_SNP_CHIP:
        p->chip_id_cnt = 1;
        p->chip_ids[0][0] = 1;
        return true;
    case PH_CHECK_POLICY_SNP_SVN:
        p->min_guest_svn = 4;
        return true;
    case PH_CHECK_POLICY_SNP_VMPL:
        r->vmpl[0] = 1;
        return true;
    case PH_CHECK_POLICY_SNP_MIGRATE:
        r->policy[2] |= 1 << 2;
        return true;
    case PH_CHECK_POLICY_MEASUREMENT:
        p->guest[0].measurement[47] ^= 1;
        return true;
    case PH_CHECK_POLICY_SNP_VLEK:
        snp_world_init(w, PH_SNP_MILAN, 3, true);
        p->deny_vlek = true;
        return true;
    default:
        return false;
    }
}

bool snp_world_break(struct snp_world *w, enum ph_check check)
{
    return break_format(w, check) || break_chain(w, check) || break_crl(w, check) ||
           break_fields(w, check) || break_tcb(w, check) || break_policy(w, check);
}
