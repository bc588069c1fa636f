#include "runtime/run_fixture.h"
#include "runtime/run_keeper.h"

#include "base/own.h"
#include "base/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

/* Calls that run at most once: a real zygote and instances; this test is phalad, run_keeper.c its
 * storage. */

static struct ph_rig rig;
static const struct ph_rig_limits usual = {.cpu_ms = 5000, .memory_mib = 256, .subrequests = 50};

static const char script[] =
    "const later = []; let cancelled = 0; const runs = (DB) => DB.prepare('SELECT count(*) AS n "
    "FROM t').first('n');"
    "globalThis.__phat = { default: { async fetch(req, { DB }) {"
    "  const url = new URL(req.url), path = url.pathname, body = await req.text();"
    "  if (path === '/sql') return Response.json(DB.prepare(body).raw());"
    "  DB.exec('CREATE TABLE IF NOT EXISTS t(x)');"
    "  if (path === '/n') return new Response(`${runs(DB)}`);"
    "  if (path === '/cancelled') return new Response(`${cancelled}`);"
    "  if (path === '/go') { later.shift()(); return new Response('gone'); }"
    "  if (path.startsWith('/wait')) await new Promise((done) => { later.push(done); "
    "setTimeout(done, "
    "60000); });"
    "  DB.prepare('INSERT INTO t VALUES(?)').bind(path).run();"
    "  if (path === '/wait/stream') return new Response(new ReadableStream({ cancel() { "
    "cancelled++; "
    "} }));"
    "  if (path === '/throw') throw new Error('on purpose');"
    "  if (path === '/large') return new Response('x'.repeat(262145));"
    "  if (path === '/stream') return new Response(new ReadableStream({ start(c) {"
    "    c.enqueue(new TextEncoder().encode('piece')); c.close(); } }));"
    "  return new Response(`${runs(DB)}:${body.length}`, { status: 201, headers: { 'x-one': 'a' } "
    "}); } } };";

static void open_phat(struct ph_rig_instance *i, uint32_t pages)
{
    ph_rig_run(&rig, i, usual, script);
    ph_keeper_open(i, pages);
}

static void close_phat(struct ph_rig_instance *i)
{
    ph_keeper_stop();
    ph_rig_drop(i);
}

/* What differs between requests of these tests. */
struct request {
    const char *path, *key, *more; /* more: header lines */
    struct ph_bytes body;
    uint32_t wall_ms;
    const char *host;
};

static uint64_t last_id;
static uint64_t put(struct ph_rig_instance *i, struct request r, uint16_t flags)
{
    char url[256], headers[1024];

    (void)snprintf(url, sizeof(url), "http://%s%s", r.host ? r.host : "phat.test", r.path);
    (void)snprintf(headers, sizeof(headers), "host: phat.test\n%s%s%s%s",
                   r.key ? "idempotency-key: " : "", r.key ? r.key : "", r.key ? "\n" : "",
                   r.more ? r.more : "");
    const struct ph_msg_CALL call = {.kind = PH_CALL_FETCH,
                                     .wall_ms = r.wall_ms ? r.wall_ms : 30000,
                                     .method = PH_BYTES_LIT("POST"),
                                     .url = ph_bytes_str(url),
                                     .headers = ph_bytes_str(headers),
                                     .body = r.body};
    CHECK(ph_put_CALL(&i->chan, flags, ++last_id, &call) == PH_OK);
    return last_id;
}

static void got(struct ph_rig_instance *i, uint64_t id, const char *body, bool replayed)
{
    struct ph_msg_RESP resp;
    char text[512];

    ph_rig_expect(i, PH_IPC_RESP, id);
    CHECK(ph_get_RESP(&i->frame, &resp) == PH_OK && (i->frame.flags & PH_IPC_END));
    (void)snprintf(text, sizeof(text), "%.*s", (int)resp.headers.len,
                   (const char *)resp.headers.ptr);
    if (!ph_bytes_is(resp.body, body) || !!strstr(text, "idempotency-replayed: true\n") != replayed)
        fail_msg("%s (%s), expected %s%s", (const char *)resp.body.ptr, text, body,
                 replayed ? " again" : "");
    CHECK(!replayed || (resp.status == 201 && strstr(text, "x-one: a\n")));
}

static void gives(struct ph_rig_instance *i, struct request r, const char *body, bool replayed)
{
    got(i, put(i, r, PH_IPC_END), body, replayed);
}

static void refused(struct ph_rig_instance *i, struct request r, const char *code)
{
    char message[4096];
    ph_rig_fails(i, put(i, r, PH_IPC_END), code, message);
}

