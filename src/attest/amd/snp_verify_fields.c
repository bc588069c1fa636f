/* Certificates and revocation, the fields of the report, its TCB. */

#include "attest/amd/snp_verify_priv.h"

static bool fact(const struct ph_snp_chain *c, enum ph_snp_fact f)
{
    return (c->facts & (uint32_t)f) != 0;
}

/* The status rests on this check: without it the rules have nothing authentic to work on. */
static void judge_authentic(struct ph_snp_judgement *j, enum ph_check check, bool holds,
                            struct ph_bytes seen)
{
    if (!ph_snp_judge(j, check, holds, seen))
        j->authentic = false;
}

static void judge_root(struct ph_snp_judgement *j)
{
    static const enum ph_root_maker makers[PH_SNP_PRODUCT_CNT] = {
        [PH_SNP_MILAN] = PH_ROOT_AMD_MILAN,
        [PH_SNP_GENOA] = PH_ROOT_AMD_GENOA,
        [PH_SNP_TURIN] = PH_ROOT_AMD_TURIN,
    };
    const struct ph_snp_chain *c = j->chain;

    /* No pin is of an unknown product's maker, and no profile fits its ARK. */
    (void)ph_snp_judge(j, PH_CHECK_SNP_ROOT,
                       ph_judge_root(&j->judge, j->args->roots, j->args->policy,
                                     makers[c->ark_product], c->ark_spki_sha256),
                       j->vek);
}

static void judge_crl(struct ph_snp_judgement *j)
{
    const struct ph_snp_chain *c = j->chain;
    const int64_t now = j->args->now_s;
    const struct ph_bytes seen = j->crl;

    (void)ph_snp_judge(j, PH_CHECK_SNP_CRL_PRESENT, c->has_crl || !j->args->policy->snp.require_crl,
                       seen);
    if (!c->has_crl)
        return;
    (void)ph_snp_judge(j, PH_CHECK_SNP_CRL_FORMAT, true, seen);
    (void)ph_snp_judge(j, PH_CHECK_SNP_CRL_ISSUER, fact(c, PH_SNP_FACT_CRL_ISSUER), seen);
    (void)ph_snp_judge(j, PH_CHECK_SNP_CRL_SIGNATURE, fact(c, PH_SNP_FACT_CRL_SIGNATURE), seen);
    (void)ph_snp_judge(j, PH_CHECK_SNP_CRL_ISSUED, c->crl_this_s <= now, seen);
    (void)ph_snp_judge(j, PH_CHECK_SNP_CRL_FRESH,
                       now < c->crl_next_s + (int64_t)j->args->policy->grace_s, seen);
    (void)ph_snp_judge(j, PH_CHECK_SNP_ASK_REVOKED, fact(c, PH_SNP_FACT_ASK_GOOD), seen);
    (void)ph_snp_judge(j, PH_CHECK_SNP_VEK_REVOKED, fact(c, PH_SNP_FACT_VEK_GOOD), seen);
    ph_judge_until(&j->judge, c->crl_next_s);
}

void ph_snp_judge_chain(struct ph_snp_judgement *j)
{
    const struct ph_snp_chain *c = j->chain;
    const struct ph_bytes vek = j->vek;
    const int64_t now = j->args->now_s;

    (void)ph_snp_judge(j, PH_CHECK_SNP_ARK_PROFILE, fact(c, PH_SNP_FACT_ARK_PROFILE), vek);
    (void)ph_snp_judge(j, PH_CHECK_SNP_ASK_PROFILE, fact(c, PH_SNP_FACT_ASK_PROFILE), vek);
    (void)ph_snp_judge(j, PH_CHECK_SNP_VEK_PROFILE, fact(c, PH_SNP_FACT_VEK_PROFILE), vek);
    (void)ph_snp_judge(j, PH_CHECK_SNP_CHAIN_LINKS, fact(c, PH_SNP_FACT_LINKS), vek);
    judge_authentic(j, PH_CHECK_SNP_VEK_EXTENSION, fact(c, PH_SNP_FACT_EXTENSION), vek);
    judge_authentic(j, PH_CHECK_SNP_ARK_SIGNATURE, fact(c, PH_SNP_FACT_ARK_SIGNATURE), vek);
    judge_authentic(j, PH_CHECK_SNP_ASK_SIGNATURE, fact(c, PH_SNP_FACT_ASK_SIGNATURE), vek);
    judge_authentic(j, PH_CHECK_SNP_VEK_SIGNATURE, fact(c, PH_SNP_FACT_VEK_SIGNATURE), vek);
    (void)ph_snp_judge(j, PH_CHECK_SNP_CHAIN_NOT_BEFORE, c->not_before_s <= now, vek);
    (void)ph_snp_judge(j, PH_CHECK_SNP_CHAIN_NOT_AFTER, now < c->not_after_s, vek);
    ph_judge_until(&j->judge, c->not_after_s);
    judge_root(j);
    judge_crl(j);
}

