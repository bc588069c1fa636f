#ifndef PH_CHAIN_ETH_H
#define PH_CHAIN_ETH_H

/* Blocks, logs and receipts out of a node's answers. Nothing here decides whether to believe them:
 * chain/rpc.h asks several nodes.
 *
 * Layer: chain. Pure. Spec: Ethereum JSON-RPC (execution-apis), eth_getBlockByNumber, eth_getLogs,
 * eth_getTransactionReceipt. Tests: eth_test.c, eth_fuzz.c.
 */

#include "base/ids.h"
#include "chain/rpc_wire.h"

enum {
    PH_ETH_TOPICS_MAX = 4,
    PH_ETH_LOGS_MAX = 20000,        /* of one answer */
    PH_ETH_LOGS_DATA_MAX = 4 << 20, /* bytes of data of all of them */
};

struct ph_eth_block {
    uint64_t number, timestamp; /* Unix seconds */
    struct ph_hash32 hash, parent;
    uint64_t base_fee; /* wei a unit of gas; 0: a chain without EIP-1559 */
};

struct ph_eth_log {
    struct ph_eth_address address;
    struct ph_hash32 topics[PH_ETH_TOPICS_MAX];
    size_t topic_cnt;
    struct ph_bytes data;         /* a view into its ph_eth_logs */
    uint64_t block_number, index; /* index: in its block */
    struct ph_hash32 block_hash, tx_hash;
};

/* Owned. */
struct ph_eth_logs {
    struct ph_eth_log *at;
    size_t cnt;
    struct ph_buf data;
};
void ph_eth_logs_clear(struct ph_eth_logs *logs);

struct ph_eth_receipt {
    struct ph_hash32 tx_hash, block_hash;
    uint64_t block_number, gas_used;
    bool ok; /* false: reverted */
};

/* All: PH_ERR_MALFORMED  a member is missing or is something else; a block that is pending
 *      PH_ERR_NOT_FOUND  null: the node knows no such block, no such receipt
 *      PH_ERR_LIMIT      a number of more than 64 bits, or one of the limits above */
PH_CHECKED enum ph_err ph_eth_block_parse(const struct ph_jdoc *doc, uint32_t tok,
                                          struct ph_eth_block *out);
/* Whatever the node left out or added: each log is within the block range, in order of block and
 * index, none twice, none removed. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_eth_logs_parse(const struct ph_jdoc *doc, uint32_t tok,
                                         uint64_t from_block, uint64_t to_block,
                                         struct ph_eth_logs *out);
PH_CHECKED enum ph_err ph_eth_receipt_parse(const struct ph_jdoc *doc, uint32_t tok,
                                            struct ph_eth_receipt *out);

/* What nodes must agree on: for ph_rpc_question.members. */
extern const char *const ph_eth_block_members[], *const ph_eth_log_members[],
                                                     *const ph_eth_receipt_members[];

#endif