static void sql(struct ph_rig_instance *i, const char *text, const char *rows)
{
    gives(i, (struct request){.path = "/sql", .body = ph_bytes_str(text)}, rows, false);
}

static void ran(struct ph_rig_instance *i, const char *times)
{
    gives(i, (struct request){.path = "/n"}, times, false);
}

TEST(a_repeat_gets_the_answer_and_runs_nothing)
{
    struct ph_rig_instance i;
    const struct request first = {.path = "/a?b=1",
                                  .key = "one",
                                  .more = "content-type: text/plain\n",
                                  .body = PH_BYTES_LIT("body")};
    struct request r;
    ph_keeper_fresh();
    open_phat(&i, 4000);
    gives(&i, first, "1:4", false);
    gives(&i, first, "1:4", true);
    r = first, r.host = "another.test:99"; /* another worker of the cluster */
    gives(&i, r, "1:4", true);
    close_phat(&i);
    open_phat(&i, 4000); /* the next process has it from the state */
    gives(&i, first, "1:4", true);
    ran(&i, "1");
    r = first, r.body = PH_BYTES_LIT("Body");
    refused(&i, r, "idempotency-key-reused");
    r = first, r.path = "/a?b=2";
    refused(&i, r, "idempotency-key-reused");
    r = first, r.more = "content-type: text/html\n";
    refused(&i, r, "idempotency-key-reused");
    r = first, r.more = "content-type: text/plain\nauthorization: Bearer x\n";
    refused(&i, r, "idempotency-key-reused");
    r = first, r.more = "content-type: text/plain\ncookie: a=b\n";
    refused(&i, r, "idempotency-key-reused");
    ran(&i, "1");
    r = first, r.key = "two";
    gives(&i, r, "2:4", false);
    r.key = NULL;
    gives(&i, r, "3:4", false);
    gives(&i, r, "4:4", false);
    close_phat(&i);
}

TEST(a_key_is_one_to_255_visible_characters)
{
    struct ph_rig_instance i;
    char key[257];
    ph_keeper_fresh();
    open_phat(&i, 4000);
    memset(key, '~', 256);
    key[256] = '\0';
    refused(&i, (struct request){.path = "/a", .key = key}, "bad-idempotency-key");
    refused(&i, (struct request){.path = "/a", .key = ""}, "bad-idempotency-key");
    refused(&i, (struct request){.path = "/a", .key = "a b"}, "bad-idempotency-key");
    refused(&i, (struct request){.path = "/a", .key = "a\x7f"}, "bad-idempotency-key");
    refused(&i, (struct request){.path = "/a", .key = "a\xc3\xa4"}, "bad-idempotency-key");
    refused(&i, (struct request){.path = "/a", .key = "a", .more = "idempotency-key: a\n"},
            "bad-idempotency-key");
    ran(&i, "0");
    key[255] = '\0';
    gives(&i, (struct request){.path = "/a", .key = key}, "1:0", false);
    gives(&i, (struct request){.path = "/a", .key = key}, "1:0", true);
    gives(&i, (struct request){.path = "/a", .key = "!"}, "2:0", false);
    close_phat(&i);
}

TEST(one_at_a_time_under_a_key)
{
    struct ph_rig_instance i;
    const struct request wait = {.path = "/wait", .key = "k"};
    ph_keeper_fresh();
    open_phat(&i, 4000);
    const uint64_t first = put(&i, wait, PH_IPC_END);
    refused(&i, wait, "idempotency-key-in-use");
    refused(&i, (struct request){.path = "/other", .key = "k"}, "idempotency-key-reused");
    gives(&i, (struct request){.path = "/a", .key = "l"}, "1:0", false);
    const uint64_t go = put(&i, (struct request){.path = "/go"}, PH_IPC_END);
    CHECK(ph_rig_next(&i) && ph_rig_next(&i)); /* both, in either order */
    CHECK(i.frame.id == first || i.frame.id == go);
    gives(&i, wait, "2:0", true);
    close_phat(&i);
}

