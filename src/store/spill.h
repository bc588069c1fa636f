#ifndef PH_STORE_SPILL_H
#define PH_STORE_SPILL_H

/* Memory that the kernel may write to disk: a file without a name, mapped. For what is large and
 * held for a moment. It has all its room on the disk from the start, so that writing to it cannot
 * fail.
 *
 * Layer: store. Tests: page_store_test.c, tests/integration/state_moves.test.mjs.
 */

#include "base/bytes.h"

/* Zeroed: none. */
struct ph_spill {
    uint8_t *ptr;
    size_t len;
};

/* In the file system of this folder, zeroed; `len` is not 0. PH_ERR_LIMIT: the disk is full.
 * PH_ERR_UNSUPPORTED: that file system has no such files. PH_ERR_IO, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_spill_new(int dir_fd, size_t len, struct ph_spill *out);
void ph_spill_clear(struct ph_spill *spill);

#endif
