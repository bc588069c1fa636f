/* TCB, TDX module, signers and advisories in their combinations: what one broken check at a time,
 * as verify_test.c does it, does not reach. */

#include "attest/synth/synth_world.h"
#include "base/own.h"
#include "base/test.h"

/* A TD 1.5 whose module has levels 8, 4 and 2. */
static void world_td15(struct world *w, uint8_t launch, uint8_t now)
{
    world_init(w);
    w->s.quote_version = 5;
    w->td15 = true;
    w->s.module_level[2] = w->s.module_level[1];
    w->s.module_level[1] = w->s.module_level[0];
    w->s.module_level[0] = w->s.module_level[1];
    w->s.module_level[0].isvsvn = 8;
    w->s.module_level_cnt = 3;
    w->td.tee_tcb_svn[0] = launch;
    w->tail.tee_tcb_svn2[0] = now;
}

TEST(a_td_that_was_launched_on_an_old_module_should_be_relaunched)
{
    struct world w;
    struct ph_verdict v;
    world_td15(&w, 2, 4);
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_STATUS);
    CHECK(v.status == PH_TCB_RELAUNCH_ADVISED);
    CHECK(v.advisory_cnt == 1 && v.tcb_date_s == 1691539200); /* of the launch: 2023-08-09 */
    w.policy.statuses = 1u << PH_TCB_RELAUNCH_ADVISED;
    CHECK(world_judge(&w, &v) == PH_OK);
    w.s.level[0].status = "ConfigurationNeeded";
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED);
    CHECK(v.status == PH_TCB_RELAUNCH_ADVISED_CONFIG);
    /* Both old: no relaunch would help. */
    world_td15(&w, 2, 2);
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.status == PH_TCB_OUT_OF_DATE);
    CHECK(v.check == PH_CHECK_POLICY_STATUS);
}

TEST(the_module_now_is_judged_like_the_module_at_launch)
{
    struct world w;
    struct ph_verdict v;
    struct ph_trace trace;
    world_td15(&w, 4, 8);
    CHECK(world_judge(&w, &v) == PH_OK);
    w.s.module_level[0].status = "SWHardeningNeeded";
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_TCB_COMPONENTS);
    world_td15(&w, 4, 8); /* nor does a good one now make good what was wrong at launch */
    w.s.module_level[1].status = "SWHardeningNeeded";
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_TCB_COMPONENTS);
    world_td15(&w, 4, 1);
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_TCB_CURRENT);
    world_td15(&w, 4, 4);
    w.tail.tee_tcb_svn2[1] = 9; /* a module that TCB info does not know */
    w.trace = &trace;
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_MODULE_IDENTITY);
    world_td15(&w, 4, 4);
    w.td.tee_tcb_svn[1] = 9; /* the other way round: good now does not undo bad at launch */
    w.trace = &trace;
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_MODULE_IDENTITY);
    CHECK(trace.check[PH_CHECK_MODULE_IDENTITY].result == PH_TRACE_FAIL);
}

TEST(advisories_of_launch_and_now_are_joined_or_refused)
{
    struct world w;
    struct ph_verdict v;
    struct ph_buf ids PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    world_td15(&w, 4, 8);
    w.s.level[0].advisories = "[\"B\",\"A\"]";
    w.s.module_level[0].advisories = "[\"C\"]";
    w.s.qe_level[0].advisories = "[\"A\",\"0\"]";
    CHECK(world_judge(&w, &v) == PH_OK && v.advisory_cnt == 4);
    CHECK(strcmp(v.advisories[0], "0") == 0 && strcmp(v.advisories[1], "A") == 0);
    CHECK(strcmp(v.advisories[2], "B") == 0 && strcmp(v.advisories[3], "C") == 0);

    for (unsigned i = 0; i < PH_VERDICT_ADVISORIES_MAX; i++)
        CHECK(ph_buf_addf(&ids, "%s\"SA-%u\"", i ? "," : "[", i) == PH_OK);
    CHECK(ph_buf_add(&ids, PH_BYTES_LIT("]\0")) == PH_OK);
    w.s.level[0].advisories = (const char *)ids.ptr;
    w.s.qe_level[0].advisories = NULL;
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_TCB_COMPONENTS);
    w.s.module_level[0].advisories = "[\"SA-1\"]"; /* known already */
    CHECK(world_judge(&w, &v) == PH_OK);
}

