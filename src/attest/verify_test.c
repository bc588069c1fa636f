/* Every check alone: evidence that breaks one rule is refused for that rule, and for that only. The
 * test walks over all checks of the table, so that a check without a case fails it. */

#include "attest/synth_world.h"
#include "base/own.h"
#include "base/test.h"

#include <stdio.h>

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

static void break_check(enum ph_check check, struct world *w)
{
    switch (ph_check_step(check)) {
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
    case PH_STEP_NONE:
    case PH_STEP_CNT:
        fail();
    }
}

static bool is_zero(const void *p, size_t len)
{
    const uint8_t *b = p;
    for (size_t i = 0; i < len; i++) {
        if (b[i] != 0)
            return false;
    }
    return true;
}

TEST(each_check_alone_refuses_for_its_reason)
{
    size_t wrong = 0;
    for (enum ph_check check = 0; check < PH_CHECK_CNT; check++) {
        struct world w;
        struct ph_verdict v;
        struct ph_trace trace;
        world_init(&w);
        break_check(check, &w);
        w.trace = &trace;
        const enum ph_err err = world_judge(&w, &v);
        const bool good = err != PH_OK && !v.accepted && v.check == check &&
                          v.step == ph_check_step(check) &&
                          strcmp(v.reason, ph_check_reason(check)) == 0 &&
                          trace.check[check].result == PH_TRACE_FAIL &&
                          is_zero(&v.claims, sizeof(v.claims)) && v.sentence[0] != '\0';
        if (!good) {
            print_message("# %s: got %s, %s\n", ph_check_reason(check), v.reason, ph_err_name(err));
            wrong++;
        }
    }
    CHECK(wrong == 0);
}

TEST(a_good_quote_is_accepted_and_yields_claims)
{
    struct world w;
    struct ph_verdict v;
    struct ph_trace trace;
    world_init(&w);
    w.trace = &trace;
    CHECK(world_judge(&w, &v) == PH_OK);
    CHECK(v.accepted && v.step == PH_STEP_NONE && v.check == PH_CHECK_CNT);
    CHECK(strcmp(v.reason, "accepted") == 0);
    CHECK(v.status == PH_TCB_UP_TO_DATE && v.advisory_cnt == 0);
    CHECK(v.tcb_date_s == 1710288000 && v.evaluation_number == 17);
    CHECK(v.valid_until_s == w.s.next_update_s);
    CHECK(!v.insecure_simulator && !v.claims.insecure_simulator && !v.measurements_demanded);
    CHECK(v.claims.tee == PH_TEE_TDX && v.claims.quote_version == 4);
    CHECK(memcmp(&v.claims.tdx, &w.td, sizeof(w.td)) == 0);
    CHECK(memcmp(v.claims.report_data, w.expected, 64) == 0 && v.claims.report_data_checked);
    CHECK(memcmp(v.claims.fmspc, w.s.fmspc, 6) == 0 && v.claims.pcesvn == 11);
    CHECK(v.claims.has_platform_instance);
    CHECK(v.claims.verified_at_s == WORLD_NOW);
    for (enum ph_check check = 0; check < PH_CHECK_CNT; check++) {
        if (check != PH_CHECK_POLICY_SERVICE_TD) /* TD 1.0 has no service TD */
            CHECK(trace.check[check].result == PH_TRACE_PASS);
    }
    CHECK(trace.check[PH_CHECK_POLICY_SERVICE_TD].result == PH_TRACE_SKIP);
}

TEST(every_version_and_body_is_accepted)
{
    struct world w;
    struct ph_verdict v;
    for (uint16_t version = 3; version <= 5; version++) {
        world_init(&w);
        world_sgx(&w, version);
        CHECK(world_judge(&w, &v) == PH_OK);
        CHECK(v.claims.tee == PH_TEE_SGX && v.claims.quote_version == version);
        CHECK(memcmp(&v.claims.sgx, &w.enclave, sizeof(w.enclave)) == 0);
        world_init(&w);
        world_sgx(&w, version);
        w.s.processor_ca = true;
        CHECK(world_judge(&w, &v) == PH_OK && !v.claims.has_platform_instance);
    }
    world_init(&w);
    w.s.quote_version = 5;
    CHECK(world_judge(&w, &v) == PH_OK && !v.claims.has_tdx15);
    w.td15 = true;
    CHECK(world_judge(&w, &v) == PH_OK && v.claims.has_tdx15);
    CHECK(memcmp(&v.claims.tdx15, &w.tail, sizeof(w.tail)) == 0);
}

