#include "attest/eventlog/event_log.h"
#include "attest/intel/verify_priv.h"

static enum ph_err open_quote(struct ph_judgement *j)
{
    enum ph_check failed;
    const enum ph_err err = ph_intel_quote_parse(j->args->quote, &j->quote, &failed);

    ph_judge_format(&j->judge, PH_CHECK_QUOTE_LENGTH, PH_CHECK_QUOTE_TRAILING - 1, failed,
                    j->args->quote);
    PH_TRY(err);
    (void)ph_judge(j, PH_CHECK_QUOTE_TRAILING,
                   j->args->policy->exact_length ? j->quote.trailing.len == 0
                                                 : ph_intel_quote_padding_is_zero(&j->quote),
                   j->quote.trailing);
    memcpy(&j->qe_report, j->quote.qe_report.ptr, sizeof(j->qe_report));
    if (j->quote.tee == PH_TEE_SGX)
        memcpy(&j->enclave, j->quote.body.ptr, sizeof(j->enclave));
    else
        ph_intel_quote_tdx(&j->quote, &j->td);
    if (ph_intel_quote_has_tdx15(&j->quote))
        ph_intel_quote_tdx15(&j->quote, &j->td15);
    return PH_OK;
}

/* The chain inside the quote; or the collateral's, for quotes that only name their PCK. */
static enum ph_err open_chain(struct ph_judgement *j, struct ph_cached *ref)
{
    const bool inside = j->quote.cert_type == PH_QUOTE_CERT_PCK_CHAIN;

    j->pck_pem = inside ? ph_pem_trim(j->quote.cert_data) : j->collateral->pck_pem;
    if (!ph_judge(j, PH_CHECK_PCK_PRESENT, j->pck_pem.len > 0, j->pck_pem))
        return PH_OK;
    const enum ph_err err =
        ph_chain_get(j->args->cache, j->collateral, j->pck_pem, j->args->now_s, ref);
    if (err == PH_ERR_NOMEM)
        return err;
    if (ph_judge(j, PH_CHECK_PCK_FORMAT, err == PH_OK, j->pck_pem))
        j->chain = ref->value;
    return err;
}

static void judge_report_data(struct ph_judgement *j)
{
    const struct ph_bytes got = ph_intel_quote_report_data(&j->quote);
    if (!j->args->report_data_unchecked)
        (void)ph_judge(j, PH_CHECK_REPORT_DATA,
                       ph_ct_equal(got.ptr, j->args->report_data, PH_REPORT_DATA_LEN), got);
}

/* An event log, where one is demanded. */
static enum ph_err judge_events(struct ph_judgement *j, struct ph_event_claims *out)
{
    if (!j->args->event_log)
        return PH_OK;
    if (j->args->trace)
        j->args->trace->has_events = true;
    if (!ph_judge(j, PH_CHECK_EVENT_TEE, j->quote.tee == PH_TEE_TDX, j->quote.body))
        return PH_OK;
    const struct ph_event_input in = {.log = *j->args->event_log,
                                      .rtmr3_alone = j->args->event_log_rtmr3_alone,
                                      .vm_config = j->args->vm_config};
    return ph_judge_event_log(&j->judge, &in, &j->td, out);
}

static void write_claims(const struct ph_judgement *j, struct ph_claims *out)
{
    const struct ph_sgx_ext *pck = &j->chain->sgx;

    out->tee = j->quote.tee;
    out->quote_version = j->quote.version;
    out->sgx = j->enclave;
    out->tdx = j->td;
    out->tdx15 = j->td15;
    out->has_tdx15 = ph_intel_quote_has_tdx15(&j->quote);
    memcpy(out->report_data, ph_intel_quote_report_data(&j->quote).ptr, PH_REPORT_DATA_LEN);
    out->report_data_checked = !j->args->report_data_unchecked;
    memcpy(out->fmspc, pck->fmspc, sizeof(out->fmspc));
    memcpy(out->pceid, pck->pceid, sizeof(out->pceid));
    memcpy(out->cpusvn, pck->cpusvn, sizeof(out->cpusvn));
    out->pcesvn = pck->pcesvn;
    out->has_platform_instance = pck->has_platform_instance;
    memcpy(out->platform_instance, pck->platform_instance, sizeof(out->platform_instance));
    out->insecure_simulator = j->verdict->insecure_simulator;
    out->verified_at_s = j->args->now_s;
}

