/* What the verifiers of all makers share, asked directly: times, advisories, roots, sentences. */

#include "attest/judge.h"
#include "base/test.h"

static struct ph_verdict verdict;
static struct ph_policy policy;

static struct ph_judge start(void)
{
    struct ph_judge j = {.verdict = &verdict};

    memset(&policy, 0, sizeof(policy));
    policy.statuses = 1u << PH_TCB_UP_TO_DATE;
    ph_judge_start(&j, PH_GROUP_INTEL, &policy);
    verdict.status = PH_TCB_UP_TO_DATE;
    return j;
}

TEST(a_verdict_holds_until_the_earliest_end)
{
    struct ph_judge j = start();

    ph_judge_until(&j, 200);
    CHECK(verdict.valid_until_s == 200);
    ph_judge_until(&j, 300);
    CHECK(verdict.valid_until_s == 200);
    ph_judge_until(&j, 1);
    CHECK(verdict.valid_until_s == 1);
    ph_judge_until(&j, 2);
    CHECK(verdict.valid_until_s == 1);
}

TEST(the_first_check_that_fails_is_the_verdicts)
{
    static struct ph_trace trace;
    struct ph_judge j = start();
    const struct ph_bytes first = ph_bytes_str("first"), second = ph_bytes_str("second");

    j.trace = &trace;
    ph_judge_start(&j, PH_GROUP_INTEL, &policy);
    CHECK(ph_judge_holds(&j));
    CHECK(ph_judge_check(&j, PH_CHECK_ROOT_PINNED, true, first) && ph_judge_holds(&j));
    CHECK(!ph_judge_check(&j, PH_CHECK_ROOT_PINNED, false, second) && !ph_judge_holds(&j));
    CHECK(verdict.check == PH_CHECK_ROOT_PINNED && verdict.step == PH_STEP_ROOT);
    CHECK(!ph_judge_check(&j, PH_CHECK_FMSPC, false, first));
    CHECK(verdict.check == PH_CHECK_ROOT_PINNED);
    /* Made again, a check that failed stays failed, with the bytes it failed for. */
    CHECK(ph_judge_check(&j, PH_CHECK_ROOT_PINNED, true, first) && !ph_judge_holds(&j));
    CHECK(trace.check[PH_CHECK_ROOT_PINNED].result == PH_TRACE_FAIL);
    CHECK(trace.check[PH_CHECK_ROOT_PINNED].bytes.ptr == second.ptr);
    CHECK(trace.check[PH_CHECK_PCEID].result == PH_TRACE_SKIP);
}

TEST(a_trace_keeps_the_first_bytes_that_a_check_saw)
{
    static struct ph_trace trace;
    uint8_t bytes[PH_TRACE_HEAD_LEN + 1];

    memset(bytes, 0x5c, sizeof(bytes));
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        struct ph_judge j = start();
        const size_t kept = len < PH_TRACE_HEAD_LEN ? len : PH_TRACE_HEAD_LEN;
        j.trace = &trace;
        ph_judge_start(&j, PH_GROUP_INTEL, &policy);
        CHECK(ph_judge_check(&j, PH_CHECK_FMSPC, true, (struct ph_bytes){bytes, len}));
        CHECK(trace.check[PH_CHECK_FMSPC].bytes.len == len);
        for (size_t i = 0; i < PH_TRACE_HEAD_LEN; i++)
            CHECK(trace.check[PH_CHECK_FMSPC].head[i] == (i < kept ? 0x5c : 0));
    }
}

TEST(a_parser_stops_at_the_first_check_that_fails)
{
    static struct ph_trace trace;
    const struct ph_bytes seen = ph_bytes_str("seen");
    const enum ph_check first = PH_CHECK_PCK_PRESENT, last = first + 3; /* not the first of all */

    for (int at = -1; at <= 3; at++) { /* -1: none fails */
        struct ph_judge j = start();
        j.trace = &trace;
        ph_judge_start(&j, PH_GROUP_INTEL, &policy);
        ph_judge_format(&j, first, last, at < 0 ? PH_CHECK_CNT : first + (unsigned)at, seen);
        CHECK(ph_judge_holds(&j) == (at < 0) && (at < 0 || verdict.check == first + (unsigned)at));
        for (int i = -1; i <= 4; i++) {
            const enum ph_trace_result want = i < 0 || i > 3 || (at >= 0 && i > at) ? PH_TRACE_SKIP
                                              : i == at                             ? PH_TRACE_FAIL
                                                                                    : PH_TRACE_PASS;
            CHECK(trace.check[(int)first + i].result == want);
        }
    }
}

