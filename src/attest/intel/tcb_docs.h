#ifndef PH_ATTEST_INTEL_TCB_DOCS_H
#define PH_ATTEST_INTEL_TCB_DOCS_H

/* Intel's signed documents: TCB info (which SVNs of a platform family are worth what) and enclave
 * identity (which quoting enclave is genuine).
 *
 * Read from the exact bytes that are signed. Unknown keys are allowed, since Intel adds keys;
 * duplicates, wrong types, out-of-range numbers and missing keys are refused.
 *
 * Layer: attest. Pure. Spec: [PCS] Intel PCS API v4, TcbInfo V3 and EnclaveIdentityV2. Tests:
 * tcb_docs_test.c, intel_vectors_test.c, tcb_docs_fuzz.c.
 */

#include "attest/policy.h"
#include "attest/tcb_status.h"
#include "base/bytes.h"

#include <stdbool.h>

enum {
    PH_TCB_DOC_MAX = 256 * 1024, /* bytes of a document */
    PH_TCB_LEVELS_MAX = 96,
    PH_TCB_MODULES_MAX = 32,
    PH_ISV_LEVELS_MAX = 32,      /* of one module or enclave */
    PH_TCB_ADVISORIES_MAX = 512, /* of a document, all levels together */
};

/* Some advisory ids of a document: a range of its pool. */
struct ph_advisory_range {
    uint16_t first, cnt;
};
/* Advisory ids, in document order. */
struct ph_advisory_pool {
    char id[PH_TCB_ADVISORIES_MAX][PH_ADVISORY_LEN_MAX + 1];
    size_t cnt;
};

struct ph_tcb_level {
    uint16_t sgx[16], tdx[16];
    uint16_t pcesvn;
    enum ph_tcb_status status;
    int64_t date_s; /* 0 in version 1, which has none */
    struct ph_advisory_range advisories;
};

struct ph_isv_level {
    uint16_t isvsvn;
    enum ph_tcb_status status;
    int64_t date_s;
    struct ph_advisory_range advisories;
};
/* Levels of a TDX module or an enclave: best first, no two alike. */
struct ph_isv_levels {
    struct ph_isv_level level[PH_ISV_LEVELS_MAX];
    size_t cnt;
};

struct ph_tdx_module {
    uint8_t mrsigner[48], attributes[8], attributes_mask[8];
};
struct ph_tdx_module_identity {
    uint8_t version; /* of "TDX_%02X" */
    struct ph_tdx_module module;
    struct ph_isv_levels levels;
};

struct ph_tcb_info {
    uint32_t version; /* 1 to 3; 3 is the one a verdict accepts */
    bool is_tdx;
    int64_t issue_s, next_update_s;
    uint8_t fmspc[6], pceid[2];
    uint32_t evaluation_number;
    bool has_module;
    struct ph_tdx_module module; /* tdxModule: for modules of version 0 */
    struct ph_tdx_module_identity identity[PH_TCB_MODULES_MAX];
    size_t identity_cnt;
    struct ph_tcb_level level[PH_TCB_LEVELS_MAX]; /* best first, no two alike */
    size_t level_cnt;
    struct ph_advisory_pool advisories;
    uint8_t digest[32]; /* SHA-256 of the signed bytes */
    uint8_t sig[64];
};

enum ph_enclave_id { PH_ENCLAVE_QE, PH_ENCLAVE_TD_QE, PH_ENCLAVE_QVE, PH_ENCLAVE_QAE };

struct ph_enclave_identity {
    uint32_t version; /* 1 to 3 */
    enum ph_enclave_id id;
    int64_t issue_s, next_update_s;
    uint32_t evaluation_number;
    uint8_t miscselect[4], miscselect_mask[4];
    uint8_t attributes[16], attributes_mask[16];
    uint8_t mrsigner[32];
    uint16_t isvprodid;
    struct ph_isv_levels levels;
    struct ph_advisory_pool advisories;
    uint8_t digest[32];
    uint8_t sig[64];
};

/**
 * Parse a signed document.
 *
 * @text  untrusted, at most PH_TCB_DOC_MAX bytes; borrowed for the call
 * @out   written on PH_OK; unspecified otherwise (tens of KiB: on the heap)
 * @why   written when refused: which key, what is wrong
 *
 * Returns PH_ERR_MALFORMED, PH_ERR_LIMIT, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_tcb_info_parse(struct ph_bytes text, struct ph_tcb_info *out,
                                         struct ph_json_why *why);
PH_CHECKED enum ph_err ph_enclave_identity_parse(struct ph_bytes text,
                                                 struct ph_enclave_identity *out,
                                                 struct ph_json_why *why);

#endif
