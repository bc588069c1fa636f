#ifndef PH_KEYS_HPKE_H
#define PH_KEYS_HPKE_H

/* Hybrid public-key encryption: base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256. Single-shot
 * messages with AES-256-GCM are how owners send secrets to a worker's X25519 key; contexts, of
 * which one message is sealed and one secret exported, carry Oblivious HTTP (keys/ohttp.h).
 *
 * A single-shot message is enc (32 bytes, the ephemeral public key) || ciphertext || tag.
 *
 * Layer: keys. Pure but for ph_hpke_seal's ephemeral key. Spec: RFC 9180 §5.1.1, §5.3, §6.1. Tests:
 * hpke_test.c (RFC 9180 A.1.1, A.2.1, and the same suite with AES-256-GCM).
 */

#include "base/bytes.h"

enum { PH_HPKE_ENC_LEN = 32, PH_HPKE_OVERHEAD = 32 + 16 };

/* RFC 9180 §7.1, §7.2: the KEM and the KDF of everything here. */
enum { PH_HPKE_KEM_X25519 = 0x0020, PH_HPKE_KDF_SHA256 = 0x0001 };
/* The AEADs of RFC 9180 §7.3. Owners' secrets use AES-256-GCM only. */
enum ph_hpke_aead { PH_HPKE_AES128GCM = 1, PH_HPKE_AES256GCM = 2, PH_HPKE_CHACHA20POLY1305 = 3 };

/* What both ends of a context share. Wipe it. */
struct ph_hpke_context {
    enum ph_hpke_aead aead;
    size_t key_len;  /* 16 or 32 */
    uint8_t key[32]; /* of the first message, with `nonce` */
    uint8_t nonce[12];
    uint8_t exporter[32]; /* exporter_secret */
};

/**
 * The recipient's context for `enc` (SetupBaseR), or the sender's with the ephemeral secret given
 * (SetupBaseS), which writes `enc`.
 *
 * @public     the public half of `secret`
 * Returns PH_ERR_UNSUPPORTED  aead is none of the three
 *         PH_ERR_UNTRUSTED    the peer's key is a low-order point
 *         PH_ERR_LIMIT        info longer than 1,024 bytes
 *         PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_hpke_receive(enum ph_hpke_aead aead, const uint8_t secret[static 32],
                                       const uint8_t public[static 32],
                                       const uint8_t enc[static 32], struct ph_bytes info,
                                       struct ph_hpke_context *out);
PH_CHECKED enum ph_err ph_hpke_send(enum ph_hpke_aead aead, const uint8_t ephemeral[static 32],
                                    const uint8_t recipient[static 32], struct ph_bytes info,
                                    uint8_t enc[static 32], struct ph_hpke_context *out);
/* Context.Export: `len` of at most 32 bytes. */
void ph_hpke_export(const struct ph_hpke_context *context, struct ph_bytes exporter_context,
                    uint8_t *out, size_t len);
/* Bytes of an AEAD's key; 0: none of the three. */
size_t ph_hpke_key_len(enum ph_hpke_aead aead);
/* One AEAD message under a key of ph_hpke_key_len bytes: sealed.len is plain.len + 16.
 * PH_ERR_UNTRUSTED: altered, or another key. PH_ERR_MALFORMED: shorter than a tag.
 * PH_ERR_UNSUPPORTED, PH_ERR_LIMIT, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_hpke_aead_seal(enum ph_hpke_aead aead, const uint8_t *key,
                                         const uint8_t nonce[static 12], struct ph_bytes aad,
                                         struct ph_bytes plain, uint8_t *out);
PH_CHECKED enum ph_err ph_hpke_aead_open(enum ph_hpke_aead aead, const uint8_t *key,
                                         const uint8_t nonce[static 12], struct ph_bytes aad,
                                         struct ph_bytes sealed, uint8_t *out);

/**
 * Encrypt to a public key.
 *
 * @recipient  X25519 public key
 * @info, @aad what the message is for, and what it is bound to; both sides must agree
 * @out        plain.len + PH_HPKE_OVERHEAD bytes
 *
 * Returns PH_ERR_UNTRUSTED  the recipient's key is a low-order point
 *         PH_ERR_LIMIT      info longer than 1,024 bytes
 *         PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_hpke_seal(const uint8_t recipient[static 32], struct ph_bytes info,
                                    struct ph_bytes aad, struct ph_bytes plain, uint8_t *out);
/* The same with the ephemeral secret given: a secret used twice breaks both messages, so outside of
 * tests ph_hpke_seal is the one to call. */
PH_CHECKED enum ph_err ph_hpke_seal_with_ephemeral(enum ph_hpke_aead aead,
                                                   const uint8_t ephemeral[static 32],
                                                   const uint8_t recipient[static 32],
                                                   struct ph_bytes info, struct ph_bytes aad,
                                                   struct ph_bytes plain, uint8_t *out);

/**
 * Decrypt with the recipient's secret.
 *
 * @out  message.len - PH_HPKE_OVERHEAD bytes
 *
 * Returns PH_ERR_MALFORMED  shorter than PH_HPKE_OVERHEAD
 *         PH_ERR_UNTRUSTED  not encrypted to this key, or for another info or aad, or altered
 *         PH_ERR_LIMIT, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_hpke_open(enum ph_hpke_aead aead, const uint8_t secret[static 32],
                                    struct ph_bytes info, struct ph_bytes aad,
                                    struct ph_bytes message, uint8_t *out);

#endif
