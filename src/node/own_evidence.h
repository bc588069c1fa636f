#ifndef PH_NODE_OWN_EVIDENCE_H
#define PH_NODE_OWN_EVIDENCE_H

/* Evidence of this worker's machine for others to judge, with the collateral that --collateral
 * keeps for it: what a worker serves, and what it shows at a hand-over, where nobody fetches
 * anything.
 *
 * Layer: node. Tests: collateral_dir_test.c.
 */

#include "node/node.h"

/* A bundle over the report data, appended. Blocks for a quote; the attester's thread, or before it
 * has anything to do. Where no collateral is kept for the quote it goes alone, which is logged when
 * --collateral was given. Errors as of ph_tee_evidence. */
PH_CHECKED enum ph_err ph_own_evidence(const struct ph_node *node,
                                       const uint8_t report_data[static 64], int64_t now_s,
                                       struct ph_buf *out, char why[static 256]);

#endif
