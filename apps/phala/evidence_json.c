#include "evidence_json.h"

#include "attest/evidence.h"
#include "attest/verdict_json.h"
#include "base/own.h"

enum { DOC_MAX = 4 << 20 };

/* Our own text, read back: what it is made of has limits below those of the reader. */
static enum ph_err load(const struct ph_jput *j, json_t **out)
{
    struct ph_json_why why;

    PH_TRY(ph_jput_end(j));
    return ph_json_load(ph_buf_view(j->out), DOC_MAX, out, &why);
}

enum ph_err ph_verdict_doc(const struct ph_verdict *verdict, json_t **out)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(DOC_MAX);
    struct ph_jput j = {.out = &text};

    ph_verdict_json(verdict, &j, NULL);
    return load(&j, out);
}

enum ph_err ph_trace_doc(const struct ph_trace *trace, struct ph_bytes quote, json_t **out)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(DOC_MAX);
    struct ph_jput j = {.out = &text};

    ph_trace_json(trace, quote, &j, NULL);
    return load(&j, out);
}

enum ph_err ph_evidence_doc(const struct ph_evidence *evidence, json_t **out,
                            struct ph_json_why *why)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(DOC_MAX);
    struct ph_jput j = {.out = &text};

    PH_TRY(ph_evidence_show(evidence, &j, NULL, why));
    return load(&j, out);
}

enum ph_err ph_ratls_doc(const struct ph_ratls *ratls, json_t **out, struct ph_json_why *why)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(DOC_MAX);
    struct ph_jput j = {.out = &text};

    PH_TRY(ph_ratls_show(ratls, &j, NULL, why));
    return load(&j, out);
}
