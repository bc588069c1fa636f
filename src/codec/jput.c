#include "codec/jput.h"

#include "base/clock.h"
#include "base/hex.h"
#include "codec/base64.h"
#include "codec/utf8_priv.h"

static void add(struct ph_jput *j, struct ph_bytes bytes)
{
    if (j->err == PH_OK)
        j->err = ph_buf_add(j->out, bytes);
}

/* What stands before every value. */
static void start(struct ph_jput *j, const char *key)
{
    if (j->comma)
        add(j, PH_BYTES_LIT(","));
    j->comma = true;
    if (!key)
        return;
    add(j, PH_BYTES_LIT("\""));
    add(j, ph_bytes_str(key));
    add(j, PH_BYTES_LIT("\":"));
}

static void open_container(struct ph_jput *j, const char *key, const char *begin, char close)
{
    start(j, key);
    if (j->depth == PH_JPUT_DEPTH && j->err == PH_OK)
        j->err = PH_ERR_LIMIT;
    if (j->err != PH_OK)
        return;
    add(j, ph_bytes_str(begin));
    j->close[j->depth++] = close;
    j->comma = false;
}

void ph_jput_object(struct ph_jput *j, const char *key)
{
    open_container(j, key, "{", '}');
}

void ph_jput_array(struct ph_jput *j, const char *key)
{
    open_container(j, key, "[", ']');
}

void ph_jput_close(struct ph_jput *j)
{
    if (j->err != PH_OK)
        return;
    if (j->depth == 0) {
        j->err = PH_ERR_LIMIT;
        return;
    }
    add(j, (struct ph_bytes){(const uint8_t *)&j->close[--j->depth], 1});
    j->comma = true;
}

/* Length of the run at the start that needs no escape; 0 when the first byte needs one. */
static size_t plain_run(struct ph_bytes text, bool *bad)
{
    size_t at = 0;
    while (at < text.len) {
        const uint8_t c = text.ptr[at];
        if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f)
            return at;
        const size_t n = c < 0x80 ? 1 : ph_utf8_len(text.ptr + at, text.len - at);
        *bad = n == 0;
        if (*bad)
            return at;
        at += n;
    }
    return at;
}

static void escape(struct ph_jput *j, uint8_t c)
{
    static const char digits[] = "0123456789abcdef";
    char text[] = "\\u00xx";

    if (c == '"' || c == '\\') {
        add(j, (struct ph_bytes){(const uint8_t[]){'\\', c}, 2});
    } else if (c == '\n') {
        add(j, PH_BYTES_LIT("\\n"));
    } else {
        text[4] = digits[c >> 4];
        text[5] = digits[c & 15];
        add(j, ph_bytes_str(text));
    }
}

void ph_jput_text(struct ph_jput *j, const char *key, struct ph_bytes text)
{
    bool bad = false;

    start(j, key);
    add(j, PH_BYTES_LIT("\""));
    while (text.len > 0 && j->err == PH_OK) {
        const size_t n = plain_run(text, &bad);
        if (bad) {
            j->err = PH_ERR_MALFORMED;
            return;
        }
        add(j, (struct ph_bytes){text.ptr, n});
        text = (struct ph_bytes){text.ptr + n, text.len - n};
        if (text.len > 0) {
            escape(j, text.ptr[0]);
            text = (struct ph_bytes){text.ptr + 1, text.len - 1};
        }
    }
    add(j, PH_BYTES_LIT("\""));
}

void ph_jput_str(struct ph_jput *j, const char *key, const char *text)
{
    ph_jput_text(j, key, ph_bytes_str(text));
}

void ph_jput_int(struct ph_jput *j, const char *key, int64_t v)
{
    start(j, key);
    if (j->err == PH_OK)
        j->err = ph_buf_addf(j->out, "%lld", (long long)v);
}

void ph_jput_bool(struct ph_jput *j, const char *key, bool v)
{
    start(j, key);
    add(j, v ? PH_BYTES_LIT("true") : PH_BYTES_LIT("false"));
}

void ph_jput_null(struct ph_jput *j, const char *key)
{
    start(j, key);
    add(j, PH_BYTES_LIT("null"));
}

void ph_jput_hex(struct ph_jput *j, const char *key, struct ph_bytes bytes)
{
    char text[2 * 64 + 1];

    start(j, key);
    add(j, PH_BYTES_LIT("\""));
    while (bytes.len > 0 && j->err == PH_OK) {
        const size_t n = bytes.len < 64 ? bytes.len : 64;
        ph_hex_encode((struct ph_bytes){bytes.ptr, n}, text);
        add(j, (struct ph_bytes){(const uint8_t *)text, 2 * n});
        bytes = (struct ph_bytes){bytes.ptr + n, bytes.len - n};
    }
    add(j, PH_BYTES_LIT("\""));
}

void ph_jput_base64(struct ph_jput *j, const char *key, struct ph_bytes bytes)
{
    start(j, key);
    add(j, PH_BYTES_LIT("\""));
    if (j->err == PH_OK)
        j->err = ph_base64_encode(bytes, j->out);
    add(j, PH_BYTES_LIT("\""));
}

void ph_jput_time(struct ph_jput *j, const char *key, int64_t s)
{
    char text[21];

    if (s == 0) {
        ph_jput_null(j, key);
        return;
    }
    ph_time_format_rfc3339(s, text);
    ph_jput_str(j, key, text);
}

void ph_jput_raw(struct ph_jput *j, const char *key, struct ph_bytes json)
{
    start(j, key);
    add(j, json);
}

enum ph_err ph_jput_end(const struct ph_jput *j)
{
    if (j->err != PH_OK)
        return j->err;
    return j->depth == 0 ? PH_OK : PH_ERR_LIMIT;
}
