/* The bytes of an owner's request, as IPC and storage carry them: one form per request. */
#include "keys/eip712.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ph_owner_request req;
    uint8_t raw[PH_OWNER_REQUEST_LEN];

    if (ph_owner_request_decode((struct ph_bytes){data, len}, &req) != PH_OK)
        return 0;
    ph_owner_request_encode(&req, raw);
    if (len != sizeof(raw) || memcmp(raw, data, len) != 0)
        abort();
    return 0;
}
