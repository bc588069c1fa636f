#ifndef PH_CRYPTO_SECP256K1_H
#define PH_CRYPTO_SECP256K1_H

/* Ethereum signatures: recoverable ECDSA over secp256k1, r || s || v with v = 27 or 28, low s only.
 *
 * Layer: crypto. Spec: SEC 2 §2.4.1, EIP-2 (low s), [YP] appendix F. Tests: secp256k1_test.c.
 */

#include "base/bytes.h"
#include "base/ids.h"

enum { PH_SECP256K1_SECRET_LEN = 32, PH_ETH_SIG_LEN = 65 };

/* Uncompressed public key x || y, and the Ethereum address, of a secret. PH_ERR_MALFORMED: out of
 * range. */
PH_CHECKED enum ph_err ph_secp256k1_public(const uint8_t secret[static PH_SECP256K1_SECRET_LEN],
                                           uint8_t xy[static 64]);
PH_CHECKED enum ph_err ph_eth_address(const uint8_t secret[static PH_SECP256K1_SECRET_LEN],
                                      struct ph_eth_address *out);
void ph_eth_address_of_public(const uint8_t xy[static 64], struct ph_eth_address *out);

/* Deterministic (RFC 6979) signature over a 32-byte digest. */
PH_CHECKED enum ph_err ph_eth_sign(const uint8_t secret[static PH_SECP256K1_SECRET_LEN],
                                   const struct ph_hash32 *digest,
                                   uint8_t sig[static PH_ETH_SIG_LEN]);
/* Address that signed. PH_ERR_UNTRUSTED: no key recovers, high s, or v is neither 27 nor 28. */
PH_CHECKED enum ph_err ph_eth_recover(const struct ph_hash32 *digest,
                                      const uint8_t sig[static PH_ETH_SIG_LEN],
                                      struct ph_eth_address *out);

/* A key in the compressed form of SEC 1 §2.3.3. PH_ERR_MALFORMED: the secret is out of range. */
PH_CHECKED enum ph_err ph_secp256k1_compressed(const uint8_t secret[static PH_SECP256K1_SECRET_LEN],
                                               uint8_t out[static 33]);
/* Does r || s, low s only, sign the digest? @key compressed or uncompressed, SEC 1 §2.3.3.
 * PH_ERR_MALFORMED: no key. PH_ERR_UNTRUSTED: another key signed, or another digest. */
PH_CHECKED enum ph_err ph_secp256k1_verify(struct ph_bytes key, const struct ph_hash32 *digest,
                                           const uint8_t sig[static 64]);

#endif
