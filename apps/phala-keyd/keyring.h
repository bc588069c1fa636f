#ifndef PH_PHALA_KEYD_KEYRING_H
#define PH_PHALA_KEYD_KEYRING_H

/* The keys of this process, in locked memory: the master key and what is derived from it. */

#include "base/ids.h"
#include "keys/sealing.h"
#include "keys/secret.h"

/* Where each key lies in the keyring's secret memory. */
struct keyring {
    struct ph_secret *mem; /* owned */
    uint8_t *master;       /* PH_MASTER_LEN bytes, into mem; so below */
    uint8_t *receipt;      /* secp256k1 */
    uint8_t *caller;       /* X25519 */
    uint8_t *tls;          /* P-256 */
    uint8_t *scratch;      /* 32 bytes for a derived key while it is used */
    struct ph_eth_address signer;
    uint8_t signer_pub[64], caller_pub[32], tls_pub[64];
};

/* Reserve the memory; the caller then fills in `master`. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err keyring_init(struct keyring *ring);
/* Derive everything from `master`. */
PH_CHECKED enum ph_err keyring_derive(struct keyring *ring);
void keyring_clear(struct keyring *ring);

#endif
