#include "attest/intel/tcb_docs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct ph_tcb_info info;
    static struct ph_enclave_identity identity;
    struct ph_json_why why;

    (void)!ph_tcb_info_parse((struct ph_bytes){data, len}, &info, &why);
    (void)!ph_enclave_identity_parse((struct ph_bytes){data, len}, &identity, &why);
    return 0;
}
