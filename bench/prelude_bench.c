/* What the prelude costs: its evaluation at an instance's start, and one call of some handlers,
 * with natives that do nothing. Prints medians; asserts no time.
 *
 * usage: prelude_bench [calls]
 */

#include "prelude.h"
#include "runtime/jsval.h"
#include "runtime/natives_crypto.h"
#include "runtime/natives_text.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static JSObjectRef hooks;
static unsigned long responses;

static double now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static JSValueRef nothing(JSContextRef ctx, JSObjectRef function __attribute__((unused)),
                          JSObjectRef self __attribute__((unused)),
                          size_t arg_cnt __attribute__((unused)),
                          const JSValueRef args[] __attribute__((unused)),
                          JSValueRef *exception __attribute__((unused)))
{
    return JSValueMakeNumber(ctx, 1e6);
}

static JSValueRef respond(JSContextRef ctx, JSObjectRef function __attribute__((unused)),
                          JSObjectRef self __attribute__((unused)),
                          size_t arg_cnt __attribute__((unused)),
                          const JSValueRef args[] __attribute__((unused)),
                          JSValueRef *exception __attribute__((unused)))
{
    responses++;
    return JSValueMakeUndefined(ctx);
}

static JSValueRef set_hooks(JSContextRef ctx, JSObjectRef function __attribute__((unused)),
                            JSObjectRef self __attribute__((unused)), size_t arg_cnt,
                            const JSValueRef args[], JSValueRef *exception __attribute__((unused)))
{
    if (arg_cnt == 1) {
        hooks = JSValueToObject(ctx, args[0], NULL);
        JSValueProtect(ctx, hooks);
    }
    return JSValueMakeUndefined(ctx);
}

static JSValueRef string(JSContextRef ctx, const char *text)
{
    JSStringRef s = JSStringCreateWithUTF8CString(text);
    JSValueRef value = JSValueMakeString(ctx, s);
    JSStringRelease(s);
    return value;
}

static JSObjectRef hook(JSContextRef ctx, const char *name)
{
    JSStringRef key = JSStringCreateWithUTF8CString(name);
    JSObjectRef fn = JSValueToObject(ctx, JSObjectGetProperty(ctx, hooks, key, NULL), NULL);
    JSStringRelease(key);
    return fn;
}

static void check(JSContextRef ctx, JSValueRef error)
{
    size_t len;
    JSValueRef ignored = NULL;
    if (error == NULL)
        return;
    char *text = ph_js_utf8(ctx, error, &len, &ignored);
    (void)fprintf(stderr, "%s\n", text != NULL ? text : "?");
    exit(1);
}

