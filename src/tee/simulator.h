#ifndef PH_TEE_SIMULATOR_H
#define PH_TEE_SIMULATOR_H

/* INSECURE-SIMULATOR: a TDX platform and its whole PKI under a root of this installation's own.
 * Whoever reads the seed file can make the same evidence: it proves nothing.
 *
 * The seed is made once per directory, so root, platform keys and certificates stay; TCB info, QE
 * identity and CRLs are signed anew when half of their life is over. Every certificate has
 * O=INSECURE-SIMULATOR; MRTD and MRCONFIGID hold those letters, MROWNER begins with SHA-256 of the
 * root's key (x || y).
 *
 * Layer: tee. Tests: simulator_test.c.
 */

#include "attest/evidence_bundle.h"
#include "tee/quote.h"

#define PH_SIMULATOR_SEED_FILE "simulator-insecure.seed"
/* Certificates that the seed's keys signed, PEM: platform's, CA's and root's; TCB signer's. */
#define PH_SIMULATOR_PCK_FILE "simulator-insecure.seed.pck.pem"
#define PH_SIMULATOR_SIGNER_FILE "simulator-insecure.seed.signer.pem"

struct ph_simulator;

/* Open, making the seed, and certificates of it, when there are none. Errors as ph_tee_open. */
PH_CHECKED enum ph_err ph_simulator_open(const char *dir, struct ph_simulator **out,
                                         char why[static PH_TEE_WHY_LEN]);
void ph_simulator_free(struct ph_simulator *sim);
/* x || y of the root. */
PH_CHECKED enum ph_err ph_simulator_root(struct ph_simulator *sim, uint8_t xy[static 64]);
/* Append a quote, with collateral that is valid at now_s ready. */
PH_CHECKED enum ph_err ph_simulator_quote(struct ph_simulator *sim,
                                          const uint8_t report_data[static PH_TEE_REPORT_DATA_LEN],
                                          int64_t now_s, struct ph_buf *out);
/* Collateral of the last quote: views until the next call. */
struct ph_collateral_parts ph_simulator_collateral(const struct ph_simulator *sim);

#endif
