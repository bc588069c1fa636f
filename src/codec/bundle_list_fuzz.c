/* Any bytes as the list of a bundle's files: what is found lies in them, and is under their hash.
 */

#include "codec/bundle.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct ph_bytes list = {data, len};
    struct ph_hash32 bundle, file, again;

    if (ph_bundle_list_find(list, PH_BYTES_LIT("phat.json"), &bundle, &file) != PH_OK)
        return 0;
    assert(len >= 4 + 9 + 8 + 32 && memmem(data, len, file.b, sizeof(file.b)));
    assert(ph_bundle_list_find(list, PH_BYTES_LIT("phat.json"), &again, &file) == PH_OK);
    assert(memcmp(&bundle, &again, sizeof(bundle)) == 0);
    return 0;
}
