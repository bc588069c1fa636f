#include "node/guest_params.h"

#include "base/hex.h"
#include "base/own.h"

#include <stdio.h>
#include <stdlib.h>

static enum ph_err fail(struct ph_json_why *why, const char *text)
{
    (void)snprintf(why->text, sizeof(why->text), "%s", text);
    return PH_ERR_MALFORMED;
}

enum ph_err ph_guest_params_body(struct ph_bytes body, json_t **out, struct ph_json_why *why)
{
    json_t *doc PH_OWNED(ph_json_freep) = NULL;

    if (body.len == 0)
        body = PH_BYTES_LIT("{}");
    PH_TRY(ph_json_load(body, PH_GUEST_BODY_MAX, &doc, why));
    if (!json_is_object(doc))
        return fail(why, "the body is not a JSON object");
    *out = doc;
    doc = NULL;
    return PH_OK;
}

/* Percent-decode in place of `out`, which has room for text.len + 1 bytes. */
static bool decode(struct ph_bytes text, char *out, size_t *len)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '%') {
            const struct ph_bytes digits = {text.ptr + i + 1, 2};
            if (text.len - i < 3 || ph_hex_decode(digits, &c, 1) != PH_OK)
                return false;
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        if (c == '\0')
            return false;
        out[n++] = (char)c;
    }
    out[n] = '\0';
    *len = n;
    return true;
}

static enum ph_err add_pair(json_t *object, struct ph_bytes pair, struct ph_json_why *why)
{
    const uint8_t *eq = memchr(pair.ptr, '=', pair.len);
    const size_t name_len = eq ? (size_t)(eq - pair.ptr) : pair.len;
    const struct ph_bytes value =
        eq ? (struct ph_bytes){eq + 1, pair.len - name_len - 1} : (struct ph_bytes){NULL, 0};
    char *name PH_OWNED(ph_freep) = malloc(name_len + 1);
    char *text PH_OWNED(ph_freep) = malloc(value.len + 1);
    size_t n, text_len;

    if (!name || !text)
        return PH_ERR_NOMEM;
    if (!decode((struct ph_bytes){pair.ptr, name_len}, name, &n) || !decode(value, text, &text_len))
        return fail(why, "the query is not percent-encoded text");
    if (json_object_get(object, name))
        return fail(why, "the query names a parameter twice");
    json_t *string = json_stringn(text, text_len); /* NULL also: no UTF-8 */
    if (!string || json_object_set_new(object, name, string) != 0)
        return fail(why, "the query is not UTF-8 text");
    return PH_OK;
}

enum ph_err ph_guest_params_query(struct ph_bytes query, json_t **out, struct ph_json_why *why)
{
    json_t *object PH_OWNED(ph_json_freep) = json_object();

    if (!object)
        return PH_ERR_NOMEM;
    while (query.len > 0) {
        const uint8_t *end = memchr(query.ptr, '&', query.len);
        const size_t len = end ? (size_t)(end - query.ptr) : query.len;
        if (json_object_size(object) == PH_GUEST_PARAMS_MAX)
            return fail(why, "the query has too many parameters");
        if (len > 0)
            PH_TRY(add_pair(object, (struct ph_bytes){query.ptr, len}, why));
        query.ptr += len + (end ? 1 : 0);
        query.len -= len + (end ? 1 : 0);
    }
    *out = object;
    object = NULL;
    return PH_OK;
}

enum ph_err ph_guest_params_hex(const json_t *params, const char *key, size_t max, uint8_t *out,
                                size_t *len, struct ph_json_why *why)
{
    const char *text = "";

    PH_TRY(ph_json_str(params, "", key, 0, 2 * max + 2, &text, why));
    if (text[0] == '0' && text[1] == 'x')
        text += 2;
    const struct ph_bytes digits = ph_bytes_str(text);
    if (digits.len % 2 != 0 || digits.len > 2 * max || (digits.len >= 2 && digits.ptr[1] == 'x') ||
        ph_hex_decode(digits, out, digits.len / 2) != PH_OK) {
        (void)snprintf(why->text, sizeof(why->text), "%s: not hex digits of at most %zu bytes", key,
                       max);
        return PH_ERR_MALFORMED;
    }
    *len = digits.len / 2;
    return PH_OK;
}
