/* Any text as a node's answer to a batch of three: what is read lies inside of the text, and what
 * it stands for has a digest that spaces do not change. */

#include "chain/rpc_wire.h"

#include "base/own.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { CALLS = 3 };

static bool inside(struct ph_bytes part, struct ph_bytes whole)
{
    return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char *const members[] = {"hash", "number", NULL};
    struct ph_rpc_batch batch PH_OWNED(ph_rpc_batch_clear) = {0};
    struct ph_buf bytes PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
    const struct ph_bytes text = {data, len};
    struct ph_rpc_answer answers[CALLS];
    struct ph_hash32 digest;
    uint64_t v;

    if (ph_rpc_parse_batch(text, 7, CALLS, &batch, answers) != PH_OK)
        return 0;
    for (size_t i = 0; i < CALLS; i++) {
        const struct ph_rpc_answer *a = &answers[i];
        if (!a->doc)
            continue;
        assert(inside(a->message, text) && inside(a->data, text));
        assert(a->is_error == (a->result == 0));
        ph_rpc_answer_digest(a, members, &digest);
        ph_rpc_answer_digest(a, NULL, &digest);
        if (!a->is_error) {
            (void)!ph_rpc_data(a->doc, a->result, &bytes);
            (void)!ph_rpc_quantity(a->doc, a->result, &v);
        }
    }
    return 0;
}
