/* SQLite over sealed pages: against a plain in-memory SQLite that gets the same statements, over a
 * stand-in for phalad that applies records; then against sources that lie. */

#include "state/state.h"
#include "state/test_keeper.h"

#include "base/own.h"
#include "base/test.h"
#include "crypto/hash.h"

#include <sqlite3.h>
#include <stdlib.h>

static char why[256];
static const struct ph_state_limits limits = {.cache_bytes = 64 << 10};

static struct ph_state *open_state(void)
{
    struct ph_state *s;
    if (ph_state_open(&test_phat, &test_keys, &test_keeper.tip, &test_source, &limits, &s, why) !=
        PH_OK)
        fail_msg("%s", why);
    return s;
}

static void run(sqlite3 *db, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
}

/* Everything the tables hold, as one hash. */
static int add_row(void *ctx, int cnt, char **values, char **names)
{
    (void)names;
    for (int i = 0; i < cnt; i++) {
        ph_sha256_update(ctx, ph_bytes_str(values[i] ? values[i] : "\x01"));
        ph_sha256_update(ctx, PH_BYTES_LIT("|"));
    }
    return 0;
}

static struct ph_hash32 digest(sqlite3 *db)
{
    struct ph_sha256 ctx;
    struct ph_hash32 out;
    ph_sha256_init(&ctx);
    CHECK(sqlite3_exec(db, "SELECT * FROM t ORDER BY id", add_row, &ctx, NULL) == SQLITE_OK);
    CHECK(sqlite3_exec(db, "SELECT * FROM u ORDER BY a, b", add_row, &ctx, NULL) == SQLITE_OK);
    CHECK(sqlite3_exec(db, "SELECT rowid, * FROM f WHERE f MATCH 'w1 OR w2'", add_row, &ctx,
                       NULL) == SQLITE_OK);
    ph_sha256_final(&ctx, out.b);
    return out;
}

static const char schema[] =
    "CREATE TABLE t(id INTEGER PRIMARY KEY, k TEXT, v BLOB); CREATE INDEX tk ON t(k);"
    "CREATE TABLE u(a, b, PRIMARY KEY(a, b)) WITHOUT ROWID;"
    "CREATE VIRTUAL TABLE f USING fts5(body);";

