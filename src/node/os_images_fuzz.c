#include "node/os_images.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct ph_tdx_body td;
    static const uint8_t hash[32];
    struct ph_os_images *images = NULL;
    struct ph_json_why why;

    if (ph_os_images_parse((struct ph_bytes){data, len}, &images, &why) != PH_OK)
        return 0;
    if (ph_os_images_find(images, hash, &td) && len < 32)
        __builtin_trap();
    ph_os_images_free(images);
    return 0;
}
