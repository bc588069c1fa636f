#include "attest/crl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t serial[] = {0x40, 1, 2};
    struct ph_crl crl;

    if (ph_crl_parse(PH_X509_SIG_ECDSA_SHA256, (struct ph_bytes){data, len}, &crl) == PH_OK)
        (void)ph_crl_has(&crl, PH_BYTES_OF(serial));
    return 0;
}
