#ifndef PH_CODEC_CERT_PUT_H
#define PH_CODEC_CERT_PUT_H

/* A writer of X.509 v3 certificates signed with ECDSA and SHA-256: the worker's own, and those of
 * programs beside it. Whoever holds the issuer's key signs between the two halves:
 *
 *   ph_cert_put_tbs(&c, &tbs)     SHA-256 of tbs → signature, DER
 *   ph_cert_put(tbs, sig, &cert)
 *
 * Layer: codec. Spec: RFC 5280 §4; RFC 5480 §2. Tests: cert_put_test.c.
 */

#include "base/bytes.h"

#include <stdbool.h>

enum {
    PH_CERT_PUT_MAX = 32 * 1024, /* bytes of what is written here */
    PH_CERT_SPKI_P256_LEN = 91,
    PH_CERT_SERIAL_MAX = 20,
};

struct ph_cert_name {
    const char *organization, *common_name; /* UTF-8; NULL: left out */
};
struct ph_cert_ext {
    const char *oid; /* dotted */
    struct ph_bytes value;
};
enum ph_cert_usage {
    PH_CERT_USAGE_NONE,      /* no keyUsage: any use */
    PH_CERT_USAGE_SIGNATURE, /* digitalSignature */
    PH_CERT_USAGE_CA,        /* the same, keyCertSign and cRLSign; basicConstraints with path_len */
};

/* All borrowed. */
struct ph_cert {
    struct ph_bytes serial; /* magnitude, 1 to PH_CERT_SERIAL_MAX bytes, not all zero */
    struct ph_cert_name issuer, subject;
    int64_t not_before_s, not_after_s;
    struct ph_bytes spki; /* SubjectPublicKeyInfo, DER */
    enum ph_cert_usage usage;
    uint8_t path_len;
    bool server_auth, client_auth; /* extendedKeyUsage; neither: left out */
    const char *const *alt_names;  /* addresses in their text form become iPAddress, the rest
                                      dNSName */
    size_t alt_name_cnt;
    const struct ph_cert_ext *ext;
    size_t ext_cnt;
};

/* SubjectPublicKeyInfo of a P-256 key x || y. */
void ph_cert_spki_p256(const uint8_t xy[static 64], uint8_t out[static PH_CERT_SPKI_P256_LEN]);
/* Append the TBSCertificate. PH_ERR_MALFORMED: a serial that is none, an OID that is none, or an
 * alternative name that is empty or not printable ASCII. PH_ERR_LIMIT, PH_ERR_NOMEM; `out` is then
 * unchanged. */
PH_CHECKED enum ph_err ph_cert_put_tbs(const struct ph_cert *c, struct ph_buf *out);
/* Append the certificate; @sig is ECDSA-Sig-Value. PH_ERR_LIMIT, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_cert_put(struct ph_bytes tbs, struct ph_bytes sig, struct ph_buf *out);

#endif
