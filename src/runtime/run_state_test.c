#include "runtime/engine.h"
#include "runtime/run_fixture.h"
#include "runtime/run_keeper.h"

#include "base/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

/* Phats with state: a real zygote and instances; this test is phalad, run_keeper.c its storage.
 * What a call runs is the body of the call. */

static struct ph_rig rig;
static const struct ph_rig_limits usual = {.cpu_ms = 1000, .memory_mib = 256, .subrequests = 50};

static const char evaluator[] =
    "globalThis.seen = []; globalThis.__phat = { default: { async fetch(req, env, ctx) {"
    "const f = new (async () => {}).constructor('env', 'ctx', 'DB', 'KV', await req.text());"
    "const r = await f(env, ctx, env.DB, env.KV);"
    "return r instanceof Response ? r : new Response(typeof r === 'string' ? r : "
    "JSON.stringify(r) ?? `${r}`); } } };";

static void open_phat(struct ph_rig_instance *i, struct ph_rig_limits limits)
{
    ph_rig_run(&rig, i, limits, evaluator);
    ph_keeper_open(i, 4000);
}

static void close_phat(struct ph_rig_instance *i)
{
    ph_keeper_stop();
    ph_rig_drop(i);
}

static void post(struct ph_rig_instance *i, uint64_t id, const char *code)
{
    const struct ph_msg_CALL call = {.kind = PH_CALL_FETCH,
                                     .wall_ms = 30000,
                                     .method = PH_BYTES_LIT("POST"),
                                     .url = PH_BYTES_LIT("http://phat.test/"),
                                     .headers = PH_BYTES_LIT("host: phat.test\n"),
                                     .body = ph_bytes_str(code)};
    CHECK(ph_put_CALL(&i->chan, PH_IPC_END, id, &call) == PH_OK);
}

static void answered(struct ph_rig_instance *i, uint64_t id, const char *code, const char *body)
{
    struct ph_msg_RESP resp;

    ph_rig_expect(i, PH_IPC_RESP, id);
    CHECK(ph_get_RESP(&i->frame, &resp) == PH_OK && (i->frame.flags & PH_IPC_END));
    if (!ph_bytes_is(resp.body, body))
        fail_msg("%s\ngave     %.*s\nexpected %s", code, (int)resp.body.len,
                 (const char *)resp.body.ptr, body);
}

static uint64_t last_id;
static void gives(struct ph_rig_instance *i, const char *code, const char *body)
{
    post(i, ++last_id, code);
    answered(i, last_id, code, body);
}

/* The code throws this message, as the code itself sees it. */
static void throws(struct ph_rig_instance *i, const char *code, const char *message)
{
    char text[2048];
    (void)snprintf(text, sizeof(text),
                   "try { %s; return 'nothing'; } catch (e) { return e.message; }", code);
    gives(i, text, message);
}

static void ends(struct ph_rig_instance *i, uint64_t id, const char *code, const char *part)
{
    char message[4096];
    ph_rig_fails(i, id, code, message);
    if (!strstr(message, part))
        fail_msg("%s says %s, expected %s", code, message, part);
}

TEST(without_state_there_is_no_database)
{
    struct ph_rig_instance i;
    ph_rig_run(&rig, &i, usual, evaluator);
    gives(&i, "return [typeof DB, typeof KV, 'DB' in env, 'ASSETS' in env]",
          "[\"undefined\",\"undefined\",false,true]");
    ph_rig_drop(&i);
}

