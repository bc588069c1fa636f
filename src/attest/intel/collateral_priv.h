#ifndef PH_ATTEST_INTEL_COLLATERAL_PRIV_H
#define PH_ATTEST_INTEL_COLLATERAL_PRIV_H

/* The inside of struct ph_collateral: documents, and facts about their bytes. */

#include "attest/intel/pki.h"
#include "attest/intel/tcb_docs.h"
#include "attest/intel/verify.h"

struct ph_collateral {
    struct ph_chain *info_chain; /* NULL: absent */
    struct ph_chain *qe_chain;   /* NULL: absent, or the same bytes as info_chain */
    bool qe_chain_is_info_chain;
    bool has_info, has_qe, has_root_crl, has_pck_crl;
    bool info_signed, qe_signed;            /* by the leaf of its chain */
    bool root_crl_signed;                   /* by the root of info_chain */
    bool signer_revoked, qe_signer_revoked; /* named by the root's list */
    struct ph_tcb_info info;
    struct ph_enclave_identity qe;
    struct ph_crl root_crl, pck_crl;
    struct ph_chain *pck_chain; /* of pck_chain_pem, judged with pck_crl; NULL: absent */
    struct ph_bytes pck_pem;    /* its bytes, in text */
    struct ph_bytes parts[4];   /* copies shown by traces: TCB info, QE identity, CRLs */
    uint8_t pck_crl_digest[32]; /* zero if absent */
    int64_t from_s, until_s;
    struct ph_buf text; /* owns copies of everything views point into */
};
enum { PH_PART_INFO, PH_PART_QE, PH_PART_ROOT_CRL, PH_PART_PCK_CRL };

static inline const struct ph_chain *ph_collateral_qe_chain(const struct ph_collateral *c)
{
    return c->qe_chain_is_info_chain ? c->info_chain : c->qe_chain;
}

/* A chain without the NULs that some quotes end PEM with. DER (0x30) ends where it says. */
static inline struct ph_bytes ph_pem_trim(struct ph_bytes pem)
{
    while (pem.len > 0 && pem.ptr[0] != 0x30 && pem.ptr[pem.len - 1] == 0)
        pem.len--;
    return pem;
}

/* A struct ph_chain with the facts of collateral->pck_crl: from the collateral, the cache (NULL:
 * none), or parsed now. As ph_chain_parse_pck; give it back with ph_cached_release. */
PH_CHECKED enum ph_err ph_chain_get(struct ph_attest_cache *cache,
                                    const struct ph_collateral *collateral, struct ph_bytes pem,
                                    int64_t now_s, struct ph_cached *out);

#endif
