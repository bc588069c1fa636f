/* One way to break each check of checks.h, so that it alone refuses. */

#include "attest/synth/synth_world.h"
#include "base/test.h"

static void break_quote(enum ph_check check, struct world *w)
{
    /* Offsets of a version 4 TDX quote: intel_spec.h. */
    switch ((int)check) {
    case PH_CHECK_QUOTE_LENGTH:
        w->cut = 600;
        break;
    case PH_CHECK_QUOTE_VERSION:
        world_patch(w, 0, 6);
        break;
    case PH_CHECK_QUOTE_KEY_TYPE:
        world_patch(w, 2, 3);
        break;
    case PH_CHECK_QUOTE_TEE_TYPE:
        world_patch(w, 4, 0x82);
        break;
    case PH_CHECK_QUOTE_VENDOR:
        world_patch(w, 12, 0);
        break;
    case PH_CHECK_QUOTE_BODY:
        w->s.quote_version = 5;
        world_patch(w, 50, 0x49);
        break;
    case PH_CHECK_QUOTE_AUTH_LENGTH:
        world_patch(w, 1218, 33);
        break;
    case PH_CHECK_QUOTE_OUTER_TYPE:
        world_patch(w, 764, 5);
        break;
    case PH_CHECK_QUOTE_CERT_DATA:
        world_patch(w, 1252, 7);
        break;
    case PH_CHECK_QUOTE_TRAILING:
        w->s.padding = 1;
        w->policy.exact_length = true;
        break;
    default:
        fail();
    }
}

static void break_pck(enum ph_check check, struct world *w)
{
    switch ((int)check) {
    case PH_CHECK_PCK_PRESENT:
        w->s.omit_pck_chain = true;
        break;
    case PH_CHECK_PCK_FORMAT:
        w->replace = "BEGIN CERTIFICATE";
        w->with = "BEGIN SERTIFICATE";
        break;
    case PH_CHECK_PCK_ROOT_PROFILE:
        w->s.faults = PH_SYNTH_BAD_ROOT_USAGE;
        break;
    case PH_CHECK_PCK_CA_PROFILE:
        w->s.faults = PH_SYNTH_BAD_CA_PATHLEN;
        break;
    case PH_CHECK_PCK_PROFILE:
        w->s.faults = PH_SYNTH_BAD_PCK_USAGE;
        break;
    case PH_CHECK_PCK_LINKS:
        w->s.faults = PH_SYNTH_BAD_PCK_AKI;
        break;
    case PH_CHECK_PCK_EXTENSION:
        w->s.faults = PH_SYNTH_NO_INSTANCE;
        break;
    case PH_CHECK_PCK_ROOT_SIGNATURE:
        w->s.faults = PH_SYNTH_BAD_ROOT_SIG;
        break;
    case PH_CHECK_PCK_CA_SIGNATURE:
        w->s.faults = PH_SYNTH_BAD_CA_SIG;
        break;
    case PH_CHECK_PCK_SIGNATURE:
        w->s.faults = PH_SYNTH_BAD_PCK_SIG;
        break;
    case PH_CHECK_PCK_NOT_BEFORE:
        w->s.pck_not_before_s = w->now_s + 1;
        break;
    case PH_CHECK_PCK_NOT_AFTER:
        w->s.pck_not_after_s = w->now_s;
        break;
    case PH_CHECK_ROOT_PINNED:
        w->trust_root = false;
        break;
    default:
        fail();
    }
}

static void break_info(enum ph_check check, struct world *w)
{
    switch ((int)check) {
    case PH_CHECK_TCB_INFO_PRESENT:
        w->drop.info = true;
        break;
    case PH_CHECK_TCB_SIGNER_PROFILE:
        w->s.faults = PH_SYNTH_PCK_IS_SIGNER;
        break;
    case PH_CHECK_TCB_SIGNER_LINKS:
        w->s.faults = PH_SYNTH_BAD_SIGNER_AKI;
        break;
    case PH_CHECK_TCB_SIGNER_SIGNATURE:
        w->s.faults = PH_SYNTH_BAD_SIGNER_SIG;
        break;
    case PH_CHECK_TCB_SIGNER_ROOT:
        w->other_info = true;
        break;
    case PH_CHECK_TCB_SIGNER_NOT_BEFORE:
        w->s.signer_not_before_s = w->now_s + 1;
        break;
    case PH_CHECK_TCB_SIGNER_NOT_AFTER:
        w->s.signer_not_after_s = w->now_s;
        break;
    case PH_CHECK_TCB_INFO_SIGNATURE:
        w->s.faults = PH_SYNTH_BAD_INFO_SIG;
        break;
    case PH_CHECK_TCB_INFO_VERSION:
        w->s.info_version = 2;
        break;
    case PH_CHECK_TCB_INFO_ID:
        w->s.info_id = "SGX";
        break;
    case PH_CHECK_TCB_INFO_ISSUED:
        w->s.issue_s = w->now_s + 1;
        break;
    case PH_CHECK_TCB_INFO_FRESH:
        w->s.next_update_s = w->now_s;
        break;
    case PH_CHECK_FMSPC:
        w->s.info_fmspc[5] ^= 1;
        break;
    case PH_CHECK_PCEID:
        w->s.info_pceid[0] ^= 1;
        break;
    default:
        fail();
    }
}