static bool is_zero(const uint8_t *b, size_t len)
{
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++)
        any |= b[i];
    return any == 0;
}

/* A version as one number: major, minor, build. */
static unsigned ordered(const struct ph_snp_firmware *f)
{
    return (unsigned)f->major << 16 | (unsigned)f->minor << 8 | f->build;
}

bool ph_snp_firmware_reaches(const struct ph_snp_firmware *b, const struct ph_snp_firmware *a)
{
    return ordered(b) >= ordered(a);
}

/* A VCEK binds the report to its chip. A VLEK belongs to no chip: an id that is not masked is
 * still that of the chip. */
static bool is_certified_chip(const struct ph_snp_judgement *j)
{
    const struct ph_snp_report *r = &j->evidence.report;

    if (j->chain->ext.product == PH_SNP_TURIN &&
        !is_zero(r->chip_id + PH_SNP_TURIN_CHIP_ID_LEN,
                 sizeof(r->chip_id) - PH_SNP_TURIN_CHIP_ID_LEN))
        return false;
    return j->chain->is_vlek || (!is_zero(r->chip_id, sizeof(r->chip_id)) &&
                                 memcmp(r->chip_id, j->chain->ext.chip_id, 64) == 0);
}

static void judge_identity(struct ph_snp_judgement *j)
{
    const struct ph_snp_report *r = &j->evidence.report;
    const uint32_t flags = ph_snp_u32(r->flags);

    /* Version 2 does not say: the certificate's word is taken, and the layout that follows. */
    judge_authentic(
        j, PH_CHECK_SNP_PRODUCT,
        j->evidence.version < 3 ||
            (j->chain->ext.product != PH_SNP_UNKNOWN &&
             ph_snp_product_of_cpu(r->cpuid_family[0], r->cpuid_model[0]) == j->chain->ext.product),
        PH_SNP_FIELD(j, cpuid_family));
    (void)ph_snp_judge(j, PH_CHECK_SNP_CHIP_ID, is_certified_chip(j), PH_SNP_FIELD(j, chip_id));
    (void)ph_snp_judge(
        j, PH_CHECK_SNP_CHIP_MASK,
        (flags & PH_SNP_FLAG_MASK_CHIP_KEY) == 0 ||
            (j->evidence.key == PH_SNP_KEY_VLEK && is_zero(r->chip_id, sizeof(r->chip_id))),
        PH_SNP_FIELD(j, flags));
    (void)ph_snp_judge(j, PH_CHECK_SNP_AUTHOR_KEY,
                       ((flags & PH_SNP_FLAG_AUTHOR_KEY) == 0) ==
                           is_zero(r->author_key_digest, sizeof(r->author_key_digest)),
                       PH_SNP_FIELD(j, author_key_digest));
    (void)ph_snp_judge(j, PH_CHECK_SNP_VMPL, j->vmpl <= PH_SNP_VMPL_MAX, PH_SNP_FIELD(j, vmpl));
}

/* [SNP] guest policy: what it asks for, the platform must do. AES-256 XTS, CXL, sockets and page
 * swapping leave no trace in platform_info. */
