#ifndef PH_ATTEST_AMD_SNP_CERTS_PRIV_H
#define PH_ATTEST_AMD_SNP_CERTS_PRIV_H

/* AMD's own intermediate and root certificates, DER: public constants, so that a report needs only
 * the certificate of the key that signed it. They are trusted no more than any others: a chain with
 * them is verified, and its root compared with the pinned ones. */

#include "attest/amd/snp_claims.h"
#include "base/bytes.h"

enum { PH_SNP_ASK_LEN = 1677, PH_SNP_ASVK_LEN = 1683, PH_SNP_ARK_LEN = 1639 };

#define PH_SNP_CERTS_OF(product)                                                                   \
    extern const uint8_t ph_snp_##product##_ask[PH_SNP_ASK_LEN];                                   \
    extern const uint8_t ph_snp_##product##_asvk[PH_SNP_ASVK_LEN];                                 \
    extern const uint8_t ph_snp_##product##_ark[PH_SNP_ARK_LEN];
PH_SNP_CERTS_OF(milan)
PH_SNP_CERTS_OF(genoa)
PH_SNP_CERTS_OF(turin)
#undef PH_SNP_CERTS_OF

/* The two certificates over a VCEK or VLEK of this product; empty for PH_SNP_UNKNOWN. */
struct ph_snp_issuers {
    struct ph_bytes ask, ark;
};
struct ph_snp_issuers ph_snp_builtin_issuers(enum ph_snp_product product, bool is_vlek);

#endif
