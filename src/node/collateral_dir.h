#ifndef PH_NODE_COLLATERAL_DIR_H
#define PH_NODE_COLLATERAL_DIR_H

/* Collateral that an operator keeps for quotes which come without: one folder for each
 * ph_collateral_key_name, as `phala collateral fetch --dir` fills it and `phala evidence verify
 * --collateral` reads it.
 *
 *   DIR/tdx-90c06f000000-platform/tcb_info.signed.json, tcb_info_chain.pem,
 *       qe_identity.signed.json, qe_identity_chain.pem, pck_crl.der, root_ca_crl.der
 *
 * Nothing in it is trusted: it is signed, and judged with each quote.
 *
 * Layer: node. Documented in docs/operator.md. Tests: collateral_dir_test.c, verify_dstack_test.c,
 * tests/integration/verify_api.test.mjs.
 */

#include "attest/intel/collateral_key.h"

/**
 * Read and parse the collateral of a key.
 *
 * @dir  NULL: there is none
 * @out  on PH_OK freed with ph_collateral_free; else untouched
 * @why  written when refused: a sentence that names what is missing or wrong
 *
 * Returns PH_ERR_NOT_FOUND  no such folder, or a file of it is missing
 *         what ph_collateral_parse returns; PH_ERR_IO
 */
PH_CHECKED enum ph_err ph_collateral_dir_load(const char *dir, const struct ph_collateral_key *key,
                                              struct ph_collateral **out, struct ph_json_why *why);

/**
 * A quote of this machine, with the collateral that is kept for it, as a bundle. It is as fresh as
 * what the operator keeps: whoever judges looks at its dates.
 *
 * @out  appended
 * @why  written when refused
 *
 * Returns PH_ERR_NOT_FOUND  the folder or a file of it is missing
 *         what ph_collateral_key_of and ph_evidence_encode return; PH_ERR_IO
 */
PH_CHECKED enum ph_err ph_collateral_dir_bundle(const char *dir, struct ph_bytes quote,
                                                int64_t time_s, struct ph_buf *out,
                                                struct ph_json_why *why);

#endif