TEST(a_module_without_version_is_judged_by_tdx_module)
{
    struct world w;
    struct ph_verdict v;
    world_init(&w);
    w.s.module_version = 0;
    w.td.tee_tcb_svn[1] = 0;
    CHECK(world_judge(&w, &v) == PH_OK);
    w.s.module_identities = false;
    CHECK(world_judge(&w, &v) == PH_OK);
    w.td.tee_tcb_svn[0] = 4; /* now the platform's level counts byte 0 */
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED);
    CHECK(v.status == PH_TCB_OUT_OF_DATE);
    w.td.tee_tcb_svn[0] = 6;
    w.td.mr_signer_seam[0] = 1;
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_MODULE_SIGNER);
    memset(w.s.module_mrsigner, 0, sizeof(w.s.module_mrsigner));
    w.s.module_mrsigner[0] = 1;
    CHECK(world_judge(&w, &v) == PH_OK);
}

TEST(module_attributes_are_zero_and_those_of_tcb_info)
{
    struct world w;
    struct ph_verdict v;
    for (size_t i = 0; i < 8; i++) {
        world_init(&w);
        w.td.seam_attributes[i] = 1;
        CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_MODULE_ATTRIBUTES);
        w.s.module_attributes[i] = 1; /* TCB info says the same: still not zero */
        CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_MODULE_ATTRIBUTES);
        w.td.seam_attributes[i] = 0; /* zero, and not what TCB info says */
        CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_MODULE_ATTRIBUTES);
    }
}

TEST(the_quoting_enclave_is_held_to_every_bit_of_its_identity)
{
    struct world w;
    struct ph_verdict v;
    for (size_t i = 0; i < 4; i++) {
        world_init(&w);
        w.s.qe_report.miscselect[i] = 0x80;
        CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_QE_MISCSELECT);
    }
    for (size_t i = 0; i < 16; i++) { /* the mask covers the flags, not XFRM */
        world_init(&w);
        w.s.qe_report.attributes[i] ^= 0x40;
        CHECK((world_judge(&w, &v) == PH_OK) == (i >= 8));
        CHECK(i >= 8 || v.check == PH_CHECK_QE_ATTRIBUTES);
    }
    world_init(&w);
    w.s.qe_report.attributes[0] ^= 0x04; /* MODE64 is outside the mask */
    CHECK(world_judge(&w, &v) == PH_OK);
}

TEST(a_status_nobody_knows_how_to_count_is_refused)
{
    static const char *const odd[] = {"SWHardeningNeeded", "ConfigurationNeeded",
                                      "OutOfDateConfigurationNeeded"};
    struct world w;
    struct ph_verdict v;
    for (size_t i = 0; i < PH_LEN(odd); i++) {
        world_init(&w);
        w.policy.statuses = UINT32_MAX;
        w.s.qe_level[0].status = odd[i];
        CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_TCB_COMPONENTS);
        world_init(&w);
        w.policy.statuses = UINT32_MAX;
        w.s.module_level[0].status = odd[i];
        CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_TCB_COMPONENTS);
    }
    world_init(&w);
    w.policy.statuses = UINT32_MAX;
    w.s.qe_level[0].status = w.s.module_level[0].status = "OutOfDate";
    CHECK(world_judge(&w, &v) == PH_OK && v.status == PH_TCB_OUT_OF_DATE);
    w.s.qe_level[0].status = "Revoked";
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_TCB_REVOKED);
    world_init(&w);
    w.s.qe_isvsvn = 0; /* below every level of the enclave */
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_TCB_LEVEL);
}

