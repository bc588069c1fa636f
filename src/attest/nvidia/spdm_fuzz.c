#include "attest/nvidia/spdm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct ph_bytes raw = {data, len};
    enum ph_err (*const parse[])(struct ph_bytes, struct ph_spdm_report *,
                                 enum ph_check *) = {ph_spdm_parse_gpu, ph_spdm_parse_switch};

    for (size_t i = 0; i < PH_LEN(parse); i++) {
        struct ph_spdm_report r;
        enum ph_check failed;
        char version[32], id[PH_SPDM_RIM_ID_LEN];
        size_t got = 0;

        if (parse[i](raw, &r, &failed) != PH_OK) {
            if (failed == PH_CHECK_CNT)
                __builtin_trap();
            continue;
        }
        for (size_t b = 0; b < r.block_cnt; b++)
            got += ph_spdm_digest(&r, b).len;
        if (got != r.block_cnt * PH_SPDM_DIGEST_LEN || failed != PH_CHECK_CNT)
            __builtin_trap();
        got = ph_spdm_vbios(&r, version) + ph_spdm_driver(&r, version) +
              ph_spdm_vbios_rim_id(&r, id) + ph_spdm_driver_rim_id(&r, PH_NVIDIA_BLACKWELL, id);
        if (got > 4)
            __builtin_trap();
    }
    return 0;
}
