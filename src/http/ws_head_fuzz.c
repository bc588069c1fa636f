/* A server's answer to the opening of a WebSocket: whatever the cut, the same verdict. */
#include "http/ws_head.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct ph_http_ws_key key = {"dGhlIHNhbXBsZSBub25jZQ=="};
    size_t head_len = 0, again = 0;

    if (ph_http_ws_head_check((struct ph_bytes){data, len}, &key, &head_len) != PH_OK)
        return 0;
    if (head_len > len ||
        ph_http_ws_head_check((struct ph_bytes){data, head_len}, &key, &again) != PH_OK ||
        again != head_len ||
        ph_http_ws_head_check((struct ph_bytes){data, head_len - 1}, &key, &again) != PH_ERR_AGAIN)
        abort();
    return 0;
}
