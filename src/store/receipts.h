#ifndef PH_STORE_RECEIPTS_H
#define PH_STORE_RECEIPTS_H

/* Signed receipt batches on disk: append-only segments, found again by batch number, dropped by age
 * and size.
 *
 *   segment file  <first batch number, 16 hex>.seg, a sequence of records (integers little-endian):
 *     0  4  magic "PHR1"          24  65  signature
 *     4  4  count 1..1024         89   3  zero
 *     8  8  batch number          92   .  count leaves of 200 bytes
 *    16  8  time, Unix ms
 *   alias file    <same name>.als: { alias u64, batch u64, index u32, zero u32 } per streamed
 * answer, whose id is given out before its place in a batch is known
 *
 * A record cut short by a crash is dropped on open. Content is not secret and needs no
 * authentication: every receipt read back carries phala-keyd's signature, which its reader checks.
 *
 * Layer: store. Tests: receipts_test.c, receipts_fuzz.c (open over hostile files).
 */

#include "base/bytes.h"
#include "keys/receipt.h"

struct ph_receipt_store;

struct ph_receipt_keep {
    uint64_t bytes;         /* of all segments; the oldest go first; default 1 GiB */
    uint32_t seconds;       /* age at which a segment goes; default 7 days */
    uint64_t segment_bytes; /* size at which a new one begins; default 64 MiB */
};
struct ph_receipt_keep ph_receipt_keep_default(void);

struct ph_receipt_batch {
    uint64_t
        number; /* ascending by one, from 1, over restarts; ph_receipt_store_skip leaves gaps */
    uint64_t time_ms;
    uint8_t sig[65];
    const struct ph_receipt_leaf *leaves;
    uint32_t leaf_cnt;
};

/* Open the directory (owned descriptor is taken over on PH_OK). PH_ERR_IO, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_receipt_store_open(int dir_fd, const struct ph_receipt_keep *keep,
                                             struct ph_receipt_store **out);
void ph_receipt_store_close(struct ph_receipt_store *store);
/* Number that the next batch must carry. */
uint64_t ph_receipt_store_next(const struct ph_receipt_store *store);
/* Numbers below `least` that were not used are never used: the next batch carries at least it. */
void ph_receipt_store_skip(struct ph_receipt_store *store, uint64_t least);
/* Write a batch; it survives the death of the process at once, and a power cut once the kernel has
 * written it out. */
PH_CHECKED enum ph_err ph_receipt_store_append(struct ph_receipt_store *store,
                                               const struct ph_receipt_batch *batch);
PH_CHECKED enum ph_err ph_receipt_store_alias(struct ph_receipt_store *store, uint64_t alias,
                                              uint64_t batch, uint32_t index);
/* Read one receipt, path included. PH_ERR_NOT_FOUND: never there, or no longer kept. PH_ERR_IO. */
PH_CHECKED enum ph_err ph_receipt_store_get(struct ph_receipt_store *store, uint64_t batch,
                                            uint32_t index, struct ph_receipt *out);
PH_CHECKED enum ph_err ph_receipt_store_find_alias(struct ph_receipt_store *store, uint64_t alias,
                                                   uint64_t *batch, uint32_t *index);
/* Drop what is too old; called now and then. */
void ph_receipt_store_expire(struct ph_receipt_store *store, uint64_t now_ms);

#endif
