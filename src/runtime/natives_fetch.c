#include "runtime/natives_priv.h"

#include <stdlib.h>

/* Natives behind the phat's fetch(). */

enum { METHOD_MAX = 64, URL_MAX = 64 * 1024 };

static struct ph_fetch *get_fetch(size_t arg_cnt, JSContextRef ctx, const JSValueRef args[])
{
    uint64_t id;
    return ph_arg_id(ctx, arg_cnt, args, 0, &id) ? ph_idmap_get(&ph_the_engine->fetches, id) : NULL;
}

/* (call, method, url, headers, redirect, body, done) */
PH_NATIVE(native_fetch_start)
{
    struct ph_engine *e = ph_the_engine;
    uint64_t call_id, redirect;
    struct ph_arg_body body;
    size_t at;

    PH_NATIVE_UNUSED();
    if (!ph_arg_id(ctx, arg_cnt, args, 0, &call_id) ||
        !ph_arg_id(ctx, arg_cnt, args, 4, &redirect) || redirect > 2)
        return ph_native_bad(ctx, "fetchStart: call or redirect", exception);
    if (e->fetches.cnt >= e->start.subrequests)
        return ph_js_throw(ctx, "RangeError",
                           "Too many fetches at once (limits.subrequests of phat.json)", exception);
    if (!ph_arg_body(ctx, arg_cnt, args, 5, &body))
        return ph_native_bad(ctx, "fetchStart: body", exception);
    const bool done = ph_arg_bool(ctx, arg_cnt, args, 6);
    const bool is_inline = ph_arg_body_most(&body) <= PH_IPC_WINDOW;
    struct ph_fetch *fetch = malloc(sizeof(*fetch));
    uint8_t fixed[9];
    ph_put_u64le(fixed, ph_idmap_get(&e->calls, call_id) ? call_id : 0);
    fixed[8] = (uint8_t)redirect;

    if (!fetch || ph_native_frame_begin(e, &at) != PH_OK) {
        free(fetch);
        ph_arg_body_release(&body);
        return ph_js_throw(ctx, "RangeError", "Out of memory", exception);
    }
    if (ph_buf_add(&e->chan.out, PH_BYTES_OF(fixed)) != PH_OK ||
        !ph_native_add_field(e, arg_cnt, args, 1, METHOD_MAX) ||
        !ph_native_add_field(e, arg_cnt, args, 2, URL_MAX) ||
        !ph_native_add_field(e, arg_cnt, args, 3, PH_NATIVE_HEADERS_MAX)) {
        free(fetch);
        ph_arg_body_release(&body);
        return ph_native_undo(e, at, "fetch: method, URL or headers are too long", exception);
    }
    const size_t body_at = e->chan.out.len;
    *fetch =
        (struct ph_fetch){.id = e->last_fetch + 1, .call = call_id, .body.window = PH_IPC_WINDOW};
    if ((is_inline && ph_arg_body_add(&e->chan.out, &body) != PH_OK) ||
        ph_idmap_put(&e->fetches, fetch->id, fetch) != PH_OK) {
        free(fetch);
        ph_arg_body_release(&body);
        return ph_native_undo(e, at, "fetch: out of memory", exception);
    }
    e->last_fetch++;
    e->busy = true;
    fetch->body.window -= (int64_t)(e->chan.out.len - body_at);
    ph_native_frame_end(e, at, PH_IPC_FETCH, done && is_inline ? PH_IPC_END : 0, fetch->id);
    fetch->body.ended = done && is_inline;
    if (!is_inline) {
        ph_engine_check(e, ph_arg_body_send(e, ph_body_fetch, fetch->id, &fetch->body, &body));
        if (done)
            ph_engine_check(e, ph_body_end(e, ph_body_fetch, fetch->id, &fetch->body));
    }
    ph_arg_body_release(&body);
    return JSValueMakeNumber(ctx, (double)fetch->id);
}

/* A fetch may be over while the phat still writes to it: what is written goes nowhere. */
PH_NATIVE(native_fetch_send)
{
    struct ph_engine *e = ph_the_engine;
    struct ph_fetch *fetch = get_fetch(arg_cnt, ctx, args);

    PH_NATIVE_UNUSED();
    if (!fetch || fetch->body.ended)
        return JSValueMakeNumber(ctx, PH_IPC_WINDOW);
    return ph_native_send_chunk(e, ph_body_fetch, fetch->id, &fetch->body, arg_cnt, args,
                                exception);
}

PH_NATIVE(native_fetch_send_end)
{
    struct ph_engine *e = ph_the_engine;
    struct ph_fetch *fetch = get_fetch(arg_cnt, ctx, args);

    PH_NATIVE_UNUSED();
    (void)exception;
    if (fetch && !fetch->body.ended)
        ph_engine_check(e, ph_body_end(e, ph_body_fetch, fetch->id, &fetch->body));
    return JSValueMakeUndefined(ctx);
}

PH_NATIVE(native_fetch_cancel)
{
    struct ph_engine *e = ph_the_engine;
    struct ph_fetch *fetch = get_fetch(arg_cnt, ctx, args);

    PH_NATIVE_UNUSED();
    (void)exception;
    if (fetch) {
        ph_engine_check(e, ph_put_FETCH_CANCEL(&e->chan, 0, fetch->id));
        ph_fetch_close(e, fetch);
    }
    return JSValueMakeUndefined(ctx);
}

PH_NATIVE(native_fetch_credit)
{
    struct ph_engine *e = ph_the_engine;
    struct ph_fetch *fetch = get_fetch(arg_cnt, ctx, args);
    uint64_t bytes;

    PH_NATIVE_UNUSED();
    if (!ph_arg_id(ctx, arg_cnt, args, 1, &bytes))
        return ph_native_bad(ctx, "fetchCredit: bytes", exception);
    if (fetch)
        ph_native_give_credit(e, fetch->id, PH_STREAM_GOT, &fetch->received, bytes);
    return JSValueMakeUndefined(ctx);
}

const struct ph_native ph_natives_fetch[] = {
    {"fetchStart", native_fetch_start},      {"fetchSend", native_fetch_send},
    {"fetchSendEnd", native_fetch_send_end}, {"fetchCancel", native_fetch_cancel},
    {"fetchCredit", native_fetch_credit},    {NULL, NULL},
};
