#ifndef PH_ATTEST_CRL_H
#define PH_ATTEST_CRL_H

/* Complete X.509 v2 certificate revocation lists of the attestation PKIs. Delta and indirect
 * lists are refused: their critical extensions are unknown here.
 *
 * Layer: attest. Pure. Spec: RFC 5280 §5; [PCK] §1.4. Tests: crl_test.c, crl_fuzz.c.
 */

#include "attest/x509.h"

enum { PH_CRL_MAX = 1024 * 1024 };

/* A parsed list: what it claims. Views point into the DER bytes, owned by someone else. */
struct ph_crl {
    struct ph_bytes tbs;     /* what the signature covers */
    struct ph_bytes issuer;  /* DER Name */
    struct ph_bytes aki;     /* keyIdentifier; never empty */
    bool has_number;         /* cRLNumber is there, once */
    struct ph_bytes entries; /* contents of revokedCertificates, checked; empty if absent */
    int64_t this_update_s, next_update_s;
    enum ph_x509_sig_alg sig_alg;
    uint8_t sig[96];          /* as in struct ph_x509 */
    struct ph_bytes sig_bits; /* likewise */
};

/* @sig_algs: set of enum ph_x509_sig_alg. @der must outlive *out, which is written whole on PH_OK
 * and untouched otherwise. PH_ERR_LIMIT: longer than PH_CRL_MAX. PH_ERR_MALFORMED: breaks DER, or
 * lacks nextUpdate, cRLNumber or authorityKeyIdentifier. PH_ERR_UNSUPPORTED: another version or
 * algorithm, or an unknown critical extension. */
PH_CHECKED enum ph_err ph_crl_parse(uint32_t sig_algs, struct ph_bytes der, struct ph_crl *out);

/* True if the list names this serial (magnitude without leading zeros). */
bool ph_crl_has(const struct ph_crl *crl, struct ph_bytes serial);

#endif
