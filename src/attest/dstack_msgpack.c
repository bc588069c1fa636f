/* Version 1 of dstack's attestation, in msgpack: maps by name. Members that are not known are read
 * past, as by the writer's own reader; known ones come once. */

#include "attest/dstack_blob_priv.h"

#include "base/own.h"

enum type { NIL, BOOL, UINT, BYTES, ARRAY, MAP };
struct item {
    enum type type;
    uint32_t n;           /* UINT; elements; pairs */
    struct ph_bytes data; /* BYTES: text or binary */
};
enum { DEPTH_MAX = 16 };

static enum ph_err read_len(struct ph_reader *r, unsigned bytes, uint32_t *out)
{
    uint8_t one;
    uint16_t two;
    bool ok = false;

    if (bytes == 1) {
        ok = ph_read_u8(r, &one);
        *out = ok ? one : 0;
    } else if (bytes == 2) {
        ok = ph_read_u16be(r, &two);
        *out = ok ? two : 0;
    } else {
        ok = ph_read_u32be(r, out);
    }
    return ok ? PH_OK : PH_ERR_MALFORMED;
}

static enum ph_err counted(struct ph_reader *r, unsigned bytes, enum type type, struct item *out)
{
    *out = (struct item){.type = type};
    PH_TRY(read_len(r, bytes, &out->n));
    if (type != BYTES)
        return PH_OK;
    return ph_read_view(r, out->n, &out->data) ? PH_OK : PH_ERR_MALFORMED;
}

/* The head of the next item; of strings, all of it. */
static enum ph_err next(struct ph_reader *r, struct item *out)
{
    uint8_t b;

    if (!ph_read_u8(r, &b))
        return PH_ERR_MALFORMED;
    if (b <= 0x7f)
        *out = (struct item){.type = UINT, .n = b};
    else if (b <= 0x8f)
        *out = (struct item){.type = MAP, .n = b & 0x0f};
    else if (b <= 0x9f)
        *out = (struct item){.type = ARRAY, .n = b & 0x0f};
    else if (b <= 0xbf) {
        *out = (struct item){.type = BYTES};
        return ph_read_view(r, b & 0x1f, &out->data) ? PH_OK : PH_ERR_MALFORMED;
    } else if (b == 0xc0)
        *out = (struct item){.type = NIL};
    else if (b == 0xc2 || b == 0xc3)
        *out = (struct item){.type = BOOL};
    else if (b >= 0xc4 && b <= 0xc6)
        return counted(r, 1u << (b - 0xc4), BYTES, out);
    else if (b >= 0xcc && b <= 0xce)
        return counted(r, 1u << (b - 0xcc), UINT, out);
    else if (b >= 0xd9 && b <= 0xdb)
        return counted(r, 1u << (b - 0xd9), BYTES, out);
    else if (b == 0xdc || b == 0xdd)
        return counted(r, b == 0xdc ? 2 : 4, ARRAY, out);
    else if (b == 0xde || b == 0xdf)
        return counted(r, b == 0xde ? 2 : 4, MAP, out);
    else
        return PH_ERR_UNSUPPORTED; /* floats, negatives, extensions: nothing here has them */
    return PH_OK;
}

/* Read past one whole item. */
static enum ph_err skip(struct ph_reader *r)
{
    uint64_t left[DEPTH_MAX] = {1};
    size_t depth = 0;
    struct item it;

    for (;;) {
        while (left[depth] == 0) {
            if (depth == 0)
                return PH_OK;
            depth--;
        }
        left[depth]--;
        PH_TRY(next(r, &it));
        if (it.type != ARRAY && it.type != MAP)
            continue;
        if (++depth == DEPTH_MAX)
            return PH_ERR_LIMIT;
        left[depth] = it.type == MAP ? 2 * (uint64_t)it.n : it.n;
    }
}

static enum ph_err expect(struct ph_reader *r, enum type type, struct item *out)
{
    PH_TRY(next(r, out));
    return out->type == type ? PH_OK : PH_ERR_MALFORMED;
}

static enum ph_err expect_uint(struct ph_reader *r, uint32_t *out)
{
    struct item it;

    PH_TRY(expect(r, UINT, &it));
    *out = it.n;
    return PH_OK;
}

/* Bytes: as such, or as an array of numbers, which is how the writer's library puts them. Those go
 * into `keep`. */
