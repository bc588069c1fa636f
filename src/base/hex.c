#include "base/hex.h"

void ph_hex_encode(struct ph_bytes bytes, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < bytes.len; i++) {
        out[2 * i] = digits[bytes.ptr[i] >> 4];
        out[2 * i + 1] = digits[bytes.ptr[i] & 15];
    }
    out[2 * bytes.len] = '\0';
}

static int digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

enum ph_err ph_hex_decode(struct ph_bytes text, uint8_t *out, size_t out_len)
{
    if (text.len >= 2 && text.ptr[0] == '0' && text.ptr[1] == 'x')
        text = (struct ph_bytes){text.ptr + 2, text.len - 2};
    if (text.len != out_len * 2)
        return PH_ERR_MALFORMED;
    for (size_t i = 0; i < text.len; i++)
        if (digit(text.ptr[i]) < 0)
            return PH_ERR_MALFORMED;
    for (size_t i = 0; i < out_len; i++)
        out[i] = (uint8_t)(digit(text.ptr[2 * i]) * 16 + digit(text.ptr[2 * i + 1]));
    return PH_OK;
}
