/* Any bytes as a sequence of items: each item read is the shortest form of what it holds, so
 * writing it again gives the bytes that were read. */

#include "chain/rlp.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ph_reader r = {{data, len}};
    struct ph_rlp_item item;

    while (r.rest.len > 0) {
        const struct ph_bytes before = r.rest;
        struct ph_reader number = r;
        struct ph_buf again = PH_BUF(2 * (len + 16));
        uint64_t v;
        if (ph_rlp_read(&r, &item) != PH_OK)
            break;
        const size_t took = before.len - r.rest.len;
        assert((item.is_list ? ph_rlp_put_list(&again, item.payload)
                             : ph_rlp_put_string(&again, item.payload)) == PH_OK);
        assert(ph_bytes_equal(ph_buf_view(&again), (struct ph_bytes){before.ptr, took}));
        ph_buf_clear(&again);
        if (ph_rlp_read_u64(&number, &v) == PH_OK) {
            assert(ph_rlp_put_u64(&again, v) == PH_OK);
            assert(ph_bytes_equal(ph_buf_view(&again), (struct ph_bytes){before.ptr, took}));
        }
        ph_buf_clear(&again);
    }
    return 0;
}
