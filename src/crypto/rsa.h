#ifndef PH_CRYPTO_RSA_H
#define PH_CRYPTO_RSA_H

/* RSASSA-PSS with SHA-384, MGF1 with SHA-384 and a salt of 48 bytes: what AMD signs its
 * certificates with. No other hash, salt or padding is accepted.
 *
 * Layer: crypto. Spec: RFC 8017 §8.1, §9.1. Tests: rsa_test.c.
 */

#include "base/bytes.h"

enum {
    PH_RSA_MIN_BITS = 2048,
    PH_RSA_MAX_BITS = 4096,
    PH_RSA_MAX_LEN = PH_RSA_MAX_BITS / 8,
    PH_RSA_MAX_E_LEN = 4,
};

/* A public key. Immutable: share between threads. */
struct ph_rsa_pub;

/* n and e are big-endian magnitudes without leading zeros, n as long as a signature.
 * PH_ERR_MALFORMED: a leading zero, an even number, e below 3 or above 32 bits.
 * PH_ERR_UNSUPPORTED: n outside 2048..4096 bits. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_rsa_pub_new(struct ph_bytes n, struct ph_bytes e,
                                      struct ph_rsa_pub **out);
void ph_rsa_pub_free(struct ph_rsa_pub *pub);

/* PH_ERR_UNTRUSTED: the signature does not verify, or is not exactly as long as n. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_rsa_pss384_verify(const struct ph_rsa_pub *pub, struct ph_bytes message,
                                            struct ph_bytes sig);

/* A private key, for the test PKI. */
struct ph_rsa_key;

/* e is 65537. PH_ERR_UNSUPPORTED: bits outside 2048..4096. PH_ERR_NOMEM. Takes 0.1 s to seconds. */
PH_CHECKED enum ph_err ph_rsa_key_generate(unsigned bits, struct ph_rsa_key **out);
void ph_rsa_key_free(struct ph_rsa_key *key);
/* The public half, as ph_rsa_pub_new takes it; borrowed from the key. */
struct ph_bytes ph_rsa_key_n(const struct ph_rsa_key *key);
struct ph_bytes ph_rsa_key_e(const struct ph_rsa_key *key);
/* `sig` receives as many bytes as n has, told in *sig_len. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_rsa_pss384_sign(const struct ph_rsa_key *key, struct ph_bytes message,
                                          uint8_t sig[static PH_RSA_MAX_LEN], size_t *sig_len);

#endif
