/* Certificates, signed documents and revocation. */

#include "attest/intel/verify_priv.h"
#include "crypto/hash.h"

#include <assert.h>

static bool fact(const struct ph_chain *chain, enum ph_chain_fact f)
{
    return (chain->facts & (uint32_t)f) != 0;
}

/* The status rests on this check: without it the rules have nothing authentic to work on. */
static void judge_authentic(struct ph_judgement *j, enum ph_check check, bool holds,
                            struct ph_bytes seen)
{
    if (!ph_judge(j, check, holds, seen))
        j->authentic = false;
}

static void judge_root(struct ph_judgement *j)
{
    const struct ph_attest_roots *roots = j->args->roots;
    const struct ph_policy *policy = j->args->policy;
    const struct ph_bytes key = j->chain->root.point;
    uint8_t hash[32];
    bool pinned = false;

    for (size_t i = 0; i < roots->cnt && i < PH_ATTEST_ROOTS_MAX; i++)
        pinned = pinned || ph_bytes_equal(key, PH_BYTES_OF(roots->key[i]));
    if (!pinned && policy->has_simulator_root_insecure) {
        ph_sha256(j->chain->root.spki, hash);
        pinned = memcmp(hash, policy->simulator_root_insecure, sizeof(hash)) == 0;
        j->verdict->insecure_simulator = pinned;
    }
    (void)ph_judge(j, PH_CHECK_ROOT_PINNED, pinned, j->pck_pem);
}

void ph_judge_pck_chain(struct ph_judgement *j)
{
    const struct ph_chain *c = j->chain;
    const struct ph_bytes pem = j->pck_pem;
    const int64_t now = j->args->now_s;

    (void)ph_judge(j, PH_CHECK_PCK_ROOT_PROFILE, fact(c, PH_FACT_ROOT_PROFILE), pem);
    (void)ph_judge(j, PH_CHECK_PCK_CA_PROFILE, fact(c, PH_FACT_CA_PROFILE), pem);
    (void)ph_judge(j, PH_CHECK_PCK_PROFILE, fact(c, PH_FACT_LEAF_PROFILE), pem);
    (void)ph_judge(j, PH_CHECK_PCK_LINKS, fact(c, PH_FACT_LINKS), pem);
    judge_authentic(j, PH_CHECK_PCK_EXTENSION, fact(c, PH_FACT_SGX_EXT), pem);
    judge_authentic(j, PH_CHECK_PCK_ROOT_SIGNATURE, fact(c, PH_FACT_ROOT_SIGNATURE), pem);
    judge_authentic(j, PH_CHECK_PCK_CA_SIGNATURE, fact(c, PH_FACT_CA_SIGNATURE), pem);
    judge_authentic(j, PH_CHECK_PCK_SIGNATURE, fact(c, PH_FACT_LEAF_SIGNATURE), pem);
    (void)ph_judge(j, PH_CHECK_PCK_NOT_BEFORE, c->not_before_s <= now, pem);
    (void)ph_judge(j, PH_CHECK_PCK_NOT_AFTER, now < c->not_after_s, pem);
    ph_judge_until(&j->judge, c->not_after_s);
    judge_root(j);
}

/* now < expiry, with the policy's grace. */
static bool is_fresh(const struct ph_judgement *j, int64_t next_update_s)
{
    return j->args->now_s < next_update_s + (int64_t)j->args->policy->grace_s;
}

/* The eight checks of a signing chain and its document: the same for TCB info and QE identity. */
struct signed_doc {
    enum ph_check profile; /* the first of eight, in the order of PH_CHECKS */
    const struct ph_chain *chain;
    bool is_signed;
    struct ph_bytes text;
};

