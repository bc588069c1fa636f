/* Certificates by AMD's profile, and what their extensions say. */

#include "attest/amd/snp_vek.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ph_x509 cert;
    struct ph_snp_vek vek;

    if (ph_x509_parse(&ph_snp_x509_profile, (struct ph_bytes){data, len}, &cert) != PH_OK)
        return 0;
    for (int is_vlek = 0; is_vlek < 2; is_vlek++) {
        if (ph_snp_vek_parse(&cert, is_vlek, &vek) != PH_OK)
            continue;
        if (vek.product == PH_SNP_UNKNOWN || vek.product != ph_snp_vek_peek_product(&cert) ||
            (vek.csp_id.len > 0) != (is_vlek != 0) ||
            (vek.csp_id.len > 0 &&
             (vek.csp_id.ptr < data || vek.csp_id.ptr + vek.csp_id.len > data + len)))
            __builtin_trap();
    }
    return 0;
}
