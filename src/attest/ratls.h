#ifndef PH_ATTEST_RATLS_H
#define PH_ATTEST_RATLS_H

/* RA-TLS: X.509 certificates whose key is proved by evidence inside them. Read are
 *
 *   TCG     extension 2.23.133.5.4.9 (DICE tagged evidence), CBOR: tag([quote, claims]), where
 *           claims is a map in a byte string with "pubkey-hash": [hash id, hash of the
 *           SubjectPublicKeyInfo], and the report data is SHA-256(claims) and 32 zero bytes
 *   dstack  extension 1.3.6.1.4.1.62397.1.1 (TDX quote) or .8 (binary attestation), where the
 *           report data is SHA-512("ratls-cert:" || SubjectPublicKeyInfo)
 *
 * With both, the TCG one counts: of a Phala worker it alone is the worker's own word, since
 * programs beside it may have quotes over data of 64 bytes (docs/guest-agent.md).
 *
 * Who holds the certificate's key is proved by the TLS handshake alone; a certificate in a file
 * proves that the key was made inside the TEE, and nothing about who sends it.
 *
 * Layer: attest. Pure. Spec: TCG DICE Attestation Architecture §6; CCC Attestation SIG,
 * Interoperable RA-TLS; dstack, ra-tls/src. Tests: ratls_test.c, ratls_fuzz.c.
 */

#include "attest/evidence.h"
#include "attest/x509.h"

enum ph_ratls_form {
    PH_RATLS_TCG = 1,
    PH_RATLS_DSTACK,
};
/* "tcg-dice", "dstack". */
const char *ph_ratls_form_name(enum ph_ratls_form form);

enum {
    PH_RATLS_TAG_INTEL = 60000,  /* IANA's registry of CBOR tags: TEE quotes of SGX and TDX */
    PH_RATLS_TAG_SNP = 0x1a7504, /* not registered: of RATS-TLS */
    PH_RATLS_CLAIMS_MAX = 1024,
    PH_RATLS_CERTIFICATE_MAX = 32 * 1024, /* there may be two quotes in it */
};

enum ph_ratls_signature {
    PH_RATLS_BY_ISSUER,  /* names another issuer, whom nobody here judges */
    PH_RATLS_BY_ITSELF,  /* its own key's signature holds */
    PH_RATLS_BY_NEITHER, /* names itself, but its key has not signed it */
};

/* What a certificate claims; owns what its views point into. */
struct ph_ratls {
    struct ph_buf der;
    struct ph_x509 cert;
    enum ph_ratls_signature signature;
    enum ph_ratls_form form;
    bool names_key;          /* TCG: the claims have the hash of this certificate's key */
    struct ph_bytes nonce;   /* TCG: of the claims; empty: none */
    struct ph_bytes app_id;  /* dstack's extension .3; empty: none */
    uint8_t report_data[64]; /* what the evidence must have signed */
    struct ph_evidence_bundle *evidence;
};

/* True if bytes are a certificate, DER or PEM, by their beginning. */
bool ph_ratls_is_certificate(struct ph_bytes bytes);

/**
 * Open a certificate with evidence.
 *
 * @bytes  untrusted, DER or PEM, of which the first certificate counts; borrowed for the call
 * @out    on PH_OK, freed by the caller with ph_ratls_free; else untouched
 * @why    written when refused
 *
 * Returns PH_ERR_NOT_FOUND    a certificate without evidence
 *         PH_ERR_MALFORMED    no certificate, an extension twice, or evidence that breaks its
 * format PH_ERR_UNSUPPORTED  a key that is neither P-256 nor P-384, a signature that is no ECDSA,
 *                             evidence or a hash of an unknown kind
 *         PH_ERR_LIMIT        longer than PH_RATLS_CERTIFICATE_MAX
 *         PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_ratls_open(struct ph_bytes bytes, struct ph_ratls **out,
                                     struct ph_json_why *why);
void ph_ratls_free(struct ph_ratls *ratls);
static inline void ph_ratls_freep(struct ph_ratls **ratls)
{
    ph_ratls_free(*ratls);
}

/**
 * Decide whether the evidence in a certificate proves what the policy asks, for the certificate's
 * key, at one moment: dates and signature of the certificate first, then the evidence.
 *
 * @args  as for ph_evidence_verify. Of args->evidence only what the quote is judged with counts
 *        (NULL: nothing); report data and nonce are the certificate's own and must not be given
 * @out   always written whole; valid_until_s is not after the certificate's end
 *
 * Returns what ph_evidence_verify returns
 */
PH_CHECKED enum ph_err ph_ratls_verify(const struct ph_ratls *ratls,
                                       const struct ph_evidence_args *args, struct ph_verdict *out);

/* {"kind":"ra-tls-certificate",…,"evidence":{…}}: what it says, unproved. Errors as
 * ph_evidence_show. */
PH_CHECKED enum ph_err ph_ratls_show(const struct ph_ratls *ratls, struct ph_jput *out,
                                     const char *key, struct ph_json_why *why);

/* --- making one ------------------------------------------------------------------------------ */

/* The claims of a key, and what a quote must be over to vouch for them. Appended. */
PH_CHECKED enum ph_err ph_ratls_claims(struct ph_bytes spki, struct ph_buf *out,
                                       uint8_t report_data[static 64]);
/* The value of the TCG extension: of a quote by Intel's hardware, or a report by AMD's. Appended.
 * PH_ERR_UNSUPPORTED: another kind. */
PH_CHECKED enum ph_err ph_ratls_tagged_evidence(enum ph_evidence_kind kind, struct ph_bytes quote,
                                                struct ph_bytes claims, struct ph_buf *out);
/* What a quote must be over to vouch for a key in dstack's manner. */
void ph_ratls_dstack_report_data(struct ph_bytes spki, uint8_t report_data[static 64]);

#define PH_RATLS_OID_TAGGED_EVIDENCE "2.23.133.5.4.9"
#define PH_RATLS_OID_DSTACK "1.3.6.1.4.1.62397.1." /* 1 quote, 2 event log, 3 app id, … */

#endif
