#ifndef PH_TEE_ATTESTATION_DOC_H
#define PH_TEE_ATTESTATION_DOC_H

/* What a worker serves at GET /v1/attestation, and `phala verify --evidence` reads: who the worker
 * says it is, and the evidence whose report data binds it (keys/report_data.h).
 *
 *   {"format":"phala-attestation-v1",
 *    "identity":{"chain_id":0,"registry":"0x…","signer":"0x…","cluster":"0x…",
 *                "caller_x25519":hex,"operator":"0x…","tls_pub":hex,
 *                "ohttp_keys":hex},      // of workers that answer private calls
 *    "nonce":hex,"evidence":{…phala-evidence-v1…},"insecure_simulator":true}
 *
 * Nothing in it is proved until the evidence was verified against the recomputed report data;
 * "insecure_simulator" is the worker's own word for people who read the file, and the verifier's
 * verdict says it independently.
 *
 * Layer: tee. Pure. Format: docs/receipts.md. Tests: attestation_doc_test.c,
 * attestation_doc_fuzz.c.
 */

#include "base/bytes.h"
#include "keys/report_data.h"

#include <stdbool.h>

#define PH_ATTESTATION_FORMAT "phala-attestation-v1"
enum { PH_ATTESTATION_MAX = 1024 * 1024 + 4096 };

struct ph_attestation_doc {
    struct ph_worker_identity identity;
    uint8_t nonce[32];        /* of the caller; all zero without one */
    struct ph_bytes evidence; /* the bundle's JSON text; borrowed */
    bool insecure_simulator;
};

/* Append the document. @doc->evidence is taken as it is: the text that ph_tee_evidence made.
 * PH_ERR_LIMIT, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_attestation_doc_encode(const struct ph_attestation_doc *doc,
                                                 struct ph_buf *out);
/* Parse. out->evidence is a view into `text`. PH_ERR_MALFORMED, PH_ERR_UNSUPPORTED (another
 * format), PH_ERR_LIMIT; `why` says where. */
PH_CHECKED enum ph_err ph_attestation_doc_parse(struct ph_bytes text,
                                                struct ph_attestation_doc *out,
                                                char why[static 128]);

#endif
