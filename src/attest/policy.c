#include "attest/policy.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/own.h"

#include <stdio.h>
#include <stdlib.h>

const struct ph_policy *ph_policy_builtin_hardware(void)
{
    static const struct ph_policy policy = {
        .statuses = 1u << PH_TCB_UP_TO_DATE,
        .any_measurement = true,
    };
    return &policy;
}

static enum ph_err bad(struct ph_json_why *why, const char *key, const char *what)
{
    (void)snprintf(why->text, sizeof(why->text), "%s: %s", key, what);
    return PH_ERR_MALFORMED;
}

static enum ph_err read_bool(const json_t *doc, const char *key, bool *out, struct ph_json_why *why)
{
    const json_t *v = json_object_get(doc, key);
    if (!v)
        return PH_OK;
    if (!json_is_boolean(v))
        return bad(why, key, "expected true or false");
    *out = json_is_true(v);
    return PH_OK;
}

/* A string of hex digits; absent leaves *present alone. */
static enum ph_err read_hex(const json_t *obj, const char *key, uint8_t *out, size_t len,
                            bool *present, struct ph_json_why *why)
{
    const json_t *v = json_object_get(obj, key);
    if (!v)
        return PH_OK;
    if (!json_is_string(v) || ph_hex_decode((struct ph_bytes){(const uint8_t *)json_string_value(v),
                                                              json_string_length(v)},
                                            out, len) != PH_OK) {
        (void)snprintf(why->text, sizeof(why->text), "%s: expected %zu bytes in hexadecimal", key,
                       len);
        return PH_ERR_MALFORMED;
    }
    *present = true;
    return PH_OK;
}

/* An array with at most `max` elements; absent yields NULL. */
static enum ph_err read_array(const json_t *obj, const char *key, size_t max, const json_t **out,
                              struct ph_json_why *why)
{
    const json_t *v = json_object_get(obj, key);
    *out = v;
    if (v && (!json_is_array(v) || json_array_size(v) > max)) {
        (void)snprintf(why->text, sizeof(why->text), "%s: expected an array of at most %zu", key,
                       max);
        return PH_ERR_MALFORMED;
    }
    return PH_OK;
}

static struct ph_bytes string_view(const json_t *v)
{
    return (struct ph_bytes){(const uint8_t *)json_string_value(v), json_string_length(v)};
}

static enum ph_err read_statuses(const json_t *doc, struct ph_policy *p, struct ph_json_why *why)
{
    const json_t *list;
    enum ph_tcb_status status;

    PH_TRY(read_array(doc, "statuses", PH_TCB_STATUS_CNT, &list, why));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        if (!json_is_string(v) || ph_tcb_status_parse(string_view(v), &status) != PH_OK)
            return bad(why, "statuses", "not a TCB status, like \"UpToDate\"");
        if (status == PH_TCB_REVOKED)
            return bad(why, "statuses", "\"Revoked\" can never be accepted");
        p->statuses |= 1u << status;
    }
    return PH_OK;
}

static enum ph_err read_numbers(const json_t *doc, struct ph_policy *p, struct ph_json_why *why)
{
    const char *date = NULL;
    int64_t evaluation = 0, grace = 0;

    PH_TRY(ph_json_str(doc, "", "min_tcb_date", 20, 20, &date, why));
    if (date && ph_time_parse_rfc3339(ph_bytes_str(date), &p->min_tcb_date_s) != PH_OK)
        return bad(why, "min_tcb_date", "expected a time like 2024-03-13T00:00:00Z");
    PH_TRY(ph_json_int(doc, "", "min_evaluation_number", 0, UINT32_MAX, &evaluation, why));
    PH_TRY(ph_json_int(doc, "", "grace_s", 0, PH_POLICY_GRACE_MAX_S, &grace, why));
    p->min_evaluation_number = (uint32_t)evaluation;
    p->grace_s = (uint32_t)grace;
    return PH_OK;
}

static enum ph_err read_tdx(const json_t *v, struct ph_policy_tdx *out, struct ph_json_why *why)
{
    static const char *const keys[] = {"mr_td", "rtmr0",        "rtmr1",   "rtmr2",
                                       "rtmr3", "mr_config_id", "mr_seam", NULL};
    uint8_t *const fields[] = {out->mrtd,    out->rtmr[0],    out->rtmr[1], out->rtmr[2],
                               out->rtmr[3], out->mrconfigid, out->mrseam};

    PH_TRY(ph_json_only_keys(v, "measurements.tdx", keys, why));
    for (size_t i = 0; keys[i]; i++) {
        bool present = false;
        PH_TRY(read_hex(v, keys[i], fields[i], 48, &present, why));
        out->fields |= (uint32_t)present << i;
    }
    if ((out->fields & PH_TDX_FIELD_MRTD) == 0)
        return bad(why, "measurements.tdx", "mr_td is missing");
    return PH_OK;
}
_Static_assert(PH_TDX_FIELD_MRTD == 1 && PH_TDX_FIELD_RTMR0 == 2 && PH_TDX_FIELD_RTMR3 == 16 &&
                   PH_TDX_FIELD_MRCONFIGID == 32 && PH_TDX_FIELD_MRSEAM == 64,
               "bits in the order of the keys above");

static enum ph_err read_sgx(const json_t *v, struct ph_policy_sgx *out, struct ph_json_why *why)
{
    static const char *const keys[] = {"mrenclave", "mrsigner", "isvprodid", "min_isvsvn", NULL};
    int64_t product = -1, svn = -1;