static uint64_t seed;
static uint32_t below(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

/* One turn: a few statements, the same for both databases. */
static void turn(sqlite3 *a, sqlite3 *b)
{
    char sql[512];
    const uint32_t cnt = 1 + below(6);

    for (uint32_t i = 0; i < cnt; i++) {
        switch (below(9)) {
        case 0:
        case 1:
        case 2:
            (void)snprintf(sql, sizeof(sql),
                           "INSERT OR REPLACE INTO t VALUES(%u, 'k%u', zeroblob(%u))", below(3000),
                           below(50), below(3) == 0 ? below(60000) : below(300));
            break;
        case 3:
            (void)snprintf(sql, sizeof(sql), "DELETE FROM t WHERE id %% %u = %u", 2 + below(30),
                           below(2));
            break;
        case 4:
            (void)snprintf(sql, sizeof(sql),
                           "UPDATE t SET k = k || 'x', v = hex(id) WHERE k = 'k%u'", below(50));
            break;
        case 5:
            (void)snprintf(sql, sizeof(sql), "INSERT OR IGNORE INTO u VALUES(%u, %u)", below(200),
                           below(200));
            break;
        case 6:
            (void)snprintf(sql, sizeof(sql),
                           "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE "
                           "x < %u) INSERT OR IGNORE INTO u SELECT x, %u FROM c",
                           below(2000), below(9));
            break;
        case 7:
            (void)snprintf(sql, sizeof(sql), "INSERT INTO f VALUES('w%u w%u')", below(9), below(9));
            break;
        default:
            (void)snprintf(sql, sizeof(sql), "%s",
                           below(4) == 0 ? "DELETE FROM u; DELETE FROM t; VACUUM"
                           : below(2)    ? "VACUUM"
                                         : "BEGIN; DELETE FROM t; ROLLBACK");
        }
        run(a, sql);
        run(b, sql);
    }
}

TEST(random_work_with_crashes_keeps_exactly_the_durable_commits)
{
    for (uint64_t round = 1; round <= 8; round++) {
        struct ph_buf record PH_OWNED(ph_buf_clear) = PH_BUF(64 << 20);
        struct ph_state *s;
        struct ph_hash32 durable, sent = {{0}};
        sqlite3 *model;
        bool in_flight = false;

        seed = round;
        test_keeper_clear();
        CHECK(sqlite3_open(":memory:", &model) == SQLITE_OK);
        s = open_state();
        run(model, schema);
        run(ph_state_db(s), schema);
        CHECK(ph_state_commit(s, 1, &record) == PH_OK);
        test_keeper_apply(ph_buf_view(&record));
        ph_state_durable(s);
        durable = digest(model);
        for (int step = 0; step < 60; step++) {
            turn(model, ph_state_db(s));
            if (!in_flight && below(2)) {
                record.len = 0;
                const enum ph_err err = ph_state_commit(s, 2, &record);
                CHECK(err == PH_OK || err == PH_ERR_NOT_FOUND);
                in_flight = err == PH_OK;
                sent = digest(model);
            } else if (in_flight) {
                CHECK(ph_state_commit(s, 2, &record) == PH_ERR_CONFLICT);
            }
            if (in_flight && below(2)) {
                test_keeper_apply(ph_buf_view(&record));
                ph_state_durable(s);
                durable = sent;
                in_flight = false;
            }
            const struct ph_hash32 a = digest(model), b = digest(ph_state_db(s));
            CHECK(memcmp(a.b, b.b, 32) == 0);
            if (below(12) == 0) { /* the process dies: what was durable is there, nothing else */
                ph_state_free(s);
                s = open_state();
                const struct ph_hash32 c = digest(ph_state_db(s));
                if (memcmp(c.b, durable.b, 32) != 0)
                    fail_msg("seed %llu, step %d", (unsigned long long)round, step);
                run(ph_state_db(s), "PRAGMA integrity_check");
                in_flight = false;
                /* the model goes on from there too */
                (void)sqlite3_close(model);
                CHECK(sqlite3_open(":memory:", &model) == SQLITE_OK);
                sqlite3_backup *copy = sqlite3_backup_init(model, "main", ph_state_db(s), "main");
                CHECK(copy && sqlite3_backup_step(copy, -1) == SQLITE_DONE);
                CHECK(sqlite3_backup_finish(copy) == SQLITE_OK);
            }
        }
        ph_state_free(s);
        (void)sqlite3_close(model);
    }
    test_keeper_clear();
}

/* A state with some content, all of it durable. */
static void fill(void)
{
    struct ph_buf record PH_OWNED(ph_buf_clear) = PH_BUF(64 << 20);

    test_keeper_clear();
    struct ph_state *s = open_state();
    run(ph_state_db(s), schema);
    for (int i = 0; i < 5; i++) {
        run(ph_state_db(s),
            "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x < "
            "300) INSERT INTO t(k, v) SELECT 'k' || x, randomblob(100) FROM c");
        record.len = 0;
        CHECK(ph_state_commit(s, 1, &record) == PH_OK);
        test_keeper_apply(ph_buf_view(&record));
        ph_state_durable(s);
    }
    ph_state_free(s);
}

/* Reads everything; yields the fault. */
static enum ph_err read_all(void)
{
    struct ph_state *s;
    const char *sentence = "";
    const enum ph_err err =
        ph_state_open(&test_phat, &test_keys, &test_keeper.tip, &test_source, &limits, &s, why);

    if (err != PH_OK)
        return err;
    const int rc =
        sqlite3_exec(ph_state_db(s), "SELECT sum(length(v)), max(k) FROM t", NULL, NULL, NULL);
    const enum ph_err fault = ph_state_fault(s, &sentence);
    CHECK((rc == SQLITE_OK) == (fault == PH_OK));
    if (fault != PH_OK) { /* and it stays refused */
        struct ph_buf record PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
        CHECK(strlen(sentence) > 20);
        CHECK(sqlite3_exec(ph_state_db(s), "SELECT sum(length(v)) FROM t", NULL, NULL, NULL) !=
              SQLITE_OK);
        CHECK(ph_state_commit(s, 1, &record) == fault);
    }
    ph_state_free(s);
    return fault;
}

TEST(any_altered_page_is_refused)
{
    fill();
    CHECK(read_all() == PH_OK);
    for (uint32_t p = 0; p < test_keeper.tip.page_cnt; p++) {
        test_keeper.page[p][p * 7 % PH_STATE_PAGE] ^= 0x10;
        const enum ph_err err = read_all();
        test_keeper.page[p][p * 7 % PH_STATE_PAGE] ^= 0x10;
        /* index pages are not read by that query: the whole database is, by a check of it */
        if (err == PH_OK) {
            test_keeper.page[p][0] ^= 1;
            struct ph_state *s = open_state();
            CHECK(sqlite3_exec(ph_state_db(s), "PRAGMA integrity_check", NULL, NULL, NULL) !=
                  SQLITE_OK);
            ph_state_free(s);
            test_keeper.page[p][0] ^= 1;
        } else {
            CHECK(err == PH_ERR_UNTRUSTED);
        }
    }
    CHECK(read_all() == PH_OK);
}

TEST(any_altered_node_is_refused)
{
    fill();
    for (size_t i = 0; i < test_keeper.node_cnt; i++) {
        test_keeper.node[i]->b[3] ^= 1;
        CHECK(read_all() == PH_ERR_UNTRUSTED);
        test_keeper.node[i]->b[3] ^= 1;
    }
}

TEST(older_pages_swapped_pages_and_lost_pages_are_refused)
{
    static uint8_t old[TEST_PAGES][PH_STATE_PAGE];
    uint8_t now[PH_STATE_PAGE];
    struct ph_buf record PH_OWNED(ph_buf_clear) = PH_BUF(64 << 20);
    uint32_t changed = 0, rolled_back = 0;

    fill();
    for (uint32_t p = 0; p < test_keeper.tip.page_cnt; p++)
        memcpy(old[p], test_keeper.page[p], PH_STATE_PAGE);
    struct ph_state *s = open_state();
    run(ph_state_db(s), "UPDATE t SET v = randomblob(100)");
    CHECK(ph_state_commit(s, 2, &record) == PH_OK);
    test_keeper_apply(ph_buf_view(&record));
    ph_state_free(s);
    CHECK(read_all() == PH_OK);
    for (uint32_t p = 0; p < test_keeper.tip.page_cnt; p++) { /* each page rolled back alone */
        memcpy(now, test_keeper.page[p], PH_STATE_PAGE);
        memcpy(test_keeper.page[p], old[p], PH_STATE_PAGE);
        changed += memcmp(old[p], now, PH_STATE_PAGE) != 0;
        rolled_back += read_all() == PH_ERR_UNTRUSTED;
        memcpy(test_keeper.page[p], now, PH_STATE_PAGE);
    }
    CHECK(changed > 20 && rolled_back == changed);
    uint8_t *first = test_keeper.page[0];
    test_keeper.page[0] = test_keeper.page[1];
    test_keeper.page[1] = first;
    CHECK(read_all() == PH_ERR_UNTRUSTED);
    test_keeper.page[1] = test_keeper.page[0];
    test_keeper.page[0] = NULL;
    CHECK(read_all() == PH_ERR_UNTRUSTED);
    test_keeper.page[0] = first;
    CHECK(read_all() == PH_OK);
}

TEST(another_key_or_another_phat_opens_nothing)
{
    const uint8_t other[32] = {9, 9, 8};
    const struct ph_state_keys other_keys = ph_state_keys_of(1, other);
    const struct ph_phat_id other_phat = {{1, 2, 4}};
    struct ph_state *s;

    fill();
    CHECK(ph_state_open(&test_phat, &other_keys, &test_keeper.tip, &test_source, &limits, &s,
                        why) == PH_ERR_UNTRUSTED);
    CHECK(strstr(why, "tag") != NULL);
    CHECK(ph_state_open(&other_phat, &test_keys, &test_keeper.tip, &test_source, &limits, &s,
                        why) == PH_ERR_UNTRUSTED);
    struct ph_state_tip tip = test_keeper.tip;
    tip.root.b[5] ^= 1;
    CHECK(ph_state_open(&test_phat, &test_keys, &tip, &test_source, &limits, &s, why) ==
          PH_ERR_UNTRUSTED);
    CHECK(strstr(why, "root") != NULL);
}

TEST(the_same_index_written_twice_uses_another_key)
{
    /* Storage is rolled back under a writer: two records with the same index and page, whose
     * ciphertexts must not share a key stream. */
    struct ph_buf first PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
    struct ph_buf second PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);

    for (int i = 0; i < 2; i++) {
        test_keeper_clear();
        struct ph_state *s = open_state();
        run(ph_state_db(s), "CREATE TABLE a(x)");
        CHECK(ph_state_commit(s, 1, i == 0 ? &first : &second) == PH_OK);
        ph_state_free(s);
    }
    struct ph_state_record a, b;
    CHECK(ph_state_record_parse(ph_buf_view(&first), &a) == PH_OK);
    CHECK(ph_state_record_parse(ph_buf_view(&second), &b) == PH_OK);
    CHECK(memcmp(a.head.session.b, b.head.session.b, 32) != 0);
    size_t same = 0;
    for (size_t i = 0; i < PH_STATE_PAGE; i++)
        same += a.pages.ptr[i] == b.pages.ptr[i];
    CHECK(same < 100); /* 16 expected by chance; the plain text is the same */
}

