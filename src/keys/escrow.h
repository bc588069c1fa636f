#ifndef PH_KEYS_ESCROW_H
#define PH_KEYS_ESCROW_H

/* A backup of a cluster's keys, in shares of which any `needed` restore them.
 *
 *   head    "phala-backup-v1\n" || cluster 20 || newest epoch u32be || time u64be (Unix s) || id 16
 *           || u8 needed || u8 count || SHA-256("phala-backup-key-v1" || id || K) || count times
 *           (holder's X25519 key 32 || SHA-256("phala-backup-share-v1" || id || u8 x || y))
 *   backup  head || keys length u16be || keys || count times share 81 || signature 65
 *
 *   K       32 random bytes, split with keys/shamir.h
 *   keys    nonce 12 || AES-256-GCM(the bytes of keys/cluster.h), aad SHA-256(head), under K
 *   share   HPKE (keys/hpke.h) to its holder over x || y, info "phala-backup-share-v1", aad
 *           SHA-256(head)
 *   signature  of the cluster's key (secp256k1, r || s || v) over keccak256 of all before it
 *
 * Only phala-keyd makes one or puts one together. A holder's share goes back as HPKE to a key that
 * the new worker's phala-keyd made, info "phala-backup-return-v1", aad SHA-256(head): "returned".
 * That key is bound by evidence over SHA-256("phala-restore-v1" || key 32 || holder's nonce 32 ||
 * signer 20 || cluster 20) || 32 zero bytes.
 *
 * Layer: keys. Pure but for randomness in ph_escrow_make. Documented in docs/keys.md. Tests:
 * escrow_test.c, escrow_fuzz.c.
 */

#include "keys/key_act.h"
#include "keys/shamir.h"

enum {
    PH_ESCROW_SHARE_LEN = 1 + PH_SHAMIR_LEN,
    PH_ESCROW_SEALED_LEN = PH_ESCROW_SHARE_LEN + 48, /* with HPKE around it */
    PH_ESCROW_HEAD_MAX = 16 + 20 + 4 + 8 + 16 + 2 + 32 + PH_KEY_HOLDERS_MAX * 64,
    PH_ESCROW_KEYS_MAX = 12 + PH_CLUSTER_BYTES_MAX + 16,
    PH_ESCROW_MAX = PH_ESCROW_HEAD_MAX + 2 + PH_ESCROW_KEYS_MAX +
                    PH_KEY_HOLDERS_MAX * PH_ESCROW_SEALED_LEN + 65,
    PH_ESCROW_WHY = 160,
};

/* A backup, taken apart: views into its bytes. Its signature is judged. */
struct ph_escrow {
    struct ph_eth_address cluster;
    uint32_t epoch;
    uint64_t time_s;
    uint8_t id[16];
    uint32_t needed, holder_cnt;
    uint8_t commit[32];
    struct {
        uint8_t key[32], commit[32];
    } holder[PH_KEY_HOLDERS_MAX];
    struct ph_hash32 head; /* SHA-256 of the head: what shares are bound to */
    struct ph_bytes keys, shares;
};

/**
 * Make a backup.
 *
 * @act      kind PH_KEY_ACT_BACKUP: needed and holders
 * @signing  secret of the cluster's key
 * @cluster  its address
 * @out      appended
 *
 * Returns PH_ERR_UNTRUSTED  a holder's key is a low-order point
 *         PH_ERR_LIMIT, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_escrow_make(const struct ph_cluster_keys *keys,
                                      const struct ph_key_act *act,
                                      const uint8_t signing[static 32],
                                      const struct ph_eth_address *cluster, uint64_t time_s,
                                      struct ph_buf *out);
/* PH_ERR_MALFORMED: no backup. PH_ERR_UNTRUSTED: not signed by the cluster that it names: altered,
 * or made up. */
PH_CHECKED enum ph_err ph_escrow_parse(struct ph_bytes raw, struct ph_escrow *out);

/* Holder: their share. PH_ERR_NOT_FOUND: the backup has none for this key. PH_ERR_UNTRUSTED: it
 * does not open, or is not what the head commits to. The caller wipes *out. */
PH_CHECKED enum ph_err ph_escrow_open_share(const struct ph_escrow *backup,
                                            const uint8_t holder_secret[static 32],
                                            struct ph_shamir_share *out);
/* Holder: seal it to a phala-keyd whose evidence was judged. Errors of ph_hpke_seal. */
PH_CHECKED enum ph_err ph_escrow_return(const struct ph_escrow *backup,
                                        const struct ph_shamir_share *share,
                                        const uint8_t restore_key[static 32],
                                        uint8_t out[static PH_ESCROW_SEALED_LEN]);
/* phala-keyd: take it out again. PH_ERR_MALFORMED: another length. PH_ERR_UNTRUSTED: not for this
 * key and backup, or not what the head commits to: `why` says which. */
PH_CHECKED enum ph_err ph_escrow_take(const struct ph_escrow *backup,
                                      const uint8_t restore_secret[static 32],
                                      struct ph_bytes returned, struct ph_shamir_share *out,
                                      char why[static PH_ESCROW_WHY]);
/* phala-keyd: `needed` shares to keys. PH_ERR_UNTRUSTED: they do not give the key that the head
 * commits to, or the keys are another cluster's: `why` says which. PH_ERR_MALFORMED. */
PH_CHECKED enum ph_err ph_escrow_combine(const struct ph_escrow *backup,
                                         const struct ph_shamir_share *shares, uint32_t cnt,
                                         struct ph_cluster_keys *out,
                                         char why[static PH_ESCROW_WHY]);

/* What a restoring worker's evidence binds. */
void ph_escrow_report_data(const uint8_t restore_key[static 32], const uint8_t nonce[static 32],
                           const struct ph_eth_address *signer,
                           const struct ph_eth_address *cluster, uint8_t out[static 64]);

#endif