    PH_TRY(ph_json_only_keys(v, "measurements.sgx", keys, why));
    PH_TRY(read_hex(v, "mrenclave", out->mrenclave, 32, &out->has_mrenclave, why));
    PH_TRY(read_hex(v, "mrsigner", out->mrsigner, 32, &out->has_mrsigner, why));
    PH_TRY(ph_json_int(v, "measurements.sgx", "isvprodid", 0, UINT16_MAX, &product, why));
    PH_TRY(ph_json_int(v, "measurements.sgx", "min_isvsvn", 0, UINT16_MAX, &svn, why));
    if (!out->has_mrenclave && !out->has_mrsigner)
        return bad(why, "measurements.sgx", "mrenclave or mrsigner is missing");
    if (out->has_mrsigner != (product >= 0) || out->has_mrsigner != (svn >= 0))
        return bad(why, "measurements.sgx",
                   "mrsigner, isvprodid and min_isvsvn only make sense together");
    out->isvprodid = (uint16_t)(product < 0 ? 0 : product);
    out->min_isvsvn = (uint16_t)(svn < 0 ? 0 : svn);
    return PH_OK;
}

static enum ph_err read_measurements(const json_t *doc, struct ph_policy *p,
                                     struct ph_json_why *why)
{
    static const char *const keys[] = {"tdx", "sgx", NULL};
    const json_t *m = json_object_get(doc, "measurements"), *list;

    if (!m)
        return PH_OK;
    if (json_is_string(m) && strcmp(json_string_value(m), "any") == 0) {
        p->any_measurement = true;
        return PH_OK;
    }
    if (!json_is_object(m))
        return bad(why, "measurements", "expected \"any\" or an object with tdx and sgx");
    PH_TRY(ph_json_only_keys(m, "measurements", keys, why));
    PH_TRY(read_array(m, "tdx", PH_POLICY_MEASUREMENTS_MAX, &list, why));
    for (; p->tdx_cnt < json_array_size(list); p->tdx_cnt++) {
        const json_t *v = json_array_get(list, p->tdx_cnt);
        if (!json_is_object(v))
            return bad(why, "measurements.tdx", "expected objects");
        PH_TRY(read_tdx(v, &p->tdx[p->tdx_cnt], why));
    }
    PH_TRY(read_array(m, "sgx", PH_POLICY_MEASUREMENTS_MAX, &list, why));
    for (; p->sgx_cnt < json_array_size(list); p->sgx_cnt++) {
        const json_t *v = json_array_get(list, p->sgx_cnt);
        if (!json_is_object(v))
            return bad(why, "measurements.sgx", "expected objects");
        PH_TRY(read_sgx(v, &p->sgx[p->sgx_cnt], why));
    }
    return PH_OK;
}

static enum ph_err read_lists(const json_t *doc, struct ph_policy *p, struct ph_json_why *why)
{
    const json_t *list;

    PH_TRY(read_array(doc, "denied_advisories", PH_POLICY_ADVISORIES_MAX, &list, why));
    for (; p->denied_advisory_cnt < json_array_size(list); p->denied_advisory_cnt++) {
        const json_t *v = json_array_get(list, p->denied_advisory_cnt);
        const size_t len = json_is_string(v) ? json_string_length(v) : 0;
        if (len == 0 || len > PH_ADVISORY_LEN_MAX || strlen(json_string_value(v)) != len)
            return bad(why, "denied_advisories", "expected names like \"INTEL-SA-01099\"");
        memcpy(p->denied_advisories[p->denied_advisory_cnt], json_string_value(v), len);
    }
    PH_TRY(read_array(doc, "platform_instances", PH_POLICY_INSTANCES_MAX, &list, why));
    for (; p->instance_cnt < json_array_size(list); p->instance_cnt++) {
        const json_t *v = json_array_get(list, p->instance_cnt);
        if (!json_is_string(v) ||
            ph_hex_decode(string_view(v), p->instances[p->instance_cnt], 16) != PH_OK)
            return bad(why, "platform_instances", "expected 16 bytes each, in hexadecimal");
    }
    return PH_OK;
}

static enum ph_err read_policy(const json_t *doc, struct ph_policy *p, struct ph_json_why *why)
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
                                       "grace_s",
                                       "exact_length",
                                       "simulator_root_insecure",
                                       NULL};

    if (!json_is_object(doc))
        return bad(why, "policy", "expected an object");
    PH_TRY(ph_json_only_keys(doc, "", keys, why));
    PH_TRY(read_statuses(doc, p, why));
    PH_TRY(read_numbers(doc, p, why));
    PH_TRY(read_measurements(doc, p, why));
    PH_TRY(read_lists(doc, p, why));
    PH_TRY(read_bool(doc, "allow_debug_insecure", &p->allow_debug_insecure, why));
    PH_TRY(read_bool(doc, "allow_sept_ve", &p->allow_sept_ve, why));
    PH_TRY(read_bool(doc, "allow_migratable", &p->allow_migratable, why));
    PH_TRY(read_bool(doc, "allow_service_td", &p->allow_service_td, why));
    PH_TRY(read_bool(doc, "exact_length", &p->exact_length, why));
    return read_hex(doc, "simulator_root_insecure", p->simulator_root_insecure, 32,
                    &p->has_simulator_root_insecure, why);
}

enum ph_err ph_policy_parse(struct ph_bytes text, struct ph_policy *out, struct ph_json_why *why)
{
    json_t *doc PH_OWNED(ph_json_freep) = NULL;

    PH_TRY(ph_json_load(text, PH_POLICY_JSON_MAX, &doc, why));
    struct ph_policy *p PH_OWNED(ph_freep) = calloc(1, sizeof(*p));
    if (!p)
        return PH_ERR_NOMEM;
    PH_TRY(read_policy(doc, p, why));
    *out = *p;
    return PH_OK;
}
