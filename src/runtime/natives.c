#include "runtime/engine_priv.h"

#include "base/clock.h"
#include "codec/tar.h"
#include "runtime/natives_crypto.h"
#include "runtime/natives_text.h"

#include <math.h>
#include <stdlib.h>

/* Natives of the prelude that speak to phalad (NATIVES.md). Nothing here trusts its caller: ids
 * must name a call or fetch in flight, and types are checked without running code of the phat. */

enum { CODE_MAX = 32, METHOD_MAX = 64, URL_MAX = 64 * 1024, HEADERS_MAX = 256 * 1024 };

#define NATIVE(name)                                                                               \
    static JSValueRef name(JSContextRef ctx, JSObjectRef function, JSObjectRef self,               \
                           size_t arg_cnt, const JSValueRef args[], JSValueRef *exception)
#define UNUSED() (void)function, (void)self

static JSValueRef bad(JSContextRef ctx, const char *message, JSValueRef *exception)
{
    return ph_js_throw(ctx, "TypeError", message, exception);
}

/* A whole number from 0 to 2^53 - 1. */
static bool get_id(JSContextRef ctx, size_t arg_cnt, const JSValueRef args[], size_t i,
                   uint64_t *out)
{
    if (i >= arg_cnt || !JSValueIsNumber(ctx, args[i]))
        return false;
    const double n = JSValueToNumber(ctx, args[i], NULL);
    if (!(n >= 0) || n >= 9007199254740992.0 || n != (double)(uint64_t)n)
        return false;
    *out = (uint64_t)n;
    return true;
}

static bool get_bool(JSContextRef ctx, size_t arg_cnt, const JSValueRef args[], size_t i)
{
    return i < arg_cnt && JSValueToBoolean(ctx, args[i]);
}

/* A string argument, to be released; NULL: not a string. */
static JSStringRef get_string(JSContextRef ctx, size_t arg_cnt, const JSValueRef args[], size_t i)
{
    if (i >= arg_cnt || !JSValueIsString(ctx, args[i]))
        return NULL;
    return JSValueToStringCopy(ctx, args[i], NULL);
}

/* UTF-8 of a string argument, appended; false: not a string, or more than `max` bytes. */
static bool add_string(JSContextRef ctx, size_t arg_cnt, const JSValueRef args[], size_t i,
                       size_t max, struct ph_buf *out)
{
    const size_t before = out->len;
    const JSStringRef s = get_string(ctx, arg_cnt, args, i);
    if (!s)
        return false;
    const bool fits = JSStringGetLength(s) <= max && ph_string_append(out, s) == PH_OK &&
                      out->len - before <= max;
    JSStringRelease(s);
    if (!fits)
        out->len = before;
    return fits;
}

static struct ph_call *get_call(size_t arg_cnt, JSContextRef ctx, const JSValueRef args[])
{
    uint64_t id;
    struct ph_call *call =
        get_id(ctx, arg_cnt, args, 0, &id) ? ph_idmap_get(&ph_the_engine->calls, id) : NULL;
    return call && !call->done ? call : NULL;
}

static struct ph_fetch *get_fetch(size_t arg_cnt, JSContextRef ctx, const JSValueRef args[])
{
    uint64_t id;
    return get_id(ctx, arg_cnt, args, 0, &id) ? ph_idmap_get(&ph_the_engine->fetches, id) : NULL;
}

/* A body argument: null or undefined, bytes, or a string. */
struct body_arg {
    bool present;
    JSStringRef string; /* to be released */
    struct ph_bytes bytes;
};

static bool get_body(JSContextRef ctx, size_t arg_cnt, const JSValueRef args[], size_t i,
                     struct body_arg *out)
{
    *out = (struct body_arg){0};
    if (i >= arg_cnt || JSValueIsNull(ctx, args[i]) || JSValueIsUndefined(ctx, args[i]))
        return true;
    out->present = true;
    out->string = get_string(ctx, arg_cnt, args, i);
    return out->string || ph_js_bytes(ctx, args[i], &out->bytes);
}

