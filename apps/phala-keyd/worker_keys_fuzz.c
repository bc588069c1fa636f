/* The worker's own keys in the state file: what is taken comes out again byte for byte. */
#include "worker_keys.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t again[WORKER_KEYS_LEN];
    struct worker_keys keys;

    if (len != 32 + WORKER_KEYS_LEN || worker_keys_decode(data, data + 32, &keys) != PH_OK)
        return 0;
    worker_keys_encode(&keys, again);
    if (memcmp(again, data + 32, sizeof(again)) != 0 || memcmp(keys.seed, data, 32) != 0)
        abort();
    return 0;
}
