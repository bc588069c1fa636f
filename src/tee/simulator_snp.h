#ifndef PH_TEE_SIMULATOR_SNP_H
#define PH_TEE_SIMULATOR_SNP_H

/* INSECURE-SIMULATOR: a SEV-SNP platform under an ARK of this installation's own. Whoever reads its
 * file can make the same reports: they prove nothing.
 *
 * Chip and signing key are of the seed that the file holds beside AMD's kind of certificates and
 * revocation list, all signed once, by RSA keys that nobody keeps. MEASUREMENT holds
 * INSECURE-SIMULATOR, HOST_DATA SHA-256 of the root's SubjectPublicKeyInfo.
 *
 * Layer: tee. Tests: simulator_snp_test.c.
 */

#include "attest/evidence_bundle.h"
#include "tee/quote.h"

#define PH_SIMULATOR_SNP_FILE "simulator-insecure.seed.snp.json"

struct ph_simulator_snp;

/* Open; the first time, seconds pass in which the authorities' keys are made. Errors as
 * ph_tee_open. */
PH_CHECKED enum ph_err ph_simulator_snp_open(const char *dir, struct ph_simulator_snp **out,
                                             char why[static PH_TEE_WHY_LEN]);
void ph_simulator_snp_free(struct ph_simulator_snp *sim);
/* SHA-256 of the root's SubjectPublicKeyInfo. */
void ph_simulator_snp_root(const struct ph_simulator_snp *sim, uint8_t out[static 32]);
/* Append a report. */
PH_CHECKED enum ph_err
ph_simulator_snp_report(const struct ph_simulator_snp *sim,
                        const uint8_t report_data[static PH_TEE_REPORT_DATA_LEN],
                        struct ph_buf *out);
/* What a report is judged with: views that last as long as the simulator. */
struct ph_snp_parts ph_simulator_snp_parts(const struct ph_simulator_snp *sim);

#endif