static void body_release(struct body_arg *body)
{
    if (body->string)
        JSStringRelease(body->string);
}

/* Send a body of any length in frames after the head. */
static enum ph_err send_body(struct ph_engine *e, struct ph_body_kind kind, uint64_t id,
                             struct ph_out_body *out, const struct body_arg *body)
{
    if (!body->string)
        return ph_body_send(e, kind, id, out, body->bytes);
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(3ULL * PH_ENGINE_QUEUE_MAX);
    PH_TRY(ph_string_append(&text, body->string));
    return ph_body_send(e, kind, id, out, ph_buf_view(&text));
}

/* Append the inline body to a frame that is being built in the channel's output. */
static enum ph_err add_inline(struct ph_buf *out, const struct body_arg *body)
{
    return body->string ? ph_string_append(out, body->string) : ph_buf_add(out, body->bytes);
}

static size_t most_bytes(const struct body_arg *body)
{
    return body->string ? JSStringGetLength(body->string) * 3 : body->bytes.len;
}

/* A frame whose payload is written straight into the channel's output: no copy between the engine's
 * strings and the socket. */
static enum ph_err frame_begin(struct ph_engine *e, size_t *at)
{
    uint8_t *header;
    PH_TRY(ph_buf_reserve(&e->chan.out, PH_IPC_HEADER_LEN, &header));
    *at = e->chan.out.len;
    e->chan.out.len += PH_IPC_HEADER_LEN;
    return PH_OK;
}

static void frame_end(struct ph_engine *e, size_t at, uint16_t type, uint16_t flags, uint64_t id)
{
    ph_ipc_header(e->chan.out.ptr + at, (uint32_t)(e->chan.out.len - at - PH_IPC_HEADER_LEN), type,
                  flags, id);
}

/* A BYTES field from a string argument. */
static bool add_field(struct ph_engine *e, size_t arg_cnt, const JSValueRef args[], size_t i,
                      size_t max)
{
    struct ph_buf *out = &e->chan.out;
    uint8_t *at;
    const size_t len_at = out->len;

    if (ph_buf_reserve(out, 4, &at) != PH_OK)
        return false;
    out->len += 4;
    if (!add_string(e->ctx, arg_cnt, args, i, max, out)) {
        out->len = len_at;
        return false;
    }
    ph_put_u32le(out->ptr + len_at, (uint32_t)(out->len - len_at - 4));
    return true;
}

/* Drop a frame begun at `at`. */
static JSValueRef undo(struct ph_engine *e, size_t at, const char *message, JSValueRef *exception)
{
    e->chan.out.len = at;
    return bad(e->ctx, message, exception);
}

NATIVE(native_hooks)
{
    struct ph_engine *e = ph_the_engine;
    static const char *const names[] = {
#define H(name) #name,
        PH_HOOKS(H)
#undef H
    };

    UNUSED();
    if (e->hooks[0] || arg_cnt < 1 || !JSValueIsObject(ctx, args[0]))
        return bad(ctx, "hooks: an object, once", exception);
    const JSObjectRef object = JSValueToObject(ctx, args[0], NULL);
    for (size_t i = 0; i < PH_HOOK_CNT; i++) {
        const JSStringRef key = JSStringCreateWithUTF8CString(names[i]);
        const JSValueRef value = JSObjectGetProperty(ctx, object, key, NULL);
        JSStringRelease(key);
        if (!value || !JSValueIsObject(ctx, value))
            return bad(ctx, names[i], exception);
        JSValueProtect(ctx, value);
        e->hooks[i] = JSValueToObject(ctx, value, NULL);
    }
    return JSValueMakeUndefined(ctx);
}

