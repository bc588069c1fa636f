#ifndef PH_ATTEST_DSTACK_DOC_H
#define PH_ATTEST_DSTACK_DOC_H

/* JSON in which dstack's guests and clients hand evidence around:
 *
 *   {"quote":hex,"event_log":text|array,"vm_config":…,"report_data":hex,…}   a guest's GetQuote
 *   {"attestation":hex|base64}                                              one binary document
 *
 * vm_config, JSON as text or as an object, is what the host says, and kept as such; other members
 * are the guest's own words, and not looked at. "attestation":null goes with the first form. Beside
 * an attestation nothing else counts: it has a log and a vm_config of its own. Also the log as the
 * HTTP API reads it alone.
 *
 * Layer: attest. Pure. Format: docs/attestation.md. Tests: dstack_doc_test.c, dstack_doc_fuzz.c.
 */

#include "attest/dstack_blob.h"
#include "codec/jread.h"

/* An event log as member `key` of the root: an array, its text as a string, or a binary one in
 * base64. `log` is empty where there is none; else a view into the document, or into `keep`.
 * PH_ERR_MALFORMED, PH_ERR_LIMIT, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_dstack_read_log(const struct ph_jdoc *json, const char *key,
                                          struct ph_buf *keep, struct ph_bytes *log);

/* True if "attestation" of a document is one, and not null. */
bool ph_dstack_has_blob(const struct ph_jdoc *json);
/* True if bytes are a document of dstack's, JSON or binary, by their first bytes and members: they
 * may still be refused. */
bool ph_dstack_is_doc(struct ph_bytes bytes);

/**
 * Open a document of either form, or a bare binary one, as a bundle without time or collateral.
 *
 * Documents cut for size have a log that shows RTMR3 alone; `event_log_rtmr3_alone` is then set,
 * and a judgement promises that this register follows from it and no other. A log that does not
 * even show that one is left out.
 *
 * @bytes  untrusted; borrowed for the call
 * @out    on PH_OK, freed by the caller with ph_evidence_free; else untouched
 * @why    written when refused
 *
 * As ph_dstack_blob_open; PH_ERR_LIMIT: longer than PH_EVIDENCE_MAX.
 */
PH_CHECKED enum ph_err ph_dstack_doc_open(struct ph_bytes bytes, struct ph_evidence_bundle **out,
                                          struct ph_json_why *why);

#endif
