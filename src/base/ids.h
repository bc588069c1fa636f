#ifndef PH_BASE_IDS_H
#define PH_BASE_IDS_H

/* Identities and digests as one-member structs, so that they cannot be swapped.
 *
 * Layer: base.
 */

#include <stdint.h>

struct ph_hash32 {
    uint8_t b[32]; /* a SHA-256 or Keccak-256 digest, as its name at the use says */
};
struct ph_eth_address {
    uint8_t b[20]; /* last 20 bytes of keccak256(X || Y): [YP] §7, eq. 284 */
};
struct ph_phat_id {
    uint8_t
        b[20]; /* first 20 bytes of SHA-256("phala-phat-id-v1" || owner[20] || name); hex outside */
};

#endif
