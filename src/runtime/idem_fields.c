#include "runtime/idem_fields.h"

/* Cut the next field off `block`; false: there is none. */
static bool next_field(struct ph_bytes *block, struct ph_bytes *name, struct ph_bytes *value)
{
    const uint8_t *end = block->len ? memchr(block->ptr, '\n', block->len) : NULL;
    const size_t len = end ? (size_t)(end - block->ptr) : block->len;
    const uint8_t *colon = len ? memchr(block->ptr, ':', len) : NULL;

    if (!colon)
        return false;
    *name = (struct ph_bytes){block->ptr, (size_t)(colon - block->ptr)};
    *value = (struct ph_bytes){colon + 1, len - name->len - 1};
    while (value->len > 0 && *value->ptr == ' ')
        *value = (struct ph_bytes){value->ptr + 1, value->len - 1};
    const size_t used = len + (end ? 1 : 0);
    *block = (struct ph_bytes){block->ptr + used, block->len - used};
    return true;
}

size_t ph_idem_field_find(struct ph_bytes block, const char *wanted, struct ph_bytes *value)
{
    struct ph_bytes name, v;
    size_t cnt = 0;

    *value = (struct ph_bytes){NULL, 0};
    while (next_field(&block, &name, &v)) {
        if (!ph_bytes_is(name, wanted))
            continue;
        *value = v;
        cnt++;
    }
    return cnt;
}

bool ph_idem_key_is_right(struct ph_bytes key)
{
    for (size_t i = 0; i < key.len; i++) {
        if (key.ptr[i] < 0x21 || key.ptr[i] > 0x7e)
            return false;
    }
    return key.len > 0 && key.len <= PH_IDEM_KEY_MAX;
}
