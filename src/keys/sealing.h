#ifndef PH_KEYS_SEALING_H
#define PH_KEYS_SEALING_H

/* Every key of a worker, derived with HKDF-SHA256 from one of three 32-byte secrets, one label per
 * purpose; and the blob that keeps those secrets on disk.
 *
 *   key = HKDF-SHA256(ikm = secret, salt = "phala-keys-v1", info = label || context || u8 try)
 *
 * The secrets: the *seed* of a worker, which it shares with nobody; the *identity* of its cluster,
 * never rotated; the *master* key of an epoch of its cluster (keys/cluster.h).
 *
 * Scalars take try = 0, 1, … until the value lies in 1..n-1; other keys have try = 0.
 *
 * Layer: keys. Pure. Labels and vectors: docs/keys.md. Tests: sealing_test.c.
 */

#include "base/bytes.h"
#include "base/ids.h"

enum { PH_MASTER_LEN = 32 }; /* of a master key; seed and identity likewise */

/* Of the seed: secp256k1 secret that signs receipts; P-256 scalar of the TLS certificate. */
PH_CHECKED enum ph_err ph_keys_receipt(const uint8_t seed[static 32], uint8_t out[static 32]);
PH_CHECKED enum ph_err ph_keys_tls(const uint8_t seed[static 32], uint8_t out[static 32]);
/* Of the seed: secp256k1 secret of the account that pays for the worker's transactions. */
PH_CHECKED enum ph_err ph_keys_chain(const uint8_t seed[static 32], uint8_t out[static 32]);

/* Of the identity: secp256k1 secret whose address names the cluster. */
PH_CHECKED enum ph_err ph_keys_cluster(const uint8_t identity[static 32], uint8_t out[static 32]);

/* Of a master key: X25519 secret that owners and callers encrypt to. */
PH_CHECKED enum ph_err ph_keys_caller(const uint8_t master[static PH_MASTER_LEN],
                                      uint8_t out[static 32]);
/* Of a master key: X25519 secret of the Oblivious HTTP key configuration: private calls, nothing
 * else. */
PH_CHECKED enum ph_err ph_keys_ohttp(const uint8_t master[static PH_MASTER_LEN],
                                     uint8_t out[static 32]);
/* AES-256 key under which the secrets of one phat are stored. */
PH_CHECKED enum ph_err ph_keys_phat_secrets(const uint8_t master[static PH_MASTER_LEN],
                                            const struct ph_phat_id *phat, uint8_t out[static 32]);

/* Key of one phat's state, from which its page and mac keys come: docs/state.md. */
PH_CHECKED enum ph_err ph_keys_phat_state(const uint8_t master[static PH_MASTER_LEN],
                                          const struct ph_phat_id *phat, uint8_t out[static 32]);

/* Of the identity: key for macs of what workers of a cluster tell each other over storage:
 * docs/cluster.md. */
PH_CHECKED enum ph_err ph_keys_peers(const uint8_t identity[static PH_MASTER_LEN],
                                     uint8_t out[static 32]);

/* Of the identity: AES-256 key for what a worker of the cluster tells another one that asked for it
 * with `ask`, 32 random bytes: docs/keys.md. */
PH_CHECKED enum ph_err ph_keys_marks(const uint8_t identity[static PH_MASTER_LEN],
                                     const uint8_t ask[static 32], uint8_t out[static 32]);

/* Of the identity, so that it outlives rotations: secp256k1 secret from which the guest agent gives
 * programs beside the worker the keys of one phat (keys/dstack.h). Nothing else comes from it. */
PH_CHECKED enum ph_err ph_keys_guest_app(const uint8_t identity[static PH_MASTER_LEN],
                                         const struct ph_phat_id *phat, uint8_t out[static 32]);

/* Of the identity, so that it outlives rotations: secp256k1 secret of one phat's account on chain.
 */
PH_CHECKED enum ph_err ph_keys_wallet(const uint8_t identity[static PH_MASTER_LEN],
                                      const struct ph_phat_id *phat, uint8_t out[static 32]);
/* Of the identity: AES-256 key under which the ledger of that account is stored. */
PH_CHECKED enum ph_err ph_keys_wallet_ledger(const uint8_t identity[static PH_MASTER_LEN],
                                             const struct ph_phat_id *phat, uint8_t out[static 32]);

/* Of a keystore's secret: X25519 secret of whoever holds a share of a backup (escrow.h). The secret
 * signs as an Ethereum key and does nothing else itself. */
PH_CHECKED enum ph_err ph_keys_holder(const uint8_t keystore[static PH_MASTER_LEN],
                                      uint8_t out[static 32]);

/* Of the identity: P-256 secret of the authority over certificates of one phat's programs, and,
 * with `phat` NULL, of the cluster's, which certifies those. */
PH_CHECKED enum ph_err ph_keys_guest_ca(const uint8_t identity[static PH_MASTER_LEN],
                                        const struct ph_phat_id *phat, uint8_t out[static 32]);

/* The rule above for a scalar below `order` (big-endian). PH_ERR_LIMIT: 256 tries missed, which for
 * the orders of P-256 and secp256k1 does not happen. */
PH_CHECKED enum ph_err ph_keys_scalar(const uint8_t master[static PH_MASTER_LEN], const char *label,
                                      const uint8_t order[static 32], uint8_t out[static 32]);

/* The state file: "PHKEYD2\n" || provider u8 || nonce 12 || AES-256-GCM(seed 32 || cluster keys),
 * aad the first 9 bytes. A blob sealed by one kind of provider is refused by another. */
enum { PH_SEALED_OVERHEAD = 8 + 1 + 12 + 16 };
enum ph_seal_provider { PH_SEAL_SIMULATOR_INSECURE = 1, PH_SEAL_SNP = 2 };
/* @out has room for plain.len + PH_SEALED_OVERHEAD bytes. */
PH_CHECKED enum ph_err ph_state_file_seal(const uint8_t sealing_key[static 32],
                                          enum ph_seal_provider provider, struct ph_bytes plain,
                                          uint8_t *out);
/* @out has room for blob.len - PH_SEALED_OVERHEAD bytes.
 * PH_ERR_MALFORMED: no state file. PH_ERR_UNSUPPORTED: sealed by another provider.
 * PH_ERR_UNTRUSTED: another sealing key, or altered. */
PH_CHECKED enum ph_err ph_state_file_open(const uint8_t sealing_key[static 32],
                                          enum ph_seal_provider provider, struct ph_bytes blob,
                                          uint8_t *out);

#endif
