#include "runtime/engine_priv.h"

#include <stdlib.h>

enum { WIDE_MIN = 128, WIDE_MAX = 16 * 1024 };

static bool is_ascii(const uint8_t *p, size_t len)
{
    uint64_t high = 0;
    size_t i = 0;

    for (; i + 8 <= len; i += 8) {
        uint64_t word;
        memcpy(&word, p + i, 8);
        high |= word;
    }
    for (; i < len; i++)
        high |= (uint64_t)p[i] << 56 | p[i];
    return (high & 0x8080808080808080ULL) == 0;
}

/* One code point of strict UTF-8 (RFC 3629); false: there is none at *at. */
static bool next_code_point(struct ph_bytes s, size_t *at, uint32_t *out)
{
    const uint8_t b = s.ptr[*at];
    const size_t more = b < 0x80 ? 0 : b >= 0xc2 && b < 0xe0 ? 1 : b >= 0xe0 && b < 0xf0 ? 2 : 3;
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};

    if ((b >= 0x80 && b < 0xc2) || b >= 0xf5 || s.len - *at <= more)
        return false;
    uint32_t c = more == 0 ? b : b & (0x3fU >> more);
    for (size_t i = 1; i <= more; i++) {
        if ((s.ptr[*at + i] & 0xc0) != 0x80)
            return false;
        c = c << 6 | (s.ptr[*at + i] & 0x3f);
    }
    if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return false;
    *at += more + 1;
    *out = c;
    return true;
}

static bool decode_utf8(struct ph_bytes s, JSChar *out, size_t *out_cnt)
{
    size_t at = 0, n = 0;

    while (at < s.len) {
        uint32_t c;
        if (!next_code_point(s, &at, &c))
            return false;
        if (c >= 0x10000) {
            out[n++] = (JSChar)(0xd7c0 + (c >> 10));
            out[n++] = (JSChar)(0xdc00 + (c & 0x3ff));
        } else {
            out[n++] = (JSChar)c;
        }
    }
    *out_cnt = n;
    return true;
}

static JSStringRef new_ascii(struct ph_bytes s)
{
    char small[1024];
    char *large PH_OWNED(ph_freep) = NULL;
    char *at = small;

    if (s.len >= sizeof(small)) {
        at = large = malloc(s.len + 1);
        if (!large)
            return NULL;
    }
    if (s.len > 0)
        memcpy(at, s.ptr, s.len);
    at[s.len] = '\0';
    return JSStringCreateWithUTF8CString(at);
}

/* Two bytes per character, but made without a look at each: the engine's own way takes two of them,
 * which is most of what a string of this length costs. */
static JSStringRef new_wide(struct ph_bytes s)
{
    JSChar wide[WIDE_MAX] __attribute__((uninitialized));

    for (size_t i = 0; i < s.len; i++)
        wide[i] = s.ptr[i];
    return JSStringCreateWithCharacters(wide, s.len);
}

JSStringRef ph_string_new(struct ph_bytes s)
{
    /* The engine keeps ASCII in one byte per character. */
    if (is_ascii(s.ptr, s.len)) {
        if (s.len >= WIDE_MIN && s.len <= WIDE_MAX)
            return new_wide(s);
        if (s.len == 0 || !memchr(s.ptr, 0, s.len))
            return new_ascii(s);
    }

    JSChar *wide PH_OWNED(ph_freep) = malloc((s.len + 1) * sizeof(*wide));
    size_t cnt = s.len;
    if (!wide)
        return NULL;
    if (!decode_utf8(s, wide, &cnt)) {
        cnt = s.len;
        for (size_t i = 0; i < s.len; i++)
            wide[i] = s.ptr[i];
    }
    return JSStringCreateWithCharacters(wide, cnt);
}

JSValueRef ph_string_value(struct ph_engine *e, struct ph_bytes utf8)
{
    const JSStringRef s = ph_string_new(utf8);
    if (!s) {
        ph_engine_check(e, PH_ERR_NOMEM);
        return e->js_null;
    }
    const JSValueRef value = JSValueMakeString(e->ctx, s);
    JSStringRelease(s);
    return value;
}

