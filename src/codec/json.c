#include "codec/json.h"

#include "base/own.h"

#include <stdarg.h>
#include <stdio.h>

void ph_json_freep(json_t **doc)
{
    json_decref(*doc);
}

/* Set why->text, printable ASCII and UTF-8 only: it may quote the document. */
__attribute__((format(printf, 2, 3))) static void set_why(struct ph_json_why *why, const char *fmt,
                                                          ...)
{
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(why->text, sizeof(why->text), fmt, args);
    va_end(args);
    for (char *p = why->text; *p != '\0'; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    }
}

/* "path.key", "path" or "key", as far as they are there. */
#define AT_FMT "%s%s%s"
#define AT(path, key) (path), (path)[0] != '\0' && (key)[0] != '\0' ? "." : "", (key)

/* Brackets outside strings are counted before jansson, which recurses, sees the text. */
static bool too_deep(struct ph_bytes text)
{
    size_t depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < text.len; i++) {
        const uint8_t c = text.ptr[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > PH_JSON_DEPTH)
                return true;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return false;
}

enum ph_err ph_json_load(struct ph_bytes text, size_t max_len, json_t **out,
                         struct ph_json_why *why)
{
    json_error_t error;

    if (text.len > max_len) {
        set_why(why, "the document has %zu bytes; at most %zu are accepted", text.len, max_len);
        return PH_ERR_LIMIT;
    }
    if (too_deep(text)) {
        set_why(why, "nested deeper than %d levels", PH_JSON_DEPTH);
        return PH_ERR_MALFORMED;
    }
    json_t *doc = json_loadb(text.len > 0 ? (const char *)text.ptr : "", text.len,
                             JSON_REJECT_DUPLICATES, &error);
    if (!doc) {
        set_why(why, "line %d, column %d: %s", error.line, error.column, error.text);
        return json_error_code(&error) == json_error_out_of_memory ? PH_ERR_NOMEM
                                                                   : PH_ERR_MALFORMED;
    }
    *out = doc;
    return PH_OK;
}

static enum ph_err check_object(const json_t *object, const char *path, struct ph_json_why *why)
{
    if (!json_is_object(object)) {
        set_why(why, "%s: expected an object", path[0] != '\0' ? path : "document");
        return PH_ERR_MALFORMED;
    }
    return PH_OK;
}

static bool in_list(const char *key, size_t len, const char *const *list)
{
    for (; *list; list++) {
        if (strlen(*list) == len && memcmp(*list, key, len) == 0)
            return true;
    }
    return false;
}

enum ph_err ph_json_only_keys(const json_t *object, const char *path, const char *const *allowed,
                              struct ph_json_why *why)
{
    PH_TRY(check_object(object, path, why));
    /* jansson's iterator takes a mutable object but only reads it. */
    json_t *o = (json_t *)(uintptr_t)object;
    for (void *it = json_object_iter(o); it; it = json_object_iter_next(o, it)) {
        const char *key = json_object_iter_key(it);
        if (in_list(key, json_object_iter_key_len(it), allowed))
            continue;
        char known[160] = "none";
        size_t n = 0;
        for (const char *const *k = allowed; *k && n < sizeof(known); k++)
            n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s", n > 0 ? ", " : "", *k);
        set_why(why, AT_FMT ": unknown key; known here: %s", path, path[0] != '\0' ? "." : "", key,
                known);
        return PH_ERR_MALFORMED;
    }
    return PH_OK;
}

enum ph_err ph_json_int(const json_t *object, const char *path, const char *key, int64_t min,
                        int64_t max, int64_t *out, struct ph_json_why *why)
{
    PH_TRY(check_object(object, path, why));
    const json_t *value = json_object_get(object, key);
    if (!value)
        return PH_OK;
    const json_int_t n = json_integer_value(value);
    if (!json_is_integer(value) || n < min || n > max) {
        set_why(why, AT_FMT ": expected an integer from %lld to %lld", AT(path, key),
                (long long)min, (long long)max);
        return PH_ERR_MALFORMED;
    }
    *out = n;
    return PH_OK;
}

enum ph_err ph_json_str(const json_t *object, const char *path, const char *key, size_t min,
                        size_t max, const char **out, struct ph_json_why *why)
{
    PH_TRY(check_object(object, path, why));
    const json_t *value = json_object_get(object, key);
    if (!value)
        return PH_OK;
    const char *text = json_string_value(value);
    const size_t len = json_string_length(value);
    if (!text || len < min || len > max || memchr(text, '\0', len)) {
        set_why(why, AT_FMT ": expected a string of %zu to %zu bytes", AT(path, key), min, max);
        return PH_ERR_MALFORMED;
    }
    *out = text;
    return PH_OK;
}

struct sink {
    struct ph_buf *buf;
    enum ph_err err;
};

static int add_to_sink(const char *text, size_t len, void *arg)
{
    struct sink *sink = arg;

    sink->err = ph_buf_add(sink->buf, (struct ph_bytes){(const uint8_t *)text, len});
    return sink->err == PH_OK ? 0 : -1;
}

enum ph_err ph_json_dump(const json_t *doc, struct ph_buf *out)
{
    struct sink sink = {.buf = out};
    const size_t before = out->len;

    if (json_dump_callback(doc, add_to_sink, &sink, JSON_COMPACT | JSON_ENCODE_ANY) != 0) {
        out->len = before;
        return sink.err != PH_OK ? sink.err : PH_ERR_MALFORMED;
    }
    return PH_OK;
}