TEST(a_simulators_root_needs_a_policy_that_names_it_and_says_so)
{
    struct world w;
    struct ph_verdict v;
    struct ph_collateral *c PH_OWNED(ph_collateral_freep) = NULL;
    struct ph_buf quote PH_OWNED(ph_buf_clear) = PH_BUF(PH_QUOTE_MAX);
    struct ph_attest_roots roots;
    world_init(&w);
    world_make(&w, &c, &quote, &roots);
    ph_attest_root_hash(roots.key[1], w.policy.simulator_root_insecure);

    w.trust_root = false;
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_ROOT_PINNED);
    CHECK(!v.insecure_simulator);
    w.policy.has_simulator_root_insecure = true;
    CHECK(world_judge(&w, &v) == PH_OK);
    CHECK(v.insecure_simulator && v.claims.insecure_simulator);
    CHECK(strstr(v.sentence, "INSECURE-SIMULATOR"));
    w.policy.simulator_root_insecure[0] ^= 1;
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_ROOT_PINNED);
    /* A pinned root is hardware, whatever else the policy names. */
    w.trust_root = true;
    CHECK(world_judge(&w, &v) == PH_OK && !v.insecure_simulator);
}

TEST(the_status_is_the_vendors_even_when_something_else_refuses)
{
    struct world w;
    struct ph_verdict v;
    world_init(&w);
    w.s.level[0].status = "SWHardeningNeeded";
    w.s.level[0].advisories = "[\"INTEL-SA-00002\",\"INTEL-SA-00001\"]";
    w.drop.pck_crl = w.drop.root_crl = true;
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED);
    CHECK(v.check == PH_CHECK_ROOT_CRL_PRESENT && v.status == PH_TCB_SW_HARDENING);
    CHECK(v.advisory_cnt == 2 && strcmp(v.advisories[0], "INTEL-SA-00001") == 0);
    /* An altered quote has no status at all. */
    w.s.faults = PH_SYNTH_BAD_QUOTE_SIG;
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.status == PH_TCB_UNKNOWN);
}

TEST(a_cached_chain_gives_the_same_verdict)
{
    struct world w;
    struct ph_verdict v;
    struct ph_chain_cache *cache = NULL;
    CHECK(ph_chain_cache_new(0, &cache) == PH_ERR_LIMIT);
    CHECK(ph_chain_cache_new(2, &cache) == PH_OK);
    for (int round = 0; round < 3; round++) {
        world_init(&w);
        w.cache = cache;
        CHECK(world_judge(&w, &v) == PH_OK);
        /* Another list, another entry: the revoked chain is not taken for the good one. */
        break_check(PH_CHECK_PCK_REVOKED, &w);
        CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_PCK_REVOKED);
        world_init(&w);
        w.cache = cache;
        w.now_s = w.s.pck_not_after_s; /* validity is not cached */
        CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_PCK_NOT_AFTER);
        world_init(&w);
        w.cache = cache;
        w.give_pck_chain = true;
        CHECK(world_judge(&w, &v) == PH_OK);
    }
    ph_chain_cache_free(cache);
    ph_chain_cache_free(NULL);
}

TEST(a_quote_without_a_chain_is_judged_by_the_collaterals)
{
    struct world w;
    struct ph_verdict v;
    world_init(&w);
    w.s.omit_pck_chain = true;
    w.give_pck_chain = true;
    CHECK(world_judge(&w, &v) == PH_OK);
}

TEST(grace_prolongs_documents_and_lists_but_no_certificate)
{
    static const enum ph_check prolonged[] = {PH_CHECK_TCB_INFO_FRESH, PH_CHECK_QE_ID_FRESH,
                                              PH_CHECK_ROOT_CRL_FRESH, PH_CHECK_PCK_CRL_FRESH};
    static const enum ph_check never[] = {PH_CHECK_PCK_NOT_AFTER, PH_CHECK_TCB_SIGNER_NOT_AFTER};
    struct world w;
    struct ph_verdict v;
    for (size_t i = 0; i < PH_LEN(prolonged); i++) {
        world_init(&w);
        break_check(prolonged[i], &w);
        w.policy.grace_s = 10;
        CHECK(world_judge(&w, &v) == PH_OK);
        CHECK(v.valid_until_s == w.now_s); /* the expiry is told as it is */
        w.now_s += 9;
        CHECK(world_judge(&w, &v) == PH_OK);
        w.now_s += 1;
        CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == prolonged[i]);
    }
    for (size_t i = 0; i < PH_LEN(never); i++) {
        world_init(&w);
        break_check(never[i], &w);
        w.policy.grace_s = 10;
        CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == never[i]);
    }
}

