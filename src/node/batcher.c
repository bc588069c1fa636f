#include "node/batcher.h"

#include "base/hex.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    WAITING_MAX = 256, /* batches closed while one was being signed: about 60 MiB */
    HASHERS = 16,
};

struct alias {
    uint64_t alias;
    uint32_t index;
    struct alias *next;
};

struct batch {
    uint64_t number, time_ms;
    uint32_t leaf_cnt;
    struct ph_receipt_waiter *waiters;
    struct alias *aliases;
    struct batch *next;    /* in the signing queue or the free list */
    struct ph_merkle tree; /* hashes of its leaves, by twos, while open; all of it when closed */
    struct ph_receipt_leaf leaves[PH_RECEIPT_BATCH_MAX];
};

struct ph_batcher {
    struct ph_loop *loop;
    struct ph_keyd_client *keyd;
    struct ph_receipt_store *store;
    struct ph_metrics *metrics;
    void (*fatal)(void *ctx, const char *why);
    void *ctx;
    struct ph_timer timer;
    struct batch *open;                   /* collecting; NULL when empty */
    struct batch *signing, **signing_end; /* oldest first; the first one's request is out */
    struct batch *spare;
    struct ph_leaf_hasher hasher[HASHERS]; /* by the last byte of the bundle hash */
    uint32_t waiting_cnt;                  /* closed since the queue was last empty */
    uint64_t next_number, next_alias, last_ms;
};

enum ph_err ph_batcher_new(struct ph_loop *loop, struct ph_keyd_client *keyd,
                           struct ph_receipt_store *store, struct ph_metrics *metrics,
                           void (*fatal)(void *ctx, const char *why), void *ctx,
                           struct ph_batcher **out)
{
    struct ph_batcher *b = calloc(1, sizeof(*b));
    if (!b)
        return PH_ERR_NOMEM;
    /* A batch whose ids callers have may not have been stored when the worker was killed: start
     * beyond any number it can have had, at 2^8 batches a millisecond. */
    ph_receipt_store_skip(store, (uint64_t)ph_loop_wall_ms(loop) << 8);
    *b = (struct ph_batcher){.loop = loop,
                             .keyd = keyd,
                             .store = store,
                             .metrics = metrics,
                             .fatal = fatal,
                             .ctx = ctx,
                             .next_number = ph_receipt_store_next(store),
                             /* Unique over restarts: 2^20 aliases a millisecond. */
                             .next_alias = (uint64_t)ph_loop_wall_ms(loop) << 20};
    b->signing_end = &b->signing;
    *out = b;
    return PH_OK;
}

static void free_batches(struct batch *batch)
{
    while (batch) {
        struct batch *next = batch->next;
        while (batch->aliases) {
            struct alias *a = batch->aliases;
            batch->aliases = a->next;
            free(a);
        }
        free(batch);
        batch = next;
    }
}

void ph_batcher_free(struct ph_batcher *b)
{
    if (!b)
        return;
    ph_timer_cancel(b->loop, &b->timer);
    free_batches(b->open);
    free_batches(b->signing);
    free_batches(b->spare);
    free(b);
}

static void receipt_of(const struct batch *batch, uint32_t index, struct ph_receipt *out)
{
    *out = (struct ph_receipt){.leaf = batch->leaves[index],
                               .index = index,
                               .count = batch->leaf_cnt,
                               .batch_time_ms = batch->time_ms};
    out->path_len = ph_merkle_tree_path(&batch->tree, index, out->path);
}

static enum ph_err keep(struct ph_batcher *b, struct batch *batch, const uint8_t sig[static 65])
{
    struct ph_receipt_batch record = {.number = batch->number,
                                      .time_ms = batch->time_ms,
                                      .leaves = batch->leaves,
                                      .leaf_cnt = batch->leaf_cnt};
    memcpy(record.sig, sig, sizeof(record.sig));
    PH_TRY(ph_receipt_store_append(b->store, &record));
    while (batch->aliases) {
        struct alias *a = batch->aliases;
        batch->aliases = a->next;
        const enum ph_err err = ph_receipt_store_alias(b->store, a->alias, batch->number, a->index);
        free(a);
        PH_TRY(err);
    }
    return PH_OK;
}

static void finish_first(struct ph_batcher *b, const uint8_t sig[static 65])
{
    struct batch *batch = b->signing;

    if (keep(b, batch, sig) != PH_OK) {
        b->fatal(b->ctx, "a batch of receipts could not be stored; is the disk full?");
        return;
    }
    b->signing = batch->next;
    if (!b->signing)
        b->signing_end = &b->signing;
    b->metrics->receipts += batch->leaf_cnt;
    b->metrics->receipt_batches++;
    while (batch->waiters) {
        struct ph_receipt_waiter *w = batch->waiters;
        struct ph_receipt receipt;
        batch->waiters = w->next;
        receipt_of(batch, w->index, &receipt);
        memcpy(receipt.sig, sig, sizeof(receipt.sig));
        w->ready(w->ctx, &receipt);
    }
    batch->next = b->spare;
    b->spare = batch;
}

