#ifndef PH_ATTEST_EVIDENCE_BUNDLE_H
#define PH_ATTEST_EVIDENCE_BUNDLE_H

/* One portable file that holds a quote, all that is needed to judge it, and when it was made. A
 * worker serves it at /v1/attestation; `phala verify` and `phala evidence verify` consume it with
 * no network, years later.
 *
 *   {"format":"phala-evidence-v1","time":"2025-06-19T10:32:27Z","quote":base64,
 *    "collateral":{"tcb_info":text,"tcb_info_chain":PEM,"qe_identity":text,
 *                  "qe_identity_chain":PEM,"pck_crl":base64,"root_ca_crl":base64,"pck_chain":PEM}}
 *
 * "tcb_info" and "qe_identity" are the exact signed documents as JSON strings, so that no tool in
 * between can reformat what a signature covers. Every member of "collateral" may be absent; the
 * verifier then refuses at the check that needed it. Unknown and duplicate keys are errors.
 *
 * Layer: attest. Pure. Format: docs/attestation.md. Tests: evidence_bundle_test.c,
 * evidence_bundle_fuzz.c.
 */

#include "base/bytes.h"
#include "codec/json.h"

enum { PH_EVIDENCE_MAX = 1024 * 1024 }; /* bytes of a bundle, and of each part */

/* The documents a quote is judged with, named as Intel's services name them. An empty view means
 * absent. */
struct ph_collateral_parts {
    struct ph_bytes pck_chain_pem;      /* leaf, CA, root; only for quotes without their own */
    struct ph_bytes tcb_info_json;      /* {"tcbInfo":…,"signature":…}, exact bytes */
    struct ph_bytes tcb_info_chain_pem; /* TCB signer, root */
    struct ph_bytes qe_identity_json;   /* {"enclaveIdentity":…,"signature":…}, exact bytes */
    struct ph_bytes qe_identity_chain_pem; /* TCB signer, root */
    struct ph_bytes pck_crl;               /* DER, of the PCK's own CA */
    struct ph_bytes root_ca_crl;           /* DER, of the root */
};

struct ph_evidence {
    struct ph_bytes quote;
    struct ph_collateral_parts collateral;
    int64_t time_s; /* when it was collected, Unix seconds: a claim of whoever made the bundle */
};

/* Append the bundle to `out`. PH_ERR_MALFORMED: a text part is no UTF-8. PH_ERR_LIMIT,
 * PH_ERR_NOMEM.
 */
PH_CHECKED enum ph_err ph_evidence_encode(const struct ph_evidence *evidence, struct ph_buf *out);

struct ph_evidence_bundle; /* a parsed bundle; owns its bytes */

/**
 * Parse a bundle.
 *
 * @text  untrusted; borrowed for the call
 * @out   on PH_OK, freed by the caller with ph_evidence_free; else untouched
 * @why   written when refused: where and what
 *
 * Returns PH_ERR_LIMIT      longer than PH_EVIDENCE_MAX
 *         PH_ERR_MALFORMED  see why
 *         PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_evidence_parse(struct ph_bytes text, struct ph_evidence_bundle **out,
                                         struct ph_json_why *why);
/* Views into the bundle, valid until it is freed. */
const struct ph_evidence *ph_evidence_view(const struct ph_evidence_bundle *bundle);
void ph_evidence_free(struct ph_evidence_bundle *bundle);
static inline void ph_evidence_freep(struct ph_evidence_bundle **bundle)
{
    ph_evidence_free(*bundle);
}

#endif
