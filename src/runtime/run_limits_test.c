#include "runtime/engine.h"
#include "runtime/run_fixture.h"
#include "runtime/timers.h"

#include "base/own.h"
#include "base/test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* What a phat cannot do: crossing a limit ends the call or the instance, never a neighbour. */

static struct ph_rig rig;
static struct ph_rig_instance neighbour;
static uint64_t neighbour_call;
static const struct ph_rig_limits usual = {.cpu_ms = 300, .memory_mib = 96, .subrequests = 5};

#define PHAT(handlers) "globalThis.__phat = { default: { " handlers " } };"
/* /ok answers; any other path runs the attack. */
#define ATTACK(body)                                                                               \
    PHAT("async fetch(req, env, ctx) { if (req.url.endsWith('/ok')) return new "                   \
         "Response('ok'); " body " }")

static void neighbour_answers(void)
{
    ph_rig_answers(&neighbour, ++neighbour_call, "/", "neighbour");
}

static void kill_instance(struct ph_rig_instance *i)
{
    CHECK(syscall(SYS_pidfd_send_signal, i->pidfd, SIGKILL, NULL, 0) == 0);
    const int status = ph_rig_exited(i);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

TEST(loops_end_by_the_cpu_limit_and_the_next_call_works)
{
    static const char *const loops[] = {
        ATTACK("for (;;);"),
        ATTACK("for (;;) { try { for (;;); } catch {} finally { continue; } }"),
        ATTACK("await null; for (;;);"),
        ATTACK("setTimeout(() => { for (;;); }, 1); await new Promise(() => {});"),
        /* never long at once, but again and again */
        ATTACK(
            "for (;;) { const t = Date.now(); while (Date.now() - t < 10); await new Promise((r) "
            "=> setTimeout(r, 0)); }"),
        ATTACK("new Proxy({}, { get() { for (;;); } }).x;"),
        ATTACK("return new Response(new ReadableStream({ pull() { for (;;); } }));"),
        ATTACK("return new Response({ toString() { for (;;); } });"),
    };
    for (size_t n = 0; n < PH_LEN(loops); n++) {
        struct ph_rig_instance i;
        char text[4096];
        ph_rig_run(&rig, &i, usual, loops[n]);
        ph_rig_get(&i, 1, "/");
        do
            CHECK(ph_rig_next(&i));
        while (i.frame.type == PH_IPC_RESP && !(i.frame.flags & PH_IPC_END));
        struct ph_msg_RESP_FAIL fail;
        if (ph_get_RESP_FAIL(&i.frame, &fail) != PH_OK || !ph_bytes_is(fail.code, "cpu-limit"))
            fail_msg("loop %zu: %s %.*s", n, ph_ipc_name(i.frame.type), (int)i.frame.payload.len,
                     (const char *)i.frame.payload.ptr);
        (void)snprintf(text, sizeof(text), "%.*s", (int)fail.message.len,
                       (const char *)fail.message.ptr);
        CHECK(strstr(text, "limits.cpuMs"));
        ph_rig_answers(&i, 2, "/ok", "ok");
        neighbour_answers();
        ph_rig_drop(&i);
    }
}

/* Loops that the engine's own limit does not reach: phalad's deadline kills. */
TEST(what_only_a_kill_ends_leaves_the_others_alone)
{
    static const char *const loops[] = {
        ATTACK("for (;;) await 1;"),
        /* (module (func (export "f") (loop br 0))) */
        ATTACK("new WebAssembly.Instance(new WebAssembly.Module(new "
               "Uint8Array([0,97,115,109,1,0,0,0,1,4,1,96,0,0,3,2,1,0,7,5,1,1,102,0,0,10,9,1,7,0,3,"
               "64,12,0,11,11]))).exports.f();"),
    };
    for (size_t n = 0; n < PH_LEN(loops); n++) {
        struct ph_rig_instance i;
        ph_rig_run(&rig, &i, usual, loops[n]);
        ph_rig_get(&i, 1, "/");
        ph_rig_flush(&i);
        neighbour_answers();
        struct pollfd p = {.fd = i.chan.fd, .events = POLLIN};
        CHECK(poll(&p, 1, 600) == 0); /* twice the CPU limit: it is not the limit that ends it */
        neighbour_answers();
        kill_instance(&i);
        ph_rig_run(&rig, &i, usual, loops[n]);
        ph_rig_answers(&i, 1, "/ok", "ok");
        ph_rig_drop(&i);
    }
}

/* 0.16 s of CPU time as compiled code; 1.5 s when each tick throws the code away that runs. */
TEST(ticks_of_the_cpu_limit_leave_compiled_code_alone)
{
    const struct ph_rig_limits limits = {.cpu_ms = 600, .memory_mib = 96};
    struct ph_rig_instance i;

    ph_rig_run(&rig, &i, limits,
               "const a = new Float64Array(65536).fill(1.5);"
               "function dot(n) { let s = 0; for (let r = 0; r < n; r++) for (let i = 0; i < "
               "a.length; i++) s += a[i] * a[i]; return s; }" PHAT(
                   "fetch(r) { return new Response(String(dot(r.url.endsWith('/long') ? 5000 : "
                   "100))); }"));
    for (uint64_t call = 1; call <= 5; call++)
        ph_rig_answers(&i, call, "/", "14745600");
    ph_rig_answers(&i, 6, "/long", "737280000");
    ph_rig_drop(&i);
}

TEST(a_first_call_that_never_ends_does_not_hold_back_the_start)
{
    struct ph_rig_instance i;
    ph_rig_spawn(&rig, &i, usual);
    ph_rig_queue_start(&i, usual, ATTACK("for (;;) await 1;"));
    ph_rig_get(&i, 1, "/attack");
    ph_rig_flush(&i);
    ph_rig_expect(&i, PH_IPC_STARTED, 0);
    kill_instance(&i);
}

TEST(recursion_is_an_exception_of_the_phat)
{
    static const char *const bombs[] = {
        ATTACK("const f = () => f() + 1; return new Response(f());"),
        ATTACK(
            "let s = '1'; for (let i = 0; i < 1e5; i++) s = '[' + s + ']'; JSON.parse(s); return "
            "new Response(eval('('.repeat(1e6)));"),
        ATTACK(
            "const a = []; a[0] = a; structuredClone(new Proxy(a, {})); let o = {}; for (let i = "
            "0; i < 1e6; i++) o = { o }; return new Response(JSON.stringify(o));"),
    };
    for (size_t n = 0; n < PH_LEN(bombs); n++) {
        struct ph_rig_instance i;
        struct ph_rig_limits limits = usual;
        char text[4096];
        limits.cpu_ms = 10000;
        limits.memory_mib = 1024;
        ph_rig_run(&rig, &i, limits, bombs[n]);
        ph_rig_get(&i, 1, "/");
        ph_rig_fails(&i, 1, "exception", text);
        ph_rig_answers(&i, 2, "/ok", "ok");
        ph_rig_drop(&i);
    }
}

/* Ends by the tick in the VM, or by the kernel where a cgroup bounds it. */
TEST(memory_bombs_end_the_instance_and_say_so)
{
    static const char *const bombs[] = {
        ATTACK("const a = []; for (let n = 0;; n++) a.push('x' + n);"),
        ATTACK("const a = []; for (;;) a.push(new Uint8Array(1e5).fill(7));"),
        ATTACK("const a = []; for (let n = 0;; n++) { a.push(new Uint8Array(1e6).fill(7)); await "
               "new Promise((r) => setTimeout(r, 1)); }"),
        ATTACK("const m = new Map(); for (let n = 0;; n++) m.set(n, { n });"),
    };
    for (size_t n = 0; n < PH_LEN(bombs); n++) {
        struct ph_rig_instance i;
        struct ph_rig_limits limits = usual;
        limits.cpu_ms = 10000;
        ph_rig_run(&rig, &i, limits, bombs[n]);
        ph_rig_get(&i, 1, "/");
        if (!ph_rig_next(&i)) { /* the kernel was first */
            const int status = ph_rig_exited(&i);
            CHECK(strstr(i.layers, "cgroup=ok") && WIFSIGNALED(status) &&
                  WTERMSIG(status) == SIGKILL);
        } else {
            struct ph_msg_RESP_FAIL fail;
            CHECK(ph_get_RESP_FAIL(&i.frame, &fail) == PH_OK);
            if (!ph_bytes_is(fail.code, "memory-limit"))
                fail_msg("bomb %zu: %.*s", n, (int)fail.message.len,
                         (const char *)fail.message.ptr);
            CHECK(!ph_rig_next(&i));
            const int status = ph_rig_exited(&i);
            CHECK(WIFEXITED(status) && WEXITSTATUS(status) == PH_ENGINE_EXIT_MEMORY);
        }
        neighbour_answers();
    }
}

/* AddressSanitizer keeps freed memory for a while. */
#if defined(__SANITIZE_ADDRESS__)
enum { KEEPS_FREED_MEMORY = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { KEEPS_FREED_MEMORY = 1 };
#else
enum { KEEPS_FREED_MEMORY = 0 };
#endif
#else
enum { KEEPS_FREED_MEMORY = 0 };
#endif

TEST(garbage_is_not_memory)
{
    if (KEEPS_FREED_MEMORY)
        SKIP_BECAUSE("built with AddressSanitizer, which holds freed memory back");
    struct ph_rig_instance i;
    struct ph_rig_limits limits = usual;
    limits.cpu_ms = 10000;
    ph_rig_run(
        &rig, &i, limits,
        ATTACK("let n = 0; for (let k = 0; k < 300; k++) { for (let j = 0; j < 10; j++) n += "
               "new Uint8Array(1e5).fill(1).length; await new Promise((r) => setTimeout(r, "
               "0)); } return new Response(`${n}`);"));
    ph_rig_answers(&i, 1, "/", "300000000");
    ph_rig_drop(&i);
}

/* The engine's library alone is 28 MiB of a fork's memory (text_pages.h). */
TEST(what_a_fork_has_of_the_zygote_counts_for_nobody)
{
    if (KEEPS_FREED_MEMORY)
        SKIP_BECAUSE("built with AddressSanitizer, which needs more itself");
    struct ph_rig_instance i;
    struct ph_rig_limits limits = usual;
    limits.memory_mib = 16; /* the least that a manifest can say */
    ph_rig_run(&rig, &i, limits, ATTACK("return new Response('small');"));
    for (uint64_t call = 1; call <= 5; call++) {
        ph_rig_answers(&i, call, "/", "small");
        (void)poll(NULL, 0, 60); /* memory is looked at every 50 ms */
    }
    ph_rig_drop(&i);
}

/* Long enough for the engine's own collection timers, if they were on, to run between turns. */
TEST(an_instance_survives_its_own_garbage)
{
    enum { CALLS = 400000, IN_FLIGHT = 64 };
    struct ph_rig_instance i;
    const struct ph_rig_limits roomy = {.cpu_ms = 200, .memory_mib = 1024, .subrequests = 5};
    uint64_t sent = 0, got = 0;

    ph_rig_run(&rig, &i, roomy, PHAT("async fetch() { return new Response('Hello, world!'); }"));
    while (got < CALLS) {
        while (sent < CALLS && sent - got < IN_FLIGHT)
            ph_rig_get(&i, ++sent, "/");
        if (!ph_rig_next(&i))
            fail_msg("ended after %llu calls: 0x%x", (unsigned long long)got,
                     (unsigned)ph_rig_exited(&i));
        CHECK(i.frame.type == PH_IPC_RESP);
        got++;
    }
    (void)poll(NULL, 0, 2500); /* and the collection at rest */
    ph_rig_answers(&i, sent + 1, "/", "Hello, world!");
    ph_rig_drop(&i);
}

TEST(allocations_that_cannot_be_are_refused)
{
    struct ph_rig_instance i;
    char text[4096];
    ph_rig_run(&rig, &i, usual, ATTACK("let s = 'x'; for (;;) s += s;"));
    ph_rig_get(&i, 1, "/");
    ph_rig_fails(&i, 1, "exception", text);
    CHECK(strstr(text, "Out of memory"));
    ph_rig_answers(&i, 2, "/ok", "ok");
    ph_rig_drop(&i);
}

TEST(a_million_pending_promises_are_just_objects)
{
    struct ph_rig_instance i;
    struct ph_rig_limits limits = {.cpu_ms = 20000, .memory_mib = 1024, .subrequests = 5};
    ph_rig_run(&rig, &i, limits,
               ATTACK("globalThis.all = []; for (let n = 0; n < 1e6; n++) all.push(new Promise(() "
                      "=> {})); Promise.all(all); return new Response('made');"));
    ph_rig_answers(&i, 1, "/", "made");
    ph_rig_answers(&i, 2, "/ok", "ok");
    ph_rig_drop(&i);
}

TEST(fetches_and_timers_are_counted)
{
    struct ph_rig_instance i;
    struct ph_msg_RESP resp;
    size_t fetches = 0;

    ph_rig_run(&rig, &i, usual,
               ATTACK("let refused = 0, timers = 0; const all = []; for (let n = 0; n < 1000; n++) "
                      "all.push(fetch('https://a.test/' + n).catch(() => { refused++; }));"
                      "try { for (;;) { setTimeout(() => {}, 1e9); timers++; } } catch {}"
                      "await new Promise((r) => queueMicrotask(r)); for (let n = 0; n < 10; n++) "
                      "await 0; return new Response(`${refused} ${timers}`);"));
    ph_rig_get(&i, 1, "/");
    for (;;) {
        CHECK(ph_rig_next(&i));
        if (i.frame.type != PH_IPC_FETCH)
            break;
        fetches++;
    }
    char expected[32];
    (void)snprintf(expected, sizeof(expected), "995 %d", PH_TIMERS_MAX);
    CHECK(fetches == usual.subrequests && ph_get_RESP(&i.frame, &resp) == PH_OK);
    if (!ph_bytes_is(resp.body, expected))
        fail_msg("%.*s", (int)resp.body.len, (const char *)resp.body.ptr);
    ph_rig_drop(&i);
}

TEST(a_regex_bomb_ends)
{
    struct ph_rig_instance i;
    struct ph_rig_limits limits = usual;
    limits.cpu_ms = 30000; /* the engine's own backtracking limit ends it, not ours */
    ph_rig_run(&rig, &i, limits,
               ATTACK("return new Response(`${/(a+)+$/.test('a'.repeat(40) + 'b')}`);"));
    ph_rig_answers(&i, 1, "/", "false");
    ph_rig_drop(&i);
}

TEST(a_promise_that_cannot_settle_is_given_up)
{
    struct ph_rig_instance i;
    char text[4096];
    ph_rig_run(&rig, &i, usual, ATTACK("await new Promise(() => {});"));
    ph_rig_get(&i, 1, "/");
    ph_rig_fails(&i, 1, "no-response", text);
    ph_rig_answers(&i, 2, "/ok", "ok");
    ph_rig_drop(&i);
}

TEST(a_flood_of_logs_is_cut_and_counted)
{
    struct ph_rig_instance i;
    struct ph_rig_limits limits = usual;
    size_t bytes = 0;
    bool counted = false;

    limits.cpu_ms = 20000;
    ph_rig_run(&rig, &i, limits,
               ATTACK("for (let n = 0; n < 20000; n++) console.log('x'.repeat(1000)); await new "
                      "Promise((r) => setTimeout(r, 200)); console.log('after'); return new "
                      "Response('done');"));
    ph_rig_get(&i, 1, "/");
    for (;;) {
        CHECK(ph_rig_next_raw(&i));
        if (i.frame.type == PH_IPC_RESP)
            break;
        CHECK(i.frame.type == PH_IPC_LOG);
        bytes += i.frame.payload.len;
        counted = counted || memmem(i.frame.payload.ptr, i.frame.payload.len, "dropped", 7);
    }
    CHECK(counted && bytes < 2 * PH_ENGINE_LOG_BURST);
    ph_rig_drop(&i);
}

/* Functions of the prelude call natives: none of the ways to get between must yield one. */
TEST(natives_stay_out_of_reach)
{
    struct ph_rig_instance i;
    ph_rig_run(
        &rig, &i, usual,
        "const got = new Set(); const look = (x) => { if (typeof x === 'function' && "
        "/\\[native code\\]/.test(Function.prototype.toString.call(x)) && "
        "/^(respond|fetch(Start|Send)|log$|timer|asset|callNow|hooks|evaluate|part|crypto$)/"
        ".test(x.name)) got.add(x.name); };"
        "for (const [o, k] of [[Function.prototype, 'call'], [Function.prototype, 'apply'], "
        "[Function.prototype, 'bind'], [Reflect, 'apply'], [Promise.prototype, 'then'], "
        "[Map.prototype, 'get'], [Map.prototype, 'set'], [Array.prototype, 'push'], "
        "[String.prototype, "
        "'toLowerCase'], [RegExp.prototype, 'test'], [RegExp.prototype, 'exec']]) {"
        " const was = o[k]; o[k] = function (...a) { look(this); a.forEach(look); return "
        "Reflect.construct(Object, []) && was.apply === undefined ? undefined : "
        "originalApply(was, this, a); }; }"
        "var originalApply = (f, t, a) => { const s = Symbol(); Object.defineProperty(t = "
        "Object(t), "
        "s, { value: f, configurable: true }); return t[s](...a); };"
        "Object.defineProperty(Object.prototype, 'respond', { set(v) { look(v); }, get() { } });"
        "Error.prepareStackTrace = (e, s) => { s.forEach((f) => look(f.getFunction?.())); };" PHAT(
            "fetch(req) { try { req.headers.get('x-id'); } catch {} const seen = "
            "[typeof __ph, typeof globalThis.__phat, ...got].join(); "
            "return new Response(seen); }"));
    ph_rig_answers(&i, 1, "/", "undefined,undefined");
    ph_rig_answers(&i, 2, "/", "undefined,undefined");
    ph_rig_drop(&i);
}

TEST(a_frame_out_of_turn_ends_the_instance)
{
    struct ph_rig_instance i;
    const struct ph_msg_CREDIT_R credit = {.stream = PH_STREAM_RESP, .bytes = 1};
    const struct ph_msg_RESP resp = {.status = 200};
    int status;

    ph_rig_spawn(&rig, &i, usual); /* a call before START */
    ph_rig_get(&i, 1, "/");
    CHECK(!ph_rig_next(&i));
    status = ph_rig_exited(&i);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == PH_ENGINE_EXIT_PROTOCOL);

    ph_rig_run(&rig, &i, usual, ATTACK("await new Promise((r) => setTimeout(r, 1e6));"));
    ph_rig_get(&i, 1, "/"); /* credit for what was never sent */
    CHECK(ph_put_CREDIT_R(&i.chan, 0, 1, &credit) == PH_OK);
    CHECK(!ph_rig_next(&i));
    status = ph_rig_exited(&i);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == PH_ENGINE_EXIT_PROTOCOL);

    ph_rig_run(&rig, &i, usual, ATTACK("")); /* a frame of the other direction */
    CHECK(ph_put_RESP(&i.chan, 0, 1, &resp) == PH_OK);
    CHECK(!ph_rig_next(&i));
    status = ph_rig_exited(&i);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == PH_ENGINE_EXIT_PROTOCOL);
    neighbour_answers();
}