/* One request at a time is out: batches are stored in the order of their numbers. */
static void sign_first(struct ph_batcher *b)
{
    const struct batch *batch = b->signing;

    if (batch && ph_keyd_client_sign_batch_send(b->keyd, batch->number, &batch->tree.root,
                                                batch->leaf_cnt, batch->time_ms) != PH_OK)
        b->fatal(b->ctx, "phala-keyd cannot be reached");
}

void ph_batcher_poll(struct ph_batcher *b)
{
    struct ph_keyd_signed got;
    enum ph_err err;

    while ((err = ph_keyd_client_poll(b->keyd, &got)) == PH_OK) {
        if (!b->signing || got.tag != b->signing->number || got.result != PH_OK) {
            b->fatal(b->ctx, "phala-keyd did not sign a batch of receipts");
            return;
        }
        finish_first(b, got.sig);
        sign_first(b);
    }
    if (err != PH_ERR_AGAIN)
        b->fatal(b->ctx, "phala-keyd is gone");
}

static struct ph_leaf_hasher *hasher_of(struct ph_batcher *b, const struct ph_receipt_leaf *leaf)
{
    return &b->hasher[leaf->raw[PH_RECEIPT_LEAF_CODE - 1] % HASHERS];
}

/* The hashes of the last leaves that have none: at every second leaf, and when the batch closes. */
static void hash_last(struct ph_batcher *b, struct batch *batch)
{
    const uint32_t i = batch->leaf_cnt - 1;
    const struct ph_receipt_leaf *last = &batch->leaves[i];
    struct ph_hash32 *hash = &batch->tree.node[i];

    if (batch->leaf_cnt % 2 == 0)
        ph_receipt_leaf_hash_pair(hasher_of(b, last - 1), last - 1, hash - 1, hasher_of(b, last),
                                  last, hash);
    else
        ph_receipt_leaf_hash_next(hasher_of(b, last), last, hash);
}

static void close_open(struct ph_batcher *b)
{
    struct batch *batch = b->open;

    ph_timer_cancel(b->loop, &b->timer);
    if (!batch)
        return;
    b->open = NULL;
    /* phala-keyd refuses time that goes back; the wall clock may. */
    const uint64_t now_ms = (uint64_t)ph_loop_wall_ms(b->loop);
    b->last_ms = now_ms > b->last_ms ? now_ms : b->last_ms;
    batch->time_ms = b->last_ms;
    if (batch->leaf_cnt % 2 == 1)
        hash_last(b, batch);
    ph_merkle_build(&batch->tree, batch->tree.node, batch->leaf_cnt);
    batch->next = NULL;
    const bool idle = b->signing == NULL;
    if (idle)
        b->waiting_cnt = 0;
    else if (++b->waiting_cnt > WAITING_MAX)
        b->fatal(b->ctx, "phala-keyd does not sign: too many batches of receipts wait for it");
    *b->signing_end = batch;
    b->signing_end = &batch->next;
    if (idle)
        sign_first(b);
}

static void close_timer(void *ctx)
{
    close_open(ctx);
}

static enum ph_err open_batch(struct ph_batcher *b)
{
    struct batch *batch = b->spare;

    if (batch)
        b->spare = batch->next;
    else if (!(batch = malloc(sizeof(*batch))))
        return PH_ERR_NOMEM;
    batch->number = b->next_number;
    batch->leaf_cnt = 0;
    batch->waiters = NULL;
    batch->aliases = NULL;
    batch->next = NULL;
    if (ph_timer_arm(b->loop, &b->timer, PH_BATCH_MS, close_timer, b) != PH_OK) {
        batch->next = b->spare;
        b->spare = batch;
        return PH_ERR_NOMEM;
    }
    b->next_number++;
    b->open = batch;
    return PH_OK;
}

enum ph_err ph_batcher_add(struct ph_batcher *b, const struct ph_receipt_leaf *leaf,
                           struct ph_receipt_place *out)
{
    if (b->open && b->open->leaf_cnt == PH_RECEIPT_BATCH_MAX)
        close_open(b);
    if (!b->open)
        PH_TRY(open_batch(b));
    struct batch *batch = b->open;
    const uint32_t i = batch->leaf_cnt++;
    batch->leaves[i] = *leaf;
    if (batch->leaf_cnt % 2 == 0)
        hash_last(b, batch);
    *out = (struct ph_receipt_place){batch->number, i};
    return PH_OK;
}

static struct batch *find_unsigned(struct ph_batcher *b, uint64_t number)
{
    if (b->open && b->open->number == number)
        return b->open;
    for (struct batch *batch = b->signing; batch; batch = batch->next)
        if (batch->number == number)
            return batch;
    return NULL;
}