TEST(limits_on_size_and_on_one_turn_refuse_and_roll_back)
{
    const struct ph_state_limits small = {.pages = 40, .cache_bytes = 16 << 10};
    const struct ph_state_limits brief = {.dirty_bytes = 20 * PH_STATE_PAGE,
                                          .cache_bytes = 16 << 10};
    struct ph_state *s;

    test_keeper_clear();
    CHECK(ph_state_open(&test_phat, &test_keys, &test_keeper.tip, &test_source, &small, &s, why) ==
          PH_OK);
    run(ph_state_db(s), "CREATE TABLE a(x)");
    CHECK(sqlite3_exec(ph_state_db(s), "INSERT INTO a VALUES(zeroblob(200000))", NULL, NULL,
                       NULL) == SQLITE_FULL);
    run(ph_state_db(s), "INSERT INTO a VALUES(1)");
    ph_state_free(s);

    CHECK(ph_state_open(&test_phat, &test_keys, &test_keeper.tip, &test_source, &brief, &s, why) ==
          PH_OK);
    run(ph_state_db(s), "CREATE TABLE a(x)");
    const char *sentence = NULL;
    CHECK(sqlite3_exec(ph_state_db(s), "INSERT INTO a VALUES(zeroblob(200000))", NULL, NULL,
                       NULL) != SQLITE_OK);
    CHECK(ph_state_fault(s, &sentence) == PH_ERR_LIMIT && strstr(sentence, "turn"));
    run(ph_state_db(s), "INSERT INTO a VALUES(1)");
    ph_state_free(s);
}

