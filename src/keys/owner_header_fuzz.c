/* The Authorization header of an owner. */
#include "keys/eip712.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ph_owner_request req;
    struct ph_eth_address owner;
    uint8_t sig[65];
    char why[128];

    if (ph_owner_request_from_header((struct ph_bytes){data, len}, &req, sig, &owner, why) ==
            PH_OK &&
        ph_owner_request_check(&req) != PH_OK)
        abort();
    return 0;
}
