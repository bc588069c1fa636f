#include "runtime/engine_priv.h"

#include "base/clock.h"
#include "codec/tar.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

struct ph_engine *ph_the_engine;

enum { READ_AHEAD_MAX = 8 * 1024 * 1024 }; /* queued output above which no input is read */

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
static void handle_stop(struct ph_engine *e, uint64_t id)
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

static void account(struct ph_engine *e, uint64_t id, int64_t began_ns)
{
    const uint64_t ns = (uint64_t)(ph_clock_mono_ns() - began_ns);
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
    const int64_t began = ph_clock_mono_ns();

    ph_limits_enter(e, call == 0 ? NULL : ph_idmap_get(&e->calls, call));
    e->call = call;
    e->inside = true;
    const JSValueRef result =
        JSObjectCallAsFunction(e->ctx, e->hooks[hook], NULL, arg_cnt, args, &exception);
    e->inside = false;
    e->call = 0;
    account(e, call, began);
    if (e->stop != PH_STOP_NONE && e->started) {
        handle_stop(e, call);
        exception = NULL; /* "JavaScript execution terminated": told above */
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

/* Things that read files or make executable memory at first use, used before seccomp forbids both.
 */
static void prime(struct ph_engine *e)
{
    static const char code[] = "Math.random(); new Date(2026, 6, 1).getTimezoneOffset();";
    const JSStringRef text = JSStringCreateWithUTF8CString(code);
    (void)JSEvaluateScript(e->ctx, text, NULL, NULL, 1, NULL);
    JSStringRelease(text);
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
    /* Before the VM: asynchronous WebAssembly compilation and the collector's timers run on the
     * main context of the thread that makes it. */
    e->glib = g_main_context_new();
    g_main_context_push_thread_default(e->glib);
    e->group = JSContextGroupCreate();
    e->ctx = JSGlobalContextCreateInGroup(e->group, NULL);
    e->js_true = JSValueMakeBoolean(e->ctx, true);
    e->js_false = JSValueMakeBoolean(e->ctx, false);
    e->js_null = JSValueMakeNull(e->ctx);
    e->born_ns = e->log_at_ns = ph_clock_mono_ns();
    e->log_left = PH_ENGINE_LOG_BURST;
    e->bundle = PH_BUF(PH_ENGINE_BUNDLE_MAX);
    e->secrets_fd = e->statm_fd = -1;
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
    ph_the_engine = NULL;
    free(e);
}

static void fire_timers(struct ph_engine *e)
{
    struct ph_timer timer;

    if (e->timers.cnt == 0)
        return;
    /* Those armed in this turn wait for the next one, so that a timer that rearms itself does not
     * starve the channel. */
    const uint64_t last = e->timers.last_id;
    const int64_t now = ph_clock_mono_ns();
    while (!e->over && ph_timers_pop(&e->timers, now, last, &timer) == PH_OK) {
        const JSValueRef id = JSValueMakeNumber(e->ctx, (double)timer.id);
        ph_engine_tell(e, PH_HOOK_onTimer, timer.call, 1, &id);
    }
}

/* Calls in flight although nothing can happen any more that would answer them. Promise jobs are
 * done at the end of a turn; what is left is invisible from here (a compilation of wasm), so there
 * is some patience. */
static void give_up_quiet_calls(struct ph_engine *e)
{
    struct ph_call *call;
    bool waits = e->calls.cnt == 0 || e->timers.cnt > 0 || e->fetches.cnt > 0;

    for (size_t at = 0; !waits && (call = ph_idmap_next(&e->calls, &at));)
        waits = !call->request_over || call->resp.queue.len > 0 || call->resp.waiting;
    if (waits) {
        e->quiet_ns = 0;
        return;
    }
    const int64_t now = ph_clock_mono_ns();
    if (e->quiet_ns == 0)
        e->quiet_ns = now;
    if (now - e->quiet_ns >= (int64_t)PH_ENGINE_QUIET_MS * 1000000)
        ph_calls_fail_all(e, "no-response",
                          "The handler's promise can never settle: it waits for no timer, fetch or "
                          "body");
}

static void turn_ends(struct ph_engine *e)
{
    ph_limits_turn_ends(e);
    if (e->calls.cnt > 0) {
        give_up_quiet_calls(e);
    } else if (e->busy && e->fetches.cnt == 0 && e->timers.cnt == 0) {
        e->busy = false;
        ph_engine_check(e, ph_put_IDLE(&e->chan, 0, 0));
        /* Memory that one large body took is not kept by an idle instance. */
        if (e->chan.in.cap > 4 * PH_IPC_WINDOW && e->chan.in_at == e->chan.in.len) {
            ph_buf_clear(&e->chan.in);
            e->chan.in_at = 0;
        }
    }
}

/* False: end with `exit`. */
static bool read_frames(struct ph_engine *e, bool *out_read)
{
    struct ph_ipc_frame frame;

    *out_read = false;
    if (ph_ipc_queued(&e->chan) > READ_AHEAD_MAX)
        return true;
    const enum ph_err got = ph_ipc_fill(&e->chan);
    if (got == PH_ERR_AGAIN)
        return true;
    if (got != PH_OK) {
        ph_engine_end(e, got == PH_ERR_CLOSED ? PH_ENGINE_EXIT_CLOSED : PH_ENGINE_EXIT_FAILED);
        return false;
    }
    *out_read = true;
    enum ph_err err = PH_OK;
    while (!e->over && err == PH_OK) {
        err = ph_ipc_next(&e->chan, &frame);
        if (err == PH_OK)
            err = ph_engine_frame(e, &frame);
    }
    if (!e->over && err != PH_ERR_AGAIN)
        ph_engine_end(e, err == PH_ERR_NOMEM ? PH_ENGINE_EXIT_FAILED : PH_ENGINE_EXIT_PROTOCOL);
    return !e->over;
}

/* What the engine itself has to do: promises of compiled wasm, finalizers, collector timers. */
static void pump_glib(struct ph_engine *e)
{
    enum { EVENTS_MAX = 64 };

    ph_limits_enter(e, NULL);
    e->inside = true;
    for (int i = 0; i < EVENTS_MAX && g_main_context_iteration(e->glib, FALSE); i++) {
    }
    e->inside = false;
    if (e->stop != PH_STOP_NONE)
        handle_stop(e, 0);
}

static bool turn(struct ph_engine *e, bool *out_read)
{

    ph_limits_turn_begins(e);
    if (read_frames(e, out_read)) {
        fire_timers(e);
        pump_glib(e);
        if (!e->over)
            turn_ends(e);
    }
    const enum ph_err err = ph_ipc_flush(&e->chan);
    if (err != PH_OK && err != PH_ERR_AGAIN)
        ph_engine_end(e, err == PH_ERR_CLOSED ? PH_ENGINE_EXIT_CLOSED : PH_ENGINE_EXIT_FAILED);
    if (e->chan.out.len == 0 && e->chan.out.cap > 4 * PH_IPC_WINDOW)
        ph_buf_clear(&e->chan.out);
    return !e->over;
}

bool ph_engine_turn(struct ph_engine *e, enum ph_engine_exit *out_exit)
{
    bool did_read;
    const bool goes_on = turn(e, &did_read);

    *out_exit = e->exit;
    return goes_on;
}

/* How long nothing can happen, in ms; -1: until a descriptor says so. */
static int patience_ms(struct ph_engine *e, int glib_ms)
{
    int64_t ms = glib_ms < 0 ? INT32_MAX : glib_ms;

    if (e->timers.cnt > 0) {
        const int64_t ns = e->timers.heap[0].due_ns - ph_clock_mono_ns();
        const int64_t up = ns <= 0 ? 0 : (ns + 999999) / 1000000;
        ms = up < ms ? up : ms;
    }
    if (e->quiet_ns > 0 && ms > PH_ENGINE_QUIET_MS)
        ms = PH_ENGINE_QUIET_MS;
    return ms == INT32_MAX ? -1 : (int)ms;
}

static void sleep_until_something(struct ph_engine *e)
{
    enum { GLIB_FDS_MAX = 8 };
    GPollFD glib_fds[GLIB_FDS_MAX];
    struct pollfd fds[1 + GLIB_FDS_MAX];
    gint priority, glib_ms;

    if (!g_main_context_acquire(e->glib))
        return;
    (void)g_main_context_prepare(e->glib, &priority);
    gint cnt = g_main_context_query(e->glib, priority, &glib_ms, glib_fds, GLIB_FDS_MAX);
    if (cnt > GLIB_FDS_MAX)
        cnt = GLIB_FDS_MAX;
    const size_t queued = ph_ipc_queued(&e->chan);
    fds[0] = (struct pollfd){
        .fd = e->chan.fd,
        .events = (short)((queued > 0 ? POLLOUT : 0) | (queued <= READ_AHEAD_MAX ? POLLIN : 0))};
    for (gint i = 0; i < cnt; i++)
        fds[1 + i] = (struct pollfd){.fd = glib_fds[i].fd, .events = (short)glib_fds[i].events};
    (void)poll(fds, 1 + (nfds_t)cnt, patience_ms(e, glib_ms)); /* the next turn looks again */
    g_main_context_release(e->glib);
}

enum ph_engine_exit ph_engine_run(struct ph_engine *e, const char *sandbox_layers)
{
    const struct ph_msg_READY ready = {.sandbox_layers = ph_bytes_str(sandbox_layers)};
    bool did_read = true;

    ph_engine_check(e, ph_put_READY(&e->chan, 0, 0, &ready));
    while (turn(e, &did_read)) {
        if (!did_read)
            sleep_until_something(e);
    }
    ph_engine_ignore(ph_ipc_flush(&e->chan)); /* why it leaves, if that fits into the socket */
    return e->exit;
}