TEST(validity_begins_at_its_second_and_ends_before_its_last)
{
    struct world w;
    struct ph_verdict v;
    world_init(&w);
    w.now_s = w.s.issue_s;
    CHECK(world_judge(&w, &v) == PH_OK);
    w.now_s--;
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_TCB_INFO_ISSUED);
    w.now_s = w.s.next_update_s - 1;
    CHECK(world_judge(&w, &v) == PH_OK);
    w.now_s++;
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_TCB_INFO_FRESH);
}

TEST(padding_is_accepted_only_if_zero_and_not_exact)
{
    struct world w;
    struct ph_verdict v;
    world_init(&w);
    w.s.padding = 70;
    CHECK(world_judge(&w, &v) == PH_OK);
    struct ph_collateral *c PH_OWNED(ph_collateral_freep) = NULL;
    struct ph_buf quote PH_OWNED(ph_buf_clear) = PH_BUF(PH_QUOTE_MAX);
    struct ph_attest_roots roots;
    world_make(&w, &c, &quote, &roots);
    /* The middle of the padding: signatures, and so the quote, differ by some bytes in length each
     * time. */
    world_patch(&w, quote.len - 35, 1);
    CHECK(world_judge(&w, &v) != PH_OK && v.check == PH_CHECK_QUOTE_TRAILING);
}

TEST(every_truncation_is_refused_without_claims)
{
    struct world w;
    struct ph_verdict v;
    struct ph_collateral *c PH_OWNED(ph_collateral_freep) = NULL;
    struct ph_buf quote PH_OWNED(ph_buf_clear) = PH_BUF(PH_QUOTE_MAX);
    struct ph_attest_roots roots;
    world_init(&w);
    world_make(&w, &c, &quote, &roots);
    for (size_t len = 0; len < quote.len; len++) {
        const enum ph_err err = ph_quote_verify((struct ph_bytes){quote.ptr, len}, c, &roots,
                                                &w.policy, w.expected, w.now_s, &v);
        CHECK(err != PH_OK && !v.accepted && v.step == PH_STEP_QUOTE_FORMAT);
    }
    CHECK(ph_quote_verify(ph_buf_view(&quote), c, &roots, &w.policy, w.expected, w.now_s, &v) ==
          PH_OK);
}

TEST(what_is_missing_denies)
{
    struct world w;
    struct ph_verdict v;
    struct ph_collateral *c PH_OWNED(ph_collateral_freep) = NULL;
    struct ph_buf quote PH_OWNED(ph_buf_clear) = PH_BUF(PH_QUOTE_MAX);
    struct ph_attest_roots roots;
    static const struct ph_policy zero;
    world_init(&w);
    world_make(&w, &c, &quote, &roots);
    const struct ph_bytes q = ph_buf_view(&quote);
    CHECK(ph_quote_verify(q, NULL, &roots, &w.policy, w.expected, w.now_s, &v) == PH_ERR_UNTRUSTED);
    CHECK(v.check == PH_CHECK_TCB_INFO_PRESENT);
    CHECK(ph_quote_verify(q, c, NULL, &w.policy, w.expected, w.now_s, &v) == PH_ERR_UNTRUSTED);
    CHECK(v.check == PH_CHECK_ROOT_PINNED);
    CHECK(ph_quote_verify(q, c, &roots, NULL, w.expected, w.now_s, &v) == PH_ERR_UNTRUSTED);
    CHECK(v.check == PH_CHECK_POLICY_STATUS);
    CHECK(ph_quote_verify(q, c, &roots, &zero, w.expected, w.now_s, &v) == PH_ERR_UNTRUSTED);
    CHECK(v.check == PH_CHECK_POLICY_STATUS);
    struct ph_verify_args args = {
        .quote = q, .collateral = c, .roots = &roots, .policy = &w.policy, .now_s = w.now_s};
    CHECK(ph_quote_verify_with(&args, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_REPORT_DATA);
    CHECK(ph_quote_verify_report_data_unchecked(q, c, &roots, &w.policy, w.now_s, &v) == PH_OK);
    CHECK(!v.claims.report_data_checked);
}

PH_TEST_MAIN(CASE(each_check_alone_refuses_for_its_reason),
             CASE(a_good_quote_is_accepted_and_yields_claims),
             CASE(every_version_and_body_is_accepted),
             CASE(a_simulators_root_needs_a_policy_that_names_it_and_says_so),
             CASE(the_status_is_the_vendors_even_when_something_else_refuses),
             CASE(a_cached_chain_gives_the_same_verdict),
             CASE(a_quote_without_a_chain_is_judged_by_the_collaterals),
             CASE(grace_prolongs_documents_and_lists_but_no_certificate),
             CASE(validity_begins_at_its_second_and_ends_before_its_last),
             CASE(padding_is_accepted_only_if_zero_and_not_exact),
             CASE(every_truncation_is_refused_without_claims), CASE(what_is_missing_denies))
