/* Any bytes as a URL-encoded header: the text is never longer, and plain text is itself. */

#include "collateral_http.h"

#include "base/own.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct ph_bytes text = {data, size};
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(size + 1);
    const bool plain = size == 0 || memchr(data, '%', size) == NULL;

    const enum ph_err err = ph_url_decode(text, &out);
    if (out.len > size || (plain && (err != PH_OK || !ph_bytes_equal(text, ph_buf_view(&out)))))
        __builtin_trap();
    return 0;
}
