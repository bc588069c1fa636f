#include "runtime/engine.h"
#include "runtime/run_fixture.h"

#include "base/own.h"
#include "base/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a phat can do: a real zygote and real instances; this test is phalad. */

static struct ph_rig rig;
static const struct ph_rig_limits usual = {.cpu_ms = 2000, .memory_mib = 128, .subrequests = 50};

#define PHAT(handlers) "globalThis.__phat = { default: { " handlers " } };"
#define FETCH(body) PHAT("async fetch(req, env, ctx) { " body " }")

TEST(a_call_is_answered_in_one_frame)
{
    struct ph_rig_instance i;
    ph_rig_run(&rig, &i, usual,
               PHAT("fetch(req, env) { return new Response(`${env.GREETING} ${req.method} "
                    "${req.url} ${req.headers.get('x-id')}`); }"));
    ph_rig_answers(&i, 1, "/a", "hello GET http://phat.test/a 7");
    ph_rig_answers(&i, 2, "/\xc3\xa4", "hello GET http://phat.test/%C3%A4 7");
    for (uint64_t id = 3; id < 200; id++)
        ph_rig_answers(&i, id, "/again", "hello GET http://phat.test/again 7");
    ph_rig_drop(&i);
}

TEST(text_leaves_as_utf8_whatever_is_in_it)
{
    struct ph_rig_instance i;
    ph_rig_run(&rig, &i, usual,
               FETCH("const u = new URL(req.url).pathname;"
                     "return new Response(u === '/latin1' ? 'a\\xe9' : u === '/astral' ? "
                     "'\\u{1f600}' : 'x\\ud800y\\u20ac');"));
    ph_rig_answers(&i, 1, "/latin1", "a\xc3\xa9");
    ph_rig_answers(&i, 2, "/astral", "\xf0\x9f\x98\x80");
    ph_rig_answers(&i, 3, "/lone", "x\xef\xbf\xbdy\xe2\x82\xac");
    ph_rig_drop(&i);
}

/* Collect RESP_BODY frames up to RESP_END, never giving more credit than was received. */
static size_t collect(struct ph_rig_instance *i, uint64_t id, size_t got)
{
    for (;;) {
        CHECK(ph_rig_next(i) && i->frame.id == id);
        if (i->frame.type == PH_IPC_RESP_END)
            return got;
        CHECK(i->frame.type == PH_IPC_RESP_BODY);
        got += i->frame.payload.len;
        const struct ph_msg_CREDIT_R credit = {.stream = PH_STREAM_RESP,
                                               .bytes = (uint32_t)i->frame.payload.len};
        CHECK(ph_put_CREDIT_R(&i->chan, 0, id, &credit) == PH_OK);
    }
}

/* Read RESP and body frames without giving credit until nothing more comes for a while. */
static size_t drain_window(struct ph_rig_instance *i, uint64_t id)
{
    struct ph_msg_RESP resp;
    size_t got;

    ph_rig_expect(i, PH_IPC_RESP, id);
    CHECK(ph_get_RESP(&i->frame, &resp) == PH_OK && !(i->frame.flags & PH_IPC_END));
    got = resp.body.len;
    while (got < PH_IPC_WINDOW) {
        ph_rig_expect(i, PH_IPC_RESP_BODY, id);
        got += i->frame.payload.len;
    }
    /* A call in between shows that the instance has nothing more to send for this one. */
    ph_rig_answers(i, id + 1000, "/small", "small");
    return got;
}

TEST(a_body_larger_than_the_window_waits_for_credit)
{
    static const char *const bodies[] = {"'x'.repeat(1000000)", "'\\u20ac'.repeat(500000)",
                                         "new Uint8Array(1500000)"};
    static const size_t lens[] = {1000000, 1500000, 1500000};
    for (size_t n = 0; n < PH_LEN(bodies); n++) {
        struct ph_rig_instance i;
        char script[512];
        (void)snprintf(script, sizeof(script),
                       FETCH("return new Response(req.url.endsWith('small') ? 'small' : %s);"),
                       bodies[n]);
        ph_rig_run(&rig, &i, usual, script);
        ph_rig_get(&i, 1, "/");
        const size_t got = drain_window(&i, 1);
        CHECK(got == PH_IPC_WINDOW);
        const struct ph_msg_CREDIT_R credit = {.stream = PH_STREAM_RESP, .bytes = PH_IPC_WINDOW};
        CHECK(ph_put_CREDIT_R(&i.chan, 0, 1, &credit) == PH_OK);
        CHECK(collect(&i, 1, got) == lens[n]);
        ph_rig_drop(&i);
    }
}

