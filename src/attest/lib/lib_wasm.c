/* The verifier as a WebAssembly module: what sdk/attest calls. It imports nothing: no clock, no
 * random numbers, no files. All functions are about the module's one request, which phala_reset
 * ends; memory from phala_alloc, and what phala_text points to, live until then.
 *
 * Layer: attest. Tests: tests/integration/attest_wasm.test.mjs.
 */

#include "attest/lib/lib_priv.h"
#include "attest/policy.h"
#include "attest/verdict_json.h"
#include "base/own.h"

#include <stdlib.h>

#define EXPORT(name) __attribute__((export_name(#name), used)) name

/* Longest of all that the caller copies in for one request: parts have limits of their own. */
enum { INPUT_MAX = 32 << 20 };
/* Of `how` to judge. */
enum { HOW_REPORT_DATA_UNCHECKED = 1, HOW_EXPLAIN = 2 };

struct judgement {
    struct ph_trace trace, gpu_trace;
    struct ph_verdict verdict;
};

static struct {
    struct input {
        struct input *next;
        uint8_t bytes[];
    } * inputs;
    size_t input_len;
    struct phala_attest_evidence *evidence;
    struct phala_attest_policy *policy; /* NULL: the built-in one */
    struct phala_attest_why why;
    struct ph_buf text;
} request;

uint8_t *EXPORT(phala_alloc)(size_t len);
void EXPORT(phala_reset)(void);
int EXPORT(phala_open)(const uint8_t *bytes, size_t len);
int EXPORT(phala_add)(int part, const uint8_t *bytes, size_t len);
int EXPORT(phala_policy)(const uint8_t *json, size_t len);
double EXPORT(phala_time)(void);
int EXPORT(phala_show)(void);
int EXPORT(phala_judge)(double now_s, const uint8_t *report_data, const uint8_t *nonce, int how);
int EXPORT(phala_refuse)(const char *reason);
const uint8_t *EXPORT(phala_text)(void);
size_t EXPORT(phala_text_len)(void);

/* assert states what only a bug can break. A trap ends the instance; its caller says "rejected". */
_Noreturn void __assert_fail(const char *what, const char *file, int line, const char *function);
_Noreturn void __assert_fail(const char *what, const char *file, int line, const char *function)
{
    (void)what, (void)file, (void)line, (void)function;
    __builtin_trap();
}

/* Memory to copy an input into; NULL: there is none, or it is too much. */
uint8_t *phala_alloc(size_t len)
{
    if (len > INPUT_MAX - request.input_len)
        return NULL;
    struct input *input = malloc(sizeof(*input) + len);
    if (!input)
        return NULL;
    input->next = request.inputs;
    request.inputs = input;
    request.input_len += len;
    return input->bytes;
}

void phala_reset(void)
{
    for (struct input *i = request.inputs, *next; i; i = next) {
        next = i->next;
        free(i);
    }
    phala_attest_evidence_free(request.evidence);
    phala_attest_policy_free(request.policy);
    ph_buf_clear(&request.text);
    memset(&request, 0, sizeof(request));
}

/* What the functions below return is enum phala_attest_error. */
int phala_open(const uint8_t *bytes, size_t len)
{
    return (int)phala_attest_evidence_open(bytes, len, &request.evidence, &request.why);
}

/* @part  enum phala_attest_part */
int phala_add(int part, const uint8_t *bytes, size_t len)
{
    if (!request.evidence)
        return PHALA_ATTEST_ARGUMENT;
    return (int)phala_attest_evidence_add(request.evidence, (enum phala_attest_part)part, bytes,
                                          len);
}

int phala_policy(const uint8_t *json, size_t len)
{
    return (int)phala_attest_policy_parse((const char *)json, len, &request.policy, &request.why);
}

/* When the evidence was collected, as whoever made the bundle claims; 0: it does not say. */
double phala_time(void)
{
    return request.evidence ? (double)phala_attest_evidence_time(request.evidence) : 0;
}

const uint8_t *phala_text(void)
{
    return request.text.ptr;
}

size_t phala_text_len(void)
{
    return request.text.len;
}

static struct ph_jput text_begin(void)
{
    ph_buf_clear(&request.text);
    request.text = PH_BUF(PH_LIB_JSON_MAX);
    return (struct ph_jput){.out = &request.text};
}

