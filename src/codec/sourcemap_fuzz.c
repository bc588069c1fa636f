/* Source maps: the input is a whole map, and also the mappings of a small one. Answers point into
 * what the map names. */

#include "codec/sourcemap.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void ask(const struct ph_sourcemap *map)
{
    struct ph_source_pos pos;

    for (uint32_t line = 1; line < 8; line++) {
        for (uint32_t column = 1; column < 300; column += 7) {
            if (ph_sourcemap_lookup(map, line, column, &pos) != PH_OK)
                continue;
            assert(pos.source && pos.line > 0 && pos.column > 0);
            (void)strlen(pos.source);
            (void)(pos.name ? strlen(pos.name) : 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ph_sourcemap *map = NULL;
    struct ph_buf text = PH_BUF(len + 256);

    if (ph_sourcemap_parse((struct ph_bytes){data, len}, &map) == PH_OK)
        ask(map);
    ph_sourcemap_free(map);
    map = NULL;
    assert(ph_buf_add_str(&text,
                          "{\"version\":3,\"sources\":[\"a\",\"b\",null],\"names\":[\"x\",\"y\"],"
                          "\"mappings\":\"") == PH_OK);
    assert(ph_buf_add(&text, (struct ph_bytes){data, len}) == PH_OK);
    assert(ph_buf_add_str(&text, "\"}") == PH_OK);
    if (ph_sourcemap_parse(ph_buf_view(&text), &map) == PH_OK)
        ask(map);
    ph_sourcemap_free(map);
    ph_buf_clear(&text);
    return 0;
}
