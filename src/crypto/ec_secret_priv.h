#ifndef PH_CRYPTO_EC_SECRET_PRIV_H
#define PH_CRYPTO_EC_SECRET_PRIV_H

/* What has a secret, by libcrypto, for P-256 and P-384 alike: scalars, signatures, multiples of
 * points. Everything is big-endian, a coordinate and a scalar each as long as the curve's field;
 * verification is ecdsa_p256.c and ecdsa_p384.c. Tests: ecdsa_test.c. */

#include "base/bytes.h"

enum ph_ec_curve { PH_EC_P256, PH_EC_P384 };
enum { PH_EC_SCALAR_MAX = 48, PH_EC_PUB_MAX = 2 * PH_EC_SCALAR_MAX };

/* r || s over a digest. PH_ERR_MALFORMED: the secret is not in 1..n-1. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_ec_sign(enum ph_ec_curve curve, const uint8_t *secret,
                                  struct ph_bytes digest, uint8_t *sig);
/* secret * G, or secret * point as x || y. PH_ERR_MALFORMED: the secret is not in 1..n-1, or the
 * point is off the curve. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_ec_multiply(enum ph_ec_curve curve, const uint8_t *secret,
                                      const uint8_t *point, uint8_t *xy);

#endif
