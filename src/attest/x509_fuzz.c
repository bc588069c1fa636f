#include "attest/intel/pki.h"
#include "base/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct ph_bytes raw = {data, len};
    struct ph_chain *pck PH_OWNED(ph_chain_freep) = NULL;
    struct ph_chain *signer PH_OWNED(ph_chain_freep) = NULL;
    struct ph_x509 cert;
    struct ph_sgx_ext sgx;

    if (ph_x509_parse(&ph_x509_profile_intel, raw, &cert) == PH_OK)
        (void)!ph_sgx_ext_parse(cert.vendor[0], &sgx);
    (void)!ph_sgx_ext_parse(raw, &sgx);
    (void)!ph_chain_parse_pck(raw, NULL, &pck);
    (void)!ph_chain_parse_signer(raw, &signer);
    return 0;
}