TEST(values_come_back_as_they_went_in)
{
    struct ph_rig_instance i;
    ph_keeper_fresh();
    open_phat(&i, usual);
    gives(&i, "return DB.exec('CREATE TABLE t(a, b, c); CREATE TABLE u(x);').count", "2");
    gives(
        &i,
        "const show = v => typeof v === 'bigint' ? `${v}n` : ArrayBuffer.isView(v) ? `[${v}]` : "
        "JSON.stringify(v) + typeof v; let out = '';"
        "for (const v of [null, 1, -0, 1.5, 2**53, 2**53 - 1, 1e300, 9007199254740993n, -(2n**63n),"
        " 2n**63n - 1n, 7n, true, false, '', 'a\\u0000\\u20ac\\u{1f600}', new Uint8Array([1,0,2]),"
        " new Uint8Array(0), new Uint8Array([5]).buffer, new Uint16Array([258])])"
        " out += show(DB.prepare('SELECT ?').bind(v).first('?')) + ' '; return out",
        "nullobject 1number 0number 1.5number 9007199254740992number 9007199254740991number "
        "1e+300number 9007199254740993n -9223372036854775808n 9223372036854775807n 7number "
        "1number 0number \"\"string \"a\\u0000\xe2\x82\xac\xf0\x9f\x98\x80\"string [1,0,2] [] [5] "
        "[2,1] ");
    gives(&i,
          "const r = DB.prepare('INSERT INTO t VALUES(?, ?, ?)').bind(1, 'x', null).run();"
          "return [r.success, r.meta.changes, r.meta.last_row_id, r.results]",
          "[true,1,1,[]]");
    gives(&i,
          "const s = DB.prepare('SELECT a, b AS \"the b\", c FROM t'); return [s.first(), "
          "s.all().results,"
          " s.raw(), s.raw({columnNames: true}), s.first('a'), DB.prepare('SELECT 1 WHERE "
          "0').first(),"
          " await s.first('the b')]",
          "[{\"a\":1,\"the b\":\"x\",\"c\":null},[{\"a\":1,\"the "
          "b\":\"x\",\"c\":null}],[[1,\"x\",null]],"
          "[[\"a\",\"the b\",\"c\"],[1,\"x\",null]],1,null,\"x\"]");
    throws(&i, "DB.prepare('SELECT ?').bind(undefined)",
           "Value 1 is undefined: bind null, a number, a bigint, a string, a boolean or bytes");
    throws(&i, "DB.prepare('SELECT ?').bind(2n**63n)", "Value 1 is a bigint of more than 64 bits");
    throws(&i, "DB.prepare('SELECT ?, ?').bind(1).all()",
           "The statement has 2 parameters, and 1 values are bound");
    throws(&i, "DB.prepare('SELECT 1 AS a').first('b')", "The result has no column b: it has a");
    throws(&i, "DB.prepare('SELECT 1; SELECT 2').all()",
           "More than one statement: prepare one at a time, or use DB.exec");
    throws(&i, "DB.prepare(' -- nothing').all()", "The statement is empty");
    throws(&i, "DB.prepare('SELEC').all()", "near \"SELEC\": syntax error");
    throws(&i, "DB.prepare('SELECT * FROM nope').all()", "no such table: nope");
    throws(&i, "DB.exec('SELECT 1; INSERT INTO t VALUES(1)')",
           "table t has 3 columns but 1 values were supplied");
    throws(&i, "DB.exec('ATTACH \\'x\\' AS y')", "not authorized");
    close_phat(&i);
    CHECK(ph_keeper_tip().index > 0);
    open_phat(&i, usual); /* and it is there for the next instance */
    gives(&i, "return DB.prepare('SELECT a, b, c FROM t').raw()", "[[1,\"x\",null]]");
    close_phat(&i);
}

TEST(full_text_search_and_json_are_there)
{
    struct ph_rig_instance i;
    ph_keeper_fresh();
    open_phat(&i, usual);
    gives(&i,
          "DB.exec('CREATE VIRTUAL TABLE f USING fts5(body)');"
          "DB.batch(['a quick fox', 'a slow dog'].map(s => DB.prepare('INSERT INTO f "
          "VALUES(?)').bind(s)));"
          "return [DB.prepare(\"SELECT body FROM f WHERE f MATCH 'fox'\").all().results,"
          "DB.prepare(\"SELECT json_extract('{\\\"a\\\":[1,2]}', '$.a[1]') AS n\").first('n')]",
          "[[{\"body\":\"a quick fox\"}],2]");
    close_phat(&i);
}