TEST(each_signer_is_looked_up_in_the_roots_list)
{
    struct world w;
    struct ph_verdict v;
    for (int which = 0; which < 2; which++) {
        world_init(&w);
        w.use_qe_s = true;
        w.qe_s.signer_serial.b[19] ^= 1; /* two signers of their own */
        w.s.revoked_by_root[0] = which ? w.qe_s.signer_serial : w.s.signer_serial;
        w.s.revoked_by_root_cnt = 1;
        CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_TCB_SIGNER_REVOKED);
        w.s.revoked_by_root[0].b[0] ^= 1; /* somebody else */
        CHECK(world_judge(&w, &v) == PH_OK);
    }
}

TEST(qe_identity_version_3_is_for_tdx)
{
    struct world w;
    struct ph_verdict v;
    world_init(&w);
    w.s.qe_version = 3;
    CHECK(world_judge(&w, &v) == PH_OK);
}

TEST(the_evaluation_number_is_the_lesser_and_may_equal_the_policys)
{
    struct world w;
    struct ph_verdict v;
    for (int which = 0; which < 2; which++) {
        world_init(&w);
        *(which ? &w.s.evaluation_number : &w.s.qe_evaluation_number) = 15;
        w.policy.min_evaluation_number = 15;
        CHECK(world_judge(&w, &v) == PH_OK && v.evaluation_number == 15);
        w.policy.min_evaluation_number = 16;
        CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_EVALUATION);
    }
    world_init(&w);
    w.policy.min_tcb_date_s = 1710288000;
    CHECK(world_judge(&w, &v) == PH_OK);
}

TEST(denied_advisories_are_those_named)
{
    struct world w;
    struct ph_verdict v;
    world_init(&w);
    w.s.level[0].advisories = "[\"INTEL-SA-00001\",\"INTEL-SA-00002\"]";
    w.policy.denied_advisory_cnt = 2;
    memcpy(w.policy.denied_advisories[0], "INTEL-SA-00003", 15);
    memcpy(w.policy.denied_advisories[1], "INTEL-SA-00004", 15);
    memcpy(w.policy.denied_advisories[2], "INTEL-SA-00001", 15); /* not counted */
    CHECK(world_judge(&w, &v) == PH_OK);
    memcpy(w.policy.denied_advisories[1], "INTEL-SA-00001", 15);
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_ADVISORY);
    memcpy(w.policy.denied_advisories[1], "INTEL-SA-00002", 15);
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_POLICY_ADVISORY);
    memcpy(w.policy.denied_advisories[1], "INTEL-SA-0000", 14); /* no prefix match */
    CHECK(world_judge(&w, &v) == PH_OK);
}

TEST(no_policy_accepts_what_has_no_level_or_is_revoked)
{
    static const enum ph_check hopeless[] = {PH_CHECK_TCB_LEVEL, PH_CHECK_TCB_REVOKED,
                                             PH_CHECK_QUOTE_SIGNATURE};
    struct world w;
    struct ph_verdict v;
    struct ph_trace trace;
    for (size_t i = 0; i < PH_LEN(hopeless); i++) {
        world_init(&w);
        world_break(&w, hopeless[i]);
        w.policy.statuses = UINT32_MAX;
        w.trace = &trace;
        CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == hopeless[i]);
        CHECK(trace.check[PH_CHECK_POLICY_STATUS].result == PH_TRACE_FAIL);
    }
}

PH_TEST_MAIN(CASE(a_td_that_was_launched_on_an_old_module_should_be_relaunched),
             CASE(the_module_now_is_judged_like_the_module_at_launch),
             CASE(advisories_of_launch_and_now_are_joined_or_refused),
             CASE(a_module_without_version_is_judged_by_tdx_module),
             CASE(module_attributes_are_zero_and_those_of_tcb_info),
             CASE(the_quoting_enclave_is_held_to_every_bit_of_its_identity),
             CASE(a_status_nobody_knows_how_to_count_is_refused),
             CASE(each_signer_is_looked_up_in_the_roots_list),
             CASE(qe_identity_version_3_is_for_tdx),
             CASE(the_evaluation_number_is_the_lesser_and_may_equal_the_policys),
             CASE(denied_advisories_are_those_named),
             CASE(no_policy_accepts_what_has_no_level_or_is_revoked))
