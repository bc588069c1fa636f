#ifndef PH_ATTEST_AMD_SNP_CHAIN_H
#define PH_ATTEST_AMD_SNP_CHAIN_H

/* The chain of a signing key: VCEK or VLEK, ASK or ASVK, ARK; and the ARK's revocation list. Facts
 * are gathered here as a set; snp_verify.c decides with them, against the time and root of each
 * report.
 *
 * Layer: attest. Pure. Spec: [VCEK] (57230) §3; docs/attestation.md. Tests: snp_chain_test.c.
 */

#include "attest/amd/snp.h"
#include "attest/amd/snp_vek.h"
#include "attest/crl.h"
#include "crypto/p384.h"

enum { PH_SNP_CERTS_LEN_MAX = 64 * 1024 }; /* bytes of each input that holds certificates */

/* A bit is set when the fact holds. */
enum ph_snp_fact {
    PH_SNP_FACT_ARK_PROFILE = 1 << 0,
    PH_SNP_FACT_ASK_PROFILE = 1 << 1,
    PH_SNP_FACT_VEK_PROFILE = 1 << 2,
    PH_SNP_FACT_LINKS = 1 << 3,
    PH_SNP_FACT_EXTENSION = 1 << 4,
    PH_SNP_FACT_ARK_SIGNATURE = 1 << 5,
    PH_SNP_FACT_ASK_SIGNATURE = 1 << 6,
    PH_SNP_FACT_VEK_SIGNATURE = 1 << 7,
    PH_SNP_FACT_CRL_ISSUER = 1 << 8,
    PH_SNP_FACT_CRL_SIGNATURE = 1 << 9,
    PH_SNP_FACT_ASK_GOOD = 1 << 10, /* not on the list */
    PH_SNP_FACT_VEK_GOOD = 1 << 11,
};

struct ph_snp_chain {
    struct ph_x509 vek, ask, ark;
    uint32_t facts;                  /* enum ph_snp_fact */
    enum ph_snp_product ark_product; /* that the ARK's name says */
    bool is_vlek;                    /* by the certificate's name */
    struct ph_snp_vek ext;           /* zero without PH_SNP_FACT_EXTENSION */
    struct ph_p384_pub key;          /* verifies nothing if the key is no point */
    uint8_t ark_spki_sha256[32];
    int64_t not_before_s, not_after_s; /* window in which all certificates are valid */
    bool has_crl;
    int64_t crl_this_s, crl_next_s;
    struct ph_buf der; /* the certificates that were given; built-in ones lie elsewhere */
};

/* Where a chain comes from. PEM or DER, all untrusted. */
struct ph_snp_chain_source {
    struct ph_bytes vek;      /* one certificate */
    struct ph_bytes chain;    /* the other two, in order; or empty: */
    struct ph_bytes ask, ark; /* one each; unless both are there: AMD's own */
    struct ph_bytes crl;      /* DER; empty: none */
};

/**
 * Parse a chain and gather its facts.
 *
 * @out     on PH_OK, freed with ph_snp_chain_free; else untouched
 * @reterr  PH_CHECK_SNP_VEK_FORMAT or PH_CHECK_SNP_CRL_FORMAT; written when refused
 *
 * Returns PH_ERR_MALFORMED, PH_ERR_UNSUPPORTED (out of profile for the parser; or no product AMD
 *         makes, so that no built-in chain fits), PH_ERR_LIMIT, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_snp_chain_new(const struct ph_snp_chain_source *source,
                                        struct ph_snp_chain **out, enum ph_check *reterr);
void ph_snp_chain_free(struct ph_snp_chain *chain);
static inline void ph_snp_chain_freep(struct ph_snp_chain **chain)
{
    ph_snp_chain_free(*chain);
}

/* A struct ph_snp_chain from the cache (NULL: none), or made and put there. As ph_snp_chain_new;
 * give it back with ph_cached_release. */
PH_CHECKED enum ph_err ph_snp_chain_get(struct ph_attest_cache *cache,
                                        const struct ph_snp_chain_source *source, int64_t now_s,
                                        struct ph_cached *out, enum ph_check *reterr);

#endif
