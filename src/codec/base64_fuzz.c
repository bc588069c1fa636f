/* Base64 has one text per byte string: what decodes encodes back to itself. PEM: every block found
 * is cut off, so the loop ends. */

#include "codec/base64.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct ph_bytes text = {data, len};
    struct ph_buf bytes = PH_BUF(len + 16), back = PH_BUF(2 * len + 16);

    if (ph_base64_decode(text, &bytes) == PH_OK) {
        assert(ph_base64_encode(ph_buf_view(&bytes), &back) == PH_OK);
        assert(ph_bytes_equal(ph_buf_view(&back), text));
    }
    bytes.len = back.len = 0;
    if (ph_base64url_decode(text, &bytes) == PH_OK) {
        assert(ph_base64url_encode(ph_buf_view(&bytes), &back) == PH_OK);
        assert(ph_bytes_equal(ph_buf_view(&back), text));
    }
    struct ph_reader r = {text};
    for (size_t before = len + 1; r.rest.len < before;) {
        before = r.rest.len;
        bytes.len = 0;
        if (ph_pem_next(&r, "CERTIFICATE", &bytes) != PH_OK)
            break;
        assert(r.rest.len < before);
    }
    ph_buf_clear(&bytes);
    ph_buf_clear(&back);
    return 0;
}
