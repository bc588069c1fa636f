#include "runtime/natives_text.h"

#include "base/own.h"
#include "codec/base64.h"
#include "crypto/aead.h"
#include "prelude.h"
#include "runtime/jsval.h"

/* Every native has the engine's signature; these two spare the repetition. */
#define NATIVE(fn)                                                                                 \
    static JSValueRef fn(JSContextRef ctx, JSObjectRef function __attribute__((unused)),           \
                         JSObjectRef self __attribute__((unused)), size_t arg_cnt,                 \
                         const JSValueRef args[], JSValueRef *exception)
#define NOMEM() ph_js_throw(ctx, "RangeError", "Out of memory", exception)

static JSValueRef bad_args(JSContextRef ctx, const char *what, JSValueRef *exception)
{
    return ph_js_throw(ctx, "TypeError", what, exception);
}

NATIVE(utf8_encode)
{
    if (arg_cnt < 1)
        return bad_args(ctx, "utf8Encode: no string", exception);
    size_t len = 0;
    char *text PH_OWNED(ph_freep) = ph_js_utf8(ctx, args[0], &len, exception);
    if (text == NULL)
        return JSValueMakeUndefined(ctx);
    JSObjectRef bytes = ph_js_new_bytes(ctx, (struct ph_bytes){(const uint8_t *)text, len});
    return bytes != NULL ? (JSValueRef)bytes : NOMEM();
}

/* Length of the run of ASCII bytes at the start. */
static size_t ascii_run(struct ph_bytes in)
{
    size_t i = 0;
    for (; i + 8 <= in.len; i += 8) {
        uint64_t word;
        memcpy(&word, in.ptr + i, sizeof word);
        if ((word & 0x8080808080808080U) != 0)
            break;
    }
    while (i < in.len && in.ptr[i] < 0x80)
        i++;
    return i;
}

/* What follows a lead byte: how many continuation bytes, and the range of the first of them. */
struct lead {
    uint8_t cnt, low, high, bits;
};

static bool lead_of(uint8_t b, struct lead *out)
{
    if (b >= 0xc2 && b <= 0xdf)
        *out = (struct lead){1, 0x80, 0xbf, b & 0x1f};
    else if (b >= 0xe0 && b <= 0xef)
        *out = (struct lead){2, b == 0xe0 ? 0xa0 : 0x80, b == 0xed ? 0x9f : 0xbf, b & 0x0f};
    else if (b >= 0xf0 && b <= 0xf4)
        *out = (struct lead){3, b == 0xf0 ? 0x90 : 0x80, b == 0xf4 ? 0x8f : 0xbf, b & 0x07};
    else
        return false;
    return true;
}

/* Decode one sequence at in[*at], which is not ASCII: moves *at past it, or past the longest prefix
 * that could have begun one. False: invalid. WHATWG Encoding §8.1.1. */
static bool decode_one(struct ph_bytes in, size_t *at, uint32_t *out)
{
    struct lead lead;
    if (!lead_of(in.ptr[(*at)++], &lead))
        return false;
    uint32_t code = lead.bits;
    uint8_t low = lead.low, high = lead.high;
    for (uint8_t i = 0; i < lead.cnt; i++) {
        if (*at >= in.len || in.ptr[*at] < low || in.ptr[*at] > high)
            return false;
        code = code << 6 | (in.ptr[(*at)++] & 0x3f);
        low = 0x80;
        high = 0xbf;
    }
    *out = code;
    return true;
}

/* UTF-16 of `in`, which has at most in.len units; false: invalid and `fatal`. */
static bool decode_utf8(struct ph_bytes in, bool fatal, JSChar *out, size_t *out_cnt)
{
    size_t n = 0;
    for (size_t i = 0; i < in.len;) {
        if (in.ptr[i] < 0x80) {
            out[n++] = in.ptr[i++];
            continue;
        }
        uint32_t code = 0xfffd;
        if (!decode_one(in, &i, &code) && fatal)
            return false;
        if (code >= 0x10000) {
            out[n++] = (JSChar)(0xd800 + ((code - 0x10000) >> 10));
            out[n++] = (JSChar)(0xdc00 + ((code - 0x10000) & 0x3ff));
        } else {
            out[n++] = (JSChar)code;
        }
    }
    *out_cnt = n;
    return true;
}

/* A string of ASCII bytes that the engine keeps at one byte per character. */
static JSStringRef ascii_string(struct ph_bytes in)
{
    if (in.len == 0 || memchr(in.ptr, 0, in.len) != NULL)
        return ph_js_string(in);
    char *text PH_OWNED(ph_freep) = malloc(in.len + 1);
    if (text == NULL)
        return NULL;
    memcpy(text, in.ptr, in.len);
    text[in.len] = 0;
    return JSStringCreateWithUTF8CString(text);
}

static JSValueRef take_string(JSContextRef ctx, JSStringRef string, JSValueRef *exception)
{
    if (string == NULL)
        return NOMEM();
    JSValueRef value = JSValueMakeString(ctx, string);
    JSStringRelease(string);
    return value;
}

