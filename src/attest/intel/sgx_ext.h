#ifndef PH_ATTEST_INTEL_SGX_EXT_H
#define PH_ATTEST_INTEL_SGX_EXT_H

/* Intel's extension in PCK certificates: which platform this is and its TCB.
 *
 * Layer: attest. Pure. Spec: [PCK] Intel SGX PCK Certificate and CRL Profile Specification,
 * §1.3.5. Tests: x509_test.c, x509_fuzz.c.
 */

#include "base/bytes.h"

#include <stdbool.h>

enum ph_sgx_type { PH_SGX_STANDARD = 0, PH_SGX_SCALABLE = 1, PH_SGX_SCALABLE_INTEGRITY = 2 };

struct ph_sgx_ext {
    uint8_t ppid[16];
    uint16_t component[16]; /* SGX TCB component SVNs: .2.1 to .2.16 */
    uint16_t pcesvn;
    uint8_t cpusvn[16];
    uint8_t pceid[2];
    uint8_t fmspc[6];
    enum ph_sgx_type type;
    bool has_platform_instance; /* Platform CA only */
    uint8_t platform_instance[16];
    bool has_configuration; /* Platform CA only */
    bool dynamic_platform, cached_keys, smt_enabled;
};

/* Parse the contents of the extension. Each field exactly once, in any order; unknown fields under
 * Intel's arc are refused. PH_ERR_MALFORMED. *out is written whole on PH_OK, else untouched. */
PH_CHECKED enum ph_err ph_sgx_ext_parse(struct ph_bytes value, struct ph_sgx_ext *out);

#endif
