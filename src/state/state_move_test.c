/* The whole state at once: a snapshot is what was there when it began, whatever is written
 * meanwhile; a replacement is one commit after which the state is what was brought. */

#include "state/state.h"

#include "base/own.h"
#include "base/test.h"
#include "state/test_keeper.h"

#include <sqlite3.h>
#include <stdlib.h>

static char why[256];
static const struct ph_state_limits limits = {.pages = TEST_PAGES, .cache_bytes = 64 << 10};

static struct ph_state *open_state(void)
{
    struct ph_state *s;
    if (ph_state_open(&test_phat, &test_keys, &test_keeper.tip, &test_source, &limits, &s, why) !=
        PH_OK)
        fail_msg("%s", why);
    return s;
}

static void run(struct ph_state *s, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(ph_state_db(s), sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
}

static void commit(struct ph_state *s)
{
    struct ph_buf record PH_OWNED(ph_buf_clear) = PH_BUF(64 << 20);
    CHECK(ph_state_commit(s, 5, &record) == PH_OK);
    test_keeper_apply(ph_buf_view(&record));
    ph_state_durable(s);
}

static int64_t ask(struct ph_state *s, const char *sql)
{
    sqlite3_stmt *stmt;
    CHECK(sqlite3_prepare_v2(ph_state_db(s), sql, -1, &stmt, NULL) == SQLITE_OK);
    CHECK(sqlite3_step(stmt) == SQLITE_ROW);
    const int64_t n = sqlite3_column_int64(stmt, 0);
    (void)sqlite3_finalize(stmt);
    return n;
}

#define FILL                                                                                       \
    "CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB); WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL "  \
    "SELECT x+1 FROM c WHERE x < 400) INSERT INTO t SELECT x, randomblob(1000) FROM c"

static struct ph_state *filled(void)
{
    test_keeper_clear();
    struct ph_state *s = open_state();
    run(s, FILL);
    commit(s);
    return s;
}

/* All pages that a snapshot gives, at most TEST_PAGES. */
static uint32_t read_rest(struct ph_state *s, uint8_t *pages, uint32_t from)
{
    while (ph_state_snapshot_next(s, pages + (size_t)from * PH_STATE_PAGE) == PH_OK)
        from++;
    return from;
}

TEST(a_snapshot_is_the_state_as_it_was_while_it_changes)
{
    struct ph_state *s = filled();
    uint8_t *before PH_OWNED(ph_freep) = calloc(TEST_PAGES, PH_STATE_PAGE);
    uint8_t *after PH_OWNED(ph_freep) = calloc(TEST_PAGES, PH_STATE_PAGE);
    struct ph_state_tip tip;

    CHECK(before && after && ph_state_snapshot_begin(s, 16 << 20, &tip) == PH_OK);
    CHECK(tip.index == 1 && memcmp(tip.root.b, test_keeper.tip.root.b, 32) == 0);
    const uint32_t cnt = read_rest(s, before, 0);
    CHECK(cnt == tip.page_cnt && ph_state_snapshot_next(s, after) == PH_ERR_NOT_FOUND);
    ph_state_snapshot_end(s);

    CHECK(ph_state_snapshot_begin(s, 16 << 20, &tip) == PH_OK);
    CHECK(ph_state_snapshot_begin(s, 16 << 20, &tip) == PH_ERR_CONFLICT);
    for (uint32_t i = 0; i < 20; i++)
        CHECK(ph_state_snapshot_next(s, after + (size_t)i * PH_STATE_PAGE) == PH_OK);
    run(s, "UPDATE t SET v = randomblob(900); INSERT INTO t SELECT id + 1000, v FROM t");
    run(s, "BEGIN; DELETE FROM t; ROLLBACK");
    commit(s);
    for (uint32_t i = 20; i < 40; i++)
        CHECK(ph_state_snapshot_next(s, after + (size_t)i * PH_STATE_PAGE) == PH_OK);
    run(s, "DELETE FROM t WHERE id % 2 = 0");
    commit(s);
    CHECK(read_rest(s, after, 40) == cnt);
    CHECK(memcmp(before, after, (size_t)cnt * PH_STATE_PAGE) == 0);
    CHECK(ask(s, "SELECT count(*) FROM t") == 400);
    ph_state_free(s);
    test_keeper_clear();
}

TEST(a_snapshot_waits_for_a_commit_and_gives_up_when_it_is_outrun)
{
    struct ph_state *s = filled();
    uint8_t page[PH_STATE_PAGE];
    struct ph_state_tip tip;

    run(s, "UPDATE t SET v = 'x' WHERE id = 1");
    CHECK(ph_state_snapshot_begin(s, 1 << 20, &tip) == PH_ERR_CONFLICT);
    commit(s);
    CHECK(ph_state_snapshot_begin(s, 4 * PH_STATE_PAGE, &tip) == PH_OK);
    CHECK(ph_state_snapshot_next(s, page) == PH_OK);
    run(s, "UPDATE t SET v = randomblob(1000)"); /* the writer does not notice */
    CHECK(ph_state_snapshot_next(s, page) == PH_ERR_LIMIT);
    commit(s);
    ph_state_snapshot_end(s);

    CHECK(ph_state_snapshot_begin(s, 16 << 20, &tip) == PH_OK);
    run(s, "DELETE FROM t WHERE id > 20; VACUUM");
    CHECK(ph_state_snapshot_next(s, page) == PH_ERR_LIMIT);
    ph_state_free(s); /* with one under way */
    test_keeper_clear();
}

/* Bring `pages` into `s`, as phalad gets it. */
static enum ph_err replace(struct ph_state *s, const uint8_t *pages, uint32_t cnt,
                           struct ph_buf *record)
{
    struct ph_buf front PH_OWNED(ph_buf_clear) = PH_BUF(16 << 20);
    struct ph_buf sealed PH_OWNED(ph_buf_clear) = PH_BUF(64 << 20);
    uint8_t *at;

    PH_TRY(ph_state_replace_begin(s, cnt));
    for (uint32_t i = 0; i < cnt; i++) {
        PH_TRY(ph_buf_reserve(&sealed, PH_STATE_PAGE, &at));
        PH_TRY(ph_state_replace_page(s, pages + (size_t)i * PH_STATE_PAGE, at));
        sealed.len += PH_STATE_PAGE;
    }
    PH_TRY(ph_state_replace_end(s, 9, &front));
    PH_TRY(ph_buf_add(record, ph_buf_view(&front)));
    return ph_buf_add(record, ph_buf_view(&sealed));
}

TEST(a_replacement_is_one_commit_and_then_the_state_is_what_was_brought)
{
    struct ph_state *s = filled();
    uint8_t *pages PH_OWNED(ph_freep) = calloc(TEST_PAGES, PH_STATE_PAGE);
    struct ph_buf record PH_OWNED(ph_buf_clear) = PH_BUF(64 << 20);
    struct ph_state_tip tip;

    CHECK(pages && ph_state_snapshot_begin(s, 1 << 20, &tip) == PH_OK);
    const uint32_t cnt = read_rest(s, pages, 0);
    ph_state_snapshot_end(s);
    run(s, "DROP TABLE t; CREATE TABLE other(x); INSERT INTO other VALUES(randomblob(900000))");
    commit(s);
    const uint64_t index = test_keeper.tip.index;
    CHECK(test_keeper.tip.page_cnt > cnt);

    CHECK(replace(s, pages, cnt, &record) == PH_OK);
    test_keeper_apply(ph_buf_view(&record));
    CHECK(test_keeper.tip.index == index + 1 && test_keeper.tip.page_cnt == cnt);
    ph_state_durable(s);
    ph_state_free(s);

    s = open_state();
    CHECK(ask(s, "SELECT count(*) FROM t") == 400);
    CHECK(ask(s, "SELECT count(*) FROM sqlite_schema WHERE name = 'other'") == 0);
    run(s, "INSERT INTO t VALUES(9999, 'after')");
    commit(s);
    run(s, "PRAGMA integrity_check");
    ph_state_free(s);

    /* Into nothing, and to nothing. */
    test_keeper_clear();
    s = open_state();
    record.len = 0;
    CHECK(replace(s, pages, cnt, &record) == PH_OK);
    test_keeper_apply(ph_buf_view(&record));
    ph_state_free(s);
    s = open_state();
    CHECK(ask(s, "SELECT count(*) FROM t") == 400);
    record.len = 0;
    CHECK(replace(s, pages, 0, &record) == PH_OK);
    test_keeper_apply(ph_buf_view(&record));
    ph_state_free(s);
    s = open_state();
    CHECK(ask(s, "SELECT count(*) FROM sqlite_schema") == 0);
    run(s, FILL);
    commit(s);
    ph_state_free(s);
    test_keeper_clear();
}

TEST(a_replacement_out_of_turn_or_too_large_is_refused)
{
    struct ph_state *s = filled();
    struct ph_buf record PH_OWNED(ph_buf_clear) = PH_BUF(64 << 20);
    uint8_t page[PH_STATE_PAGE] = {0}, sealed[PH_STATE_PAGE];
    struct ph_state_tip tip;

    CHECK(ph_state_replace_begin(s, TEST_PAGES + 1) == PH_ERR_LIMIT);
    CHECK(ph_state_replace_page(s, page, sealed) == PH_ERR_CONFLICT);
    CHECK(ph_state_replace_end(s, 1, &record) == PH_ERR_CONFLICT);
    run(s, "DELETE FROM t WHERE id = 3");
    CHECK(ph_state_replace_begin(s, 1) == PH_ERR_CONFLICT);
    CHECK(ph_state_commit(s, 1, &record) == PH_OK);
    CHECK(ph_state_replace_begin(s, 1) == PH_ERR_CONFLICT); /* on its way */
    test_keeper_apply(ph_buf_view(&record));
    ph_state_durable(s);
    CHECK(ph_state_snapshot_begin(s, 1 << 20, &tip) == PH_OK);
    CHECK(ph_state_replace_begin(s, 1) == PH_ERR_CONFLICT);
    ph_state_snapshot_end(s);
    CHECK(ph_state_replace_begin(s, 1) == PH_OK);
    CHECK(ph_state_snapshot_begin(s, 1 << 20, &tip) == PH_ERR_CONFLICT);
    CHECK(ph_state_replace_end(s, 1, &record) == PH_ERR_CONFLICT); /* a page is missing */
    CHECK(ph_state_replace_page(s, page, sealed) == PH_OK);
    CHECK(ph_state_replace_page(s, page, sealed) == PH_ERR_CONFLICT); /* one too many */
    CHECK(ph_state_commit(s, 1, &record) == PH_ERR_CONFLICT);
    ph_state_free(s);
    test_keeper_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_snapshot_is_the_state_as_it_was_while_it_changes),
        CASE(a_snapshot_waits_for_a_commit_and_gives_up_when_it_is_outrun),
        CASE(a_replacement_is_one_commit_and_then_the_state_is_what_was_brought),
        CASE(a_replacement_out_of_turn_or_too_large_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
