/* A secrets document, a set, and the two encrypted forms with keys that everybody knows. */
#include "keys/secrets.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t key[32] = {1};
    static const struct ph_phat_id phat = {{2}};
    static uint8_t out[PH_SECRETS_SEALED_MAX];
    const struct ph_bytes input = {data, len};
    struct ph_secrets_for bundles;
    struct ph_bytes document;
    uint64_t sequence;
    size_t out_len;
    char why[128];

    if (ph_secrets_check(input, why) == PH_OK && len > PH_SECRETS_MAX)
        abort();
    if (ph_secrets_set_parse(input, &bundles, &document, why) == PH_OK &&
        (bundles.cnt > PH_SECRETS_BUNDLES_MAX || document.len != len - 1 - bundles.cnt * 32))
        abort();
    if (ph_secrets_open(key, &phat, input, out, &out_len, why) == PH_OK ||
        ph_secrets_load(key, &phat, input, out, &out_len, &sequence) == PH_OK)
        return 0;
    return 0;
}
