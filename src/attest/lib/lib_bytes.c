/* All of one judgement in one call. */

#include "attest/lib/lib_priv.h"
#include "base/own.h"

#include <string.h>

static void evidence_freep(struct phala_attest_evidence **evidence)
{
    phala_attest_evidence_free(*evidence);
}

static void policy_freep(struct phala_attest_policy **policy)
{
    phala_attest_policy_free(*policy);
}

static enum phala_attest_error open_policy(const char *json, struct phala_attest_policy **out)
{
    return json ? phala_attest_policy_parse(json, strlen(json), out, NULL)
                : phala_attest_policy_hardware(out);
}

/* What a bundle is judged with, in place of what the evidence brought; its own quote and GPUs are
 * not looked at. Views into the bundle. */
static void take_collateral(struct ph_evidence *e, const struct ph_evidence *from)
{
    const struct ph_nvidia_parts gpus = e->nvidia;

    e->collateral = from->collateral;
    e->snp = from->snp;
    e->nvidia = from->nvidia;
    e->nvidia.evidence = gpus.evidence;
    e->nvidia.chain = gpus.chain;
}

enum phala_attest_error phala_attest_verify_bytes(const uint8_t *evidence, size_t evidence_len,
                                                  const uint8_t *collateral, size_t collateral_len,
                                                  const char *policy, const uint8_t *report_data,
                                                  int64_t now_s, struct phala_attest_verdict **out)
{
    struct phala_attest_evidence *e PH_OWNED(evidence_freep) = NULL;
    struct phala_attest_evidence *with PH_OWNED(evidence_freep) = NULL;
    struct phala_attest_policy *p PH_OWNED(policy_freep) = NULL;

    if (!evidence || !report_data || !out)
        return PHALA_ATTEST_ARGUMENT;
    enum phala_attest_error err = open_policy(policy, &p);
    if (err == PHALA_ATTEST_OK)
        err = phala_attest_evidence_open(evidence, evidence_len, &e, NULL);
    if (err == PHALA_ATTEST_OK && collateral)
        err = phala_attest_evidence_open(collateral, collateral_len, &with, NULL);
    if (err != PHALA_ATTEST_OK)
        return err;
    if (with)
        take_collateral(&e->view, &with->view);
    const struct phala_attest_request request = {.size = sizeof(request),
                                                 .evidence = e,
                                                 .policy = p,
                                                 .now_s = now_s,
                                                 .report_data = report_data};
    return phala_attest_verify(&request, out);
}