TEST(a_stream_that_the_caller_does_not_read_is_held_back)
{
    struct ph_rig_instance i;
    ph_rig_run(&rig, &i, usual,
               "let pulled = 0;" FETCH(
                   "if (req.url.endsWith('small')) return new Response('small');"
                   "if (req.url.endsWith('pulled')) return new Response(`${pulled < 40}`);"
                   "return new Response(new ReadableStream({ pull(c) { if (pulled++ === 100) "
                   "c.close(); else c.enqueue(new Uint8Array(16384)); } }));"));
    ph_rig_get(&i, 1, "/");
    const size_t got = drain_window(&i, 1);
    CHECK(got == PH_IPC_WINDOW);
    ph_rig_answers(&i, 2, "/pulled", "true");
    const struct ph_msg_CREDIT_R credit = {.stream = PH_STREAM_RESP, .bytes = PH_IPC_WINDOW};
    CHECK(ph_put_CREDIT_R(&i.chan, 0, 1, &credit) == PH_OK);
    CHECK(collect(&i, 1, got) == 100 * 16384);
    ph_rig_drop(&i);
}

TEST(a_request_body_streams_in_and_gives_credit_as_it_is_read)
{
    struct ph_rig_instance i;
    struct ph_msg_CREDIT_D credit;
    struct ph_msg_RESP resp;
    static uint8_t chunk[60000];
    uint64_t credited = 0;

    ph_rig_run(&rig, &i, usual, FETCH("return new Response(String((await req.text()).length));"));
    memset(chunk, 'x', sizeof(chunk));
    const struct ph_msg_CALL call = {.method = PH_BYTES_LIT("POST"),
                                     .url = PH_BYTES_LIT("http://phat.test/"),
                                     .headers = PH_BYTES_LIT("host: phat.test\n"),
                                     .body = PH_BYTES_LIT("12345")};
    CHECK(ph_put_CALL(&i.chan, 0, 9, &call) == PH_OK);
    for (int n = 0; n < 4; n++) {
        const struct ph_msg_CALL_BODY part = {.data = PH_BYTES_OF(chunk)};
        CHECK(ph_put_CALL_BODY(&i.chan, 0, 9, &part) == PH_OK);
    }
    while (credited < 240005) {
        ph_rig_expect(&i, PH_IPC_CREDIT_D, 9);
        CHECK(ph_get_CREDIT_D(&i.frame, &credit) == PH_OK && credit.stream == PH_STREAM_CALL);
        credited += credit.bytes;
    }
    CHECK(credited == 240005);
    CHECK(ph_put_CALL_END(&i.chan, 0, 9) == PH_OK);
    ph_rig_expect(&i, PH_IPC_RESP, 9);
    CHECK(ph_get_RESP(&i.frame, &resp) == PH_OK && ph_bytes_is(resp.body, "240005"));
    ph_rig_drop(&i);
}

TEST(a_fetch_goes_through_phalad_and_back)
{
    struct ph_rig_instance i;
    struct ph_msg_FETCH fetch;
    struct ph_msg_RESP resp;

    ph_rig_run(&rig, &i, usual,
               FETCH("const r = await fetch('https://api.test/x?q=1', { method: 'POST', body: "
                     "'ask', headers: { 'X-A': 'b' } });"
                     "return new Response(`${r.status} ${r.headers.get('x-b')} ${await "
                     "r.text()}`);"));
    ph_rig_get(&i, 5, "/");
    ph_rig_expect(&i, PH_IPC_FETCH, 1);
    CHECK(ph_get_FETCH(&i.frame, &fetch) == PH_OK && (i.frame.flags & PH_IPC_END));
    CHECK(fetch.call == 5 && fetch.redirect == 0 && ph_bytes_is(fetch.method, "POST"));
    CHECK(ph_bytes_is(fetch.url, "https://api.test/x?q=1") && ph_bytes_is(fetch.body, "ask"));
    CHECK(memmem(fetch.headers.ptr, fetch.headers.len, "x-a: b\n", 7));

    const struct ph_msg_FETCH_HEAD head = {.status = 201,
                                           .url = fetch.url,
                                           .status_text = PH_BYTES_LIT("Created"),
                                           .headers = PH_BYTES_LIT("x-b: c\n"),
                                           .body = PH_BYTES_LIT("first ")};
    const struct ph_msg_FETCH_BODY more = {.data = PH_BYTES_LIT("second")};
    CHECK(ph_put_FETCH_HEAD(&i.chan, 0, 1, &head) == PH_OK);
    CHECK(ph_put_FETCH_BODY(&i.chan, 0, 1, &more) == PH_OK);
    CHECK(ph_put_FETCH_DONE(&i.chan, 0, 1) == PH_OK);
    do
        CHECK(ph_rig_next(&i));
    while (i.frame.type == PH_IPC_CREDIT_D);
    CHECK(i.frame.type == PH_IPC_RESP && ph_get_RESP(&i.frame, &resp) == PH_OK);
    CHECK(ph_bytes_is(resp.body, "201 c first second"));
    ph_rig_drop(&i);
}

