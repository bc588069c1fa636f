#ifndef PHALA_EVIDENCE_NEEDS_H
#define PHALA_EVIDENCE_NEEDS_H

/* What evidence has to be judged with, by name: how folders and caches of it are asked, and what
 * `phala collateral fetch` asks the vendors' services for. All of it is what the evidence claims,
 * UNPROVED: names are checked to be file names before they get here.
 *
 * Tests: evidence_needs_fuzz.c; tests/integration/evidence.test.mjs, collateral.test.mjs.
 */

#include "attest/evidence_bundle.h"
#include "attest/intel/collateral_key.h"
#include "attest/nvidia/spdm.h"
#include "attest/x509.h"

/* Which signing key an SEV-SNP report needs. */
struct ph_snp_need {
    enum ph_snp_product product;
    bool is_vlek;
    size_t chip_id_len; /* 64, or 8 of Turin; 0 when masked */
    uint8_t chip_id[64];
    struct ph_snp_tcb tcb; /* reported */
};

struct ph_needs {
    bool has_intel, has_snp;
    struct ph_collateral_key intel;
    struct ph_snp_need snp;
    char rim[PH_EVIDENCE_RIMS_MAX][PH_SPDM_RIM_ID_LEN]; /* each once */
    size_t rim_cnt;
};

/* Pieces of evidence that need nothing, or bring all themselves, add nothing. `why` is written when
 * refused: PH_ERR_MALFORMED, PH_ERR_UNSUPPORTED, PH_ERR_LIMIT, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_needs_of(const struct ph_evidence *evidence, struct ph_needs *out,
                                   struct ph_json_why *why);

enum { PH_OCSP_NAME_LEN = 64 + 4 + 1 }; /* with the NUL */
/* Called with a certificate, its issuer, and the file name of its OCSP response: the SHA-256 of the
 * certificate in hex, and ".der". An error ends the walk, and is returned. */
typedef enum ph_err ph_ocsp_each(void *arg, const struct ph_x509 *cert,
                                 const struct ph_x509 *issuer, const char *name);
/* Every certificate that the verifier wants an OCSP response on: those of each device between root
 * and leaf, and those of the manifests that are in the evidence. One may come more than once.
 * PH_ERR_MALFORMED, PH_ERR_UNSUPPORTED, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_needs_ocsp(const struct ph_evidence *evidence, ph_ocsp_each *each,
                                     void *arg, struct ph_json_why *why);

enum { PH_SNP_FOLDER_LEN = 192 }; /* with the NUL */
/* "snp-milan-<chip id>-<security versions>", "snp-vlek-milan". */
void ph_snp_need_name(const struct ph_snp_need *need, char out[static PH_SNP_FOLDER_LEN]);

/* True for 1..127 characters of [A-Za-z0-9._-] that do not begin with a dot. */
bool ph_is_file_name(const char *name);

#endif
