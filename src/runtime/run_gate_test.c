#include "runtime/run_fixture.h"
#include "runtime/run_keeper.h"

#include "base/test.h"

#include <signal.h>
#include <stdio.h>

/* What waits for the state to be durable when answers are streamed, given up or large: a real
 * zygote and instances; this test is phalad, run_keeper.c its storage. */

static struct ph_rig rig;
static const struct ph_rig_limits usual = {.cpu_ms = 5000, .memory_mib = 256, .subrequests = 50};

static const char script[] =
    "globalThis.seen = []; const text = new TextEncoder();"
    "const write = (DB, x) => DB.prepare('INSERT INTO t VALUES(?)').bind(x).run();"
    "globalThis.__phat = { default: { async fetch(req, { DB }) {"
    "  const path = new URL(req.url).pathname;"
    "  DB.exec('CREATE TABLE IF NOT EXISTS t(x)');"
    "  if (path === '/n') return new Response(`${DB.prepare('SELECT count(*) AS n FROM "
    "t').first('n')}`);"
    "  if (path === '/write') { write(DB, path); return new Response('written'); }"
    /* Writes first, and streams what it read. */
    "  if (path === '/after') { write(DB, path); return new Response(new ReadableStream({ start(c) "
    "{"
    "    c.enqueue(text.encode('one ')); setTimeout(() => { c.enqueue(text.encode('two')); "
    "c.close(); }, 1); } })); }"
    /* The head goes out at once; what was written goes with the second piece. */
    "  if (path === '/midway') return new Response(new ReadableStream({ start(c) {"
    "    c.enqueue(text.encode('one ')); globalThis.go = () => { write(DB, path); "
    "c.enqueue(text.encode('two')); c.close(); }; } }));"
    "  if (path === '/go') { go(); return new Response('gone'); }"
    /* Rows of 16 KiB, read as the caller takes them. */
    "  if (path === '/rows') { let n = 0; return new Response(new ReadableStream({ pull(c) {"
    "    if (n++ === 80) return c.close();"
    "    c.enqueue(text.encode(DB.prepare(\"SELECT printf('%016384d', 7) AS v\").first('v'))); } "
    "}, "
    "{ highWaterMark: 0 })); }"
    "  return new Response(path); } } };";

static void open_phat(struct ph_rig_instance *i)
{
    ph_keeper_fresh();
    ph_rig_run(&rig, i, usual, script);
    ph_keeper_open(i, 4000);
    ph_rig_answers(i, 1, "/n", "0");
}

static void close_phat(struct ph_rig_instance *i)
{
    ph_keeper_stop();
    ph_rig_drop(i);
}

/* Collect a streamed answer whose head came: bytes of `first` on, giving credit for all. */
static size_t collect(struct ph_rig_instance *i, uint64_t id, char *text, size_t max)
{
    struct ph_msg_RESP_BODY body;
    size_t len = 0;

    for (;;) {
        CHECK(ph_rig_next(i) && i->frame.id == id);
        if (i->frame.type == PH_IPC_RESP_END)
            return len;
        CHECK(ph_get_RESP_BODY(&i->frame, &body) == PH_OK);
        if (text && len + body.data.len < max) {
            memcpy(text + len, body.data.ptr, body.data.len);
            text[len + body.data.len] = '\0';
        }
        len += body.data.len;
        const struct ph_msg_CREDIT_R credit = {.stream = PH_STREAM_RESP,
                                               .bytes = (uint32_t)body.data.len};
        CHECK(ph_put_CREDIT_R(&i->chan, 0, id, &credit) == PH_OK);
    }
}

static void head(struct ph_rig_instance *i, uint64_t id)
{
    struct ph_msg_RESP resp;

    ph_rig_expect(i, PH_IPC_RESP, id);
    CHECK(ph_get_RESP(&i->frame, &resp) == PH_OK && !(i->frame.flags & PH_IPC_END));
    CHECK(resp.body.len == 0);
}

TEST(no_part_of_a_streamed_answer_leaves_before_what_it_saw)
{
    struct ph_rig_instance i;
    char text[64] = "";

    open_phat(&i);
    const int before = ph_keeper_records();
    atomic_store(&ph_keeper_hold, 1);
    ph_rig_get(&i, 2, "/after");
    CHECK(ph_rig_is_quiet(&i, 100));
    ph_keeper_wait(before + 1);
    CHECK(ph_rig_is_quiet(&i, 100));
    atomic_store(&ph_keeper_hold, 0);
    head(&i, 2);
    CHECK(collect(&i, 2, text, sizeof(text)) == 7 && strcmp(text, "one two") == 0);
    CHECK(i.commit_index == ph_keeper_tip().index);
    close_phat(&i);
}