/* (call, status, headers, body, done) */
NATIVE(native_respond)
{
    struct ph_engine *e = ph_the_engine;
    struct ph_call *call = get_call(arg_cnt, ctx, args);
    struct body_arg body;
    uint64_t status;
    size_t at;

    UNUSED();
    if (!call || call->head_sent)
        return bad(ctx, "respond: no such call, or answered before", exception);
    if (!get_id(ctx, arg_cnt, args, 1, &status) || status < 100 || status > 999)
        return bad(ctx, "respond: status", exception);
    if (!get_body(ctx, arg_cnt, args, 3, &body))
        return bad(ctx, "respond: body", exception);
    const bool done = get_bool(ctx, arg_cnt, args, 4);
    const bool is_inline = most_bytes(&body) <= PH_IPC_WINDOW;

    const uint8_t status_le[2] = {(uint8_t)status, (uint8_t)(status >> 8)};

    if (frame_begin(e, &at) != PH_OK || ph_buf_add(&e->chan.out, PH_BYTES_OF(status_le)) != PH_OK ||
        !add_field(e, arg_cnt, args, 2, HEADERS_MAX)) {
        body_release(&body);
        return undo(e, at, "respond: headers", exception);
    }
    const size_t body_at = e->chan.out.len;
    if (is_inline && add_inline(&e->chan.out, &body) != PH_OK) {
        body_release(&body);
        return undo(e, at, "respond: out of memory", exception);
    }
    const size_t sent = e->chan.out.len - body_at;
    frame_end(e, at, PH_IPC_RESP, done && is_inline ? PH_IPC_END : 0, call->id);
    call->head_sent = true;
    call->resp.window -= (int64_t)sent;
    if (done && is_inline) {
        ph_call_close(e, call);
    } else {
        if (!is_inline)
            ph_engine_check(e, send_body(e, ph_body_resp, call->id, &call->resp, &body));
        call->done = done;
        if (done) {
            ph_engine_check(e, ph_body_end(e, ph_body_resp, call->id, &call->resp));
            if (ph_body_over(&call->resp))
                ph_call_close(e, call);
        }
    }
    body_release(&body);
    return JSValueMakeUndefined(ctx);
}

static JSValueRef send_chunk(struct ph_engine *e, struct ph_body_kind kind, uint64_t id,
                             struct ph_out_body *out, size_t arg_cnt, const JSValueRef args[],
                             JSValueRef *exception)
{
    struct body_arg body;

    if (!get_body(e->ctx, arg_cnt, args, 1, &body) || !body.present)
        return bad(e->ctx, "a chunk is bytes or a string", exception);
    const enum ph_err err = send_body(e, kind, id, out, &body);
    body_release(&body);
    if (err == PH_ERR_LIMIT)
        return ph_js_throw(e->ctx, "RangeError", "More was written than can wait to be sent",
                           exception);
    ph_engine_check(e, err);
    const int64_t left = ph_body_left(out);
    out->waiting = left <= 0;
    return JSValueMakeNumber(e->ctx, (double)left);
}

NATIVE(native_respond_chunk)
{
    struct ph_engine *e = ph_the_engine;
    struct ph_call *call = get_call(arg_cnt, ctx, args);

    UNUSED();
    if (!call || !call->head_sent)
        return bad(ctx, "respondChunk: no such call, or no head yet", exception);
    return send_chunk(e, ph_body_resp, call->id, &call->resp, arg_cnt, args, exception);
}

NATIVE(native_respond_end)
{
    struct ph_engine *e = ph_the_engine;
    struct ph_call *call = get_call(arg_cnt, ctx, args);

    UNUSED();
    if (!call || !call->head_sent)
        return bad(ctx, "respondEnd: no such call, or no head yet", exception);
    call->done = true;
    ph_engine_check(e, ph_body_end(e, ph_body_resp, call->id, &call->resp));
    if (ph_body_over(&call->resp))
        ph_call_close(e, call);
    return JSValueMakeUndefined(ctx);
}