static enum ph_err judge_all(struct ph_judgement *j, struct ph_cached *ref)
{
    struct ph_event_claims events;

    PH_TRY(open_quote(j));
    PH_TRY(open_chain(j, ref));
    if (!j->chain)
        return PH_ERR_UNTRUSTED;
    j->authentic = true;
    ph_judge_pck_chain(j);
    ph_judge_tcb_info(j);
    ph_judge_qe_identity(j);
    ph_judge_crls(j);
    ph_judge_signatures(j);
    ph_judge_tdx_module(j);
    ph_judge_tcb_level(j);
    PH_TRY(judge_events(j, &events));
    judge_report_data(j);
    ph_judge_policy(j);
    if (j->verdict->check != PH_CHECK_CNT)
        return PH_ERR_UNTRUSTED;

    ph_judge_accept(&j->judge);
    write_claims(j, &j->verdict->claims);
    j->verdict->claims.has_events = j->args->event_log != NULL;
    if (j->verdict->claims.has_events)
        j->verdict->claims.events = events;
    return PH_OK; /* the only way to say yes */
}

enum ph_err ph_quote_verify_with(const struct ph_verify_args *args, struct ph_verdict *out)
{
    static struct ph_collateral nothing; /* never written; a const would be 70 KiB of zeros */
    static const struct ph_attest_roots nobody;
    struct ph_verify_args a = *args;
    struct ph_cached ref = {0};

    /* What is missing denies. */
    if (!a.policy)
        a.policy = ph_policy_denies();
    if (!a.roots)
        a.roots = &nobody;
    struct ph_judgement j = {
        .args = &a,
        .collateral = a.collateral ? a.collateral : &nothing,
        .judge = {.verdict = out, .trace = a.trace},
        .verdict = out,
    };
    ph_judge_start(&j.judge, PH_GROUP_INTEL, a.policy);
    enum ph_err err;
    if (!a.report_data && !a.report_data_unchecked) {
        (void)ph_judge(&j, PH_CHECK_REPORT_DATA, false, (struct ph_bytes){0});
        err = PH_ERR_UNTRUSTED;
    } else {
        err = judge_all(&j, &ref);
    }
    ph_cached_release(&ref);
    ph_judge_end(&j.judge, "quote");
    return err;
}

enum ph_err ph_quote_verify(struct ph_bytes quote, const struct ph_collateral *collateral,
                            const struct ph_attest_roots *roots, const struct ph_policy *policy,
                            const uint8_t report_data[static PH_REPORT_DATA_LEN], int64_t now_s,
                            struct ph_verdict *out)
{
    const struct ph_verify_args args = {
        .quote = quote,
        .collateral = collateral,
        .roots = roots,
        .policy = policy,
        .report_data = report_data,
        .now_s = now_s,
    };
    return ph_quote_verify_with(&args, out);
}

enum ph_err ph_quote_verify_report_data_unchecked(struct ph_bytes quote,
                                                  const struct ph_collateral *collateral,
                                                  const struct ph_attest_roots *roots,
                                                  const struct ph_policy *policy, int64_t now_s,
                                                  struct ph_verdict *out)
{
    const struct ph_verify_args args = {
        .quote = quote,
        .collateral = collateral,
        .roots = roots,
        .policy = policy,
        .report_data_unchecked = true,
        .now_s = now_s,
    };
    return ph_quote_verify_with(&args, out);
}

enum ph_err ph_quote_peek_report_data(struct ph_bytes quote, uint8_t out[static PH_REPORT_DATA_LEN])
{
    struct ph_intel_quote q;
    enum ph_check failed;
    if (ph_intel_quote_parse(quote, &q, &failed) != PH_OK)
        return PH_ERR_MALFORMED;
    memcpy(out, ph_intel_quote_report_data(&q).ptr, PH_REPORT_DATA_LEN);
    return PH_OK;
}
