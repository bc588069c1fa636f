#include "verify_fresher.h"

#include "base/own.h"
#include "verify_checks.h"

#include <stdio.h>
#include <stdlib.h>

static void input_freep(struct ph_verify_input **in)
{
    if (*in)
        ph_verify_input_clear(*in);
    free(*in);
}

static void steps_clear(struct ph_verify_report *report)
{
    json_decref(report->steps);
}

/* What OTHER is checked for: that it is a receipt, not what it is about. A bare one is judged with
 * the evidence or the signer that RECEIPT is. */
static enum ph_err load_other(const struct ph_fresher_args *args, const struct ph_verify_input *in,
                              struct ph_verify_input *out, char why[static PH_VERIFY_WHY_LEN])
{
    const struct ph_verify_opts opts = {.file = args->opts->fresher_than,
                                        .signer = args->opts->signer};

    PH_TRY(ph_verify_input_load(&opts, out, why));
    if (!out->has_attestation && in->has_attestation) {
        out->attestation = in->attestation; /* a view, which outlives this */
        out->has_attestation = true;
    }
    return PH_OK;
}

static const char *first_failed(const struct ph_verify_report *report)
{
    for (size_t i = 0; i < json_array_size(report->steps); i++) {
        const json_t *step = json_array_get(report->steps, i);
        const char *result = json_string_value(json_object_get(step, "result"));
        if (result && strcmp(result, "FAIL") == 0)
            return json_string_value(json_object_get(step, "check"));
    }
    return "out of memory";
}

/* All steps that a receipt alone goes through; they are told as one. */
static enum ph_err judge_other(const struct ph_fresher_args *args, const struct ph_verify_input *in,
                               struct ph_verify_report *report, char why[static PH_VERIFY_WHY_LEN])
{
    struct ph_verify_report own __attribute__((cleanup(steps_clear))) = {0};
    struct ph_verdict *verdict PH_OWNED(ph_freep) = calloc(1, sizeof(*verdict));
    struct ph_eth_address signer;
    uint8_t root[32];
    const int64_t now_s =
        args->at_receipt ? (int64_t)(in->receipt.batch_time_ms / 1000) : args->now_s;

    if (!verdict)
        return PH_ERR_NOMEM;
    ph_verify_receipt(in, &own, &signer);
    if (in->has_attestation)
        PH_TRY(ph_verify_evidence(in, args->policy, args->opts->accept_simulator_insecure, now_s,
                                  &signer, &own, verdict, root, why));
    else
        ph_verify_signer(in, &signer, &own);
    const bool ok = own.fail_cnt == 0 && !own.no_memory;
    json_t *step =
        ph_report_step(report, "other-receipt", ok ? PH_STEP_PASSED : PH_STEP_FAILED,
                       ok ? "%.200s: every check of it held%s" : "%.200s does not verify: %s",
                       args->opts->fresher_than, ok ? "" : first_failed(&own));
    ph_report_bytes(report, step, "signer", PH_BYTES_OF(signer.b));
    if (step && own.steps && json_object_set(step, "checks_of_other", own.steps) != 0)
        report->no_memory = true;
    return PH_OK;
}

static void compare_states(const struct ph_receipt_fields *a, const struct ph_receipt_fields *b,
                           struct ph_verify_report *report)
{
    const unsigned long long ours = a->state.commit_index, theirs = b->state.commit_index;
    const bool same_root = memcmp(a->state.root.b, b->state.root.b, 32) == 0;
    const bool nobodys = a->outcome == PH_OUTCOME_FAILED || b->outcome == PH_OUTCOME_FAILED;
    json_t *step = NULL;

    if (nobodys)
        step = ph_report_step(report, "fresher-than", PH_STEP_FAILED,
                              "the worker answered for the phat in %s: that receipt names no state",
                              a->outcome == PH_OUTCOME_FAILED ? "this call" : "the other call");
    else if (ours < theirs)
        step = ph_report_step(report, "fresher-than", PH_STEP_FAILED,
                              "rollback: this answer was made from commit %llu, the other one was "
                              "already made from commit %llu%s",
                              ours, theirs,
                              a->time_ms < b->time_ms
                                  ? "; by the worker's clock the other call came later: if it did, "
                                    "this proves nothing"
                                  : "");
    else if (ours == theirs && !same_root)
        step = ph_report_step(report, "fresher-than", PH_STEP_FAILED,
                              "fork: both answers were made from commit %llu, and it has two "
                              "different roots",
                              ours);
    else
        step = ph_report_step(report, "fresher-than", PH_STEP_PASSED,
                              "commit %llu is %s commit %llu of the other receipt", ours,
                              ours == theirs ? "the same as" : "later than", theirs);
    ph_report_bytes(report, step, "root", PH_BYTES_OF(a->state.root.b));
    ph_report_bytes(report, step, "other root", PH_BYTES_OF(b->state.root.b));
}

enum ph_err ph_verify_fresher(const struct ph_fresher_args *args, const struct ph_verify_input *in,
                              struct ph_verify_report *report, char why[static PH_VERIFY_WHY_LEN])
{
    struct ph_verify_input *other PH_OWNED(input_freep) = calloc(1, sizeof(*other));
    struct ph_receipt_fields a, b;

    (void)snprintf(why, PH_VERIFY_WHY_LEN, "out of memory");
    if (!other)
        return PH_ERR_NOMEM;
    PH_TRY(load_other(args, in, other, why));
    PH_TRY(judge_other(args, other, report, why));
    ph_receipt_leaf_view(&in->receipt.leaf, &a);
    ph_receipt_leaf_view(&other->receipt.leaf, &b);
    const bool same = memcmp(a.phat.b, b.phat.b, sizeof(a.phat.b)) == 0;
    json_t *step = ph_report_step(report, "same-phat", same ? PH_STEP_PASSED : PH_STEP_FAILED, "%s",
                                  same ? "both receipts are about this phat"
                                       : "the other receipt is about another phat");
    ph_report_bytes(report, step, "other", PH_BYTES_OF(b.phat.b));
    if (same)
        compare_states(&a, &b, report);
    else
        (void)ph_report_step(report, "fresher-than", PH_STEP_FAILED,
                             "states of two phats cannot be compared");
    return PH_OK;
}
