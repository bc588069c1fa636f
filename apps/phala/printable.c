#include "printable.h"

#include <stdbool.h>
#include <string.h>

/* One character of UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF); yields its
 * length, or 0. */
static size_t decode(const uint8_t *s, size_t len, uint32_t *out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    uint32_t c = n == 1 ? s[0] : s[0] & (0x7fU >> n);

    if (n == 0 || n > len || s[0] >= 0xf8)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (s[i] & 0x3f);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *out = c;
    return n;
}

static bool steers(uint32_t c)
{
    return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c <= 0x9f) || c == 0x061c ||
           c == 0x200e || c == 0x200f ||   /* marks of direction */
           (c >= 0x2028 && c <= 0x202e) || /* separators, embeddings, overrides */
           (c >= 0x2066 && c <= 0x2069);   /* isolates */
}

size_t ph_printable(uint8_t *text, size_t len)
{
    size_t to = 0;

    for (size_t at = 0; at < len;) {
        uint32_t c = 0;
        const size_t n = decode(text + at, len - at, &c);
        if (n == 0 || steers(c)) {
            text[to++] = '?';
            at += n == 0 ? 1 : n;
            continue;
        }
        memmove(text + to, text + at, n);
        to += n;
        at += n;
    }
    return to;
}

void ph_printable_str(char *text)
{
    text[ph_printable((uint8_t *)text, strlen(text))] = '\0';
}
