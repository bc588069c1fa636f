/* Any bytes as what a call reverted with: the text ends, and has no byte that a log cannot have. */

#include "chain/refusal.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct ph_bytes raw = {data, len};
    char text[PH_REFUSAL_LEN];

    ph_refusal_text(raw, text);
    assert(strlen(text) > 0 && strlen(text) < sizeof(text));
    for (const char *c = text; *c; c++)
        assert(*c >= ' ' && *c <= '~');
    (void)ph_refusal_is(raw, "PckUnknown");
    return 0;
}
