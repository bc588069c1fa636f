#ifndef PH_ATTEST_NVIDIA_OCSP_H
#define PH_ATTEST_NVIDIA_OCSP_H

/* OCSP responses: whether an authority still stands by a certificate. Parsing keeps what a response
 * claims; ph_ocsp_judge says which facts hold of it for one certificate.
 *
 * Not followed: SHA-1 in certificate ids (too weak to name an issuer by), more than one certificate
 * of the responder, responses that an authority far above the issuer signs.
 *
 * Layer: attest. Pure. Spec: RFC 6960 §4.2. Tests: ocsp_test.c, ocsp_fuzz.c.
 */

#include "attest/x509.h"

enum {
    PH_OCSP_MAX = 16 * 1024, /* bytes of a response; about 1,000 seen */
    PH_OCSP_SINGLES_MAX = 8, /* certificates that one response speaks of; 1 seen */
};

enum ph_ocsp_status { PH_OCSP_GOOD, PH_OCSP_REVOKED, PH_OCSP_UNKNOWN };

/* What a response says of one certificate. */
struct ph_ocsp_single {
    size_t hash_len; /* 32: SHA-256, 48: SHA-384 */
    struct ph_bytes issuer_name_hash, issuer_key_hash;
    struct ph_bytes serial; /* magnitude without leading zeros */
    enum ph_ocsp_status status;
    bool on_hold; /* revoked for the reason certificateHold: may be undone */
    int64_t this_update_s, next_update_s;
};

/* A parsed response: what it claims. Views point into the DER bytes, owned by someone else. */
struct ph_ocsp {
    struct ph_bytes tbs;              /* what the signature covers */
    struct ph_bytes responder_name;   /* DER Name; or empty, and the next */
    struct ph_bytes responder_key_id; /* SHA-1 of its key */
    int64_t produced_at_s;
    struct ph_ocsp_single single[PH_OCSP_SINGLES_MAX];
    size_t single_cnt;     /* at least 1 */
    struct ph_bytes nonce; /* contents of the extension; empty when absent */
    bool has_responder;    /* the responder's own certificate is inside */
    struct ph_x509 responder;
    uint8_t sig[96]; /* r || s: ECDSA P-384, SHA-384 */
};

/* @der must outlive *out, which is written whole on PH_OK and untouched otherwise.
 * PH_ERR_LIMIT: longer than PH_OCSP_MAX, or speaks of too many. PH_ERR_MALFORMED: breaks DER or RFC
 * 6960, or lacks nextUpdate. PH_ERR_UNSUPPORTED: not successful, another type, algorithm or hash,
 * an unknown critical extension. */
PH_CHECKED enum ph_err ph_ocsp_parse(struct ph_bytes der, struct ph_ocsp *out);

/* What the response says of a certificate of this issuer; NULL: nothing. */
const struct ph_ocsp_single *ph_ocsp_find(const struct ph_ocsp *ocsp, const struct ph_x509 *cert,
                                          const struct ph_x509 *issuer);

/* Facts about a response on certificates of `issuer`. */
struct ph_ocsp_facts {
    /* The issuer answers itself, or through a certificate of its own for this purpose:
     * id-kp-OCSPSigning, digitalSignature, no authority. RFC 6960 §4.2.2.2. */
    bool responder_allowed;
    bool signatures;                   /* of the response, and of the responder's certificate */
    int64_t not_before_s, not_after_s; /* of the responder's certificate; else without bounds */
};
struct ph_ocsp_facts ph_ocsp_judge(const struct ph_ocsp *ocsp, const struct ph_x509 *issuer);

#endif
