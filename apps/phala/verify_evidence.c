/* The steps over the evidence under a receipt's signer. */

#include "verify_checks.h"

#include "attest/intel/quote.h"
#include "attest/x509.h"
#include "base/own.h"
#include "codec/base64.h"
#include "crypto/hash.h"
#include "evidence_json.h"

#include <stdio.h>
#include <stdlib.h>

/* Report data, recomputed from the identity: only this makes the quote one about these keys. */
static void check_report_data(const struct ph_verify_input *in, struct ph_bytes quote,
                              struct ph_verify_report *report,
                              uint8_t report_data[static PH_REPORT_DATA_LEN])
{
    const struct ph_attestation_doc *doc = &in->attestation;
    uint8_t claimed[PH_REPORT_DATA_LEN] = {0}, bind[32];

    ph_worker_report_data(&doc->identity, doc->nonce, report_data);
    ph_worker_bind(&doc->identity, doc->nonce, bind);
    const bool has = ph_quote_peek_report_data(quote, claimed) == PH_OK;
    const bool same = has && memcmp(claimed, report_data, sizeof(claimed)) == 0;
    json_t *step = ph_report_step(
        report, "report-data", same ? PH_STEP_PASSED : PH_STEP_FAILED,
        "SHA-256 of phala.worker.v1, chain id %llu, registry, signer, caller key, operator and "
        "bind (nonce, TLS key, cluster): %s",
        (unsigned long long)doc->identity.chain_id,
        same ? "the quote is over this identity" : "the quote is over another identity");
    ph_report_bytes(report, step, "registry", PH_BYTES_OF(doc->identity.registry.b));
    ph_report_bytes(report, step, "signer", PH_BYTES_OF(doc->identity.signer.b));
    ph_report_bytes(report, step, "cluster", PH_BYTES_OF(doc->identity.cluster.b));
    ph_report_bytes(report, step, "caller x25519", PH_BYTES_OF(doc->identity.caller_x25519));
    ph_report_bytes(report, step, "operator", PH_BYTES_OF(doc->identity.operator_.b));
    ph_report_bytes(report, step, "tls key", PH_BYTES_OF(doc->identity.tls_pub));
    if (doc->identity.has_ohttp)
        ph_report_bytes(report, step, "ohttp keys", PH_BYTES_OF(doc->identity.ohttp_keys));
    ph_report_bytes(report, step, "nonce", PH_BYTES_OF(doc->nonce));
    ph_report_bytes(report, step, "bind", PH_BYTES_OF(bind));
    ph_report_bytes(report, step, "computed", (struct ph_bytes){report_data, PH_REPORT_DATA_LEN});
    ph_report_bytes(report, step, "quote", PH_BYTES_OF(claimed));
}

/* Key of the last certificate of the quote's own chain. False: there is none to be read. */
static bool root_of(struct ph_bytes quote, uint8_t root[static 32])
{
    struct ph_intel_quote parsed;
    struct ph_x509 cert;
    enum ph_check check;
    bool found = false;

    if (ph_intel_quote_parse(quote, &parsed, &check) != PH_OK)
        return false;
    struct ph_reader r = {parsed.cert_data};
    for (;;) {
        struct ph_buf der PH_OWNED(ph_buf_clear) = PH_BUF(PH_X509_MAX);
        if (ph_pem_next(&r, "CERTIFICATE", &der) != PH_OK)
            return found;
        found = ph_x509_parse(&ph_x509_profile_intel, ph_buf_view(&der), &cert) == PH_OK;
        if (found)
            ph_sha256(cert.spki, root);
    }
}

/* The verifier's checks, put together by step. */
static void add_trace(struct ph_verify_report *report, const struct ph_trace *trace,
                      struct ph_bytes quote, const struct ph_verdict *verdict)
{
    json_t *all PH_OWNED(ph_json_freep) = NULL;

    if (ph_trace_doc(trace, quote, &all) != PH_OK) {
        report->no_memory = true;
        return;
    }
    for (enum ph_verify_step s = PH_STEP_NONE + 1; s < PH_STEP_CNT; s++) {
        size_t by_result[3] = {0};
        json_t *inner = json_array();
        size_t at = 0; /* in `all`, which has the checks of this trace only */
        for (enum ph_check c = 0; c < PH_CHECK_CNT; c++) {
            if (!ph_trace_has(trace, c))
                continue;
            const size_t index = at++;
            if (ph_check_step(c) != s)
                continue;
            by_result[trace->check[c].result]++;
            if (json_array_append(inner, json_array_get(all, index)) != 0)
                report->no_memory = true;
        }
        if (json_array_size(inner) == 0) { /* a step of other makers */
            json_decref(inner);
            continue;
        }
        const bool failed =
            by_result[PH_TRACE_FAIL] > 0 || (!verdict->accepted && verdict->step == s);
        const enum ph_step_result result = failed                         ? PH_STEP_FAILED
                                           : by_result[PH_TRACE_PASS] > 0 ? PH_STEP_PASSED
                                                                          : PH_STEP_SKIPPED;
        char name[64];
        (void)snprintf(name, sizeof(name), "evidence: %s", ph_step_name(s));
        json_t *step =
            failed ? ph_report_step(report, name, result, "%s", verdict->sentence)
                   : ph_report_step(report, name, result, "%zu checks held, %zu did not apply",
                                    by_result[PH_TRACE_PASS], by_result[PH_TRACE_SKIP]);
        if (!step || json_object_set_new(step, "checks", inner) != 0)
            report->no_memory = true;
    }
}