TEST(a_killed_instance_is_reported_and_replaced)
{
    struct ph_rig_instance i;
    ph_rig_run(&rig, &i, usual, ATTACK("await new Promise((r) => setTimeout(r, 1e6));"));
    ph_rig_get(&i, 1, "/");
    ph_rig_flush(&i);
    kill_instance(&i);
    ph_rig_run(&rig, &i, usual, ATTACK(""));
    ph_rig_answers(&i, 1, "/ok", "ok");
    ph_rig_drop(&i);
    neighbour_answers();
}

TEST(instances_die_with_their_zygote)
{
    struct ph_rig other;
    struct ph_rig_instance i;
    ph_rig_open(&other);
    ph_rig_run(&other, &i, usual, ATTACK("for (;;) await 1;"));
    ph_rig_get(&i, 1, "/");
    ph_rig_flush(&i);
    CHECK(kill(other.pid, SIGKILL) == 0);
    CHECK(!ph_rig_next(&i));
    struct pollfd p = {.fd = i.pidfd, .events = POLLIN};
    CHECK(poll(&p, 1, 10000) == 1);
    CHECK(waitpid(other.pid, NULL, 0) == other.pid);
    ph_ipc_chan_clear(&i.chan);
    (void)close(i.pidfd);
    (void)close(other.control);
}

