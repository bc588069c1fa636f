#ifndef PH_CODEC_UTF8_PRIV_H
#define PH_CODEC_UTF8_PRIV_H

#include <stddef.h>
#include <stdint.h>

/* Length of the UTF-8 sequence that starts at p[0] >= 0x80, of which `left` bytes may be read; 0 if
 * it is none. RFC 3629 §4: no surrogates, no overlong forms, nothing over U+10FFFF. */
static inline size_t ph_utf8_len(const uint8_t *p, size_t left)
{
    const uint8_t c = p[0];
    size_t n = 0;

    if (c >= 0xc2 && c <= 0xdf)
        n = 2;
    else if (c >= 0xe0 && c <= 0xef)
        n = 3;
    else if (c >= 0xf0 && c <= 0xf4)
        n = 4;
    if (n == 0 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) || (c == 0xf0 && p[1] < 0x90) ||
        (c == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

#endif
