/* ph_evidence_verify: each piece goes to its maker's verifier, and the verdicts become one. */

#include "attest/evidence.h"

#include "attest/amd/snp.h"
#include "attest/azure/hcl.h"
#include "attest/intel/verify.h"
#include "attest/judge.h"
#include "attest/nitro/nitro.h"
#include "attest/nvidia/verify.h"
#include "base/own.h"
#include "crypto/hash.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static void not_judged(struct ph_verdict *v, const struct ph_policy *policy, const char *why)
{
    struct ph_judge j = {.verdict = v};
    ph_judge_start(&j, PH_GROUP_ALL, policy);
    (void)snprintf(v->sentence, sizeof(v->sentence), "Not judged: %s.", why);
}

static enum ph_err verify_intel(const struct ph_evidence_args *args, struct ph_verdict *out)
{
    const struct ph_evidence *e = args->evidence;
    struct ph_collateral *parsed PH_OWNED(ph_collateral_freep) = NULL;
    struct ph_json_why why = {"out of memory"};

    if (!args->collateral) {
        const enum ph_err err = ph_collateral_parse(&e->collateral, &parsed, &why);
        if (err != PH_OK) {
            not_judged(out, args->policy, why.text);
            return err;
        }
    }
    const struct ph_verify_args a = {
        .quote = e->quote,
        .collateral = args->collateral ? args->collateral : parsed,
        .roots = args->roots,
        .policy = args->policy,
        .report_data = args->report_data,
        .report_data_unchecked = args->report_data_unchecked,
        .event_log = e->event_log.len > 0 ? &e->event_log : NULL,
        .event_log_rtmr3_alone = e->event_log_rtmr3_alone,
        .vm_config = e->vm_config,
        .now_s = args->now_s,
        .cache = args->cache,
        .trace = args->trace,
    };
    return ph_quote_verify_with(&a, out);
}

static enum ph_err verify_nitro(const struct ph_evidence_args *args, struct ph_verdict *out)
{
    const struct ph_nitro_args a = {
        .document = args->evidence->quote,
        .roots = args->roots,
        .policy = args->policy,
        .report_data = args->report_data,
        .report_data_unchecked = args->report_data_unchecked,
        .now_s = args->now_s,
        .trace = args->trace,
    };
    return ph_nitro_verify(&a, out);
}

/* `report_data`: what the report must have been asked for; NULL: not looked at. */
static enum ph_err verify_snp(const struct ph_evidence_args *args, struct ph_bytes report,
                              const uint8_t *report_data, bool unchecked, struct ph_verdict *out)
{
    const struct ph_snp_parts *p = &args->evidence->snp;
    const struct ph_snp_args a = {
        .report = report,
        .vek = p->vek_cert,
        .chain_pem = p->cert_chain,
        .crl = p->crl,
        .mr_config = p->mr_config,
        .roots = args->roots,
        .policy = args->policy,
        .report_data = report_data,
        .report_data_unchecked = unchecked,
        .now_s = args->now_s,
        .cache = args->cache,
        .trace = args->trace,
    };
    return ph_snp_verify(&a, out);
}

/* An accepted verdict is taken back: one more check does not hold. */
static enum ph_err refuse(const struct ph_evidence_args *args, enum ph_check check,
                          struct ph_bytes seen, struct ph_verdict *v)
{
    struct ph_judge j = {.verdict = v, .trace = args->trace};

    v->accepted = false;
    memset(&v->claims, 0, sizeof(v->claims));
    (void)ph_judge_check(&j, check, false, seen);
    ph_judge_end(&j, "report");
    return PH_ERR_UNTRUSTED;
}

/* The hardware vouches for the paravisor's runtime data, and these for what the guest asked to be
 * bound: the report data of the guest is its user data. */
static enum ph_err verify_azure(const struct ph_evidence_args *args, struct ph_verdict *out)
{
    uint8_t bound[PH_REPORT_DATA_LEN] = {0}, data[PH_REPORT_DATA_LEN] = {0};
    char why[128];
    struct ph_hcl hcl;
    size_t len = 0;

    const enum ph_err err = ph_hcl_parse(args->evidence->quote, &hcl, why);
    if (err != PH_OK) {
        not_judged(out, args->policy, why);
        return err;
    }
    if (hcl.kind != PH_HCL_SNP) {
        not_judged(out, args->policy,
                   "a TDREPORT is proved by no signature; judge the quote that Azure gives for it");
        return PH_ERR_UNSUPPORTED;
    }
    ph_sha256(hcl.runtime, bound);
    PH_TRY(verify_snp(args, hcl.report, bound, false, out));
    const bool has = ph_hcl_user_data(&hcl, data, &len) == PH_OK;
    if (!args->report_data_unchecked &&
        (!has || !args->report_data || !ph_ct_equal(data, args->report_data, sizeof(data))))
        return refuse(args, PH_CHECK_REPORT_DATA, hcl.runtime, out);
    memcpy(out->claims.report_data, data, sizeof(data));
    out->claims.report_data_checked = !args->report_data_unchecked;
    return PH_OK;
}