TEST(the_pieces_behind_a_write_wait_and_those_before_it_do_not)
{
    struct ph_rig_instance i;
    struct ph_msg_RESP_BODY body;
    char text[64] = "";

    open_phat(&i);
    const uint64_t first = i.commit_index;
    const int before = ph_keeper_records();
    atomic_store(&ph_keeper_hold, 1);
    ph_rig_get(&i, 2, "/midway");
    head(&i, 2);
    ph_rig_expect(&i, PH_IPC_RESP_BODY, 2);
    CHECK(ph_get_RESP_BODY(&i.frame, &body) == PH_OK && ph_bytes_is(body.data, "one "));
    CHECK(i.commit_index == first);
    ph_rig_get(&i, 3, "/go");
    CHECK(ph_rig_is_quiet(&i, 100));
    ph_keeper_wait(before + 1);
    CHECK(ph_rig_is_quiet(&i, 100));
    atomic_store(&ph_keeper_hold, 0);
    int left = 3; /* the second piece, its end, and the answer of the call that let it go */
    while (left-- > 0) {
        CHECK(ph_rig_next(&i));
        if (ph_get_RESP_BODY(&i.frame, &body) == PH_OK)
            (void)snprintf(text, sizeof(text), "%.*s", (int)body.data.len, body.data.ptr);
    }
    CHECK(strcmp(text, "two") == 0 && i.commit_index == first + 1);
    ph_rig_answers(&i, 4, "/n", "1");
    CHECK(i.commit_index == first + 1);
    close_phat(&i);
}

TEST(a_call_given_up_while_its_answer_waits_keeps_its_write_and_harms_nobody)
{
    struct ph_rig_instance i;

    open_phat(&i);
    const int before = ph_keeper_records();
    atomic_store(&ph_keeper_hold, 1);
    ph_rig_get(&i, 2, "/write");
    ph_rig_get(&i, 3, "/after");
    ph_rig_get(&i, 4, "/write");
    CHECK(ph_rig_is_quiet(&i, 100));
    ph_keeper_wait(before + 1);
    CHECK(ph_put_CALL_CANCEL(&i.chan, 0, 2) == PH_OK);
    CHECK(ph_put_CALL_CANCEL(&i.chan, 0, 3) == PH_OK);
    ph_rig_get(&i, 5, "/n");
    CHECK(ph_rig_is_quiet(&i, 100));
    atomic_store(&ph_keeper_hold, 0);
    /* Frames of those two may still come, as phalad expects of calls that it cancelled. */
    bool written = false, counted = false;
    while (!written || !counted) {
        struct ph_msg_RESP resp;
        CHECK(ph_rig_next(&i));
        CHECK(i.frame.type != PH_IPC_RESP_FAIL || i.frame.id < 4);
        if (i.frame.id < 4)
            continue;
        CHECK(ph_get_RESP(&i.frame, &resp) == PH_OK && (i.frame.flags & PH_IPC_END));
        written = written || (i.frame.id == 4 && ph_bytes_is(resp.body, "written"));
        counted = counted || (i.frame.id == 5 && ph_bytes_is(resp.body, "3"));
    }
    CHECK(i.commit_index == ph_keeper_tip().index);
    close_phat(&i);
}

TEST(a_stream_of_reads_larger_than_its_window_comes_whole_and_holds_no_more_than_that)
{
    struct ph_rig_instance i;
    struct ph_msg_RESP_BODY body;
    size_t got = 0;

    open_phat(&i);
    const int before = ph_keeper_records();
    atomic_store(&ph_keeper_hold, 1);
    ph_rig_get(&i, 2, "/write");
    CHECK(ph_rig_is_quiet(&i, 50));
    ph_keeper_wait(before + 1);
    ph_rig_get(&i, 3, "/rows"); /* waits behind that write */
    CHECK(ph_rig_is_quiet(&i, 100));
    atomic_store(&ph_keeper_hold, 0);
    ph_rig_expect(&i, PH_IPC_RESP, 2);
    head(&i, 3);
    while (got < PH_IPC_WINDOW) {
        ph_rig_expect(&i, PH_IPC_RESP_BODY, 3);
        CHECK(ph_get_RESP_BODY(&i.frame, &body) == PH_OK);
        got += body.data.len;
    }
    CHECK(got == PH_IPC_WINDOW && ph_rig_is_quiet(&i, 100)); /* nobody took it */
    const struct ph_msg_CREDIT_R credit = {.stream = PH_STREAM_RESP, .bytes = PH_IPC_WINDOW};
    CHECK(ph_put_CREDIT_R(&i.chan, 0, 3, &credit) == PH_OK);
    CHECK(got + collect(&i, 3, NULL, 0) == 80 * 16384);
    close_phat(&i);
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
        CASE(no_part_of_a_streamed_answer_leaves_before_what_it_saw),
        CASE(the_pieces_behind_a_write_wait_and_those_before_it_do_not),
        CASE(a_call_given_up_while_its_answer_waits_keeps_its_write_and_harms_nobody),
        CASE(a_stream_of_reads_larger_than_its_window_comes_whole_and_holds_no_more_than_that),
    };
    return cmocka_run_group_tests(cases, set_up, tear_down);
}
