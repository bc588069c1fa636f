#include "attest/policy.h"

#include "base/own.h"
#include "codec/jread.h"

#include <pthread.h>
#include <stdlib.h>

enum { TOKENS_MAX = 8192 };

const struct ph_policy *ph_policy_denies(void)
{
    static struct ph_policy denies; /* never written */
    return &denies;
}

/* Policies that are almost all zeros are filled in on first use: a const would be 32 KiB of the
 * program. */
static struct ph_policy hardware;
static pthread_once_t hardware_once = PTHREAD_ONCE_INIT;

static void make_hardware(void)
{
    hardware.statuses = 1u << PH_TCB_UP_TO_DATE;
    hardware.any_measurement = true;
}

const struct ph_policy *ph_policy_builtin_hardware(void)
{
    /* A failure leaves the zeroed policy, which denies everything. */
    (void)pthread_once(&hardware_once, make_hardware);
    return &hardware;
}

/* One document being read. */
struct source {
    const struct ph_jdoc *doc;
    struct ph_json_why *why;
};

static enum ph_err read_statuses(const struct source *in, struct ph_policy *p)
{
    const struct ph_jdoc *doc = in->doc;
    enum ph_tcb_status status;
    struct ph_bytes name;
    uint32_t list;

    PH_TRY(ph_jread_array(doc, 0, "", "statuses", PH_TCB_STATUS_CNT, &list, in->why));
    for (uint32_t t = list + 1; list && ph_jread_in(doc, list, t); t = doc->toks[t].next) {
        if (ph_jscan_str(doc, t, &name) != PH_OK || ph_tcb_status_parse(name, &status) != PH_OK)
            return ph_jread_bad(in->why, "", "statuses", "not a TCB status, like \"UpToDate\"");
        if (status == PH_TCB_REVOKED)
            return ph_jread_bad(in->why, "", "statuses", "\"Revoked\" can never be accepted");
        p->statuses |= 1u << status;
    }
    return PH_OK;
}

static enum ph_err read_numbers(const struct source *in, struct ph_policy *p)
{
    uint64_t evaluation = 0, grace = 0;

    PH_TRY(ph_jread_time(in->doc, 0, "", "min_tcb_date", &p->min_tcb_date_s, in->why));
    PH_TRY(
        ph_jread_int(in->doc, 0, "", "min_evaluation_number", 0, UINT32_MAX, &evaluation, in->why));
    PH_TRY(ph_jread_int(in->doc, 0, "", "grace_s", 0, PH_POLICY_GRACE_MAX_S, &grace, in->why));
    p->min_evaluation_number = (uint32_t)evaluation;
    p->grace_s = (uint32_t)grace;
    return PH_OK;
}

static enum ph_err read_tdx(const struct source *in, uint32_t tok, struct ph_policy_tdx *out)
{
    static const char *const keys[] = {"mr_td", "rtmr0",        "rtmr1",   "rtmr2",
                                       "rtmr3", "mr_config_id", "mr_seam", NULL};
    static const char path[] = "measurements.tdx";
    uint8_t *const fields[] = {out->mrtd,    out->rtmr[0],    out->rtmr[1], out->rtmr[2],
                               out->rtmr[3], out->mrconfigid, out->mrseam};

    PH_TRY(ph_jread_only_keys(in->doc, tok, path, keys, in->why));
    for (size_t i = 0; keys[i]; i++) {
        bool present = false;
        PH_TRY(ph_jread_hex(in->doc, tok, path, keys[i], fields[i], 48, &present, in->why));
        out->fields |= (uint32_t)present << i;
    }
    if ((out->fields & PH_TDX_FIELD_MRTD) == 0)
        return ph_jread_bad(in->why, path, "", "mr_td is missing");
    return PH_OK;
}
_Static_assert(PH_TDX_FIELD_MRTD == 1 && PH_TDX_FIELD_RTMR0 == 2 && PH_TDX_FIELD_RTMR3 == 16 &&
                   PH_TDX_FIELD_MRCONFIGID == 32 && PH_TDX_FIELD_MRSEAM == 64,
               "bits in the order of the keys above");

static enum ph_err read_sgx(const struct source *in, uint32_t tok, struct ph_policy_sgx *out)
{
    static const char *const keys[] = {"mrenclave", "mrsigner", "isvprodid", "min_isvsvn", NULL};
    static const char path[] = "measurements.sgx";
    uint64_t product = UINT64_MAX, svn = UINT64_MAX;