/* (call, code, message) */
NATIVE(native_respond_fail)
{
    struct ph_engine *e = ph_the_engine;
    struct ph_call *call = get_call(arg_cnt, ctx, args);
    struct ph_buf code PH_OWNED(ph_buf_clear) = PH_BUF(4 * CODE_MAX);
    struct ph_buf message PH_OWNED(ph_buf_clear) = PH_BUF(PH_ENGINE_QUEUE_MAX);

    UNUSED();
    if (!call)
        return bad(ctx, "respondFail: no such call", exception);
    if (!add_string(ctx, arg_cnt, args, 1, CODE_MAX, &code) ||
        ph_buf_add(&code, PH_BYTES_LIT("\0")))
        return bad(ctx, "respondFail: code", exception);
    if (!add_string(ctx, arg_cnt, args, 2, PH_ENGINE_QUEUE_MAX / 4, &message))
        ph_engine_check(e, ph_buf_add_str(&message, "The error's text is too long"));
    ph_call_fail(e, call, (const char *)code.ptr, ph_buf_view(&message));
    return JSValueMakeUndefined(ctx);
}

static void give_credit(struct ph_engine *e, uint64_t id, uint8_t stream, uint32_t *received,
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

/* (call, bytes); a call that is over needs no credit. */
NATIVE(native_call_credit)
{
    struct ph_engine *e = ph_the_engine;
    struct ph_call *call = get_call(arg_cnt, ctx, args);
    uint64_t bytes;

    UNUSED();
    if (!get_id(ctx, arg_cnt, args, 1, &bytes))
        return bad(ctx, "callCredit: bytes", exception);
    if (call && !call->request_over)
        give_credit(e, call->id, PH_STREAM_CALL, &call->received, bytes);
    return JSValueMakeUndefined(ctx);
}

/* (call, method, url, headers, redirect, body, done) */
NATIVE(native_fetch_start)
{
    struct ph_engine *e = ph_the_engine;
    uint64_t call_id, redirect;
    struct body_arg body;
    size_t at;

    UNUSED();
    if (!get_id(ctx, arg_cnt, args, 0, &call_id) || !get_id(ctx, arg_cnt, args, 4, &redirect) ||
        redirect > 2)
        return bad(ctx, "fetchStart: call or redirect", exception);
    if (e->fetches.cnt >= e->start.subrequests)
        return ph_js_throw(ctx, "RangeError",
                           "Too many fetches at once (limits.subrequests of phat.json)", exception);
    if (!get_body(ctx, arg_cnt, args, 5, &body))
        return bad(ctx, "fetchStart: body", exception);
    const bool done = get_bool(ctx, arg_cnt, args, 6);
    const bool is_inline = most_bytes(&body) <= PH_IPC_WINDOW;
    struct ph_fetch *fetch = malloc(sizeof(*fetch));
    uint8_t fixed[9];
    ph_put_u64le(fixed, ph_idmap_get(&e->calls, call_id) ? call_id : 0);
    fixed[8] = (uint8_t)redirect;

    if (!fetch || frame_begin(e, &at) != PH_OK) {
        free(fetch);
        body_release(&body);
        return ph_js_throw(ctx, "RangeError", "Out of memory", exception);
    }
    if (ph_buf_add(&e->chan.out, PH_BYTES_OF(fixed)) != PH_OK ||
        !add_field(e, arg_cnt, args, 1, METHOD_MAX) || !add_field(e, arg_cnt, args, 2, URL_MAX) ||
        !add_field(e, arg_cnt, args, 3, HEADERS_MAX)) {
        free(fetch);
        body_release(&body);
        return undo(e, at, "fetch: method, URL or headers are too long", exception);
    }
    const size_t body_at = e->chan.out.len;
    *fetch =
        (struct ph_fetch){.id = e->last_fetch + 1, .call = call_id, .body.window = PH_IPC_WINDOW};
    if ((is_inline && add_inline(&e->chan.out, &body) != PH_OK) ||
        ph_idmap_put(&e->fetches, fetch->id, fetch) != PH_OK) {
        free(fetch);
        body_release(&body);
        return undo(e, at, "fetch: out of memory", exception);
    }
    e->last_fetch++;
    e->busy = true;
    fetch->body.window -= (int64_t)(e->chan.out.len - body_at);
    frame_end(e, at, PH_IPC_FETCH, done && is_inline ? PH_IPC_END : 0, fetch->id);
    fetch->body.ended = done && is_inline;
    if (!is_inline) {
        ph_engine_check(e, send_body(e, ph_body_fetch, fetch->id, &fetch->body, &body));
        if (done)
            ph_engine_check(e, ph_body_end(e, ph_body_fetch, fetch->id, &fetch->body));
    }
    body_release(&body);
    return JSValueMakeNumber(ctx, (double)fetch->id);
}

/* A fetch may be over while the phat still writes to it: what is written goes nowhere. */
NATIVE(native_fetch_send)
{
    struct ph_engine *e = ph_the_engine;
    struct ph_fetch *fetch = get_fetch(arg_cnt, ctx, args);

    UNUSED();
    if (!fetch || fetch->body.ended)
        return JSValueMakeNumber(ctx, PH_IPC_WINDOW);
    return send_chunk(e, ph_body_fetch, fetch->id, &fetch->body, arg_cnt, args, exception);
}

NATIVE(native_fetch_send_end)
{
    struct ph_engine *e = ph_the_engine;
    struct ph_fetch *fetch = get_fetch(arg_cnt, ctx, args);

    UNUSED();
    (void)exception;
    if (fetch && !fetch->body.ended)
        ph_engine_check(e, ph_body_end(e, ph_body_fetch, fetch->id, &fetch->body));
    return JSValueMakeUndefined(ctx);
}

NATIVE(native_fetch_cancel)
{
    struct ph_engine *e = ph_the_engine;
    struct ph_fetch *fetch = get_fetch(arg_cnt, ctx, args);

    UNUSED();
    (void)exception;
    if (fetch) {
        ph_engine_check(e, ph_put_FETCH_CANCEL(&e->chan, 0, fetch->id));
        ph_fetch_close(e, fetch);
    }
    return JSValueMakeUndefined(ctx);
}

NATIVE(native_fetch_credit)
{
    struct ph_engine *e = ph_the_engine;
    struct ph_fetch *fetch = get_fetch(arg_cnt, ctx, args);
    uint64_t bytes;

    UNUSED();
    if (!get_id(ctx, arg_cnt, args, 1, &bytes))
        return bad(ctx, "fetchCredit: bytes", exception);
    if (fetch)
        give_credit(e, fetch->id, PH_STREAM_GOT, &fetch->received, bytes);
    return JSValueMakeUndefined(ctx);
}

/* (call, level, text) */
NATIVE(native_log)
{
    struct ph_engine *e = ph_the_engine;
    uint64_t call, level;
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_ENGINE_QUEUE_MAX);

    UNUSED();
    if (!get_id(ctx, arg_cnt, args, 0, &call) || !get_id(ctx, arg_cnt, args, 1, &level) ||
        level > 3)
        return bad(ctx, "log: call or level", exception);
    const JSStringRef s = get_string(ctx, arg_cnt, args, 2);
    if (!s)
        return bad(ctx, "log: text", exception);
    /* Never encode a text that is cut anyway to its end. */
    if (JSStringGetLength(s) > PH_ENGINE_QUEUE_MAX / 4)
        ph_engine_check(e, ph_buf_add_str(&text, "A line of more than 16 MiB was dropped"));
    else
        ph_engine_check(e, ph_string_append(&text, s));
    JSStringRelease(s);
    /* Work after the answer may log for its call; ids that phalad never gave out are not passed on.
     */
    ph_engine_log(e, call <= e->last_call ? call : 0, (uint8_t)level, ph_buf_view(&text));
    return JSValueMakeUndefined(ctx);
}

