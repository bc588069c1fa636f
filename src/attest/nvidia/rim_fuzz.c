#include "attest/nvidia/rim.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct ph_rim rim;
    static struct ph_rim_block blocks[PH_RIM_INDEX_CNT];
    struct ph_rim_comparison comparison;
    enum ph_rim_check failed;

    if (ph_rim_parse((struct ph_bytes){data, len}, &rim, &failed) != PH_OK)
        return 0;
    for (size_t i = 0; i < rim.measurement_cnt; i++) {
        const struct ph_rim_measurement *m = &rim.measurement[i];
        if (m->hash_cnt == 0 || (size_t)m->hash_first + m->hash_cnt > rim.hash_cnt)
            abort();
        blocks[i].index = (uint8_t)(m->index + 1);
        memcpy(blocks[i].value, rim.hash[m->hash_first + m->hash_cnt - 1], PH_RIM_HASH_LEN);
    }
    /* A report made of a manifest's own values matches it. */
    const enum ph_err err =
        ph_rim_compare(&rim, NULL, blocks, rim.measurement_cnt, false, &comparison);
    if (comparison.mismatch_cnt > 0 || (err == PH_OK) != (comparison.compared_cnt > 0))
        abort();
    return 0;
}
