/* What is missing is skipped, not judged: the trace, the class of the error and the bytes each
 * check is said to have looked at. And documents and lists just beyond what is accepted. */

#include "attest/intel/tcb_eval.h"
#include "attest/synth/synth_world.h"
#include "base/own.h"
#include "base/test.h"

static struct world w;
static struct ph_verdict v;
static struct ph_trace trace;

static void fresh(void)
{
    world_init(&w);
    w.trace = &trace;
}

static bool skipped(enum ph_check first, enum ph_check last)
{
    for (enum ph_check c = first; c <= last; c++) {
        if (trace.check[c].result != PH_TRACE_SKIP)
            return false;
    }
    return true;
}

TEST(without_tcb_info_the_module_is_not_judged)
{
    fresh();
    w.drop.info = true;
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_TCB_INFO_PRESENT);
    CHECK(skipped(PH_CHECK_MODULE_IDENTITY, PH_CHECK_MODULE_ATTRIBUTES));
    CHECK(v.status == PH_TCB_UNKNOWN);
}

TEST(without_qe_identity_the_quoting_enclave_is_held_to_nothing)
{
    fresh();
    w.drop.qe = true;
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_QE_ID_PRESENT);
    CHECK(trace.check[PH_CHECK_QE_DEBUG].result == PH_TRACE_PASS);
    CHECK(skipped(PH_CHECK_QE_MISCSELECT, PH_CHECK_QE_ATTRIBUTES));
    CHECK(skipped(PH_CHECK_QE_MRSIGNER, PH_CHECK_QE_PRODUCT));
}

TEST(tcb_info_of_sgx_knows_no_module)
{
    fresh();
    w.s.tdx = false; /* documents of SGX, a quote of TDX */
    w.td.tee_tcb_svn[1] = 0;
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_TCB_INFO_ID);
    CHECK(trace.check[PH_CHECK_MODULE_IDENTITY].result == PH_TRACE_FAIL);
}

TEST(a_module_without_version_has_no_identity)
{
    static struct ph_tcb_info info;
    struct ph_tdx_svns svns = {{3, 0}};

    info.identity_cnt = 1; /* for version 0: none that the parser makes */
    CHECK(!ph_tcb_module_identity(&info, &svns));
    svns.b[1] = info.identity[0].version = 1;
    CHECK(ph_tcb_module_identity(&info, &svns) == &info.identity[0]);
    info.identity_cnt = 0;
    CHECK(!ph_tcb_module_identity(&info, &svns));
}

TEST(a_td_qe_document_may_be_of_version_3)
{
    for (uint32_t version = 2; version <= 3; version++) {
        fresh();
        w.use_qe_s = true;
        w.qe_s.qe_version = version; /* the parser takes no others */
        CHECK(world_judge(&w, &v) == PH_OK);
    }
}

TEST(checks_of_the_tcb_show_the_svns_they_judged)
{
    fresh();
    CHECK(world_judge(&w, &v) == PH_OK);
    CHECK(trace.check[PH_CHECK_TCB_LEVEL].bytes.len == sizeof(w.td.tee_tcb_svn));
    fresh();
    world_sgx(&w, 3);
    CHECK(world_judge(&w, &v) == PH_OK);
    CHECK(trace.check[PH_CHECK_TCB_LEVEL].bytes.len == trace.check[PH_CHECK_PCK_FORMAT].bytes.len);
}

TEST(format_checks_after_the_one_that_refused_are_not_judged)
{
    fresh();
    w.cut = 40;
    CHECK(world_judge(&w, &v) == PH_ERR_MALFORMED && v.check == PH_CHECK_QUOTE_LENGTH);
    CHECK(skipped(PH_CHECK_QUOTE_VERSION, PH_CHECK_QUOTE_TRAILING));
    fresh();
    world_patch(&w, 2, 9); /* kind of attestation key */
    CHECK(world_judge(&w, &v) != PH_OK && v.check == PH_CHECK_QUOTE_KEY_TYPE);
    CHECK(trace.check[PH_CHECK_QUOTE_VERSION].result == PH_TRACE_PASS);
    CHECK(skipped(PH_CHECK_QUOTE_TEE_TYPE, PH_CHECK_QUOTE_TRAILING));
}

