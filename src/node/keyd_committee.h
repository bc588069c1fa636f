#ifndef PH_NODE_KEYD_COMMITTEE_H
#define PH_NODE_KEYD_COMMITTEE_H

/* What phalad asks phala-keyd as a committee's member or juror. Both take what somebody sent
 * (chain/certificate.h) as it is: phala-keyd judges the evidence in it. Errors as of keyd_client.h;
 * refusals keep their class and have a sentence in `why`.
 *
 * Layer: node. Tests: keyd_committee_test.c; tests/integration/chain_committee.test.mjs.
 */

#include "base/ids.h"
#include "node/keyd_client.h"

/* @certified  appended: the certificate and this worker's signature */
PH_CHECKED enum ph_err ph_keyd_certify(struct ph_keyd_client *client, struct ph_bytes request,
                                       struct ph_hash32 *evidence_hash, struct ph_buf *certified,
                                       char why[static PH_KEYD_WHY_LEN]);

struct ph_keyd_verdict {
    struct ph_hash32 certificate;
    bool genuine;
    uint8_t sig[65];
};
PH_CHECKED enum ph_err ph_keyd_verdict(struct ph_keyd_client *client, struct ph_bytes request,
                                       struct ph_keyd_verdict *out,
                                       char why[static PH_KEYD_WHY_LEN]);

#endif