static bool policy_takes(void)
{
    struct ph_judge j = {.verdict = &verdict};

    verdict.check = PH_CHECK_CNT;
    ph_judge_tcb_policy(&j, &policy);
    return ph_judge_holds(&j);
}

TEST(denied_advisories_are_those_that_both_lists_count)
{
    (void)start();
    memcpy(policy.denied_advisories[0], "INTEL-SA-00001", 15);
    memcpy(policy.denied_advisories[1], "INTEL-SA-00002", 15);
    memcpy(verdict.advisories[0], "INTEL-SA-00003", 15);
    memcpy(verdict.advisories[1], "INTEL-SA-00002", 15);
    policy.denied_advisory_cnt = 1; /* the entries behind the counts are not there */
    verdict.advisory_cnt = 2;
    CHECK(policy_takes());
    policy.denied_advisory_cnt = 2;
    CHECK(!policy_takes() && verdict.check == PH_CHECK_POLICY_ADVISORY);
    verdict.advisory_cnt = 1;
    CHECK(policy_takes());
    memcpy(verdict.advisories[0], "INTEL-SA-00001", 15);
    memcpy(verdict.advisories[1], "INTEL-SA-00003", 15);
    verdict.advisory_cnt = 2; /* denied by the first is not undone by the second */
    CHECK(!policy_takes() && verdict.check == PH_CHECK_POLICY_ADVISORY);
}

TEST(no_policy_accepts_a_status_that_proves_nothing)
{
    (void)start();
    policy.statuses = UINT32_MAX;
    for (int s = 0; s < PH_TCB_STATUS_CNT; s++) {
        verdict.status = (enum ph_tcb_status)s;
        const bool never = s == PH_TCB_UNKNOWN || s == PH_TCB_NO_LEVEL || s == PH_TCB_REVOKED;
        CHECK(policy_takes() == !never);
        policy.statuses = UINT32_MAX & ~(1u << s);
        CHECK(!policy_takes() && verdict.check == PH_CHECK_POLICY_STATUS);
        policy.statuses = UINT32_MAX;
    }
}

TEST(the_tcb_date_of_the_policy_itself_is_enough)
{
    (void)start();
    policy.min_tcb_date_s = 1000;
    verdict.tcb_date_s = 999;
    CHECK(!policy_takes() && verdict.check == PH_CHECK_POLICY_TCB_DATE);
    verdict.tcb_date_s = 1000;
    CHECK(policy_takes());
}

static const char *sentence(bool simulator, bool demanded)
{
    struct ph_judge j = start();

    verdict.insecure_simulator = simulator;
    verdict.measurements_demanded = demanded;
    ph_judge_accept(&j);
    ph_judge_end(&j, "quote");
    CHECK(verdict.accepted && strcmp(verdict.reason, "accepted") == 0);
    return verdict.sentence;
}

TEST(a_sentence_says_what_was_proved_and_what_was_not)
{
    static const char any[] = "any code would have passed", marked[] = "INSECURE-SIMULATOR";

    CHECK(strcmp(sentence(false, true), "The quote is genuine and satisfies the policy.") == 0);
    CHECK(strstr(sentence(false, false), any) && strstr(verdict.sentence, "is genuine"));
    CHECK(strstr(sentence(true, true), marked) && !strstr(verdict.sentence, "genuine"));
    CHECK(!strstr(verdict.sentence, any));
    CHECK(strstr(sentence(true, false), marked) && strstr(verdict.sentence, any));
}

TEST(a_refusal_says_what_does_not_hold_and_what_was_seen)
{
    struct ph_judge j = start();

    ph_judge_end(&j, "quote");
    CHECK(strcmp(verdict.sentence, "Not judged: out of memory.") == 0);
    CHECK(!verdict.accepted && strcmp(verdict.reason, "not-judged") == 0);
    (void)ph_judge_check(&j, PH_CHECK_ROOT_PINNED, false, (struct ph_bytes){0});
    ph_judge_end(&j, "quote");
    CHECK(strncmp(verdict.sentence, "Refused: ", 9) == 0);
    CHECK(strstr(verdict.sentence, ph_check_holds(PH_CHECK_ROOT_PINNED)));
    CHECK(strstr(verdict.sentence, ph_check_remedy(PH_CHECK_ROOT_PINNED)));
    CHECK(!strchr(verdict.sentence, '('));
    (void)snprintf(verdict.detail, sizeof(verdict.detail), "seen");
    ph_judge_end(&j, "quote");
    CHECK(strstr(verdict.sentence, ". (seen)"));
}

