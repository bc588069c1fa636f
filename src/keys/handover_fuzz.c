/* Both messages of a hand-over: what is taken comes out again byte for byte. */
#include "base/own.h"
#include "keys/handover.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct ph_bytes raw = {data, len};
    struct ph_handover_join join;
    struct ph_handover_give give;
    struct ph_buf again PH_OWNED(ph_buf_clear) = PH_BUF(PH_HANDOVER_MESSAGE_MAX);

    if (ph_handover_join_parse(raw, &join) == PH_OK &&
        (ph_handover_join_encode(&join, &again) != PH_OK ||
         !ph_bytes_equal(ph_buf_view(&again), raw)))
        abort();
    ph_buf_clear(&again);
    if (ph_handover_give_parse(raw, &give) == PH_OK &&
        ph_handover_give_encode(&give, &again) == PH_OK &&
        !ph_bytes_equal(ph_buf_view(&again), raw))
        abort();
    return 0;
}
