/* Frames from a server. The first byte says into what pieces the rest is cut: the same messages
 * must come of it as of the whole. How it ends may differ: of a close's reason wslay leaves two
 * bytes of each piece unjudged. */
#include "http/ws_frames.h"

#include "base/own.h"

#include <stdlib.h>

enum { MESSAGE_MAX = 4096, OUT_MAX = 4096 };

struct seen {
    size_t cnt, len;
    uint32_t sum;
    struct ph_http_ws_frames *frames;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void on_message(void *ctx, struct ph_bytes text)
{
    struct seen *seen = ctx;

    if (text.len > MESSAGE_MAX)
        abort();
    seen->cnt++;
    seen->len += text.len;
    for (size_t i = 0; i < text.len; i++)
        seen->sum = seen->sum * 31 + text.ptr[i];
}

static void take(struct ph_bytes bytes, size_t piece, struct seen *seen)
{
    const struct ph_http_ws_frames_config config = {MESSAGE_MAX, OUT_MAX, on_message, seen};
    struct ph_http_ws_frames *f;
    enum ph_err err = PH_OK;

    if (ph_http_ws_frames_new(&config, &f) != PH_OK)
        abort();
    while (bytes.len > 0 && err == PH_OK) {
        const size_t n = bytes.len < piece ? bytes.len : piece;
        err = ph_http_ws_frames_take(f, (struct ph_bytes){bytes.ptr, n}, 0);
        bytes = (struct ph_bytes){bytes.ptr + n, bytes.len - n};
    }
    const size_t messages = seen->cnt;
    if (err != PH_OK &&
        (ph_http_ws_frames_take(f, PH_BYTES_LIT("\x81\x01x"), 0) != err || seen->cnt != messages ||
         ph_http_ws_frames_send(f, PH_BYTES_LIT("x")) != PH_ERR_CLOSED))
        abort();
    ph_http_ws_frames_sent(f, ph_http_ws_frames_out(f).len);
    ph_http_ws_frames_free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct seen whole = {0}, pieces = {0};

    if (len == 0)
        return 0;
    const struct ph_bytes rest = {data + 1, len - 1};
    take(rest, SIZE_MAX, &whole);
    take(rest, 1 + (size_t)data[0], &pieces);
    if (whole.cnt != pieces.cnt || whole.len != pieces.len || whole.sum != pieces.sum)
        abort();
    return 0;
}
