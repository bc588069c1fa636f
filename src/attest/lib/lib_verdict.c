/* Verdicts: requests checked for what is mandatory, judged, and read. */

#include "attest/lib/lib_priv.h"
#include "attest/verdict_json.h"
#include "base/own.h"

#include <stdlib.h>

bool ph_lib_request(const struct phala_attest_request *given, struct phala_attest_request *out)
{
    if (!given || given->size < offsetof(struct phala_attest_request, cache) + sizeof(given->cache))
        return false;
    memset(out, 0, sizeof(*out));
    memcpy(out, given, given->size < sizeof(*out) ? given->size : sizeof(*out));
    return out->policy && out->now_s > 0;
}

static enum ph_err judge(const struct phala_attest_request *r, const struct ph_attest_roots *roots,
                         struct ph_trace *trace, struct ph_trace *gpu_trace, struct ph_verdict *out)
{
    const struct ph_evidence_args args = {
        .evidence = &r->evidence->view,
        .collateral = (const struct ph_collateral *)(const void *)r->collateral,
        .roots = roots,
        .policy = (const struct ph_policy *)(const void *)r->policy,
        .report_data = r->report_data,
        .report_data_unchecked = r->report_data_unchecked_insecure && !r->report_data,
        .nonce = r->nonce,
        .now_s = r->now_s,
        .cache = (struct ph_attest_cache *)(void *)r->cache,
        .trace = trace,
        .gpu_trace = gpu_trace,
    };
    return ph_evidence_verify(&args, out);
}

/* Evidence, and what it must have been made for. */
static bool is_whole(const struct phala_attest_request *r)
{
    const bool gpus_alone = r->evidence && r->evidence->view.quote.len == 0;
    return r->evidence &&
           (r->report_data_unchecked_insecure || (gpus_alone ? r->nonce : r->report_data));
}

enum phala_attest_error phala_attest_verify(const struct phala_attest_request *request,
                                            struct phala_attest_verdict **out)
{
    const struct ph_attest_roots roots = ph_attest_roots_production();
    struct phala_attest_request r;

    if (!out || !ph_lib_request(request, &r) || !is_whole(&r))
        return PHALA_ATTEST_ARGUMENT;
    struct ph_verdict *verdict = malloc(sizeof(*verdict));
    if (!verdict)
        return PHALA_ATTEST_NOMEM;
    const enum ph_err err = judge(&r, &roots, NULL, NULL, verdict);
    if (err == PH_ERR_NOMEM) {
        free(verdict);
        return PHALA_ATTEST_NOMEM;
    }
    *out = (struct phala_attest_verdict *)(void *)verdict;
    return ph_lib_error(err);
}

enum phala_attest_error phala_attest_explain(const struct phala_attest_request *request, char **out)
{
    const struct ph_attest_roots roots = ph_attest_roots_production();
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_LIB_JSON_MAX);
    struct ph_verdict *verdict PH_OWNED(ph_freep) = malloc(sizeof(*verdict));
    struct ph_trace *trace PH_OWNED(ph_freep) = calloc(2, sizeof(*trace));
    struct ph_jput j = {.out = &text};
    struct phala_attest_request r;

    if (!out || !ph_lib_request(request, &r) || !is_whole(&r))
        return PHALA_ATTEST_ARGUMENT;
    if (!verdict || !trace)
        return PHALA_ATTEST_NOMEM;
    const enum ph_err err = judge(&r, &roots, &trace[0], &trace[1], verdict);
    if (err == PH_ERR_NOMEM)
        return PHALA_ATTEST_NOMEM;
    ph_jput_object(&j, NULL);
    ph_verdict_json_members(verdict, &j);
    ph_trace_json(&trace[0], r.evidence->view.quote, &j, "checks");
    if (trace[1].group != PH_GROUP_ALL)
        ph_trace_json(&trace[1], r.evidence->view.nvidia.evidence, &j, "gpu_checks");
    ph_jput_close(&j);
    const enum phala_attest_error told = ph_lib_text(ph_jput_end(&j), &text, out);
    return told == PHALA_ATTEST_OK ? ph_lib_error(err) : told;
}

