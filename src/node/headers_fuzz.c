#include "node/calls_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ph_buf cleaned = PH_BUF(65536);
    struct ph_covered covered;
    struct ph_bytes headers = {data, len};

    if (ph_headers_scan(&headers, &cleaned, &covered) == PH_OK) {
        /* What passed once passes again, and has no line of the worker's left. */
        struct ph_buf again = PH_BUF(65536);
        if (ph_headers_scan(&headers, &again, &covered) != PH_OK || again.len != 0)
            __builtin_trap();
        ph_buf_clear(&again);
    }
    ph_buf_clear(&cleaned);
    return 0;
}
