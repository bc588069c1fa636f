#ifndef PH_NODE_BATCHER_H
#define PH_NODE_BATCHER_H

/* Collects the leaves of calls, has phala-keyd sign a Merkle root per batch, and keeps the result.
 * A batch closes PH_BATCH_MS after its first leaf or when it is full.
 *
 * Receipt ids, as callers see them: "<batch, 16 hex>-<index, 3 hex>"; for streamed answers, whose
 * id goes out before their place is known, "s<alias, 16 hex>".
 *
 * Layer: node. Tests: batcher_test.c.
 */

#include "keys/receipt.h"
#include "node/keyd_client.h"
#include "node/loop.h"
#include "node/metrics.h"
#include "store/receipts.h"

enum { PH_BATCH_MS = 5, PH_RECEIPT_ID_LEN = 20 };

struct ph_batcher;

struct ph_receipt_place {
    uint64_t batch;
    uint32_t index;
};

/* Someone who waits for one receipt; the storage is the waiter's. */
struct ph_receipt_waiter {
    uint32_t index;
    void (*ready)(void *ctx, const struct ph_receipt *receipt);
    void *ctx;
    struct ph_receipt_waiter *next;
};

/* Borrows all arguments for its life. `fatal` is called when phala-keyd fails: without it nothing
 * may be answered. */
PH_CHECKED enum ph_err ph_batcher_new(struct ph_loop *loop, struct ph_keyd_client *keyd,
                                      struct ph_receipt_store *store, struct ph_metrics *metrics,
                                      void (*fatal)(void *ctx, const char *why), void *ctx,
                                      struct ph_batcher **out);
/* Unsigned leaves are lost: drain first. */
void ph_batcher_free(struct ph_batcher *batcher);

/* Add a leaf to the open batch; yields where it will be found. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_batcher_add(struct ph_batcher *batcher,
                                      const struct ph_receipt_leaf *leaf,
                                      struct ph_receipt_place *out);
/* Be told when the leaf at `place`, added before and not signed yet, has its receipt. */
void ph_batcher_wait(struct ph_batcher *batcher, const struct ph_receipt_place *place,
                     struct ph_receipt_waiter *waiter,
                     void (*ready)(void *, const struct ph_receipt *), void *ctx);
void ph_batcher_forget(struct ph_batcher *batcher, struct ph_receipt_waiter *waiter);

/* A fresh alias, and the place it stands for once known. */
uint64_t ph_batcher_alias(struct ph_batcher *batcher);
void ph_batcher_bind_alias(struct ph_batcher *batcher, uint64_t alias,
                           const struct ph_receipt_place *place);

void ph_receipt_id_print(const struct ph_receipt_place *place, char out[static 24]);
void ph_receipt_alias_print(uint64_t alias, char out[static 24]);

/**
 * Look a receipt up by its id.
 *
 * Returns PH_ERR_MALFORMED  no receipt id
 *         PH_ERR_NOT_FOUND  unknown, or no longer kept
 *         PH_ERR_AGAIN      its batch is being signed
 *         PH_ERR_IO, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_batcher_find(struct ph_batcher *batcher, struct ph_bytes id,
                                       struct ph_receipt *out);

/* Collect signatures: call when phala-keyd's descriptor is readable. */
void ph_batcher_poll(struct ph_batcher *batcher);

/* Close the open batch now; true when nothing waits for a signature any more. */
bool ph_batcher_drain(struct ph_batcher *batcher);

#endif
