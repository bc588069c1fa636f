#include "base/own.h"
#include "ipc/messages.h"

#include <assert.h>
#include <stdlib.h>

/* The input is what a peer sends: once as one datagram, once as a stream cut into frames. Whatever
 * parses as a message must encode to the same bytes again. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(const struct ph_ipc_frame *f)
{
    struct ph_buf again PH_OWNED(ph_buf_clear) = PH_BUF(PH_IPC_HEADER_LEN + PH_IPC_PAYLOAD_MAX);
    _Alignas(16) uint8_t msg[512] = {0};

    if (ph_ipc_name(f->type)[0] == '?' || ph_ipc_get_raw(f, f->type, msg) != PH_OK)
        return;
    if (f->payload.len > PH_IPC_PAYLOAD_MAX)
        return;
    const enum ph_err err = ph_ipc_encode_raw(&again, f->type, f->flags, f->id, msg);
    assert(err == PH_OK && again.len == PH_IPC_HEADER_LEN + f->payload.len);
    assert(f->payload.len == 0 ||
           memcmp(again.ptr + PH_IPC_HEADER_LEN, f->payload.ptr, f->payload.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ph_ipc_frame f;

    if (ph_ipc_decode((struct ph_bytes){data, len}, &f) == PH_OK)
        check(&f);

    struct ph_ipc_chan chan;
    ph_ipc_chan_init(&chan, -1);
    if (ph_buf_add(&chan.in, (struct ph_bytes){data, len}) == PH_OK) {
        size_t used = 0;
        while (ph_ipc_next(&chan, &f) == PH_OK) {
            assert(f.payload.len <= PH_IPC_PAYLOAD_MAX);
            used += PH_IPC_HEADER_LEN + f.payload.len;
            assert(used <= len);
            check(&f);
        }
    }
    ph_ipc_chan_clear(&chan);
    return 0;
}
