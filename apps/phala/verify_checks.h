#ifndef PH_CLI_VERIFY_CHECKS_H
#define PH_CLI_VERIFY_CHECKS_H

/* The decisions of `phala verify`, in order. Each adds its steps to the report; none stops the
 * next, so that one run shows everything that is wrong. docs/receipts.md
 *
 * Tests: verify_test.c.
 */

#include "attest/intel/verify.h"
#include "verify_files.h"
#include "verify_report.h"

/* Format, leaf, path, signature; then what the caller expects: phat, bundle, nonce, request and
 * response. @signer  who signed the batch; zero where nobody did */
void ph_verify_receipt(const struct ph_verify_input *in, struct ph_verify_report *report,
                       struct ph_eth_address *signer);

/* The evidence under the signer. @verdict written whole if PH_OK; @root SHA-256 of the root's key
 * that the evidence names (zero: none). PH_ERR_MALFORMED: a file that cannot be read, with `why`.
 */
PH_CHECKED enum ph_err ph_verify_evidence(const struct ph_verify_input *in,
                                          const struct ph_policy *policy,
                                          bool accept_simulator_insecure, int64_t now_s,
                                          const struct ph_eth_address *signer,
                                          struct ph_verify_report *report,
                                          struct ph_verdict *verdict, uint8_t root[static 32],
                                          char why[static PH_VERIFY_WHY_LEN]);

/* Whose key the signer is, when there is no evidence: what --signer says, or nobody's. */
void ph_verify_signer(const struct ph_verify_input *in, const struct ph_eth_address *signer,
                      struct ph_verify_report *report);

#endif