TEST(a_root_is_trusted_by_a_counted_pin_of_its_own_maker)
{
    static struct ph_attest_roots roots;
    static const uint8_t key[32] = {7}, zero[32];
    bool simulator = false;

    (void)start();
    memset(&roots, 0, sizeof(roots));
    for (size_t i = 0; i < PH_ATTEST_PINS_MAX; i++) {
        roots.pin[i].maker = PH_ROOT_AWS_NITRO;
        roots.pin[i].spki_sha256[0] = (uint8_t)(100 + i);
    }
    memcpy(roots.pin[PH_ATTEST_PINS_MAX - 1].spki_sha256, key, 32);
    roots.pin_cnt = PH_ATTEST_PINS_MAX;
    CHECK(ph_attest_root_is_trusted(&roots, NULL, PH_ROOT_AWS_NITRO, key, &simulator));
    CHECK(!ph_attest_root_is_trusted(&roots, NULL, PH_ROOT_AMD_MILAN, key, &simulator));
    roots.pin_cnt = PH_ATTEST_PINS_MAX - 1;
    CHECK(!ph_attest_root_is_trusted(&roots, NULL, PH_ROOT_AWS_NITRO, key, &simulator));
    /* A count beyond the array makes no pin of what lies behind: the count itself, as a maker. */
    static struct {
        struct ph_attest_roots roots;
        struct ph_root_pin behind[2];
    } over;
    over.roots = roots;
    over.roots.pin_cnt = PH_ATTEST_PINS_MAX + 1;
    CHECK(ph_attest_root_is_trusted(&over.roots, NULL, PH_ROOT_AWS_NITRO, key, &simulator));
    CHECK(!ph_attest_root_is_trusted(
        &over.roots, NULL, (enum ph_root_maker)(PH_ATTEST_PINS_MAX + 1), zero, &simulator));
    CHECK(!ph_attest_root_is_trusted(NULL, NULL, PH_ROOT_AWS_NITRO, key, &simulator));
    CHECK(!simulator);
}

TEST(a_simulators_root_is_trusted_if_the_policy_names_it_and_marks_the_verdict)
{
    static const struct ph_attest_roots none;
    static const uint8_t key[32] = {7}, other[32] = {8};
    struct ph_judge j = start();

    memcpy(policy.simulator_root_insecure, key, 32);
    CHECK(!ph_judge_root(&j, &none, &policy, PH_ROOT_AMD_MILAN, key));
    policy.has_simulator_root_insecure = true;
    CHECK(!ph_judge_root(&j, &none, &policy, PH_ROOT_AMD_MILAN, other));
    CHECK(!verdict.insecure_simulator);
    CHECK(ph_judge_root(&j, &none, &policy, PH_ROOT_AMD_MILAN, key));
    CHECK(verdict.insecure_simulator);
}

TEST(every_status_has_its_own_name)
{
    enum ph_tcb_status parsed;

    for (int s = 0; s < PH_TCB_STATUS_CNT; s++) {
        for (int other = 0; other < s; other++)
            CHECK(strcmp(ph_tcb_status_name((enum ph_tcb_status)s),
                         ph_tcb_status_name((enum ph_tcb_status)other)) != 0);
    }
    CHECK(strcmp(ph_tcb_status_name(PH_TCB_STATUS_CNT), ph_tcb_status_name(PH_TCB_UNKNOWN)) == 0);
    CHECK(ph_tcb_status_parse(ph_bytes_str("Revoked"), &parsed) == PH_OK &&
          parsed == PH_TCB_REVOKED);
    CHECK(ph_tcb_status_parse(ph_bytes_str("NoMatchingLevel"), &parsed) == PH_ERR_NOT_FOUND);
}

PH_TEST_MAIN(CASE(every_status_has_its_own_name), CASE(a_verdict_holds_until_the_earliest_end),
             CASE(the_first_check_that_fails_is_the_verdicts),
             CASE(a_trace_keeps_the_first_bytes_that_a_check_saw),
             CASE(a_parser_stops_at_the_first_check_that_fails),
             CASE(denied_advisories_are_those_that_both_lists_count),
             CASE(no_policy_accepts_a_status_that_proves_nothing),
             CASE(the_tcb_date_of_the_policy_itself_is_enough),
             CASE(a_sentence_says_what_was_proved_and_what_was_not),
             CASE(a_refusal_says_what_does_not_hold_and_what_was_seen),
             CASE(a_root_is_trusted_by_a_counted_pin_of_its_own_maker),
             CASE(a_simulators_root_is_trusted_if_the_policy_names_it_and_marks_the_verdict))
