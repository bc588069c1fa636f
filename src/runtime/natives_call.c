#include "runtime/idem.h"
#include "runtime/turns.h"

/* Natives that answer calls. */

enum { CODE_MAX = 32 };

static struct ph_call *get_call(size_t arg_cnt, JSContextRef ctx, const JSValueRef args[])
{
    uint64_t id;
    struct ph_call *call =
        ph_arg_id(ctx, arg_cnt, args, 0, &id) ? ph_idmap_get(&ph_the_engine->calls, id) : NULL;
    return call && !call->done ? call : NULL;
}

/* The header block, length first. Most answers carry one of a few constant strings of the prelude:
 * their bytes are kept with the value itself, which is protected, so that it stays what it is. */
static bool add_header_block(struct ph_engine *e, size_t arg_cnt, const JSValueRef args[])
{
    struct ph_buf *out = &e->chan.out;
    const JSValueRef value = arg_cnt > 2 ? args[2] : NULL;
    struct ph_known_block *known = &e->blocks[((uintptr_t)value >> 4) % PH_KNOWN_BLOCKS];
    const size_t at = out->len;

    if (value && known->value == value)
        return ph_buf_add(out, (struct ph_bytes){known->bytes, known->len}) == PH_OK;
    if (!ph_native_add_field(e, arg_cnt, args, 2, PH_NATIVE_HEADERS_MAX))
        return false;
    if (known->seen == value && out->len - at <= sizeof(known->bytes)) {
        if (known->value)
            JSValueUnprotect(e->ctx, known->value);
        JSValueProtect(e->ctx, value);
        known->value = value;
        known->len = (uint8_t)(out->len - at);
        memcpy(known->bytes, out->ptr + at, known->len);
    }
    known->seen = value;
    return true;
}

static JSValueRef respond(JSContextRef ctx, size_t arg_cnt, const JSValueRef args[],
                          JSValueRef *exception)
{
    struct ph_engine *e = ph_the_engine;
    struct ph_call *call = get_call(arg_cnt, ctx, args);
    struct ph_arg_body body;
    uint64_t status;
    size_t at;

    if (!call || call->head_sent)
        return ph_native_bad(ctx, "respond: no such call, or answered before", exception);
    if (!ph_arg_id(ctx, arg_cnt, args, 1, &status) || status < 100 || status > 999)
        return ph_native_bad(ctx, "respond: status", exception);
    if (!ph_arg_body(ctx, arg_cnt, args, 3, &body))
        return ph_native_bad(ctx, "respond: body", exception);
    const bool done = ph_arg_bool(ctx, arg_cnt, args, 4);
    const bool is_inline = ph_arg_body_most(&body) <= PH_IPC_WINDOW;

    const uint8_t status_le[2] = {(uint8_t)status, (uint8_t)(status >> 8)};

    if (ph_native_frame_begin(e, &at) != PH_OK ||
        ph_buf_add(&e->chan.out, PH_BYTES_OF(status_le)) != PH_OK ||
        !add_header_block(e, arg_cnt, args)) {
        ph_arg_body_release(&body);
        return ph_native_undo(e, at, "respond: headers", exception);
    }
    const size_t body_at = e->chan.out.len;
    if (is_inline && ph_arg_body_add(&e->chan.out, &body) != PH_OK) {
        ph_arg_body_release(&body);
        return ph_native_undo(e, at, "respond: out of memory", exception);
    }
    const size_t sent = e->chan.out.len - body_at;
    call->head_sent = true;
    if (call->idem) {
        const size_t head = at + PH_IPC_HEADER_LEN + sizeof(status_le) + 4;
        ph_idem_answer(e, call, (uint16_t)status,
                       (struct ph_bytes){e->chan.out.ptr + head, body_at - head}, &body, done);
        if (call->idem->alone) { /* nobody waits for it; what streams is ended at the next sweep */
            e->chan.out.len = at;
            if (done)
                ph_call_close(e, call);
            ph_arg_body_release(&body);
            return JSValueMakeUndefined(ctx);
        }
    }
    ph_native_frame_end(e, at, PH_IPC_RESP, done && is_inline ? PH_IPC_END : 0, call->id);
    call->resp.window -= (int64_t)sent;
    if (done && is_inline) {
        ph_call_close(e, call);
    } else {
        if (!is_inline)
            ph_engine_check(e, ph_arg_body_send(e, ph_body_resp, call->id, &call->resp, &body));
        call->done = done;
        if (done) {
            ph_engine_check(e, ph_body_end(e, ph_body_resp, call->id, &call->resp));
            if (ph_body_over(&call->resp))
                ph_call_close(e, call);
        }
    }
    ph_arg_body_release(&body);
    return JSValueMakeUndefined(ctx);
}

