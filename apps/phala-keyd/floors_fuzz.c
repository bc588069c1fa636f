/* What the state file remembers of secrets: what is taken comes out again byte for byte. */
#include "floors.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint8_t again[FLOORS_BYTES_MAX];
    struct floors floors = {0};

    if (floors_decode((struct ph_bytes){data, len}, &floors) == PH_OK &&
        (floors_encode(&floors, again) != len || memcmp(again, data, len) != 0))
        abort();
    floors_clear(&floors);
    return 0;
}
