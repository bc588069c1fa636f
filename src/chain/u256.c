#include "chain/u256.h"

#include <stdio.h>

__extension__ typedef unsigned __int128 u128;

struct ph_u256 ph_u256_of(uint64_t v)
{
    struct ph_u256 out = {{0}};

    ph_put_u64be(out.b + 24, v);
    return out;
}

enum ph_err ph_u256_to_u64(const struct ph_u256 *v, uint64_t *out)
{
    uint64_t low = 0;

    for (size_t i = 0; i < 24; i++)
        if (v->b[i] != 0)
            return PH_ERR_LIMIT;
    for (size_t i = 24; i < 32; i++)
        low = low << 8 | v->b[i];
    *out = low;
    return PH_OK;
}

int ph_u256_cmp(const struct ph_u256 *a, const struct ph_u256 *b)
{
    return memcmp(a->b, b->b, sizeof(a->b));
}

enum ph_err ph_u256_add(const struct ph_u256 *a, const struct ph_u256 *b, struct ph_u256 *out)
{
    struct ph_u256 sum;
    unsigned carry = 0;

    for (size_t i = 32; i-- > 0;) {
        carry += (unsigned)a->b[i] + b->b[i];
        sum.b[i] = (uint8_t)carry;
        carry >>= 8;
    }
    if (carry != 0)
        return PH_ERR_LIMIT;
    *out = sum;
    return PH_OK;
}

struct ph_u256 ph_u256_product(uint64_t a, uint64_t b)
{
    const u128 product = (u128)a * b;
    struct ph_u256 out = {{0}};

    ph_put_u64be(out.b + 16, (uint64_t)(product >> 64));
    ph_put_u64be(out.b + 24, (uint64_t)product);
    return out;
}

/* v = v * 10 + digit; false: more than 256 bits. */
static bool push_digit(struct ph_u256 *v, unsigned digit)
{
    unsigned carry = digit;

    for (size_t i = 32; i-- > 0;) {
        carry += (unsigned)v->b[i] * 10;
        v->b[i] = (uint8_t)carry;
        carry >>= 8;
    }
    return carry == 0;
}

enum ph_err ph_u256_parse_decimal(struct ph_bytes text, struct ph_u256 *out)
{
    struct ph_u256 v = {{0}};

    if (text.len == 0 || (text.len > 1 && text.ptr[0] == '0'))
        return PH_ERR_MALFORMED;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return PH_ERR_MALFORMED;
    for (size_t i = 0; i < text.len; i++)
        if (!push_digit(&v, text.ptr[i] - (unsigned)'0'))
            return PH_ERR_LIMIT;
    *out = v;
    return PH_OK;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum ph_err ph_u256_parse_quantity(struct ph_bytes text, struct ph_u256 *out)
{
    struct ph_u256 v = {{0}};

    if (text.len < 3 || text.len > 66 || text.ptr[0] != '0' || text.ptr[1] != 'x' ||
        (text.ptr[2] == '0' && text.len > 3))
        return PH_ERR_MALFORMED;
    for (size_t i = 2; i < text.len; i++) {
        const size_t nibble = text.len - 1 - i; /* counted from the low end */
        const int digit = hex_digit(text.ptr[i]);
        if (digit < 0)
            return PH_ERR_MALFORMED;
        v.b[31 - nibble / 2] |= (uint8_t)(digit << (nibble % 2 ? 4 : 0));
    }
    *out = v;
    return PH_OK;
}

enum ph_err ph_quantity_parse(struct ph_bytes text, uint64_t *out)
{
    struct ph_u256 v;

    PH_TRY(ph_u256_parse_quantity(text, &v));
    return ph_u256_to_u64(&v, out);
}

void ph_quantity_format(uint64_t v, char out[static PH_QUANTITY_LEN])
{
    (void)snprintf(out, PH_QUANTITY_LEN, "0x%llx", (unsigned long long)v);
}

/* v = v / 10, yielding the remainder. */
static unsigned pop_digit(struct ph_u256 *v)
{
    unsigned rest = 0;

    for (size_t i = 0; i < 32; i++) {
        rest = rest << 8 | v->b[i];
        v->b[i] = (uint8_t)(rest / 10);
        rest %= 10;
    }
    return rest;
}

void ph_u256_format_decimal(const struct ph_u256 *v, char out[static PH_U256_DECIMAL_LEN])
{
    static const struct ph_u256 zero;
    char digits[PH_U256_DECIMAL_LEN];
    struct ph_u256 left = *v;
    size_t cnt = 0;

    do
        digits[cnt++] = (char)('0' + pop_digit(&left));
    while (ph_u256_cmp(&left, &zero) != 0);
    for (size_t i = 0; i < cnt; i++)
        out[i] = digits[cnt - 1 - i];
    out[cnt] = '\0';
}
