#include "keyring.h"

#include "base/own.h"
#include "crypto/aead.h"
#include "crypto/p256.h"
#include "crypto/secp256k1.h"

enum ph_err keyring_init(struct keyring *ring)
{
    struct ph_secret *mem;

    PH_TRY(ph_secret_new(5 * 32, &mem));
    uint8_t *at = ph_secret_at(mem);
    *ring = (struct keyring){.mem = mem,
                             .master = at,
                             .receipt = at + 32,
                             .caller = at + 64,
                             .tls = at + 96,
                             .scratch = at + 128};
    return PH_OK;
}

enum ph_err keyring_derive(struct keyring *ring)
{
    PH_TRY(ph_keys_receipt(ring->master, ring->receipt));
    PH_TRY(ph_keys_caller(ring->master, ring->caller));
    PH_TRY(ph_keys_tls(ring->master, ring->tls));
    PH_TRY(ph_secp256k1_public(ring->receipt, ring->signer_pub));
    ph_eth_address_of_public(ring->signer_pub, &ring->signer);
    PH_TRY(ph_x25519_public(ring->caller, ring->caller_pub));
    PH_TRY(ph_p256_public(ring->tls, ring->tls_pub));
    return PH_OK;
}

void keyring_clear(struct keyring *ring)
{
    ph_secret_free(PH_TAKE(ring->mem));
}