TEST(transactions_keep_all_or_nothing)
{
    struct ph_rig_instance i;
    ph_keeper_fresh();
    open_phat(&i, usual);
    gives(&i,
          "DB.exec('CREATE TABLE t(x UNIQUE)'); const add = x => DB.prepare('INSERT INTO t "
          "VALUES(?)')"
          ".bind(x).run(); const all = () => DB.prepare('SELECT x FROM t ORDER BY x').raw().flat();"
          "add(1); try { DB.transaction(() => { add(2); add(3); throw new Error('no'); }); } catch "
          "(e) {"
          " if (e.message !== 'no') throw e; }"
          "const got = DB.transaction(() => { add(4); try { DB.transaction(() => { add(5);"
          " add(4); }); } catch {} add(6); return 'kept'; }); return [got, all()]",
          "[\"kept\",[1,4,6]]");
    throws(
        &i,
        "DB.batch([DB.prepare('INSERT INTO t VALUES(7)'), DB.prepare('INSERT INTO t VALUES(1)')])",
        "UNIQUE constraint failed: t.x");
    throws(&i, "DB.exec('INSERT INTO t VALUES(8); INSERT INTO t VALUES(1)')",
           "UNIQUE constraint failed: t.x");
    throws(
        &i, "DB.transaction(async () => { DB.exec('INSERT INTO t VALUES(9)'); })",
        "DB.transaction: the function must not be asynchronous: other calls would run within the "
        "transaction");
    static const char *const words[] = {"BEGIN",        "commit",      " -- x\\n/* y */;END",
                                        "ROLLBACK",     "savepoint a", "RELEASE phala1",
                                        "\\ufeffCOMMIT"};
    for (size_t n = 0; n < PH_LEN(words); n++) {
        char code[128];
        (void)snprintf(code, sizeof(code), "DB.%s('%s')%s", n % 2 ? "exec" : "prepare", words[n],
                       n % 2 ? "" : ".run()");
        throws(
            &i, code,
            "Transactions are not written in SQL: a call's turn is one; use DB.transaction(fn) or "
            "DB.batch([\xe2\x80\xa6])");
    }
    gives(&i, "return DB.prepare('SELECT x FROM t ORDER BY x').raw().flat()", "[1,4,6]");
    close_phat(&i);
}

TEST(a_handler_that_throws_takes_its_turn_back)
{
    struct ph_rig_instance i;
    ph_keeper_fresh();
    open_phat(&i, usual);
    gives(&i, "DB.exec('CREATE TABLE t(x)'); DB.exec('INSERT INTO t VALUES(1)'); return 1", "1");
    post(&i, 100, "DB.exec('INSERT INTO t VALUES(2)'); throw new Error('oops')");
    ends(&i, 100, "exception", "oops");
    post(&i, 101,
         "DB.exec('INSERT INTO t VALUES(3)'); await new Promise(r => setTimeout(r, 1));"
         "DB.exec('INSERT INTO t VALUES(4)'); throw new Error('late')");
    ends(&i, 101, "exception", "late");
    gives(&i, "return DB.prepare('SELECT x FROM t ORDER BY x').raw().flat()", "[1,3]");
    /* Two calls that settle in one turn: neither may say that its write was kept. */
    post(&i, 102,
         "await new Promise(r => globalThis.go = r); DB.exec('INSERT INTO t VALUES(5)');"
         "return 'kept'");
    post(&i, 103,
         "DB.exec('INSERT INTO t VALUES(6)'); go(); await 1; await 1; await 1; await 1; await 1;"
         "await 1; await 1; await 1; throw new Error('both')");
    ends(&i, 103, "exception", "both");
    ends(&i, 102, "exception", "rolled back");
    /* Whatever fails for good takes the turn back too. */
    post(&i, 104,
         "DB.exec('INSERT INTO t VALUES(7)'); try { DB.exec('INSERT OR ROLLBACK INTO t SELECT "
         "abs(-9223372036854775807 - 1)'); } catch {} try { DB.exec('CREATE TABLE v(x UNIQUE); "
         "INSERT INTO v VALUES(1); INSERT OR ROLLBACK INTO v VALUES(1)') } catch {}"
         "try { DB.exec('SELECT 1'); } catch { return 'fine'; } return 'went on'");
    ends(&i, 104, "exception", "rolled back");
    gives(&i, "return DB.prepare('SELECT x FROM t ORDER BY x').raw().flat()", "[1,3]");
    gives(&i,
          "DB.exec('CREATE TABLE p(id PRIMARY KEY); CREATE TABLE c(id REFERENCES p DEFERRABLE "
          "INITIALLY DEFERRED)'); return 1",
          "1");
    post(&i, 105, "DB.exec('INSERT INTO c VALUES(1)'); return 'kept'");
    ends(&i, 105, "exception", "FOREIGN KEY constraint failed");
    close_phat(&i);
    last_id = 200;
}

