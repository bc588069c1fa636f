#include "attest/judge.h"

#include <stdio.h>

void ph_judge_start(struct ph_judge *j, enum ph_check_group group, const struct ph_policy *policy)
{
    struct ph_verdict *v = j->verdict;

    memset(v, 0, sizeof(*v));
    v->check = PH_CHECK_CNT;
    v->reason = "not-judged"; /* until a check refuses, or all have passed */
    v->measurements_demanded = !policy->any_measurement;
    if (j->trace) {
        memset(j->trace, 0, sizeof(*j->trace));
        j->trace->group = group;
    }
}

bool ph_judge_check(struct ph_judge *j, enum ph_check check, bool holds, struct ph_bytes seen)
{
    struct ph_verdict *v = j->verdict;

    /* A check that is made twice, for launch and now or for two devices, fails if it fails once. */
    if (j->trace && j->trace->check[check].result != PH_TRACE_FAIL) {
        j->trace->check[check].result = holds ? PH_TRACE_PASS : PH_TRACE_FAIL;
        j->trace->check[check].bytes = seen;
        if (seen.len > 0)
            memcpy(j->trace->check[check].head, seen.ptr,
                   seen.len < PH_TRACE_HEAD_LEN ? seen.len : PH_TRACE_HEAD_LEN);
    }
    if (!holds && v->check == PH_CHECK_CNT) {
        v->check = check;
        v->step = ph_check_step(check);
        v->reason = ph_check_reason(check);
    }
    return holds;
}

void ph_judge_format(struct ph_judge *j, enum ph_check first, enum ph_check last,
                     enum ph_check failed, struct ph_bytes seen)
{
    for (enum ph_check c = first; c <= last && c <= failed; c++)
        (void)ph_judge_check(j, c, c != failed, seen);
}

void ph_judge_until(struct ph_judge *j, int64_t until_s)
{
    struct ph_verdict *v = j->verdict;
    if (v->valid_until_s == 0 || until_s < v->valid_until_s)
        v->valid_until_s = until_s;
}

static bool status_is_accepted(const struct ph_policy *p, enum ph_tcb_status status)
{
    /* No policy can accept evidence without a level, or a revoked one. */
    if (status == PH_TCB_UNKNOWN || status == PH_TCB_NO_LEVEL || status == PH_TCB_REVOKED)
        return false;
    return (p->statuses & (1u << status)) != 0;
}

static bool is_denied(const struct ph_policy *p, const char *advisory)
{
    for (size_t i = 0; i < p->denied_advisory_cnt; i++) {
        if (strcmp(p->denied_advisories[i], advisory) == 0)
            return true;
    }
    return false;
}

void ph_judge_tcb_policy(struct ph_judge *j, const struct ph_policy *policy)
{
    const struct ph_verdict *v = j->verdict;
    const struct ph_bytes none = {0};
    bool denied = false;

    (void)ph_judge_check(j, PH_CHECK_POLICY_STATUS, status_is_accepted(policy, v->status), none);
    (void)ph_judge_check(j, PH_CHECK_POLICY_TCB_DATE, v->tcb_date_s >= policy->min_tcb_date_s,
                         none);
    for (size_t i = 0; i < v->advisory_cnt; i++)
        denied = denied || is_denied(policy, v->advisories[i]);
    (void)ph_judge_check(j, PH_CHECK_POLICY_ADVISORY, !denied, none);
}

void ph_judge_accept(struct ph_judge *j)
{
    j->verdict->accepted = true;
    j->verdict->reason = "accepted";
}

void ph_judge_end(struct ph_judge *j, const char *what)
{
    struct ph_verdict *v = j->verdict;
    const char *simulator =
        v->insecure_simulator ? "INSECURE-SIMULATOR: nothing here proves hardware. " : "";

    if (v->accepted)
        (void)snprintf(v->sentence, sizeof(v->sentence), "%sThe %s %s the policy%s.", simulator,
                       what, v->insecure_simulator ? "satisfies" : "is genuine and satisfies",
                       v->measurements_demanded
                           ? ""
                           : ", which demands no measurement: any code would have passed");
    else if (v->check == PH_CHECK_CNT)
        (void)snprintf(v->sentence, sizeof(v->sentence), "Not judged: out of memory.");
    else
        (void)snprintf(v->sentence, sizeof(v->sentence),
                       "%sRefused: it does not hold that %s; %s.%s%s%s", simulator,
                       ph_check_holds(v->check), ph_check_remedy(v->check),
                       v->detail[0] ? " (" : "", v->detail, v->detail[0] ? ")" : "");
}

bool ph_attest_root_is_trusted(const struct ph_attest_roots *roots, const struct ph_policy *policy,
                               enum ph_root_maker maker, const uint8_t spki_sha256[static 32],
                               bool *simulator)
{
    for (size_t i = 0; roots && i < roots->pin_cnt && i < PH_ATTEST_PINS_MAX; i++) {
        if (roots->pin[i].maker == maker && memcmp(roots->pin[i].spki_sha256, spki_sha256, 32) == 0)
            return true;
    }
    if (!policy || !policy->has_simulator_root_insecure ||
        memcmp(policy->simulator_root_insecure, spki_sha256, 32) != 0)
        return false;
    *simulator = true;
    return true;
}

bool ph_judge_root(struct ph_judge *j, const struct ph_attest_roots *roots,
                   const struct ph_policy *policy, enum ph_root_maker maker,
                   const uint8_t spki_sha256[static 32])
{
    return ph_attest_root_is_trusted(roots, policy, maker, spki_sha256,
                                     &j->verdict->insecure_simulator);
}