static enum ph_err verify_quote(const struct ph_evidence_args *args, struct ph_verdict *out)
{
    const enum ph_evidence_kind kind = ph_evidence_quote_kind(args->evidence);

    switch (kind) {
    case PH_EVIDENCE_INTEL:
        return verify_intel(args, out);
    case PH_EVIDENCE_NITRO:
        return verify_nitro(args, out);
    case PH_EVIDENCE_SNP:
        return verify_snp(args, args->evidence->quote, args->report_data,
                          args->report_data_unchecked, out);
    case PH_EVIDENCE_AZURE:
        return verify_azure(args, out);
    case PH_EVIDENCE_NONE:
    case PH_EVIDENCE_NVIDIA:
    case PH_EVIDENCE_DSTACK:
    case PH_EVIDENCE_BUNDLE:
    case PH_EVIDENCE_KIND_CNT:
        break;
    }
    not_judged(out, args->policy,
               "the quote is of no known kind, or not of the kind it is said to be");
    return PH_ERR_UNSUPPORTED;
}

static_assert((int)PH_EVIDENCE_RIMS_MAX == (int)PH_NVIDIA_RIMS_MAX &&
                  (int)PH_EVIDENCE_OCSP_MAX == (int)PH_NVIDIA_OCSP_MAX,
              "what a bundle holds can be judged");

static enum ph_err verify_gpus(const struct ph_evidence_args *args, const uint8_t *nonce,
                               struct ph_trace *trace, struct ph_verdict *out)
{
    const struct ph_nvidia_parts *p = &args->evidence->nvidia;
    const struct ph_nvidia_args a = {
        .evidence = p->evidence,
        .chain_pem = p->chain,
        .rims = p->rim,
        .rim_cnt = p->rim_cnt,
        .ocsp = p->ocsp,
        .ocsp_cnt = p->ocsp_cnt,
        .nonce = nonce,
        .nonce_unchecked = !nonce && args->report_data_unchecked,
        .roots = args->roots,
        .policy = args->policy,
        .now_s = args->now_s,
        .cache = args->cache,
        .trace = trace,
    };
    return ph_nvidia_verify(&a, out);
}

/* The earlier of two moments; 0 is none. */
static int64_t earlier(int64_t a, int64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* Two accepted verdicts become one. */
static void merge(struct ph_verdict *v, const struct ph_verdict *gpus)
{
    struct ph_judge j = {.verdict = v};

    v->tcb_date_s = earlier(v->tcb_date_s, gpus->tcb_date_s);
    v->valid_until_s = earlier(v->valid_until_s, gpus->valid_until_s);
    v->measurements_demanded = v->measurements_demanded && gpus->measurements_demanded;
    v->insecure_simulator = v->insecure_simulator || gpus->insecure_simulator;
    v->claims.insecure_simulator = v->insecure_simulator;
    v->claims.nvidia = gpus->claims.nvidia;
    v->claims.has_gpus = true;
    ph_judge_end(&j, "evidence");
}

/* The quote first; then the GPUs, which one challenge binds to it. */
static enum ph_err verify_both(const struct ph_evidence_args *args, struct ph_verdict *out)
{
    struct ph_verdict *gpus PH_OWNED(ph_freep) = malloc(sizeof(*gpus));
    uint8_t nonce[PH_SHA256_LEN];

    if (!gpus) {
        not_judged(out, args->policy, "out of memory");
        return PH_ERR_NOMEM;
    }
    PH_TRY(verify_quote(args, out));
    ph_sha256(PH_BYTES_OF(out->claims.report_data), nonce);
    const enum ph_err err =
        verify_gpus(args, args->nonce ? args->nonce : nonce, args->gpu_trace, gpus);
    if (err == PH_OK) {
        merge(out, gpus);
        return PH_OK;
    }
    gpus->insecure_simulator = gpus->insecure_simulator || out->insecure_simulator;
    *out = *gpus;
    return err;
}

enum ph_err ph_evidence_verify(const struct ph_evidence_args *args, struct ph_verdict *out)
{
    struct ph_evidence_args a = *args;

    if (!a.policy)
        a.policy = ph_policy_denies();
    /* A log that nobody replays must not look as if it had been judged. */
    if (a.evidence->event_log.len > 0 &&
        ph_evidence_detect(a.evidence->quote) != PH_EVIDENCE_INTEL) {
        not_judged(out, a.policy, "only the quote of a TD has an event log beside it");
        return PH_ERR_UNSUPPORTED;
    }
    if (a.evidence->nvidia.evidence.len == 0)
        return verify_quote(&a, out);
    if (a.evidence->quote.len == 0)
        return verify_gpus(&a, a.nonce, a.trace, out);
    return verify_both(&a, out);
}