TEST(an_answer_waits_until_what_it_saw_is_durable)
{
    struct ph_rig_instance i;
    ph_keeper_fresh();
    open_phat(&i, usual);
    gives(&i, "DB.exec('CREATE TABLE t(x)'); return 1", "1");
    const int before = ph_keeper_records();
    atomic_store(&ph_keeper_hold, 1);
    post(&i, 301, "DB.exec('INSERT INTO t VALUES(1)'); return 'one'");
    CHECK(ph_rig_is_quiet(&i, 100));
    ph_keeper_wait(before + 1); /* it is on its way, and the answer is not */
    /* Others gather: a read, a write, a plain call, a request to elsewhere. */
    post(&i, 302, "return DB.prepare('SELECT count(*) AS n FROM t').first('n')");
    post(&i, 303, "DB.exec('INSERT INTO t VALUES(2)'); return 'two'");
    post(&i, 304, "DB.exec('INSERT INTO t VALUES(3)'); fetch('http://a.test/'); return 'three'");
    post(&i, 305, "throw new Error('saw it')");
    CHECK(ph_rig_is_quiet(&i, 100));
    CHECK(ph_keeper_records() == before + 1);
    atomic_store(&ph_keeper_hold, 0);
    answered(&i, 301, "", "one");
    answered(&i, 302, "", "1");
    answered(&i, 303, "", "two");
    CHECK(ph_rig_next(&i) && i.frame.type == PH_IPC_FETCH);
    answered(&i, 304, "", "three");
    ends(&i, 305, "exception", "saw it");
    CHECK(ph_keeper_records() == before + 2); /* all of them in one */
    gives(&i, "return DB.prepare('SELECT count(*) AS n FROM t').first('n')", "3");
    CHECK(ph_keeper_records() == before + 2); /* reading makes none */
    close_phat(&i);
}

TEST(a_lost_commit_ends_the_instance_with_its_reason)
{
    struct ph_rig_instance i;
    struct ph_msg_STATE_FAIL fail;
    ph_keeper_fresh();
    open_phat(&i, usual);
    gives(&i, "DB.exec('CREATE TABLE t(x)'); return 1", "1");
    atomic_store(&ph_keeper_hold, 1);
    const int before = ph_keeper_records();
    post(&i, 401, "DB.exec('INSERT INTO t VALUES(1)'); return 'never'");
    post(&i, 402, "await new Promise(r => setTimeout(r, 20000))");
    CHECK(ph_rig_is_quiet(&i, 50));
    ph_keeper_wait(before + 1);
    atomic_store(&ph_keeper_lose, 1);
    ph_rig_expect(&i, PH_IPC_STATE_FAIL, 0);
    CHECK(ph_get_STATE_FAIL(&i.frame, &fail) == PH_OK);
    CHECK(ph_bytes_is(fail.message, "another writer has the log"));
    ends(&i, 402, "state-lost", "another writer has the log");
    ends(&i, 401, "state-lost", "before its state was durable");
    CHECK(!ph_rig_next(&i));
    ph_keeper_stop();
    const int status = ph_rig_exited(&i);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == PH_ENGINE_EXIT_STATE);
}