/* A context with the prelude in it; *us is what evaluating the prelude took. */
static JSGlobalContextRef fresh(double *us)
{
    static const char *const stubs[] = {
        "respondChunk", "respondEnd", "respondFail",  "callCredit",  "fetchStart",  "fetchSend",
        "log",          "timer",      "fetchSendEnd", "fetchCancel", "fetchCredit", "now",
        "mono",         "asset",      "timerCancel",  "assets",      "callNow",
    };
    JSContextGroupRef group = JSContextGroupCreate();
    JSGlobalContextRef ctx = JSGlobalContextCreateInGroup(group, NULL);
    JSObjectRef natives = JSObjectMake(ctx, NULL, NULL);
    ph_natives_text_install(ctx, natives);
    ph_natives_crypto_install(ctx, natives);
    for (size_t i = 0; i < PH_LEN(stubs); i++)
        ph_js_install(ctx, natives, stubs[i], nothing);
    ph_js_install(ctx, natives, "respond", respond);
    ph_js_install(ctx, natives, "hooks", set_hooks);
    JSStringRef key = JSStringCreateWithUTF8CString("__ph");
    JSObjectSetProperty(ctx, JSContextGetGlobalObject(ctx), key, natives, kJSPropertyAttributeNone,
                        NULL);
    JSStringRelease(key);
    const struct ph_prelude_script *prelude = ph_prelude_script("main");
    JSValueRef error = NULL;
    double start = now_us();
    JSStringRef source = JSStringCreateWithUTF8CString(prelude->text);
    (void)JSEvaluateScript(ctx, source, NULL, NULL, 1, &error);
    *us = now_us() - start;
    JSStringRelease(source);
    check(ctx, error);
    JSContextGroupRelease(group);
    return ctx;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void bench_start(void)
{
    double us[21];
    for (size_t i = 0; i < PH_LEN(us); i++)
        JSGlobalContextRelease(fresh(&us[i]));
    printf("prelude evaluation, first     %8.0f us\n", us[0]);
    qsort(us, PH_LEN(us), sizeof us[0], by_value);
    printf("prelude evaluation, median    %8.0f us\n", us[PH_LEN(us) / 2]);
}

/* What a phat pays when it first touches a part, in a fresh context. */
static void bench_first_use(const char *name, const char *expression)
{
    double us[9];
    for (size_t i = 0; i < PH_LEN(us); i++) {
        JSGlobalContextRef ctx = fresh(&us[i]);
        JSStringRef source = JSStringCreateWithUTF8CString(expression);
        JSValueRef error = NULL;
        double start = now_us();
        (void)JSEvaluateScript(ctx, source, NULL, NULL, 1, &error);
        us[i] = now_us() - start;
        JSStringRelease(source);
        check(ctx, error);
        JSGlobalContextRelease(ctx);
    }
    qsort(us, PH_LEN(us), sizeof us[0], by_value);
    printf("first use of %-16s %8.0f us\n", name, us[PH_LEN(us) / 2]);
}

static void bench_calls(const char *name, const char *handler, unsigned long cnt)
{
    double us;
    JSGlobalContextRef ctx = fresh(&us);
    char source[1024];
    (void)snprintf(source, sizeof source, "var __phat = { default: { fetch: %s } };", handler);
    JSValueRef error = NULL;
    JSValueRef start[] = {string(ctx, "{}"), string(ctx, "{}"), string(ctx, source),
                          string(ctx, "worker.js")};
    (void)JSObjectCallAsFunction(ctx, hook(ctx, "onStart"), NULL, 4, start, &error);
    check(ctx, error);
    JSObjectRef on_call = hook(ctx, "onCall");
    JSValueRef method = string(ctx, "GET");
    JSValueRef headers = string(ctx, "host: phat.test\nuser-agent: bench\naccept: */*\n");
    double sum = 0;
    responses = 0;
    for (unsigned long i = 1; i <= cnt; i++) {
        if (i == cnt / 2)
            sum = now_us();
        JSValueRef args[] = {JSValueMakeNumber(ctx, (double)i),
                             JSValueMakeNumber(ctx, 0),
                             method,
                             string(ctx, "http://phat.test/hello?name=world"),
                             headers,
                             JSValueMakeNull(ctx),
                             JSValueMakeBoolean(ctx, true)};
        (void)JSObjectCallAsFunction(ctx, on_call, NULL, 7, args, &error);
        check(ctx, error);
    }
    sum = now_us() - sum;
    printf("%-28s  %8.3f us per call%s\n", name, sum / (double)(cnt - cnt / 2),
           responses == cnt ? "" : "  (answers are missing)");
    JSGlobalContextRelease(ctx);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name, *handler;
    } cases[] = {
        {"hello, sync", "() => new Response('Hello, world!\\n')"},
        {"hello, async", "async () => new Response('Hello, world!\\n')"},
        {"json, sync", "() => Response.json({ a: 1, b: 'two' })"},
        {"headers in init", "() => new Response('x', { status: 201, headers: { 'content-type': "
                            "'text/html', 'cache-control': 'no-store' } })"},
        {"reads url and a header",
         "(r) => new Response(r.url.length + (r.headers.get('user-agent') ?? ''))"},
        {"new URL(request.url)", "(r) => new Response(new URL(r.url).searchParams.get('name'))"},
        {"response.headers.set",
         "() => { const r = new Response('x'); r.headers.set('x-a', 'b'); return r; }"},
        {"await request.text()", "async (r) => new Response(await r.text())"},
        {"streamed response", "() => new Response(new ReadableStream({ start(c) { c.enqueue(new "
                              "Uint8Array(10)); c.close(); } }))"},
    };
    unsigned long cnt = argc > 1 ? strtoul(argv[1], NULL, 10) : 400000;
    GMainContext *loop = g_main_context_new();
    g_main_context_push_thread_default(loop);
    bench_start();
    bench_first_use("nothing", "0");
    bench_first_use("URL", "new URL('http://a.test/x?y')");
    bench_first_use("ReadableStream", "new ReadableStream()");
    bench_first_use("TextEncoder", "new TextEncoder().encode('x')");
    bench_first_use("AbortController", "new AbortController()");
    bench_first_use("FormData", "new FormData()");
    bench_first_use("structuredClone", "structuredClone({})");
    bench_first_use("console.log", "console.log({})");
    bench_first_use("crypto", "crypto.randomUUID()");
    bench_first_use("crypto.subtle", "crypto.subtle.digest('SHA-256', new Uint8Array(1))");
    bench_first_use("Request", "new Request('http://a.test/')");
    bench_first_use("fetch", "fetch('http://a.test/')");
    bench_first_use("IDNA", "new URL('http://\\u00e9.test/')");
    for (size_t i = 0; i < PH_LEN(cases); i++)
        bench_calls(cases[i].name, cases[i].handler, i < 5 ? cnt : cnt / 4);
    g_main_context_pop_thread_default(loop);
    g_main_context_unref(loop);
    return 0;
}
