/* Request heads, chunked bodies and header blocks: no crash, and what comes out can be sent on. */
#include "http/chunked.h"
#include "http/head.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_block(struct ph_bytes block, bool ours)
{
    struct ph_http_field f;
    size_t used = 0;
    struct ph_bytes rest = block;

    while (ph_http_block_next(&rest, &f)) {
        assert(ph_http_is_token(f.name) && ph_http_is_value(f.value));
        assert(!ours || !ph_http_is_hop_by_hop(f.name));
        used += f.name.len + f.value.len + 3;
    }
    assert(!ours || used == block.len); /* nothing of our own output is skipped */
}

static void fuzz_head(struct ph_bytes raw)
{
    uint8_t *block = malloc(raw.len + 1);
    struct ph_http_head head;
    struct ph_http_refusal no = {0};

    size_t end = ph_http_head_end(raw, 0);
    if (block && end > 0) {
        assert(end <= raw.len);
        raw.len = end;
        if (ph_http_head_parse(raw, block, &head, &no)) {
            assert(!ph_http_head_bare_lf(raw, 0));
            assert(head.target.len > 0 && head.target.ptr[0] == '/');
            assert(ph_http_is_token(head.method) && head.body_len >= -1);
            assert(head.block_len <= raw.len && strlen(head.host) == head.host_len);
            check_block((struct ph_bytes){block, head.block_len}, true);
        } else {
            assert(no.status >= 400 && no.code && no.message);
        }
    }
    free(block);
}

/* Decode in pieces of `step`; yields a checksum of the body and where the decoder stopped. */
static enum ph_http_chunk decode(struct ph_bytes all, size_t step, uint64_t *sum, size_t *used)
{
    struct ph_http_chunked c = {0};

    *sum = 0;
    *used = 0;
    while (*used < all.len) {
        struct ph_bytes in = {all.ptr + *used, all.len - *used < step ? all.len - *used : step};
        size_t before = in.len;
        struct ph_bytes data;
        enum ph_http_chunk got;
        while ((got = ph_http_chunked_next(&c, &in, &data)) == PH_HTTP_CHUNK_DATA)
            for (size_t i = 0; i < data.len; i++)
                *sum = *sum * 31 + data.ptr[i] + 1;
        *used += before - in.len;
        if (got != PH_HTTP_CHUNK_MORE)
            return got;
    }
    return PH_HTTP_CHUNK_MORE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ph_bytes all = {data, len};
    uint64_t whole, pieces;
    size_t whole_used, pieces_used;

    fuzz_head(all);
    check_block(all, false);
    /* Fragmentation makes no difference. */
    enum ph_http_chunk a = decode(all, len + 1, &whole, &whole_used);
    enum ph_http_chunk b = decode(all, 1, &pieces, &pieces_used);
    assert(a == b && whole == pieces);
    assert(a != PH_HTTP_CHUNK_END || whole_used == pieces_used);
    return 0;
}
