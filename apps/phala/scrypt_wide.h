#ifndef PH_CLI_SCRYPT_WIDE_H
#define PH_CLI_SCRYPT_WIDE_H

/* scrypt for n beyond the 2^(16 r) that RFC 7914 §2 allows: keystores with n=262144 r=1, among them
 * the test vector of the Web3 Secret Storage definition, were written by implementations that do
 * not hold that bound, and libcrypto refuses them. Everything else goes through ph_scrypt.
 *
 * Spec: RFC 7914 §3-6. Tests: keystore_test.c.
 */

#include "base/bytes.h"

/* The caller has bounded 128 * n * r; n is a power of two. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_scrypt_wide(struct ph_bytes password, struct ph_bytes salt, uint64_t n,
                                      uint32_t r, uint32_t p, uint8_t out[static 32]);

#endif