TEST(altered_storage_is_refused_at_the_start_and_later)
{
    struct ph_rig_instance i;
    struct ph_msg_STATE_FAIL fail;
    ph_keeper_fresh();
    open_phat(&i, usual);
    gives(&i,
          "DB.exec('CREATE TABLE t(x)'); for (let n = 0; n < 2000; n++) DB.prepare('INSERT INTO t "
          "VALUES(randomblob(3000))').run(); return 1",
          "1");
    close_phat(&i);
    for (int late = 0; late < 2; late++) {
        ph_rig_run(&rig, &i, usual, evaluator);
        atomic_store(&ph_keeper_lie, !late);
        ph_keeper_open(&i, 4000);
        if (late) {
            gives(&i, "return 1", "1");
            atomic_store(&ph_keeper_lie, 1);
            post(&i, 500,
                 "try { DB.prepare('SELECT sum(length(x)) FROM t').first(); } catch {} return 2");
        }
        ph_rig_expect(&i, PH_IPC_STATE_FAIL, 0);
        CHECK(ph_get_STATE_FAIL(&i.frame, &fail) == PH_OK);
        char text[256];
        (void)snprintf(text, sizeof(text), "%.*s", (int)fail.message.len,
                       (const char *)fail.message.ptr);
        if (!strstr(text, "altered"))
            fail_msg("%s", text);
        if (late)
            ends(&i, 500, "state-lost", "altered");
        CHECK(!ph_rig_next(&i));
        ph_keeper_stop();
        const int status = ph_rig_exited(&i);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == PH_ENGINE_EXIT_STATE);
        atomic_store(&ph_keeper_lie, 0);
    }
}

TEST(limits_hold)
{
    struct ph_rig_instance i;
    ph_keeper_fresh();
    ph_rig_run(&rig, &i, usual, evaluator);
    ph_keeper_open(&i, 50);
    gives(&i, "DB.exec('CREATE TABLE t(x)'); return 1", "1");
    post(&i, ++last_id,
         "DB.exec('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
         "SELECT count(*) FROM n'); return 'never'");
    ends(&i, last_id, "cpu-limit", "limits.cpuMs");
    post(&i, ++last_id,
         "DB.exec('INSERT INTO t VALUES(1)'); try { DB.exec('WITH RECURSIVE n(i) AS (SELECT "
         "1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n'); } catch {} return 1");
    ends(&i, last_id, "cpu-limit", "");
    post(&i, ++last_id,
         "try { for (;;) DB.exec('INSERT INTO t VALUES(randomblob(3000))'); } catch (e) "
         "{ return e.message; }");
    ends(&i, last_id, "exception",
         "rolled back: the database is full: raise state.maxMiB in phat.json");
    gives(&i, "return DB.prepare('SELECT count(*) AS n FROM t').first('n')", "0");
    throws(&i, "DB.prepare('SELECT ?').bind('x'.repeat(40000000)).first()",
           "Value 1 is larger than 32 MiB");
    throws(&i,
           "DB.prepare('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 99) "
           "SELECT zeroblob(1000000) FROM n').all()",
           "The result is larger than 64 MiB: ask for less of it at once");
    throws(&i, "DB.prepare('SELECT zeroblob(400000000)').all()", "string or blob too big");
    close_phat(&i);
}

