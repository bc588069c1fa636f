#ifndef PH_KEYS_CLUSTER_H
#define PH_KEYS_CLUSTER_H

/* The keys that every worker of a cluster holds: what makes a phat's state and secrets readable on
 * whichever of them runs it.
 *
 *   identity  32 bytes, never rotated; the secp256k1 key derived from it is the cluster's name, for
 *             which owners sign
 *   epochs    1 to PH_EPOCHS_MAX pairs of (epoch, 32-byte master key), ascending; the newest seals,
 *             the others open what was sealed before
 *   owners    at most PH_KEY_OWNERS_MAX addresses, and how many of them must sign for an act on the
 *             keys (key_act.h); set when the cluster is founded, so that no later command line can
 *             add one. None: nobody may rotate or back up
 *
 * As bytes, which travel sealed only: u8 1 || identity 32 || u8 count || count times (epoch u32be
 * || master 32), without owners; with owners the first byte is 2 and u8 needed || u8 count || count
 * times 20 bytes follow.
 *
 * Layer: keys. Pure. Derivation: sealing.h. Documented in docs/keys.md. Tests: cluster_test.c,
 * cluster_fuzz.c.
 */

#include "keys/sealing.h"

enum {
    PH_EPOCHS_MAX = 16,
    PH_CLUSTER_BYTES_MIN = 1 + 32 + 1 + 36,
    PH_KEY_OWNERS_MAX = 8,
    PH_CLUSTER_BYTES_MAX = 1 + 32 + 1 + PH_EPOCHS_MAX * 36 + 2 + PH_KEY_OWNERS_MAX * 20,
};

struct ph_epoch_key {
    uint32_t epoch; /* 1.. */
    uint8_t master[PH_MASTER_LEN];
};

struct ph_key_owners {
    uint32_t needed, cnt; /* 1 <= needed <= cnt, or both 0 */
    struct ph_eth_address owner[PH_KEY_OWNERS_MAX];
};

/* Plain data for the inside of a struct ph_secret; all zero: no cluster yet. */
struct ph_cluster_keys {
    uint8_t identity[32];
    uint32_t epoch_cnt;
    struct ph_epoch_key epoch[PH_EPOCHS_MAX];
    struct ph_key_owners owners;
};

/* PH_ERR_MALFORMED: more than PH_KEY_OWNERS_MAX, one twice, or `needed` out of its range. */
PH_CHECKED enum ph_err ph_key_owners_check(const struct ph_key_owners *owners);

/* @identity and @master are random bytes: a cluster with epoch 1 alone. */
void ph_cluster_keys_found(struct ph_cluster_keys *keys, const uint8_t identity[static 32],
                           const uint8_t master[static PH_MASTER_LEN]);

/* Master key of an epoch, into `keys`; NULL: it is not there. */
const uint8_t *ph_cluster_keys_master(const struct ph_cluster_keys *keys, uint32_t epoch);
/* The newest epoch's; NULL: there is none at all. */
const struct ph_epoch_key *ph_cluster_keys_newest(const struct ph_cluster_keys *keys);

/* Add the epoch after the newest. PH_ERR_LIMIT: PH_EPOCHS_MAX are there, or the numbers are used
 * up.
 */
PH_CHECKED enum ph_err ph_cluster_keys_rotate(struct ph_cluster_keys *keys,
                                              const uint8_t master[static PH_MASTER_LEN]);
/* Forget every epoch before this one, which must be there: PH_ERR_NOT_FOUND. PH_ERR_CONFLICT: there
 * is none before it. */
PH_CHECKED enum ph_err ph_cluster_keys_retire(struct ph_cluster_keys *keys, uint32_t before);
/**
 * Take newer epochs from another worker's keys of the same cluster.
 *
 * Epochs before the oldest here are retired, and stay so.
 *
 * Returns PH_ERR_UNTRUSTED  another cluster, other owners, or an epoch of the same number has
 *                           another master: one of the two was rolled back and rotated again
 *         PH_ERR_NOT_FOUND  nothing is new
 *         PH_ERR_LIMIT      more than PH_EPOCHS_MAX
 */
PH_CHECKED enum ph_err ph_cluster_keys_merge(struct ph_cluster_keys *keys,
                                             const struct ph_cluster_keys *from);

/* @out has room for PH_CLUSTER_BYTES_MAX. Yields the length. At least one epoch. */
size_t ph_cluster_keys_encode(const struct ph_cluster_keys *keys,
                              uint8_t out[static PH_CLUSTER_BYTES_MAX]);
/* PH_ERR_MALFORMED: cut short, left over, another version, epochs that are 0, not ascending, none
 * or too many; owners that ph_key_owners_check refuses, or none in version 2. @out is untouched
 * then. */
PH_CHECKED enum ph_err ph_cluster_keys_decode(struct ph_bytes raw, struct ph_cluster_keys *out);

#endif
