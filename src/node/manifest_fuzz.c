#include "node/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ph_manifest m;
    struct ph_json_why why;

    if (ph_manifest_parse((struct ph_bytes){data, len}, &m, &why) == PH_OK)
        ph_manifest_clear(&m);
    return 0;
}
