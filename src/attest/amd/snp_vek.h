#ifndef PH_ATTEST_AMD_SNP_VEK_H
#define PH_ATTEST_AMD_SNP_VEK_H

/* What AMD's extensions say in the certificate of a signing key: VCEK (of a chip) or VLEK (of a
 * cloud provider).
 *
 * Layer: attest. Pure. Spec: [VCEK] AMD Versioned Chip Endorsement Key (VCEK) Certificate and KDS
 * Interface Specification (57230), §3. Tests: snp_vek_test.c, snp_vek_fuzz.c.
 */

#include "attest/amd/snp_claims.h"
#include "attest/x509.h"

/* Profile of all of AMD's certificates; `vendor` is indexed by enum ph_snp_ext. */
extern const struct ph_x509_profile ph_snp_x509_profile;

enum ph_snp_ext {
    PH_SNP_EXT_STRUCT_VERSION,
    PH_SNP_EXT_PRODUCT,
    PH_SNP_EXT_BOOTLOADER,
    PH_SNP_EXT_TEE,
    PH_SNP_EXT_SNP,
    PH_SNP_EXT_SPL4, /* to SPL7: reserved security versions */
    PH_SNP_EXT_SPL5,
    PH_SNP_EXT_SPL6,
    PH_SNP_EXT_SPL7,
    PH_SNP_EXT_MICROCODE,
    PH_SNP_EXT_FMC,
    PH_SNP_EXT_HWID,
    PH_SNP_EXT_CSP_ID,
    PH_SNP_EXT_CNT,
};

struct ph_snp_vek {
    enum ph_snp_product product;
    struct ph_snp_tcb tcb;
    uint8_t chip_id[64];    /* VCEK; as a report of this product has it; else zero */
    struct ph_bytes csp_id; /* VLEK: 1..PH_SNP_CSP_ID_MAX printable characters, views */
};

/* Product of a productName: "Milan-B0", "Milan", "Genoa", …; PH_SNP_UNKNOWN for others. Bergamo and
 * Siena are Genoa's: AMD's key service keeps their keys under it. */
enum ph_snp_product ph_snp_product_of_name(struct ph_bytes name);
/* The product that a certificate claims, before anything else in it was looked at. */
enum ph_snp_product ph_snp_vek_peek_product(const struct ph_x509 *cert);

/* PH_ERR_MALFORMED: an extension is missing, breaks its format, or does not fit product and kind of
 * key: a VCEK names its chip and no provider, a VLEK the other way round; Turin, and only Turin,
 * has structure version 1 and an FMC version. *out is untouched then. */
PH_CHECKED enum ph_err ph_snp_vek_parse(const struct ph_x509 *cert, bool is_vlek,
                                        struct ph_snp_vek *out);

#endif
