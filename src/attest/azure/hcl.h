#ifndef PH_ATTEST_AZURE_HCL_H
#define PH_ATTEST_AZURE_HCL_H

/* The report that an Azure confidential VM reads from its vTPM (NV index 0x01400001): a hardware
 * report made by Azure's paravisor (HCL) at boot, and the runtime data it binds, which holds the
 * vTPM's attestation key.
 *
 *      0  32  header: "HCLA", u32 version, u32 size of all that follows it and itself, u32 request
 *             type, u32 status, 12 reserved
 *     32 1184 hardware report: SEV-SNP (1184 bytes) or TDREPORT (1024 bytes, then zero)
 *   1216  20  u32 size of this part, u32 version, u32 report type, u32 hash type, u32 length of
 *   1236   .  runtime data: JSON {"keys":[JWK],"vm-configuration":{},"user-data":hex}
 *          .  zero padding of the NV index
 *
 * All integers are little-endian. The header parts are not measured: they are held against each
 * other only. The SEV-SNP report is evidence: judge it with attest/amd. A TDREPORT is not, since
 * only its own CPU can check its MAC: judge the quote that Azure gives for it with attest/intel.
 * Either way the binding is
 *   report data = SHA-256(runtime data) || 32 zero bytes
 *
 * Layer: attest. Pure. Sources: Microsoft, "Confidential VM guest attestation design"; OpenHCL
 * (openvmm) igvm_attest; azure-cvm-tooling. Tests: hcl_test.c, hcl_fuzz.c.
 */

#include "base/bytes.h"

enum {
    PH_HCL_MAX = 64 * 1024, /* bytes of a blob */
    PH_HCL_SNP_LEN = 1184,
    PH_HCL_TDREPORT_LEN = 1024,
    PH_HCL_MODULUS_MAX = 512,  /* bytes: RSA-4096 */
    PH_HCL_USER_DATA_MAX = 64, /* bytes */
};

enum ph_hcl_kind { PH_HCL_NONE, PH_HCL_SNP, PH_HCL_TDX };

/* Views into the blob. A claim until the report's maker and ph_hcl_check_binding say otherwise. */
struct ph_hcl {
    enum ph_hcl_kind kind;
    struct ph_bytes report;     /* PH_HCL_SNP_LEN or PH_HCL_TDREPORT_LEN bytes */
    struct ph_bytes runtime;    /* the exact JSON text that is bound */
    const uint8_t *report_data; /* 64 bytes of the report */
};

/**
 * Take a blob apart.
 *
 * @blob  untrusted; borrowed as long as *out is used
 * @why   at least 128 bytes; written when refused
 * Returns PH_ERR_LIMIT        longer than PH_HCL_MAX
 *         PH_ERR_MALFORMED    truncated, lengths that do not add up, padding that is not zero,
 * runtime data that is no JSON object PH_ERR_UNSUPPORTED  another version, report type (VBS,
 * trusted launch) or hash
 */
PH_CHECKED enum ph_err ph_hcl_parse(struct ph_bytes blob, struct ph_hcl *out, char why[static 128]);

/* Does this report data bind the runtime data? Pass that of the judged evidence: the SEV-SNP report
 * inside, or the TDX quote made of it. PH_ERR_UNTRUSTED: it does not. */
PH_CHECKED enum ph_err ph_hcl_check_binding(const struct ph_hcl *hcl,
                                            const uint8_t report_data[static 64]);

/* An RSA public key of the runtime data. */
struct ph_hcl_key {
    uint8_t n[PH_HCL_MODULUS_MAX]; /* big-endian */
    size_t n_len;
    uint32_t e;
};
/* The key with this "kid": "HCLAkPub" signs vTPM quotes, "HCLEkPub" is its endorsement key.
 * PH_ERR_NOT_FOUND. PH_ERR_MALFORMED: no RSA key of 2048 to 4096 bits, or two of this name. */
PH_CHECKED enum ph_err ph_hcl_key(const struct ph_hcl *hcl, const char *kid,
                                  struct ph_hcl_key *out);

/* What the guest asked to be bound (hexadecimal "user-data"). PH_ERR_NOT_FOUND, PH_ERR_MALFORMED.
 */
PH_CHECKED enum ph_err ph_hcl_user_data(const struct ph_hcl *hcl,
                                        uint8_t out[static PH_HCL_USER_DATA_MAX], size_t *len);

#endif
