#include "runtime/engine_priv.h"

#include "base/clock.h"
#include "codec/tar.h"
#include "runtime/text_pages.h"
#include "runtime/turns.h"

#include <stdio.h>
#include <stdlib.h>

struct ph_engine *ph_the_engine;

void ph_engine_end(struct ph_engine *e, enum ph_engine_exit exit)
{
    if (e->over)
        return;
    e->over = true;
    e->exit = exit;
}

void ph_engine_check(struct ph_engine *e, enum ph_err err)
{
    if (err != PH_OK)
        ph_engine_end(e, PH_ENGINE_EXIT_FAILED);
}

/* A termination that struck in a promise job stays pending in the VM and would end the next entry:
 * let entries that do nothing take it. */
static void absorb_termination(struct ph_engine *e)
{
    const JSStringRef nothing = JSStringCreateWithUTF8CString("0");
    JSValueRef threw;

    for (int i = 0; i < 4; i++) {
        threw = NULL;
        ph_limits_enter(e, NULL);
        e->inside = true;
        (void)JSEvaluateScript(e->ctx, nothing, NULL, NULL, 1, &threw);
        e->inside = false;
        if (!threw && e->stop == PH_STOP_NONE)
            break;
    }
    e->stop = PH_STOP_NONE;
    JSStringRelease(nothing);
}

/* What a limit ended: the call fails; over memory, so does the instance. */
void ph_engine_stopped(struct ph_engine *e, uint64_t id)
{
    struct ph_call *call = ph_idmap_get(&e->calls, id);
    const enum ph_stop stop = e->stop;

    absorb_termination(e);
    if (stop == PH_STOP_MEMORY) {
        ph_calls_fail_all(e, "memory-limit",
                          "The phat is over its memory limit (limits.memoryMiB)");
        ph_engine_end(e, PH_ENGINE_EXIT_MEMORY);
        return;
    }
    if (call)
        ph_call_fail(e, call, "cpu-limit",
                     PH_BYTES_LIT("The call used up its CPU time (limits.cpuMs)"));
    else
        ph_engine_log(e, 0, 3,
                      PH_BYTES_LIT("Stopped: code outside of a call used up the CPU time "
                                   "of one (limits.cpuMs)"));
}

static void account(struct ph_engine *e, uint64_t id)
{
    const int64_t now = ph_clock_mono_ns();
    const uint64_t ns = (uint64_t)(now - e->entry_ns);
    e->entry_ns = now; /* the next entry of this turn begins where this one ends */
    struct ph_call *call = id == 0 ? NULL : ph_idmap_get(&e->calls, id);

    e->turn_wall_ns += ns;
    if (!call)
        return;
    call->turn_ns += ns;
    if (!call->touched && e->touched_cnt < PH_LEN(e->touched)) {
        call->touched = true;
        e->touched[e->touched_cnt++] = call;
    }
}

JSValueRef ph_engine_enter(struct ph_engine *e, enum ph_hook hook, uint64_t call, size_t arg_cnt,
                           const JSValueRef args[], JSValueRef *threw)
{
    JSValueRef exception = NULL;

    if (e->turns)
        ph_turn_begins(e);
    ph_limits_enter(e, call == 0 ? NULL : ph_idmap_get(&e->calls, call));
    e->call = call;
    e->inside = true;
    const JSValueRef result =
        JSObjectCallAsFunction(e->ctx, e->hooks[hook], NULL, arg_cnt, args, &exception);
    e->inside = false;
    e->call = 0;
    account(e, call);
    const enum ph_stop stop = e->stop;
    if (stop != PH_STOP_NONE && e->started) {
        ph_engine_stopped(e, call);
        exception = NULL; /* "JavaScript execution terminated": told above */
    }
    if (e->turns) {
        e->turns->failed |= exception != NULL;
        ph_turn_ends(e, stop);
    }
    if (threw)
        *threw = exception;
    return result;
}

char *ph_engine_describe(struct ph_engine *e, JSValueRef value)
{
    JSValueRef threw = NULL;
    size_t len;

    if (value && !JSValueIsString(e->ctx, value)) {
        const uint64_t outer = e->call;
        value = ph_engine_enter(e, PH_HOOK_describe, 0, 1, &value, &threw);
        e->call = outer;
    }
    char *text = value && !threw && JSValueIsString(e->ctx, value)
                     ? ph_js_utf8(e->ctx, value, &len, &threw)
                     : NULL;
    return text ? text : strdup("an error that cannot be shown");
}

void ph_engine_tell(struct ph_engine *e, enum ph_hook hook, uint64_t id, size_t arg_cnt,
                    const JSValueRef args[])
{
    JSValueRef threw;

    (void)ph_engine_enter(e, hook, id, arg_cnt, args, &threw);
    if (!threw || e->over)
        return;
    char *text PH_OWNED(ph_freep) = ph_engine_describe(e, threw);
    const struct ph_bytes message = text ? ph_bytes_str(text) : PH_BYTES_LIT("out of memory");
    struct ph_call *call = ph_idmap_get(&e->calls, id);
    if (call && !call->done)
        ph_call_fail(e, call, "internal", message);
    else
        ph_engine_log(e, id, 3, message);
}

