#include "committee.h"

#include "attest/amd/snp_chain.h"
#include "attest/evidence.h"
#include "attest/intel/pki.h"
#include "attest/intel/quote.h"
#include "base/own.h"
#include "crypto/hash.h"

#include <stdlib.h>

/* As the contracts number them: ITeeVerifier.sol. */
enum { KIND_SGX = 1, KIND_TDX = 2, KIND_SNP = 3 };
#define FLAG_SIMULATED (UINT64_C(1) << 31)
enum {
    FLAG_DYNAMIC_PLATFORM = 1 << 0,
    FLAG_CACHED_KEYS = 1 << 1,
    FLAG_SMT = 1 << 2,
    FLAG_TD_PKS = 1 << 3,
    FLAG_TD_PERFMON = 1 << 4,
};
enum { DEVELOPMENT_CHAIN = 31337, PCK_CHAIN_TYPE = 5 };
/* TDX module 1.5 base specification, ATTRIBUTES: bytes and bits of PKS (30) and PERFMON (63). */
enum { PKS_AT = 3, PKS_BIT = 0x40, PERFMON_AT = 7, PERFMON_BIT = 0x80 };
/* What names a TD: MRCONFIGID, MROWNER … of its report, beginning with MRTD. */
enum { TD_IMAGE_AT = 136, TD_IMAGE_LEN = 384 };

/* One judgement. */
struct judgement {
    const struct ph_evidence *evidence;
    struct ph_verdict *verdict;
    struct ph_chain *pck; /* Intel's: the platform's certificates */
};

static void judgement_clear(struct judgement *j)
{
    free(j->verdict);
    ph_chain_free(j->pck);
}

static enum ph_err open_pck(struct judgement *j)
{
    struct ph_intel_quote quote;
    enum ph_check check;

    PH_TRY(ph_intel_quote_parse(j->evidence->quote, &quote, &check));
    return ph_chain_parse_pck(
        quote.cert_type == PCK_CHAIN_TYPE ? quote.cert_data : j->evidence->collateral.pck_chain_pem,
        NULL, &j->pck);
}

/* The root that vouches, whoever's it is: SHA-256 of its SubjectPublicKeyInfo. */
static enum ph_err root_of(struct judgement *j, uint8_t out[static 32])
{
    const struct ph_snp_chain_source source = {.vek = j->evidence->snp.vek_cert,
                                               .chain = j->evidence->snp.cert_chain,
                                               .crl = j->evidence->snp.crl};
    struct ph_snp_chain *chain PH_OWNED(ph_snp_chain_freep) = NULL;
    enum ph_check check;

    if (j->pck) {
        ph_sha256(j->pck->root.spki, out);
        return PH_OK;
    }
    PH_TRY(ph_snp_chain_new(&source, &chain, &check));
    memcpy(out, chain->ark_spki_sha256, 32);
    return PH_OK;
}

/* What every member asks of evidence. On the development chain a root of nobody's is a simulator's.
 */
static enum ph_err make_policy(struct judgement *j, uint64_t chain_id, struct ph_policy *out)
{
    out->statuses = UINT32_MAX; /* but those that no policy can accept: attest/judge.c */
    out->any_measurement = true;
    out->snp.require_crl = true;
    if (chain_id != DEVELOPMENT_CHAIN || root_of(j, out->simulator_root_insecure) != PH_OK)
        return PH_OK;
    out->has_simulator_root_insecure = true;
    return PH_OK;
}

static enum ph_err verify(struct judgement *j, uint64_t chain_id, const struct ph_hash32 *bind,
                          int64_t time_s, char why[static CLUSTER_WHY_LEN])
{
    struct ph_policy *policy PH_OWNED(ph_freep) = calloc(1, sizeof(*policy));
    const struct ph_attest_roots roots = ph_attest_roots_production();
    uint8_t report_data[64] = {0};

    j->verdict = calloc(1, sizeof(*j->verdict));
    if (!policy || !j->verdict)
        return cluster_refuse(why, PH_ERR_NOMEM, "no memory to judge evidence");
    memcpy(report_data, bind->b, sizeof(bind->b));
    PH_TRY(make_policy(j, chain_id, policy));
    const struct ph_evidence_args args = {.evidence = j->evidence,
                                          .roots = &roots,
                                          .policy = policy,
                                          .report_data = report_data,
                                          .now_s = time_s};
    const enum ph_err err = ph_evidence_verify(&args, j->verdict);
    if (err != PH_OK || !j->verdict->accepted)
        (void)snprintf(why, CLUSTER_WHY_LEN, "evidence refused: %s: %.190s", j->verdict->reason,
                       j->verdict->sentence);
    return err == PH_OK && !j->verdict->accepted ? PH_ERR_UNTRUSTED : err;
}

