#include "chain/abi.h"

#include <assert.h>
#include <stddef.h>

enum { WORD = 32 };

#define UINT(bytes)                                                                                \
    {                                                                                              \
        .kind = PH_ABI_U64, .size = (bytes), .head = WORD, .c_size = sizeof(uint64_t)              \
    }
const struct ph_abi_type ph_abi_u8 = UINT(1);
const struct ph_abi_type ph_abi_u16 = UINT(2);
const struct ph_abi_type ph_abi_u24 = UINT(3);
const struct ph_abi_type ph_abi_u32 = UINT(4);
const struct ph_abi_type ph_abi_u40 = UINT(5);
const struct ph_abi_type ph_abi_u48 = UINT(6);
const struct ph_abi_type ph_abi_u56 = UINT(7);
const struct ph_abi_type ph_abi_u64 = UINT(8);
#undef UINT
const struct ph_abi_type ph_abi_bool = {.kind = PH_ABI_BOOL, .head = WORD, .c_size = sizeof(bool)};
const struct ph_abi_type ph_abi_address = {
    .kind = PH_ABI_ADDRESS, .head = WORD, .c_size = sizeof(struct ph_eth_address)};
const struct ph_abi_type ph_abi_bytes = {
    .kind = PH_ABI_BYTES, .dynamic = true, .head = WORD, .c_size = sizeof(struct ph_bytes)};
const struct ph_abi_type ph_abi_bytes32 = {
    .kind = PH_ABI_FIXED, .size = 32, .head = WORD, .c_size = sizeof(struct ph_hash32)};
const struct ph_abi_type ph_abi_nothing = {.kind = PH_ABI_TUPLE};

/* Fields of a tuple and elements of a list are laid out alike: heads, then tails. */
struct seq {
    const struct ph_abi_field *fields; /* NULL: elements of one type */
    const struct ph_abi_type *of;
    uint32_t cnt;
};

static const struct ph_abi_type *seq_type(const struct seq *s, uint32_t i)
{
    return s->fields ? s->fields[i].type : s->of;
}

static size_t seq_offset(const struct seq *s, uint32_t i)
{
    if (s->fields)
        return s->fields[i].offset;
    assert(s->of);
    return (size_t)i * s->of->c_size;
}

static struct seq seq_of(const struct ph_abi_type *type)
{
    return type->kind == PH_ABI_TUPLE ? (struct seq){.fields = type->fields, .cnt = type->size}
                                      : (struct seq){.of = type->of, .cnt = type->size};
}

static enum ph_err zeros(struct ph_buf *out, size_t n)
{
    uint8_t *at;

    PH_TRY(ph_buf_reserve(out, n, &at));
    memset(at, 0, n);
    out->len += n;
    return PH_OK;
}

static void put_word(struct ph_buf *out, size_t at, uint64_t v)
{
    ph_put_u64be(out->ptr + at + WORD - sizeof(v), v);
}

static enum ph_err put_u64(const struct ph_abi_type *type, const void *in, struct ph_buf *out,
                           size_t at)
{
    uint64_t v;

    memcpy(&v, in, sizeof(v));
    if (type->size < sizeof(v) && v >> 8 * type->size != 0)
        return PH_ERR_LIMIT;
    put_word(out, at, v);
    return PH_OK;
}

static enum ph_err put_u256(const struct ph_abi_type *type, const uint8_t *in, struct ph_buf *out,
                            size_t at)
{
    for (size_t i = 0; i < WORD - type->size; i++)
        if (in[i] != 0)
            return PH_ERR_LIMIT;
    memcpy(out->ptr + at, in, WORD);
    return PH_OK;
}

static enum ph_err put_bytes(const void *in, struct ph_buf *out)
{
    struct ph_bytes view;
    uint8_t len[WORD] = {0};

    memcpy(&view, in, sizeof(view));
    ph_put_u64be(len + WORD - 8, view.len);
    PH_TRY(ph_buf_add(out, PH_BYTES_OF(len)));
    PH_TRY(ph_buf_add(out, view));
    return zeros(out, (WORD - view.len % WORD) % WORD);
}