void phala_attest_verdict_free(struct phala_attest_verdict *verdict)
{
    free(verdict);
}

bool phala_attest_verdict_accepted(const struct phala_attest_verdict *verdict)
{
    return ph_lib_verdict(verdict)->accepted;
}

const char *phala_attest_verdict_reason(const struct phala_attest_verdict *verdict)
{
    return ph_lib_verdict(verdict)->reason;
}

const char *phala_attest_verdict_step(const struct phala_attest_verdict *verdict)
{
    return ph_step_name(ph_lib_verdict(verdict)->step);
}

const char *phala_attest_verdict_sentence(const struct phala_attest_verdict *verdict)
{
    return ph_lib_verdict(verdict)->sentence;
}

const char *phala_attest_verdict_status(const struct phala_attest_verdict *verdict)
{
    return ph_tcb_status_name(ph_lib_verdict(verdict)->status);
}

const char *phala_attest_verdict_advisory(const struct phala_attest_verdict *verdict, size_t n)
{
    const struct ph_verdict *v = ph_lib_verdict(verdict);
    return n < v->advisory_cnt ? v->advisories[n] : NULL;
}

int64_t phala_attest_verdict_valid_until(const struct phala_attest_verdict *verdict)
{
    return ph_lib_verdict(verdict)->valid_until_s;
}

bool phala_attest_verdict_measurements_demanded(const struct phala_attest_verdict *verdict)
{
    return ph_lib_verdict(verdict)->measurements_demanded;
}

bool phala_attest_verdict_insecure_simulator(const struct phala_attest_verdict *verdict)
{
    return ph_lib_verdict(verdict)->insecure_simulator;
}

const char *phala_attest_verdict_tee(const struct phala_attest_verdict *verdict)
{
    return ph_tee_kind_name(ph_lib_verdict(verdict)->claims.tee);
}

/* Values by name, and whose evidence has them: makers' tables are in their own headers. */
enum claim_of { OF_ALL, OF_INTEL, OF_TDX, OF_TDX15, OF_SGX, OF_INSTANCE, OF_SNP, OF_NVIDIA };
#define IN(member) offsetof(struct ph_claims, member), sizeof(((struct ph_claims *)0)->member)
/* clang-format off */
static const struct {
    enum claim_of of;
    const char *name;
    size_t at, len;
} claims[] = {
#define F(name, off, size, what) {OF_TDX, #name, IN(tdx.name)},
    PH_TDX_BODY(F)
#undef F
#define F(name, off, size, what) {OF_TDX15, #name, IN(tdx15.name)},
    PH_TDX15_TAIL(F)
#undef F
#define F(name, off, size, what) {OF_SGX, #name, IN(sgx.name)},
    PH_SGX_BODY(F)
#undef F
    {OF_ALL,      "report_data",       IN(report_data)},
    {OF_INTEL,    "fmspc",             IN(fmspc)},
    {OF_INTEL,    "pceid",             IN(pceid)},
    {OF_INTEL,    "pck_cpusvn",        IN(cpusvn)},
    {OF_INSTANCE, "platform_instance", IN(platform_instance)},
    {OF_SNP,      "measurement",       IN(snp.measurement)},
    {OF_SNP,      "host_data",         IN(snp.host_data)},
    {OF_SNP,      "family_id",         IN(snp.family_id)},
    {OF_SNP,      "image_id",          IN(snp.image_id)},
    {OF_SNP,      "id_key_digest",     IN(snp.id_key_digest)},
    {OF_SNP,      "author_key_digest", IN(snp.author_key_digest)},
    {OF_SNP,      "report_id",         IN(snp.report_id)},
    {OF_SNP,      "chip_id",           IN(snp.chip_id)},
    {OF_NVIDIA,   "nonce",             IN(nvidia.nonce)},
};
/* clang-format on */
#undef IN

