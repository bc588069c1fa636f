#include "attest/verdict_json.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/own.h"

enum { HEX_MAX = 128 }; /* bytes of the longest field shown whole */

static json_t *hex_json(struct ph_bytes bytes)
{
    char text[2 * HEX_MAX + 1];
    const size_t len = bytes.len < HEX_MAX ? bytes.len : HEX_MAX;
    ph_hex_encode((struct ph_bytes){bytes.ptr, len}, text);
    return json_string(text);
}

static json_t *time_json(int64_t s)
{
    char text[21];
    if (s == 0)
        return json_null();
    ph_time_format_rfc3339(s, text);
    return json_string(text);
}

/* "2024-03-13": TCB dates are days. */
static json_t *date_json(int64_t s)
{
    char text[21];
    if (s == 0)
        return json_null();
    ph_time_format_rfc3339(s, text);
    return json_stringn(text, 10);
}

static enum ph_err put(json_t *obj, const char *key, json_t *value)
{
    return value && json_object_set_new(obj, key, value) == 0 ? PH_OK : PH_ERR_NOMEM;
}

#define PUT_FIELD(name, off, len, what) PH_TRY(put(obj, #name, hex_json(PH_BYTES_OF(b->name))));

static enum ph_err put_sgx(json_t *obj, const struct ph_sgx_body *b)
{
    PH_SGX_BODY(PUT_FIELD)
    return PH_OK;
}

static enum ph_err put_tdx(json_t *obj, const struct ph_tdx_body *b)
{
    PH_TDX_BODY(PUT_FIELD)
    return PH_OK;
}

static enum ph_err put_tdx15(json_t *obj, const struct ph_tdx15_tail *b)
{
    PH_TDX15_TAIL(PUT_FIELD)
    return PH_OK;
}

static enum ph_err put_claims(json_t *obj, const struct ph_claims *c)
{
    PH_TRY(put(obj, "tee", json_string(c->tee == PH_TEE_TDX ? "TDX" : "SGX")));
    PH_TRY(put(obj, "quote_version", json_integer(c->quote_version)));
    if (c->tee == PH_TEE_TDX)
        PH_TRY(put_tdx(obj, &c->tdx));
    else
        PH_TRY(put_sgx(obj, &c->sgx));
    if (c->has_tdx15)
        PH_TRY(put_tdx15(obj, &c->tdx15));
    PH_TRY(put(obj, "report_data_checked", json_boolean(c->report_data_checked)));
    PH_TRY(put(obj, "fmspc", hex_json(PH_BYTES_OF(c->fmspc))));
    PH_TRY(put(obj, "pceid", hex_json(PH_BYTES_OF(c->pceid))));
    PH_TRY(put(obj, "pck_cpusvn", hex_json(PH_BYTES_OF(c->cpusvn))));
    PH_TRY(put(obj, "pck_pcesvn", json_integer(c->pcesvn)));
    PH_TRY(
        put(obj, "platform_instance",
            c->has_platform_instance ? hex_json(PH_BYTES_OF(c->platform_instance)) : json_null()));
    PH_TRY(put(obj, "insecure_simulator", json_boolean(c->insecure_simulator)));
    return put(obj, "verified_at", time_json(c->verified_at_s));
}

static enum ph_err put_verdict(json_t *obj, const struct ph_verdict *v)
{
    json_t *advisories PH_OWNED(ph_json_freep) = json_array();
    json_t *claims PH_OWNED(ph_json_freep) = v->accepted ? json_object() : json_null();

    if (!advisories || !claims)
        return PH_ERR_NOMEM;
    PH_TRY(put(obj, "verdict", json_string(v->accepted ? "accepted" : "rejected")));
    PH_TRY(put(obj, "status", json_string(ph_tcb_status_name(v->status))));
    PH_TRY(put(obj, "step", v->accepted ? json_null() : json_string(ph_step_name(v->step))));
    PH_TRY(put(obj, "reason", json_string(v->reason)));
    PH_TRY(put(obj, "sentence", json_string(v->sentence)));
    for (size_t i = 0; i < v->advisory_cnt; i++) {
        if (json_array_append_new(advisories, json_string(v->advisories[i])) != 0)
            return PH_ERR_NOMEM;
    }
    PH_TRY(put(obj, "advisories", PH_TAKE(advisories)));
    PH_TRY(put(obj, "tcb_date", date_json(v->tcb_date_s)));
    PH_TRY(put(obj, "evaluation_number", json_integer(v->evaluation_number)));
    PH_TRY(put(obj, "valid_until", time_json(v->valid_until_s)));
    PH_TRY(put(obj, "measurements_demanded", json_boolean(v->measurements_demanded)));
    PH_TRY(put(obj, "insecure_simulator", json_boolean(v->insecure_simulator)));
    if (v->accepted)
        PH_TRY(put_claims(claims, &v->claims));
    return put(obj, "claims", PH_TAKE(claims));
}

enum ph_err ph_verdict_json(const struct ph_verdict *verdict, json_t **out)
{
    json_t *obj PH_OWNED(ph_json_freep) = json_object();
    if (!obj)
        return PH_ERR_NOMEM;
    PH_TRY(put_verdict(obj, verdict));
    *out = PH_TAKE(obj);
    return PH_OK;
}

static enum ph_err bytes_json(struct ph_bytes bytes, struct ph_bytes quote, json_t **out)
{
    json_t *obj PH_OWNED(ph_json_freep) = bytes.len > 0 ? json_object() : json_null();
    /* Compared as integers: the view may be of another object. */
    const uintptr_t at = (uintptr_t)bytes.ptr, start = (uintptr_t)quote.ptr;
    const bool inside = at >= start && at - start < quote.len;

    if (!obj)
        return PH_ERR_NOMEM;
    if (bytes.len > 0) {
        PH_TRY(put(obj, "in", json_string(inside ? "quote" : "collateral")));
        if (inside)
            PH_TRY(put(obj, "offset", json_integer((json_int_t)(at - start))));
        PH_TRY(put(obj, "length", json_integer((json_int_t)bytes.len)));
        PH_TRY(put(obj, "head",
                   hex_json((struct ph_bytes){bytes.ptr, bytes.len < 32 ? bytes.len : 32})));
    }
    *out = PH_TAKE(obj);
    return PH_OK;
}

enum ph_err ph_trace_json(const struct ph_trace *trace, struct ph_bytes quote, json_t **out)
{
    static const char *const results[] = {"SKIP", "PASS", "FAIL"};
    json_t *list PH_OWNED(ph_json_freep) = json_array();

    if (!list)
        return PH_ERR_NOMEM;
    for (enum ph_check c = 0; c < PH_CHECK_CNT; c++) {
        json_t *item PH_OWNED(ph_json_freep) = json_object(), *bytes = NULL;
        if (!item)
            return PH_ERR_NOMEM;
        PH_TRY(put(item, "check", json_string(ph_check_reason(c))));
        PH_TRY(put(item, "step", json_string(ph_step_name(ph_check_step(c)))));
        PH_TRY(put(item, "result", json_string(results[trace->check[c].result])));
        PH_TRY(put(item, "holds", json_string(ph_check_holds(c))));
        PH_TRY(bytes_json(trace->check[c].bytes, quote, &bytes));
        PH_TRY(put(item, "bytes", bytes));
        if (json_array_append_new(list, PH_TAKE(item)) != 0)
            return PH_ERR_NOMEM;
    }
    *out = PH_TAKE(list);
    return PH_OK;
}