TEST(a_chain_that_is_missing_is_not_one_that_is_broken)
{
    fresh();
    w.s.omit_pck_chain = true;
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_PCK_PRESENT);
    CHECK(skipped(PH_CHECK_PCK_FORMAT, PH_CHECK_PCK_FORMAT));
    fresh();
    w.replace = "BEGIN CERTIFICATE";
    w.with = "BEGIN SERTIFICATE";
    CHECK(world_judge(&w, &v) == PH_ERR_MALFORMED && v.check == PH_CHECK_PCK_FORMAT);
    CHECK(trace.check[PH_CHECK_PCK_PRESENT].result == PH_TRACE_PASS);
}

TEST(a_chain_of_one_byte_is_broken_one_of_zeros_is_missing)
{
    struct ph_collateral *c PH_OWNED(ph_collateral_freep) = NULL;
    struct ph_buf quote PH_OWNED(ph_buf_clear) = PH_BUF(PH_QUOTE_MAX);
    struct ph_attest_roots roots;

    fresh();
    world_make(&w, &c, &quote, &roots);
    uint8_t *pem = memmem(quote.ptr, quote.len, "-----BEGIN", 10);
    CHECK(pem);
    memset(pem, 0, (size_t)(quote.ptr + quote.len - pem));
    CHECK(ph_quote_verify(ph_buf_view(&quote), c, &roots, &w.policy, w.expected, w.now_s, &v) ==
          PH_ERR_UNTRUSTED);
    CHECK(v.check == PH_CHECK_PCK_PRESENT);
    *pem = 'x';
    CHECK(ph_quote_verify(ph_buf_view(&quote), c, &roots, &w.policy, w.expected, w.now_s, &v) ==
          PH_ERR_MALFORMED);
    CHECK(v.check == PH_CHECK_PCK_FORMAT);
}

TEST(advisories_that_overflowed_at_launch_stay_an_overflow)
{
    struct ph_buf ids PH_OWNED(ph_buf_clear) = PH_BUF(65536);

    fresh();
    w.s.quote_version = 5;
    w.td15 = true;
    w.s.module_level[1] = w.s.module_level[0];
    w.s.module_level[0].isvsvn = 8;
    w.s.module_level[1].isvsvn = 4;
    w.s.module_level_cnt = 2;
    w.td.tee_tcb_svn[0] = 4;
    w.tail.tee_tcb_svn2[0] = 8;
    w.s.module_level[0].advisories = NULL;
    for (unsigned i = 0; i < PH_VERDICT_ADVISORIES_MAX; i++)
        CHECK(ph_buf_addf(&ids, "%s\"SA-%u\"", i ? "," : "[", i) == PH_OK);
    CHECK(ph_buf_add(&ids, PH_BYTES_LIT("]\0")) == PH_OK);
    w.s.level[0].advisories = (const char *)ids.ptr;
    w.s.qe_level[0].advisories = NULL;
    w.s.module_level[1].advisories = NULL;
    CHECK(world_judge(&w, &v) == PH_OK && v.advisory_cnt == PH_VERDICT_ADVISORIES_MAX);
    w.s.module_level[1].advisories = "[\"one too many\"]"; /* of the launch only */
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_TCB_COMPONENTS);
}

/* Judge w, with the certificate chain of QE identity as it comes from other settings. */
static enum ph_err judge_with_signer_of(uint32_t faults)
{
    w.use_qe_s = true;
    w.qe_s.faults = faults;
    return world_judge(&w, &v);
}