NATIVE(native_timer)
{
    struct ph_engine *e = ph_the_engine;
    double ms = 0;
    uint64_t id;

    UNUSED();
    if (arg_cnt >= 1 && JSValueIsNumber(ctx, args[0]))
        ms = JSValueToNumber(ctx, args[0], NULL);
    if (!(ms > 0))
        ms = 0;
    if (ms > INT32_MAX)
        ms = INT32_MAX;
    const enum ph_err err =
        ph_timers_add(&e->timers, ph_clock_mono_ns() + (int64_t)(ms * 1e6), e->call, &id);
    if (err != PH_OK)
        return ph_js_throw(ctx, "RangeError", "Too many timers", exception);
    e->busy = true;
    return JSValueMakeNumber(ctx, (double)id);
}

NATIVE(native_timer_cancel)
{
    uint64_t id;

    UNUSED();
    (void)exception;
    if (get_id(ctx, arg_cnt, args, 0, &id))
        ph_engine_ignore(ph_timers_cancel(&ph_the_engine->timers, id));
    return JSValueMakeUndefined(ctx);
}

NATIVE(native_now)
{
    UNUSED();
    (void)arg_cnt, (void)args, (void)exception;
    return JSValueMakeNumber(ctx, (double)ph_clock_wall_ms());
}

