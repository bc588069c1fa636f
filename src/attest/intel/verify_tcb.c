/* The quoting enclave, the quote's signatures, the TDX module, and what the TCB is worth. */

#include "attest/intel/verify_priv.h"

#include "base/own.h"
#include "crypto/hash.h"

/* (a & mask) == (b & mask), byte by byte. */
static bool equal_masked(const uint8_t *a, const uint8_t *b, const uint8_t *mask, size_t len)
{
    uint8_t diff = 0;
    for (size_t i = 0; i < len; i++)
        diff |= (uint8_t)((a[i] ^ b[i]) & mask[i]);
    return diff == 0;
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
    uint8_t any = 0;
    for (size_t i = 0; i < len; i++)
        any |= bytes[i];
    return any == 0;
}

static uint16_t u16le(const uint8_t b[static 2])
{
    return (uint16_t)(b[0] | b[1] << 8);
}

static void judge_signature(struct ph_judgement *j, enum ph_check check,
                            const struct ph_p256_pub *key, struct ph_bytes message,
                            struct ph_bytes sig)
{
    const bool holds = key && ph_p256_verify(key, message, sig.ptr) == PH_OK;
    if (!ph_judge(j, check, holds, message))
        j->authentic = false;
}

static void judge_qe_enclave(struct ph_judgement *j)
{
    const struct ph_enclave_identity *qe = &j->collateral->qe;
    const struct ph_sgx_body *r = &j->qe_report;
    const struct ph_bytes seen = j->quote.qe_report;

    (void)ph_judge(j, PH_CHECK_QE_DEBUG, (r->attributes[0] & PH_SGX_ATTR_DEBUG) == 0, seen);
    if (!j->collateral->has_qe)
        return;
    (void)ph_judge(j, PH_CHECK_QE_MISCSELECT,
                   equal_masked(r->miscselect, qe->miscselect, qe->miscselect_mask, 4), seen);
    (void)ph_judge(j, PH_CHECK_QE_ATTRIBUTES,
                   equal_masked(r->attributes, qe->attributes, qe->attributes_mask, 16), seen);
    (void)ph_judge(j, PH_CHECK_QE_MRSIGNER, memcmp(r->mrsigner, qe->mrsigner, 32) == 0, seen);
    (void)ph_judge(j, PH_CHECK_QE_PRODUCT, u16le(r->isvprodid) == qe->isvprodid, seen);
}

/* The PCK vouches for the quoting enclave's report, the report for the attestation key, the key
 * for the body. */
void ph_judge_signatures(struct ph_judgement *j)
{
    const struct ph_intel_quote *q = &j->quote;
    const uint8_t *report_data = j->qe_report.report_data;
    struct ph_p256_pub key PH_NO_INIT; /* of this quote alone: here, not on the heap */
    struct ph_sha256 ctx;
    uint8_t binding[32];

    judge_signature(j, PH_CHECK_QE_REPORT_SIGNATURE, j->chain->leaf_key, q->qe_report, q->qe_sig);
    ph_sha256_init(&ctx);
    ph_sha256_update(&ctx, q->key);
    ph_sha256_update(&ctx, q->qe_auth);
    ph_sha256_final(&ctx, binding);
    if (!ph_judge(j, PH_CHECK_QE_BINDING, memcmp(report_data, binding, 32) == 0, q->key))
        j->authentic = false;
    (void)ph_judge(j, PH_CHECK_QE_BINDING_TAIL, is_zero(report_data + 32, 32), q->qe_report);
    judge_qe_enclave(j);

    (void)!ph_p256_pub_init(&key, q->key.ptr); /* what is no point verifies nothing */
    judge_signature(j, PH_CHECK_QUOTE_SIGNATURE, &key, q->signed_part, q->sig);
}

/* Check the module against the identity that these SVNs select. */
static void judge_module(struct ph_judgement *j, const struct ph_tdx_svns *svns)
{
    const struct ph_tcb_info *info = &j->collateral->info;
    const struct ph_tdx_module_identity *id = ph_tcb_module_identity(info, svns);
    const struct ph_tdx_module *module = id ? &id->module : &info->module;
    const struct ph_bytes seen = j->quote.body;

    (void)ph_judge(j, PH_CHECK_MODULE_IDENTITY, id || (svns->b[1] == 0 && info->has_module), seen);
    (void)ph_judge(j, PH_CHECK_MODULE_SIGNER,
                   memcmp(j->td.mr_signer_seam, module->mrsigner, 48) == 0, seen);
    (void)ph_judge(
        j, PH_CHECK_MODULE_ATTRIBUTES,
        is_zero(j->td.seam_attributes, 8) &&
            equal_masked(j->td.seam_attributes, module->attributes, module->attributes_mask, 8),
        seen);
}

static struct ph_tdx_svns svns_of(const uint8_t b[static 16])
{
    struct ph_tdx_svns svns;
    memcpy(svns.b, b, sizeof(svns.b));
    return svns;
}