static bool is_zero(struct ph_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        if (bytes.ptr[i] != 0)
            return false;
    return true;
}

/* keccak-256 over kind and measurement tuple: TeeImage.sol. */
static void image_of(uint8_t kind, const struct ph_bytes *parts, size_t part_cnt,
                     struct ph_hash32 *out)
{
    uint8_t raw[2 + TD_IMAGE_LEN] = {0, kind};
    size_t len = 2;

    for (size_t i = 0; i < part_cnt; i++) {
        memcpy(raw + len, parts[i].ptr, parts[i].len);
        len += parts[i].len;
    }
    ph_keccak256((struct ph_bytes){raw, len}, out->b);
}

static enum ph_err claim_intel_platform(const struct judgement *j,
                                        struct ph_abi_verifier_committee_claims *out,
                                        char why[static CLUSTER_WHY_LEN])
{
    static const char label[] = "phala.platform.intel";
    const struct ph_sgx_ext *ext;
    uint8_t raw[sizeof(label) - 1 + sizeof(ext->ppid)];

    if (!j->pck)
        return cluster_refuse(why, PH_ERR_UNTRUSTED, "evidence: no PCK certificate names it");
    ext = &j->pck->sgx;
    memcpy(raw, label, sizeof(label) - 1);
    memcpy(raw + sizeof(label) - 1, ext->ppid, sizeof(ext->ppid));
    ph_keccak256(PH_BYTES_OF(raw), out->platform_id.b);
    out->flags |= ext->dynamic_platform ? FLAG_DYNAMIC_PLATFORM : 0;
    out->flags |= ext->cached_keys ? FLAG_CACHED_KEYS : 0;
    out->flags |= ext->smt_enabled ? FLAG_SMT : 0;
    return PH_OK;
}

static enum ph_err claim_tdx(const struct judgement *j,
                             struct ph_abi_verifier_committee_claims *out,
                             char why[static CLUSTER_WHY_LEN])
{
    const struct ph_tdx_body *td = &j->verdict->claims.tdx;
    const struct ph_bytes tuple = {(const uint8_t *)td + TD_IMAGE_AT, TD_IMAGE_LEN};

    if (is_zero(PH_BYTES_OF(td->mr_td)))
        return cluster_refuse(why, PH_ERR_UNTRUSTED, "evidence: a measurement of zeros");
    out->kind = KIND_TDX;
    image_of(KIND_TDX, &tuple, 1, &out->image);
    out->flags |= td->td_attributes[PKS_AT] & PKS_BIT ? FLAG_TD_PKS : 0;
    out->flags |= td->td_attributes[PERFMON_AT] & PERFMON_BIT ? FLAG_TD_PERFMON : 0;
    return claim_intel_platform(j, out, why);
}

static enum ph_err claim_sgx(const struct judgement *j,
                             struct ph_abi_verifier_committee_claims *out,
                             char why[static CLUSTER_WHY_LEN])
{
    const uint8_t *body = (const uint8_t *)&j->verdict->claims.sgx;
    const struct ph_bytes tuple[] = {{body + 64, 32}, {body + 128, 32}, {body + 192, 64},
                                     {body + 256, 6}, {body + 32, 16},  {body + 304, 16}};

    if (is_zero(tuple[0]))
        return cluster_refuse(why, PH_ERR_UNTRUSTED, "evidence: a measurement of zeros");
    out->kind = KIND_SGX;
    image_of(KIND_SGX, tuple, PH_LEN(tuple), &out->image);
    return claim_intel_platform(j, out, why);
}

/* The tuple is all that the guest's owner and host chose, as it lies in the report: GUEST_SVN,
 * POLICY, FAMILY_ID, IMAGE_ID; MEASUREMENT, HOST_DATA, ID_KEY_DIGEST, AUTHOR_KEY_DIGEST. */
