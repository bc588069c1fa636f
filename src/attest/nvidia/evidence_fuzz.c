#include "attest/nvidia/evidence.h"
#include "attest/nvidia/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct ph_bytes raw = {data, len}, none = {0};
    struct ph_buf text = PH_BUF(4 * PH_NV_EVIDENCE_MAX);
    struct ph_jput out = {.out = &text};
    uint8_t nonce[PH_NVIDIA_NONCE_LEN];
    enum ph_check failed;

    const bool is_evidence = ph_nvidia_is_evidence(raw);
    const enum ph_err err = ph_nvidia_json(raw, none, &out, NULL, &failed);
    if (err == PH_OK && (!is_evidence || failed != PH_CHECK_CNT || ph_jput_end(&out) != PH_OK ||
                         ph_nvidia_peek_nonce(raw, nonce) != PH_OK))
        __builtin_trap();
    if (err != PH_OK && failed == PH_CHECK_CNT)
        __builtin_trap();
    ph_buf_clear(&text);
    return 0;
}
