#ifndef PH_ATTEST_SYNTH_SYNTH_RSA_H
#define PH_ATTEST_SYNTH_SYNTH_RSA_H

/* Certificates and revocation lists signed with RSASSA-PSS, for test PKIs: AMD's shape, under roots
 * of one's own.
 *
 * Layer: attest, tests only.
 */

#include "crypto/rsa.h"

#include <stdbool.h>

/* An extension that is not critical: dotted OID, what its OCTET STRING holds. */
struct ph_synth_rsa_ext {
    const char *oid;
    struct ph_bytes value;
};

struct ph_synth_rsa_cert {
    const char *subject, *issuer;        /* common names */
    const struct ph_rsa_key *key;        /* the certified key; NULL: a P-384 one: */
    const uint8_t *p384_secret;          /* 48 bytes, 1..n-1 */
    const struct ph_rsa_key *issuer_key; /* whose key identifier and, unless set, signature it is */
    const struct ph_rsa_key *signer;     /* NULL: the issuer's */
    int64_t not_before_s, not_after_s;
    uint32_t serial;
    bool is_ca, has_path_len;
    uint8_t path_len;
    uint8_t key_usage; /* the bits octet of the extension: 0x04 keyCertSign, 0x06; 0: none */
    bool no_aki, no_ski;
    bool short_ids; /* key identifiers of one byte */
    const struct ph_synth_rsa_ext *ext;
    size_t ext_cnt;
};

/* Append DER. PH_ERR_MALFORMED (the secret is out of range), PH_ERR_LIMIT, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_synth_rsa_cert_make(const struct ph_synth_rsa_cert *c,
                                              struct ph_buf *der);

struct ph_synth_rsa_crl {
    const char *issuer;
    const struct ph_rsa_key *issuer_key; /* whose key identifier and, unless set, signature it is */
    const struct ph_rsa_key *signer;     /* NULL: the issuer's */
    int64_t this_update_s, next_update_s;
    const uint32_t *revoked; /* serials */
    size_t revoked_cnt;
    bool long_aki; /* the key identifier is followed by issuer and serial */
};
PH_CHECKED enum ph_err ph_synth_rsa_crl_make(const struct ph_synth_rsa_crl *c, struct ph_buf *der);

/* SHA-256 of the DER SubjectPublicKeyInfo of a key: how roots are pinned. */
PH_CHECKED enum ph_err ph_synth_rsa_pin(const struct ph_rsa_key *key, uint8_t out[static 32]);

#endif
