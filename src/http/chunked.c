#include "http/chunked.h"

#include "http/syntax.h"

enum {
    SIZE,
    EXT,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    LINE_START,
    LINE,
    LINE_LF,
    END_LF,
    DONE,
    BAD = PH_HTTP_CHUNKED_BROKEN,
};

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ph_http_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static uint8_t size_byte(struct ph_http_chunked *c, uint8_t b)
{
    int digit = hex_digit(b);

    /* 15 digits cannot overflow, and no honest chunk comes near. */
    if (digit >= 0 && c->digits < 15) {
        c->left = c->left << 4 | (uint64_t)digit;
        c->digits++;
        return SIZE;
    }
    if (c->digits == 0)
        return BAD;
    if (b == '\r')
        return SIZE_LF;
    return b == ';' ? EXT : BAD;
}

static uint8_t ext_byte(struct ph_http_chunked *c, uint8_t b)
{
    if (b == '\r')
        return SIZE_LF;
    if (++c->ext_len > PH_HTTP_CHUNK_EXT_MAX || !ph_http_is_value((struct ph_bytes){&b, 1}))
        return BAD;
    return EXT;
}

static uint8_t trailer_byte(struct ph_http_chunked *c, uint8_t b)
{
    if (++c->trailer_len > PH_HTTP_CHUNK_TRAILER_MAX)
        return BAD;
    if (b == '\r')
        return c->colon ? LINE_LF : BAD;
    if (!c->colon && b == ':') {
        c->colon = true;
        return c->name ? LINE : BAD;
    }
    c->name = true;
    if (c->colon ? !ph_http_is_value((struct ph_bytes){&b, 1})
                 : !ph_http_is_token((struct ph_bytes){&b, 1}))
        return BAD;
    return LINE;
}

static uint8_t framing_byte(struct ph_http_chunked *c, uint8_t b)
{
    switch (c->state) {
    case SIZE:
        return size_byte(c, b);
    case EXT:
        return ext_byte(c, b);
    case SIZE_LF:
        c->digits = 0;
        return b != '\n' ? BAD : c->left > 0 ? DATA : LINE_START;
    case DATA_CR:
        return b == '\r' ? DATA_LF : BAD;
    case DATA_LF:
        return b == '\n' ? SIZE : BAD;
    case LINE_START:
        c->colon = c->name = false;
        return b == '\r' ? END_LF : trailer_byte(c, b);
    case LINE:
        return trailer_byte(c, b);
    case LINE_LF:
        return b == '\n' ? LINE_START : BAD;
    case END_LF:
        return b == '\n' ? DONE : BAD;
    default:
        return BAD;
    }
}

enum ph_http_chunk ph_http_chunked_next(struct ph_http_chunked *c, struct ph_bytes *in,
                                        struct ph_bytes *data)
{
    struct ph_reader r = {*in};

    while (c->state != DONE && c->state != BAD) {
        if (c->state == DATA) {
            size_t n = r.rest.len < c->left ? r.rest.len : (size_t)c->left;
            if (n == 0 || !ph_read_view(&r, n, data))
                break;
            c->left -= n;
            if (c->left == 0)
                c->state = DATA_CR;
            *in = r.rest;
            return PH_HTTP_CHUNK_DATA;
        }
        uint8_t b;
        if (!ph_read_u8(&r, &b))
            break;
        c->state = framing_byte(c, b);
    }
    *in = r.rest;
    if (c->state == DONE)
        return PH_HTTP_CHUNK_END;
    return c->state == BAD ? PH_HTTP_CHUNK_BAD : PH_HTTP_CHUNK_MORE;
}