TEST(a_refused_fetch_rejects_with_the_reason)
{
    struct ph_rig_instance i;
    struct ph_msg_RESP resp;

    ph_rig_run(&rig, &i, usual,
               FETCH("try { await fetch('https://evil.test/'); } catch (e) { return new "
                     "Response(`${e.name}: ${e.message}`); }"));
    ph_rig_get(&i, 1, "/");
    ph_rig_expect(&i, PH_IPC_FETCH, 1);
    const struct ph_msg_FETCH_FAIL fail = {.code = PH_BYTES_LIT("egress-denied"),
                                           .message = PH_BYTES_LIT("not on the list")};
    CHECK(ph_put_FETCH_FAIL(&i.chan, 0, 1, &fail) == PH_OK);
    ph_rig_expect(&i, PH_IPC_RESP, 1);
    CHECK(ph_get_RESP(&i.frame, &resp) == PH_OK);
    CHECK(memmem(resp.body.ptr, resp.body.len, "not on the list", 15));
    ph_rig_drop(&i);
}

TEST(timers_fire_in_order_and_late_work_ends_in_idle)
{
    struct ph_rig_instance i;
    ph_rig_run(&rig, &i, usual,
               "const sleep = (ms) => new Promise((r) => setTimeout(r, ms));" FETCH(
                   "const seen = []; const t = setTimeout(() => seen.push('never'), 1);"
                   "clearTimeout(t); await Promise.all([30, 1, 15].map(async (ms) => { await "
                   "sleep(ms); seen.push(ms); }));"
                   "ctx.waitUntil(sleep(50).then(() => console.log('late')));"
                   "return new Response(seen.join());"));
    ph_rig_answers(&i, 1, "/", "1,15,30");
    struct ph_msg_LOG log;
    CHECK(ph_rig_next_raw(&i) && i.frame.type == PH_IPC_LOG && i.frame.id == 1);
    CHECK(ph_get_LOG(&i.frame, &log) == PH_OK && log.level == 1 && ph_bytes_is(log.text, "late"));
    CHECK(ph_rig_next_raw(&i) && i.frame.type == PH_IPC_IDLE);
    ph_rig_drop(&i);
}

TEST(an_exception_names_the_file_and_line_of_the_phat)
{
    struct ph_rig_instance i;
    char text[4096];

    ph_rig_run(&rig, &i, usual,
               "function inner() {\n  throw new RangeError('no such price');\n}\n" FETCH(
                   "\n  inner();\n"));
    ph_rig_get(&i, 1, "/");
    ph_rig_fails(&i, 1, "exception", text);
    if (strncmp(text, "RangeError: no such price\n    at inner (src/w.js:2:", 51) != 0 ||
        !strstr(text, "src/w.js:5:") || strstr(text, "phala:"))
        fail_msg("%s", text);
    ph_rig_drop(&i);
}

TEST(a_script_that_does_not_start_says_where)
{
    static const struct {
        const char *script, *expect;
    } cases[] = {
        {"const a = 1;\nconst b = ;\n", "src/w.js:2"},
        {"\n\nthrow new Error('at start');", "Error: at start\n    at src/w.js:3:"},
        {"globalThis.x = 1;", "src/w.js has no default export"},
        {PHAT("ping() {}"), "none of the functions fetch"},
        {"for (;;);", "cpu-limit"},
    };
    for (size_t n = 0; n < PH_LEN(cases); n++) {
        struct ph_rig_instance i;
        struct ph_msg_START_FAIL fail;
        ph_rig_spawn(&rig, &i, usual);
        ph_rig_start(&i, usual, cases[n].script);
        CHECK(i.has_start_failed && ph_get_START_FAIL(&i.frame, &fail) == PH_OK);
        if (!memmem(fail.message.ptr, fail.message.len, cases[n].expect, strlen(cases[n].expect)))
            fail_msg("%.*s", (int)fail.message.len, (const char *)fail.message.ptr);
        const int status = ph_rig_exited(&i);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == PH_ENGINE_EXIT_NOT_STARTED);
    }
}

