#ifndef PH_ATTEST_X509_H
#define PH_ATTEST_X509_H

/* The X.509 v3 certificates of the attestation PKIs: each vendor's profile names the algorithms and
 * extensions it uses, and nothing wider is read. Every element in its one DER form.
 *
 * Layer: attest. Pure. Spec: RFC 5280 §4; RFC 4055 §3.1 (PSS); [PCK] Intel SGX PCK Certificate and
 * CRL Profile Specification, §1.3. Tests: x509_test.c, x509_fuzz.c.
 */

#include "base/bytes.h"

#include <stdbool.h>

/* Algorithms, as bits: a profile is a set of each. */
enum ph_x509_key_alg {
    PH_X509_KEY_P256 = 1 << 0, /* uncompressed points only */
    PH_X509_KEY_P384 = 1 << 1,
    PH_X509_KEY_RSA = 1 << 2, /* rsaEncryption */
};
enum ph_x509_sig_alg {
    PH_X509_SIG_ECDSA_SHA256 = 1 << 0, /* with a P-256 issuer: 64 bytes */
    PH_X509_SIG_ECDSA_SHA384 = 1 << 1, /* with a P-384 issuer: 96 bytes */
    PH_X509_SIG_PSS_SHA384 = 1 << 2,   /* RSASSA-PSS: SHA-384, MGF1-SHA-384, salt 48 */
    /* No algorithm: ECDSA may have NULL for parameters, as Mbed TLS 2 writes it. */
    PH_X509_SIG_NULL_PARAMS = 1 << 3,
};

/* What a vendor's certificates may use. */
struct ph_x509_profile {
    uint32_t key_algs, sig_algs;
    /* Contents octets of vendor extensions: kept in `vendor` by their index here, and known
     * when critical. At most PH_X509_VENDOR_MAX, the rest NULL views. */
    struct ph_bytes vendor[13];
    /* keyUsage and basicConstraints need not be critical, keyUsage may end in zero bits, names need
     * no commonName, and an authorityKeyIdentifier may name issuer and serial too. Intel's PKI is
     * stricter in all that. */
    bool loose_extensions;
    bool zero_serial; /* serial 0 is in use: AMD gives it to every signing key */
    /* Any curve with any hash: the signature stays in sig_bits, and sig is zero. */
    bool bare_signature;
    size_t max_len; /* of one certificate; 0: PH_X509_MAX */
};
extern const struct ph_x509_profile ph_x509_profile_intel; /* vendor[0]: SGX extension */

enum {
    PH_X509_VENDOR_MAX = 13,
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
    struct ph_bytes serial;  /* magnitude, big-endian, no leading zeros, 1..20 bytes;
                              * empty for 0, where the profile allows it */
    struct ph_bytes issuer;  /* DER Name */
    struct ph_bytes subject; /* DER Name */
    struct ph_bytes cn;      /* characters of the one commonName of the subject */
    struct ph_bytes aki;     /* keyIdentifier; empty if the extension is absent */
    struct ph_bytes ski;     /* likewise */
    struct ph_bytes vendor[PH_X509_VENDOR_MAX]; /* contents of the profile's vendor extensions */
    int64_t not_before_s, not_after_s;
    bool has_basic_constraints, is_ca;
    bool has_path_len;
    uint64_t path_len;
    bool has_key_usage;
    uint32_t key_usage; /* PH_X509_KU_*, bit n is KeyUsage bit n */
    enum ph_x509_key_alg key_alg;
    enum ph_x509_sig_alg sig_alg;
    struct ph_bytes spki;         /* the whole SubjectPublicKeyInfo: what a pin is the hash of */
    struct ph_bytes point;        /* EC: x || y, 64 or 96 bytes; not checked to be on the curve */
    struct ph_bytes rsa_n, rsa_e; /* RSA: big-endian magnitudes */
    uint8_t sig[96];              /* ECDSA: r || s, 64 or 96 bytes used */
    struct ph_bytes sig_bits;     /* the signature, as the certificate has it */
};

/**
 * Parse one DER certificate that fills `der`.
 *
 * @der  untrusted; must outlive *out
 * @out  written whole on PH_OK, else untouched
 *
 * Returns PH_ERR_LIMIT        longer than the profile allows
 *         PH_ERR_MALFORMED    breaks DER, X.509 v3 or the rules above
 *         PH_ERR_UNSUPPORTED  an algorithm, curve or critical extension outside the profile
 */
PH_CHECKED enum ph_err ph_x509_parse(const struct ph_x509_profile *profile, struct ph_bytes der,
                                     struct ph_x509 *out);

/* Shared with crl.c and OCSP: a signature's AlgorithmIdentifier, out of a set of algorithms; the
 * signature BIT STRING in the form of struct ph_x509; the keyIdentifier of an
 * AuthorityKeyIdentifier extension (`loose`: other members are allowed and ignored, and key_id
 * stays empty when absent). */
PH_CHECKED enum ph_err ph_x509_read_sig_alg(struct ph_reader *r, uint32_t allowed,
                                            enum ph_x509_sig_alg *alg, struct ph_bytes *whole);
PH_CHECKED enum ph_err ph_x509_read_sig(struct ph_reader *r, enum ph_x509_sig_alg alg,
                                        uint8_t sig[static 96], struct ph_bytes *sig_bits);
PH_CHECKED enum ph_err ph_x509_read_aki(struct ph_bytes value, bool loose, struct ph_bytes *key_id);
/* One Extension: OID contents, criticality, contents of the OCTET STRING. */
struct ph_x509_ext {
    struct ph_bytes oid, value;
    bool critical;
};
PH_CHECKED enum ph_err ph_x509_read_ext(struct ph_reader *r, struct ph_x509_ext *out);

#endif