TEST(keys_hold_values)
{
    struct ph_rig_instance i;
    ph_keeper_fresh();
    open_phat(&i, usual);
    gives(&i,
          "return [KV.get('a'), KV.getWithMetadata('a'), KV.list(), KV.delete('a') === undefined]",
          "[null,{\"value\":null,\"metadata\":null,\"version\":0},{\"keys\":[],\"list_complete\":"
          "true},true]");
    gives(&i,
          "KV.put('a', '{\"n\":1}', {metadata: {m: 2}}); KV.put('b', new Uint8Array([104, 105]));"
          "return [KV.get('a'), KV.get('a', 'json'), KV.get('a', {type: 'json'}).n, KV.get('b'),"
          "[...KV.get('b', 'bytes')], KV.get('b', 'arrayBuffer').byteLength, "
          "KV.getWithMetadata('a')]",
          "[\"{\\\"n\\\":1}\",{\"n\":1},1,\"hi\",[104,105],2,{\"value\":\"{\\\"n\\\":1}\","
          "\"metadata\":{\"m\":2},"
          "\"version\":1}]");
    /* Compare and set; versions never come back, not even when a key was away. */
    gives(&i,
          "const v = KV.put('c', '1', {ifVersion: 0}); const r = [v, KV.put('c', '2', {ifVersion: "
          "0}),"
          "KV.put('c', '3', {ifVersion: v + 7}), KV.put('c', '4', {ifVersion: v}), KV.get('c')];"
          "KV.delete('c'); r.push(KV.put('c', '5', {ifVersion: v}), KV.put('c', '6')); return r",
          "[3,false,false,4,\"4\",false,5]");
    gives(&i,
          "const real = Math.floor(Date.now() / 1000); KV.put('old', 'x', {expiration: real - 1});"
          "KV.put('soon', 'x', {expirationTtl: 100}); const s = KV.list({prefix: 'soon'}).keys[0];"
          "return [KV.get('old'), KV.list({prefix: 'old'}).keys, KV.put('old', 'y', {ifVersion: "
          "0}) > 0,"
          "s.expiration - real >= 100, KV.get('soon')]",
          "[null,[],true,true,\"x\"]");
    gives(
        &i,
        "for (let n = 0; n < 25; n++) KV.put(`p/${String(n).padStart(2, '0')}`, 'x'); KV.put('p0', "
        "'x');"
        "let cursor, got = [], pages = 0; do { const r = KV.list({prefix: 'p/', limit: 10, "
        "cursor});"
        "got.push(...r.keys.map(k => k.name)); cursor = r.cursor; pages++; if (r.list_complete === "
        "!!cursor) throw 1; } while (cursor); return [pages, got.length, got[0], got[24]]",
        "[3,25,\"p/00\",\"p/24\"]");
    throws(&i, "KV.put('', 'x')", "KV: a key is not empty");
    throws(&i, "KV.put('x'.repeat(513), 'x')", "KV: a key has at most 512 bytes");
    throws(&i, "KV.put('\\u20ac'.repeat(171), 'x')", "KV: a key has at most 512 bytes");
    throws(&i, "KV.put('x', 'y'.repeat(4194305))", "KV.put: a value has at most 4 MiB");
    throws(&i, "KV.put('x', 5)", "KV.put: a value is a string or bytes");
    throws(&i, "KV.put('x', 'y', {metadata: 'z'.repeat(1023)})",
           "KV.put: metadata has at most 1024 bytes as JSON");
    throws(&i, "KV.get('a', 'stream')",
           "KV.get: the type is \"text\", \"json\", \"arrayBuffer\" or \"bytes\", not \"stream\"");
    gives(&i, "KV.put('x'.repeat(512), 'y'.repeat(4194304)); return KV.get('x'.repeat(512)).length",
          "4194304");
    /* One turn covers both. */
    post(&i, 900, "KV.put('gone', '1'); throw new Error('x')");
    ends(&i, 900, "exception", "x");
    gives(&i, "return KV.get('gone')", "null");
    close_phat(&i);
    open_phat(&i, usual);
    gives(&i,
          "return [KV.get('a'), KV.get('c'), DB.prepare('SELECT count(*) > 1 AS n FROM _phala_kv')"
          ".first('n')]",
          "[\"{\\\"n\\\":1}\",\"6\",1]");
    close_phat(&i);
}

/* More statements than are kept, twice; ones that cannot be prepared take no place; names follow
 * the schema, and what a phat is given of them is its own. */
