#ifndef PH_CRYPTO_P384_H
#define PH_CRYPTO_P384_H

/* ECDSA over P-384 with SHA-384. Signatures are r || s, keys x || y, all big-endian.
 *
 * As in p256.h: high s is accepted, so a signature is never a replay key; r = 0, s = 0, r or s >=
 * n, and points off the curve are refused. Signing serves the test PKI.
 * Verification is code of our own, as there.
 *
 * Layer: crypto. Spec: FIPS 186-5 §6, curve in SP 800-186 §3.2.1.4. Tests: ecdsa_test.c,
 * ecdsa_*_test.c, wycheproof_test.c.
 */

#include "base/bytes.h"

enum { PH_P384_SCALAR_LEN = 48, PH_P384_PUB_LEN = 96, PH_P384_SIG_LEN = 96 };

/* A public key, its point decoded and checked, with multiples of it that verification adds up.
 * 6.3 KiB, in anyone's storage, copied by assignment; nothing to free. Once made, immutable: share
 * between threads. A zeroed one verifies nothing. */
enum { PH_P384_TABLES = 8, PH_P384_TABLE_POINTS = 8 };
struct ph_p384_point {
    uint64_t x[6], y[6];
};
struct ph_p384_pub {
    uint8_t xy[PH_P384_PUB_LEN];
    uint32_t blocks; /* tables in use: 1, all of them once prepared */
    struct ph_p384_point table[PH_P384_TABLES][PH_P384_TABLE_POINTS];
};

/* PH_ERR_MALFORMED: not a point on the curve, a coordinate not below p, or the point at infinity;
 * *pub then verifies nothing. Allocates nothing. */
PH_CHECKED enum ph_err ph_p384_pub_init(struct ph_p384_pub *pub,
                                        const uint8_t xy[static PH_P384_PUB_LEN]);
/* Fill the other tables, for a key of more than two verifications: this takes about as long as one,
 * and each is then done in two fifths of the time. Before the key is shared; a second call does
 * nothing. Allocates nothing. */
void ph_p384_pub_prepare(struct ph_p384_pub *pub);

/* The same on the heap. PH_ERR_MALFORMED as above, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_p384_pub_new(const uint8_t xy[static PH_P384_PUB_LEN],
                                       struct ph_p384_pub **out);
void ph_p384_pub_free(struct ph_p384_pub *pub);
void ph_p384_pub_bytes(const struct ph_p384_pub *pub, uint8_t xy[static PH_P384_PUB_LEN]);

/* PH_ERR_UNTRUSTED: the signature does not verify. Allocates nothing. */
PH_CHECKED enum ph_err ph_p384_verify_digest(const struct ph_p384_pub *pub,
                                             const uint8_t digest[static 48],
                                             const uint8_t sig[static PH_P384_SIG_LEN]);
/* The same over SHA-384 of a message. */
PH_CHECKED enum ph_err ph_p384_verify(const struct ph_p384_pub *pub, struct ph_bytes message,
                                      const uint8_t sig[static PH_P384_SIG_LEN]);

/* Sign with a raw scalar (1..n-1). PH_ERR_MALFORMED: the scalar is out of range. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_p384_sign_digest(const uint8_t secret[static PH_P384_SCALAR_LEN],
                                           const uint8_t digest[static 48],
                                           uint8_t sig[static PH_P384_SIG_LEN]);
PH_CHECKED enum ph_err ph_p384_sign(const uint8_t secret[static PH_P384_SCALAR_LEN],
                                    struct ph_bytes message, uint8_t sig[static PH_P384_SIG_LEN]);
/* Public key of a scalar; PH_ERR_MALFORMED if out of range. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_p384_public(const uint8_t secret[static PH_P384_SCALAR_LEN],
                                      uint8_t xy[static PH_P384_PUB_LEN]);

#endif
