#include "attest/nvidia/verify_priv.h"

#include "base/own.h"

#include <stdlib.h>

static void judgement_clear(struct ph_nv_judgement *j)
{
    for (size_t i = 0; i < PH_NVIDIA_DEVICES_MAX; i++)
        ph_cached_release(&j->chain_held[i]);
    for (size_t i = 0; i < j->rim_cnt; i++)
        ph_cached_release(&j->rim[i].held);
    ph_nv_evidence_free(j->evidence);
    free(j->rim);
    free(j->ocsp);
}

static void judgement_freep(struct ph_nv_judgement **j)
{
    if (*j)
        judgement_clear(*j);
    free(*j);
}

static enum ph_err open_evidence(struct ph_nv_judgement *j)
{
    const struct ph_bytes seen = j->args->evidence;
    const enum ph_err err = ph_nv_evidence_open(seen, j->args->chain_pem, &j->evidence);
    const bool counted = err != PH_ERR_NOT_FOUND && err != PH_ERR_LIMIT;

    if (err == PH_ERR_NOMEM)
        return err;
    if (counted)
        (void)ph_nv_check(j, PH_CHECK_NV_EVIDENCE, err == PH_OK, seen);
    (void)ph_nv_check(j, PH_CHECK_NV_DEVICE_CNT, counted, seen);
    if (err != PH_OK)
        return err == PH_ERR_LIMIT ? err : PH_ERR_MALFORMED;
    j->device_cnt = j->evidence->item_cnt;
    return PH_OK;
}

/* Chain and report of one device; `known` is the chain of the one before it, or NULL. What kind of
 * report it is follows from the certificates that must have signed it, not from what was said of
 * it. */
static enum ph_err open_device(struct ph_nv_judgement *j, size_t i, const struct ph_nv_chain *known)
{
    const struct ph_nv_item *item = &j->evidence->item[i];
    enum ph_check failed;
    enum ph_err err =
        ph_nv_chain_get(j->args->cache, item->chain_pem, known, j->args->now_s, &j->chain_held[i]);

    if (err == PH_ERR_NOMEM)
        return err;
    if (!ph_nv_check(j, PH_CHECK_NV_CHAIN_FORMAT, err == PH_OK, item->seen_chain))
        return err;
    j->chain[i] = j->chain_held[i].value;
    err = j->chain[i]->arch == PH_NVIDIA_LS10
              ? ph_spdm_parse_switch(item->report, &j->report[i], &failed)
              : ph_spdm_parse_gpu(item->report, &j->report[i], &failed);
    ph_judge_format(&j->judge, PH_CHECK_NV_REQUEST, PH_CHECK_NV_FIELDS, failed, item->seen_report);
    PH_TRY(err);

    struct ph_nvidia_device *d = &j->device[i];
    d->arch = j->chain[i]->arch;
    memcpy(d->device_id, j->chain[i]->device_id, sizeof(d->device_id));
    const bool vbios = ph_spdm_vbios(&j->report[i], d->vbios),
               driver = ph_spdm_driver(&j->report[i], d->driver);
    (void)ph_nv_check(j, PH_CHECK_NV_VERSIONS, vbios && (driver || j->report[i].is_switch),
                      item->seen_report);
    return PH_OK;
}

static void write_claims(const struct ph_nv_judgement *j, struct ph_claims *out)
{
    struct ph_nvidia_claims *c = &out->nvidia;

    out->tee = PH_TEE_NVIDIA;
    out->report_data_checked = !j->args->nonce_unchecked;
    out->insecure_simulator = j->judge.verdict->insecure_simulator;
    out->verified_at_s = j->args->now_s;
    memcpy(c->device, j->device, j->device_cnt * sizeof(c->device[0]));
    c->device_cnt = j->device_cnt;
    memcpy(c->nonce, j->report[0].nonce.ptr, sizeof(c->nonce));
    c->revocation_checked = !j->unvouched;
    c->measured = j->measured_cnt == j->device_cnt;
}

static enum ph_err judge_all(struct ph_nv_judgement *j)
{
    struct ph_verdict *v = j->judge.verdict;
    const struct ph_nv_chain *known = NULL;

    PH_TRY(open_evidence(j));
    PH_TRY(ph_nv_open_documents(j));
    for (size_t i = 0; i < j->device_cnt; i++) {
        PH_TRY(open_device(j, i, known));
        known = j->chain[i];
    }
    j->authentic = true;
    for (size_t i = 0; i < j->device_cnt; i++) {
        ph_nv_judge_chain(j, i);
        ph_nv_judge_report(j, i);
        PH_TRY(ph_nv_judge_measurements(j, i));
    }
    ph_nv_judge_set(j);
    if (j->authentic && j->mismatch)
        v->status = PH_TCB_OUT_OF_DATE;
    else if (j->authentic && j->measured_cnt == j->device_cnt)
        v->status = PH_TCB_UP_TO_DATE;
    ph_nv_judge_policy(j);
    if (!ph_judge_holds(&j->judge))
        return PH_ERR_UNTRUSTED;

    ph_judge_accept(&j->judge);
    write_claims(j, &v->claims);
    return PH_OK; /* the only way to say yes */
}

enum ph_err ph_nvidia_verify(const struct ph_nvidia_args *args, struct ph_verdict *out)
{
    struct ph_nv_judgement *j PH_OWNED(judgement_freep) = calloc(1, sizeof(*j));
    struct ph_nvidia_args a = *args;
    struct ph_judge judge = {.verdict = out, .trace = a.trace};
    enum ph_err err;

    /* What is missing denies. */
    if (!a.policy)
        a.policy = ph_policy_denies();
    ph_judge_start(&judge, PH_GROUP_NVIDIA, a.policy);
    if (!j) {
        err = PH_ERR_NOMEM;
    } else if (!a.nonce && !a.nonce_unchecked) {
        (void)ph_judge_check(&judge, PH_CHECK_REPORT_DATA, false, (struct ph_bytes){0});
        err = PH_ERR_UNTRUSTED;
    } else {
        j->args = &a;
        j->judge = judge;
        err = judge_all(j);
    }
    ph_judge_end(&judge, "evidence");
    return err;
}

bool ph_nvidia_is_evidence(struct ph_bytes bytes)
{
    struct ph_nv_evidence *ev PH_OWNED(ph_nv_evidence_freep) = NULL;
    return ph_nv_evidence_open(bytes, (struct ph_bytes){0}, &ev) == PH_OK;
}

enum ph_err ph_nvidia_peek_nonce(struct ph_bytes evidence, uint8_t out[static PH_NVIDIA_NONCE_LEN])
{
    struct ph_nv_evidence *ev PH_OWNED(ph_nv_evidence_freep) = NULL;
    struct ph_bytes nonce;

    if (ph_nv_evidence_open(evidence, (struct ph_bytes){0}, &ev) != PH_OK)
        return PH_ERR_MALFORMED;
    struct ph_reader r = {ev->item[0].report};
    if (!ph_nv_is_raw_report(ev->item[0].report) || !ph_read_view(&r, 4, &nonce) ||
        !ph_read_view(&r, PH_NVIDIA_NONCE_LEN, &nonce))
        return PH_ERR_MALFORMED;
    memcpy(out, nonce.ptr, PH_NVIDIA_NONCE_LEN);
    return PH_OK;
}