NATIVE(native_mono)
{
    UNUSED();
    (void)arg_cnt, (void)args, (void)exception;
    return JSValueMakeNumber(
        ctx, floor((double)(ph_clock_mono_ns() - ph_the_engine->born_ns) / 1000000));
}

NATIVE(native_asset)
{
    const struct ph_tar *files = ph_the_engine->files;
    struct ph_buf path PH_OWNED(ph_buf_clear) = PH_BUF(4 * PH_TAR_PATH_MAX);

    UNUSED();
    if (!add_string(ctx, arg_cnt, args, 0, PH_TAR_PATH_MAX, &path))
        return JSValueMakeNull(ctx);
    for (size_t i = 0; files && i < files->file_cnt; i++) {
        if (!ph_bytes_is(ph_buf_view(&path), files->files[i].path))
            continue;
        const JSObjectRef bytes = ph_js_new_bytes(ctx, files->files[i].data);
        if (!bytes)
            return ph_js_throw(ctx, "RangeError", "Out of memory", exception);
        return bytes;
    }
    return JSValueMakeNull(ctx);
}

NATIVE(native_assets)
{
    const struct ph_tar *files = ph_the_engine->files;
    JSValueRef names[PH_TAR_FILES_MAX];
    size_t cnt = 0;

    UNUSED();
    (void)arg_cnt, (void)args;
    for (size_t i = 0; files && i < files->file_cnt; i++)
        names[cnt++] = ph_string_value(ph_the_engine, ph_bytes_str(files->files[i].path));
    return JSObjectMakeArray(ctx, cnt, names, exception);
}

NATIVE(native_call_now)
{
    UNUSED();
    (void)arg_cnt, (void)args, (void)exception;
    return JSValueMakeNumber(ctx, (double)ph_the_engine->call);
}

void ph_natives_install(struct ph_engine *e, JSObjectRef natives)
{
    static const struct {
        const char *name;
        ph_js_native *fn;
    } table[] = {
        {"hooks", native_hooks},
        {"respond", native_respond},
        {"respondChunk", native_respond_chunk},
        {"respondEnd", native_respond_end},
        {"respondFail", native_respond_fail},
        {"callCredit", native_call_credit},
        {"fetchStart", native_fetch_start},
        {"fetchSend", native_fetch_send},
        {"fetchSendEnd", native_fetch_send_end},
        {"fetchCancel", native_fetch_cancel},
        {"fetchCredit", native_fetch_credit},
        {"log", native_log},
        {"timer", native_timer},
        {"timerCancel", native_timer_cancel},
        {"now", native_now},
        {"mono", native_mono},
        {"asset", native_asset},
        {"assets", native_assets},
        {"callNow", native_call_now},
    };
    for (size_t i = 0; i < PH_LEN(table); i++)
        ph_js_install(e->ctx, natives, table[i].name, table[i].fn);
    ph_natives_text_install(e->ctx, natives);
    ph_natives_crypto_install(e->ctx, natives);
}
