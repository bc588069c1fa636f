#ifndef PH_ATTEST_X509_H
#define PH_ATTEST_X509_H

/* The X.509 v3 certificates of Intel's attestation PKI, and nothing wider: P-256 keys,
 * ecdsa-with-SHA256, every element in its one DER form, unknown critical extensions refused.
 *
 * Layer: attest. Pure. Spec: RFC 5280 §4; [PCK] Intel SGX PCK Certificate and CRL Profile
 * Specification, §1.3. Tests: x509_test.c, x509_fuzz.c.
 */

#include "base/bytes.h"

#include <stdbool.h>

enum {
    PH_X509_MAX = 16 * 1024, /* bytes of one certificate */
    PH_X509_KU_DIGITAL_SIGNATURE = 1 << 0,
    PH_X509_KU_NON_REPUDIATION = 1 << 1,
    PH_X509_KU_CERT_SIGN = 1 << 5,
    PH_X509_KU_CRL_SIGN = 1 << 6,
};

/* A parsed certificate: what it claims. Views point into the DER bytes, owned by someone else. */
struct ph_x509 {
    struct ph_bytes whole;   /* the certificate */
    struct ph_bytes tbs;     /* what the signature covers */
    struct ph_bytes serial;  /* magnitude, big-endian, no leading zeros, 1..20 bytes */
    struct ph_bytes issuer;  /* DER Name */
    struct ph_bytes subject; /* DER Name */
    struct ph_bytes cn;      /* characters of the one commonName of the subject */
    struct ph_bytes aki;     /* keyIdentifier; empty if the extension is absent */
    struct ph_bytes ski;     /* likewise */
    struct ph_bytes sgx;     /* contents of Intel's SGX extension; empty if absent */
    int64_t not_before_s, not_after_s;
    bool has_basic_constraints, is_ca;
    bool has_path_len;
    uint64_t path_len;
    bool has_key_usage;
    uint32_t key_usage; /* PH_X509_KU_*, bit n is KeyUsage bit n */
    uint8_t key[64];    /* x || y */
    uint8_t sig[64];    /* r || s */
};

/**
 * Parse one DER certificate that fills `der`.
 *
 * @der  untrusted; must outlive *out
 * @out  written whole on PH_OK, else untouched
 *
 * Returns PH_ERR_LIMIT        longer than PH_X509_MAX
 *         PH_ERR_MALFORMED    breaks DER, X.509 v3 or the rules above
 *         PH_ERR_UNSUPPORTED  another algorithm or curve, or an unknown critical extension
 */
PH_CHECKED enum ph_err ph_x509_parse(struct ph_bytes der, struct ph_x509 *out);

/* Shared with crl.c: AlgorithmIdentifier of ecdsa-with-SHA256 without parameters; the signature
 * BIT STRING; the keyIdentifier of an AuthorityKeyIdentifier extension. */
PH_CHECKED enum ph_err ph_x509_read_sig_alg(struct ph_reader *r, struct ph_bytes *whole);
PH_CHECKED enum ph_err ph_x509_read_sig(struct ph_reader *r, uint8_t sig[static 64]);
PH_CHECKED enum ph_err ph_x509_read_aki(struct ph_bytes value, struct ph_bytes *key_id);
/* One Extension: OID contents, criticality, contents of the OCTET STRING. */
struct ph_x509_ext {
    struct ph_bytes oid, value;
    bool critical;
};
PH_CHECKED enum ph_err ph_x509_read_ext(struct ph_reader *r, struct ph_x509_ext *out);

#endif