/* (call, status, headers, body, done). The VM's lock is taken once for all that it looks at: each
 * function of the engine's API takes it otherwise. */
PH_NATIVE(native_respond)
{
    PH_NATIVE_UNUSED();
    if (!ph_the_engine->started) /* the rehearsal's answers */
        return JSValueMakeUndefined(ctx);
    JSLock(ctx);
    const JSValueRef result = respond(ctx, arg_cnt, args, exception);
    JSUnlock(ctx);
    return result;
}

PH_NATIVE(native_respond_chunk)
{
    struct ph_engine *e = ph_the_engine;
    struct ph_call *call = get_call(arg_cnt, ctx, args);

    PH_NATIVE_UNUSED();
    if (!call || !call->head_sent)
        return ph_native_bad(ctx, "respondChunk: no such call, or no head yet", exception);
    return ph_native_send_chunk(e, ph_body_resp, call->id, &call->resp, arg_cnt, args, exception);
}

PH_NATIVE(native_respond_end)
{
    struct ph_engine *e = ph_the_engine;
    struct ph_call *call = get_call(arg_cnt, ctx, args);

    PH_NATIVE_UNUSED();
    if (!call || !call->head_sent)
        return ph_native_bad(ctx, "respondEnd: no such call, or no head yet", exception);
    call->done = true;
    ph_engine_check(e, ph_body_end(e, ph_body_resp, call->id, &call->resp));
    if (ph_body_over(&call->resp))
        ph_call_close(e, call);
    return JSValueMakeUndefined(ctx);
}

/* (call, code, message) */
PH_NATIVE(native_respond_fail)
{
    struct ph_engine *e = ph_the_engine;
    struct ph_call *call = get_call(arg_cnt, ctx, args);
    struct ph_buf code PH_OWNED(ph_buf_clear) = PH_BUF(4 * CODE_MAX);
    struct ph_buf message PH_OWNED(ph_buf_clear) = PH_BUF(PH_ENGINE_QUEUE_MAX);

    PH_NATIVE_UNUSED();
    if (!call)
        return ph_native_bad(ctx, "respondFail: no such call", exception);
    if (!ph_arg_add_string(ctx, arg_cnt, args, 1, CODE_MAX, &code) ||
        ph_buf_add(&code, PH_BYTES_LIT("\0")))
        return ph_native_bad(ctx, "respondFail: code", exception);
    if (!ph_arg_add_string(ctx, arg_cnt, args, 2, PH_ENGINE_QUEUE_MAX / 4, &message))
        ph_engine_check(e, ph_buf_add_str(&message, "The error's text is too long"));
    if (e->stop == PH_STOP_CPU) { /* what was thrown is our own: see ph_limits_over */
        ph_call_fail(e, call, "cpu-limit",
                     PH_BYTES_LIT("The call used up its CPU time (limits.cpuMs)"));
        return JSValueMakeUndefined(ctx);
    }
    if (e->turns && strcmp((const char *)code.ptr, "exception") == 0)
        e->turns->failed = true;
    ph_call_fail(e, call, (const char *)code.ptr, ph_buf_view(&message));
    return JSValueMakeUndefined(ctx);
}

/* (call, bytes); a call that is over needs no credit. */
PH_NATIVE(native_call_credit)
{
    struct ph_engine *e = ph_the_engine;
    struct ph_call *call = get_call(arg_cnt, ctx, args);
    uint64_t bytes;

    PH_NATIVE_UNUSED();
    if (!ph_arg_id(ctx, arg_cnt, args, 1, &bytes))
        return ph_native_bad(ctx, "callCredit: bytes", exception);
    if (call && !call->request_over)
        ph_native_give_credit(e, call->id, PH_STREAM_CALL, &call->received, bytes);
    return JSValueMakeUndefined(ctx);
}

const struct ph_native ph_natives_call[] = {
    {"respond", native_respond},        {"respondChunk", native_respond_chunk},
    {"respondEnd", native_respond_end}, {"respondFail", native_respond_fail},
    {"callCredit", native_call_credit}, {NULL, NULL},
};
