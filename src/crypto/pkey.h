#ifndef PH_CRYPTO_PKEY_H
#define PH_CRYPTO_PKEY_H

/* What the web's crypto.subtle needs, one C call per operation: digests, HMAC, AES-GCM, HKDF,
 * PBKDF2, ECDSA and ECDH over P-256, Ed25519, X25519, and keys in the raw, SPKI, PKCS #8 and JWK
 * formats. Used inside the sandbox on values that belong to the phat; the worker's own secrets
 * never come here. Call ph_crypto_init() (crypto/init.h) before the sandbox closes.
 *
 * Layer: crypto. Spec: W3C Web Cryptography API Level 2; RFC 8032, 7748, 8410, 5915, 5480, 7518.
 * Tests: pkey_test.c, pkey_fuzz.c.
 */

#include "base/bytes.h"

#include <stdbool.h>

/* Zero is no hash, and is refused with PH_ERR_UNSUPPORTED everywhere. */
enum ph_hash_alg { PH_HASH_NONE = 0, PH_HASH_SHA1, PH_HASH_SHA256, PH_HASH_SHA384, PH_HASH_SHA512 };
enum { PH_HASH_MAX_LEN = 64 };

/* "SHA-1", "SHA-256", "SHA-384" or "SHA-512", in any case (WebCrypto compares names so);
 * PH_HASH_NONE for any other name. */
enum ph_hash_alg ph_hash_by_name(struct ph_bytes name);
/* Bytes of a digest: 20, 32, 48, 64; 0 for PH_HASH_NONE. Block: 64, 64, 128, 128; the default
 * length of a generated HMAC key. */
size_t ph_hash_len(enum ph_hash_alg alg);
size_t ph_hash_block_len(enum ph_hash_alg alg);

/* Digest; writes ph_hash_len(alg) bytes. PH_ERR_UNSUPPORTED: alg is PH_HASH_NONE (so below). */
PH_CHECKED enum ph_err ph_hash(enum ph_hash_alg alg, struct ph_bytes data,
                               uint8_t out[static PH_HASH_MAX_LEN]);
/* HMAC with a key of any length; writes ph_hash_len(alg) bytes. */
PH_CHECKED enum ph_err ph_hmac(enum ph_hash_alg alg, struct ph_bytes key, struct ph_bytes data,
                               uint8_t out[static PH_HASH_MAX_LEN]);
/* PH_ERR_UNTRUSTED: mac is not the HMAC (any length other than ph_hash_len included). */
PH_CHECKED enum ph_err ph_hmac_verify(enum ph_hash_alg alg, struct ph_bytes key,
                                      struct ph_bytes data, struct ph_bytes mac);
/* RFC 5869 extract and expand. PH_ERR_LIMIT: out_len over 255 * ph_hash_len(alg). */
PH_CHECKED enum ph_err ph_hkdf(enum ph_hash_alg alg, struct ph_bytes ikm, struct ph_bytes salt,
                               struct ph_bytes info, uint8_t *out, size_t out_len);
/* RFC 8018 PBKDF2-HMAC. PH_ERR_MALFORMED: rounds is 0. It computes until it is done: the CPU limit
 * of the phat ends it. */
PH_CHECKED enum ph_err ph_pbkdf2(enum ph_hash_alg alg, struct ph_bytes password,
                                 struct ph_bytes salt, uint32_t rounds, uint8_t *out,
                                 size_t out_len);

/**
 * AES-GCM as WebCrypto means it: out receives ciphertext || tag.
 *
 * @key      16, 24 or 32 bytes
 * @iv       1 to 128 bytes (OpenSSL 3.0 takes no longer ones); 12 is the fast and the advised
 * length
 * @tag_len  bytes: 12, 13, 14, 15 or 16 (WebCrypto's tagLength / 8; its 32 and 64 bits are refused)
 * @out      seal: plain.len + tag_len bytes; open: sealed.len - tag_len bytes; may be the input's
 *           own storage
 * Returns   PH_ERR_MALFORMED    key length, or an empty iv
 *           PH_ERR_UNSUPPORTED  tag_len, or a longer iv
 *           PH_ERR_LIMIT        data over 2^31 - 1 bytes
 *           PH_ERR_UNTRUSTED    open: the tag is wrong, or sealed is shorter than a tag; out is
 * wiped PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_aesgcm_seal(struct ph_bytes key, struct ph_bytes iv, struct ph_bytes aad,
                                      size_t tag_len, struct ph_bytes plain, uint8_t *out);
PH_CHECKED enum ph_err ph_aesgcm_open(struct ph_bytes key, struct ph_bytes iv, struct ph_bytes aad,
                                      size_t tag_len, struct ph_bytes sealed, uint8_t *out);

/* A P-256 key serves ECDSA and ECDH alike: usages are the caller's to keep. */
enum ph_pkey_kind { PH_PKEY_P256 = 1, PH_PKEY_ED25519, PH_PKEY_X25519 };

