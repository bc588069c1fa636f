#ifndef PH_CLI_EVIDENCE_JSON_H
#define PH_CLI_EVIDENCE_JSON_H

/* What attest/verdict_json.h writes, as documents to add to and to print. The caller owns *out. */

#include "attest/ratls.h"
#include "attest/verdict.h"
#include "codec/json.h"

PH_CHECKED enum ph_err ph_verdict_doc(const struct ph_verdict *verdict, json_t **out);
PH_CHECKED enum ph_err ph_trace_doc(const struct ph_trace *trace, struct ph_bytes quote,
                                    json_t **out);
/* What ph_evidence_show writes; errors and why as there. */
PH_CHECKED enum ph_err ph_evidence_doc(const struct ph_evidence *evidence, json_t **out,
                                       struct ph_json_why *why);
/* What ph_ratls_show writes, likewise. */
PH_CHECKED enum ph_err ph_ratls_doc(const struct ph_ratls *ratls, json_t **out,
                                    struct ph_json_why *why);

#endif
