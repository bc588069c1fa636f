/* Every check alone: evidence that breaks one rule is refused for that rule, and for that only. The
 * test walks over all checks of the table, so that a check without a case fails it. */

#include "attest/synth/synth_world.h"
#include "base/own.h"
#include "base/test.h"

#include <stdio.h>

static bool is_zero(const void *p, size_t len)
{
    const uint8_t *b = p;
    for (size_t i = 0; i < len; i++) {
        if (b[i] != 0)
            return false;
    }
    return true;
}

/* Checks of other makers have tests of their own. */
static bool applies(enum ph_check check)
{
    const enum ph_check_group group = ph_check_group(check);
    return group == PH_GROUP_ALL || group == PH_GROUP_INTEL;
}

TEST(each_check_alone_refuses_for_its_reason)
{
    size_t wrong = 0;
    for (enum ph_check check = 0; check < PH_CHECK_CNT; check++) {
        if (!applies(check))
            continue;
        struct world w;
        struct ph_verdict v;
        struct ph_trace trace;
        world_init(&w);
        world_break(&w, check);
        w.trace = &trace;
        const enum ph_err err = world_judge(&w, &v);
        const bool good =
            err != PH_OK && !v.accepted && v.check == check && v.step == ph_check_step(check) &&
            strcmp(v.reason, ph_check_reason(check)) == 0 &&
            trace.check[check].result == PH_TRACE_FAIL && is_zero(&v.claims, sizeof(v.claims)) &&
            strncmp(v.sentence, "Refused: ", 9) == 0;
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
        if (applies(check) && check != PH_CHECK_POLICY_SERVICE_TD) /* TD 1.0 has no service TD */
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
    struct ph_attest_cache *cache = NULL;
    CHECK(ph_attest_cache_new(0, &cache) == PH_ERR_LIMIT);
    CHECK(ph_attest_cache_new(2, &cache) == PH_OK);
    for (int round = 0; round < 3; round++) {
        world_init(&w);
        w.cache = cache;
        CHECK(world_judge(&w, &v) == PH_OK);
        /* Another list, another entry: the revoked chain is not taken for the good one. */
        world_break(&w, PH_CHECK_PCK_REVOKED);
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
    ph_attest_cache_free(cache);
    ph_attest_cache_free(NULL);
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
        world_break(&w, prolonged[i]);
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
        world_break(&w, never[i]);
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
    for (size_t i = 0; i < 70; i++) {
        quote.ptr[quote.len - 1 - i] = 1;
        CHECK(ph_quote_verify(ph_buf_view(&quote), c, &roots, &w.policy, w.expected, w.now_s, &v) ==
              PH_ERR_UNTRUSTED);
        CHECK(v.check == PH_CHECK_QUOTE_TRAILING);
        quote.ptr[quote.len - 1 - i] = 0;
    }
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

TEST(the_status_is_known_exactly_when_what_it_rests_on_is_authentic)
{
    static const enum ph_check unknown[] = {PH_CHECK_PCK_PRESENT,
                                            PH_CHECK_PCK_FORMAT,
                                            PH_CHECK_PCK_EXTENSION,
                                            PH_CHECK_PCK_ROOT_SIGNATURE,
                                            PH_CHECK_PCK_CA_SIGNATURE,
                                            PH_CHECK_PCK_SIGNATURE,
                                            PH_CHECK_TCB_INFO_PRESENT,
                                            PH_CHECK_TCB_SIGNER_ROOT,
                                            PH_CHECK_TCB_SIGNER_SIGNATURE,
                                            PH_CHECK_TCB_INFO_SIGNATURE,
                                            PH_CHECK_TCB_INFO_VERSION,
                                            PH_CHECK_TCB_INFO_ID,
                                            PH_CHECK_FMSPC,
                                            PH_CHECK_PCEID,
                                            PH_CHECK_QE_SIGNER_ROOT,
                                            PH_CHECK_QE_ID_SIGNATURE,
                                            PH_CHECK_QE_SIGNER_SIGNATURE,
                                            PH_CHECK_QE_ID_ID,
                                            PH_CHECK_QE_REPORT_SIGNATURE,
                                            PH_CHECK_QE_BINDING,
                                            PH_CHECK_QUOTE_SIGNATURE};
    for (enum ph_check check = PH_CHECK_QUOTE_TRAILING; check < PH_CHECK_CNT; check++) {
        struct world w;
        struct ph_verdict v;
        bool want_unknown = false;
        if (!applies(check))
            continue;
        for (size_t i = 0; i < PH_LEN(unknown); i++)
            want_unknown = want_unknown || unknown[i] == check;
        world_init(&w);
        world_break(&w, check);
        CHECK(world_judge(&w, &v) != PH_OK);
        if ((v.status == PH_TCB_UNKNOWN) != want_unknown)
            fail_msg("%s: %s", ph_check_reason(check), ph_tcb_status_name(v.status));
    }
}

TEST(only_roots_that_are_counted_are_trusted)
{
    struct world w;
    struct ph_verdict v;
    struct ph_collateral *c PH_OWNED(ph_collateral_freep) = NULL;
    struct ph_buf quote PH_OWNED(ph_buf_clear) = PH_BUF(PH_QUOTE_MAX);
    struct ph_attest_roots roots;
    world_init(&w);
    world_make(&w, &c, &quote, &roots);
    const struct ph_bytes q = ph_buf_view(&quote);
    roots.cnt = 1; /* Intel's; the world's own is the second */
    CHECK(ph_quote_verify(q, c, &roots, &w.policy, w.expected, w.now_s, &v) == PH_ERR_UNTRUSTED);
    CHECK(v.check == PH_CHECK_ROOT_PINNED);
    memcpy(roots.key[0], roots.key[1], 64);
    CHECK(ph_quote_verify(q, c, &roots, &w.policy, w.expected, w.now_s, &v) == PH_OK);
    roots.cnt = 0;
    CHECK(ph_quote_verify(q, c, &roots, &w.policy, w.expected, w.now_s, &v) == PH_ERR_UNTRUSTED);
    /* Of as many as there can be, the first or the last; others undo nothing. */
    for (size_t at = 0; at < PH_ATTEST_ROOTS_MAX; at += PH_ATTEST_ROOTS_MAX - 1) {
        struct ph_attest_roots many = {.cnt = PH_ATTEST_ROOTS_MAX};
        memcpy(many.key[at], roots.key[1], 64);
        CHECK(ph_quote_verify(q, c, &many, &w.policy, w.expected, w.now_s, &v) == PH_OK);
    }
    /* A count beyond the array reads no further than it: right behind lies the world's key, whose
     * first bytes are such a count. */
    struct {
        struct ph_attest_roots roots;
        uint8_t behind[64];
    } big;
    memset(&big, 0, sizeof(big));
    memcpy((uint8_t *)&big + PH_ATTEST_ROOTS_MAX * sizeof(big.roots.key[0]), roots.key[1], 64);
    CHECK(big.roots.cnt > PH_ATTEST_ROOTS_MAX);
    CHECK(ph_quote_verify(q, c, &big.roots, &w.policy, w.expected, w.now_s, &v) ==
          PH_ERR_UNTRUSTED);
    CHECK(v.check == PH_CHECK_ROOT_PINNED);
}

TEST(valid_until_is_the_earliest_expiry_of_anything_used)
{
    struct world w;
    struct ph_verdict v;
    int64_t *const expiry[] = {
        &w.s.pck_not_after_s, &w.s.signer_not_after_s, &w.s.next_update_s,         &w.s.crl_next_s,
        &w.s.root_crl_next_s, &w.qe_s.next_update_s,   &w.qe_s.signer_not_after_s, &w.s.not_after_s,
        &w.s.ca_not_after_s};
    int64_t *const start[] = {&w.s.pck_not_before_s,
                              &w.s.signer_not_before_s,
                              &w.s.issue_s,
                              &w.s.crl_issue_s,
                              &w.s.root_crl_issue_s,
                              &w.qe_s.issue_s,
                              &w.qe_s.signer_not_before_s,
                              &w.s.not_before_s,
                              &w.s.ca_not_before_s};
    for (size_t i = 0; i < PH_LEN(expiry); i++) {
        world_init(&w);
        w.use_qe_s = true;
        *expiry[i] = w.now_s + 5;
        *start[i] = w.now_s;
        CHECK(world_judge(&w, &v) == PH_OK);
        CHECK(v.valid_until_s == w.now_s + 5);
        w.now_s += 5;
        CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED);
        w.now_s -= 6;
        CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED);
    }
}

PH_TEST_MAIN(CASE(valid_until_is_the_earliest_expiry_of_anything_used),
             CASE(the_status_is_known_exactly_when_what_it_rests_on_is_authentic),
             CASE(only_roots_that_are_counted_are_trusted),
             CASE(each_check_alone_refuses_for_its_reason),
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
