#include "attest/verdict_json.h"

#include "attest/claims_json_priv.h"
#include "base/clock.h"

/* "2024-03-13": TCB dates are days. */
static void put_date(struct ph_jput *out, const char *key, int64_t s)
{
    char text[21];

    if (s == 0) {
        ph_jput_null(out, key);
        return;
    }
    ph_time_format_rfc3339(s, text);
    ph_jput_text(out, key, (struct ph_bytes){(const uint8_t *)text, 10});
}

void ph_verdict_json_members(const struct ph_verdict *v, struct ph_jput *out)
{
    ph_jput_str(out, "verdict", v->accepted ? "accepted" : "rejected");
    ph_jput_str(out, "status", ph_tcb_status_name(v->status));
    if (v->accepted)
        ph_jput_null(out, "step");
    else
        ph_jput_str(out, "step", ph_step_name(v->step));
    ph_jput_str(out, "reason", v->reason);
    ph_jput_str(out, "sentence", v->sentence);
    ph_jput_array(out, "advisories");
    for (size_t i = 0; i < v->advisory_cnt; i++)
        ph_jput_str(out, NULL, v->advisories[i]);
    ph_jput_close(out);
    put_date(out, "tcb_date", v->tcb_date_s);
    ph_jput_int(out, "evaluation_number", v->evaluation_number);
    ph_jput_time(out, "valid_until", v->valid_until_s);
    ph_jput_bool(out, "measurements_demanded", v->measurements_demanded);
    ph_jput_bool(out, "insecure_simulator", v->insecure_simulator);
    if (v->accepted)
        ph_claims_json(&v->claims, out, "claims");
    else
        ph_jput_null(out, "claims");
}

void ph_verdict_json(const struct ph_verdict *verdict, struct ph_jput *out, const char *key)
{
    ph_jput_object(out, key);
    ph_verdict_json_members(verdict, out);
    ph_jput_close(out);
}

static void put_seen(struct ph_jput *out, struct ph_bytes bytes, const uint8_t *head,
                     struct ph_bytes quote, enum ph_check_group group)
{
    /* Compared as integers: the view may be of another object. */
    const uintptr_t at = (uintptr_t)bytes.ptr, start = (uintptr_t)quote.ptr;
    const bool inside = at >= start && at - start < quote.len;

    if (bytes.len == 0) {
        ph_jput_null(out, "bytes");
        return;
    }
    ph_jput_object(out, "bytes");
    ph_jput_str(out, "in",
                inside                     ? "quote"
                : group == PH_GROUP_EVENTS ? "event log"
                                           : "collateral");
    if (inside)
        ph_jput_int(out, "offset", (int64_t)(at - start));
    ph_jput_int(out, "length", (int64_t)bytes.len);
    ph_jput_hex(
        out, "head",
        (struct ph_bytes){head, bytes.len < PH_TRACE_HEAD_LEN ? bytes.len : PH_TRACE_HEAD_LEN});
    ph_jput_close(out);
}

void ph_trace_json(const struct ph_trace *trace, struct ph_bytes quote, struct ph_jput *out,
                   const char *key)
{
    static const char *const results[] = {"SKIP", "PASS", "FAIL"};

    ph_jput_array(out, key);
    for (enum ph_check c = 0; c < PH_CHECK_CNT; c++) {
        if (!ph_trace_has(trace, c))
            continue;
        ph_jput_object(out, NULL);
        ph_jput_str(out, "check", ph_check_reason(c));
        ph_jput_str(out, "step", ph_step_name(ph_check_step(c)));
        ph_jput_str(out, "result", results[trace->check[c].result]);
        ph_jput_str(out, "holds", ph_check_holds(c));
        put_seen(out, trace->check[c].bytes, trace->check[c].head, quote, ph_check_group(c));
        ph_jput_close(out);
    }
    ph_jput_close(out);
}