void ph_judge_tdx_module(struct ph_judgement *j)
{
    if (j->quote.tee != PH_TEE_TDX || !j->collateral->has_info)
        return;
    const struct ph_tdx_svns launch = svns_of(j->td.tee_tcb_svn);
    const struct ph_tdx_svns now = svns_of(j->td15.tee_tcb_svn2);
    judge_module(j, &launch);
    if (ph_intel_quote_has_tdx15(&j->quote))
        judge_module(j, &now);
}

/* Sorted, each once. A full list fails closed: what does not fit would escape a policy. */
static bool add_advisory(struct ph_verdict *v, const char *id)
{
    size_t at = v->advisory_cnt;
    while (at > 0) {
        const int order = strcmp(v->advisories[at - 1], id);
        if (order == 0)
            return true;
        if (order < 0)
            break;
        at--;
    }
    if (v->advisory_cnt == PH_VERDICT_ADVISORIES_MAX)
        return false;
    memmove(v->advisories[at + 1], v->advisories[at],
            (v->advisory_cnt - at) * sizeof(v->advisories[0]));
    memcpy(v->advisories[at], id, sizeof(v->advisories[0]));
    v->advisory_cnt++;
    return true;
}

/* Advisories and date of one level that counts. */
static bool add_level(struct ph_verdict *v, const struct ph_advisory_pool *pool,
                      struct ph_advisory_range range, int64_t date_s)
{
    if (v->tcb_date_s == 0 || date_s < v->tcb_date_s)
        v->tcb_date_s = date_s;
    for (size_t i = 0; i < range.cnt; i++) {
        if (!add_advisory(v, pool->id[range.first + i]))
            return false;
    }
    return true;
}

static bool add_result(struct ph_judgement *j, const struct ph_tcb_result *r)
{
    const struct ph_advisory_pool *info = &j->collateral->info.advisories;
    const struct ph_advisory_pool *qe = &j->collateral->qe.advisories;
    struct ph_verdict *v = j->verdict;

    return (!r->platform || add_level(v, info, r->platform->advisories, r->platform->date_s)) &&
           (!r->module || add_level(v, info, r->module->advisories, r->module->date_s)) &&
           (!r->qe || add_level(v, qe, r->qe->advisories, r->qe->date_s));
}

static bool part_status_is_known(const struct ph_isv_level *level)
{
    return !level || level->status == PH_TCB_UP_TO_DATE || level->status == PH_TCB_OUT_OF_DATE ||
           level->status == PH_TCB_REVOKED;
}

/* The status now may be better than at launch, never worse. */
static bool current_is_no_worse(enum ph_tcb_status launch, enum ph_tcb_status current)
{
    return current <= launch;
}
_Static_assert(PH_TCB_UP_TO_DATE < PH_TCB_SW_HARDENING && PH_TCB_SW_HARDENING < PH_TCB_CONFIG &&
                   PH_TCB_CONFIG_SW_HARDENING < PH_TCB_OUT_OF_DATE &&
                   PH_TCB_OUT_OF_DATE_CONFIG < PH_TCB_REVOKED && PH_TCB_REVOKED < PH_TCB_NO_LEVEL,
               "statuses get worse");

void ph_judge_tcb_level(struct ph_judgement *j)
{
    const struct ph_collateral *c = j->collateral;
    const struct ph_isv_levels *qe = c->has_qe ? &c->qe.levels : NULL;
    const bool tdx = j->quote.tee == PH_TEE_TDX;
    const uint16_t qe_svn = u16le(j->qe_report.isvsvn);
    const struct ph_bytes seen = tdx ? PH_JUDGE_FIELD(j, ph_tdx_body, tee_tcb_svn) : j->pck_pem;
    const struct ph_tdx_svns svns = svns_of(j->td.tee_tcb_svn);
    struct ph_tcb_result launch, current;

    if (!j->authentic)
        return; /* status stays UNKNOWN, and the check that broke it has refused */
    ph_tcb_evaluate(&c->info, &j->chain->sgx, tdx ? &svns : NULL, qe, qe_svn, &launch);
    j->verdict->status = launch.status;
    bool complete = add_result(j, &launch);
    bool known = part_status_is_known(launch.module) && part_status_is_known(launch.qe);

    if (ph_intel_quote_has_tdx15(&j->quote)) {
        const struct ph_tdx_svns svns2 = svns_of(j->td15.tee_tcb_svn2);
        ph_tcb_evaluate(&c->info, &j->chain->sgx, &svns2, qe, qe_svn, &current);
        complete = complete && add_result(j, &current);
        known = known && part_status_is_known(current.module);
        j->verdict->status = ph_tcb_relaunch(launch.status, current.status);
    } else {
        current = launch;
    }
    (void)ph_judge(j, PH_CHECK_TCB_LEVEL, launch.status != PH_TCB_NO_LEVEL, seen);
    (void)ph_judge(j, PH_CHECK_TCB_COMPONENTS, known && complete, seen);
    (void)ph_judge(j, PH_CHECK_TCB_CURRENT, current_is_no_worse(launch.status, current.status),
                   seen);
    (void)ph_judge(j, PH_CHECK_TCB_REVOKED, j->verdict->status != PH_TCB_REVOKED, seen);
}
