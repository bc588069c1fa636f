#include "runtime/natives_priv.h"

JSValueRef ph_native_bad(JSContextRef ctx, const char *message, JSValueRef *exception)
{
    return ph_js_throw(ctx, "TypeError", message, exception);
}

/* A whole number from 0 to 2^53 - 1. */
bool ph_arg_id(JSContextRef ctx, size_t arg_cnt, const JSValueRef args[], size_t i, uint64_t *out)
{
    if (i >= arg_cnt || !JSValueIsNumber(ctx, args[i]))
        return false;
    const double n = JSValueToNumber(ctx, args[i], NULL);
    if (!(n >= 0) || n >= 9007199254740992.0 || n != (double)(uint64_t)n)
        return false;
    *out = (uint64_t)n;
    return true;
}

bool ph_arg_bool(JSContextRef ctx, size_t arg_cnt, const JSValueRef args[], size_t i)
{
    return i < arg_cnt && JSValueToBoolean(ctx, args[i]);
}

/* A string argument, to be released; NULL: not a string. */
JSStringRef ph_arg_string(JSContextRef ctx, size_t arg_cnt, const JSValueRef args[], size_t i)
{
    if (i >= arg_cnt || !JSValueIsString(ctx, args[i]))
        return NULL;
    return JSValueToStringCopy(ctx, args[i], NULL);
}

/* UTF-8 of a string argument, appended; false: not a string, or more than `max` bytes. */
bool ph_arg_add_string(JSContextRef ctx, size_t arg_cnt, const JSValueRef args[], size_t i,
                       size_t max, struct ph_buf *out)
{
    const size_t before = out->len;
    const JSStringRef s = ph_arg_string(ctx, arg_cnt, args, i);
    if (!s)
        return false;
    const bool fits = JSStringGetLength(s) <= max && ph_string_append(out, s) == PH_OK &&
                      out->len - before <= max;
    JSStringRelease(s);
    if (!fits)
        out->len = before;
    return fits;
}

bool ph_arg_body(JSContextRef ctx, size_t arg_cnt, const JSValueRef args[], size_t i,
                 struct ph_arg_body *out)
{
    *out = (struct ph_arg_body){0};
    if (i >= arg_cnt || JSValueIsNull(ctx, args[i]) || JSValueIsUndefined(ctx, args[i]))
        return true;
    out->present = true;
    out->string = ph_arg_string(ctx, arg_cnt, args, i);
    return out->string || ph_js_bytes(ctx, args[i], &out->bytes);
}

void ph_arg_body_release(struct ph_arg_body *body)
{
    if (body->string)
        JSStringRelease(body->string);
}

/* Send a body of any length in frames after the head. */
enum ph_err ph_arg_body_send(struct ph_engine *e, struct ph_body_kind kind, uint64_t id,
                             struct ph_out_body *out, const struct ph_arg_body *body)
{
    if (!body->string)
        return ph_body_send(e, kind, id, out, body->bytes);
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(3ULL * PH_ENGINE_QUEUE_MAX);
    PH_TRY(ph_string_append(&text, body->string));
    return ph_body_send(e, kind, id, out, ph_buf_view(&text));
}

/* Append the inline body to a frame that is being built in the channel's output. */
enum ph_err ph_arg_body_add(struct ph_buf *out, const struct ph_arg_body *body)
{
    return body->string ? ph_string_append(out, body->string) : ph_buf_add(out, body->bytes);
}

size_t ph_arg_body_most(const struct ph_arg_body *body)
{
    return body->string ? JSStringGetLength(body->string) * 3 : body->bytes.len;
}

/* A frame whose payload is written straight into the channel's output: no copy between the engine's
 * strings and the socket. */
enum ph_err ph_native_frame_begin(struct ph_engine *e, size_t *at)
{
    uint8_t *header;
    *at = e->chan.out.len; /* also where it fails: callers cut the output back to it */
    PH_TRY(ph_buf_reserve(&e->chan.out, PH_IPC_HEADER_LEN, &header));
    e->chan.out.len += PH_IPC_HEADER_LEN;
    return PH_OK;
}

void ph_native_frame_end(struct ph_engine *e, size_t at, uint16_t type, uint16_t flags, uint64_t id)
{
    ph_ipc_header(e->chan.out.ptr + at, (uint32_t)(e->chan.out.len - at - PH_IPC_HEADER_LEN), type,
                  flags, id);
}

/* A BYTES field from a string argument. */
bool ph_native_add_field(struct ph_engine *e, size_t arg_cnt, const JSValueRef args[], size_t i,
                         size_t max)
{
    struct ph_buf *out = &e->chan.out;
    uint8_t *at;
    const size_t len_at = out->len;

    if (ph_buf_reserve(out, 4, &at) != PH_OK)
        return false;
    out->len += 4;
    if (!ph_arg_add_string(e->ctx, arg_cnt, args, i, max, out)) {
        out->len = len_at;
        return false;
    }
    ph_put_u32le(out->ptr + len_at, (uint32_t)(out->len - len_at - 4));
    return true;
}

/* Drop a frame begun at `at`. */
JSValueRef ph_native_undo(struct ph_engine *e, size_t at, const char *message,
                          JSValueRef *exception)
{
    e->chan.out.len = at;
    return ph_native_bad(e->ctx, message, exception);
}

JSValueRef ph_native_send_chunk(struct ph_engine *e, struct ph_body_kind kind, uint64_t id,
                                struct ph_out_body *out, size_t arg_cnt, const JSValueRef args[],
                                JSValueRef *exception)
{
    struct ph_arg_body body;

    if (!ph_arg_body(e->ctx, arg_cnt, args, 1, &body) || !body.present)
        return ph_native_bad(e->ctx, "a chunk is bytes or a string", exception);
    const enum ph_err err = ph_arg_body_send(e, kind, id, out, &body);
    ph_arg_body_release(&body);
    if (err == PH_ERR_LIMIT)
        return ph_js_throw(e->ctx, "RangeError", "More was written than can wait to be sent",
                           exception);
    ph_engine_check(e, err);
    const int64_t left = ph_body_left(out);
    out->waiting = left <= 0;
    return JSValueMakeNumber(e->ctx, (double)left);
}

void ph_native_give_credit(struct ph_engine *e, uint64_t id, uint8_t stream, uint32_t *received,
                           uint64_t bytes)
{
    if (bytes > *received)
        bytes = *received; /* no more than came: the window never grows */
    if (bytes == 0)
        return;
    *received -= (uint32_t)bytes;
    const struct ph_msg_CREDIT_D credit = {.stream = stream, .bytes = (uint32_t)bytes};
    ph_engine_check(e, ph_put_CREDIT_D(&e->chan, 0, id, &credit));
}