/* A public key, or a private key with its public half. Immutable: share between threads. Private
 * bytes are wiped on free. */
struct ph_pkey;

PH_CHECKED enum ph_err ph_pkey_generate(enum ph_pkey_kind kind, struct ph_pkey **out);
/* The public half as a key of its own. */
PH_CHECKED enum ph_err ph_pkey_public(const struct ph_pkey *key, struct ph_pkey **out);
void ph_pkey_free(struct ph_pkey *key);
void ph_pkey_freep(struct ph_pkey **key);
enum ph_pkey_kind ph_pkey_kind(const struct ph_pkey *key);
bool ph_pkey_is_private(const struct ph_pkey *key);

/**
 * Import. Every form is checked whole: curve, point, scalar range, no bytes left over.
 *
 * raw    public only. P-256: 65 bytes (0x04 || x || y) or 33 (compressed); others: 32
 * spki   public only, DER SubjectPublicKeyInfo
 * pkcs8  private only, DER PrivateKeyInfo (version 1 or 2; attributes are ignored)
 * jwk    members already out of base64url; an absent member is {NULL, 0}. With d the key is private
 *        and x (and y) must be its public half. y is for P-256 only.
 *
 * Returns PH_ERR_MALFORMED    breaks the format, wrong length, not on the curve, scalar out of
 *                             range, or a public half that is not the private key's (a DataError)
 *         PH_ERR_UNSUPPORTED  well-formed DER of another algorithm or curve than `kind` (a
 * DataError) PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_pkey_import_raw(enum ph_pkey_kind kind, struct ph_bytes raw,
                                          struct ph_pkey **out);
PH_CHECKED enum ph_err ph_pkey_import_spki(enum ph_pkey_kind kind, struct ph_bytes der,
                                           struct ph_pkey **out);
PH_CHECKED enum ph_err ph_pkey_import_pkcs8(enum ph_pkey_kind kind, struct ph_bytes der,
                                            struct ph_pkey **out);
PH_CHECKED enum ph_err ph_pkey_import_jwk(enum ph_pkey_kind kind, struct ph_bytes x,
                                          struct ph_bytes y, struct ph_bytes d,
                                          struct ph_pkey **out);

/* Export, appended to `out`: raw is 65 bytes (uncompressed) or 32; spki 91 or 44; pkcs8 138 or 48.
 * raw and spki export the public half. PH_ERR_UNSUPPORTED: pkcs8 of a public key. */
PH_CHECKED enum ph_err ph_pkey_export_raw(const struct ph_pkey *key, struct ph_buf *out);
PH_CHECKED enum ph_err ph_pkey_export_spki(const struct ph_pkey *key, struct ph_buf *out);
PH_CHECKED enum ph_err ph_pkey_export_pkcs8(const struct ph_pkey *key, struct ph_buf *out);

/* The JWK members as bytes, each base64url in the JWK: crv is "P-256" (kty EC), "Ed25519" or
 * "X25519" (kty OKP). */
struct ph_pkey_jwk {
    uint8_t x[32];
    uint8_t y[32]; /* P-256 only, else zero */
    uint8_t d[32]; /* private keys only, else zero; the caller wipes it */
};
void ph_pkey_export_jwk(const struct ph_pkey *key, struct ph_pkey_jwk *out);

/* ECDSA over P-256: hash, then sign; sig is r || s (IEEE P1363, as WebCrypto has it).
 * PH_ERR_UNSUPPORTED: not a private P-256 key, or PH_HASH_NONE. */
PH_CHECKED enum ph_err ph_pkey_ecdsa_sign(const struct ph_pkey *key, enum ph_hash_alg alg,
                                          struct ph_bytes message, uint8_t sig[static 64]);
/* PH_ERR_UNTRUSTED: does not verify (a length other than 64 included). PH_ERR_UNSUPPORTED: not a
 * P-256 key, or PH_HASH_NONE. */
PH_CHECKED enum ph_err ph_pkey_ecdsa_verify(const struct ph_pkey *key, enum ph_hash_alg alg,
                                            struct ph_bytes message, struct ph_bytes sig);
/* Ed25519 (pure). Errors as for ECDSA. */
PH_CHECKED enum ph_err ph_pkey_ed25519_sign(const struct ph_pkey *key, struct ph_bytes message,
                                            uint8_t sig[static 64]);
PH_CHECKED enum ph_err ph_pkey_ed25519_verify(const struct ph_pkey *key, struct ph_bytes message,
                                              struct ph_bytes sig);
/* ECDH P-256 (the x coordinate) or X25519. PH_ERR_UNSUPPORTED: not a private key, or the peer is of
 * another kind, or Ed25519. PH_ERR_UNTRUSTED: the shared secret would be all zero. */
PH_CHECKED enum ph_err ph_pkey_derive(const struct ph_pkey *key, const struct ph_pkey *peer,
                                      uint8_t shared[static 32]);

#endif
