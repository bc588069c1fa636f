#ifndef PH_ATTEST_VERDICT_JSON_H
#define PH_ATTEST_VERDICT_JSON_H

/* Verdicts, traces and quotes as JSON: the same shape from the CLI, the HTTP API and the library.
 *
 * Layer: attest. Pure. Format: docs/attestation.md. Tests: intel_quote_test.c.
 */

#include "attest/verify.h"
#include "codec/json.h"

/* {"verdict":"accepted"|"rejected","status","step","reason","sentence","advisories","tcb_date",
 *  "evaluation_number","valid_until","measurements_demanded","insecure_simulator","claims"}.
 * step is null when accepted; claims is null unless accepted. The caller frees *out with
 * json_decref. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_verdict_json(const struct ph_verdict *verdict, json_t **out);

/* Where a view lies: {"in":"quote","offset","length","head":hex of at most 32 bytes}, or without
 * an offset where it is no part of the quote; null for an empty view. */
PH_CHECKED enum ph_err ph_trace_json(const struct ph_trace *trace, struct ph_bytes quote,
                                     json_t **out);

/**
 * Every field of a quote with its meaning, unproved: {"kind","version","tee","body","fields":[
 * {"part","name","offset","length","value","meaning"}],"pck":{…}|null,"trailing_bytes"}.
 *
 * @reterr  the format check that failed; written when refused
 * Returns PH_ERR_MALFORMED, PH_ERR_UNSUPPORTED, PH_ERR_LIMIT, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_quote_json(struct ph_bytes quote, json_t **out, enum ph_check *reterr);

#endif
