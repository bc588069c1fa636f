#ifndef PH_CHAIN_TXMAN_H
#define PH_CHAIN_TXMAN_H

/* Transactions of one sender, from wanting one until it is final: nonces, fees, sending again what
 * a node forgot, paying more for what got stuck, starting over when something else took a nonce or
 * a reorganisation took a block. Each transaction has a key of its user's; a key is sent once, over
 * restarts too: everything is in a journal before it leaves.
 *
 * What nodes say about a transaction that was sent counts for nothing; what a quorum reads from the
 * chain does.
 *
 * Layer: chain. Spec: EIP-1559; replacement rules of geth, core/txpool (10 % more of both fees).
 * Tests: txman_test.c; with anvil, kill -9 and reorganisations:
 * tests/integration/chain_client.test.mjs.
 */

#include "chain/follow.h"
#include "chain/tx.h"

enum {
    PH_TXMAN_MAX = 16384,      /* transactions that are not forgotten */
    PH_TXMAN_ATTEMPTS_MAX = 8, /* with ever higher fees */
    PH_TXMAN_RECORD_MAX = PH_TX_MAX + 1024,
};

enum ph_txman_state {
    PH_TXMAN_QUEUED, /* wants a nonce */
    PH_TXMAN_SENT,
    PH_TXMAN_MINED,   /* in a block that may still be undone */
    PH_TXMAN_DONE,    /* in a final block */
    PH_TXMAN_REFUSED, /* the signer would not sign it: it never left */
};

struct ph_txman_outcome {
    enum ph_txman_state state;
    bool ok; /* MINED, DONE: not reverted */
    struct ph_hash32 tx_hash;
    uint64_t block_number, nonce;
};

struct ph_txman_order {
    struct ph_hash32 key;
    struct ph_eth_address to;
    struct ph_u256 value;
    uint64_t gas;
    struct ph_bytes data; /* copied */
};

struct ph_txman_config {
    struct ph_rpc *rpc;
    size_t endpoint_cnt, quorum; /* as the rpc's */
    uint64_t chain_id;
    struct ph_eth_address sender;
    uint64_t max_fee_cap;   /* wei a unit of gas: it never offers more */
    uint64_t min_priority;  /* wei a unit of gas: it never offers less */
    uint32_t in_flight_max; /* sent and not mined; 1 to PH_TXMAN_MAX */
    uint32_t bump_blocks;   /* stuck after this many blocks: pay more */
    uint32_t resend_ms;     /* not mined after this long: send it again as it is */
    /* phala-keyd, in a worker: the signature r || s || v over an unsigned transaction. An error:
     * it does not want to (PH_ERR_UNTRUSTED), or cannot now (any other). */
    enum ph_err (*sign)(void *ctx, struct ph_bytes unsigned_tx, uint8_t sig[static PH_ETH_SIG_LEN]);
    /* Append a record to the journal; make all of them durable. */
    enum ph_err (*append)(void *ctx, struct ph_bytes record);
    enum ph_err (*sync)(void *ctx);
    /* A transaction came to a state; PH_TXMAN_SENT again after a block was undone. May call
     * ph_txman_submit and ph_txman_forget. NULL: nobody wants to know. */
    void (*changed)(void *ctx, const struct ph_hash32 *key, const struct ph_txman_outcome *outcome);
    void *ctx;
};

struct ph_txman;

/* PH_ERR_MALFORMED: a limit of the config is 0. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_txman_new(const struct ph_txman_config *config, struct ph_txman **out);
/* After the rpc's ph_rpc_free. NULL is fine. */
void ph_txman_free(struct ph_txman *txman);
/* A record that the journal has, in its order; before anything else. PH_ERR_MALFORMED: no record.
 * PH_ERR_LIMIT, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_txman_restore(struct ph_txman *txman, struct ph_bytes record);
/* Records that say the same as all that the journal has: for a shorter one. As `append` gives. */
PH_CHECKED enum ph_err ph_txman_dump(const struct ph_txman *txman,
                                     enum ph_err (*append)(void *ctx, struct ph_bytes record),
                                     void *ctx);

/* Want a transaction. It is in the journal and leaves with ph_txman_step. PH_ERR_CONFLICT: this key
 * has one. PH_ERR_LIMIT: too many. PH_ERR_IO, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_txman_submit(struct ph_txman *txman, const struct ph_txman_order *order);
/* PH_ERR_NOT_FOUND: no transaction has this key. */
PH_CHECKED enum ph_err ph_txman_get(const struct ph_txman *txman, const struct ph_hash32 *key,
                                    struct ph_txman_outcome *out);
/* The names of all signed forms of a transaction that is not final, or became so in the event that
 * is being told: whichever was taken is one of them. Yields how many. */
size_t ph_txman_hashes(const struct ph_txman *txman, const struct ph_hash32 *key,
                       struct ph_hash32 out[static PH_TXMAN_ATTEMPTS_MAX]);
/* Offer at most this from now on, wei a unit of gas; not 0. */
void ph_txman_set_fee_cap(struct ph_txman *txman, uint64_t max_fee_cap);
/* Its user needs no answer about a key any more that is DONE or REFUSED; others stay. */
void ph_txman_forget(struct ph_txman *txman, const struct ph_hash32 *key);
size_t ph_txman_count(const struct ph_txman *txman, enum ph_txman_state state);

/* From the follower's events. */
void ph_txman_undone(struct ph_txman *txman, uint64_t block_number);
void ph_txman_head(struct ph_txman *txman, const struct ph_follow_head *head);
/* Send what is to be sent and look for what was; after submissions, after a head, and now and then.
 * The caller flushes the rpc afterwards. */
void ph_txman_step(struct ph_txman *txman, int64_t now_ms);

#endif