NATIVE(utf8_decode)
{
    struct ph_bytes in;
    if (arg_cnt < 3 || !ph_js_bytes(ctx, args[0], &in))
        return bad_args(ctx, "utf8Decode: no bytes", exception);
    bool fatal = JSValueToBoolean(ctx, args[1]);
    bool keep_bom = JSValueToBoolean(ctx, args[2]);
    if (!keep_bom && in.len >= 3 && memcmp(in.ptr, "\xef\xbb\xbf", 3) == 0)
        in = (struct ph_bytes){in.ptr + 3, in.len - 3};
    if (ascii_run(in) == in.len)
        return take_string(ctx, ascii_string(in), exception);
    JSChar *wide PH_OWNED(ph_freep) = malloc(in.len * sizeof *wide);
    if (wide == NULL)
        return NOMEM();
    size_t cnt = 0;
    if (!decode_utf8(in, fatal, wide, &cnt))
        return bad_args(ctx, "The encoded data was not valid utf-8", exception);
    return take_string(ctx, JSStringCreateWithCharacters(wide, cnt), exception);
}

NATIVE(base64_encode)
{
    struct ph_bytes in;
    if (arg_cnt < 1 || !ph_js_bytes(ctx, args[0], &in))
        return bad_args(ctx, "base64Encode: no bytes", exception);
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(PH_BASE64_LEN(in.len));
    if (ph_base64_encode(in, &out) != PH_OK)
        return NOMEM();
    return take_string(ctx, ascii_string(ph_buf_view(&out)), exception);
}

static int base64_digit(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Infra §7 "forgiving-base64 decode", in place; false: failure. */
static bool base64_forgiving(uint8_t *text, size_t len, size_t *out_len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = text[i];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\f' && c != '\r')
            text[n++] = c;
    }
    if (n % 4 == 0 && n > 0 && text[n - 1] == '=')
        n -= text[n - 2] == '=' ? 2 : 1;
    if (n % 4 == 1)
        return false;
    uint32_t acc = 0;
    unsigned bits = 0;
    size_t o = 0;
    for (size_t i = 0; i < n; i++) {
        int digit = base64_digit(text[i]);
        if (digit < 0)
            return false;
        acc = (acc << 6 | (uint32_t)digit) & 0xffffff;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            text[o++] = (uint8_t)(acc >> bits);
        }
    }
    *out_len = o;
    return true;
}

NATIVE(base64_decode)
{
    if (arg_cnt < 1)
        return bad_args(ctx, "base64Decode: no string", exception);
    size_t len = 0;
    char *text PH_OWNED(ph_freep) = ph_js_utf8(ctx, args[0], &len, exception);
    if (text == NULL)
        return JSValueMakeUndefined(ctx);
    size_t out_len = 0;
    if (!base64_forgiving((uint8_t *)text, len, &out_len))
        return JSValueMakeNull(ctx);
    JSObjectRef bytes = ph_js_new_bytes(ctx, (struct ph_bytes){(const uint8_t *)text, out_len});
    return bytes != NULL ? (JSValueRef)bytes : NOMEM();
}

NATIVE(random_fill)
{
    struct ph_bytes view;
    if (arg_cnt < 1 || !ph_js_bytes(ctx, args[0], &view))
        return bad_args(ctx, "random: no bytes", exception);
    if (view.len > 0)
        ph_random((uint8_t *)(uintptr_t)view.ptr, view.len);
    return args[0];
}

static JSValueRef run(JSContextRef ctx, JSStringRef source, const char *url, JSValueRef *exception)
{
    JSStringRef name = JSStringCreateWithUTF8CString(url);
    JSValueRef value = JSEvaluateScript(ctx, source, NULL, name, 1, exception);
    JSStringRelease(name);
    return value != NULL ? value : JSValueMakeUndefined(ctx);
}

/* part(name): evaluates an embedded script of the prelude, yields its completion value. */
NATIVE(part)
{
    size_t len = 0;
    char *name PH_OWNED(ph_freep) = arg_cnt < 1 ? NULL : ph_js_utf8(ctx, args[0], &len, exception);
    const struct ph_prelude_script *script = name != NULL ? ph_prelude_script(name) : NULL;
    if (script == NULL)
        return bad_args(ctx, "part: unknown", exception);
    JSStringRef source = JSStringCreateWithUTF8CString(script->text);
    JSValueRef value = run(ctx, source, script->url, exception);
    JSStringRelease(source);
    return value;
}

/* evaluate(source, name): a script of the phat; errors in it carry `name`. */
NATIVE(evaluate)
{
    if (arg_cnt < 2)
        return bad_args(ctx, "evaluate: source and name", exception);
    size_t len = 0;
    char *name PH_OWNED(ph_freep) = ph_js_utf8(ctx, args[1], &len, exception);
    JSStringRef source = name != NULL ? JSValueToStringCopy(ctx, args[0], exception) : NULL;
    if (source == NULL)
        return JSValueMakeUndefined(ctx);
    JSValueRef value = run(ctx, source, name, exception);
    JSStringRelease(source);
    return value;
}

void ph_natives_text_install(JSContextRef ctx, JSObjectRef natives)
{
    ph_js_install(ctx, natives, "utf8Encode", utf8_encode);
    ph_js_install(ctx, natives, "utf8Decode", utf8_decode);
    ph_js_install(ctx, natives, "base64Encode", base64_encode);
    ph_js_install(ctx, natives, "base64Decode", base64_decode);
    ph_js_install(ctx, natives, "random", random_fill);
    ph_js_install(ctx, natives, "part", part);
    ph_js_install(ctx, natives, "evaluate", evaluate);
}