static enum ph_err put_value(const struct ph_abi_type *type, const uint8_t *in, struct ph_buf *out,
                             size_t at);

/* Heads at `at`, where room is; tails at the end, their offsets counted from `at`. */
static enum ph_err put_seq(const struct seq *s, const uint8_t *in, struct ph_buf *out, size_t at)
{
    const size_t base = at;

    for (uint32_t i = 0; i < s->cnt; i++) {
        const struct ph_abi_type *type = seq_type(s, i);
        if (type->dynamic)
            put_word(out, at, out->len - base);
        PH_TRY(put_value(type, in + seq_offset(s, i), out, at));
        at += type->head;
    }
    return PH_OK;
}

static size_t heads_len(const struct seq *s)
{
    size_t len = 0;

    for (uint32_t i = 0; i < s->cnt; i++)
        len += seq_type(s, i)->head;
    return len;
}

/* A sequence as a tail of its own. */
static enum ph_err put_tail(const struct seq *s, const uint8_t *in, struct ph_buf *out)
{
    const size_t at = out->len;

    PH_TRY(zeros(out, heads_len(s)));
    return put_seq(s, in, out, at);
}

static enum ph_err put_list(const struct ph_abi_type *type, const void *in, struct ph_buf *out)
{
    struct ph_abi_list list;
    uint8_t cnt[WORD] = {0};

    memcpy(&list, in, sizeof(list));
    ph_put_u64be(cnt + WORD - 8, list.cnt);
    PH_TRY(ph_buf_add(out, PH_BYTES_OF(cnt)));
    const struct seq s = {.of = type->of, .cnt = list.cnt};
    return put_tail(&s, list.at, out);
}

/* Into the head at `at` (zeroed), or, if dynamic, behind everything. Recursion follows the type,
 * which is ours. */
static enum ph_err put_value(const struct ph_abi_type *type, const uint8_t *in, struct ph_buf *out,
                             size_t at)
{
    switch (type->kind) {
    case PH_ABI_U64:
        return put_u64(type, in, out, at);
    case PH_ABI_U256:
        return put_u256(type, in, out, at);
    case PH_ABI_BOOL:
        out->ptr[at + WORD - 1] = *(const bool *)in;
        return PH_OK;
    case PH_ABI_ADDRESS:
        memcpy(out->ptr + at + 12, in, 20);
        return PH_OK;
    case PH_ABI_FIXED:
        memcpy(out->ptr + at, in, type->size);
        return PH_OK;
    case PH_ABI_BYTES:
        return put_bytes(in, out);
    case PH_ABI_LIST:
        return put_list(type, in, out);
    case PH_ABI_ARRAY:
    case PH_ABI_TUPLE:
        break;
    }
    const struct seq s = seq_of(type);
    return type->dynamic ? put_tail(&s, in, out) : put_seq(&s, in, out, at);
}

enum ph_err ph_abi_encode(const struct ph_abi_type *tuple, const void *in, struct ph_buf *out)
{
    const size_t before = out->len;
    const struct seq s = seq_of(tuple);

    assert(tuple->kind == PH_ABI_TUPLE);
    const enum ph_err err = put_tail(&s, in, out);
    if (err != PH_OK)
        out->len = before;
    return err;
}

/* Decoding. `base` is what offsets count from. */
static bool word_at(struct ph_bytes base, size_t at, const uint8_t **out)
{
    if (at > base.len || base.len - at < WORD)
        return false;
    *out = base.ptr + at;
    return true;
}

static bool all_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0)
            return false;
    return true;
}

/* A word that counts or points: at most `max`. */
static bool read_size(struct ph_bytes base, size_t at, size_t max, size_t *out)
{
    const uint8_t *word;
    uint64_t v;

    if (!word_at(base, at, &word) || !all_zero(word, WORD - 8))
        return false;
    struct ph_reader r = {{word + WORD - 8, 8}};
    if (!ph_read_u64be(&r, &v) || v > max)
        return false;
    *out = v;
    return true;
}

