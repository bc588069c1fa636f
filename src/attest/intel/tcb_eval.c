#include "attest/intel/tcb_eval.h"

static bool is_config(enum ph_tcb_status s)
{
    return s == PH_TCB_CONFIG || s == PH_TCB_CONFIG_SW_HARDENING;
}

static bool is_current(enum ph_tcb_status s)
{
    return s == PH_TCB_UP_TO_DATE || s == PH_TCB_SW_HARDENING || is_config(s);
}

enum ph_tcb_status ph_tcb_converge(enum ph_tcb_status platform, enum ph_tcb_status part)
{
    if (platform == PH_TCB_NO_LEVEL)
        return PH_TCB_NO_LEVEL;
    if (platform == PH_TCB_REVOKED || part == PH_TCB_REVOKED)
        return PH_TCB_REVOKED;
    if (part != PH_TCB_OUT_OF_DATE)
        return platform;
    if (is_config(platform))
        return PH_TCB_OUT_OF_DATE_CONFIG;
    return is_current(platform) ? PH_TCB_OUT_OF_DATE : platform;
}

enum ph_tcb_status ph_tcb_relaunch(enum ph_tcb_status launch, enum ph_tcb_status current)
{
    const bool launch_is_old = launch == PH_TCB_OUT_OF_DATE || launch == PH_TCB_OUT_OF_DATE_CONFIG;
    if (!launch_is_old || !is_current(current))
        return launch;
    return launch == PH_TCB_OUT_OF_DATE_CONFIG || is_config(current)
               ? PH_TCB_RELAUNCH_ADVISED_CONFIG
               : PH_TCB_RELAUNCH_ADVISED;
}

const struct ph_tdx_module_identity *ph_tcb_module_identity(const struct ph_tcb_info *info,
                                                            const struct ph_tdx_svns *svns)
{
    if (svns->b[1] == 0)
        return NULL;
    for (size_t i = 0; i < info->identity_cnt; i++) {
        if (info->identity[i].version == svns->b[1])
            return &info->identity[i];
    }
    return NULL;
}

static bool reaches(const struct ph_tcb_level *level, const struct ph_sgx_ext *pck,
                    const struct ph_tdx_svns *svns)
{
    for (size_t i = 0; i < 16; i++) {
        if (pck->component[i] < level->sgx[i])
            return false;
    }
    if (pck->pcesvn < level->pcesvn)
        return false;
    if (!svns)
        return true;
    /* Bytes 0 and 1 are SVN and version of the TDX module. A module with a version has its own
     * levels, so that the platform's levels say nothing about it. */
    for (size_t i = svns->b[1] > 0 ? 2 : 0; i < 16; i++) {
        if (svns->b[i] < level->tdx[i])
            return false;
    }
    return true;
}

static const struct ph_isv_level *isv_level(const struct ph_isv_levels *levels, uint16_t svn)
{
    for (size_t i = 0; i < levels->cnt; i++) {
        if (levels->level[i].isvsvn <= svn)
            return &levels->level[i];
    }
    return NULL;
}

void ph_tcb_evaluate(const struct ph_tcb_info *info, const struct ph_sgx_ext *pck,
                     const struct ph_tdx_svns *svns, const struct ph_isv_levels *qe,
                     uint16_t qe_isvsvn, struct ph_tcb_result *out)
{
    *out = (struct ph_tcb_result){.status = PH_TCB_NO_LEVEL};
    for (size_t i = 0; i < info->level_cnt && !out->platform; i++) {
        if (reaches(&info->level[i], pck, svns))
            out->platform = &info->level[i];
    }
    if (svns && svns->b[1] > 0) {
        const struct ph_tdx_module_identity *id = ph_tcb_module_identity(info, svns);
        out->module = id ? isv_level(&id->levels, svns->b[0]) : NULL;
        out->module_missing = !out->module;
    }
    if (qe)
        out->qe = isv_level(qe, qe_isvsvn);

    if (!out->platform || out->module_missing || (qe && !out->qe))
        return; /* NO_LEVEL: something is below every level */
    out->status = out->platform->status;
    if (out->module)
        out->status = ph_tcb_converge(out->status, out->module->status);
    if (out->qe)
        out->status = ph_tcb_converge(out->status, out->qe->status);
}
