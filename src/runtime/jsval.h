#ifndef PH_RUNTIME_JSVAL_H
#define PH_RUNTIME_JSVAL_H

/* Bytes and strings between C and the JavaScript engine.
 *
 * Layer: runtime. Tests: webapi_test.c.
 */

#include "base/bytes.h"

#include <JavaScriptCore/JavaScript.h>

/* A native function of the prelude. */
typedef JSValueRef ph_js_native(JSContextRef ctx, JSObjectRef function, JSObjectRef self,
                                size_t arg_cnt, const JSValueRef args[], JSValueRef *exception);

/* Set `natives.name`. */
void ph_js_install(JSContextRef ctx, JSObjectRef natives, const char *name, ph_js_native *fn);

/* Throw: *exception becomes a new Error whose name is `name` ("TypeError", or a DOMException name
 * that the prelude turns into one). Returns undefined, to be returned by the native. */
JSValueRef ph_js_throw(JSContextRef ctx, const char *name, const char *message,
                       JSValueRef *exception);

/* View of a typed array's or ArrayBuffer's bytes, valid until JavaScript runs again. The engine
 * pins the buffer: it can never be transferred after. False: not bytes, or detached. */
PH_CHECKED bool ph_js_bytes(JSContextRef ctx, JSValueRef value, struct ph_bytes *out);

/* A new Uint8Array holding a copy; NULL: out of memory. */
JSObjectRef ph_js_new_bytes(JSContextRef ctx, struct ph_bytes bytes);
/* A new Uint8Array of `len` zero bytes and where they lie; NULL: out of memory. */
JSObjectRef ph_js_alloc_bytes(JSContextRef ctx, size_t len, uint8_t **at);

/* The string of ASCII bytes without NUL checks elsewhere: other bytes count as Latin-1. */
JSStringRef ph_js_string(struct ph_bytes latin1);

/* UTF-8 of the value's string form, NUL-terminated, malloc'd; *len excludes the NUL. Lone
 * surrogates become U+FFFD. NULL: it has no string form (*exception is set) or no memory. */
char *ph_js_utf8(JSContextRef ctx, JSValueRef value, size_t *len, JSValueRef *exception);

#endif
