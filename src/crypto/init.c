#include "crypto/init.h"

#include "crypto/ossl_priv.h"

#include <openssl/rand.h>
#include <stdlib.h>

void ph_crypto_init(void)
{
    unsigned char byte;

    /* Seeds the generators that signing draws nonces from. */
    if (RAND_priv_bytes_ex(ph_ossl()->ctx, &byte, 1, 0) != 1)
        abort();
    ph_secp256k1_ready();
}
