#ifndef PH_CRYPTO_RSA_PRIV_H
#define PH_CRYPTO_RSA_PRIV_H

/* What rsa.c, with libcrypto, and rsa_portable.c, without, share; and the parts of the latter.
 *
 * Layer: crypto. Spec: RFC 8017. Tests: rsa_test.c, rsa_portable_test.c.
 */

#include "crypto/rsa.h"

#include <stdbool.h>

enum { PH_RSA_SALT_LEN = 48 };

/* The leading byte is not zero: the length in bits follows from it. */
static inline size_t ph_rsa_bits(struct ph_bytes n)
{
    return 8 * n.len - (size_t)(__builtin_clz(n.ptr[0]) - 24);
}

/* What ph_rsa_pub_new takes. */
PH_CHECKED static inline enum ph_err ph_rsa_numbers_check(struct ph_bytes n, struct ph_bytes e)
{
    if (n.len == 0 || e.len == 0 || n.ptr[0] == 0 || e.ptr[0] == 0)
        return PH_ERR_MALFORMED;
    if (n.len > PH_RSA_MAX_LEN || ph_rsa_bits(n) < PH_RSA_MIN_BITS)
        return PH_ERR_UNSUPPORTED;
    if ((n.ptr[n.len - 1] & 1) == 0 || (e.ptr[e.len - 1] & 1) == 0 || e.len > PH_RSA_MAX_E_LEN ||
        (e.len == 1 && e.ptr[0] < 3))
        return PH_ERR_MALFORMED;
    return PH_OK;
}

/* RFC 8017 §5.2.2: out = sig^e mod n, as long as n, which passed the check above. Variable time:
 * public numbers only. PH_ERR_UNTRUSTED: sig is not as long as n, or not below it. */
PH_CHECKED enum ph_err ph_rsa_portable_raise(struct ph_bytes n, uint32_t e, struct ph_bytes sig,
                                             uint8_t *out);
/* RFC 8017 §9.1.2 with SHA-384 throughout and a salt of 48 bytes. `em` is as long as n, of which
 * `bits` is the length in bits. PH_ERR_UNTRUSTED: it is not the encoding of this digest. */
PH_CHECKED enum ph_err ph_rsa_portable_pss384_check(struct ph_bytes em, size_t bits,
                                                    const uint8_t digest[static 48]);

#endif