static void judge_signer(struct ph_judgement *j, const struct signed_doc *d)
{
    const struct ph_chain *c = d->chain;
    const int64_t now = j->args->now_s;
    enum ph_check check = d->profile;

    assert(c); /* both callers judged its presence before */
    (void)ph_judge(j, check++, fact(c, PH_FACT_ROOT_PROFILE) && fact(c, PH_FACT_LEAF_PROFILE),
                   c->leaf.whole);
    (void)ph_judge(j, check++, fact(c, PH_FACT_LINKS), c->leaf.whole);
    judge_authentic(j, check++, fact(c, PH_FACT_ROOT_SIGNATURE) && fact(c, PH_FACT_LEAF_SIGNATURE),
                    c->leaf.whole);
    judge_authentic(j, check++, ph_bytes_equal(c->root.point, j->chain->root.point), c->root.point);
    (void)ph_judge(j, check++, c->not_before_s <= now, c->leaf.whole);
    (void)ph_judge(j, check++, now < c->not_after_s, c->leaf.whole);
    judge_authentic(j, check++, d->is_signed, d->text);
    ph_judge_until(&j->judge, c->not_after_s);
}
/* judge_signer counts through these. */
#define IN_ORDER(first, n, last)                                                                   \
    _Static_assert((int)PH_CHECK_##first + (n) == (int)PH_CHECK_##last, "order of PH_CHECKS")
IN_ORDER(TCB_SIGNER_PROFILE, 1, TCB_SIGNER_LINKS);
IN_ORDER(TCB_SIGNER_PROFILE, 2, TCB_SIGNER_SIGNATURE);
IN_ORDER(TCB_SIGNER_PROFILE, 3, TCB_SIGNER_ROOT);
IN_ORDER(TCB_SIGNER_PROFILE, 4, TCB_SIGNER_NOT_BEFORE);
IN_ORDER(TCB_SIGNER_PROFILE, 5, TCB_SIGNER_NOT_AFTER);
IN_ORDER(TCB_SIGNER_PROFILE, 6, TCB_INFO_SIGNATURE);
IN_ORDER(QE_SIGNER_PROFILE, 1, QE_SIGNER_LINKS);
IN_ORDER(QE_SIGNER_PROFILE, 2, QE_SIGNER_SIGNATURE);
IN_ORDER(QE_SIGNER_PROFILE, 3, QE_SIGNER_ROOT);
IN_ORDER(QE_SIGNER_PROFILE, 4, QE_SIGNER_NOT_BEFORE);
IN_ORDER(QE_SIGNER_PROFILE, 5, QE_SIGNER_NOT_AFTER);
IN_ORDER(QE_SIGNER_PROFILE, 6, QE_ID_SIGNATURE);

void ph_judge_tcb_info(struct ph_judgement *j)
{
    const struct ph_collateral *c = j->collateral;
    const struct ph_tcb_info *info = &c->info;
    const struct ph_bytes text = c->parts[PH_PART_INFO];

    if (!ph_judge(j, PH_CHECK_TCB_INFO_PRESENT, c->has_info && c->info_chain != NULL, text)) {
        j->authentic = false;
        return;
    }
    judge_signer(
        j, &(struct signed_doc){PH_CHECK_TCB_SIGNER_PROFILE, c->info_chain, c->info_signed, text});
    (void)ph_judge(j, PH_CHECK_TCB_INFO_VERSION, info->version == 3, text);
    judge_authentic(j, PH_CHECK_TCB_INFO_ID, info->is_tdx == (j->quote.tee == PH_TEE_TDX), text);
    (void)ph_judge(j, PH_CHECK_TCB_INFO_ISSUED, info->issue_s <= j->args->now_s, text);
    (void)ph_judge(j, PH_CHECK_TCB_INFO_FRESH, is_fresh(j, info->next_update_s), text);
    judge_authentic(j, PH_CHECK_FMSPC, memcmp(info->fmspc, j->chain->sgx.fmspc, 6) == 0,
                    PH_BYTES_OF(info->fmspc));
    judge_authentic(j, PH_CHECK_PCEID, memcmp(info->pceid, j->chain->sgx.pceid, 2) == 0,
                    PH_BYTES_OF(info->pceid));
    ph_judge_until(&j->judge, info->next_update_s);
    j->verdict->evaluation_number = info->evaluation_number;
}

void ph_judge_qe_identity(struct ph_judgement *j)
{
    const struct ph_collateral *c = j->collateral;
    const struct ph_enclave_identity *qe = &c->qe;
    const struct ph_bytes text = c->parts[PH_PART_QE];
    const bool tdx = j->quote.tee == PH_TEE_TDX;

    /* Without it the status is that of platform and module. */
    if (!ph_judge(j, PH_CHECK_QE_ID_PRESENT, c->has_qe && ph_collateral_qe_chain(c) != NULL, text))
        return;
    judge_signer(j, &(struct signed_doc){PH_CHECK_QE_SIGNER_PROFILE, ph_collateral_qe_chain(c),
                                         c->qe_signed, text});
    /* Intel's TD_QE documents say 2; 3 is the same layout. */
    (void)ph_judge(j, PH_CHECK_QE_ID_VERSION, qe->version == 2 || (tdx && qe->version == 3), text);
    judge_authentic(j, PH_CHECK_QE_ID_ID, qe->id == (tdx ? PH_ENCLAVE_TD_QE : PH_ENCLAVE_QE), text);
    (void)ph_judge(j, PH_CHECK_QE_ID_ISSUED, qe->issue_s <= j->args->now_s, text);
    (void)ph_judge(j, PH_CHECK_QE_ID_FRESH, is_fresh(j, qe->next_update_s), text);
    ph_judge_until(&j->judge, qe->next_update_s);
    if (qe->evaluation_number < j->verdict->evaluation_number)
        j->verdict->evaluation_number = qe->evaluation_number;
}

static void judge_root_crl(struct ph_judgement *j)
{
    const struct ph_collateral *c = j->collateral;
    const struct ph_bytes seen = c->parts[PH_PART_ROOT_CRL];

    if (!ph_judge(j, PH_CHECK_ROOT_CRL_PRESENT, c->has_root_crl, seen))
        return;
    (void)ph_judge(j, PH_CHECK_ROOT_CRL_ISSUER, ph_crl_is_of(&c->root_crl, &j->chain->root), seen);
    (void)ph_judge(j, PH_CHECK_ROOT_CRL_SIGNATURE, c->root_crl_signed, seen);
    (void)ph_judge(j, PH_CHECK_ROOT_CRL_ISSUED, c->root_crl.this_update_s <= j->args->now_s, seen);
    (void)ph_judge(j, PH_CHECK_ROOT_CRL_FRESH, is_fresh(j, c->root_crl.next_update_s), seen);
    (void)ph_judge(j, PH_CHECK_PCK_CA_REVOKED, !ph_crl_has(&c->root_crl, j->chain->ca.serial),
                   seen);
    (void)ph_judge(j, PH_CHECK_TCB_SIGNER_REVOKED, !c->signer_revoked && !c->qe_signer_revoked,
                   seen);
    ph_judge_until(&j->judge, c->root_crl.next_update_s);
}

void ph_judge_crls(struct ph_judgement *j)
{
    const struct ph_collateral *c = j->collateral;
    const struct ph_chain *chain = j->chain;
    const struct ph_bytes seen = c->parts[PH_PART_PCK_CRL];

    judge_root_crl(j);
    if (!ph_judge(j, PH_CHECK_PCK_CRL_PRESENT, c->has_pck_crl, seen))
        return;
    (void)ph_judge(j, PH_CHECK_PCK_CRL_ISSUER, fact(chain, PH_FACT_CRL_ISSUER), seen);
    (void)ph_judge(j, PH_CHECK_PCK_CRL_SIGNATURE, fact(chain, PH_FACT_CRL_SIGNATURE), seen);
    (void)ph_judge(j, PH_CHECK_PCK_CRL_ISSUED, c->pck_crl.this_update_s <= j->args->now_s, seen);
    (void)ph_judge(j, PH_CHECK_PCK_CRL_FRESH, is_fresh(j, c->pck_crl.next_update_s), seen);
    (void)ph_judge(j, PH_CHECK_PCK_REVOKED, fact(chain, PH_FACT_NOT_REVOKED), seen);
    ph_judge_until(&j->judge, c->pck_crl.next_update_s);
}
