/* Runs the scripts of tests/webapi inside the engine: the prelude over its real text and crypto
 * natives; host.js stands in for phalad (calls, fetches, timers with a clock of its own).
 *
 * usage: webapi_test HARNESS.js TEST.js…     prints TAP
 */

#include "base/own.h"
#include "crypto/init.h"
#include "prelude.h"
#include "runtime/jsc_priv.h"
#include "runtime/jsval.h"
#include "runtime/natives_crypto.h"
#include "runtime/natives_text.h"

#include <glib.h>
#include <stdio.h>

enum { SOURCE_MAX = 4 << 20, TURNS_MAX = 1000000, IDLE_US = 1000, IDLE_MAX = 5000 };

static JSValueRef print(JSContextRef ctx, JSObjectRef function __attribute__((unused)),
                        JSObjectRef self __attribute__((unused)), size_t arg_cnt,
                        const JSValueRef args[], JSValueRef *exception)
{
    size_t len = 0;
    char *text PH_OWNED(ph_freep) = arg_cnt < 1 ? NULL : ph_js_utf8(ctx, args[0], &len, exception);
    if (text != NULL)
        puts(text);
    return JSValueMakeUndefined(ctx);
}

/* Says what was thrown, and ends the run: a script that throws at its top level is broken. */
static void fail_with(JSContextRef ctx, const char *where, JSValueRef error)
{
    size_t len = 0;
    JSValueRef ignored = NULL;
    char *text = ph_js_utf8(ctx, error, &len, &ignored);
    printf("Bail out! %s: %s\n", where, text != NULL ? text : "?");
    free(text);
    JSStringRef key = JSStringCreateWithUTF8CString("stack");
    JSObjectRef object = JSValueIsObject(ctx, error) ? JSValueToObject(ctx, error, NULL) : NULL;
    if (object != NULL) {
        text = ph_js_utf8(ctx, JSObjectGetProperty(ctx, object, key, NULL), &len, &ignored);
        printf("# %s\n", text != NULL ? text : "?");
        free(text);
    }
    JSStringRelease(key);
    exit(1);
}

static JSValueRef run(JSGlobalContextRef ctx, const char *text, const char *url)
{
    JSStringRef source = JSStringCreateWithUTF8CString(text);
    JSStringRef name = JSStringCreateWithUTF8CString(url);
    JSValueRef error = NULL;
    JSValueRef value = JSEvaluateScript(ctx, source, NULL, name, 1, &error);
    JSStringRelease(source);
    JSStringRelease(name);
    if (error != NULL)
        fail_with(ctx, url, error);
    return value;
}

static void run_file(JSGlobalContextRef ctx, const char *path)
{
    char *text PH_OWNED(ph_freep) = malloc(SOURCE_MAX);
    FILE *file = fopen(path, "rb");
    if (text == NULL || file == NULL) {
        printf("Bail out! %s cannot be read\n", path);
        exit(1);
    }
    size_t len = fread(text, 1, SOURCE_MAX - 1, file);
    (void)fclose(file);
    text[len] = 0;
    (void)run(ctx, text, path);
}

int main(int argc, char **argv)
{
    ph_crypto_init();
    GMainContext *loop = g_main_context_new();
    g_main_context_push_thread_default(loop);
    JSGlobalContextRef ctx = JSGlobalContextCreate(NULL);
    JSObjectRef global = JSContextGetGlobalObject(ctx);
    JSObjectRef natives = JSObjectMake(ctx, NULL, NULL);
    ph_natives_text_install(ctx, natives);
    ph_natives_crypto_install(ctx, natives);
    ph_js_install(ctx, global, "__print", print);
    JSStringRef key = JSStringCreateWithUTF8CString("__ph");
    JSObjectSetProperty(ctx, global, key, natives, kJSPropertyAttributeNone, NULL);
    JSStringRelease(key);

    const struct ph_prelude_script *prelude = ph_prelude_script("main");
    if (argc < 3 || prelude == NULL)
        return 2;
    run_file(ctx, argv[1]);
    (void)run(ctx, prelude->text, prelude->url);
    JSValueRef unhandled = run(ctx, "__host.unhandled", "webapi_test");
    JSGlobalContextSetUnhandledRejectionCallback(ctx, JSValueToObject(ctx, unhandled, NULL), NULL);
    for (int i = 2; i < argc; i++)
        run_file(ctx, argv[i]);
    /* One turn: what the engine's threads have for us, then the next timer or host event. With
     * neither, a compilation may still run. */
    for (int turn = 0, idle = 0; turn < TURNS_MAX && idle < IDLE_MAX; turn++) {
        while (g_main_context_iteration(loop, FALSE))
            continue;
        if (JSValueToBoolean(ctx, run(ctx, "__host.turn()", "webapi_test"))) {
            idle = 0;
            continue;
        }
        if (!JSValueToBoolean(ctx, run(ctx, "__host.pending()", "webapi_test")))
            break;
        idle++;
        g_usleep(IDLE_US);
    }
    double failed = JSValueToNumber(ctx, run(ctx, "__host.report()", "webapi_test"), NULL);
    (void)fflush(stdout);
    JSGlobalContextRelease(ctx);
    g_main_context_pop_thread_default(loop);
    g_main_context_unref(loop);
    return failed == 0 ? 0 : 1;
}