    PH_TRY(ph_jread_only_keys(in->doc, tok, path, keys, in->why));
    PH_TRY(ph_jread_hex(in->doc, tok, path, "mrenclave", out->mrenclave, 32, &out->has_mrenclave,
                        in->why));
    PH_TRY(ph_jread_hex(in->doc, tok, path, "mrsigner", out->mrsigner, 32, &out->has_mrsigner,
                        in->why));
    PH_TRY(ph_jread_int(in->doc, tok, path, "isvprodid", 0, UINT16_MAX, &product, in->why));
    PH_TRY(ph_jread_int(in->doc, tok, path, "min_isvsvn", 0, UINT16_MAX, &svn, in->why));
    if (!out->has_mrenclave && !out->has_mrsigner)
        return ph_jread_bad(in->why, path, "", "mrenclave or mrsigner is missing");
    if (out->has_mrsigner != (product != UINT64_MAX) || out->has_mrsigner != (svn != UINT64_MAX))
        return ph_jread_bad(in->why, path, "",
                            "mrsigner, isvprodid and min_isvsvn only make sense together");
    if (out->has_mrsigner) {
        out->isvprodid = (uint16_t)product;
        out->min_isvsvn = (uint16_t)svn;
    }
    return PH_OK;
}

static enum ph_err read_intel_measurements(const struct source *in, uint32_t m, struct ph_policy *p)
{
    const struct ph_jdoc *doc = in->doc;
    uint32_t list;

    PH_TRY(
        ph_jread_array(doc, m, "measurements", "tdx", PH_POLICY_MEASUREMENTS_MAX, &list, in->why));
    for (uint32_t t = list + 1; list && ph_jread_in(doc, list, t); t = doc->toks[t].next)
        PH_TRY(read_tdx(in, t, &p->tdx[p->tdx_cnt++]));
    PH_TRY(
        ph_jread_array(doc, m, "measurements", "sgx", PH_POLICY_MEASUREMENTS_MAX, &list, in->why));
    for (uint32_t t = list + 1; list && ph_jread_in(doc, list, t); t = doc->toks[t].next)
        PH_TRY(read_sgx(in, t, &p->sgx[p->sgx_cnt++]));
    return PH_OK;
}

static enum ph_err read_nitro(const struct source *in, uint32_t tok, struct ph_policy_nitro *out)
{
    static const char *const keys[] = {"pcr0", "pcr1", "pcr2", "pcr3", "pcr4",
                                       "pcr5", "pcr6", "pcr7", "pcr8", NULL};
    static const char path[] = "measurements.nitro";

    PH_TRY(ph_jread_only_keys(in->doc, tok, path, keys, in->why));
    for (size_t i = 0; i < PH_POLICY_NITRO_PCRS; i++) {
        bool present = false;
        PH_TRY(ph_jread_hex(in->doc, tok, path, keys[i], out->pcr[i], 48, &present, in->why));
        out->pcrs |= (uint32_t)present << i;
    }
    /* The others are of the kernel, the instance and its role: they name no code. */
    if ((out->pcrs & (1u << 0 | 1u << 8)) == 0)
        return ph_jread_bad(in->why, path, "", "pcr0 or pcr8 is missing");
    return PH_OK;
}

static enum ph_err read_nitro_measurements(const struct source *in, uint32_t m, struct ph_policy *p)
{
    const struct ph_jdoc *doc = in->doc;
    uint32_t list;

    PH_TRY(ph_jread_array(doc, m, "measurements", "nitro", PH_POLICY_MEASUREMENTS_MAX, &list,
                          in->why));
    for (uint32_t t = list + 1; list && ph_jread_in(doc, list, t); t = doc->toks[t].next)
        PH_TRY(read_nitro(in, t, &p->nitro[p->nitro_cnt++]));
    return PH_OK;
}

static enum ph_err read_measurements(const struct source *in, struct ph_policy *p)
{
    static const char *const keys[] = {"tdx", "sgx", "snp", "nvidia", "nitro", NULL};
    uint32_t list;
    const uint32_t m = ph_jscan_get(in->doc, 0, "measurements");

