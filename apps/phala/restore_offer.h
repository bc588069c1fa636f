#ifndef PH_CLI_RESTORE_OFFER_H
#define PH_CLI_RESTORE_OFFER_H

/* What a worker that waits for a backup's shares says about itself: GET /v1/restore. Nothing of it
 * is believed before the evidence was judged over ph_escrow_report_data of it.
 *
 * Tests: restore_offer_fuzz.c, tests/integration/escrow.test.mjs.
 */

#include "base/bytes.h"
#include "base/ids.h"

enum { PH_RESTORE_OFFER_MAX = 1 << 20 };

struct ph_restore_offer {
    struct ph_eth_address signer, cluster;
    uint8_t key[32], nonce[32];
    uint64_t have, needed;
    struct ph_bytes evidence; /* a view into the text */
};

/* PH_ERR_MALFORMED: why says which member. PH_ERR_LIMIT, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_restore_offer_parse(struct ph_bytes text, struct ph_restore_offer *out,
                                              char why[static 128]);

#endif
