/* Any text as a node's answer: read as a block, as a receipt and as logs, whichever it is. */

#include "chain/eth.h"

#include "base/own.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { TOKS = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct ph_jtok toks[TOKS];
    struct ph_eth_logs logs PH_OWNED(ph_eth_logs_clear) = {0};
    struct ph_eth_receipt receipt;
    struct ph_eth_block block;
    struct ph_jdoc doc;

    if (ph_jscan((struct ph_bytes){data, len}, toks, TOKS, &doc) != PH_OK)
        return 0;
    (void)!ph_eth_block_parse(&doc, 0, &block);
    (void)!ph_eth_receipt_parse(&doc, 0, &receipt);
    if (ph_eth_logs_parse(&doc, 0, 1, 1000, &logs) == PH_OK) {
        for (size_t i = 0; i < logs.cnt; i++) {
            const struct ph_eth_log *log = &logs.at[i];
            assert(log->block_number >= 1 && log->block_number <= 1000);
            assert(log->topic_cnt <= PH_ETH_TOPICS_MAX);
            assert(log->data.len == 0 ||
                   (log->data.ptr >= logs.data.ptr &&
                    log->data.ptr + log->data.len <= logs.data.ptr + logs.data.len));
        }
    }
    return 0;
}
