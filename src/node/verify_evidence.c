/* POST /v1/evidence/verify: evidence and demands in, a verdict out. */

#include "node/verify_judge_priv.h"

#include "attest/dstack_doc.h"
#include "attest/eventlog/event_log.h"
#include "attest/evidence.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/own.h"
#include "codec/base64.h"

#include <stdlib.h>

/* Everything that one request brought or led to. */
struct inputs {
    struct ph_evidence evidence;               /* views into the next members */
    struct ph_evidence_bundle *bundle, *given; /* evidence; collateral that the request gave */
    struct ph_buf log_text, wrapped;
    struct ph_collateral *collateral;
    const char *collateral_from; /* "evidence", "request", "worker"; NULL: none */
    struct ph_policy *policy;    /* NULL: the built-in one */
    bool has_report_data;
    uint8_t report_data[PH_REPORT_DATA_LEN];
    int64_t at_s;
    const char *at_from; /* "request", "bundle", "clock" */
    struct ph_json_why why;
    const char *code; /* of the error */
};

static void inputs_clear(struct inputs *in)
{
    ph_evidence_free(in->bundle);
    ph_evidence_free(in->given);
    ph_buf_clear(&in->log_text);
    ph_buf_clear(&in->wrapped);
    ph_collateral_free(in->collateral);
    free(in->policy);
}

static enum ph_err bad(struct inputs *in, const char *code, const char *key, const char *what)
{
    in->code = code;
    return ph_jread_bad(&in->why, "", key, what);
}

static bool given(const struct ph_jdoc *json, uint32_t t)
{
    return t != 0 && json->toks[t].type != PH_JNULL;
}

/* Collateral of the request takes the place of the evidence's own: read as part of a bundle. */
static enum ph_err take_collateral(struct inputs *in, struct ph_bytes collateral)
{
    in->code = "bad-collateral";
    in->wrapped = PH_BUF(2 * PH_VERIFY_BODY_MAX);
    PH_TRY(ph_buf_add_str(&in->wrapped, "{\"format\":\"phala-evidence-v1\",\"time\":"
                                        "\"1970-01-01T00:00:01Z\",\"quote\":\"AA==\","
                                        "\"collateral\":"));
    PH_TRY(ph_buf_add(&in->wrapped, collateral));
    PH_TRY(ph_buf_add_str(&in->wrapped, "}"));
    PH_TRY(ph_evidence_parse(ph_buf_view(&in->wrapped), &in->given, &in->why));
    in->evidence.collateral = ph_evidence_view(in->given)->collateral;
    return PH_OK;
}

/* Base64 of a quote, of another maker's report, or of a bundle. */
static enum ph_err open_base64(struct inputs *in, const struct ph_jdoc *json, uint32_t t)
{
    struct ph_buf bytes PH_OWNED(ph_buf_clear) = PH_BUF(PH_VERIFY_BODY_MAX);
    struct ph_bytes text;

    if (ph_jscan_str(json, t, &text) != PH_OK)
        return bad(in, "bad-evidence", "evidence", "expected base64 or a bundle");
    const enum ph_err err = ph_base64_decode(text, &bytes);
    if (err == PH_ERR_NOMEM)
        return err;
    if (err != PH_OK || bytes.len == 0)
        return bad(in, "bad-evidence", "evidence", "no base64");
    return ph_evidence_open(ph_buf_view(&bytes), &in->bundle, &in->why);
}

static enum ph_err open_evidence(struct inputs *in, const struct ph_jdoc *json)
{
    const uint32_t t = ph_jscan_get(json, 0, "evidence");

    if (!given(json, t))
        return bad(in, "bad-request", "evidence", "missing");
    in->code = "bad-evidence";
    if (json->toks[t].type == PH_JOBJECT)
        PH_TRY(ph_evidence_parse(ph_jscan_raw(json, t), &in->bundle, &in->why));
    else
        PH_TRY(open_base64(in, json, t));
    const struct ph_bytes log = in->evidence.event_log;
    in->evidence = *ph_evidence_view(in->bundle);
    if (log.len > 0) { /* the request's takes the place of the bundle's */
        in->evidence.event_log = log;
        in->evidence.event_log_rtmr3_alone = false;
    }
    if (strcmp(in->at_from, "bundle") != 0)
        return PH_OK;
    in->at_s = in->evidence.time_s;
    return in->at_s != 0 ? PH_OK
                         : bad(in, "bad-request", "at", "this evidence has no time of its own");
}

static bool has_collateral(const struct ph_collateral_parts *p)
{
    return p->tcb_info_json.len > 0 || p->qe_identity_json.len > 0 || p->pck_crl.len > 0 ||
           p->root_ca_crl.len > 0 || p->tcb_info_chain_pem.len > 0 ||
           p->qe_identity_chain_pem.len > 0;
}

