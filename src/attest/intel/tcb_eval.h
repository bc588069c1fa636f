#ifndef PH_ATTEST_INTEL_TCB_EVAL_H
#define PH_ATTEST_INTEL_TCB_EVAL_H

/* Intel's rules for what the TCB of a platform is worth: level matching, the TDX module, the
 * quoting enclave, and the relaunch advice.
 *
 * Layer: attest. Pure, allocates nothing. Source: Intel QVL (TcbStatus, converge and relaunch
 * rules), as docs/attestation.md states them. Tests: tcb_eval_test.c, intel_vectors_test.c.
 */

#include "attest/intel/sgx_ext.h"
#include "attest/intel/tcb_docs.h"

/* SVNs of a TDX platform: byte 0 and 1 are the module's SVN and version. */
struct ph_tdx_svns {
    uint8_t b[16];
};

/* One evaluation: levels are views into the documents, NULL where none was reached. */
struct ph_tcb_result {
    const struct ph_tcb_level *platform;
    const struct ph_isv_level *module; /* NULL too where module 0 has no levels of its own */
    const struct ph_isv_level *qe;     /* NULL too where no QE identity was given */
    bool module_missing;               /* an identity exists, no level is reached */
    enum ph_tcb_status status;
};

/* tdxModuleIdentities entry for these SVNs; NULL if version 0 (tdxModule counts), or unknown. */
const struct ph_tdx_module_identity *ph_tcb_module_identity(const struct ph_tcb_info *info,
                                                            const struct ph_tdx_svns *svns);

/**
 * Evaluate once.
 *
 * @svns  NULL for SGX
 * @qe    the enclave's level list; NULL if unknown, which leaves the quoting enclave out
 */
void ph_tcb_evaluate(const struct ph_tcb_info *info, const struct ph_sgx_ext *pck,
                     const struct ph_tdx_svns *svns, const struct ph_isv_levels *qe,
                     uint16_t qe_isvsvn, struct ph_tcb_result *out);

/* What a TD's status at launch and its status now amount to. */
enum ph_tcb_status ph_tcb_relaunch(enum ph_tcb_status launch, enum ph_tcb_status current);

/* `platform` with the effect of a module or enclave whose level has status `part`. */
enum ph_tcb_status ph_tcb_converge(enum ph_tcb_status platform, enum ph_tcb_status part);

#endif
