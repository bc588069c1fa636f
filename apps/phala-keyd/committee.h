#ifndef PH_PHALA_KEYD_COMMITTEE_H
#define PH_PHALA_KEYD_COMMITTEE_H

/* What a member of a chain's committee does (contracts/src/committee): judge evidence of others
 * with libphala-attest, in this process, and sign what it proves; as a juror, judge evidence under
 * a certificate that was challenged, and sign whether the certificate is true.
 *
 * The judgement is the same for every member: genuine hardware by the vendors' roots, no debug, no
 * migration; at the time that the certificate names, with the collateral that comes with the
 * evidence. Which code, status and evaluation number are good enough is TeePolicy's question, so
 * they are claims and not judged. On the development chain any root is a simulator's, as in the
 * contracts, and the claims say SIMULATED.
 *
 * Tests: committee_test.c; tests/integration/chain_committee.test.mjs.
 */

#include "chain.h"
#include "cluster.h"

#include "chain/certificate.h"

/**
 * What evidence proves, as the contracts number it.
 *
 * @evidence  untrusted: an evidence bundle with one quote (TDX, SGX) or SEV-SNP report
 * @bind      what it must bind: report data [0:32]; [32:64] is zero
 * @time_s    Unix seconds at which it is judged
 * @why       written when refused
 *
 * Returns PH_ERR_UNTRUSTED    not genuine, or nothing that a chain could tell apart
 *         PH_ERR_MALFORMED, PH_ERR_LIMIT
 *         PH_ERR_UNSUPPORTED  of a kind or version that nobody here can judge
 *         PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err committee_judge(uint64_t chain_id, struct ph_bytes evidence,
                                       const struct ph_hash32 *bind, int64_t time_s,
                                       struct ph_abi_verifier_committee_claims *out,
                                       char why[static CLUSTER_WHY_LEN]);

/* Answers to CERTIFY and VERDICT. An error: `why` says what is refused. */
PH_CHECKED enum ph_err committee_certify(const struct keyd_chain *chain, const struct keyring *ring,
                                         const struct ph_ipc_frame *frame, int64_t now_s,
                                         struct ph_buf *reply, char why[static CLUSTER_WHY_LEN]);
PH_CHECKED enum ph_err committee_verdict(const struct keyd_chain *chain, const struct keyring *ring,
                                         const struct ph_ipc_frame *frame, int64_t now_s,
                                         struct ph_buf *reply, char why[static CLUSTER_WHY_LEN]);

#endif
