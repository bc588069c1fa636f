#include "codec/jread.h"

#include "base/clock.h"
#include "base/hex.h"

#include <stdio.h>

enum ph_err ph_jread_bad(struct ph_json_why *why, const char *path, const char *key,
                         const char *what)
{
    (void)snprintf(why->text, sizeof(why->text), "%s%s%s: %s", path, *path && *key ? "." : "", key,
                   what);
    return PH_ERR_MALFORMED;
}

enum ph_err ph_jread_open(struct ph_bytes text, size_t max_len, struct ph_jtok *toks,
                          uint32_t tok_cap, struct ph_jdoc *out, struct ph_json_why *why)
{
    if (text.len > max_len) {
        (void)snprintf(why->text, sizeof(why->text), "the document is longer than %zu bytes",
                       max_len);
        return PH_ERR_LIMIT;
    }
    const enum ph_err err = ph_jscan(text, toks, tok_cap, out);
    if (err == PH_ERR_LIMIT)
        (void)snprintf(why->text, sizeof(why->text), "the document has more than %u values",
                       tok_cap);
    else if (err != PH_OK)
        (void)snprintf(why->text, sizeof(why->text),
                       "not JSON, or with duplicate keys, fractions or too deep nesting");
    return err;
}

enum ph_err ph_jread_only_keys(const struct ph_jdoc *doc, uint32_t tok, const char *path,
                               const char *const *allowed, struct ph_json_why *why)
{
    if (doc->toks[tok].type != PH_JOBJECT)
        return ph_jread_bad(why, path, *path ? "" : "document", "expected an object");
    for (uint32_t t = ph_jscan_first(tok); ph_jread_in(doc, tok, t); t = doc->toks[t].next) {
        const struct ph_bytes key = {doc->text.ptr + doc->toks[t].key_start,
                                     doc->toks[t].key_end - doc->toks[t].key_start};
        size_t i = 0;
        while (allowed[i] && !ph_bytes_is(key, allowed[i]))
            i++;
        if (!allowed[i]) {
            (void)snprintf(why->text, sizeof(why->text), "%s%s%.*s: unknown key", path,
                           *path ? "." : "", key.len > 64 ? 64 : (int)key.len,
                           (const char *)key.ptr);
            return PH_ERR_MALFORMED;
        }
    }
    return PH_OK;
}

enum ph_err ph_jread_all_keys(const struct ph_jdoc *doc, uint32_t tok, const char *path,
                              const char *const *required, struct ph_json_why *why)
{
    if (doc->toks[tok].type == PH_JOBJECT)
        for (size_t i = 0; required[i]; i++)
            if (ph_jscan_get(doc, tok, required[i]) == 0)
                return ph_jread_bad(why, path, required[i], "is missing");
    return ph_jread_only_keys(doc, tok, path, required, why);
}

enum ph_err ph_jread_int(const struct ph_jdoc *doc, uint32_t object, const char *path,
                         const char *key, uint64_t min, uint64_t max, uint64_t *out,
                         struct ph_json_why *why)
{
    const uint32_t t = ph_jscan_get(doc, object, key);
    char what[80];
    uint64_t v;

    if (!t)
        return PH_OK;
    if (ph_jscan_u64(doc, t, &v) != PH_OK || v < min || v > max) {
        (void)snprintf(what, sizeof(what), "expected an integer from %llu to %llu",
                       (unsigned long long)min, (unsigned long long)max);
        return ph_jread_bad(why, path, key, what);
    }
    *out = v;
    return PH_OK;
}

enum ph_err ph_jread_bool(const struct ph_jdoc *doc, uint32_t object, const char *path,
                          const char *key, bool *out, struct ph_json_why *why)
{
    const uint32_t t = ph_jscan_get(doc, object, key);

    if (!t)
        return PH_OK;
    if (doc->toks[t].type != PH_JBOOL)
        return ph_jread_bad(why, path, key, "expected true or false");
    *out = ph_bytes_is(ph_jscan_raw(doc, t), "true");
    return PH_OK;
}

enum ph_err ph_jread_str(const struct ph_jdoc *doc, uint32_t object, const char *path,
                         const char *key, size_t min, size_t max, struct ph_bytes *out,
                         struct ph_json_why *why)
{
    const uint32_t t = ph_jscan_get(doc, object, key);
    struct ph_bytes v;
    char what[96];

    if (!t)
        return PH_OK;
    if (ph_jscan_str(doc, t, &v) != PH_OK || v.len < min || v.len > max) {
        (void)snprintf(what, sizeof(what), "expected a string of %zu to %zu bytes without escapes",
                       min, max);
        return ph_jread_bad(why, path, key, what);
    }
    *out = v;
    return PH_OK;
}

enum ph_err ph_jread_hex(const struct ph_jdoc *doc, uint32_t object, const char *path,
                         const char *key, uint8_t *out, size_t len, bool *present,
                         struct ph_json_why *why)
{
    const uint32_t t = ph_jscan_get(doc, object, key);
    char what[64];