static enum ph_err claim_snp(const struct judgement *j,
                             struct ph_abi_verifier_committee_claims *out,
                             char why[static CLUSTER_WHY_LEN])
{
    static const char label[] = "phala.platform.amd";
    const struct ph_snp_claims *c = &j->verdict->claims.snp;
    const uint8_t *report = j->evidence->quote.ptr;
    const struct ph_bytes tuple[] = {
        {report + offsetof(struct ph_snp_report, guest_svn),
         offsetof(struct ph_snp_report, vmpl) - offsetof(struct ph_snp_report, guest_svn)},
        {report + offsetof(struct ph_snp_report, measurement),
         offsetof(struct ph_snp_report, report_id) - offsetof(struct ph_snp_report, measurement)}};
    uint8_t raw[sizeof(label) - 1 + sizeof(c->chip_id)];

    if (is_zero(PH_BYTES_OF(c->measurement)))
        return cluster_refuse(why, PH_ERR_UNTRUSTED, "evidence: a measurement of zeros");
    if (is_zero(PH_BYTES_OF(c->chip_id)))
        return cluster_refuse(why, PH_ERR_UNTRUSTED,
                              "evidence: the host masks the chip's identity, so that one machine "
                              "could be many: have it switched on");
    out->kind = KIND_SNP;
    image_of(KIND_SNP, tuple, PH_LEN(tuple), &out->image);
    memcpy(raw, label, sizeof(label) - 1);
    memcpy(raw + sizeof(label) - 1, c->chip_id, sizeof(c->chip_id));
    ph_keccak256(PH_BYTES_OF(raw), out->platform_id.b);
    out->flags |= c->platform_info & PH_SNP_PLATFORM_SMT ? FLAG_SMT : 0;
    return PH_OK;
}

static enum ph_err claim(const struct judgement *j, int64_t time_s,
                         struct ph_abi_verifier_committee_claims *out,
                         char why[static CLUSTER_WHY_LEN])
{
    const struct ph_verdict *v = j->verdict;

    if (v->valid_until_s <= time_s)
        return cluster_refuse(why, PH_ERR_UNTRUSTED,
                              "evidence: nothing says until when it is to be believed");
    *out = (struct ph_abi_verifier_committee_claims){
        .tcb_status = (uint64_t)v->status,
        .eval_no = v->evaluation_number,
        .evidence_time = (uint64_t)time_s,
        .valid_until = (uint64_t)v->valid_until_s,
        .tcb_date = v->tcb_date_s > 0 ? (uint64_t)v->tcb_date_s : 0,
        .flags = v->insecure_simulator ? FLAG_SIMULATED : 0};
    switch (v->claims.tee) {
    case PH_TEE_TDX:
        return claim_tdx(j, out, why);
    case PH_TEE_SGX:
        return claim_sgx(j, out, why);
    case PH_TEE_SNP:
        return claim_snp(j, out, why);
    case PH_TEE_NITRO:
    case PH_TEE_NVIDIA:
    case PH_TEE_NONE:
        break;
    }
    return cluster_refuse(why, PH_ERR_UNSUPPORTED, "evidence: of a kind that no chain knows");
}

enum ph_err committee_judge(uint64_t chain_id, struct ph_bytes evidence,
                            const struct ph_hash32 *bind, int64_t time_s,
                            struct ph_abi_verifier_committee_claims *out,
                            char why[static CLUSTER_WHY_LEN])
{
    struct ph_evidence_bundle *bundle PH_OWNED(ph_evidence_freep) = NULL;
    struct judgement j PH_OWNED(judgement_clear) = {0};
    struct ph_abi_verifier_committee_claims claims = {0};
    struct ph_json_why where = {""};

    const enum ph_err err = ph_evidence_parse(evidence, &bundle, &where);
    if (err != PH_OK) {
        (void)snprintf(why, CLUSTER_WHY_LEN, "evidence: %.200s", where.text);
        return err;
    }
    j.evidence = ph_evidence_view(bundle);
    const enum ph_evidence_kind kind = ph_evidence_quote_kind(j.evidence);
    if ((kind != PH_EVIDENCE_INTEL && kind != PH_EVIDENCE_SNP) ||
        j.evidence->nvidia.evidence.len > 0)
        return cluster_refuse(why, PH_ERR_UNSUPPORTED,
                              "evidence: members judge one quote of Intel's or one SEV-SNP report");
    if (kind == PH_EVIDENCE_INTEL && open_pck(&j) != PH_OK)
        return cluster_refuse(why, PH_ERR_UNTRUSTED,
                              "evidence: the quote comes without its PCK chain");
    PH_TRY(verify(&j, chain_id, bind, time_s, why));
    PH_TRY(claim(&j, time_s, &claims, why));
    *out = claims;
    return PH_OK;
}