TEST(statements_are_kept_as_long_as_they_are_right)
{
    struct ph_rig_instance i;
    ph_keeper_fresh();
    open_phat(&i, usual);
    gives(&i,
          "let bad = 0; for (let round = 0; round < 2; round++) for (let n = 0; n < 150; n++) {"
          "if (DB.prepare(`SELECT ${n} AS c${n}`).first(`c${n}`) !== n) throw n;"
          "try { DB.prepare(`SELEC ${n}`).first(); } catch { bad++; } } return bad",
          "300");
    gives(&i,
          "DB.exec('CREATE TABLE t(a)'); DB.prepare('INSERT INTO t VALUES(?)').bind(1).run();"
          "const all = DB.prepare('SELECT * FROM t'); const before = all.first();"
          "DB.exec('ALTER TABLE t ADD COLUMN b DEFAULT 7'); return [before, all.first(), "
          "all.all().results]",
          "[{\"a\":1},{\"a\":1,\"b\":7},[{\"a\":1,\"b\":7}]]");
    gives(&i,
          "const s = DB.prepare('SELECT a FROM t'); s.raw({columnNames: true})[0][0] = 'x';"
          "return [s.first(), s.raw({columnNames: true})]",
          "[{\"a\":1},[[\"a\"],[1]]]");
    gives(&i,
          "DB.exec('DELETE FROM t'); for (let n = 0; n < 100; n++) DB.prepare('INSERT INTO t(a) "
          "VALUES(?)').bind(n).run();"
          "const rows = DB.prepare('SELECT a FROM t ORDER BY a').raw(); return [rows.length, "
          "rows[0][0], rows[99][0]]",
          "[100,0,99]");
    close_phat(&i);
}

TEST(what_waits_is_bounded)
{
    enum { CALLS = 200 };
    static const struct ph_rig_limits small = {.cpu_ms = 5000, .memory_mib = 80};
    static const struct ph_rig_limits roomy = {.cpu_ms = 5000, .memory_mib = 1024};
    struct ph_rig_instance i;
    ph_keeper_fresh();
    ph_rig_run(&rig, &i, small, evaluator);
    ph_keeper_open(&i, PH_KEEPER_PAGES);
    gives(&i, "DB.exec('CREATE TABLE t(x)'); return 1", "1");
    /* Two turns whose changes have no room together: the second begins when the first is durable.
     */
    const char *fill =
        "DB.exec('INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
        "LIMIT 3000) SELECT randomblob(4000) FROM n'); return 'full'";
    const int before = ph_keeper_records();
    atomic_store(&ph_keeper_hold, 1);
    post(&i, 1001, fill);
    ph_rig_flush(&i);
    ph_keeper_wait(before + 1);
    post(&i, 1002, fill);
    CHECK(ph_rig_is_quiet(&i, 100));
    atomic_store(&ph_keeper_hold, 0);
    answered(&i, 1001, "", "full");
    answered(&i, 1002, "", "full");
    close_phat(&i);
    /* Answers that wait for a commit: with room for all of them, and their copies, before any is
     * given up. */
    ph_keeper_fresh();
    open_phat(&i, roomy);
    atomic_store(&ph_keeper_hold, 1);
    for (uint64_t id = 2000; id < 2000 + CALLS; id++)
        post(&i, id, "DB.exec('CREATE TABLE IF NOT EXISTS u(x)'); return 'x'.repeat(250000)");
    CHECK(ph_rig_is_quiet(&i, 1000));
    atomic_store(&ph_keeper_hold, 0);
    size_t failed = 0;
    for (int n = 0; n < CALLS; n++) {
        struct ph_msg_RESP_FAIL fail;
        CHECK(ph_rig_next(&i));
        if (ph_get_RESP_FAIL(&i.frame, &fail) == PH_OK) {
            CHECK(ph_bytes_is(fail.code, "state-queue"));
            failed++;
        } else {
            CHECK(i.frame.type == PH_IPC_RESP && i.frame.payload.len > 250000);
        }
    }
    CHECK(failed > 0);
    gives(&i, "return 'still here'", "still here");
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
        CASE(without_state_there_is_no_database),
        CASE(values_come_back_as_they_went_in),
        CASE(full_text_search_and_json_are_there),
        CASE(transactions_keep_all_or_nothing),
        CASE(a_handler_that_throws_takes_its_turn_back),
        CASE(an_answer_waits_until_what_it_saw_is_durable),
        CASE(a_lost_commit_ends_the_instance_with_its_reason),
        CASE(altered_storage_is_refused_at_the_start_and_later),
        CASE(limits_hold),
        CASE(statements_are_kept_as_long_as_they_are_right),
        CASE(what_waits_is_bounded),
        CASE(keys_hold_values),
    };
    return cmocka_run_group_tests(cases, set_up, tear_down);
}
