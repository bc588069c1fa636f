#include "runtime/jsval.h"

#include <stdlib.h>

void ph_js_install(JSContextRef ctx, JSObjectRef natives, const char *name, ph_js_native *fn)
{
    JSStringRef key = JSStringCreateWithUTF8CString(name);
    JSObjectRef function = JSObjectMakeFunctionWithCallback(ctx, key, fn);
    JSObjectSetProperty(ctx, natives, key, function, kJSPropertyAttributeReadOnly, NULL);
    JSStringRelease(key);
}

JSValueRef ph_js_throw(JSContextRef ctx, const char *name, const char *message,
                       JSValueRef *exception)
{
    JSStringRef text = JSStringCreateWithUTF8CString(message);
    JSValueRef arg = JSValueMakeString(ctx, text);
    JSStringRelease(text);
    JSObjectRef error = JSObjectMakeError(ctx, 1, &arg, NULL);
    JSStringRef key = JSStringCreateWithUTF8CString("name");
    JSStringRef value = JSStringCreateWithUTF8CString(name);
    JSObjectSetProperty(ctx, error, key, JSValueMakeString(ctx, value),
                        kJSPropertyAttributeDontEnum, NULL);
    JSStringRelease(key);
    JSStringRelease(value);
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

char *ph_js_utf8(JSContextRef ctx, JSValueRef value, size_t *len, JSValueRef *exception)
{
    JSStringRef string = JSValueToStringCopy(ctx, value, exception);
    if (string == NULL)
        return NULL;
    size_t max = JSStringGetMaximumUTF8CStringSize(string);
    char *text = malloc(max);
    if (text != NULL) {
        size_t size = JSStringGetUTF8CString(string, text, max);
        *len = size > 0 ? size - 1 : 0;
    }
    JSStringRelease(string);
    if (text == NULL)
        (void)ph_js_throw(ctx, "RangeError", "Out of memory", exception);
    return text;
}
