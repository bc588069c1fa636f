#ifndef PH_ATTEST_AMD_SNP_CLAIMS_H
#define PH_ATTEST_AMD_SNP_CLAIMS_H

/* What an accepted SEV-SNP report proves.
 *
 * Layer: attest. Spec: [SNP] AMD SEV-SNP Firmware ABI Specification (56860), ATTESTATION_REPORT.
 */

#include "attest/eventlog/event_claims.h"

#include <stdbool.h>
#include <stdint.h>

/* Genoa stands for Bergamo and Siena too. */
enum ph_snp_product { PH_SNP_UNKNOWN, PH_SNP_MILAN, PH_SNP_GENOA, PH_SNP_TURIN };
enum { PH_SNP_PRODUCT_CNT = 4, PH_SNP_CSP_ID_MAX = 63 };
/* "Milan", "Genoa", "Turin"; "unknown". Static storage. */
const char *ph_snp_product_name(enum ph_snp_product product);

/* Security versions by name; each product lays its TCB_VERSION out its own way. */
struct ph_snp_tcb {
    uint8_t fmc; /* Turin only */
    uint8_t bootloader, tee, snp, microcode;
};

struct ph_snp_firmware {
    uint8_t major, minor, build;
};

struct ph_snp_claims {
    uint32_t report_version;
    enum ph_snp_product product;
    bool is_vlek; /* signed by a key that the cloud provider asked for, not the chip's */
    char csp_id[PH_SNP_CSP_ID_MAX + 1]; /* VLEK: the cloud provider, as its certificate names it */
    uint32_t guest_svn;
    uint64_t policy; /* guest policy bits: enum ph_snp_policy_bit in snp_spec.h */
    uint32_t vmpl;
    uint64_t platform_info; /* enum ph_snp_platform_bit */
    uint8_t family_id[16], image_id[16];
    uint8_t measurement[48];
    uint8_t host_data[32];
    uint8_t id_key_digest[48], author_key_digest[48];
    uint8_t report_id[32], report_id_ma[32];
    uint8_t chip_id[64]; /* zero when masked */
    struct ph_snp_tcb current, reported, committed, launch;
    struct ph_snp_firmware current_firmware, committed_firmware;
    uint64_t launch_mit_vector, current_mit_vector; /* version 5; else 0 */
    bool revocation_checked;                        /* a fresh CRL was at hand */
    bool has_config;                                /* HOST_DATA names this dstack configuration */
    struct ph_dstack_config config;
};

#endif