TEST(the_root_that_a_signer_brings_is_held_to_its_role_and_signature)
{
    fresh();
    CHECK(judge_with_signer_of(PH_SYNTH_BAD_ROOT_USAGE) == PH_ERR_UNTRUSTED);
    CHECK(v.check == PH_CHECK_QE_SIGNER_PROFILE);
    fresh();
    CHECK(judge_with_signer_of(PH_SYNTH_BAD_ROOT_SIG) == PH_ERR_UNTRUSTED);
    CHECK(v.check == PH_CHECK_QE_SIGNER_SIGNATURE);
}

TEST(a_measurement_behind_the_count_names_nothing)
{
    fresh();
    w.policy.any_measurement = false;
    w.policy.tdx[1].fields = PH_TDX_FIELD_MRTD; /* zero, as the TD's */
    w.policy.tdx_cnt = 1;
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_MEASUREMENT);
    w.policy.tdx_cnt = 2;
    CHECK(world_judge(&w, &v) == PH_OK);
}

TEST(a_log_beside_an_enclave_is_refused_and_shown)
{
    struct ph_collateral *collateral PH_OWNED(ph_collateral_freep) = NULL;
    struct ph_buf quote PH_OWNED(ph_buf_clear) = PH_BUF(PH_QUOTE_MAX);
    const struct ph_bytes log = ph_bytes_str("[]");
    struct ph_attest_roots roots;

    fresh();
    world_sgx(&w, 3);
    world_make(&w, &collateral, &quote, &roots);
    const struct ph_verify_args args = {.quote = ph_buf_view(&quote),
                                        .collateral = collateral,
                                        .roots = &roots,
                                        .policy = &w.policy,
                                        .report_data = w.expected,
                                        .now_s = w.now_s,
                                        .event_log = &log,
                                        .trace = &trace};
    CHECK(ph_quote_verify_with(&args, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_EVENT_TEE);
    CHECK(trace.has_events && ph_trace_has(&trace, PH_CHECK_EVENT_TEE));
}

/* A document without the chain of its signer is none. */
TEST(what_is_not_there_is_judged_no_further)
{
    const struct {
        bool *drop;
        enum ph_check absent, next;
    } cases[] = {
        {&w.drop.info_chain, PH_CHECK_TCB_INFO_PRESENT, PH_CHECK_TCB_SIGNER_PROFILE},
        {&w.drop.qe_chain, PH_CHECK_QE_ID_PRESENT, PH_CHECK_QE_SIGNER_PROFILE},
        {&w.drop.root_crl, PH_CHECK_ROOT_CRL_PRESENT, PH_CHECK_ROOT_CRL_ISSUER},
        {&w.drop.pck_crl, PH_CHECK_PCK_CRL_PRESENT, PH_CHECK_PCK_CRL_ISSUER},
    };
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        fresh();
        *cases[i].drop = true;
        CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == cases[i].absent);
        CHECK(trace.check[cases[i].absent].result == PH_TRACE_FAIL);
        CHECK(trace.check[cases[i].next].result == PH_TRACE_SKIP);
    }
}

PH_TEST_MAIN(CASE(a_log_beside_an_enclave_is_refused_and_shown),
             CASE(a_measurement_behind_the_count_names_nothing),
             CASE(without_tcb_info_the_module_is_not_judged),
             CASE(without_qe_identity_the_quoting_enclave_is_held_to_nothing),
             CASE(tcb_info_of_sgx_knows_no_module), CASE(a_module_without_version_has_no_identity),
             CASE(a_td_qe_document_may_be_of_version_3),
             CASE(what_is_not_there_is_judged_no_further),
             CASE(checks_of_the_tcb_show_the_svns_they_judged),
             CASE(format_checks_after_the_one_that_refused_are_not_judged),
             CASE(a_chain_that_is_missing_is_not_one_that_is_broken),
             CASE(a_chain_of_one_byte_is_broken_one_of_zeros_is_missing),
             CASE(advisories_that_overflowed_at_launch_stay_an_overflow),
             CASE(the_root_that_a_signer_brings_is_held_to_its_role_and_signature))
