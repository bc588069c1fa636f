#include "state/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ph_state_record rec;
    struct ph_state_tip tip;

    if (ph_state_record_parse((struct ph_bytes){data, len}, &rec) == PH_OK)
        ph_state_tip_of(&rec, &tip);
    return 0;
}
