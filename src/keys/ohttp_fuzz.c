/* Any bytes as key configurations, as a request's head and as a response: nothing is read beyond
 * its end, and nothing opens. */

#include "keys/ohttp.h"

#include "crypto/aead.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t secret[32] = {7};
    const struct ph_bytes input = {data, len};
    struct ph_buf out = PH_BUF(1 << 20);
    struct ph_ohttp_session session = {.aead = PH_HPKE_AES128GCM};
    enum ph_hpke_aead aead;
    uint8_t public[32], key_id;

    if (ph_ohttp_keys_parse(input, &key_id, public, &aead) == PH_OK && ph_hpke_key_len(aead) == 0)
        abort();
    if (ph_ohttp_open_response(&session, input, &out) == PH_OK || out.len != 0)
        abort();
    if (ph_x25519_public(secret, public) != PH_OK)
        abort();
    if (ph_ohttp_open_head(secret, public, input, &session) == PH_OK &&
        ph_hpke_key_len(session.aead) == 0)
        abort();
    ph_buf_clear(&out);
    return 0;
}
