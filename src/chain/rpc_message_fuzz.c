/* Any text as what a node says on a WebSocket: answers that are told apart are answers to nobody
 * else's batch. */

#include "chain/rpc_message.h"

#include "base/own.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct ph_bytes text = {data, len};
    struct ph_rpc_batch batch PH_OWNED(ph_rpc_batch_clear) = {0};
    struct ph_rpc_answer answers[PH_RPC_BATCH_MAX];
    struct ph_rpc_message m;

    if (ph_rpc_message_read(text, &m) != PH_OK || m.kind != PH_RPC_MESSAGE_ANSWERS)
        return 0;
    assert(m.ticket > 0);
    assert(ph_rpc_parse_batch(text, (m.ticket + 1) * PH_RPC_IDS_A_TICKET, PH_RPC_BATCH_MAX, &batch,
                              answers) != PH_OK);
    return 0;
}