void ph_engine_log(struct ph_engine *e, uint64_t call, uint8_t level, struct ph_bytes text)
{
    char notice[96];
    const int64_t now = ph_clock_mono_ns();

    e->log_left += (now - e->log_at_ns) / 1000 * PH_ENGINE_LOG_PER_S / 1000000;
    e->log_at_ns = now;
    if (e->log_left > PH_ENGINE_LOG_BURST)
        e->log_left = PH_ENGINE_LOG_BURST;
    if (text.len > PH_ENGINE_LOG_TEXT_MAX)
        text.len = PH_ENGINE_LOG_TEXT_MAX;
    const int64_t cost = (int64_t)text.len + 64;
    if (cost > e->log_left) {
        e->log_dropped++;
        return;
    }
    if (e->log_dropped > 0) {
        (void)snprintf(notice, sizeof(notice), "%llu lines were dropped: more than %d KiB a second",
                       (unsigned long long)e->log_dropped, PH_ENGINE_LOG_PER_S / 1024);
        const struct ph_msg_LOG log = {.level = 2, .text = ph_bytes_str(notice)};
        ph_engine_check(e, ph_put_LOG(&e->chan, 0, 0, &log));
        e->log_dropped = 0;
    }
    e->log_left -= cost;
    const struct ph_msg_LOG log = {.level = level, .text = text};
    ph_engine_check(e, ph_put_LOG(&e->chan, 0, call, &log));
}

/* (promise, reason) from the VM at the end of a turn. */
static JSValueRef on_rejection(JSContextRef ctx, JSObjectRef function, JSObjectRef self,
                               size_t arg_cnt, const JSValueRef args[], JSValueRef *exception)
{
    struct ph_engine *e = ph_the_engine;

    (void)function;
    (void)self;
    (void)exception;
    if (arg_cnt == 2 && e->hooks[PH_HOOK_onUnhandled])
        (void)JSObjectCallAsFunction(ctx, e->hooks[PH_HOOK_onUnhandled], NULL, 1, &args[1], NULL);
    return JSValueMakeUndefined(ctx);
}

static void delete_global(struct ph_engine *e, const char *name)
{
    const JSStringRef key = JSStringCreateWithUTF8CString(name);
    (void)JSObjectDeleteProperty(e->ctx, JSContextGetGlobalObject(e->ctx), key, NULL);
    JSStringRelease(key);
}

static enum ph_err run_prelude(struct ph_engine *e, struct ph_engine_prelude prelude, char *why)
{
    const JSObjectRef global = JSContextGetGlobalObject(e->ctx);
    const JSObjectRef natives = JSObjectMake(e->ctx, NULL, NULL);
    const JSStringRef key = JSStringCreateWithUTF8CString("__ph");
    const JSStringRef text = JSStringCreateWithUTF8CString(prelude.text);
    const JSStringRef url = JSStringCreateWithUTF8CString(prelude.url);
    JSValueRef threw = NULL;

    ph_natives_install(e, natives);
    JSObjectSetProperty(e->ctx, global, key, natives, kJSPropertyAttributeNone, NULL);
    (void)JSEvaluateScript(e->ctx, text, NULL, url, 1, &threw);
    JSStringRelease(key);
    JSStringRelease(text);
    JSStringRelease(url);
    /* The prelude has taken it; a phat must not find it whatever the prelude did. */
    delete_global(e, "__ph");
    if (threw) {
        size_t len;
        JSValueRef again = NULL;
        char *message PH_OWNED(ph_freep) = ph_js_utf8(e->ctx, threw, &len, &again);
        (void)snprintf(why, 256, "prelude: %s", message ? message : "threw");
        return PH_ERR_IO;
    }
    for (size_t i = 0; i < PH_HOOK_CNT; i++) {
        if (!e->hooks[i]) {
            (void)snprintf(why, 256, "prelude: a hook is missing");
            return PH_ERR_IO;
        }
    }
    return PH_OK;
}

/* What opens files at first use, used before seccomp forbids that. (Local time would, too; but the
 * zygote has set TZ, and ICU's data are a library: onIdle of the prelude uses it.) */
static void prime(struct ph_engine *e)
{
    static const char code[] = "Math.random();";
    const JSStringRef text = JSStringCreateWithUTF8CString(code);
    (void)JSEvaluateScript(e->ctx, text, NULL, NULL, 1, NULL);
    JSStringRelease(text);
}