static void *take(struct ph_abi_mem *mem, size_t len)
{
    const size_t align = _Alignof(max_align_t);
    const size_t at = (mem->used + align - 1) / align * align;

    if (at > mem->len || len > mem->len - at)
        return NULL;
    mem->used = at + len;
    return mem->ptr + at;
}

static enum ph_err get_u64(const struct ph_abi_type *type, const uint8_t *word, void *out)
{
    uint64_t v;
    struct ph_reader r = {{word + WORD - 8, 8}};

    if (!all_zero(word, WORD - type->size) || !ph_read_u64be(&r, &v))
        return PH_ERR_MALFORMED;
    memcpy(out, &v, sizeof(v));
    return PH_OK;
}

static enum ph_err get_word(const struct ph_abi_type *type, const uint8_t *word, void *out)
{
    switch (type->kind) {
    case PH_ABI_U64:
        return get_u64(type, word, out);
    case PH_ABI_U256:
        if (!all_zero(word, WORD - type->size))
            return PH_ERR_MALFORMED;
        memcpy(out, word, WORD);
        return PH_OK;
    case PH_ABI_BOOL:
        if (!all_zero(word, WORD - 1) || word[WORD - 1] > 1)
            return PH_ERR_MALFORMED;
        *(bool *)out = word[WORD - 1] == 1;
        return PH_OK;
    case PH_ABI_ADDRESS:
        if (!all_zero(word, 12))
            return PH_ERR_MALFORMED;
        memcpy(out, word + 12, 20);
        return PH_OK;
    case PH_ABI_FIXED:
        if (!all_zero(word + type->size, WORD - type->size))
            return PH_ERR_MALFORMED;
        memcpy(out, word, type->size);
        return PH_OK;
    case PH_ABI_BYTES:
    case PH_ABI_LIST:
    case PH_ABI_ARRAY:
    case PH_ABI_TUPLE:
        break;
    }
    return PH_ERR_MALFORMED;
}

static enum ph_err get_bytes(struct ph_bytes tail, void *out)
{
    size_t len;

    if (!read_size(tail, 0, tail.len, &len) || len > tail.len - WORD)
        return PH_ERR_MALFORMED;
    const size_t pad = (WORD - len % WORD) % WORD;
    const struct ph_bytes view = {tail.ptr + WORD, len};
    if (pad > tail.len - WORD - len || !all_zero(view.ptr + len, pad))
        return PH_ERR_MALFORMED;
    memcpy(out, &view, sizeof(view));
    return PH_OK;
}

static enum ph_err get_value(const struct ph_abi_type *type, struct ph_bytes base, size_t at,
                             struct ph_abi_mem *mem, uint8_t *out);

static enum ph_err get_seq(const struct seq *s, struct ph_bytes base, size_t at,
                           struct ph_abi_mem *mem, uint8_t *out)
{
    for (uint32_t i = 0; i < s->cnt; i++) {
        const struct ph_abi_type *type = seq_type(s, i);
        PH_TRY(get_value(type, base, at, mem, out + seq_offset(s, i)));
        at += type->head;
    }
    return PH_OK;
}

/* Tails may overlap; `mem` bounds what a document of such makes. */
static enum ph_err get_list(const struct ph_abi_type *type, struct ph_bytes tail,
                            struct ph_abi_mem *mem, void *out)
{
    struct ph_abi_list list = {0};
    size_t cnt;

    if (!read_size(tail, 0, (tail.len - WORD) / type->of->head, &cnt) || cnt > UINT32_MAX)
        return PH_ERR_MALFORMED;
    uint8_t *at = take(mem, cnt * type->of->c_size);
    if (!at)
        return PH_ERR_LIMIT;
    memset(at, 0, cnt * type->of->c_size);
    list.at = at;
    list.cnt = (uint32_t)cnt;
    const struct ph_bytes body = {tail.ptr + WORD, tail.len - WORD};
    const struct seq s = {.of = type->of, .cnt = list.cnt};
    PH_TRY(get_seq(&s, body, 0, mem, at));
    memcpy(out, &list, sizeof(list));
    return PH_OK;
}