TEST(a_call_goes_on_when_its_caller_leaves)
{
    struct ph_rig_instance i;
    const struct request wait = {.path = "/wait", .key = "k"};
    ph_keeper_fresh();
    open_phat(&i, 4000);
    uint64_t id = put(&i, wait, PH_IPC_END);
    CHECK(ph_put_CALL_CANCEL(&i.chan, 0, id) == PH_OK);
    refused(&i, wait, "idempotency-key-in-use");
    gives(&i, (struct request){.path = "/go"}, "gone", false);
    gives(&i, wait, "1:0", true);
    /* What it streams then is ended. */
    id = put(&i, (struct request){.path = "/wait/stream", .key = "s"}, PH_IPC_END);
    CHECK(ph_put_CALL_CANCEL(&i.chan, 0, id) == PH_OK);
    gives(&i, (struct request){.path = "/go"}, "gone", false);
    refused(&i, (struct request){.path = "/wait/stream", .key = "s"},
            "idempotency-answer-not-kept");
    gives(&i, (struct request){.path = "/cancelled"}, "1", false);
    /* Until its time is up: then the key is free for any request. */
    id = put(&i, (struct request){.path = "/wait", .key = "m", .wall_ms = 100}, PH_IPC_END);
    CHECK(ph_put_CALL_CANCEL(&i.chan, 0, id) == PH_OK);
    do {
        id = put(&i, (struct request){.path = "/a", .key = "m"}, PH_IPC_END);
        CHECK(ph_rig_next(&i) && i.frame.id == id);
    } while (i.frame.type == PH_IPC_RESP_FAIL);
    CHECK(i.frame.type == PH_IPC_RESP);
    gives(&i, (struct request){.path = "/a", .key = "m"}, "3:0", true);
    close_phat(&i);
}

TEST(what_failed_may_run_again)
{
    struct ph_rig_instance i;
    ph_keeper_fresh();
    open_phat(&i, 4000);
    refused(&i, (struct request){.path = "/throw", .key = "k"}, "exception");
    refused(&i, (struct request){.path = "/throw", .key = "k"}, "exception");
    ran(&i, "0");
    gives(&i, (struct request){.path = "/a", .key = "k"}, "1:0", false);
    /* A table of that name that is none of ours: the call fails as a whole. */
    sql(&i, "DROP TABLE _phala_idem", "[]");
    sql(&i,
        "CREATE TABLE _phala_idem(key TEXT PRIMARY KEY, at, request, status, headers, body "
        "CHECK(body IS NULL))",
        "[]");
    refused(&i, (struct request){.path = "/a", .key = "z"}, "exception");
    ran(&i, "1");
    close_phat(&i);
}

TEST(answers_that_are_not_kept)
{
    struct ph_rig_instance i;
    ph_keeper_fresh();
    open_phat(&i, 4000);
    put(&i, (struct request){.path = "/stream", .key = "s"}, PH_IPC_END);
    do
        CHECK(ph_rig_next(&i));
    while (i.frame.type != PH_IPC_RESP_END);
    refused(&i, (struct request){.path = "/stream", .key = "s"}, "idempotency-answer-not-kept");
    refused(&i, (struct request){.path = "/a", .key = "s"}, "idempotency-key-reused");
    const uint64_t id = put(&i, (struct request){.path = "/large", .key = "l"}, PH_IPC_END);
    const struct ph_msg_CREDIT_R credit = {.stream = PH_STREAM_RESP, .bytes = 65536};
    do {
        CHECK(ph_rig_next(&i));
        if (i.frame.type == PH_IPC_RESP_BODY)
            CHECK(ph_put_CREDIT_R(&i.chan, 0, id, &credit) == PH_OK);
    } while (i.frame.type != PH_IPC_RESP_END);
    refused(&i, (struct request){.path = "/large", .key = "l"}, "idempotency-answer-not-kept");
    ran(&i, "2");
    close_phat(&i);
}

TEST(a_request_is_whole_before_it_runs)
{
    enum { MIB = 1 << 20 };
    struct ph_rig_instance i;
    uint8_t *bytes PH_OWNED(ph_freep) = calloc(1, MIB + 1);
    char message[4096];
    CHECK(bytes);
    ph_keeper_fresh();
    open_phat(&i, 4000);
    for (int n = 0; n < 2; n++) { /* in pieces, with credit for each */
        const uint64_t id =
            put(&i, (struct request){.path = "/a", .key = "k", .body = {bytes, 1000}}, 0);
        const struct ph_msg_CALL_BODY piece = {.data = {bytes, 65536}};
        for (size_t at = 1000; at + 65536 <= MIB; at += 65536) {
            ph_rig_expect(&i, PH_IPC_CREDIT_D, id);
            CHECK(ph_put_CALL_BODY(&i.chan, 0, id, &piece) == PH_OK);
        }
        ph_rig_expect(&i, PH_IPC_CREDIT_D, id);
        CHECK(ph_put_CALL_END(&i.chan, 0, id) == PH_OK);
        got(&i, id, "1:984040", n == 1);
    }
    const uint64_t id =
        put(&i, (struct request){.path = "/a", .key = "m", .body = {bytes, 1000}}, 0);
    CHECK(ph_put_CALL_CANCEL(&i.chan, 0, id) == PH_OK);
    ph_rig_expect(&i, PH_IPC_CREDIT_D, id);
    gives(&i, (struct request){.path = "/a", .key = "m"}, "2:0", false);
    /* The whole body in one frame: the same bound. */
    gives(&i, (struct request){.path = "/a", .key = "n", .body = {bytes, MIB}}, "3:1048576", false);
    ph_rig_fails(
        &i,
        put(&i, (struct request){.path = "/a", .key = "o", .body = {bytes, MIB + 1}}, PH_IPC_END),
        "idempotency-body-too-large", message);
    ran(&i, "3");
    close_phat(&i);
}

