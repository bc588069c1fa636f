/* What a waiting worker says: an error, or a view that lies in the text. */
#include "restore_offer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ph_restore_offer offer;
    char why[128];

    if (ph_restore_offer_parse((struct ph_bytes){data, len}, &offer, why) == PH_OK &&
        (offer.evidence.ptr < data || offer.evidence.ptr + offer.evidence.len > data + len))
        abort();
    return 0;
}
