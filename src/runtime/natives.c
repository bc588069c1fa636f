#include "runtime/natives_priv.h"

#include "base/clock.h"
#include "codec/tar.h"
#include "runtime/natives_crypto.h"
#include "runtime/natives_text.h"

#include <math.h>
#include <stdlib.h>

/* The table of natives, and those about time, logs, timers and files of the bundle. */

PH_NATIVE(native_hooks)
{
    struct ph_engine *e = ph_the_engine;
    static const char *const names[] = {
#define H(name) #name,
        PH_HOOKS(H)
#undef H
    };

    PH_NATIVE_UNUSED();
    if (e->hooks[0] || arg_cnt < 1 || !JSValueIsObject(ctx, args[0]))
        return ph_native_bad(ctx, "hooks: an object, once", exception);
    const JSObjectRef object = JSValueToObject(ctx, args[0], NULL);
    for (size_t i = 0; i < PH_HOOK_CNT; i++) {
        const JSStringRef key = JSStringCreateWithUTF8CString(names[i]);
        const JSValueRef value = JSObjectGetProperty(ctx, object, key, NULL);
        JSStringRelease(key);
        if (!value || !JSValueIsObject(ctx, value))
            return ph_native_bad(ctx, names[i], exception);
        JSValueProtect(ctx, value);
        e->hooks[i] = JSValueToObject(ctx, value, NULL);
    }
    return JSValueMakeUndefined(ctx);
}

/* (call, level, text) */
PH_NATIVE(native_log)
{
    struct ph_engine *e = ph_the_engine;
    uint64_t call, level;
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_ENGINE_QUEUE_MAX);

    PH_NATIVE_UNUSED();
    if (!ph_arg_id(ctx, arg_cnt, args, 0, &call) || !ph_arg_id(ctx, arg_cnt, args, 1, &level) ||
        level > 3)
        return ph_native_bad(ctx, "log: call or level", exception);
    const JSStringRef s = ph_arg_string(ctx, arg_cnt, args, 2);
    if (!s)
        return ph_native_bad(ctx, "log: text", exception);
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

static bool timer_is_orphan(void *ctx, const struct ph_timer *timer)
{
    struct ph_engine *e = ctx;
    return timer->call != 0 && !ph_idmap_get(&e->calls, timer->call);
}

PH_NATIVE(native_timer)
{
    struct ph_engine *e = ph_the_engine;
    double ms = 0;
    uint64_t id;

    PH_NATIVE_UNUSED();
    if (arg_cnt >= 1 && JSValueIsNumber(ctx, args[0]))
        ms = JSValueToNumber(ctx, args[0], NULL);
    if (!(ms > 0))
        ms = 0;
    if (ms > INT32_MAX)
        ms = INT32_MAX;
    const int64_t due_ns = ph_clock_mono_ns() + (int64_t)(ms * 1e6);
    enum ph_err err = ph_timers_add(&e->timers, due_ns, e->call, &id);
    /* What a call left behind must not stop the ones after it. */
    if (err == PH_ERR_LIMIT && ph_timers_drop(&e->timers, timer_is_orphan, e) > 0)
        err = ph_timers_add(&e->timers, due_ns, e->call, &id);
    if (err != PH_OK)
        return ph_js_throw(ctx, "RangeError", "Too many timers", exception);
    e->busy = true;
    return JSValueMakeNumber(ctx, (double)id);
}

PH_NATIVE(native_timer_cancel)
{
    uint64_t id;

    PH_NATIVE_UNUSED();
    (void)exception;
    if (ph_arg_id(ctx, arg_cnt, args, 0, &id))
        ph_engine_ignore(ph_timers_cancel(&ph_the_engine->timers, id));
    return JSValueMakeUndefined(ctx);
}

PH_NATIVE(native_now)
{
    PH_NATIVE_UNUSED();
    (void)arg_cnt, (void)args, (void)exception;
    return JSValueMakeNumber(ctx, (double)ph_clock_wall_ms());
}

PH_NATIVE(native_mono)
{
    PH_NATIVE_UNUSED();
    (void)arg_cnt, (void)args, (void)exception;
    return JSValueMakeNumber(
        ctx, floor((double)(ph_clock_mono_ns() - ph_the_engine->born_ns) / 1000000));
}

PH_NATIVE(native_asset)
{
    const struct ph_tar *files = ph_the_engine->files;
    struct ph_buf path PH_OWNED(ph_buf_clear) = PH_BUF(4 * PH_TAR_PATH_MAX);

    PH_NATIVE_UNUSED();
    if (!ph_arg_add_string(ctx, arg_cnt, args, 0, PH_TAR_PATH_MAX, &path))
        return JSValueMakeNull(ctx);
    const struct ph_tar_file *file = files ? ph_tar_find(files, ph_buf_view(&path)) : NULL;
    if (!file)
        return JSValueMakeNull(ctx);
    const JSObjectRef bytes = ph_js_new_bytes(ctx, file->data);
    return bytes ? bytes : ph_js_throw(ctx, "RangeError", "Out of memory", exception);
}

PH_NATIVE(native_assets)
{
    const struct ph_tar *files = ph_the_engine->files;
    JSValueRef names[PH_TAR_FILES_MAX];
    size_t cnt = 0;

    PH_NATIVE_UNUSED();
    (void)arg_cnt, (void)args;
    for (size_t i = 0; files && i < files->file_cnt; i++)
        names[cnt++] = ph_string_value(ph_the_engine, ph_bytes_str(files->files[i].path));
    return JSObjectMakeArray(ctx, cnt, names, exception);
}

PH_NATIVE(native_call_now)
{
    PH_NATIVE_UNUSED();
    (void)arg_cnt, (void)args, (void)exception;
    return JSValueMakeNumber(ctx, (double)ph_the_engine->call);
}

static const struct ph_native natives_here[] = {
    {"hooks", native_hooks},      {"log", native_log},
    {"timer", native_timer},      {"timerCancel", native_timer_cancel},
    {"now", native_now},          {"mono", native_mono},
    {"asset", native_asset},      {"assets", native_assets},
    {"callNow", native_call_now}, {NULL, NULL},
};

void ph_natives_install(struct ph_engine *e, JSObjectRef natives)
{
    const struct ph_native *const tables[] = {natives_here, ph_natives_call, ph_natives_fetch,
                                              ph_natives_db};

    for (size_t i = 0; i < PH_LEN(tables); i++) {
        for (const struct ph_native *n = tables[i]; n->name; n++)
            ph_js_install(e->ctx, natives, n->name, n->fn);
    }
    ph_natives_text_install(e->ctx, natives);
    ph_natives_crypto_install(e->ctx, natives);
}
