#ifndef PH_CRYPTO_AEAD_H
#define PH_CRYPTO_AEAD_H

/* AES-256-GCM, ChaCha20-Poly1305, HKDF-SHA256, HMAC-SHA256, PBKDF2/scrypt, X25519, AES-128-CTR
 * (keystore files), randomness.
 *
 * Layer: crypto. Spec: SP 800-38D, RFC 8439, RFC 5869, RFC 2104, RFC 8018, RFC 7914, RFC 7748.
 * Tests: aead_test.c, hmac_test.c.
 */

#include "base/bytes.h"

enum {
    PH_AES256_KEY_LEN = 32,
    PH_GCM_NONCE_LEN = 12,
    PH_GCM_TAG_LEN = 16,
    PH_X25519_LEN = 32,
    PH_SCRYPT_MEM_MAX = 1 << 30, /* bytes one ph_scrypt may take; geth writes 2^28 */
};

/* out receives plain.len + 16 bytes: ciphertext || tag. A (key, nonce) pair must never repeat. */
PH_CHECKED enum ph_err ph_aes256gcm_seal(const uint8_t key[static PH_AES256_KEY_LEN],
                                         const uint8_t nonce[static PH_GCM_NONCE_LEN],
                                         struct ph_bytes aad, struct ph_bytes plain, uint8_t *out);
/* sealed = ciphertext || tag; out receives sealed.len - 16 bytes.
 * PH_ERR_UNTRUSTED: the tag is wrong (out is then wiped). PH_ERR_MALFORMED: shorter than a tag. */
PH_CHECKED enum ph_err ph_aes256gcm_open(const uint8_t key[static PH_AES256_KEY_LEN],
                                         const uint8_t nonce[static PH_GCM_NONCE_LEN],
                                         struct ph_bytes aad, struct ph_bytes sealed, uint8_t *out);

/* ChaCha20-Poly1305 (RFC 8439): the same lengths, the same rules, the same errors. */
PH_CHECKED enum ph_err ph_chacha20poly1305_seal(const uint8_t key[static 32],
                                                const uint8_t nonce[static 12], struct ph_bytes aad,
                                                struct ph_bytes plain, uint8_t *out);
PH_CHECKED enum ph_err ph_chacha20poly1305_open(const uint8_t key[static 32],
                                                const uint8_t nonce[static 12], struct ph_bytes aad,
                                                struct ph_bytes sealed, uint8_t *out);

/* Extract-then-expand. out_len at most 255 * 32. */
PH_CHECKED enum ph_err ph_hkdf_sha256(struct ph_bytes ikm, struct ph_bytes salt,
                                      struct ph_bytes info, uint8_t *out, size_t out_len);
void ph_hmac_sha256(struct ph_bytes key, struct ph_bytes data, uint8_t out[static 32]);

PH_CHECKED enum ph_err ph_x25519_public(const uint8_t secret[static PH_X25519_LEN],
                                        uint8_t out[static PH_X25519_LEN]);
/* PH_ERR_UNTRUSTED: the shared secret would be all zero (low-order peer point). */
PH_CHECKED enum ph_err ph_x25519(const uint8_t secret[static PH_X25519_LEN],
                                 const uint8_t peer[static PH_X25519_LEN],
                                 uint8_t shared[static PH_X25519_LEN]);

/* Web3 Secret Storage v3 needs these three.
 *
 * scrypt: n a power of two above 1, r and p at least 1, else PH_ERR_MALFORMED; PH_ERR_LIMIT: needs
 * more than PH_SCRYPT_MEM_MAX. pbkdf2: PH_ERR_MALFORMED: rounds is 0. All: PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_scrypt(struct ph_bytes password, struct ph_bytes salt, uint64_t n,
                                 uint32_t r, uint32_t p, uint8_t *out, size_t out_len);
PH_CHECKED enum ph_err ph_pbkdf2_sha256(struct ph_bytes password, struct ph_bytes salt,
                                        uint32_t rounds, uint8_t *out, size_t out_len);
PH_CHECKED enum ph_err ph_aes128ctr(const uint8_t key[static 16], const uint8_t iv[static 16],
                                    struct ph_bytes in, uint8_t *out);

/* Fill from the kernel's generator (getrandom). Never fails on a running system; aborts if it
 * would. */
void ph_random(void *out, size_t len);

#endif