    if (!t)
        return PH_OK;
    if (ph_jscan_hex(doc, t, out, len) != PH_OK) {
        (void)snprintf(what, sizeof(what), "expected %zu bytes in hexadecimal", len);
        return ph_jread_bad(why, path, key, what);
    }
    *present = true;
    return PH_OK;
}

enum ph_err ph_jread_hex_0x(const struct ph_jdoc *doc, uint32_t object, const char *path,
                            const char *key, uint8_t *out, size_t len, bool *present,
                            struct ph_json_why *why)
{
    const uint32_t t = ph_jscan_get(doc, object, key);
    struct ph_bytes text;
    char what[64];

    if (!t)
        return PH_OK;
    if (ph_jscan_str(doc, t, &text) != PH_OK || ph_hex_decode(text, out, len) != PH_OK) {
        (void)snprintf(what, sizeof(what), "expected %zu bytes in hexadecimal", len);
        return ph_jread_bad(why, path, key, what);
    }
    *present = true;
    return PH_OK;
}

enum ph_err ph_jread_time(const struct ph_jdoc *doc, uint32_t object, const char *path,
                          const char *key, int64_t *out, struct ph_json_why *why)
{
    const uint32_t t = ph_jscan_get(doc, object, key);
    struct ph_bytes text;

    if (!t)
        return PH_OK;
    if (ph_jscan_str(doc, t, &text) != PH_OK || ph_time_parse_rfc3339(text, out) != PH_OK)
        return ph_jread_bad(why, path, key, "expected a time like 2024-03-13T00:00:00Z");
    return PH_OK;
}

enum ph_err ph_jread_array(const struct ph_jdoc *doc, uint32_t object, const char *path,
                           const char *key, uint32_t max, uint32_t *out, struct ph_json_why *why)
{
    const uint32_t t = ph_jscan_get(doc, object, key);
    char what[64];

    *out = t;
    if (t && (doc->toks[t].type != PH_JARRAY || doc->toks[t].cnt > max)) {
        (void)snprintf(what, sizeof(what), "expected an array of at most %u", max);
        return ph_jread_bad(why, path, key, what);
    }
    return PH_OK;
}

enum ph_err ph_jread_object(const struct ph_jdoc *doc, uint32_t object, const char *path,
                            const char *key, uint32_t *out, struct ph_json_why *why)
{
    const uint32_t t = ph_jscan_get(doc, object, key);

    *out = t;
    if (t && doc->toks[t].type != PH_JOBJECT)
        return ph_jread_bad(why, path, key, "expected an object");
    return PH_OK;
}

static uint32_t hex4(const uint8_t *p)
{
    uint32_t v = 0;
    for (size_t i = 0; i < 4; i++)
        v = v << 4 | (uint32_t)(p[i] <= '9' ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10);
    return v;
}

/* One escape at p[0] == '\\', checked by the scanner: its bytes in UTF-8; yields its length. */
static size_t unescape(const uint8_t *p, uint8_t out[static 4], size_t *out_len)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    size_t used = 6;

    if (p[1] != 'u') {
        out[0] = (uint8_t)to[strchr(from, p[1]) - from];
        *out_len = 1;
        return 2;
    }
    uint32_t c = hex4(p + 2);
    if (c >= 0xd800 && c < 0xdc00) {
        c = 0x10000 + ((c - 0xd800) << 10) + (hex4(p + 8) - 0xdc00);
        used = 12;
    }
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        *out_len = 1;
    } else if (c < 0x800) {
        out[0] = (uint8_t)(0xc0 | c >> 6);
        *out_len = 2;
    } else if (c < 0x10000) {
        out[0] = (uint8_t)(0xe0 | c >> 12);
        *out_len = 3;
    } else {
        out[0] = (uint8_t)(0xf0 | c >> 18);
        *out_len = 4;
    }
    for (size_t i = 1; i < *out_len; i++)
        out[i] = (uint8_t)(0x80 | (c >> 6 * (*out_len - 1 - i) & 0x3f));
    return used;
}

enum ph_err ph_jread_unescape(const struct ph_jdoc *doc, uint32_t tok, struct ph_buf *out)
{
    const struct ph_bytes raw = ph_jscan_raw(doc, tok);
    uint8_t *to;

    if (doc->toks[tok].type != PH_JSTRING)
        return PH_ERR_MALFORMED;
    PH_TRY(ph_buf_reserve(out, raw.len, &to));
    const uint8_t *p = raw.ptr + 1, *end = raw.ptr + raw.len - 1;
    size_t len = 0, n;
    while (p < end) {
        if (*p != '\\') {
            to[len++] = *p++;
            continue;
        }
        p += unescape(p, to + len, &n);
        len += n;
    }
    out->len += len;
    return PH_OK;
}
