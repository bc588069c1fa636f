#include "ipc/messages.h"

#include "base/own.h"

#include <assert.h>
#include <stddef.h>

enum kind {
    KIND_END,
    KIND_U8,
    KIND_U16,
    KIND_U32,
    KIND_U64,
    KIND_B20,
    KIND_B32,
    KIND_B65,
    KIND_BYTES,
    KIND_REST
};

/* Size and alignment of each kind in memory; size on the wire is the same for the fixed ones. */
static const struct {
    uint8_t size, align;
} kinds[] = {
    [KIND_U8] = {1, _Alignof(uint8_t)},
    [KIND_U16] = {2, _Alignof(uint16_t)},
    [KIND_U32] = {4, _Alignof(uint32_t)},
    [KIND_U64] = {8, _Alignof(uint64_t)},
    [KIND_B20] = {20, 1},
    [KIND_B32] = {32, 1},
    [KIND_B65] = {65, 1},
    [KIND_BYTES] = {sizeof(struct ph_bytes), _Alignof(struct ph_bytes)},
    [KIND_REST] = {sizeof(struct ph_bytes), _Alignof(struct ph_bytes)},
};

struct message {
    const char *name;
    size_t size; /* of its struct */
    enum ph_ipc_dir dir;
    uint8_t field[12]; /* enum kind, ended by KIND_END */
};

/* Messages by number. */
#define M_(NAME, number, dir_, fields)                                                             \
    [number] = {#NAME, sizeof(struct ph_msg_##NAME), dir_, {fields}},
#define M0_(NAME, number, dir_) [number] = {#NAME, 0, dir_, {0}},
#define F_(KIND, name) KIND_##KIND,
static const struct message messages[] = {PH_IPC_MESSAGES(M_, M0_, F_)};
#undef M_
#undef M0_
#undef F_

static const struct message *find(uint16_t type)
{
    return type < PH_LEN(messages) && messages[type].name ? &messages[type] : NULL;
}

const char *ph_ipc_name(uint16_t type)
{
    const struct message *m = find(type);
    return m ? m->name : "?";
}

bool ph_ipc_allowed(uint16_t type, enum ph_ipc_dir dir)
{
    const struct message *m = find(type);
    return m && m->dir == dir;
}

/* Walk the fields of a message in memory: C lays them out in table order, each at its alignment. */
static size_t align_up(size_t at, enum kind kind)
{
    const size_t align = kinds[kind].align;
    return (at + align - 1) / align * align;
}

enum { PARTS_MAX = 24 };

struct wire {
    struct ph_bytes parts[PARTS_MAX];
    size_t part_cnt;
    uint8_t fixed[256]; /* little-endian integers, fixed bytes and length prefixes */
    size_t fixed_len;
};

static void add_part(struct wire *w, const void *ptr, size_t len)
{
    assert(w->part_cnt < PARTS_MAX);
    w->parts[w->part_cnt++] = (struct ph_bytes){ptr, len};
}

static void add_fixed(struct wire *w, const void *ptr, size_t len)
{
    assert(w->fixed_len + len <= sizeof(w->fixed));
    uint8_t *at = w->fixed + w->fixed_len;
    memcpy(at, ptr, len);
    w->fixed_len += len;
    struct ph_bytes *last = w->part_cnt > 0 ? &w->parts[w->part_cnt - 1] : NULL;
    if (last && last->ptr + last->len == at && last->ptr >= w->fixed && last->ptr < at)
        last->len += len;
    else
        add_part(w, at, len);
}

/* Integers are written as they lie in memory. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the frame format is little-endian");

static enum ph_err encode(struct wire *w, const struct message *m, const uint8_t *msg)
{
    size_t at = 0;

    for (const uint8_t *f = m->field; *f != KIND_END; f++) {
        const enum kind kind = (enum kind) * f;
        at = align_up(at, kind);
        if (kind == KIND_BYTES || kind == KIND_REST) {
            struct ph_bytes view;
            memcpy(&view, msg + at, sizeof(view));
            if (view.len > PH_IPC_PAYLOAD_MAX)
                return PH_ERR_LIMIT;
            const uint32_t len = (uint32_t)view.len;
            if (kind == KIND_BYTES)
                add_fixed(w, &len, sizeof(len));
            if (len > 0)
                add_part(w, view.ptr, len);
        } else {
            add_fixed(w, msg + at, kinds[kind].size);
        }
        at += kinds[kind].size;
    }
    return PH_OK;
}

enum ph_err ph_ipc_put_raw(struct ph_ipc_chan *chan, uint16_t type, uint16_t flags, uint64_t id,
                           const void *msg)
{
    const struct message *m = find(type);
    struct wire w PH_NO_INIT; /* this runs several times a call */
    w.part_cnt = w.fixed_len = 0;

    assert(m);
    PH_TRY(encode(&w, m, msg));
    return ph_ipc_send(chan, type, flags, id, w.parts, w.part_cnt);
}