/* The engine reads its options from the environment, once, when the VM is made. */
static int set_options(void)
{
    /* Compiled code asks whether the watchdog wants it. By default the engine throws the code on
     * the stack away instead, at each tick of limits.c: loops that take longer run uncompiled. */
    if (setenv("JSC_usePollingTraps", "true", 1) != 0)
        return -1;
    /* An instance collects on its own thread. Helper threads would take the cores of other phats,
     * and marking beside a running program costs 15 to 20 % more processor time (5 MB of JSON). */
    if (setenv("JSC_useConcurrentGC", "false", 1) != 0)
        return -1;
    return setenv("JSC_numberOfGCMarkers", "1", 1);
}

/* Of an initialised library without an engine. */
static GMainContext *next_glib;

enum ph_err ph_engine_init(void)
{
    if (next_glib)
        return PH_OK;
    if (set_options() != 0)
        return PH_ERR_NOMEM;
    /* Before the library: asynchronous WebAssembly compilation and the collector's timers run on
     * the main context of the thread that initialises it. */
    next_glib = g_main_context_new();
    g_main_context_push_thread_default(next_glib);
    /* The timer of full collections looks for the main run loop of a GTK program, finds none and
     * crashes: idle instances collect in limits.c instead. */
    JSDisableGCTimer();
    /* The first object of the C API initialises what VMs share: options, address space reserved
     * for them, the pool of compiled code. */
    JSStringRelease(JSStringCreateWithUTF8CString(""));
    return PH_OK;
}

void ph_engine_share_library(void)
{
    (void)ph_text_pages_copy((uintptr_t)JSContextGroupCreate);
}

enum ph_err ph_engine_new(struct ph_engine **out, struct ph_engine_prelude prelude, int fd,
                          int secrets_fd, int statm_fd, char why[static 256])
{
    struct ph_engine *e = calloc(1, sizeof(*e));

    if (e)
        e->strings = calloc(PH_STRING_CACHE, sizeof(*e->strings));
    if (!e || !e->strings) {
        free(e);
        (void)snprintf(why, 256, "out of memory");
        return PH_ERR_NOMEM;
    }
    ph_the_engine = e;
    if (ph_engine_init() != PH_OK) {
        free(e->strings);
        free(e);
        (void)snprintf(why, 256, "out of memory");
        return PH_ERR_NOMEM;
    }
    ph_limits_set_base(e, statm_fd);
    e->glib = next_glib;
    next_glib = NULL;
    e->group = JSContextGroupCreate();
    e->ctx = JSGlobalContextCreateInGroup(e->group, NULL);
    e->js_true = JSValueMakeBoolean(e->ctx, true);
    e->js_false = JSValueMakeBoolean(e->ctx, false);
    e->js_null = JSValueMakeNull(e->ctx);
    e->born_ns = e->log_at_ns = ph_clock_mono_ns();
    e->log_left = PH_ENGINE_LOG_BURST;
    e->bundle = PH_BUF(PH_ENGINE_BUNDLE_MAX);
    e->secrets_fd = e->statm_fd = e->state_fd = -1;
    ph_ipc_chan_init(&e->chan, -1);

    const enum ph_err err = run_prelude(e, prelude, why);
    if (err != PH_OK) {
        ph_engine_free(e);
        return err;
    }
    const JSObjectRef callback = JSObjectMakeFunctionWithCallback(e->ctx, NULL, on_rejection);
    JSGlobalContextSetUnhandledRejectionCallback(e->ctx, callback, NULL);
    prime(e);
    ph_limits_init(e);
    e->chan.fd = fd;
    e->secrets_fd = secrets_fd;
    e->statm_fd = statm_fd;
    *out = e;
    return PH_OK;
}

void ph_engine_state_channel(struct ph_engine *e, int fd)
{
    e->state_fd = fd;
}

void ph_engine_free(struct ph_engine *e)
{
    if (!e)
        return;
    struct ph_call *call;
    for (size_t at = 0; (call = ph_idmap_next(&e->calls, &at)); at = 0)
        ph_call_close(e, call);
    struct ph_fetch *fetch;
    for (size_t at = 0; (fetch = ph_idmap_next(&e->fetches, &at)); at = 0)
        ph_fetch_close(e, fetch);
    free(e->free_call);
    ph_idmap_clear(&e->calls);
    ph_idmap_clear(&e->fetches);
    ph_timers_clear(&e->timers);
    ph_turns_free(e);
    ph_buf_clear(&e->bundle);
    free(e->files);
    free(e->strings);
    JSGlobalContextRelease(e->ctx);
    JSContextGroupRelease(e->group);
    g_main_context_pop_thread_default(e->glib);
    g_main_context_unref(e->glib);
    ph_ipc_chan_clear(&e->chan);
    ph_closep(&e->secrets_fd);
    ph_closep(&e->statm_fd);
    ph_closep(&e->state_fd);
    ph_the_engine = NULL;
    free(e);
}