static void break_qe_identity(enum ph_check check, struct world *w)
{
    w->use_qe_s = true;
    switch ((int)check) {
    case PH_CHECK_QE_ID_PRESENT:
        w->drop.qe = true;
        break;
    case PH_CHECK_QE_SIGNER_PROFILE:
        w->qe_s.faults = PH_SYNTH_PCK_IS_SIGNER;
        break;
    case PH_CHECK_QE_SIGNER_LINKS:
        w->qe_s.faults = PH_SYNTH_BAD_SIGNER_AKI;
        break;
    case PH_CHECK_QE_SIGNER_SIGNATURE:
        w->qe_s.faults = PH_SYNTH_BAD_SIGNER_SIG;
        break;
    case PH_CHECK_QE_SIGNER_ROOT:
        w->other_qe = true;
        break;
    case PH_CHECK_QE_SIGNER_NOT_BEFORE:
        w->qe_s.signer_not_before_s = w->now_s + 1;
        break;
    case PH_CHECK_QE_SIGNER_NOT_AFTER:
        w->qe_s.signer_not_after_s = w->now_s;
        break;
    case PH_CHECK_QE_ID_SIGNATURE:
        w->qe_s.faults = PH_SYNTH_BAD_QE_ID_SIG;
        break;
    case PH_CHECK_QE_ID_VERSION:
        world_sgx(w, 3);
        w->qe_s.qe_version = 3;
        break;
    case PH_CHECK_QE_ID_ID:
        w->qe_s.qe_id = "QE";
        break;
    case PH_CHECK_QE_ID_ISSUED:
        w->qe_s.issue_s = w->now_s + 1;
        break;
    case PH_CHECK_QE_ID_FRESH:
        w->qe_s.next_update_s = w->now_s;
        break;
    default:
        fail();
    }
}

static void break_crl(enum ph_check check, struct world *w)
{
    switch ((int)check) {
    case PH_CHECK_ROOT_CRL_PRESENT:
        w->drop.root_crl = true;
        break;
    case PH_CHECK_ROOT_CRL_ISSUER:
        w->s.faults = PH_SYNTH_BAD_ROOT_CRL_AKI;
        break;
    case PH_CHECK_ROOT_CRL_SIGNATURE:
        w->s.faults = PH_SYNTH_BAD_ROOT_CRL_SIG;
        break;
    case PH_CHECK_ROOT_CRL_ISSUED:
        w->s.root_crl_issue_s = w->now_s + 1;
        break;
    case PH_CHECK_ROOT_CRL_FRESH:
        w->s.root_crl_next_s = w->now_s;
        break;
    case PH_CHECK_PCK_CA_REVOKED:
        w->s.revoked_by_root[w->s.revoked_by_root_cnt++] = w->s.ca_serial;
        break;
    case PH_CHECK_TCB_SIGNER_REVOKED:
        w->s.revoked_by_root[w->s.revoked_by_root_cnt++] = w->s.signer_serial;
        break;
    case PH_CHECK_PCK_CRL_PRESENT:
        w->drop.pck_crl = true;
        break;
    case PH_CHECK_PCK_CRL_ISSUER:
        w->s.faults = PH_SYNTH_BAD_PCK_CRL_AKI;
        break;
    case PH_CHECK_PCK_CRL_SIGNATURE:
        w->s.faults = PH_SYNTH_BAD_PCK_CRL_SIG;
        break;
    case PH_CHECK_PCK_CRL_ISSUED:
        w->s.crl_issue_s = w->now_s + 1;
        break;
    case PH_CHECK_PCK_CRL_FRESH:
        w->s.crl_next_s = w->now_s;
        break;
    case PH_CHECK_PCK_REVOKED:
        w->s.revoked_by_ca[w->s.revoked_by_ca_cnt++] = w->s.ca_serial;
        w->s.revoked_by_ca[w->s.revoked_by_ca_cnt++] = w->s.pck_serial;
        break;
    default:
        fail();
    }
}

