#ifndef PH_NODE_CHAIN_EVIDENCE_H
#define PH_NODE_CHAIN_EVIDENCE_H

/* A quote of this machine in the form that the contracts judge: without its certificates, which
 * IntelCollateral keeps.
 *
 * Layer: node. Spec: contracts/src/intel/DcapVerifier.sol, IntelQuote.sol. Tests:
 * chain_evidence_test.c; tests/integration/chain_register.test.mjs.
 */

#include "base/bytes.h"
#include "base/ids.h"

enum { PH_CHAIN_EVIDENCE_WHY_LEN = 128 };

/* Owned. */
struct ph_chain_evidence {
    struct ph_buf quote;    /* up to its certification data */
    struct ph_buf pck;      /* DER, the platform's certificate */
    struct ph_hash32 ca_id; /* keccak256 of the certificate that signed it */
};
void ph_chain_evidence_clear(struct ph_chain_evidence *evidence);

/**
 * @quote  as the machine made it, with its PCK chain
 * @out    on PH_OK, cleared by the caller; else untouched
 *
 * Returns PH_ERR_UNSUPPORTED  not Intel's, or its certificates are not in it
 *         PH_ERR_MALFORMED, PH_ERR_LIMIT, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_chain_evidence_of(struct ph_bytes quote, struct ph_chain_evidence *out,
                                            char why[static PH_CHAIN_EVIDENCE_WHY_LEN]);

#endif