TEST(full_sandbox_is_refused_exactly_where_a_layer_is_missing)
{
    int ends[2], status;
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        const int null = open("/dev/null", O_WRONLY);
        if (ends[1] != 3)
            (void)dup2(ends[1], 3);
        else
            (void)fcntl(3, F_SETFD, 0);
        (void)dup2(null, 2);
        execl(getenv("PHALA_RUN"), "phala-run", "--zygote", "--require-sandbox=full", (char *)NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    uint8_t buf[4096];
    const bool up = recv(ends[0], buf, sizeof(buf), 0) > 0;
    (void)close(ends[0]);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
    const bool missing = strstr(rig.layers, "=missing:");
    CHECK(up == !missing && WEXITSTATUS(status) == (missing ? 1 : 0));
}

static int setup(void **state)
{
    (void)state;
    ph_rig_open(&rig);
    ph_rig_run(&rig, &neighbour, usual, PHAT("fetch() { return new Response('neighbour'); }"));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    neighbour_answers();
    ph_rig_drop(&neighbour);
    ph_rig_close(&rig);
    return 0;
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(loops_end_by_the_cpu_limit_and_the_next_call_works),
        CASE(what_only_a_kill_ends_leaves_the_others_alone),
        CASE(ticks_of_the_cpu_limit_leave_compiled_code_alone),
        CASE(a_first_call_that_never_ends_does_not_hold_back_the_start),
        CASE(recursion_is_an_exception_of_the_phat),
        CASE(memory_bombs_end_the_instance_and_say_so),
        CASE(garbage_is_not_memory),
        CASE(what_a_fork_has_of_the_zygote_counts_for_nobody),
        CASE(an_instance_survives_its_own_garbage),
        CASE(allocations_that_cannot_be_are_refused),
        CASE(a_million_pending_promises_are_just_objects),
        CASE(fetches_and_timers_are_counted),
        CASE(a_regex_bomb_ends),
        CASE(a_promise_that_cannot_settle_is_given_up),
        CASE(a_flood_of_logs_is_cut_and_counted),
        CASE(natives_stay_out_of_reach),
        CASE(a_frame_out_of_turn_ends_the_instance),
        CASE(a_killed_instance_is_reported_and_replaced),
        CASE(instances_die_with_their_zygote),
        CASE(full_sandbox_is_refused_exactly_where_a_layer_is_missing),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(cases, setup, teardown);
}