TEST(rows_are_bounded_in_number_and_age)
{
    struct ph_rig_instance i;
    ph_keeper_fresh();
    open_phat(&i, 8000);
    gives(&i, (struct request){.path = "/a", .key = "old"}, "1:0", false);
    gives(&i, (struct request){.path = "/a", .key = "new"}, "2:0", false);
    sql(&i, "UPDATE _phala_idem SET at = at - 86400001 WHERE key = 'old'", "[]");
    gives(&i, (struct request){.path = "/a", .key = "new"}, "2:0", true);
    gives(&i, (struct request){.path = "/b", .key = "old"}, "3:0",
          false); /* forgotten: any request may have it */
    sql(&i, "UPDATE _phala_idem SET at = at - 86400001 WHERE key = 'new'", "[]");
    gives(&i, (struct request){.path = "/a", .key = "third"}, "4:0", false);
    sql(&i, "SELECT key FROM _phala_idem ORDER BY key", "[[\"old\"],[\"third\"]]");
    sql(&i,
        "INSERT INTO _phala_idem SELECT 'k' || n, x'00', 200, (SELECT max(at) FROM _phala_idem), "
        "x'', x'' FROM (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 9998) "
        "SELECT n FROM c)",
        "[]");
    gives(&i, (struct request){.path = "/a", .key = "last"}, "5:0", false);
    sql(&i,
        "SELECT count(*), min(key = 'old'), max(key = 'old'), max(key = 'last') FROM _phala_idem",
        "[[10000,0,0,1]]");
    close_phat(&i);
}

TEST(answers_leave_room_for_the_phat)
{
    struct ph_rig_instance i;
    ph_keeper_fresh();
    open_phat(&i, 100);
    gives(&i, (struct request){.path = "/a", .key = "k"}, "1:0", false);
    sql(&i, "CREATE TABLE big(x)", "[]");
    sql(&i, "INSERT INTO big VALUES(zeroblob(300000))", "[]");
    gives(&i, (struct request){.path = "/a", .key = "l"}, "2:0", false);
    refused(&i, (struct request){.path = "/a", .key = "l"}, "idempotency-answer-not-kept");
    gives(&i, (struct request){.path = "/a", .key = "k"}, "1:0", true);
    close_phat(&i);
}

TEST(without_state_the_header_is_the_phats)
{
    struct ph_rig_instance i;
    ph_rig_run(&rig, &i, usual,
               "let n = 0; globalThis.__phat = { default: { fetch(req) { return new "
               "Response(`${++n}${req.headers.get('idempotency-key')}`); } } };");
    gives(&i, (struct request){.path = "/a", .key = "k"}, "1k", false);
    gives(&i, (struct request){.path = "/a", .key = "k"}, "2k", false);
    ph_rig_drop(&i);
}

static int set_up(void **ctx)
{
    (void)ctx;
    (void)signal(SIGPIPE, SIG_IGN);
    ph_rig_open(&rig);
    return 0;
}

static int tear_down(void **ctx)
{
    (void)ctx;
    ph_rig_close(&rig);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest cases[] = {
        CASE(a_repeat_gets_the_answer_and_runs_nothing),
        CASE(a_key_is_one_to_255_visible_characters),
        CASE(one_at_a_time_under_a_key),
        CASE(a_call_goes_on_when_its_caller_leaves),
        CASE(what_failed_may_run_again),
        CASE(answers_that_are_not_kept),
        CASE(a_request_is_whole_before_it_runs),
        CASE(rows_are_bounded_in_number_and_age),
        CASE(answers_leave_room_for_the_phat),
        CASE(without_state_the_header_is_the_phats),
    };
    return cmocka_run_group_tests(cases, set_up, tear_down);
}
