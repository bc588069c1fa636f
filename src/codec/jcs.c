/* ph_json_canonical: RFC 8785, without recursion. */

#include "codec/json.h"

#include <stdlib.h>

struct member {
    const char *key;
    size_t key_len;
    const json_t *value;
};

/* A container that is being written. */
struct frame {
    const json_t *value;
    struct member *members; /* of an object, sorted, ours; NULL for an array */
    size_t cnt, next;
};

/* RFC 8785 §3.2.3: by UTF-16 code units. UTF-8 bytes order the same way, except that characters
 * over U+FFFF (lead bytes from 0xf0) come before U+E000..U+FFFF (lead bytes 0xee and 0xef), being
 * written with surrogates. Both keys are valid UTF-8, so the first bytes that differ are of the
 * same rank. */
static int compare_members(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    const size_t n = x->key_len < y->key_len ? x->key_len : y->key_len;

    for (size_t i = 0; i < n; i++) {
        const uint8_t p = (uint8_t)x->key[i], q = (uint8_t)y->key[i];
        if (p == q)
            continue;
        if (p >= 0xee && q >= 0xee && (p >= 0xf0) != (q >= 0xf0))
            return p >= 0xf0 ? -1 : 1;
        return p < q ? -1 : 1;
    }
    return x->key_len < y->key_len ? -1 : x->key_len > y->key_len;
}

/* RFC 8785 §3.2.2.2 */
static enum ph_err put_string(const char *text, size_t len, struct ph_buf *out)
{
    static const char digits[] = "0123456789abcdef", from[] = "\b\t\n\f\r\"\\", to[] = "btnfr\"\\";
    const uint8_t *p = (const uint8_t *)text;
    size_t plain = 0;

    PH_TRY(ph_buf_add_str(out, "\""));
    for (size_t i = 0; i < len; i++) {
        if (p[i] >= 0x20 && p[i] != '"' && p[i] != '\\')
            continue;
        char escape[7] = "\\u00";
        const char *hit = p[i] != 0 ? strchr(from, p[i]) : NULL;
        if (hit) {
            escape[1] = to[hit - from];
            escape[2] = '\0';
        } else {
            escape[4] = digits[p[i] >> 4];
            escape[5] = digits[p[i] & 15];
        }
        PH_TRY(ph_buf_add(out, (struct ph_bytes){p + plain, i - plain}));
        PH_TRY(ph_buf_add_str(out, escape));
        plain = i + 1;
    }
    PH_TRY(ph_buf_add(out, (struct ph_bytes){p + plain, len - plain}));
    return ph_buf_add_str(out, "\"");
}

static enum ph_err put_scalar(const json_t *value, struct ph_buf *out)
{
    /* RFC 8785 §3.2.2.3 writes numbers as doubles: an integer past 2^53 - 1 has no exact one. */
    static const json_int_t exact_max = (1ll << 53) - 1;
    json_int_t n;

    switch (json_typeof(value)) {
    case JSON_STRING:
        return put_string(json_string_value(value), json_string_length(value), out);
    case JSON_INTEGER:
        n = json_integer_value(value);
        if (n > exact_max || n < -exact_max)
            return PH_ERR_UNSUPPORTED;
        return ph_buf_addf(out, "%lld", (long long)n);
    case JSON_TRUE:
        return ph_buf_add_str(out, "true");
    case JSON_FALSE:
        return ph_buf_add_str(out, "false");
    case JSON_NULL:
        return ph_buf_add_str(out, "null");
    case JSON_REAL:
    case JSON_OBJECT:
    case JSON_ARRAY:
        break;
    }
    return PH_ERR_UNSUPPORTED;
}

static enum ph_err open_frame(const json_t *value, struct frame *frame, struct ph_buf *out)
{
    *frame = (struct frame){.value = value};
    if (json_is_array(value)) {
        frame->cnt = json_array_size(value);
        return ph_buf_add_str(out, "[");
    }
    json_t *object = (json_t *)(uintptr_t)value; /* iterators take a mutable object but only read */
    frame->members = calloc(json_object_size(value) + 1, sizeof(*frame->members));
    if (!frame->members)
        return PH_ERR_NOMEM;
    for (void *it = json_object_iter(object); it; it = json_object_iter_next(object, it))
        frame->members[frame->cnt++] = (struct member){
            json_object_iter_key(it), json_object_iter_key_len(it), json_object_iter_value(it)};
    qsort(frame->members, frame->cnt, sizeof(*frame->members), compare_members);
    return ph_buf_add_str(out, "{");
}

/* Comma, key and colon as due; *value is the next value, NULL after the closing bracket. */
static enum ph_err step_frame(struct frame *frame, const json_t **value, struct ph_buf *out)
{
    *value = NULL;
    if (frame->next == frame->cnt)
        return ph_buf_add_str(out, frame->members ? "}" : "]");
    const size_t i = frame->next++;
    if (i > 0)
        PH_TRY(ph_buf_add_str(out, ","));
    if (!frame->members) {
        *value = json_array_get(frame->value, i);
        return PH_OK;
    }
    PH_TRY(put_string(frame->members[i].key, frame->members[i].key_len, out));
    *value = frame->members[i].value;
    return ph_buf_add_str(out, ":");
}

static enum ph_err put_doc(const json_t *doc, struct frame *stack, size_t *depth,
                           struct ph_buf *out)
{
    const json_t *value = doc;

    do {
        if (!value) {
            free(stack[--*depth].members);
        } else if (!json_is_object(value) && !json_is_array(value)) {
            PH_TRY(put_scalar(value, out));
        } else if (*depth == PH_JSON_DEPTH) {
            return PH_ERR_LIMIT;
        } else {
            PH_TRY(open_frame(value, &stack[(*depth)++], out));
        }
        if (*depth > 0)
            PH_TRY(step_frame(&stack[*depth - 1], &value, out));
    } while (*depth > 0);
    return PH_OK;
}

enum ph_err ph_json_canonical(const json_t *doc, struct ph_buf *out)
{
    struct frame stack[PH_JSON_DEPTH] = {0};
    const size_t before = out->len;
    size_t depth = 0;

    const enum ph_err err = put_doc(doc, stack, &depth, out);
    while (depth > 0)
        free(stack[--depth].members);
    if (err != PH_OK)
        out->len = before;
    return err;
}
