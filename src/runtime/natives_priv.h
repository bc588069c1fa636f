#ifndef PH_RUNTIME_NATIVES_PRIV_H
#define PH_RUNTIME_NATIVES_PRIV_H

/* Inside of the natives that speak to phalad (NATIVES.md). Nothing here trusts its caller: ids must
 * name a call or fetch in flight, and types are checked without running code of the phat. */

#include "runtime/engine_priv.h"

enum { PH_NATIVE_HEADERS_MAX = 256 * 1024 }; /* bytes of a header block */

struct ph_native {
    const char *name; /* NULL ends a table */
    ph_js_native *fn;
};
extern const struct ph_native ph_natives_call[], ph_natives_fetch[], ph_natives_db[];

#define PH_NATIVE(name)                                                                            \
    static JSValueRef name(JSContextRef ctx, JSObjectRef function, JSObjectRef self,               \
                           size_t arg_cnt, const JSValueRef args[], JSValueRef *exception)
#define PH_NATIVE_UNUSED() (void)function, (void)self

/* Throw a TypeError. */
JSValueRef ph_native_bad(JSContextRef ctx, const char *message, JSValueRef *exception);

/* Argument i as a whole number from 0 to 2^53 - 1; as a truth value; as a string (to be released;
 * NULL: it is none); as UTF-8 appended to `out` (false: no string, or more than `max` bytes). */
PH_CHECKED bool ph_arg_id(JSContextRef ctx, size_t arg_cnt, const JSValueRef args[], size_t i,
                          uint64_t *out);
bool ph_arg_bool(JSContextRef ctx, size_t arg_cnt, const JSValueRef args[], size_t i);
JSStringRef ph_arg_string(JSContextRef ctx, size_t arg_cnt, const JSValueRef args[], size_t i);
PH_CHECKED bool ph_arg_add_string(JSContextRef ctx, size_t arg_cnt, const JSValueRef args[],
                                  size_t i, size_t max, struct ph_buf *out);

/* A body argument: null or undefined, bytes, or a string. */
struct ph_arg_body {
    bool present;
    JSStringRef string; /* released by ph_arg_body_release */
    struct ph_bytes bytes;
};
PH_CHECKED bool ph_arg_body(JSContextRef ctx, size_t arg_cnt, const JSValueRef args[], size_t i,
                            struct ph_arg_body *out);
void ph_arg_body_release(struct ph_arg_body *body);
/* Most bytes that it can have. */
size_t ph_arg_body_most(const struct ph_arg_body *body);
/* Append it to a frame that is being built. */
PH_CHECKED enum ph_err ph_arg_body_add(struct ph_buf *out, const struct ph_arg_body *body);
/* Send it, of any length, in frames after the head. */
PH_CHECKED enum ph_err ph_arg_body_send(struct ph_engine *e, struct ph_body_kind kind, uint64_t id,
                                        struct ph_out_body *out, const struct ph_arg_body *body);

/* A frame whose payload is written straight into the channel's output: no copy between the engine's
 * strings and the socket. *at names it until ph_native_frame_end or ph_native_undo. */
PH_CHECKED enum ph_err ph_native_frame_begin(struct ph_engine *e, size_t *at);
void ph_native_frame_end(struct ph_engine *e, size_t at, uint16_t type, uint16_t flags,
                         uint64_t id);
/* A BYTES field from string argument i, of at most `max` bytes. */
PH_CHECKED bool ph_native_add_field(struct ph_engine *e, size_t arg_cnt, const JSValueRef args[],
                                    size_t i, size_t max);
/* Drop the frame and throw. */
JSValueRef ph_native_undo(struct ph_engine *e, size_t at, const char *message,
                          JSValueRef *exception);

/* Send argument 1 as body bytes; returns what is left of the window. */
JSValueRef ph_native_send_chunk(struct ph_engine *e, struct ph_body_kind kind, uint64_t id,
                                struct ph_out_body *out, size_t arg_cnt, const JSValueRef args[],
                                JSValueRef *exception);
/* CREDIT_D for consumed bytes, never more than were received. */
void ph_native_give_credit(struct ph_engine *e, uint64_t id, uint8_t stream, uint32_t *received,
                           uint64_t bytes);

#endif
