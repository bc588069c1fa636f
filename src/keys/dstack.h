#ifndef PH_KEYS_DSTACK_H
#define PH_KEYS_DSTACK_H

/* Keys and signatures as dstack's guest agent makes them from an app's key, bit for bit, so that
 * its SDKs work unchanged.
 *
 *   key         = HKDF-SHA256(ikm = app key, salt = "RATLS", info = path)
 *   by app      = app key over keccak256("{purpose}:{hex of the public key}")
 *   by cluster  = root key over keccak256("dstack-kms-issued:" || app id || app's public key)
 *
 * Curve and purpose are not part of the derivation: one path gives the same 32 bytes to Ed25519 and
 * to secp256k1. That is dstack's rule and is kept for this interface alone; nothing of the worker's
 * hangs on these keys.
 *
 * Layer: keys. Pure. Source: dstack, ra-tls/src/kdf.rs and guest-agent/src/rpc_service.rs. Tests:
 * dstack_test.c, tests/integration/guest_agent.test.mjs.
 */

#include "base/bytes.h"
#include "base/ids.h"

enum ph_dstack_alg {
    PH_DSTACK_NONE = 0,
    PH_DSTACK_ED25519,
    PH_DSTACK_SECP256K1,           /* signs SHA-256 of the data */
    PH_DSTACK_SECP256K1_PREHASHED, /* the data is the digest, 32 bytes */
};
/* What a certificate may say of the app, in dstack's words: hash of what is deployed, the machine's
 * boot without the app and with it. 32 bytes each, in this order. */
enum { PH_DSTACK_APP_INFO_LEN = 96 };
enum {
    PH_DSTACK_PROVIDER_MAX = 80, /* with a NUL */
    PH_DSTACK_PATH_MAX = 1024,
    PH_DSTACK_PURPOSE_MAX = 256,
    PH_DSTACK_DATA_MAX = 32 * 1024,
    PH_DSTACK_PUBLIC_MAX = 33,
};

/* Who gave the keys, as dstack's key_provider_info: JSON that names the cluster. */
void ph_dstack_key_provider(const struct ph_eth_address *cluster,
                            char out[static PH_DSTACK_PROVIDER_MAX]);
/**
 * dstack's AppInfo (ra-tls, extension 1.3.6.1.4.1.62397.1.9), in MessagePack: a map by field names
 * of byte strings; what is not known is empty.
 *
 * @info  PH_DSTACK_APP_INFO_LEN bytes
 *
 * Appends. PH_ERR_MALFORMED: another length; PH_ERR_LIMIT, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_dstack_app_info(const struct ph_phat_id *app_id,
                                          const struct ph_eth_address *instance,
                                          const struct ph_eth_address *cluster,
                                          struct ph_bytes info, struct ph_buf *out);
/* @path at most PH_DSTACK_PATH_MAX bytes. PH_ERR_LIMIT: longer. */
PH_CHECKED enum ph_err ph_dstack_kdf(struct ph_bytes parent, struct ph_bytes path,
                                     uint8_t out[static 32]);
/* Ed25519: 32 bytes; secp256k1: compressed, 33. PH_ERR_UNSUPPORTED: no such algorithm.
 * PH_ERR_MALFORMED: the secret is out of range. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_dstack_public(enum ph_dstack_alg alg, const uint8_t key[static 32],
                                        uint8_t out[static PH_DSTACK_PUBLIC_MAX], size_t *len);
/* r || s || 0 or 1 by the app's key. PH_ERR_LIMIT: a purpose over PH_DSTACK_PURPOSE_MAX. */
PH_CHECKED enum ph_err ph_dstack_by_app(const uint8_t app[static 32], struct ph_bytes purpose,
                                        struct ph_bytes public_key, uint8_t sig[static 65]);
PH_CHECKED enum ph_err ph_dstack_by_cluster(const uint8_t root[static 32],
                                            const struct ph_phat_id *app_id,
                                            const uint8_t app[static 32], uint8_t sig[static 65]);
/* PH_ERR_MALFORMED: a digest of another length. PH_ERR_UNSUPPORTED, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_dstack_sign(enum ph_dstack_alg alg, const uint8_t key[static 32],
                                      struct ph_bytes data, uint8_t sig[static 64]);
/* PH_ERR_UNTRUSTED: another signature. PH_ERR_MALFORMED: no such public key, or a signature or
 * digest of another length. PH_ERR_UNSUPPORTED, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_dstack_verify(enum ph_dstack_alg alg, struct ph_bytes data,
                                        struct ph_bytes sig, struct ph_bytes public_key);

#endif
