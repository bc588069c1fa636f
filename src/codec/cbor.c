#include "codec/cbor.h"

#include "codec/utf8.h"

enum { BREAK = 0xff, INDEFINITE = 31 };

/* RFC 8949 §3: the argument that additional information 0..27 announces, in its shortest form. */
static enum ph_err read_argument(struct ph_reader *r, uint8_t info, uint64_t *out)
{
    static const uint64_t least[] = {24, 0x100, 0x10000, 0x100000000};
    struct ph_bytes view;
    uint64_t v = 0;

    if (info < 24) {
        *out = info;
        return PH_OK;
    }
    if (info > 27 || !ph_read_view(r, (size_t)1 << (info - 24), &view))
        return PH_ERR_MALFORMED;
    for (size_t i = 0; i < view.len; i++)
        v = v << 8 | view.ptr[i];
    if (v < least[info - 24])
        return PH_ERR_MALFORMED;
    *out = v;
    return PH_OK;
}

static enum ph_err read_string(struct ph_reader *r, struct ph_cbor *e)
{
    if (e->value > r->rest.len || !ph_read_view(r, (size_t)e->value, &e->bytes))
        return PH_ERR_MALFORMED;
    return e->type == PH_CBOR_TEXT && !ph_utf8_valid(e->bytes) ? PH_ERR_MALFORMED : PH_OK;
}

static enum ph_err read_simple(uint8_t info, struct ph_cbor *e)
{
    if (info < 20 || info > 22)
        return info > 27 ? PH_ERR_MALFORMED : PH_ERR_UNSUPPORTED;
    e->type = info == 22 ? PH_CBOR_NULL : PH_CBOR_BOOL;
    e->value = info == 21;
    return PH_OK;
}

enum ph_err ph_cbor_next(struct ph_reader *r, struct ph_cbor *out)
{
    struct ph_reader at = *r;
    struct ph_cbor e = {0};
    uint8_t first;

    if (!ph_read_u8(&at, &first))
        return PH_ERR_MALFORMED;
    const uint8_t major = first >> 5, info = first & 31;
    e.type = (enum ph_cbor_type)major;
    if (major == 7) {
        PH_TRY(read_simple(info, &e));
    } else if (info == INDEFINITE && major >= PH_CBOR_BYTES && major <= PH_CBOR_MAP) {
        if (major != PH_CBOR_MAP)
            return PH_ERR_UNSUPPORTED;
        e.indefinite = true;
    } else {
        PH_TRY(read_argument(&at, info, &e.value));
        if (major == PH_CBOR_BYTES || major == PH_CBOR_TEXT)
            PH_TRY(read_string(&at, &e));
    }
    *r = at;
    *out = e;
    return PH_OK;
}
_Static_assert(PH_CBOR_UINT == 0 && PH_CBOR_NEGATIVE == 1 && PH_CBOR_BYTES == 2 &&
                   PH_CBOR_TEXT == 3 && PH_CBOR_ARRAY == 4 && PH_CBOR_MAP == 5 && PH_CBOR_TAG == 6,
               "types are the major types");

enum ph_err ph_cbor_expect(struct ph_reader *r, enum ph_cbor_type type, struct ph_cbor *out)
{
    struct ph_reader at = *r;
    struct ph_cbor e;

    PH_TRY(ph_cbor_next(&at, &e));
    if (e.type != type)
        return PH_ERR_MALFORMED;
    *r = at;
    *out = e;
    return PH_OK;
}

enum ph_err ph_cbor_more(struct ph_reader *r, struct ph_cbor *map, bool *more)
{
    if (!map->indefinite) {
        *more = map->value > 0;
        map->value -= *more;
        return PH_OK;
    }
    if (r->rest.len == 0)
        return PH_ERR_MALFORMED;
    *more = r->rest.ptr[0] != BREAK;
    if (!*more)
        r->rest = (struct ph_bytes){r->rest.ptr + 1, r->rest.len - 1};
    return PH_OK;
}

/* One open container. A tag is one of a single element. */
struct level {
    struct ph_cbor head; /* value: elements or pairs that are still to come */
    size_t keys;         /* keys of the levels below */
    bool key_is_next;    /* a map: the next item is a key */
};

struct cutter {
    struct level level[PH_CBOR_DEPTH];
    size_t depth;
    struct ph_bytes key[PH_CBOR_KEYS_MAX];
    size_t key_cnt;
};

static enum ph_err add_key(struct cutter *c, const struct ph_cbor *e, struct ph_bytes whole)
{
    if (e->type > PH_CBOR_TEXT)
        return PH_ERR_UNSUPPORTED;
    if (c->key_cnt == PH_CBOR_KEYS_MAX)
        return PH_ERR_LIMIT;
    /* Shortest forms: equal keys are equal bytes. */
    for (size_t i = c->level[c->depth - 1].keys; i < c->key_cnt; i++) {
        if (ph_bytes_equal(c->key[i], whole))
            return PH_ERR_MALFORMED;
    }
    c->key[c->key_cnt++] = whole;
    return PH_OK;
}

static enum ph_err open_level(struct cutter *c, const struct ph_cbor *e)
{
    if (c->depth == PH_CBOR_DEPTH)
        return PH_ERR_LIMIT;
    c->level[c->depth] = (struct level){.head = *e, .keys = c->key_cnt, .key_is_next = true};
    if (e->type == PH_CBOR_TAG)
        c->level[c->depth].head.value = 1;
    c->depth++;
    return PH_OK;
}

/* Ends every container that has all it announced. */
static enum ph_err close_levels(struct cutter *c, struct ph_reader *r)
{
    while (c->depth > 0) {
        struct level *top = &c->level[c->depth - 1];
        bool more;
        if (top->head.type == PH_CBOR_MAP && !top->key_is_next)
            return PH_OK; /* a value is due */
        PH_TRY(ph_cbor_more(r, &top->head, &more));
        if (more)
            return PH_OK;
        c->key_cnt = top->keys;
        c->depth--;
    }
    return PH_OK;
}

enum ph_err ph_cbor_cut(struct ph_reader *r, struct ph_bytes *whole)
{
    struct ph_reader at = *r;
    struct cutter c = {.depth = 0};

    do {
        const struct ph_reader before = at;
        struct ph_cbor e;
        PH_TRY(ph_cbor_next(&at, &e));
        if (c.depth > 0 && c.level[c.depth - 1].head.type == PH_CBOR_MAP) {
            struct level *map = &c.level[c.depth - 1];
            if (map->key_is_next)
                PH_TRY(add_key(&c, &e,
                               (struct ph_bytes){before.rest.ptr, before.rest.len - at.rest.len}));
            map->key_is_next = !map->key_is_next;
        }
        if (e.type == PH_CBOR_ARRAY || e.type == PH_CBOR_MAP || e.type == PH_CBOR_TAG)
            PH_TRY(open_level(&c, &e));
        PH_TRY(close_levels(&c, &at));
    } while (c.depth > 0);
    *whole = (struct ph_bytes){r->rest.ptr, r->rest.len - at.rest.len};
    *r = at;
    return PH_OK;
}
