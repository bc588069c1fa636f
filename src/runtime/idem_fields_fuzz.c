/* A header block of any bytes: what is found lies inside it, and a key that is right has no blank,
 * no control character and no line break in it. */
#include "runtime/idem_fields.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char *const names[] = {"idempotency-key", "content-type", "", "a"};
    const struct ph_bytes block = {data, len};

    for (size_t i = 0; i < PH_LEN(names); i++) {
        struct ph_bytes value;
        const size_t cnt = ph_idem_field_find(block, names[i], &value);
        if (cnt == 0 && value.len > 0)
            abort();
        if (value.len > 0 && (value.ptr < data || value.ptr + value.len > data + len))
            abort();
        if (!ph_idem_key_is_right(value))
            continue;
        if (value.len > PH_IDEM_KEY_MAX || memchr(value.ptr, '\n', value.len) ||
            memchr(value.ptr, ' ', value.len) || memchr(value.ptr, '\0', value.len))
            abort();
    }
    return 0;
}
