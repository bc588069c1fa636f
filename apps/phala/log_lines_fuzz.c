/* Any bytes as a worker's log stream, with and without a source map. */

#include "log_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char map_text[] = "{\"version\":3,\"sources\":[\"src/a.js\"],\"names\":[],"
                                   "\"mappings\":\";;IACA,IAAE\"}";
    struct ph_sourcemap *map = NULL;
    struct ph_buf in = PH_BUF(1 << 20), out = PH_BUF(4 << 20);
    uint64_t seq = 0;
    if (ph_sourcemap_parse(ph_bytes_str(map_text), &map) != PH_OK)
        __builtin_trap();
    if (ph_buf_add(&in, (struct ph_bytes){data, size}) == PH_OK) {
        enum ph_err err;
        size_t before;
        do {
            before = in.len;
            err = ph_log_next(&in, map, &out, &seq);
            if (err != PH_ERR_AGAIN && in.len >= before)
                __builtin_trap(); /* every answer but "again" takes a line */
        } while (err != PH_ERR_AGAIN);
    }
    for (size_t i = 0; i < out.len; i++)
        if (out.ptr[i] < 0x20 && out.ptr[i] != '\n' && out.ptr[i] != '\t')
            __builtin_trap(); /* no escape sequence reaches a terminal */
    ph_sourcemap_free(map);
    ph_buf_clear(&in);
    ph_buf_clear(&out);
    return 0;
}
