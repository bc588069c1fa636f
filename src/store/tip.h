#ifndef PH_STORE_TIP_H
#define PH_STORE_TIP_H

/* A tip as bytes, with a checksum against tearing; not against malice.
 *
 *   0  8  magic "PHSTATE1"   16 32  hash   80 4  page_cnt    88  8  base index
 *   8  8  index              48 32  root   84 4  key epoch   96 32  SHA-256 of what is before
 *
 * Layer: store. Tests: page_store_test.c.
 */

#include "state/format.h"

enum { PH_TIP_LEN = 96 + 32 };

/* @base  index up to which pages lie elsewhere; 0: nothing does */
void ph_tip_encode(const struct ph_state_tip *tip, uint64_t base, uint8_t out[static PH_TIP_LEN]);
/* Read one. PH_ERR_MALFORMED. */
PH_CHECKED enum ph_err ph_tip_read(struct ph_reader *r, struct ph_state_tip *tip, uint64_t *base);

#endif
