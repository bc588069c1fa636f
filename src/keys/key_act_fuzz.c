/* Acts on keys as bytes: what is taken comes out again byte for byte. */
#include "keys/key_act.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ph_key_act act;
    uint8_t again[PH_KEY_ACT_LEN_MAX];

    if (ph_key_act_decode((struct ph_bytes){data, len}, &act) == PH_OK &&
        (ph_key_act_encode(&act, again) != len || memcmp(again, data, len) != 0))
        abort();
    return 0;
}
