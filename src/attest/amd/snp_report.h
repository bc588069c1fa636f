#ifndef PH_ATTEST_AMD_SNP_REPORT_H
#define PH_ATTEST_AMD_SNP_REPORT_H

/* The parts of an SEV-SNP report, as views into its bytes: what a peer claims, UNTRUSTED.
 *
 * Layer: attest. Pure, allocates nothing. Spec: snp_spec.h. Tests: snp_report_test.c, snp_fuzz.c.
 */

#include "attest/amd/snp_claims.h"
#include "attest/amd/snp_spec.h"
#include "attest/checks.h"
#include "base/bytes.h"

/* What a certificate table can hold. */
enum ph_snp_table_cert {
    PH_SNP_TABLE_VCEK,
    PH_SNP_TABLE_VLEK,
    PH_SNP_TABLE_ASK,
    PH_SNP_TABLE_ARK,
    PH_SNP_TABLE_CRL,
    PH_SNP_TABLE_CNT,
};
/* "VCEK", …; and the GUID that names it, in the order of its bytes in a table. */
const char *ph_snp_table_name(enum ph_snp_table_cert cert);
const uint8_t *ph_snp_table_guid(enum ph_snp_table_cert cert);

struct ph_snp_evidence {
    struct ph_snp_report report; /* a copy: its fields */
    struct ph_bytes signed_part, whole;
    uint32_t version;
    enum ph_snp_signing_key key;            /* VCEK or VLEK */
    struct ph_bytes cert[PH_SNP_TABLE_CNT]; /* of the table; empty: absent */
    struct ph_bytes trailing;               /* zeros after table and certificates */
};

/**
 * Take a report apart, with the certificate table that may follow it.
 *
 * @raw     untrusted; must outlive *out
 * @out     written whole on PH_OK, else untouched
 * @reterr  the check that failed; PH_CHECK_CNT on PH_OK
 *
 * Returns PH_ERR_LIMIT        longer than PH_SNP_EXTENDED_MAX
 *         PH_ERR_MALFORMED    too short; a reserved byte is not zero; a bad table: an entry outside
 *                             it, two certificates of one kind, more than PH_SNP_TABLE_MAX entries,
 *                             no end, anything but zeros after all of it
 *         PH_ERR_UNSUPPORTED  another version, algorithm, or signing key; an unknown flag
 */
PH_CHECKED enum ph_err ph_snp_report_parse(struct ph_bytes raw, struct ph_snp_evidence *out,
                                           enum ph_check *reterr);

/* The product of a processor; PH_SNP_UNKNOWN for others. Source: AMD's processor programming
 * references: family 0x19 and 0x1a. */
enum ph_snp_product ph_snp_product_of_cpu(uint8_t family, uint8_t model);

/* TCB_VERSION by name, as `product` lays it out; all zero for PH_SNP_UNKNOWN. */
struct ph_snp_tcb ph_snp_tcb_decode(enum ph_snp_product product, const uint8_t raw[static 8]);
/* True if the bytes of it that this product reserves are zero. */
bool ph_snp_tcb_is_clean(enum ph_snp_product product, const uint8_t raw[static 8]);
/* a >= b in every component: versions are never compared as one number. */
bool ph_snp_tcb_reaches(const struct ph_snp_tcb *a, const struct ph_snp_tcb *b);
bool ph_snp_tcb_equal(const struct ph_snp_tcb *a, const struct ph_snp_tcb *b);

#endif