static bool has(const struct ph_claims *c, enum claim_of of)
{
    switch (of) {
    case OF_ALL:
        return c->tee != PH_TEE_NVIDIA;
    case OF_INTEL:
        return c->tee == PH_TEE_TDX || c->tee == PH_TEE_SGX;
    case OF_TDX:
        return c->tee == PH_TEE_TDX;
    case OF_TDX15:
        return c->tee == PH_TEE_TDX && c->has_tdx15;
    case OF_SGX:
        return c->tee == PH_TEE_SGX;
    case OF_INSTANCE:
        return c->has_platform_instance;
    case OF_SNP:
        return c->tee == PH_TEE_SNP;
    case OF_NVIDIA:
        return c->nvidia.device_cnt > 0;
    }
    return false;
}

const uint8_t *phala_attest_verdict_claim(const struct phala_attest_verdict *verdict,
                                          const char *name, size_t *len)
{
    const struct ph_verdict *v = ph_lib_verdict(verdict);

    if (!v->accepted)
        return NULL;
    for (size_t i = 0; i < PH_LEN(claims); i++) {
        if (!has(&v->claims, claims[i].of) || strcmp(claims[i].name, name) != 0)
            continue;
        *len = claims[i].len;
        return (const uint8_t *)&v->claims + claims[i].at;
    }
    return NULL;
}

enum phala_attest_error phala_attest_verdict_json(const struct phala_attest_verdict *verdict,
                                                  char **out)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_LIB_JSON_MAX);
    struct ph_jput j = {.out = &text};

    if (!verdict || !out)
        return PHALA_ATTEST_ARGUMENT;
    ph_verdict_json(ph_lib_verdict(verdict), &j, NULL);
    return ph_lib_text(ph_jput_end(&j), &text, out);
}

/* ---- Batch ---- */

struct phala_attest_verdicts {
    size_t cnt;
    struct ph_verdict verdict[];
};

enum phala_attest_error phala_attest_verify_batch(const struct phala_attest_request *request,
                                                  const struct phala_attest_quote *quotes,
                                                  size_t quote_cnt, unsigned thread_cnt,
                                                  struct phala_attest_verdicts **out)
{
    const struct ph_attest_roots roots = ph_attest_roots_production();
    struct phala_attest_request r;

    if (!out || !quotes || quote_cnt == 0 || !ph_lib_request(request, &r))
        return PHALA_ATTEST_ARGUMENT;
    struct ph_batch_item *item PH_OWNED(ph_freep) = calloc(quote_cnt, sizeof(*item));
    struct phala_attest_verdicts *v PH_OWNED(ph_freep) = NULL;
    if (quote_cnt < SIZE_MAX / sizeof(v->verdict[0]) - 1)
        v = malloc(sizeof(*v) + quote_cnt * sizeof(v->verdict[0]));
    if (!item || !v)
        return PHALA_ATTEST_NOMEM;
    for (size_t i = 0; i < quote_cnt; i++) {
        if (!quotes[i].quote || (!quotes[i].report_data && !r.report_data_unchecked_insecure))
            return PHALA_ATTEST_ARGUMENT;
        item[i] = (struct ph_batch_item){
            .quote = {quotes[i].quote, quotes[i].quote_len},
            .report_data = quotes[i].report_data,
            .report_data_unchecked = !quotes[i].report_data,
        };
    }
    const struct ph_batch_args args = {
        .item = item,
        .item_cnt = quote_cnt,
        .collateral = (const struct ph_collateral *)(const void *)r.collateral,
        .roots = &roots,
        .policy = (const struct ph_policy *)(const void *)r.policy,
        .now_s = r.now_s,
        .cache = (struct ph_attest_cache *)(void *)r.cache,
        .thread_cnt = thread_cnt,
    };
    const enum ph_err err = ph_quote_verify_batch(&args, v->verdict, NULL);
    if (err == PH_ERR_LIMIT)
        return PHALA_ATTEST_LIMIT;
    v->cnt = quote_cnt;
    *out = PH_TAKE(v);
    return ph_lib_error(err);
}

const struct phala_attest_verdict *
phala_attest_verdicts_at(const struct phala_attest_verdicts *verdicts, size_t n)
{
    return n < verdicts->cnt
               ? (const struct phala_attest_verdict *)(const void *)&verdicts->verdict[n]
               : NULL;
}

void phala_attest_verdicts_free(struct phala_attest_verdicts *verdicts)
{
    free(verdicts);
}