TEST(files_pragmas_and_extensions_are_out_of_reach)
{
    static const char *const refused[] = {"ATTACH 'x' AS y",
                                          "ATTACH ':memory:' AS y",
                                          "VACUUM INTO 'x'",
                                          "PRAGMA journal_mode=WAL",
                                          "PRAGMA locking_mode=NORMAL",
                                          "PRAGMA writable_schema=ON",
                                          "PRAGMA temp_store=FILE",
                                          "PRAGMA synchronous=FULL",
                                          "PRAGMA max_page_count=9",
                                          "SELECT load_extension('x')",
                                          "UPDATE sqlite_schema SET sql = ''"};
    static const char *const allowed[] = {"PRAGMA table_info(a)",
                                          "PRAGMA user_version=3",
                                          "PRAGMA foreign_keys",
                                          "CREATE TEMP TABLE z(x)",
                                          "SELECT json_extract('{\"a\":1}', '$.a')",
                                          "CREATE VIRTUAL TABLE f USING fts5(x)",
                                          "SELECT * FROM json_each('[1,2]')"};

    test_keeper_clear();
    struct ph_state *s = open_state();
    run(ph_state_db(s), "CREATE TABLE a(x)");
    for (size_t i = 0; i < PH_LEN(refused); i++) {
        if (sqlite3_exec(ph_state_db(s), refused[i], NULL, NULL, NULL) == SQLITE_OK)
            fail_msg("%s", refused[i]);
    }
    for (size_t i = 0; i < PH_LEN(allowed); i++)
        run(ph_state_db(s), allowed[i]);
    ph_state_free(s);
}

/* Commit what there is. */
static void commit_all(struct ph_state *s)
{
    struct ph_buf record PH_OWNED(ph_buf_clear) = PH_BUF(64 << 20);

    CHECK(ph_state_commit(s, 1, &record) == PH_OK);
    test_keeper_apply(ph_buf_view(&record));
    ph_state_durable(s);
}

/* The next epoch begins: the phat's keys are two from here on. */
static void rotate(void)
{
    uint8_t next[32];

    memset(next, 0x60 + (int)test_keys.cnt, sizeof(next));
    test_keys.at[test_keys.cnt].epoch = test_keys.at[test_keys.cnt - 1].epoch + 1;
    memcpy(test_keys.at[test_keys.cnt++].key, next, sizeof(next));
}

static void retire(void)
{
    test_keys.at[0] = test_keys.at[--test_keys.cnt];
    test_keys.cnt = 1;
}