static enum ph_err read_bytes(struct ph_reader *r, struct ph_buf *keep, struct ph_bytes *out)
{
    struct item it;

    PH_TRY(next(r, &it));
    if (it.type == BYTES) {
        *out = it.data;
        return PH_OK;
    }
    if (it.type != ARRAY || keep->len > 0)
        return PH_ERR_MALFORMED;
    for (uint32_t i = 0; i < it.n; i++) {
        uint32_t v;
        PH_TRY(expect_uint(r, &v));
        if (v > 0xff)
            return PH_ERR_MALFORMED;
        const uint8_t byte = (uint8_t)v;
        PH_TRY(ph_buf_add(keep, (struct ph_bytes){&byte, 1}));
    }
    *out = ph_buf_view(keep);
    return PH_OK;
}

/* One known member at most once: `seen` has a bit for each name. */
static enum ph_err member(struct ph_reader *r, const char *const *names, uint32_t *seen,
                          unsigned *which)
{
    struct item key;

    PH_TRY(expect(r, BYTES, &key));
    for (*which = 0; names[*which] && !ph_bytes_is(key.data, names[*which]);)
        ++*which;
    if (names[*which] && (*seen & 1u << *which))
        return PH_ERR_MALFORMED;
    *seen |= 1u << *which;
    return PH_OK;
}

static enum ph_err read_event(struct ph_dstack_reading *d)
{
    static const char *const names[] = {"imr",           "event_type", "digest", "event",
                                        "event_payload", "version",    NULL};
    struct ph_buf digest PH_OWNED(ph_buf_clear) = PH_BUF(64);
    struct ph_buf payload PH_OWNED(ph_buf_clear) = PH_BUF(PH_DSTACK_BLOB_MAX);
    struct ph_dstack_event e = {0};
    uint32_t seen = 0;
    struct item it;
    unsigned which;

    PH_TRY(expect(&d->r, MAP, &it));
    for (uint32_t i = 0, cnt = it.n; i < cnt; i++) {
        PH_TRY(member(&d->r, names, &seen, &which));
        if (which == 0)
            PH_TRY(expect_uint(&d->r, &e.imr));
        else if (which == 1)
            PH_TRY(expect_uint(&d->r, &e.type));
        else if (which == 2)
            PH_TRY(read_bytes(&d->r, &digest, &e.digest));
        else if (which == 3) {
            PH_TRY(expect(&d->r, BYTES, &it));
            e.name = it.data;
        } else if (which == 4)
            PH_TRY(read_bytes(&d->r, &payload, &e.payload));
        else if (which == 5)
            PH_TRY(expect_uint(&d->r, &e.version));
        else
            PH_TRY(skip(&d->r));
    }
    if ((seen & 0x1b) != 0x1b) /* all but digest and version */
        return PH_ERR_MALFORMED;
    ph_dstack_add_event(d, &e);
    return d->log.err;
}

static enum ph_err read_log(struct ph_dstack_reading *d)
{
    struct item it;

    PH_TRY(expect(&d->r, ARRAY, &it));
    if (it.n == 0)
        return PH_OK;
    ph_jput_array(&d->log, NULL);
    for (uint32_t i = 0, cnt = it.n; i < cnt; i++)
        PH_TRY(read_event(d));
    ph_jput_close(&d->log);
    return PH_OK;
}

static enum ph_err read_certs(struct ph_dstack_reading *d)
{
    struct ph_dstack_blob *b = &d->blob;
    struct item it;

    PH_TRY(expect(&d->r, ARRAY, &it));
    if (it.n > PH_DSTACK_CERTS_MAX)
        return PH_ERR_LIMIT;
    for (b->cert_cnt = 0; b->cert_cnt < it.n; b->cert_cnt++)
        PH_TRY(read_bytes(&d->r, &b->own_cert[b->cert_cnt], &b->cert[b->cert_cnt]));
    return PH_OK;
}

/* {"quote","event_log"}, {"report","cert_chain","mr_config"} or {"nsm_quote"}. */
static enum ph_err read_data(struct ph_dstack_reading *d)
{
    static const char *const names[] = {"quote",     "report",     "nsm_quote", "event_log",
                                        "mr_config", "cert_chain", NULL};
    static const enum ph_evidence_kind kinds[] = {PH_EVIDENCE_INTEL, PH_EVIDENCE_SNP,
                                                  PH_EVIDENCE_NITRO};
    uint32_t seen = 0;
    struct item it, config;
    unsigned which;