TEST(calls_overlap_and_a_cancelled_one_hears_of_it)
{
    struct ph_rig_instance i;
    struct ph_msg_LOG log;

    ph_rig_run(&rig, &i, usual,
               "let release; const gate = new Promise((r) => { release = r; });" FETCH(
                   "const p = new URL(req.url).pathname;"
                   "if (p === '/release') { release(); return new Response('released'); }"
                   "req.signal.addEventListener('abort', () => console.log('aborted ' + p));"
                   "await gate; return new Response(p);"));
    ph_rig_get(&i, 1, "/one");
    ph_rig_get(&i, 2, "/two");
    ph_rig_flush(&i);
    CHECK(ph_put_CALL_CANCEL(&i.chan, 0, 1) == PH_OK);
    CHECK(ph_rig_next_raw(&i) && i.frame.type == PH_IPC_LOG);
    CHECK(ph_get_LOG(&i.frame, &log) == PH_OK && ph_bytes_is(log.text, "aborted /one"));
    ph_rig_get(&i, 3, "/release");
    ph_rig_expect(&i, PH_IPC_RESP, 3);
    ph_rig_expect(&i, PH_IPC_RESP, 2);
    ph_rig_answers(&i, 4, "/four", "/four"); /* and nothing came for call 1 */
    ph_rig_drop(&i);
}

TEST(wasm_compiles_at_once_and_later)
{
    struct ph_rig_instance i;
    /* (module (func (export "f") (result i32) i32.const 42)) */
    ph_rig_run(&rig, &i, usual,
               "const code = new "
               "Uint8Array([0,97,115,109,1,0,0,0,1,5,1,96,0,1,127,3,2,1,0,7,5,1,1,102,0,0,10,6,1,4,"
               "0,65,42,11]);" FETCH(
                   "const a = new WebAssembly.Instance(new WebAssembly.Module(code)).exports.f();"
                   "const b = (await WebAssembly.instantiate(code)).instance.exports.f();"
                   "return new Response(`${a} ${b} ${typeof SharedArrayBuffer}`);"));
    ph_rig_answers(&i, 1, "/", "42 42 undefined");
    ph_rig_drop(&i);
}

TEST(an_unhandled_rejection_is_logged_with_its_place)
{
    struct ph_rig_instance i;
    struct ph_msg_LOG log;
    ph_rig_run(&rig, &i, usual,
               FETCH("Promise.reject(new Error('lost'));\nreturn new Response();"));
    ph_rig_get(&i, 1, "/");
    bool seen = false;
    while (!seen) {
        CHECK(ph_rig_next_raw(&i));
        seen = i.frame.type == PH_IPC_LOG && ph_get_LOG(&i.frame, &log) == PH_OK &&
               log.level == 3 && memmem(log.text.ptr, log.text.len, "lost", 4) &&
               memmem(log.text.ptr, log.text.len, "src/w.js:1:", 11);
    }
    ph_rig_drop(&i);
}

static bool has_executable_pool(pid_t pid)
{
    char path[64], line[512];
    (void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
    FILE *f = fopen(path, "r");
    CHECK(f);
    bool found = false;
    while (fgets(line, sizeof(line), f))
        found = found || strstr(line, " rwxp ");
    (void)fclose(f);
    return found;
}

TEST(the_jit_is_chosen_per_instance)
{
    struct ph_rig_limits limits = usual;
    struct ph_rig_instance with, without;
    static const char script[] = PHAT("fetch() { return new Response('ok'); }");

    ph_rig_run(&rig, &with, limits, script);
    limits.no_jit = true;
    ph_rig_run(&rig, &without, limits, script);
    if (geteuid() == 0) /* other users may not look into an instance */
        CHECK(has_executable_pool(with.pid) && !has_executable_pool(without.pid));
    ph_rig_answers(&without, 1, "/", "ok");
    ph_rig_drop(&with);
    ph_rig_drop(&without);
}

static int setup(void **state)
{
    (void)state;
    ph_rig_open(&rig);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ph_rig_close(&rig);
    return 0;
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(a_call_is_answered_in_one_frame),
        CASE(text_leaves_as_utf8_whatever_is_in_it),
        CASE(a_body_larger_than_the_window_waits_for_credit),
        CASE(a_stream_that_the_caller_does_not_read_is_held_back),
        CASE(a_request_body_streams_in_and_gives_credit_as_it_is_read),
        CASE(a_fetch_goes_through_phalad_and_back),
        CASE(a_refused_fetch_rejects_with_the_reason),
        CASE(timers_fire_in_order_and_late_work_ends_in_idle),
        CASE(an_exception_names_the_file_and_line_of_the_phat),
        CASE(a_script_that_does_not_start_says_where),
        CASE(calls_overlap_and_a_cancelled_one_hears_of_it),
        CASE(wasm_compiles_at_once_and_later),
        CASE(an_unhandled_rejection_is_logged_with_its_place),
        CASE(the_jit_is_chosen_per_instance),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(cases, setup, teardown);
}
