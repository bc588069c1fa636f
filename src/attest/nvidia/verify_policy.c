/* What the policy asks of devices, one by one and together. */

#include "attest/nvidia/verify_priv.h"

static bool is_listed(const struct ph_policy_nvidia *p, const uint8_t id[static 32])
{
    for (size_t i = 0; i < p->device_id_cnt; i++) {
        if (memcmp(p->device_ids[i], id, 32) == 0)
            return true;
    }
    return p->device_id_cnt == 0;
}

static bool is_protected_pcie(const struct ph_spdm_report *r)
{
    const struct ph_bytes status = r->field[PH_SPDM_PROTECTED_PCIE], mode = r->field[PH_SPDM_MODE];
    return !r->is_switch && ((status.ptr && status.ptr[0] != PH_SPDM_DISABLED) ||
                             (mode.ptr && mode.ptr[0] == PH_SPDM_MODE_PPCIE));
}

/* A switch among the devices has this id. GPUs write it the other way round than switches do. */
static bool has_switch(const struct ph_nv_judgement *j, const uint8_t pdi[static 8])
{
    for (size_t i = 0; i < j->device_cnt; i++) {
        const struct ph_bytes own = j->report[i].field[PH_SPDM_DEVICE_PDI];
        bool same = j->report[i].is_switch && own.len == 8;
        for (size_t k = 8; same && k-- > 0;)
            same = own.ptr[7 - k] == pdi[k];
        if (same)
            return true;
    }
    return false;
}

/* In protected-PCIe mode, links between GPUs and switches are not encrypted. */
static bool switches_are_here(const struct ph_nv_judgement *j, size_t i)
{
    static const uint8_t none[8];
    const struct ph_spdm_report *r = &j->report[i];
    struct ph_reader pdis = {r->field[PH_SPDM_SWITCH_PDIS]};
    struct ph_bytes pdi;

    if (!is_protected_pcie(r))
        return true;
    while (ph_read_view(&pdis, sizeof(none), &pdi)) {
        if (memcmp(pdi.ptr, none, sizeof(none)) != 0 && !has_switch(j, pdi.ptr))
            return false;
    }
    return true;
}

/* Status, date and advisories. Without manifests the status is Unknown, which no policy accepts:
 * one that does without them accepts such devices as if they were UpToDate. */
static void judge_status(struct ph_nv_judgement *j)
{
    struct ph_verdict *v = j->judge.verdict;
    const enum ph_tcb_status status = v->status;
    const bool excused = j->args->policy->nvidia.rim_not_required && j->authentic && !j->mismatch;

    if (excused)
        v->status = PH_TCB_UP_TO_DATE;
    ph_judge_tcb_policy(&j->judge, j->args->policy);
    v->status = status;
}

void ph_nv_judge_policy(struct ph_nv_judgement *j)
{
    const struct ph_policy *p = j->args->policy;
    bool listed = true, switches = true, debug = false, measured = true;

    judge_status(j);
    for (size_t i = 0; i < j->device_cnt; i++) {
        listed = listed && is_listed(&p->nvidia, j->device[i].device_id);
        switches = switches && switches_are_here(j, i);
        debug = debug || j->chain[i]->debug;
        measured = measured && ph_policy_nvidia_allows(&p->nvidia, &j->device[i]);
    }
    const struct ph_bytes seen = j->args->evidence;
    (void)ph_nv_check(j, PH_CHECK_POLICY_DEBUG, !debug || p->allow_debug_insecure, seen);
    (void)ph_nv_check(j, PH_CHECK_POLICY_NV_COUNT, j->device_cnt >= p->nvidia.min_devices, seen);
    (void)ph_nv_check(j, PH_CHECK_POLICY_NV_ID, listed, seen);
    (void)ph_nv_check(j, PH_CHECK_POLICY_NV_SWITCHES,
                      switches || p->nvidia.allow_unattested_switches, seen);
    (void)ph_nv_check(j, PH_CHECK_POLICY_MEASUREMENT, p->any_measurement || measured, seen);
}