/* Whence the collateral of an Intel quote comes. */
static enum ph_err find_collateral(struct inputs *in, const struct ph_verify_env *env,
                                   const struct ph_jdoc *json)
{
    const uint32_t c = ph_jscan_get(json, 0, "collateral");
    struct ph_collateral_key key;

    if (given(json, c)) {
        PH_TRY(take_collateral(in, ph_jscan_raw(json, c)));
        in->collateral_from = "request";
    } else if (has_collateral(&in->evidence.collateral)) {
        in->collateral_from = "evidence";
    } else {
        /* What cannot be found makes no error here: the check that needed it refuses. */
        if (ph_collateral_key_of(in->evidence.quote, &key) == PH_OK &&
            env->find(env->ctx, &key, &in->collateral, &in->why) == PH_OK)
            in->collateral_from = "worker";
        return PH_OK;
    }
    in->code = "bad-collateral";
    return ph_collateral_parse(&in->evidence.collateral, &in->collateral, &in->why);
}

static enum ph_err read_at(struct inputs *in, const struct ph_verify_env *env,
                           const struct ph_jdoc *json)
{
    const uint32_t t = ph_jscan_get(json, 0, "at");
    struct ph_bytes text;

    in->at_s = env->now_s;
    in->at_from = "clock";
    if (!given(json, t))
        return PH_OK;
    if (ph_jscan_str(json, t, &text) == PH_OK && ph_bytes_is(text, "bundle")) {
        in->at_from = "bundle";
        return PH_OK;
    }
    in->at_from = "request";
    in->code = "bad-request";
    return ph_jread_time(json, 0, "", "at", &in->at_s, &in->why);
}

static enum ph_err read_demands(struct inputs *in, const struct ph_jdoc *json)
{
    const uint32_t p = ph_jscan_get(json, 0, "policy"), r = ph_jscan_get(json, 0, "report_data");

    if (given(json, p)) {
        in->policy = malloc(sizeof(*in->policy));
        if (!in->policy)
            return PH_ERR_NOMEM;
        in->code = "bad-policy";
        PH_TRY(ph_policy_parse(ph_jscan_raw(json, p), in->policy, &in->why));
    }
    if (given(json, r)) {
        in->code = "bad-request";
        PH_TRY(ph_jread_hex(json, 0, "", "report_data", in->report_data, sizeof(in->report_data),
                            &in->has_report_data, &in->why));
    }
    in->log_text = PH_BUF(PH_EVENT_LOG_MAX);
    if (ph_dstack_read_log(json, "event_log", &in->log_text, &in->evidence.event_log) != PH_OK)
        return bad(in, "bad-request", "event_log",
                   "expected an array, its JSON text, or a CCEL in base64");
    return PH_OK;
}

static void answer(const struct inputs *in, const struct ph_verdict *v,
                   struct ph_verify_answer *out)
{
    struct ph_jput put = {.out = &out->body};

    out->status = 200;
    ph_jput_object(&put, NULL);
    ph_verdict_json_members(v, &put);
    ph_jput_time(&put, "judged_at", in->at_s);
    ph_jput_str(&put, "judged_at_from", in->at_from);
    if (in->collateral_from)
        ph_jput_str(&put, "collateral_from", in->collateral_from);
    else
        ph_jput_null(&put, "collateral_from");
    if (!in->collateral_from && in->why.text[0])
        ph_jput_str(&put, "collateral_missing", in->why.text);
    ph_jput_close(&put);
    if (ph_jput_end(&put) != PH_OK)
        ph_verify_error(out, 500, "internal", "the answer could not be written");
}

static enum ph_err verify(const struct ph_verify_env *env, const struct ph_jdoc *json,
                          struct inputs *in, struct ph_verify_answer *out)
{
    struct ph_verdict *verdict PH_OWNED(ph_freep) = NULL;

    PH_TRY(read_at(in, env, json));
    PH_TRY(read_demands(in, json));
    PH_TRY(open_evidence(in, json));
    PH_TRY(find_collateral(in, env, json));
    verdict = malloc(sizeof(*verdict));
    if (!verdict)
        return PH_ERR_NOMEM;
    const struct ph_evidence_args args = {
        .evidence = &in->evidence,
        .collateral = in->collateral,
        .roots = env->roots,
        .policy = in->policy ? in->policy : ph_policy_builtin_hardware(),
        .report_data = in->has_report_data ? in->report_data : NULL,
        .report_data_unchecked = !in->has_report_data,
        .now_s = in->at_s,
    };
    if (ph_evidence_verify(&args, verdict) == PH_ERR_NOMEM)
        return PH_ERR_NOMEM;
    answer(in, verdict, out);
    return PH_OK;
}

void ph_verify_evidence(const struct ph_verify_env *env, struct ph_bytes body,
                        struct ph_verify_answer *out)
{
    static const char *const allowed[] = {"evidence",  "collateral", "policy", "report_data",
                                          "event_log", "at",         NULL};
    struct ph_verify_request request = {.toks = NULL};

    if (ph_verify_open(body, allowed, &request, out)) {
        struct inputs in PH_OWNED(inputs_clear) = {.code = "bad-request"};
        const enum ph_err err = verify(env, &request.json, &in, out);
        if (err == PH_ERR_NOMEM)
            ph_verify_error(out, 500, "internal", "out of memory");
        else if (err != PH_OK)
            ph_verify_error(out, 400, in.code, in.why.text[0] ? in.why.text : ph_err_name(err));
    }
    free(request.toks);
}
