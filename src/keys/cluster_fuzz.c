/* Keys of a cluster as bytes: what is taken comes out again byte for byte. */
#include "keys/cluster.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ph_cluster_keys keys;
    uint8_t again[PH_CLUSTER_BYTES_MAX];

    if (ph_cluster_keys_decode((struct ph_bytes){data, len}, &keys) == PH_OK &&
        (ph_cluster_keys_encode(&keys, again) != len || memcmp(again, data, len) != 0))
        abort();
    return 0;
}
