#ifndef PH_PHALA_KEYD_KEYRING_H
#define PH_PHALA_KEYD_KEYRING_H

/* The keys of this process, in locked memory: the worker's seed, the keys of its cluster, and what
 * is derived from them. */

#include "floors.h"
#include "worker_keys.h"

#include "base/ids.h"
#include "keys/cluster.h"
#include "keys/ohttp.h"
#include "keys/secret.h"
#include "keys/shamir.h"

/* What lies in the secret memory. */
struct keyring_secrets {
    uint8_t seed[32]; /* the worker's alone: never sent, never shared */
    struct ph_cluster_keys cluster;
    struct worker_keys worker;      /* once the signing key was replaced; else of the seed */
    struct worker_keys worker_next; /* what `worker` becomes once it is stored; else zero */
    uint8_t receipt[32], tls[32];   /* of the two above: secp256k1, P-256 */
    uint8_t sealing[32];            /* of the state file; kept, for a state made later */
    uint8_t ohttp[32];              /* of the cluster's newest master: X25519 */
    uint8_t ephemeral[32];          /* X25519, of a hand-over that was asked for */
    uint8_t scratch[32];            /* a derived key while it is used */
    struct ph_cluster_keys next;    /* what `cluster` becomes once it is stored; else zero */
    uint8_t nonces[32];             /* of acts: random at every start */
    struct ph_shamir_share share[PH_SHAMIR_SHARES_MAX]; /* of a backup that is put together */
};

struct keyring {
    struct ph_secret *mem; /* owned */
    struct keyring_secrets *secrets;
    struct ph_eth_address signer, cluster;
    struct ph_eth_address other; /* of the second signing key; zero without one */
    uint8_t signer_pub[64], caller_pub[32], tls_pub[64], ohttp_pub[32];
    struct floors floors; /* newest secrets of phats: kept with the keys */
    uint64_t marks; /* generation of the file of marks (marks.h) that is on disk; 0: none is */
};

/* The plain of the state file: seed 32 || cluster keys (keys/cluster.h); once there are floors,
 * seed 32 || 03 || u16be length || cluster keys || floors; once there is a file of marks, seed 32
 * || 05 || u64be its generation || u16be length || cluster keys || floors. Once the signing key was
 * replaced, 04 || worker_keys.h follows the seed, before the rest. */
enum {
    KEYRING_BYTES_MAX = 32 + 1 + WORKER_KEYS_LEN + 11 + PH_CLUSTER_BYTES_MAX + FLOORS_BYTES_MAX
};

/* Reserve the memory; the caller then founds or decodes. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err keyring_init(struct keyring *ring);
/* A new worker, the first of a new cluster, whose keys have these owners. */
void keyring_found(struct keyring *ring, const struct ph_key_owners *owners);
/* A new worker that will be given the keys of a cluster. */
void keyring_begin(struct keyring *ring);
bool keyring_has_cluster(const struct keyring *ring);
/* The seed, these keys, which are the ring's or its next ones, and the floors. @out has room for
 * KEYRING_BYTES_MAX. Yields the length. */
size_t keyring_encode(const struct keyring *ring, const struct ph_cluster_keys *keys,
                      uint8_t out[static KEYRING_BYTES_MAX]);
/* The keys that the state file holds: the next ones, once they were sent to be stored. */
const struct ph_cluster_keys *keyring_stored(const struct keyring *ring);
/* The next keys are stored: they become the cluster's. PH_ERR_NOT_FOUND: there are none. */
PH_CHECKED enum ph_err keyring_adopt(struct keyring *ring);
/* Begin a change of the worker's own keys: from now on it is what is stored. PH_ERR_CONFLICT: the
 * step does not follow on where they are. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err keyring_worker_step(struct keyring *ring, enum ph_worker_key_step step);
/* What was begun is stored: it holds. PH_ERR_NOT_FOUND: nothing was. */
PH_CHECKED enum ph_err keyring_worker_adopt(struct keyring *ring);
/* PH_ERR_MALFORMED, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err keyring_decode(struct keyring *ring, struct ph_bytes raw);
/* Derive what hangs on the seed and, where there is one, on the cluster; without one its name is
 * zero. */
PH_CHECKED enum ph_err keyring_derive(struct keyring *ring);
/* Keys of a private call's envelope by the key of an epoch before the newest: whoever got it before
 * a rotation may still use it. Errors of ph_ohttp_open_head. */
PH_CHECKED enum ph_err keyring_open_older(const struct keyring *ring, struct ph_bytes head,
                                          struct ph_ohttp_session *out);
void keyring_clear(struct keyring *ring);

#endif
