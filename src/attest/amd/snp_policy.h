#ifndef PH_ATTEST_AMD_SNP_POLICY_H
#define PH_ATTEST_AMD_SNP_POLICY_H

/* What a relying party requires of SEV-SNP reports: the members "snp" and "measurements.snp" of a
 * policy document.
 *
 * Layer: attest. Pure. Format: docs/attestation.md; api/evidence-policy.schema.json. Tests:
 * policy_test.c, snp_verify_test.c.
 */

#include "attest/amd/snp_claims.h"
#include "codec/jread.h"

enum {
    PH_POLICY_SNP_MEASUREMENTS_MAX = 64,
    PH_POLICY_SNP_CHIPS_MAX = 256,
    PH_POLICY_SNP_VMPL_MAX = 3,
};

/* A guest by its measurement, and by those of the others that are set. */
struct ph_policy_snp_guest {
    uint8_t measurement[48];
    bool has_host_data, has_id_key_digest, has_author_key_digest;
    uint8_t host_data[32], id_key_digest[48], author_key_digest[48];
};

/* All zero demands: VMPL 0, firmware that is committed, no migration agent. */
struct ph_policy_snp {
    struct ph_policy_snp_guest guest[PH_POLICY_SNP_MEASUREMENTS_MAX];
    size_t guest_cnt;
    bool has_min_tcb; /* then a product that has none of its own is refused */
    struct {
        bool present;
        struct ph_snp_tcb tcb;
    } min_tcb[PH_SNP_PRODUCT_CNT]; /* by enum ph_snp_product; of the reported and launch TCB */
    uint32_t max_vmpl;
    uint32_t min_guest_svn;
    uint8_t min_abi_major, min_abi_minor; /* of the committed firmware */
    bool require_smt_off;
    bool require_ciphertext_hiding;
    bool require_crl;
    bool allow_migrate_ma;
    bool allow_provisional; /* committed firmware behind the current one: the host can go back */
    bool deny_vlek;         /* "allow_vlek": false */
    uint8_t chip_ids[PH_POLICY_SNP_CHIPS_MAX][64]; /* none: any; Turin's 8 bytes, then zeros */
    size_t chip_id_cnt;
};

/* Read "measurements.snp" of the object at token `measurements`; and the member "snp" of the root.
 * Absent members leave *out alone. PH_ERR_MALFORMED; `why` says what is wrong. */
PH_CHECKED enum ph_err ph_policy_snp_read_guests(const struct ph_jdoc *doc, uint32_t measurements,
                                                 struct ph_policy_snp *out,
                                                 struct ph_json_why *why);
PH_CHECKED enum ph_err ph_policy_snp_read(const struct ph_jdoc *doc, struct ph_policy_snp *out,
                                          struct ph_json_why *why);

#endif
