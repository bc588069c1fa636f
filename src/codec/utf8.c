#include "codec/utf8.h"

#include "codec/utf8_priv.h"

bool ph_utf8_valid(struct ph_bytes text)
{
    for (size_t i = 0; i < text.len;) {
        const size_t n = text.ptr[i] < 0x80 ? 1 : ph_utf8_len(text.ptr + i, text.len - i);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}