static void check_signer(const struct ph_verify_input *in, const struct ph_eth_address *signer,
                         const struct ph_verdict *verdict, struct ph_verify_report *report)
{
    const struct ph_eth_address *attested = &in->attestation.identity.signer;
    const bool same = memcmp(signer, attested, sizeof(*signer)) == 0;
    json_t *step = ph_report_step(
        report, "attested-signer", same && verdict->accepted ? PH_STEP_PASSED : PH_STEP_FAILED,
        "%s",
        !same                ? "the receipt was signed by another key than the evidence is about"
        : !verdict->accepted ? "the evidence about this key is refused"
        : verdict->insecure_simulator
            ? "INSECURE-SIMULATOR: the signer is the simulated worker's key; no hardware stands "
              "behind it"
            : "the receipt was signed by the key that this TEE holds");

    ph_report_bytes(report, step, "signer", PH_BYTES_OF(signer->b));
    ph_report_bytes(report, step, "attested", PH_BYTES_OF(attested->b));
    if (in->has_signer)
        ph_verify_signer(in, signer, report);
}

/* Judge, with the checks written down. */
static void judge(const struct ph_evidence *evidence, const struct ph_collateral *collateral,
                  const struct ph_policy *policy,
                  const uint8_t report_data[static PH_REPORT_DATA_LEN], int64_t now_s,
                  struct ph_trace *trace, struct ph_verify_report *report,
                  struct ph_verdict *verdict)
{
    const struct ph_attest_roots roots = ph_attest_roots_production();
    const struct ph_verify_args args = {.quote = evidence->quote,
                                        .collateral = collateral,
                                        .roots = &roots,
                                        .policy = policy,
                                        .report_data = report_data,
                                        .now_s = now_s,
                                        .trace = trace};

    if (ph_quote_verify_with(&args, verdict) != PH_OK)
        verdict->accepted = false;
    add_trace(report, trace, evidence->quote, verdict);
}

enum ph_err ph_verify_evidence(const struct ph_verify_input *in, const struct ph_policy *policy,
                               bool accept_simulator_insecure, int64_t now_s,
                               const struct ph_eth_address *signer, struct ph_verify_report *report,
                               struct ph_verdict *verdict, uint8_t root[static 32],
                               char why[static PH_VERIFY_WHY_LEN])
{
    struct ph_evidence_bundle *bundle PH_OWNED(ph_evidence_freep) = NULL;
    struct ph_collateral *collateral PH_OWNED(ph_collateral_freep) = NULL;
    struct ph_policy *used PH_OWNED(ph_freep) = malloc(sizeof(*used));
    struct ph_trace *trace PH_OWNED(ph_freep) = calloc(1, sizeof(*trace));
    struct ph_json_why json_why = {"out of memory"};
    uint8_t report_data[PH_REPORT_DATA_LEN];

    if (!used || !trace)
        return PH_ERR_NOMEM;
    enum ph_err err = ph_evidence_parse(in->attestation.evidence, &bundle, &json_why);
    if (err == PH_OK)
        err = ph_collateral_parse(&ph_evidence_view(bundle)->collateral, &collateral, &json_why);
    if (err != PH_OK) {
        (void)snprintf(why, PH_VERIFY_WHY_LEN, "evidence: %s", json_why.text);
        return err;
    }
    const struct ph_evidence *evidence = ph_evidence_view(bundle);
    (void)ph_report_step(
        report, "evidence-format", PH_STEP_PASSED, "%s with a quote of %zu bytes%s",
        PH_ATTESTATION_FORMAT, evidence->quote.len,
        in->attestation.insecure_simulator ? "; the worker calls itself INSECURE-SIMULATOR" : "");
    check_report_data(in, evidence->quote, report, report_data);
    *used = *policy;
    memset(root, 0, 32);
    if (root_of(evidence->quote, root) && accept_simulator_insecure) {
        used->has_simulator_root_insecure = true;
        memcpy(used->simulator_root_insecure, root, 32);
    }
    judge(evidence, collateral, used, report_data, now_s, trace, report, verdict);
    check_signer(in, signer, verdict, report);
    return PH_OK;
}