static enum ph_err get_dynamic(const struct ph_abi_type *type, struct ph_bytes tail,
                               struct ph_abi_mem *mem, uint8_t *out)
{
    if (type->kind == PH_ABI_BYTES)
        return get_bytes(tail, out);
    if (type->kind == PH_ABI_LIST)
        return tail.len < WORD ? PH_ERR_MALFORMED : get_list(type, tail, mem, out);
    const struct seq s = seq_of(type);
    return get_seq(&s, tail, 0, mem, out);
}

static enum ph_err get_value(const struct ph_abi_type *type, struct ph_bytes base, size_t at,
                             struct ph_abi_mem *mem, uint8_t *out)
{
    const uint8_t *word;
    size_t offset;

    if (type->dynamic) {
        if (!read_size(base, at, base.len, &offset))
            return PH_ERR_MALFORMED;
        return get_dynamic(type, (struct ph_bytes){base.ptr + offset, base.len - offset}, mem, out);
    }
    if (type->kind == PH_ABI_TUPLE || type->kind == PH_ABI_ARRAY) {
        const struct seq s = seq_of(type);
        return get_seq(&s, base, at, mem, out);
    }
    return word_at(base, at, &word) ? get_word(type, word, out) : PH_ERR_MALFORMED;
}

enum ph_err ph_abi_decode(const struct ph_abi_type *tuple, struct ph_bytes data,
                          struct ph_abi_mem *mem, void *out)
{
    const struct seq s = seq_of(tuple);
    const size_t used = mem->used;

    assert(tuple->kind == PH_ABI_TUPLE);
    uint8_t *whole = take(mem, tuple->c_size);
    if (!whole)
        return PH_ERR_LIMIT;
    memset(whole, 0, tuple->c_size);
    const enum ph_err err = get_seq(&s, data, 0, mem, whole);
    if (err != PH_OK) {
        mem->used = used;
        return err;
    }
    if (tuple->c_size > 0)
        memcpy(out, whole, tuple->c_size);
    return PH_OK;
}

enum ph_err ph_abi_encode_call(const struct ph_abi_call *call, const void *in, struct ph_buf *out)
{
    const size_t before = out->len;

    PH_TRY(ph_buf_add(out, PH_BYTES_OF(call->selector)));
    const enum ph_err err = ph_abi_encode(call->in, in, out);
    if (err != PH_OK)
        out->len = before;
    return err;
}

/* The indexed arguments, one word each. */
static enum ph_err get_topics(const struct ph_abi_event *event, const struct ph_hash32 *topics,
                              uint8_t *out)
{
    for (uint32_t i = 0; i < event->indexed->size; i++) {
        const struct ph_abi_field *field = &event->indexed->fields[i];
        PH_TRY(get_word(field->type, topics[i].b, out + field->offset));
    }
    return PH_OK;
}

enum ph_err ph_abi_decode_event(const struct ph_abi_event *event, const struct ph_hash32 *topics,
                                size_t topic_cnt, struct ph_bytes data, struct ph_abi_mem *mem,
                                void *out)
{
    const struct seq s = seq_of(event->data);

    if (topic_cnt == 0 || memcmp(topics[0].b, event->topic.b, sizeof(event->topic.b)) != 0)
        return PH_ERR_NOT_FOUND;
    if (topic_cnt != 1 + (size_t)event->indexed->size)
        return PH_ERR_MALFORMED;
    uint8_t *whole = take(mem, event->data->c_size);
    if (!whole)
        return PH_ERR_LIMIT;
    memset(whole, 0, event->data->c_size);
    PH_TRY(get_topics(event, topics + 1, whole));
    PH_TRY(get_seq(&s, data, 0, mem, whole));
    memcpy(out, whole, event->data->c_size);
    return PH_OK;
}

const char *ph_abi_error_name(const struct ph_abi_error *errors, size_t error_cnt,
                              struct ph_bytes revert_data)
{
    for (size_t i = 0; revert_data.len >= 4 && i < error_cnt; i++)
        if (memcmp(errors[i].selector, revert_data.ptr, sizeof(errors[i].selector)) == 0)
            return errors[i].signature;
    return NULL;
}
