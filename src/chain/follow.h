#ifndef PH_CHAIN_FOLLOW_H
#define PH_CHAIN_FOLLOW_H

/* Follow a chain: its head, its logs of some contracts in order, what a reorganisation undid, and
 * what is final. Every fact is one that a quorum of nodes gives; blocks that are not final are
 * linked by their parents' hashes, and each log must be of the block that was seen at its height.
 *
 * Layer: chain. Spec: Ethereum JSON-RPC, block tags; EIP-1474 (eth_getLogs). Tests: follow_test.c;
 * tests/integration/chain_client.test.mjs (anvil, reorganisations, nodes that lie).
 */

#include "chain/eth.h"
#include "chain/rpc.h"

enum {
    PH_FOLLOW_ADDRESSES_MAX = 8,
    PH_FOLLOW_DEPTH_MAX = 8192, /* blocks that are not final; Arbitrum has some 4,800 */
    PH_FOLLOW_SPAN_MAX = 2000,  /* blocks of one question for logs that are final */
    PH_FOLLOW_STEP = 64,        /* blocks of one question for others */
};

/* Where the chain stands. */
struct ph_follow_head {
    uint64_t number, timestamp, base_fee; /* of the newest block that was read */
    struct ph_hash32 hash;
    uint64_t final_number; /* never undone; 0: none yet */
};

/* In this order: undone, logs, head. None may call ph_follow_free. */
struct ph_follow_events {
    /* Blocks from `number` up are not part of the chain any more. */
    void (*undone)(void *ctx, uint64_t number);
    void (*log)(void *ctx, const struct ph_eth_log *log);
    /* Everything up to head->number was given. */
    void (*head)(void *ctx, const struct ph_follow_head *head);
    /* The chain lost what was final: nothing more comes. */
    void (*broken)(void *ctx, const char *why);
    void *ctx;
};

struct ph_follow_config {
    struct ph_rpc *rpc;
    size_t endpoint_cnt, quorum; /* as the rpc's */
    struct ph_eth_address addresses[PH_FOLLOW_ADDRESSES_MAX];
    size_t address_cnt;  /* 0: the head alone, no logs */
    uint64_t from_block; /* logs from here on */
    /* 0: final is what nodes call "finalized"; else what lies this many blocks below the head. */
    uint32_t confirmations;
    struct ph_follow_events events;
};

struct ph_follow;

/* PH_ERR_MALFORMED: too many addresses. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_follow_new(const struct ph_follow_config *config, struct ph_follow **out);
/* After the rpc's ph_rpc_free, so that no answer comes any more. NULL is fine. */
void ph_follow_free(struct ph_follow *follow);
/* Look for something new; the caller calls it as often as it wants to know, then flushes the rpc.
 * Does nothing while it is still looking. */
void ph_follow_poll(struct ph_follow *follow);
/* It is looking. */
bool ph_follow_is_busy(const struct ph_follow *follow);
/* More lies ahead than was read: poll again at once. */
bool ph_follow_is_behind(const struct ph_follow *follow);

/* The largest number that at least `quorum` of the values reach: a minority can make it neither too
 * large nor too small. Values that are no quantity do not count. PH_ERR_NOT_FOUND: too few. */
PH_CHECKED enum ph_err ph_quorum_number(const uint64_t *values, size_t value_cnt, size_t quorum,
                                        uint64_t *out);

#endif
