#ifndef PH_NODE_CHAIN_CERTIFICATE_H
#define PH_NODE_CHAIN_CERTIFICATE_H

/* A committee's certificate for this worker's evidence, where its kind is not judged on chain, or
 * not there alone: all members whose URLs are known are asked, and the signatures of those count
 * that say the same and sit on the committee in office.
 *
 * Layer: node. Tests: tests/integration/chain_committee.test.mjs.
 */

#include "chain/certificate.h"
#include "node/chain_http.h"

struct ph_chain_registrar;

/* What one member said. */
struct ph_chain_vote {
    struct ph_eth_address signer;
    struct ph_abi_verifier_committee_certificate c;
    uint8_t sig[65];
};

/* A certificate in the making; zero: none is. */
struct ph_chain_certificate {
    struct ph_buf evidence; /* what members judge */
    struct ph_buf request;
    struct ph_abi_verifier_committee_certificate c; /* without claims */
    struct ph_eth_address members[PH_CERTIFICATE_SIGS_MAX];
    size_t member_cnt;
    struct ph_chain_vote votes[PH_CERTIFICATE_SIGS_MAX];
    size_t vote_cnt, waiting;
    uint64_t round; /* answers of an earlier one come too late */
    char why[200];  /* what the last member that refused said */
    struct ph_buf certified;
};

/* Where members are asked; the configuration has at least one URL. */
PH_CHECKED enum ph_err ph_chain_members_open(struct ph_chain_registrar *r,
                                             struct ph_chain_http **out);
/* Get one for the evidence in r->proof.certificate, over r->proof's report data: the proof goes on
 * with ph_chain_proof_certified, or is given up. */
void ph_chain_certificate_begin(struct ph_chain_registrar *r);
void ph_chain_certificate_clear(struct ph_chain_certificate *certificate);

#endif
