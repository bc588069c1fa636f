/* An Azure blob: whatever comes in, the views lie inside it. */

#include "attest/azure/hcl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ph_hcl hcl;
    struct ph_hcl_key key;
    uint8_t user[PH_HCL_USER_DATA_MAX];
    size_t user_len;
    char why[128];

    if (ph_hcl_parse((struct ph_bytes){data, len}, &hcl, why) != PH_OK)
        return 0;
    if (hcl.report.ptr < data || hcl.runtime.ptr + hcl.runtime.len > data + len ||
        hcl.report_data + 64 > hcl.report.ptr + hcl.report.len)
        __builtin_trap();
    if (ph_hcl_key(&hcl, "HCLAkPub", &key) == PH_OK && key.n_len > sizeof(key.n))
        __builtin_trap();
    if (ph_hcl_user_data(&hcl, user, &user_len) == PH_OK && user_len > sizeof(user))
        __builtin_trap();
    if (ph_hcl_check_binding(&hcl, hcl.report_data) == PH_OK && hcl.runtime.len == 0)
        __builtin_trap();
    return 0;
}
