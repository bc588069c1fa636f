#ifndef PH_CHAIN_CERTIFICATE_H
#define PH_CHAIN_CERTIFICATE_H

/* What members of a committee sign about evidence that is not judged on chain, and jurors about a
 * certificate: contracts/src/committee/VerifierCommittee.sol in C, domain {PhalaVerifierCommittee,
 * 1, chain, committee}.
 *
 * Between workers it travels as the contracts take it: a request is abi.encode(Certificate, bytes
 * evidence), a certificate with its signatures abi.encode(Certificate, bytes[]), which is evidence
 * for CommitteeVerifier.
 *
 * Layer: chain. Pure. Spec: EIP-712; docs/chain.md. Tests: certificate_test.c (values of viem),
 * certificate_fuzz.c; against the contract: tests/integration/chain_committee.test.mjs.
 */

#include "chain/abi.h"
#include "contracts_abi.h"

enum {
    PH_CERTIFICATE_SIGS_MAX = 16,   /* seats of a committee */
    PH_CERTIFICATE_MAX = 16 * 1024, /* bytes of a certificate with its signatures */
    PH_CERTIFY_MAX = 96 * 1024,     /* bytes of a request: it travels in one datagram */
    PH_CERTIFY_EVIDENCE_MAX = PH_CERTIFY_MAX - 1024,
    PH_CERTIFY_EARLY_S = 600,      /* a request may name a time that long ago */
    PH_CERTIFY_AHEAD_S = 30,       /* or to come: clocks differ, and the contract looks as well */
    PH_VERDICT_LATE_S = 9 * 86400, /* a day to challenge, a week to decide, and one more */
};

/* Where it counts. */
struct ph_committee_of {
    uint64_t chain_id;
    struct ph_eth_address committee;
};
/* What members sign; the name of a certificate. */
void ph_certificate_digest(const struct ph_committee_of *where,
                           const struct ph_abi_verifier_committee_certificate *c,
                           struct ph_hash32 *out);
/* What jurors sign. */
void ph_verdict_digest(const struct ph_committee_of *where, const struct ph_hash32 *certificate,
                       bool genuine, struct ph_hash32 *out);
bool ph_claims_are_same(const struct ph_abi_verifier_committee_claims *a,
                        const struct ph_abi_verifier_committee_claims *b);

/* A request; evidence is a view into `raw`. PH_ERR_MALFORMED; PH_ERR_LIMIT: over PH_CERTIFY_MAX. */
PH_CHECKED enum ph_err ph_certify_parse(struct ph_bytes raw,
                                        struct ph_abi_verifier_committee_certificate *c,
                                        struct ph_bytes *evidence);
PH_CHECKED enum ph_err ph_certify_encode(const struct ph_abi_verifier_committee_certificate *c,
                                         struct ph_bytes evidence, struct ph_buf *out);

/* A certificate and signatures of 65 bytes, in the order in which they are. */
struct ph_certified {
    struct ph_abi_verifier_committee_certificate c;
    size_t sig_cnt;
    uint8_t sig[PH_CERTIFICATE_SIGS_MAX][65];
};
/* PH_ERR_MALFORMED, PH_ERR_LIMIT: too long, or too many signatures. */
PH_CHECKED enum ph_err ph_certified_parse(struct ph_bytes raw, struct ph_certified *out);
PH_CHECKED enum ph_err ph_certified_encode(const struct ph_certified *certified,
                                           struct ph_buf *out);

#endif
