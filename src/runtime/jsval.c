#include "runtime/jsval.h"

#include <stdlib.h>

void ph_js_install(JSContextRef ctx, JSObjectRef natives, const char *name, ph_js_native *fn)
{
    JSStringRef key = JSStringCreateWithUTF8CString(name);
    JSObjectRef function = JSObjectMakeFunctionWithCallback(ctx, key, fn);
    JSObjectSetProperty(ctx, natives, key, function, kJSPropertyAttributeReadOnly, NULL);
    JSStringRelease(key);
}

/* new globalThis[name](arg), or NULL if the phat has put something else there. */
static JSObjectRef make_by_name(JSContextRef ctx, const char *name, JSValueRef arg)
{
    JSStringRef key = JSStringCreateWithUTF8CString(name);
    JSValueRef failed = NULL;
    JSValueRef value = JSObjectGetProperty(ctx, JSContextGetGlobalObject(ctx), key, &failed);
    JSStringRelease(key);
    if (failed != NULL || value == NULL || !JSValueIsObject(ctx, value))
        return NULL;
    JSObjectRef constructor = JSValueToObject(ctx, value, NULL);
    if (constructor == NULL || !JSObjectIsConstructor(ctx, constructor))
        return NULL;
    JSObjectRef error = JSObjectCallAsConstructor(ctx, constructor, 1, &arg, &failed);
    return failed == NULL ? error : NULL;
}

JSValueRef ph_js_throw(JSContextRef ctx, const char *name, const char *message,
                       JSValueRef *exception)
{
    JSStringRef text = JSStringCreateWithUTF8CString(message);
    JSValueRef arg = JSValueMakeString(ctx, text);
    JSStringRelease(text);
    JSObjectRef error = NULL;
    if (strcmp(name, "TypeError") == 0 || strcmp(name, "RangeError") == 0)
        error = make_by_name(ctx, name, arg);
    if (error == NULL) {
        error = JSObjectMakeError(ctx, 1, &arg, NULL);
        if (!error) { /* the limits end this entry: no object is made any more */
            *exception = arg;
            return JSValueMakeUndefined(ctx);
        }
        JSStringRef key = JSStringCreateWithUTF8CString("name");
        JSStringRef value = JSStringCreateWithUTF8CString(name);
        JSObjectSetProperty(ctx, error, key, JSValueMakeString(ctx, value),
                            kJSPropertyAttributeDontEnum, NULL);
        JSStringRelease(key);
        JSStringRelease(value);
    }
    *exception = error;
    return JSValueMakeUndefined(ctx);
}

bool ph_js_bytes(JSContextRef ctx, JSValueRef value, struct ph_bytes *out)
{
    JSTypedArrayType type = JSValueGetTypedArrayType(ctx, value, NULL);
    if (type == kJSTypedArrayTypeNone)
        return false;
    JSObjectRef object = JSValueToObject(ctx, value, NULL);
    if (object == NULL)
        return false;
    struct ph_bytes view = {NULL, 0};
    if (type == kJSTypedArrayTypeArrayBuffer) {
        view.ptr = JSObjectGetArrayBufferBytesPtr(ctx, object, NULL);
        view.len = JSObjectGetArrayBufferByteLength(ctx, object, NULL);
    } else {
        /* The pointer is that of the whole buffer under the view. */
        const uint8_t *base = JSObjectGetTypedArrayBytesPtr(ctx, object, NULL);
        view.len = JSObjectGetTypedArrayByteLength(ctx, object, NULL);
        if (base != NULL)
            view.ptr = base + JSObjectGetTypedArrayByteOffset(ctx, object, NULL);
    }
    if (view.ptr == NULL && view.len != 0)
        return false;
    *out = view;
    return true;
}

JSObjectRef ph_js_alloc_bytes(JSContextRef ctx, size_t len, uint8_t **at)
{
    JSValueRef failed = NULL;
    JSObjectRef array = JSObjectMakeTypedArray(ctx, kJSTypedArrayTypeUint8Array, len, &failed);
    if (failed != NULL || array == NULL)
        return NULL;
    uint8_t *base = JSObjectGetTypedArrayBytesPtr(ctx, array, &failed);
    if (failed != NULL || (base == NULL && len != 0))
        return NULL;
    *at = base;
    return array;
}

JSObjectRef ph_js_new_bytes(JSContextRef ctx, struct ph_bytes bytes)
{
    uint8_t *at = NULL;
    JSObjectRef array = ph_js_alloc_bytes(ctx, bytes.len, &at);
    if (array != NULL && bytes.len != 0)
        memcpy(at, bytes.ptr, bytes.len);
    return array;
}

JSStringRef ph_js_string(struct ph_bytes latin1)
{
    JSChar *wide = malloc((latin1.len + 1) * sizeof *wide);
    if (wide == NULL)
        return NULL;
    for (size_t i = 0; i < latin1.len; i++)
        wide[i] = latin1.ptr[i];
    JSStringRef string = JSStringCreateWithCharacters(wide, latin1.len);
    free(wide);
    return string;
}

/* UTF-8 of UTF-16 with U+FFFD for lone surrogates; `out` has room for three bytes per unit. */
static size_t encode_utf8(const JSChar *in, size_t cnt, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < cnt; i++) {
        uint32_t c = in[i];
        if (c >= 0xd800 && c <= 0xdfff) {
            bool pair = c < 0xdc00 && i + 1 < cnt && in[i + 1] >= 0xdc00 && in[i + 1] <= 0xdfff;
            c = pair ? 0x10000 + ((c - 0xd800) << 10) + (in[++i] - 0xdc00U) : 0xfffd;
        }
        if (c < 0x80) {
            out[n++] = (char)c;
            continue;
        }
        if (c >= 0x10000)
            out[n++] = (char)(0xf0 | c >> 18);
        if (c >= 0x800)
            out[n++] = (char)(c >= 0x10000 ? 0x80 | (c >> 12 & 0x3f) : 0xe0 | c >> 12);
        out[n++] = (char)(c >= 0x800 ? 0x80 | (c >> 6 & 0x3f) : 0xc0 | c >> 6);
        out[n++] = (char)(0x80 | (c & 0x3f));
    }
    return n;
}

static bool is_ascii(const char *text, size_t len)
{
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t word;
        memcpy(&word, text + i, sizeof word);
        if ((word & 0x8080808080808080U) != 0)
            return false;
    }
    for (; i < len; i++) {
        if ((text[i] & 0x80) != 0)
            return false;
    }
    return true;
}

char *ph_js_utf8(JSContextRef ctx, JSValueRef value, size_t *len, JSValueRef *exception)
{
    JSStringRef string = JSValueToStringCopy(ctx, value, exception);
    if (string == NULL)
        return NULL;
    size_t max = JSStringGetMaximumUTF8CStringSize(string);
    char *text = malloc(max);
    if (text != NULL) {
        size_t cnt = JSStringGetLength(string);
        size_t size = JSStringGetUTF8CString(string, text, max);
        /* The engine's encoder stops at a lone surrogate without saying so: only ASCII is taken
         * from it. */
        *len = cnt;
        if (size != cnt + 1 || !is_ascii(text, cnt))
            *len = encode_utf8(JSStringGetCharactersPtr(string), cnt, text);
        text[*len] = 0;
    }
    JSStringRelease(string);
    if (text == NULL)
        (void)ph_js_throw(ctx, "RangeError", "Out of memory", exception);
    return text;
}
