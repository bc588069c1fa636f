#include "attest/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct ph_policy policy;
    struct ph_json_why why;

    (void)!ph_policy_parse((struct ph_bytes){data, len}, &policy, &why);
    return 0;
}
