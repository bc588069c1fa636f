#ifndef PH_NODE_CHAIN_CLIENT_H
#define PH_NODE_CHAIN_CLIENT_H

/* A chain as the worker sees it: the parts of src/chain on phalad's loop, with a journal on disk.
 * It looks for new blocks by itself, gives logs, and sees transactions through.
 *
 * Journal records: 't' and a record of chain/txman.h; 'c', u64le: every log up to this block, which
 * was final, was given and its user needs none of them again.
 *
 * Layer: node. Tests: tests/integration/chain_client.test.mjs (anvil; kill -9 at any point).
 */

#include "chain/txman.h"
#include "node/loop.h"

enum { PH_CHAIN_WHY_LEN = 256 };

struct ph_chain_client_config {
    struct ph_loop *loop;
    const char *const *urls;
    size_t url_cnt;
    size_t quorum; /* 0: more than half of them */
    uint64_t chain_id;
    struct ph_eth_address addresses[PH_FOLLOW_ADDRESSES_MAX]; /* whose logs */
    size_t address_cnt;
    uint64_t from_block;    /* when the journal has no later one */
    uint32_t confirmations; /* 0: what nodes call finalized */
    uint32_t poll_ms;
    int dir_fd;          /* where the journal is; borrowed for the call */
    const char *journal; /* its name */
    struct ph_eth_address sender;
    uint64_t max_fee_cap; /* wei a unit of gas */
    uint64_t min_priority;
    uint32_t in_flight_max, bump_blocks, resend_ms;
    enum ph_err (*sign)(void *ctx, struct ph_bytes unsigned_tx, uint8_t sig[static PH_ETH_SIG_LEN]);
    /* Nodes answer and are of the right chain, for the first time. */
    void (*ready)(void *ctx);
    struct ph_follow_events follow; /* its ctx is not used: `ctx` is */
    void (*changed)(void *ctx, const struct ph_hash32 *key, const struct ph_txman_outcome *outcome);
    /* At the end of each turn, before its questions leave: for transactions of other senders. NULL:
     * there are none. */
    void (*step)(void *ctx, int64_t now_ms);
    void *ctx;
};

struct ph_chain_client;

/* PH_ERR_MALFORMED: a URL, or the journal: see why. PH_ERR_IO, PH_ERR_LIMIT, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_chain_client_new(const struct ph_chain_client_config *config,
                                           struct ph_chain_client **out,
                                           char why[static PH_CHAIN_WHY_LEN]);
void ph_chain_client_free(struct ph_chain_client *client);

/* As ph_txman_submit; it leaves at the end of this turn. */
PH_CHECKED enum ph_err ph_chain_client_submit(struct ph_chain_client *client,
                                              const struct ph_txman_order *order);
struct ph_txman *ph_chain_client_txman(struct ph_chain_client *client);
/* What a transaction manager of another sender on this chain needs: nodes and patience. The rest is
 * the caller's. */
void ph_chain_client_lend(const struct ph_chain_client *client, struct ph_txman_config *out);
/* Have a turn end, hence `step`. */
void ph_chain_client_wake(struct ph_chain_client *client);
/* Ask something else; it leaves at the end of this turn. As ph_rpc_ask. */
PH_CHECKED enum ph_err ph_chain_client_ask(struct ph_chain_client *client,
                                           const struct ph_rpc_question *question);
/* The newest block that was read; number 0: none yet. */
const struct ph_follow_head *ph_chain_client_head(const struct ph_chain_client *client);
/* Logs up to this block are not needed again: the next start begins after it. Does nothing while
 * the block is not final. Durable with the next transaction. */
PH_CHECKED enum ph_err ph_chain_client_done_to(struct ph_chain_client *client,
                                               uint64_t block_number);

#endif
