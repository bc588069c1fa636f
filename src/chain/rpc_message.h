#ifndef PH_CHAIN_RPC_MESSAGE_H
#define PH_CHAIN_RPC_MESSAGE_H

/* What a node says on a WebSocket: answers to batches in any order, and between them that there is
 * a new block. Here it is only told which of these a message is. A notification is a reason to
 * look, never a fact: nodes may leave some out, repeat or invent them.
 *
 * Layer: chain. Pure. Spec: JSON-RPC 2.0 §4 to §6; Ethereum JSON-RPC, eth_subscribe. Tests:
 * rpc_message_test.c, rpc_message_fuzz.c.
 */

#include "chain/rpc_wire.h"

enum ph_rpc_message_kind {
    PH_RPC_MESSAGE_ANSWERS,    /* to the batch of `ticket` */
    PH_RPC_MESSAGE_NEWS,       /* of a subscription */
    PH_RPC_MESSAGE_SUBSCRIBED, /* to ph_rpc_put_subscribe: yes or no, both will do */
};
struct ph_rpc_message {
    enum ph_rpc_message_kind kind;
    uint64_t
        ticket; /* ANSWERS: of chain/rpc.h; whether such a one is under way is not known here */
};

/* PH_ERR_MALFORMED: none of these; an error for no id is none either. PH_ERR_LIMIT: over those of
 * rpc_wire.h. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_rpc_message_read(struct ph_bytes text, struct ph_rpc_message *out);

/* Append what asks for news of each block. PH_ERR_LIMIT, PH_ERR_NOMEM: the buffer's. */
PH_CHECKED enum ph_err ph_rpc_put_subscribe(struct ph_buf *out);

#endif