void ph_batcher_wait(struct ph_batcher *b, const struct ph_receipt_place *place,
                     struct ph_receipt_waiter *waiter,
                     void (*ready)(void *, const struct ph_receipt *), void *ctx)
{
    struct batch *batch = find_unsigned(b, place->batch);

    assert(batch);
    *waiter = (struct ph_receipt_waiter){place->index, ready, ctx, batch->waiters};
    batch->waiters = waiter;
}

static bool unlink_waiter(struct batch *batch, const struct ph_receipt_waiter *waiter)
{
    for (struct ph_receipt_waiter **at = &batch->waiters; *at; at = &(*at)->next)
        if (*at == waiter) {
            *at = waiter->next;
            return true;
        }
    return false;
}

void ph_batcher_forget(struct ph_batcher *b, struct ph_receipt_waiter *waiter)
{
    if (b->open && unlink_waiter(b->open, waiter))
        return;
    for (struct batch *batch = b->signing; batch; batch = batch->next)
        if (unlink_waiter(batch, waiter))
            return;
}

uint64_t ph_batcher_alias(struct ph_batcher *b)
{
    return b->next_alias++;
}

void ph_batcher_bind_alias(struct ph_batcher *b, uint64_t alias,
                           const struct ph_receipt_place *place)
{
    struct batch *batch = find_unsigned(b, place->batch);
    struct alias *a = malloc(sizeof(*a));

    assert(batch);
    if (!a)
        return; /* the receipt exists, but will not be found by this id */
    *a = (struct alias){alias, place->index, batch->aliases};
    batch->aliases = a;
}

void ph_receipt_id_print(const struct ph_receipt_place *place, char out[static 24])
{
    uint8_t raw[8];

    ph_put_u64be(raw, place->batch);
    ph_hex_encode(PH_BYTES_OF(raw), out);
    out[16] = '-';
    for (int i = 0; i < 3; i++)
        out[17 + i] = "0123456789abcdef"[place->index >> (8 - 4 * i) & 15];
    out[20] = '\0';
}

void ph_receipt_alias_print(uint64_t alias, char out[static 24])
{
    uint8_t raw[8];

    ph_put_u64be(raw, alias);
    out[0] = 's';
    ph_hex_encode(PH_BYTES_OF(raw), out + 1);
}

static enum ph_err parse_u64(struct ph_bytes hex, uint64_t *out)
{
    uint8_t raw[8];
    PH_TRY(ph_hex_decode(hex, raw, sizeof(raw)));
    struct ph_reader r = {PH_BYTES_OF(raw)};
    return ph_read_u64be(&r, out) ? PH_OK : PH_ERR_MALFORMED;
}

static enum ph_err parse_place(struct ph_bytes id, struct ph_receipt_place *out)
{
    uint8_t low[2];
    const uint8_t index[4] = {'0', id.ptr[17], id.ptr[18], id.ptr[19]};

    if (id.ptr[16] != '-')
        return PH_ERR_MALFORMED;
    PH_TRY(ph_hex_decode(PH_BYTES_OF(index), low, sizeof(low)));
    PH_TRY(parse_u64((struct ph_bytes){id.ptr, 16}, &out->batch));
    out->index = (uint32_t)low[0] << 8 | low[1];
    return PH_OK;
}

static bool alias_is_unsigned(const struct batch *batch, uint64_t alias)
{
    for (const struct alias *a = batch->aliases; a; a = a->next)
        if (a->alias == alias)
            return true;
    return false;
}

static enum ph_err find_alias(struct ph_batcher *b, uint64_t alias, struct ph_receipt_place *out)
{
    if (b->open && alias_is_unsigned(b->open, alias))
        return PH_ERR_AGAIN;
    for (const struct batch *batch = b->signing; batch; batch = batch->next)
        if (alias_is_unsigned(batch, alias))
            return PH_ERR_AGAIN;
    return ph_receipt_store_find_alias(b->store, alias, &out->batch, &out->index);
}

enum ph_err ph_batcher_find(struct ph_batcher *b, struct ph_bytes id, struct ph_receipt *out)
{
    struct ph_receipt_place place;

    if (id.len == 17 && id.ptr[0] == 's') {
        uint64_t alias;
        PH_TRY(parse_u64((struct ph_bytes){id.ptr + 1, 16}, &alias));
        PH_TRY(find_alias(b, alias, &place));
    } else if (id.len == PH_RECEIPT_ID_LEN) {
        PH_TRY(parse_place(id, &place));
    } else {
        return PH_ERR_MALFORMED;
    }
    if (find_unsigned(b, place.batch))
        return PH_ERR_AGAIN;
    return ph_receipt_store_get(b->store, place.batch, place.index, out);
}

bool ph_batcher_drain(struct ph_batcher *b)
{
    close_open(b);
    return b->signing == NULL;
}