static uint32_t hash_of(struct ph_bytes s)
{
    uint64_t h = 0x9e3779b97f4a7c15ULL ^ s.len;
    size_t i = 0;

    for (; i + 8 <= s.len; i += 8) {
        uint64_t word;
        memcpy(&word, s.ptr + i, 8);
        h = (h ^ word) * 0xff51afd7ed558ccdULL;
        h ^= h >> 32;
    }
    for (; i < s.len; i++)
        h = (h ^ s.ptr[i]) * 0x100000001b3ULL;
    h ^= h >> 29;
    return (uint32_t)h | 1; /* 0 marks an empty place */
}

JSValueRef ph_string_cached(struct ph_engine *e, struct ph_bytes utf8)
{
    if (utf8.len > PH_STRING_CACHED_MAX)
        return ph_string_value(e, utf8);
    const uint32_t hash = hash_of(utf8);
    struct ph_cached_string *c = &e->strings[(hash >> 8) % PH_STRING_CACHE];
    if (c->value && c->hash == hash && c->len == utf8.len &&
        (utf8.len == 0 || memcmp(c->text, utf8.ptr, utf8.len) == 0))
        return c->value;

    const JSValueRef value = ph_string_value(e, utf8);
    if (c->seen != hash) {
        c->seen = hash;
        return value;
    }
    if (c->value)
        JSValueUnprotect(e->ctx, c->value);
    JSValueProtect(e->ctx, value);
    c->hash = hash;
    c->len = (uint16_t)utf8.len;
    if (utf8.len > 0)
        memcpy(c->text, utf8.ptr, utf8.len);
    c->value = value;
    return value;
}

size_t ph_string_room(JSStringRef string)
{
    return JSStringGetMaximumUTF8CStringSize(string); /* 3 a character and the NUL */
}

static size_t encode_utf8(const JSChar *s, size_t cnt, uint8_t *out)
{
    uint8_t *at = out;

    for (size_t i = 0; i < cnt; i++) {
        uint32_t c = s[i];
        if (c >= 0xd800 && c < 0xe000) {
            const bool pair = c < 0xdc00 && i + 1 < cnt && (s[i + 1] & 0xfc00) == 0xdc00;
            c = pair ? 0x10000 + ((c & 0x3ff) << 10) + (s[++i] & 0x3ff) : 0xfffd;
        }
        if (c < 0x80) {
            *at++ = (uint8_t)c;
            continue;
        }
        if (c >= 0x10000) {
            *at++ = (uint8_t)(0xf0 | c >> 18);
            *at++ = (uint8_t)(0x80 | (c >> 12 & 0x3f));
        } else if (c >= 0x800) {
            *at++ = (uint8_t)(0xe0 | c >> 12);
        }
        *at++ = c >= 0x800 ? (uint8_t)(0x80 | (c >> 6 & 0x3f)) : (uint8_t)(0xc0 | c >> 6);
        *at++ = (uint8_t)(0x80 | (c & 0x3f));
    }
    return (size_t)(at - out);
}

enum ph_err ph_string_append(struct ph_buf *out, JSStringRef string)
{
    uint8_t *at;
    const size_t cnt = JSStringGetLength(string);

    PH_TRY(ph_buf_reserve(out, ph_string_room(string), &at));
    const size_t len = JSStringGetUTF8CString(string, (char *)at, ph_string_room(string));
    /* The engine's encoder stops at a lone surrogate without saying so: only plain ASCII is taken
     * from it. */
    if (len == cnt + 1 && is_ascii(at, cnt)) {
        out->len += cnt;
        return PH_OK;
    }
    const JSChar *chars = JSStringGetCharactersPtr(string);
    if (!chars && cnt > 0)
        return PH_ERR_NOMEM;
    out->len += encode_utf8(chars, cnt, at);
    return PH_OK;
}
