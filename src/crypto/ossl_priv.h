#ifndef PH_CRYPTO_OSSL_PRIV_H
#define PH_CRYPTO_OSSL_PRIV_H

/* What this module keeps of OpenSSL: a library context of its own with the default provider, and
 * the algorithms fetched from it once. Fetching per call costs more than the work on short inputs,
 * and a private context takes no settings from openssl.cnf or the environment. */

#include <openssl/ec.h>

struct ph_ossl {
    OSSL_LIB_CTX *ctx;
    EVP_CIPHER *aes128gcm, *aes192gcm, *aes256gcm, *aes128ctr, *chacha20poly1305;
    EC_GROUP *p256, *p384;
};

/* Made on first use; never NULL, never freed; aborts when out of memory. Any thread. */
const struct ph_ossl *ph_ossl(void);

/* The secp256k1 context, made on first use in the same way. */
void ph_secp256k1_ready(void);

#endif
