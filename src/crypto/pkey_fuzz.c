/* Key imports: the first byte picks the kind. What imports must export to a form that imports
 * again. */

#include "crypto/pkey.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(enum ph_pkey_kind kind, struct ph_pkey *key)
{
    struct ph_buf out = PH_BUF(256);
    struct ph_pkey *again = NULL;

    assert(ph_pkey_export_spki(key, &out) == PH_OK);
    assert(ph_pkey_import_spki(kind, ph_buf_view(&out), &again) == PH_OK);
    ph_pkey_free(again);
    if (ph_pkey_is_private(key)) {
        out.len = 0;
        assert(ph_pkey_export_pkcs8(key, &out) == PH_OK);
        assert(ph_pkey_import_pkcs8(kind, ph_buf_view(&out), &again) == PH_OK);
        ph_pkey_free(again);
    }
    ph_buf_clear(&out);
    ph_pkey_free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    const enum ph_pkey_kind kind = (enum ph_pkey_kind)(1 + data[0] % 3);
    const struct ph_bytes der = {data + 1, len - 1};
    struct ph_pkey *key = NULL;

    if (ph_pkey_import_spki(kind, der, &key) == PH_OK)
        check(kind, key);
    if (ph_pkey_import_pkcs8(kind, der, &key) == PH_OK)
        check(kind, key);
    if (ph_pkey_import_raw(kind, der, &key) == PH_OK)
        check(kind, key);
    return 0;
}
