#ifndef PH_ATTEST_VERDICT_JSON_H
#define PH_ATTEST_VERDICT_JSON_H

/* Verdicts, traces and quotes as JSON: the same shape from the CLI, the HTTP API and the library.
 * Each appends one value to a writer, under `key` as ph_jput_object takes it; errors stick there.
 *
 * Layer: attest. Pure. Format: docs/attestation.md. Tests: intel/quote_test.c.
 */

#include "attest/verdict.h"
#include "codec/jput.h"

/* {"verdict":"accepted"|"rejected","status","step","reason","sentence","advisories","tcb_date",
 *  "evaluation_number","valid_until","measurements_demanded","insecure_simulator","claims"}.
 * step is null when accepted; claims is null unless accepted. */
void ph_verdict_json(const struct ph_verdict *verdict, struct ph_jput *out, const char *key);
/* The same members into the object that is open: for documents that add their own. */
void ph_verdict_json_members(const struct ph_verdict *verdict, struct ph_jput *out);

/* An array of {"check","step","result":"PASS"|"FAIL"|"SKIP","holds","bytes"}. bytes tells where a
 * check looked: {"in":"quote","offset","length","head":hex of at most 32 bytes}, or without an
 * offset where it is no part of the quote; null for nothing. */
void ph_trace_json(const struct ph_trace *trace, struct ph_bytes quote, struct ph_jput *out,
                   const char *key);

/**
 * Every field of a quote with its meaning, unproved: {"kind","version","tee","body","fields":[
 * {"part","name","offset","length","value","meaning"}],"pck":{…}|null,"trailing_bytes"}.
 *
 * @reterr  the format check that failed; written when refused: nothing is appended then
 * Returns PH_ERR_MALFORMED, PH_ERR_UNSUPPORTED, PH_ERR_LIMIT; what the writer says
 */
PH_CHECKED enum ph_err ph_quote_json(struct ph_bytes quote, struct ph_jput *out, const char *key,
                                     enum ph_check *reterr);

#endif
