#include "crypto/ossl_priv.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <stdlib.h>

static struct ph_ossl state;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make(void)
{
    /* Without this the first call that touches OpenSSL's default context reads openssl.cnf from a
     * path in OPENSSL_CONF. No clean-up at exit: other threads may still be verifying then. */
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);

    state.ctx = OSSL_LIB_CTX_new();
    if (!state.ctx || !OSSL_PROVIDER_load(state.ctx, "default"))
        abort();
    state.aes128gcm = EVP_CIPHER_fetch(state.ctx, "AES-128-GCM", NULL);
    state.aes192gcm = EVP_CIPHER_fetch(state.ctx, "AES-192-GCM", NULL);
    state.aes256gcm = EVP_CIPHER_fetch(state.ctx, "AES-256-GCM", NULL);
    state.aes128ctr = EVP_CIPHER_fetch(state.ctx, "AES-128-CTR", NULL);
    state.chacha20poly1305 = EVP_CIPHER_fetch(state.ctx, "ChaCha20-Poly1305", NULL);
    state.p256 = EC_GROUP_new_by_curve_name_ex(state.ctx, NULL, NID_X9_62_prime256v1);
    state.p384 = EC_GROUP_new_by_curve_name_ex(state.ctx, NULL, NID_secp384r1);
    if (!state.aes128gcm || !state.aes192gcm || !state.aes256gcm || !state.aes128ctr ||
        !state.chacha20poly1305 || !state.p256 || !state.p384)
        abort();
}

const struct ph_ossl *ph_ossl(void)
{
    if (pthread_once(&once, make) != 0)
        abort();
    return &state;
}
