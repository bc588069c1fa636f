/* Any text as a network's document: what is taken is within its limits. */

#include "chain/network.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ph_network net;
    struct ph_json_why why;

    if (ph_network_parse((struct ph_bytes){data, len}, &net, &why) == PH_OK)
        assert(net.chain_id > 0 && net.max_fee > 0 && net.max_gas <= PH_NETWORK_GAS_MAX);
    return 0;
}