    if (!m)
        return PH_OK;
    if (ph_bytes_is(ph_jscan_raw(in->doc, m), "\"any\"")) {
        p->any_measurement = true;
        return PH_OK;
    }
    if (in->doc->toks[m].type != PH_JOBJECT)
        return ph_jread_bad(in->why, "", "measurements",
                            "expected \"any\" or an object of lists by kind of TEE");
    PH_TRY(ph_jread_only_keys(in->doc, m, "measurements", keys, in->why));
    PH_TRY(
        ph_jread_array(in->doc, m, "measurements", "nvidia", PH_POLICY_NVIDIA_MAX, &list, in->why));
    PH_TRY(ph_policy_nvidia_read_fw(in->doc, list, &p->nvidia, in->why));
    PH_TRY(read_intel_measurements(in, m, p));
    PH_TRY(ph_policy_snp_read_guests(in->doc, m, &p->snp, in->why));
    return read_nitro_measurements(in, m, p);
}

static enum ph_err read_lists(const struct source *in, struct ph_policy *p)
{
    const struct ph_jdoc *doc = in->doc;
    struct ph_bytes name;
    uint32_t list;

    PH_TRY(
        ph_jread_array(doc, 0, "", "denied_advisories", PH_POLICY_ADVISORIES_MAX, &list, in->why));
    for (uint32_t t = list + 1; list && ph_jread_in(doc, list, t); t = doc->toks[t].next) {
        if (ph_jscan_str(doc, t, &name) != PH_OK || name.len == 0 || name.len > PH_ADVISORY_LEN_MAX)
            return ph_jread_bad(in->why, "", "denied_advisories",
                                "expected names like \"INTEL-SA-01099\"");
        memcpy(p->denied_advisories[p->denied_advisory_cnt++], name.ptr, name.len);
    }
    PH_TRY(
        ph_jread_array(doc, 0, "", "platform_instances", PH_POLICY_INSTANCES_MAX, &list, in->why));
    for (uint32_t t = list + 1; list && ph_jread_in(doc, list, t); t = doc->toks[t].next) {
        if (ph_jscan_hex(doc, t, p->instances[p->instance_cnt++], 16) != PH_OK)
            return ph_jread_bad(in->why, "", "platform_instances",
                                "expected 16 bytes each, in hexadecimal");
    }
    return PH_OK;
}

static enum ph_err read_policy(const struct source *in, struct ph_policy *p)
{
    static const char *const keys[] = {"statuses",
                                       "min_tcb_date",
                                       "min_evaluation_number",
                                       "denied_advisories",
                                       "measurements",
                                       "allow_debug_insecure",
                                       "allow_sept_ve",
                                       "allow_migratable",
                                       "allow_service_td",
                                       "platform_instances",
                                       "snp",
                                       "grace_s",
                                       "exact_length",
                                       "simulator_root_insecure",
                                       "nvidia",
                                       NULL};
    const struct {
        const char *key;
        bool *out;
    } flags[] = {{"allow_debug_insecure", &p->allow_debug_insecure},
                 {"allow_sept_ve", &p->allow_sept_ve},
                 {"allow_migratable", &p->allow_migratable},
                 {"allow_service_td", &p->allow_service_td},
                 {"exact_length", &p->exact_length}};

    PH_TRY(ph_jread_only_keys(in->doc, 0, "", keys, in->why));
    PH_TRY(read_statuses(in, p));
    PH_TRY(read_numbers(in, p));
    PH_TRY(read_measurements(in, p));
    PH_TRY(read_lists(in, p));
    PH_TRY(ph_policy_snp_read(in->doc, &p->snp, in->why));
    for (size_t i = 0; i < PH_LEN(flags); i++)
        PH_TRY(ph_jread_bool(in->doc, 0, "", flags[i].key, flags[i].out, in->why));
    const uint32_t nvidia = ph_jscan_get(in->doc, 0, "nvidia");
    if (nvidia)
        PH_TRY(ph_policy_nvidia_read(in->doc, nvidia, &p->nvidia, in->why));
    return ph_jread_hex(in->doc, 0, "", "simulator_root_insecure", p->simulator_root_insecure, 32,
                        &p->has_simulator_root_insecure, in->why);
}

enum ph_err ph_policy_parse(struct ph_bytes text, struct ph_policy *out, struct ph_json_why *why)
{
    struct ph_jtok *toks PH_OWNED(ph_freep) = calloc(TOKENS_MAX, sizeof(*toks));
    struct ph_policy *p PH_OWNED(ph_freep) = calloc(1, sizeof(*p));
    struct ph_jdoc doc;

    if (!toks || !p)
        return PH_ERR_NOMEM;
    PH_TRY(ph_jread_open(text, PH_POLICY_JSON_MAX, toks, TOKENS_MAX, &doc, why));
    PH_TRY(read_policy(&(struct source){&doc, why}, p));
    *out = *p;
    return PH_OK;
}
