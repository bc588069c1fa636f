#include "keys/code_key.h"

#include "keys/hpke.h"

#include <string.h>

#define INFO PH_BYTES_LIT("phala-code-key-v1")

enum { AAD_LEN = 20 + 32 + 4 };

_Static_assert((int)PH_CODE_WRAPPED_LEN == (int)PH_CODE_KEY_LEN + (int)PH_HPKE_OVERHEAD,
               "what a wrapped key takes");

static void make_aad(const struct ph_phat_id *phat, const struct ph_hash32 *bundle_hash,
                     uint32_t epoch, uint8_t out[static AAD_LEN])
{
    memcpy(out, phat->b, 20);
    memcpy(out + 20, bundle_hash->b, 32);
    ph_put_u32be(out + 52, epoch);
}

enum ph_err ph_code_key_wrap(const uint8_t to_x25519[static 32], const struct ph_phat_id *phat,
                             const struct ph_hash32 *bundle_hash, uint32_t epoch,
                             const uint8_t key[static PH_CODE_KEY_LEN],
                             uint8_t wrapped[static PH_CODE_WRAPPED_LEN])
{
    uint8_t aad[AAD_LEN];

    make_aad(phat, bundle_hash, epoch, aad);
    return ph_hpke_seal(to_x25519, INFO, PH_BYTES_OF(aad), (struct ph_bytes){key, PH_CODE_KEY_LEN},
                        wrapped);
}

enum ph_err ph_code_key_open(const uint8_t secret_x25519[static 32], const struct ph_phat_id *phat,
                             const struct ph_hash32 *bundle_hash, uint32_t epoch,
                             struct ph_bytes wrapped, uint8_t key[static PH_CODE_KEY_LEN])
{
    uint8_t aad[AAD_LEN];

    if (wrapped.len != PH_CODE_WRAPPED_LEN)
        return PH_ERR_MALFORMED;
    make_aad(phat, bundle_hash, epoch, aad);
    return ph_hpke_open(PH_HPKE_AES256GCM, secret_x25519, INFO, PH_BYTES_OF(aad), wrapped, key);
}
