#ifndef PHALA_EVIDENCE_PRINT_H
#define PHALA_EVIDENCE_PRINT_H

/* Evidence, traces and verdicts as text for people: what the JSON says, line by line. Strings that
 * evidence carries are made printable.
 *
 * Tests: tests/integration/evidence.test.mjs.
 */

#include "attest/verdict.h"
#include "codec/json.h"

/* Any document of ph_evidence_show: fields with offset, length, name, meaning and value; the rest
 * by key. */
void ph_print_shown(const json_t *doc);
/* The checks of ph_trace_json, by step. `quote` names what offsets count in. */
void ph_print_trace(const json_t *trace, const char *quote);
void ph_print_verdict(const struct ph_verdict *verdict);

#endif