static bool policy_is_kept(const struct ph_snp_judgement *j)
{
    const uint64_t p = j->policy, info = j->platform_info;
    return ((p & PH_SNP_POLICY_SMT) != 0 || (info & PH_SNP_PLATFORM_SMT) == 0) &&
           ((p & PH_SNP_POLICY_RAPL_DIS) == 0 || (info & PH_SNP_PLATFORM_RAPL_DIS) != 0) &&
           ((p & PH_SNP_POLICY_CIPHERTEXT_HIDING) == 0 ||
            (info & PH_SNP_PLATFORM_CIPHERTEXT_HIDING) != 0);
}

static void judge_guest_policy(struct ph_snp_judgement *j)
{
    const uint64_t known =
        j->evidence.version < 5 ? PH_SNP_PLATFORM_KNOWN : PH_SNP_PLATFORM_KNOWN_V5;
    const struct ph_snp_firmware least = {.major = (uint8_t)(j->policy >> 8),
                                          .minor = (uint8_t)j->policy};
    const struct ph_bytes policy = PH_SNP_FIELD(j, policy);

    (void)ph_snp_judge(j, PH_CHECK_SNP_POLICY_BITS,
                       (j->policy & PH_SNP_POLICY_RESERVED_ONE) != 0 &&
                           (j->policy & ~(uint64_t)PH_SNP_POLICY_KNOWN) == 0,
                       policy);
    (void)ph_snp_judge(j, PH_CHECK_SNP_PLATFORM_BITS, (j->platform_info & ~known) == 0,
                       PH_SNP_FIELD(j, platform_info));
    (void)ph_snp_judge(j, PH_CHECK_SNP_ABI, ph_snp_firmware_reaches(&j->current_firmware, &least),
                       policy);
    (void)ph_snp_judge(j, PH_CHECK_SNP_POLICY_KEPT, policy_is_kept(j), policy);
    (void)ph_snp_judge(j, PH_CHECK_SNP_FIRMWARE,
                       ph_snp_firmware_reaches(&j->current_firmware, &j->committed_firmware),
                       PH_SNP_FIELD(j, current_build));
}

static void judge_tcb(struct ph_snp_judgement *j)
{
    const struct ph_snp_report *r = &j->evidence.report;
    const enum ph_snp_product product = j->chain->ext.product;

    j->current = ph_snp_tcb_decode(product, r->current_tcb);
    j->reported = ph_snp_tcb_decode(product, r->reported_tcb);
    j->committed = ph_snp_tcb_decode(product, r->committed_tcb);
    j->launch = ph_snp_tcb_decode(product, r->launch_tcb);
    judge_authentic(j, PH_CHECK_SNP_TCB_FORM,
                    ph_snp_tcb_is_clean(product, r->current_tcb) &&
                        ph_snp_tcb_is_clean(product, r->reported_tcb) &&
                        ph_snp_tcb_is_clean(product, r->committed_tcb) &&
                        ph_snp_tcb_is_clean(product, r->launch_tcb),
                    PH_SNP_FIELD(j, reported_tcb));
    judge_authentic(j, PH_CHECK_SNP_TCB_CERTIFIED,
                    ph_snp_tcb_equal(&j->reported, &j->chain->ext.tcb),
                    PH_SNP_FIELD(j, reported_tcb));
    (void)ph_snp_judge(j, PH_CHECK_SNP_TCB_ORDER,
                       ph_snp_tcb_reaches(&j->committed, &j->reported) &&
                           ph_snp_tcb_reaches(&j->current, &j->committed),
                       PH_SNP_FIELD(j, committed_tcb));
    (void)ph_snp_judge(j, PH_CHECK_SNP_TCB_LAUNCH, ph_snp_tcb_reaches(&j->current, &j->launch),
                       PH_SNP_FIELD(j, launch_tcb));
    /* The signing key is made from the reported TCB. Where the platform has gone further, whoever
     * breaks the older firmware has that key all the same. */
    if (j->authentic)
        j->judge.verdict->status = ph_snp_tcb_reaches(&j->reported, &j->committed)
                                       ? PH_TCB_UP_TO_DATE
                                       : PH_TCB_OUT_OF_DATE;
}

void ph_snp_judge_fields(struct ph_snp_judgement *j)
{
    judge_identity(j);
    judge_guest_policy(j);
    judge_tcb(j);
}
