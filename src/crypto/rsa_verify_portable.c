/* The verifying half of rsa.h where there is no libcrypto: in place of rsa.c when the target is
 * wasm32. */

#include "crypto/hash.h"
#include "crypto/rsa_priv.h"

#include <stdlib.h>
#include <string.h>

struct ph_rsa_pub {
    size_t n_len;
    uint32_t e;
    uint8_t n[PH_RSA_MAX_LEN];
};

enum ph_err ph_rsa_pub_new(struct ph_bytes n, struct ph_bytes e, struct ph_rsa_pub **out)
{
    PH_TRY(ph_rsa_numbers_check(n, e));

    struct ph_rsa_pub *pub = calloc(1, sizeof(*pub));
    if (!pub)
        return PH_ERR_NOMEM;
    memcpy(pub->n, n.ptr, n.len);
    pub->n_len = n.len;
    for (size_t i = 0; i < e.len; i++)
        pub->e = pub->e << 8 | e.ptr[i];
    *out = pub;
    return PH_OK;
}

void ph_rsa_pub_free(struct ph_rsa_pub *pub)
{
    free(pub);
}

enum ph_err ph_rsa_pss384_verify(const struct ph_rsa_pub *pub, struct ph_bytes message,
                                 struct ph_bytes sig)
{
    const struct ph_bytes n = {pub->n, pub->n_len};
    uint8_t em[PH_RSA_MAX_LEN], digest[PH_SHA384_LEN];

    PH_TRY(ph_rsa_portable_raise(n, pub->e, sig, em));
    ph_sha384(message, digest);
    return ph_rsa_portable_pss384_check((struct ph_bytes){em, n.len}, ph_rsa_bits(n), digest);
}
