#include "attest/amd/snp_certs_priv.h"

struct ph_snp_issuers ph_snp_builtin_issuers(enum ph_snp_product product, bool is_vlek)
{
    static const struct {
        struct ph_bytes ask, asvk, ark;
    } certs[PH_SNP_PRODUCT_CNT] = {
        [PH_SNP_MILAN] = {{ph_snp_milan_ask, PH_SNP_ASK_LEN},
                          {ph_snp_milan_asvk, PH_SNP_ASVK_LEN},
                          {ph_snp_milan_ark, PH_SNP_ARK_LEN}},
        [PH_SNP_GENOA] = {{ph_snp_genoa_ask, PH_SNP_ASK_LEN},
                          {ph_snp_genoa_asvk, PH_SNP_ASVK_LEN},
                          {ph_snp_genoa_ark, PH_SNP_ARK_LEN}},
        [PH_SNP_TURIN] = {{ph_snp_turin_ask, PH_SNP_ASK_LEN},
                          {ph_snp_turin_asvk, PH_SNP_ASVK_LEN},
                          {ph_snp_turin_ark, PH_SNP_ARK_LEN}},
    };
    return (struct ph_snp_issuers){is_vlek ? certs[product].asvk : certs[product].ask,
                                   certs[product].ark};
}
