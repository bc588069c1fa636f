#ifndef PH_KEYS_HPKE_H
#define PH_KEYS_HPKE_H

/* Single-shot hybrid public-key encryption: base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
 * AES-256-GCM. How owners send secrets, and callers requests, to a worker's X25519 key.
 *
 * A message is enc (32 bytes, the ephemeral public key) || ciphertext || tag.
 *
 * Layer: keys. Pure but for ph_hpke_seal's ephemeral key. Spec: RFC 9180 §5.1.1, §6.1. Tests:
 * hpke_test.c (RFC 9180 A.1.1, and the same suite with AES-256-GCM).
 */

#include "base/bytes.h"

enum { PH_HPKE_ENC_LEN = 32, PH_HPKE_OVERHEAD = 32 + 16 };

/* The AEADs of RFC 9180 §7.3 that are made here. Everything of ours uses AES-256-GCM; AES-128-GCM
 * is what the RFC has vectors for. */
enum ph_hpke_aead { PH_HPKE_AES128GCM = 1, PH_HPKE_AES256GCM = 2 };

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