int phala_show(void)
{
    struct ph_jput j = text_begin();
    struct ph_json_why why = {"out of memory"};

    if (!request.evidence)
        return PHALA_ATTEST_ARGUMENT;
    enum ph_err err = ph_evidence_show(&request.evidence->view, &j, NULL, &why);
    if (err == PH_OK)
        err = ph_jput_end(&j);
    if (err == PH_OK)
        return PHALA_ATTEST_OK;
    memcpy(request.why.text, why.text, sizeof(why.text));
    return (int)ph_lib_error(err);
}

/* What a verdict looks like that no check gave: the request's `why` is its sentence. */
int phala_refuse(const char *reason)
{
    struct ph_jput j = text_begin();

    ph_jput_object(&j, NULL);
    ph_jput_str(&j, "verdict", "rejected");
    ph_jput_str(&j, "status", ph_tcb_status_name(PH_TCB_UNKNOWN));
    ph_jput_str(&j, "step", "input");
    ph_jput_str(&j, "reason", reason);
    ph_jput_str(&j, "sentence", request.why.text);
    ph_jput_array(&j, "advisories");
    ph_jput_close(&j);
    ph_jput_null(&j, "tcb_date");
    ph_jput_null(&j, "valid_until");
    ph_jput_null(&j, "claims");
    ph_jput_close(&j);
    return (int)ph_lib_error(ph_jput_end(&j));
}

static int tell(const struct judgement *judged, int64_t now_s, bool explain)
{
    const struct ph_evidence *e = &request.evidence->view;
    struct ph_jput j = text_begin();

    ph_jput_object(&j, NULL);
    ph_verdict_json_members(&judged->verdict, &j);
    ph_jput_time(&j, "judged_at", now_s);
    if (explain) {
        ph_trace_json(&judged->trace, e->quote.len > 0 ? e->quote : e->nvidia.evidence, &j,
                      "checks");
        if (e->quote.len > 0 && e->nvidia.evidence.len > 0)
            ph_trace_json(&judged->gpu_trace, e->nvidia.evidence, &j, "gpu_checks");
    }
    ph_jput_close(&j);
    return (int)ph_lib_error(ph_jput_end(&j));
}

/**
 * Judge the evidence; phala_text is then the verdict, accepted or not.
 *
 * @report_data  64 bytes; NULL: only with HOW_REPORT_DATA_UNCHECKED, and with GPUs alone
 * @nonce        32 bytes; NULL: bound to the quote, see struct ph_evidence_args, or no GPUs
 * Returns PHALA_ATTEST_OK: there is a verdict; ARGUMENT, LIMIT, NOMEM: there is none
 */
int phala_judge(double now_s, const uint8_t *report_data, const uint8_t *nonce, int how)
{
    const struct ph_attest_roots roots = ph_attest_roots_production();
    const bool unchecked = how & HOW_REPORT_DATA_UNCHECKED;

    if (!request.evidence || !(now_s >= 1 && now_s < 253402300800.0)) /* to the end of 9999 */
        return PHALA_ATTEST_ARGUMENT;
    const struct ph_evidence *e = &request.evidence->view;
    const bool quote = e->quote.len > 0, gpus = e->nvidia.evidence.len > 0;
    if ((report_data && !quote) || (nonce && !gpus))
        return PHALA_ATTEST_ARGUMENT;
    if (!(quote ? report_data : nonce) && !unchecked)
        return PHALA_ATTEST_ARGUMENT;
    struct judgement *judged PH_OWNED(ph_freep) = calloc(1, sizeof(*judged));
    if (!judged)
        return PHALA_ATTEST_NOMEM;
    const struct ph_evidence_args args = {
        .evidence = e,
        .roots = &roots,
        .policy = request.policy ? (const struct ph_policy *)(const void *)request.policy
                                 : ph_policy_builtin_hardware(),
        .report_data = report_data,
        .report_data_unchecked = unchecked && !report_data,
        .nonce = nonce,
        .now_s = (int64_t)now_s,
        .trace = &judged->trace,
        .gpu_trace = quote && gpus ? &judged->gpu_trace : NULL,
    };
    if (ph_evidence_verify(&args, &judged->verdict) == PH_ERR_NOMEM)
        return PHALA_ATTEST_NOMEM;
    return tell(judged, args.now_s, how & HOW_EXPLAIN);
}
