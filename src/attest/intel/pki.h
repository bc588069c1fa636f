#ifndef PH_ATTEST_INTEL_PKI_H
#define PH_ATTEST_INTEL_PKI_H

/* Chains of Intel's attestation PKI: who each certificate is, and what holds of it. Facts are
 * gathered here as a set; verify.c decides with them, against the time and root of each quote.
 *
 * Layer: attest. Pure. Spec: [PCK] §1.3; docs/attestation.md. Tests: pki_test.c.
 */

#include "attest/crl.h"
#include "attest/intel/sgx_ext.h"
#include "attest/x509.h"
#include "crypto/p256.h"

enum { PH_CHAIN_PEM_MAX = 64 * 1024 };

/* Facts about a chain, bit by bit; a bit is set when the fact holds. */
enum ph_chain_fact {
    PH_FACT_ROOT_PROFILE = 1 << 0,
    PH_FACT_CA_PROFILE = 1 << 1,   /* PCK chains only */
    PH_FACT_LEAF_PROFILE = 1 << 2, /* PCK or TCB signer */
    PH_FACT_LINKS = 1 << 3,
    PH_FACT_SGX_EXT = 1 << 4, /* PCK chains only */
    PH_FACT_ROOT_SIGNATURE = 1 << 5,
    PH_FACT_CA_SIGNATURE = 1 << 6, /* PCK chains only */
    PH_FACT_LEAF_SIGNATURE = 1 << 7,
    PH_FACT_CRL_ISSUER = 1 << 8,    /* of the CRL judged with the chain */
    PH_FACT_CRL_SIGNATURE = 1 << 9, /* likewise */
    PH_FACT_NOT_REVOKED = 1 << 10,  /* likewise: leaf of a PCK chain */
};

/* leaf, CA, root of a PCK; or signer, root of a TCB signing chain. Owns everything in it. */
struct ph_chain {
    struct ph_x509 leaf, ca, root; /* ca is zero in a TCB signing chain */
    uint32_t facts;                /* enum ph_chain_fact */
    bool platform_ca;
    struct ph_sgx_ext sgx;             /* PCK chains with PH_FACT_SGX_EXT */
    struct ph_p256_pub *leaf_key;      /* NULL if the key is no point */
    struct ph_p256_pub *ca_key;        /* likewise; PCK chains only */
    struct ph_p256_pub *root_key;      /* likewise; TCB signing chains only */
    int64_t not_before_s, not_after_s; /* window in which all certificates are valid */
    struct ph_buf der;
};

/**
 * Parse a chain, PEM or concatenated DER, and gather its facts.
 *
 * @known  NULL, or a TCB signing chain that may hold the same root: a self-signature verified there
 *         is not verified again
 * @pem  untrusted; certificates of the roles in any order, each once; text around the blocks and
 *       NULs after them are allowed, as quotes carry them
 * @out  on PH_OK, freed with ph_chain_free; else untouched
 *
 * Returns PH_ERR_MALFORMED, PH_ERR_UNSUPPORTED (a certificate is out of profile for the parser),
 *         PH_ERR_LIMIT, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_chain_parse_pck(struct ph_bytes pem, const struct ph_chain *known,
                                          struct ph_chain **out);
PH_CHECKED enum ph_err ph_chain_parse_signer(struct ph_bytes pem, struct ph_chain **out);
void ph_chain_free(struct ph_chain *chain);
static inline void ph_chain_freep(struct ph_chain **chain)
{
    ph_chain_free(*chain);
}

/* Add the facts of a PCK CA's list to a PCK chain. */
void ph_chain_judge_crl(struct ph_chain *chain, const struct ph_crl *crl);

/* True if the list names this issuer and its key. */
bool ph_crl_is_of(const struct ph_crl *crl, const struct ph_x509 *issuer);

#endif
