#ifndef PH_ATTEST_SYNTH_SYNTH_P384_H
#define PH_ATTEST_SYNTH_SYNTH_P384_H

/* P-384 for test PKIs: keys, signatures, and certificates of NVIDIA's and AWS's shape, under roots
 * of one's own.
 *
 * Layer: attest, tests only.
 */

#include "base/bytes.h"
#include "crypto/p384.h"

#include <stdbool.h>

/* As of crypto/p384.h, with secrets of 48 bytes. Tests ask for the same few keys and signatures
 * again and again, at a millisecond each: a thread makes one once, and keeps some hundreds. */
PH_CHECKED enum ph_err ph_synth_p384_public(const uint8_t secret[static 48],
                                            uint8_t out[static 96]);
PH_CHECKED enum ph_err ph_synth_p384_sign(const uint8_t secret[static 48], struct ph_bytes message,
                                          uint8_t sig[static 96]);
PH_CHECKED enum ph_err ph_synth_p384_sign_digest(const uint8_t secret[static 48],
                                                 const uint8_t digest[static 48],
                                                 uint8_t sig[static 96]);

struct ph_synth_p384_cert {
    const char *subject, *issuer; /* common names */
    const uint8_t *secret;        /* of the certified key: 48 bytes, 1..n-1 */
    const uint8_t *issuer_secret; /* whose key identifier and, unless set, signature it is */
    const uint8_t *signer_secret; /* NULL: the issuer's */
    int64_t not_before_s, not_after_s;
    bool is_ca, has_path_len;
    uint8_t path_len;
    uint64_t serial;            /* 0: some number */
    struct ph_bytes extensions; /* DER of further Extensions, one after the other */
    uint8_t key_usage; /* the bits octet of the extension: 0x80 digitalSignature, 0x06 CA */
    bool no_basic_constraints, no_key_usage, no_aki, no_ski, p256_sig_alg; /* faults */
};

/* Append DER. PH_ERR_MALFORMED (a secret out of range), PH_ERR_LIMIT, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_synth_p384_cert_make(const struct ph_synth_p384_cert *c,
                                               struct ph_buf *der);

/* SHA-256 of the DER SubjectPublicKeyInfo of a secret's key: how roots are pinned. */
PH_CHECKED enum ph_err ph_synth_p384_pin(const uint8_t secret[static 48], uint8_t out[static 32]);

#endif
