#ifndef PH_KEYS_REPORT_DATA_H
#define PH_KEYS_REPORT_DATA_H

/* What a worker's evidence binds.
 *
 * report_data[0:32] = SHA-256("phala.worker.v1" || chain_id u256 || registry 20 || worker_key 20 ||
 * ecdh_key 32 || owner 20 || nonce 32) report_data[32:64] = 0 nonce = SHA-256("phala.bind.v3" ||
 * caller's nonce 32 || SHA-256(SubjectPublicKeyInfo of the TLS key) || cluster 20 || SHA-256(
 * Oblivious HTTP key configuration)): a caller who sends a fresh nonce learns that the quote is
 * fresh, which TLS key ends inside the TEE, which cluster's keys the worker holds, and which key
 * private calls are to be encrypted to. Without a key configuration it is "phala.bind.v2", and the
 * last part is left out. A registry contract takes the inner hash as it is.
 *
 * Layer: keys. Pure. Tests: report_data_test.c.
 */

#include "base/bytes.h"
#include "base/ids.h"
#include "keys/ohttp.h"

#include <stdbool.h>

struct ph_worker_identity {
    uint64_t chain_id;               /* 0: not registered on a chain */
    struct ph_eth_address registry;  /* zero likewise */
    struct ph_eth_address signer;    /* receipts and chain messages; this worker's alone */
    struct ph_eth_address cluster;   /* owners sign for it; the same on all workers of a cluster */
    uint8_t caller_x25519[32];       /* callers and owners encrypt to it; the cluster's */
    struct ph_eth_address operator_; /* owner of the worker; zero: none named */
    uint8_t tls_pub[64];             /* P-256 x || y */
    bool has_ohttp;                  /* private calls are answered; else ohttp_keys is zero */
    uint8_t ohttp_keys[PH_OHTTP_KEYS_LEN];
};
/* What the 64 bytes bind, for a caller's nonce (32 bytes; all zero: none was sent). */
void ph_worker_report_data(const struct ph_worker_identity *id, const uint8_t nonce[static 32],
                           uint8_t out[static 64]);

/* The `nonce` field inside. */
void ph_worker_bind(const struct ph_worker_identity *id, const uint8_t caller_nonce[static 32],
                    uint8_t out[static 32]);

/* SHA-256 of the SubjectPublicKeyInfo of its TLS key. */
void ph_worker_tls_hash(const struct ph_worker_identity *id, uint8_t out[static 32]);

/* Every report data of a worker, this one's and those of keys/handover.h, ends in 32 zero bytes.
 * Whoever has a quote made for somebody else refuses report data of which this says true: such a
 * quote would speak for the worker. */
bool ph_report_data_is_workers(const uint8_t report_data[static 64]);

#endif
