#ifndef PH_CRYPTO_P256_H
#define PH_CRYPTO_P256_H

/* ECDSA over P-256 with SHA-256. Signatures are r || s, keys x || y, all big-endian.
 *
 * Verification accepts high s: real quotes carry it, and Intel does not normalise. A signature is
 * therefore never a replay key. r = 0, s = 0, r or s >= n, and points off the curve are refused.
 *
 * Verification is code of our own, in variable time, for public values only; what has a secret goes
 * to libcrypto: docs/adr/0006-own-ecdsa-verification.md.
 *
 * Layer: crypto. Spec: FIPS 186-5 §6. Tests: ecdsa_test.c, ecdsa_*_test.c, wycheproof_test.c.
 */

#include "base/bytes.h"

#include <stdbool.h>

enum { PH_P256_SCALAR_LEN = 32, PH_P256_PUB_LEN = 64, PH_P256_SIG_LEN = 64 };

/* A public key, its point decoded and checked, with multiples of it that verification adds up.
 * 4.2 KiB, in anyone's storage, copied by assignment; nothing to free. Once made, immutable: share
 * between threads. A zeroed one verifies nothing. */
enum { PH_P256_TABLES = 8, PH_P256_TABLE_POINTS = 8 };
struct ph_p256_point {
    uint64_t x[4], y[4];
};
struct ph_p256_pub {
    uint8_t xy[PH_P256_PUB_LEN];
    uint32_t blocks; /* tables in use: 1, all of them once prepared */
    struct ph_p256_point table[PH_P256_TABLES][PH_P256_TABLE_POINTS];
};

/* PH_ERR_MALFORMED: not a point on the curve, a coordinate not below p, or the point at infinity;
 * *pub then verifies nothing. Allocates nothing. */
PH_CHECKED enum ph_err ph_p256_pub_init(struct ph_p256_pub *pub,
                                        const uint8_t xy[static PH_P256_PUB_LEN]);
/* Fill the other tables, for a key of more than two verifications: this takes about as long as one,
 * and each is then done in two fifths of the time. Before the key is shared; a second call does
 * nothing. Allocates nothing. */
void ph_p256_pub_prepare(struct ph_p256_pub *pub);

/* The same on the heap. PH_ERR_MALFORMED as above, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_p256_pub_new(const uint8_t xy[static PH_P256_PUB_LEN],
                                       struct ph_p256_pub **out);
void ph_p256_pub_free(struct ph_p256_pub *pub);
void ph_p256_pub_bytes(const struct ph_p256_pub *pub, uint8_t xy[static PH_P256_PUB_LEN]);

/* PH_ERR_UNTRUSTED: the signature does not verify. Allocates nothing. */
PH_CHECKED enum ph_err ph_p256_verify_digest(const struct ph_p256_pub *pub,
                                             const uint8_t digest[static 32],
                                             const uint8_t sig[static PH_P256_SIG_LEN]);
/* The same over SHA-256 of a message. */
PH_CHECKED enum ph_err ph_p256_verify(const struct ph_p256_pub *pub, struct ph_bytes message,
                                      const uint8_t sig[static PH_P256_SIG_LEN]);

/* Sign with a raw scalar (1..n-1): used by keyd for TLS and by the simulator's test PKI.
 * PH_ERR_MALFORMED: the scalar is out of range. */
PH_CHECKED enum ph_err ph_p256_sign_digest(const uint8_t secret[static PH_P256_SCALAR_LEN],
                                           const uint8_t digest[static 32],
                                           uint8_t sig[static PH_P256_SIG_LEN]);
PH_CHECKED enum ph_err ph_p256_sign(const uint8_t secret[static PH_P256_SCALAR_LEN],
                                    struct ph_bytes message, uint8_t sig[static PH_P256_SIG_LEN]);
/* Public key of a scalar; PH_ERR_MALFORMED if out of range. */
PH_CHECKED enum ph_err ph_p256_public(const uint8_t secret[static PH_P256_SCALAR_LEN],
                                      uint8_t xy[static PH_P256_PUB_LEN]);

#endif
