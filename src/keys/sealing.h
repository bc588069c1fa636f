#ifndef PH_KEYS_SEALING_H
#define PH_KEYS_SEALING_H

/* Every key of a worker, derived from its 32-byte master key with HKDF-SHA256, one label per
 * purpose; and the blob that keeps the master key on disk.
 *
 *   key = HKDF-SHA256(ikm = master, salt = "phala-keys-v1", info = label || context || u8 try)
 *
 * Scalars take try = 0, 1, … until the value lies in 1..n-1; other keys have try = 0.
 *
 * Layer: keys. Pure. Labels and vectors: docs/keys.md. Tests: sealing_test.c.
 */

#include "base/bytes.h"
#include "base/ids.h"

enum { PH_MASTER_LEN = 32 };

/* secp256k1 secret that signs receipts. */
PH_CHECKED enum ph_err ph_keys_receipt(const uint8_t master[static PH_MASTER_LEN],
                                       uint8_t out[static 32]);
/* X25519 secret that owners and callers encrypt to. */
PH_CHECKED enum ph_err ph_keys_caller(const uint8_t master[static PH_MASTER_LEN],
                                      uint8_t out[static 32]);
/* P-256 scalar of the TLS certificate. */
PH_CHECKED enum ph_err ph_keys_tls(const uint8_t master[static PH_MASTER_LEN],
                                   uint8_t out[static 32]);
/* AES-256 key under which the secrets of one phat are stored. */
PH_CHECKED enum ph_err ph_keys_phat_secrets(const uint8_t master[static PH_MASTER_LEN],
                                            const struct ph_phat_id *phat, uint8_t out[static 32]);

/* Key of one phat's state, from which its page and mac keys come: docs/state.md. */
PH_CHECKED enum ph_err ph_keys_phat_state(const uint8_t master[static PH_MASTER_LEN],
                                          const struct ph_phat_id *phat, uint8_t out[static 32]);

/* The rule above for a scalar below `order` (big-endian). PH_ERR_LIMIT: 256 tries missed, which for
 * the orders of P-256 and secp256k1 does not happen. */
PH_CHECKED enum ph_err ph_keys_scalar(const uint8_t master[static PH_MASTER_LEN], const char *label,
                                      const uint8_t order[static 32], uint8_t out[static 32]);

/* The state file: "PHKEYD1\n" || provider u8 || nonce 12 || AES-256-GCM(master) 48, aad the first 9
 * bytes. A blob sealed by one kind of provider is refused by another. */
enum { PH_MASTER_BLOB_LEN = 8 + 1 + 12 + PH_MASTER_LEN + 16 };
enum ph_seal_provider { PH_SEAL_SIMULATOR_INSECURE = 1, PH_SEAL_SNP = 2 };
PH_CHECKED enum ph_err ph_master_seal(const uint8_t sealing_key[static 32],
                                      enum ph_seal_provider provider,
                                      const uint8_t master[static PH_MASTER_LEN],
                                      uint8_t out[static PH_MASTER_BLOB_LEN]);
/* PH_ERR_MALFORMED: no state file. PH_ERR_UNSUPPORTED: sealed by another provider.
 * PH_ERR_UNTRUSTED: another sealing key, or altered. */
PH_CHECKED enum ph_err ph_master_open(const uint8_t sealing_key[static 32],
                                      enum ph_seal_provider provider, struct ph_bytes blob,
                                      uint8_t master[static PH_MASTER_LEN]);

#endif
