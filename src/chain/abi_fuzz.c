/* Any bytes as arguments of a function with every kind of type, and as an event. What is read can
 * be written again and read to the same; lists that share their tails cost no more memory than was
 * given. */

#include "abi_sample.h"

#include "base/own.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(const struct ph_abi_type *type, const void *value)
{
    static _Alignas(16) uint8_t room[1 << 18], out[4096];
    struct ph_buf once PH_OWNED(ph_buf_clear) = PH_BUF(64 << 20);
    struct ph_buf twice PH_OWNED(ph_buf_clear) = PH_BUF(64 << 20);
    struct ph_abi_mem mem = {.ptr = room, .len = sizeof(room)};

    assert(type->c_size <= sizeof(out));
    if (ph_abi_encode(type, value, &once) != PH_OK)
        return; /* shared tails, written out, are longer than the limit */
    assert(ph_abi_decode(type, ph_buf_view(&once), &mem, out) == PH_OK);
    assert(ph_abi_encode(type, out, &twice) == PH_OK);
    assert(ph_bytes_equal(ph_buf_view(&once), ph_buf_view(&twice)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static _Alignas(16) uint8_t room[1 << 16];
    struct ph_abi_mem mem = {.ptr = room, .len = sizeof(room)};
    const struct ph_bytes input = {data, len};
    struct ph_abi_sample_mixed_args args;
    struct ph_abi_sample_mixed_result result;
    struct ph_abi_sample_seen_event seen;
    const struct ph_hash32 topics[3] = {ph_abi_sample_seen_event.topic};

    if (ph_abi_decode(ph_abi_sample_mixed.in, input, &mem, &args) == PH_OK)
        check(ph_abi_sample_mixed.in, &args);
    mem.used = 0;
    if (ph_abi_decode(ph_abi_sample_mixed.out, input, &mem, &result) == PH_OK)
        check(ph_abi_sample_mixed.out, &result);
    mem.used = 0;
    (void)!ph_abi_decode_event(&ph_abi_sample_seen_event, topics, 3, input, &mem, &seen);
    return 0;
}
