#include "chain/rlp.h"

/* [YP] appendix B: a string begins at 0x80, a list at 0xc0; 55 is the longest payload whose length
 * lies in the first byte. */
enum { STRING = 0x80, LIST = 0xc0, SHORT_MAX = 55 };

/* The length that `n` bytes spell, shortest form only. */
static bool read_long(struct ph_reader *r, size_t n, size_t *out)
{
    struct ph_bytes digits;
    size_t len = 0;

    if (n > sizeof(size_t) || !ph_read_view(r, n, &digits) || digits.ptr[0] == 0)
        return false;
    for (size_t i = 0; i < n; i++)
        len = len << 8 | digits.ptr[i];
    *out = len;
    return len > SHORT_MAX;
}

enum ph_err ph_rlp_read(struct ph_reader *r, struct ph_rlp_item *out)
{
    struct ph_reader in = *r;
    struct ph_rlp_item item = {0};
    uint8_t first;

    if (!ph_read_u8(&in, &first))
        return PH_ERR_MALFORMED;
    if (first < STRING) { /* the byte is its own encoding */
        out->is_list = false;
        (void)!ph_read_view(r, 1, &out->payload);
        return PH_OK;
    }
    item.is_list = first >= LIST;
    size_t len = first - (item.is_list ? LIST : STRING);
    if (len > SHORT_MAX && !read_long(&in, len - SHORT_MAX, &len))
        return PH_ERR_MALFORMED;
    if (!ph_read_view(&in, len, &item.payload))
        return PH_ERR_MALFORMED;
    if (!item.is_list && len == 1 && item.payload.ptr[0] < STRING)
        return PH_ERR_MALFORMED;
    *r = in;
    *out = item;
    return PH_OK;
}

enum ph_err ph_rlp_read_string(struct ph_reader *r, struct ph_bytes *out)
{
    struct ph_reader in = *r;
    struct ph_rlp_item item;

    PH_TRY(ph_rlp_read(&in, &item));
    if (item.is_list)
        return PH_ERR_MALFORMED;
    *r = in;
    *out = item.payload;
    return PH_OK;
}

enum ph_err ph_rlp_read_list(struct ph_reader *r, struct ph_reader *out)
{
    struct ph_reader in = *r;
    struct ph_rlp_item item;

    PH_TRY(ph_rlp_read(&in, &item));
    if (!item.is_list)
        return PH_ERR_MALFORMED;
    *r = in;
    out->rest = item.payload;
    return PH_OK;
}

enum ph_err ph_rlp_read_u256(struct ph_reader *r, struct ph_u256 *out)
{
    struct ph_reader in = *r;
    struct ph_u256 v = {{0}};
    struct ph_bytes digits;

    PH_TRY(ph_rlp_read_string(&in, &digits));
    if (digits.len > sizeof(v.b))
        return PH_ERR_LIMIT;
    if (digits.len > 0 && digits.ptr[0] == 0)
        return PH_ERR_MALFORMED;
    if (digits.len > 0)
        memcpy(v.b + sizeof(v.b) - digits.len, digits.ptr, digits.len);
    *r = in;
    *out = v;
    return PH_OK;
}

enum ph_err ph_rlp_read_u64(struct ph_reader *r, uint64_t *out)
{
    struct ph_reader in = *r;
    struct ph_u256 v;

    PH_TRY(ph_rlp_read_u256(&in, &v));
    PH_TRY(ph_u256_to_u64(&v, out));
    *r = in;
    return PH_OK;
}

/* Room for prefix and payload at once, so that a failure leaves the buffer as it was. */
static enum ph_err put(struct ph_buf *out, uint8_t base, struct ph_bytes payload)
{
    uint8_t prefix[1 + sizeof(uint64_t)], *at;
    size_t prefix_len = 1;

    if (payload.len <= SHORT_MAX) {
        prefix[0] = (uint8_t)(base + payload.len);
    } else {
        uint8_t len[8];
        size_t zeros = 0;
        ph_put_u64be(len, payload.len);
        while (len[zeros] == 0)
            zeros++;
        prefix[0] = (uint8_t)(base + SHORT_MAX + (sizeof(len) - zeros));
        memcpy(prefix + 1, len + zeros, sizeof(len) - zeros);
        prefix_len += sizeof(len) - zeros;
    }
    PH_TRY(ph_buf_reserve(out, prefix_len + payload.len, &at));
    memcpy(at, prefix, prefix_len);
    if (payload.len > 0)
        memcpy(at + prefix_len, payload.ptr, payload.len);
    out->len += prefix_len + payload.len;
    return PH_OK;
}

enum ph_err ph_rlp_put_string(struct ph_buf *out, struct ph_bytes bytes)
{
    if (bytes.len == 1 && bytes.ptr[0] < STRING)
        return ph_buf_add(out, bytes);
    return put(out, STRING, bytes);
}

enum ph_err ph_rlp_put_u256(struct ph_buf *out, const struct ph_u256 *v)
{
    size_t zeros = 0;

    while (zeros < sizeof(v->b) && v->b[zeros] == 0)
        zeros++;
    return ph_rlp_put_string(out, (struct ph_bytes){v->b + zeros, sizeof(v->b) - zeros});
}

enum ph_err ph_rlp_put_u64(struct ph_buf *out, uint64_t v)
{
    const struct ph_u256 wide = ph_u256_of(v);

    return ph_rlp_put_u256(out, &wide);
}

enum ph_err ph_rlp_put_list(struct ph_buf *out, struct ph_bytes payload)
{
    return put(out, LIST, payload);
}