static void break_signatures(enum ph_check check, struct world *w)
{
    switch ((int)check) {
    case PH_CHECK_QE_REPORT_SIGNATURE:
        w->s.faults = PH_SYNTH_BAD_QE_REPORT_SIG;
        break;
    case PH_CHECK_QE_BINDING:
        w->s.faults = PH_SYNTH_BAD_QE_BINDING;
        break;
    case PH_CHECK_QE_BINDING_TAIL:
        w->s.faults = PH_SYNTH_BAD_QE_TAIL;
        break;
    case PH_CHECK_QE_MISCSELECT:
        w->s.qe_report.miscselect[3] = 1;
        break;
    case PH_CHECK_QE_ATTRIBUTES:
        w->s.qe_report.attributes[0] |= 0x80;
        break;
    case PH_CHECK_QE_DEBUG:
        w->s.qe_report.attributes[0] |= 0x02;
        break;
    case PH_CHECK_QE_MRSIGNER:
        w->s.qe_report.mrsigner[31] ^= 1;
        break;
    case PH_CHECK_QE_PRODUCT:
        w->use_qe_s = true;
        w->qe_s.qe_isvprodid++;
        break;
    case PH_CHECK_QUOTE_SIGNATURE:
        w->s.faults = PH_SYNTH_BAD_QUOTE_SIG;
        break;
    default:
        fail();
    }
}

static void break_tcb(enum ph_check check, struct world *w)
{
    switch ((int)check) {
    case PH_CHECK_MODULE_IDENTITY:
        w->td.tee_tcb_svn[1] = 9;
        break;
    case PH_CHECK_MODULE_SIGNER:
        w->td.mr_signer_seam[47] = 1;
        break;
    case PH_CHECK_MODULE_ATTRIBUTES:
        w->td.seam_attributes[7] = 1;
        break;
    case PH_CHECK_TCB_LEVEL:
        w->s.pcesvn = 4;
        break;
    case PH_CHECK_TCB_COMPONENTS:
        w->s.module_level[0].status = "ConfigurationNeeded";
        break;
    case PH_CHECK_TCB_CURRENT:
        w->s.quote_version = 5;
        w->td15 = true;
        w->tail.tee_tcb_svn2[0] = 3;
        break;
    case PH_CHECK_TCB_REVOKED:
        w->s.level[0].status = "Revoked";
        w->policy.statuses = UINT32_MAX;
        break;
    case PH_CHECK_REPORT_DATA:
        w->expected[63] ^= 1;
        break;
    default:
        fail();
    }
}

static void break_policy(enum ph_check check, struct world *w)
{
    switch ((int)check) {
    case PH_CHECK_POLICY_STATUS:
        w->s.level[0].status = "SWHardeningNeeded";
        break;
    case PH_CHECK_POLICY_TCB_DATE:
        w->policy.min_tcb_date_s = 1710288001; /* a second after 2024-03-13 */
        break;
    case PH_CHECK_POLICY_EVALUATION:
        w->policy.min_evaluation_number = 18;
        break;
    case PH_CHECK_POLICY_ADVISORY:
        w->s.level[0].advisories = "[\"INTEL-SA-00001\",\"INTEL-SA-00002\"]";
        memcpy(w->policy.denied_advisories[0], "INTEL-SA-00002", 15);
        w->policy.denied_advisory_cnt = 1;
        break;
    case PH_CHECK_POLICY_DEBUG:
        w->td.td_attributes[0] = 1;
        break;
    case PH_CHECK_POLICY_SEPT_VE:
        w->td.td_attributes[3] = 0;
        break;
    case PH_CHECK_POLICY_MIGRATABLE:
        w->td.td_attributes[3] |= 0x20;
        break;
    case PH_CHECK_POLICY_SERVICE_TD:
        w->s.quote_version = 5;
        w->td15 = true;
        w->tail.mr_service_td[47] = 1;
        break;
    case PH_CHECK_POLICY_INSTANCE:
        w->policy.instance_cnt = 1;
        break;
    case PH_CHECK_POLICY_MEASUREMENT:
        w->policy.any_measurement = false;
        break;
    default:
        fail();
    }
}

void world_break(struct world *w, enum ph_check check)
{
    const int step = (int)ph_check_step(check); /* other makers' steps fall to the default */
    switch (step) {
    case PH_STEP_QUOTE_FORMAT:
        break_quote(check, w);
        break;
    case PH_STEP_PCK_CHAIN:
    case PH_STEP_ROOT:
        break_pck(check, w);
        break;
    case PH_STEP_TCB_INFO:
        break_info(check, w);
        break;
    case PH_STEP_QE_IDENTITY:
        break_qe_identity(check, w);
        break;
    case PH_STEP_CRL:
        break_crl(check, w);
        break;
    case PH_STEP_QE_REPORT:
    case PH_STEP_QUOTE_SIGNATURE:
        break_signatures(check, w);
        break;
    case PH_STEP_TDX_MODULE:
    case PH_STEP_TCB_LEVEL:
    case PH_STEP_REPORT_DATA:
        break_tcb(check, w);
        break;
    case PH_STEP_POLICY:
        break_policy(check, w);
        break;
    default: /* other makers' */
        fail();
    }
}