TEST(pages_of_an_older_epoch_are_renewed_some_at_a_time_and_readable_throughout)
{
    fill();
    const uint32_t pages = test_keeper.tip.page_cnt;
    rotate();
    struct ph_state *s = open_state();
    CHECK(ph_state_is_behind(s) && !ph_state_is_dirty(s));
    uint32_t records = 0;
    while (ph_state_is_behind(s)) {
        const enum ph_err err = ph_state_renew(s, 7);
        CHECK(err == PH_OK || err == PH_ERR_NOT_FOUND);
        commit_all(s);
        records++;
        CHECK(test_keeper.tip.key_epoch == 2 &&
              test_keeper.tip.older_epoch == (err == PH_OK ? 1 : 0));
        /* As after a crash here: both keys are needed, and enough. */
        CHECK(read_all() == PH_OK);
    }
    CHECK(records >= pages / 7 && test_keeper.tip.page_cnt == pages);
    CHECK(!ph_state_is_dirty(s) && ph_state_renew(s, 7) == PH_ERR_NOT_FOUND);
    ph_state_free(s);
    retire();
    CHECK(read_all() == PH_OK);
    test_keeper_clear();
}

TEST(renewal_goes_on_where_a_crash_stopped_it_and_across_two_rotations)
{
    fill();
    rotate();
    struct ph_state *s = open_state();
    CHECK(ph_state_renew(s, 5) == PH_OK);
    commit_all(s);
    CHECK(ph_state_renew(s, 5) == PH_OK); /* never committed */
    ph_state_free(s);
    rotate();
    s = open_state();
    CHECK(ph_state_is_behind(s));
    CHECK(ph_state_renew(s, 5) == PH_OK);
    commit_all(s);
    CHECK(test_keeper.tip.key_epoch == 3 && test_keeper.tip.older_epoch == 1);
    CHECK(read_all() == PH_OK);
    run(ph_state_db(s), "UPDATE t SET v = randomblob(50) WHERE rowid % 10 = 0");
    commit_all(s);
    while (ph_state_renew(s, 1000) == PH_OK)
        commit_all(s);
    commit_all(s);
    CHECK(test_keeper.tip.older_epoch == 0 && !ph_state_is_behind(s));
    ph_state_free(s);
    retire();
    CHECK(read_all() == PH_OK);
    test_keeper_clear();
}

TEST(without_the_key_of_an_older_epoch_its_pages_do_not_open)
{
    fill();
    rotate();
    struct ph_state *s = open_state();
    CHECK(ph_state_renew(s, 1) == PH_OK);
    commit_all(s);
    ph_state_free(s);
    retire();
    CHECK(read_all() == PH_ERR_UNTRUSTED);
    test_keeper_clear();
}

TEST(a_state_over_a_lowered_limit_is_renewed_and_does_not_grow)
{
    static const struct ph_state_limits small = {.pages = 2};
    struct ph_state *s;

    fill();
    const uint32_t pages = test_keeper.tip.page_cnt;
    CHECK(pages > small.pages);
    rotate();
    CHECK(ph_state_open(&test_phat, &test_keys, &test_keeper.tip, &test_source, &small, &s, why) ==
          PH_OK);
    while (ph_state_is_behind(s)) {
        const enum ph_err err = ph_state_renew(s, 7);
        CHECK(err == PH_OK || err == PH_ERR_NOT_FOUND);
        commit_all(s);
    }
    CHECK(sqlite3_exec(ph_state_db(s), "CREATE TABLE more AS SELECT zeroblob(1000000)", NULL, NULL,
                       NULL) == SQLITE_FULL);
    ph_state_free(s);
    CHECK(test_keeper.tip.page_cnt == pages && test_keeper.tip.older_epoch == 0);
    retire();
    CHECK(read_all() == PH_OK);
    test_keeper_clear();
}

TEST(opening_reads_one_page_and_the_top_node)
{
    fill();
    test_keeper.page_reads = 0;
    struct ph_state *s = open_state();
    CHECK(test_keeper.page_reads <= 2);
    ph_state_free(s);
    test_keeper_clear();
    ph_tree_free(test_keeper.tree);
    test_keeper.tree = NULL;
}

PH_TEST_MAIN(CASE(random_work_with_crashes_keeps_exactly_the_durable_commits),
             CASE(any_altered_page_is_refused), CASE(any_altered_node_is_refused),
             CASE(older_pages_swapped_pages_and_lost_pages_are_refused),
             CASE(another_key_or_another_phat_opens_nothing),
             CASE(the_same_index_written_twice_uses_another_key),
             CASE(limits_on_size_and_on_one_turn_refuse_and_roll_back),
             CASE(files_pragmas_and_extensions_are_out_of_reach),
             CASE(pages_of_an_older_epoch_are_renewed_some_at_a_time_and_readable_throughout),
             CASE(renewal_goes_on_where_a_crash_stopped_it_and_across_two_rotations),
             CASE(without_the_key_of_an_older_epoch_its_pages_do_not_open),
             CASE(a_state_over_a_lowered_limit_is_renewed_and_does_not_grow),
             CASE(opening_reads_one_page_and_the_top_node))
