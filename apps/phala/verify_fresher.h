#ifndef PH_CLI_VERIFY_FRESHER_H
#define PH_CLI_VERIFY_FRESHER_H

/* `phala verify RECEIPT --fresher-than OTHER`: the state behind RECEIPT is that behind OTHER or a
 * later one. OTHER is a receipt that the caller had before RECEIPT's call was sent.
 *
 * Tests: verify_fresher_test.c, tests/integration/state.test.mjs.
 */

#include "verify_files.h"
#include "verify_report.h"

#include "attest/policy.h"

/* What both receipts are judged by. */
struct ph_fresher_args {
    const struct ph_verify_opts *opts; /* with `fresher_than` */
    const struct ph_policy *policy;
    int64_t now_s; /* `at_receipt`: not used, OTHER's own time is */
    bool at_receipt;
};

/* Verify OTHER as a receipt, with its own evidence or, for a bare one, what stands behind RECEIPT;
 * then compare. Adds the steps other-receipt, same-phat and fresher-than; the last one's sentence
 * begins with "rollback" or "fork" where that is what the two prove. `why` and errors as
 * ph_verify_input_load and ph_verify_evidence: OTHER cannot be read. */
PH_CHECKED enum ph_err ph_verify_fresher(const struct ph_fresher_args *args,
                                         const struct ph_verify_input *in,
                                         struct ph_verify_report *report,
                                         char why[static PH_VERIFY_WHY_LEN]);

#endif
