/* What is cut off lies in the input, cuts again to itself, and its heads add up to it. */

#include "codec/cbor.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ph_reader r = {{data, len}}, again, heads;
    struct ph_bytes whole, same;
    struct ph_cbor e;

    if (ph_cbor_cut(&r, &whole) != PH_OK)
        return 0;
    if (whole.ptr != data || whole.len == 0 || whole.len + r.rest.len != len)
        abort();
    again = heads = (struct ph_reader){whole};
    if (ph_cbor_cut(&again, &same) != PH_OK || same.len != whole.len)
        abort();
    while (heads.rest.len > 0) {
        /* Breaks of indefinite maps are no heads. */
        if (heads.rest.ptr[0] == 0xff)
            heads.rest = (struct ph_bytes){heads.rest.ptr + 1, heads.rest.len - 1};
        else if (ph_cbor_next(&heads, &e) != PH_OK)
            abort();
    }
    return 0;
}