enum ph_err ph_ipc_encode_raw(struct ph_buf *out, uint16_t type, uint16_t flags, uint64_t id,
                              const void *msg)
{
    const struct message *m = find(type);
    struct wire w PH_NO_INIT;
    w.part_cnt = w.fixed_len = 0;

    assert(m);
    PH_TRY(encode(&w, m, msg));
    size_t len = 0;
    for (size_t i = 0; i < w.part_cnt; i++)
        len += w.parts[i].len;
    if (len > PH_IPC_PAYLOAD_MAX)
        return PH_ERR_LIMIT;

    uint8_t *at;
    PH_TRY(ph_buf_reserve(out, PH_IPC_HEADER_LEN + len, &at));
    ph_ipc_header(at, (uint32_t)len, type, flags, id);
    at += PH_IPC_HEADER_LEN;
    for (size_t i = 0; i < w.part_cnt; i++) {
        memcpy(at, w.parts[i].ptr, w.parts[i].len);
        at += w.parts[i].len;
    }
    out->len += PH_IPC_HEADER_LEN + len;
    return PH_OK;
}

/* Decode into `out` of size m->size. Writes as it goes; the caller hands in a scratch struct. */
static enum ph_err decode(const struct message *m, struct ph_bytes payload, uint8_t *out)
{
    struct ph_reader r = {payload};
    size_t at = 0;

    for (const uint8_t *f = m->field; *f != KIND_END; f++) {
        const enum kind kind = (enum kind) * f;
        struct ph_bytes view;
        at = align_up(at, kind);
        if (kind == KIND_BYTES || kind == KIND_REST) {
            uint32_t len = (uint32_t)r.rest.len;
            if (kind == KIND_BYTES && !ph_read_u32le(&r, &len))
                return PH_ERR_MALFORMED;
            if (!ph_read_view(&r, len, &view))
                return PH_ERR_MALFORMED;
            memcpy(out + at, &view, sizeof(view));
        } else if (!ph_read_copy(&r, out + at, kinds[kind].size)) {
            return PH_ERR_MALFORMED;
        }
        at += kinds[kind].size;
    }
    return r.rest.len == 0 ? PH_OK : PH_ERR_MALFORMED;
}

enum ph_err ph_ipc_get_raw(const struct ph_ipc_frame *frame, uint16_t type, void *out)
{
    const struct message *m = find(type);
    _Alignas(16) uint8_t scratch[512] PH_NO_INIT;

    assert(m && m->size <= sizeof(scratch));
    if (frame->type != type)
        return PH_ERR_MALFORMED;
    PH_TRY(decode(m, frame->payload, scratch));
    if (m->size > 0)
        memcpy(out, scratch, m->size);
    return PH_OK;
}

enum ph_err ph_ipc_decode(struct ph_bytes datagram, struct ph_ipc_frame *out)
{
    struct ph_reader r = {datagram};
    uint32_t len;
    struct ph_ipc_frame frame;

    if (!ph_read_u32le(&r, &len) || !ph_read_u16le(&r, &frame.type) ||
        !ph_read_u16le(&r, &frame.flags) || !ph_read_u64le(&r, &frame.id) || r.rest.len != len)
        return PH_ERR_MALFORMED;
    frame.payload = r.rest;
    *out = frame;
    return PH_OK;
}