    PH_TRY(expect(&d->r, MAP, &it));
    for (uint32_t i = 0, cnt = it.n; i < cnt; i++) {
        PH_TRY(member(&d->r, names, &seen, &which));
        if (which < 3) {
            if (kinds[which] != d->blob.kind)
                return PH_ERR_MALFORMED;
            PH_TRY(read_bytes(&d->r, &d->blob.own_quote, &d->blob.quote));
        } else if (which == 3 && d->blob.kind == PH_EVIDENCE_INTEL) {
            PH_TRY(read_log(d));
        } else if (which == 4) {
            PH_TRY(expect(&d->r, BYTES, &config));
            d->blob.mr_config = config.data;
        } else if (which == 5 && d->blob.kind == PH_EVIDENCE_SNP) {
            PH_TRY(read_certs(d));
        } else {
            PH_TRY(skip(&d->r));
        }
    }
    return PH_OK;
}

/* {"kind":name,"data":{…}}: the kind comes first, so that it is known what the data are. */
static enum ph_err read_platform(struct ph_dstack_reading *d)
{
    static const char *const names[] = {"kind", "data", NULL};
    uint32_t seen = 0;
    struct item it;
    unsigned which;

    PH_TRY(expect(&d->r, MAP, &it));
    if (it.n != 2)
        return PH_ERR_MALFORMED;
    PH_TRY(member(&d->r, names, &seen, &which));
    if (which != 0)
        return PH_ERR_MALFORMED;
    PH_TRY(expect(&d->r, BYTES, &it));
    if (ph_bytes_is(it.data, "tdx"))
        d->blob.kind = PH_EVIDENCE_INTEL;
    else if (ph_bytes_is(it.data, "sev-snp"))
        d->blob.kind = PH_EVIDENCE_SNP;
    else if (ph_bytes_is(it.data, "nitro-enclave"))
        d->blob.kind = PH_EVIDENCE_NITRO;
    else
        return PH_ERR_UNSUPPORTED;
    PH_TRY(member(&d->r, names, &seen, &which));
    return which == 1 ? read_data(d) : PH_ERR_MALFORMED;
}

/* {"config":text,…}: other members are read past. */
static enum ph_err read_stack_data(struct ph_dstack_reading *d)
{
    static const char *const names[] = {"config", NULL};
    struct item map, config;
    uint32_t seen = 0;
    unsigned which;

    PH_TRY(expect(&d->r, MAP, &map));
    for (uint32_t i = 0; i < map.n; i++) {
        PH_TRY(member(&d->r, names, &seen, &which));
        if (which != 0) {
            PH_TRY(skip(&d->r));
            continue;
        }
        PH_TRY(expect(&d->r, BYTES, &config));
        d->blob.config = config.data;
    }
    return PH_OK;
}

/* {"kind":name,"data":{…}} */
static enum ph_err read_stack(struct ph_dstack_reading *d)
{
    static const char *const names[] = {"data", NULL};
    uint32_t seen = 0;
    struct item map;
    unsigned which;

    PH_TRY(expect(&d->r, MAP, &map));
    for (uint32_t i = 0; i < map.n; i++) {
        PH_TRY(member(&d->r, names, &seen, &which));
        PH_TRY(which == 0 ? read_stack_data(d) : skip(&d->r));
    }
    return PH_OK;
}

enum ph_err ph_dstack_msgpack(struct ph_dstack_reading *d)
{
    static const char *const names[] = {"version", "platform", "stack", NULL};
    uint32_t seen = 0, version;
    struct item it;
    unsigned which;

    PH_TRY(expect(&d->r, MAP, &it));
    for (uint32_t i = 0, cnt = it.n; i < cnt; i++) {
        PH_TRY(member(&d->r, names, &seen, &which));
        if (which == 0) {
            PH_TRY(expect_uint(&d->r, &version));
            if (version != 1)
                return PH_ERR_UNSUPPORTED;
        } else if (which == 1) {
            PH_TRY(read_platform(d));
        } else if (which == 2) {
            PH_TRY(read_stack(d));
        } else {
            PH_TRY(skip(&d->r));
        }
    }
    return (seen & 7) == 7 ? PH_OK : PH_ERR_MALFORMED;
}
