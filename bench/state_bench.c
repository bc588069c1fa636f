/* What a phat's state costs below its JavaScript: one JSON object a line. Run by hand; not a test.
 *
 *   state_bench FOLDER [MIB…]      (default: 64 256 1024)
 *
 *   sync       an append of 9 KB to a file, and fdatasync: the floor of every durable commit
 *   put        a key of 1 KB put and made durable: sealed, applied, appended to a log in FOLDER
 *   sqlite     the same statement in plain SQLite on the same disk (WAL, synchronous=FULL)
 *   get        a key of 1 KB read, prepared statement, pages in SQLite's cache; of processor time
 *   open       a state of so many MiB opened as phalad and the phat do: log, page store, newest
 *              head, SQLite, and one key read; `cold_ms` with its files out of the page cache
 *
 * put and sqlite take turns, so that a busy disk is busy for both.
 */

#include "base/own.h"
#include "crypto/init.h"
#include "state/state.h"
#include "store/file.h"
#include "store/page_store.h"

#include <fcntl.h>
#include <ftw.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 20, PUTS = 50, GETS = 200000, KEYS = 1000 };

/* A phat's state over storage in a folder, without processes in between. */
struct rig {
    int dir_fd;
    struct ph_commit_log *log;
    struct ph_commit_writer *writer;
    struct ph_page_store *store;
    struct ph_state *state;
    struct ph_buf record;
};

static const struct ph_phat_id phat = {{1}};
static const uint8_t key[32] = {2};
static char why[256];

static void must(enum ph_err err)
{
    if (err == PH_OK)
        return;
    (void)fprintf(stderr, "state_bench: %s %s\n", ph_err_name(err), why);
    exit(1);
}

static double seconds(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double now(void)
{
    return seconds(CLOCK_MONOTONIC);
}

static void sql(sqlite3 *db, const char *text)
{
    char *message = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &message) == SQLITE_OK)
        return;
    (void)fprintf(stderr, "state_bench: %s: %s\n", text, message);
    exit(1);
}

static enum ph_err get_page(void *ctx, uint32_t page, uint8_t out[static PH_STATE_PAGE])
{
    const struct rig *r = ctx;
    return ph_page_store_page(r->store, page, out);
}

static enum ph_err get_node(void *ctx, struct ph_tree_at at, uint8_t out[static PH_TREE_NODE])
{
    const struct rig *r = ctx;
    return ph_page_store_node(r->store, at, out);
}

static void rig_open(struct rig *r, const char *folder)
{
    const struct ph_state_source source = {r, get_page, get_node};
    const struct ph_state_limits limits = {0};
    char url[4096];
    uint64_t first, last;
    struct ph_state_tip tip;

    (void)snprintf(url, sizeof(url), "file:%s/log", folder);
    *r = (struct rig){.record = PH_BUF(300 << 20)};
    must(ph_dir_open(AT_FDCWD, folder, &r->dir_fd));
    must(ph_commit_log_open(url, &r->log, why));
    must(ph_commit_writer_open(r->log, &phat, &r->writer, why));
    must(ph_page_store_open(r->dir_fd, &phat, NULL, &r->store, why));
    ph_commit_writer_range(r->writer, &first, &last);
    ph_page_store_tip(r->store, &tip);
    for (uint64_t i = tip.index + 1; i <= last; i++) {
        must(ph_commit_read(r->writer, i, &r->record, why));
        must(ph_page_store_apply(r->store, ph_buf_view(&r->record)));
    }
    ph_page_store_tip(r->store, &tip);
    const struct ph_state_keys keys = ph_state_keys_of(1, key);
    must(ph_state_open(&phat, &keys, &tip, &source, &limits, &r->state, why));
}

static void rig_checkpoint(struct rig *r)
{
    struct ph_state_tip tip;

    must(ph_page_store_checkpoint(r->store, why));
    ph_page_store_tip(r->store, &tip);
    must(ph_commit_truncate(r->writer, tip.index, why));
}

/* Make what was written durable, as phalad would. */
static void rig_commit(struct rig *r)
{
    r->record.len = 0;
    must(ph_state_commit(r->state, 1, &r->record));
    const struct ph_bytes record = ph_buf_view(&r->record);
    must(ph_page_store_apply(r->store, record));
    must(ph_commit_append(r->writer, &record, 1, why));
    ph_state_durable(r->state);
    if (ph_page_store_pending(r->store) > 16 << 20)
        rig_checkpoint(r);
}

static void rig_close(struct rig *r)
{
    ph_state_free(r->state);
    ph_page_store_close(r->store);
    ph_commit_writer_close(r->writer);
    ph_commit_log_close(r->log);
    ph_closep(&r->dir_fd);
    ph_buf_clear(&r->record);
}

static const char table[] = "CREATE TABLE IF NOT EXISTS kv(k INTEGER PRIMARY KEY, v BLOB)";

static void put(sqlite3 *db, int n)
{
    char text[128];
    (void)snprintf(text, sizeof(text), "INSERT OR REPLACE INTO kv VALUES(%d, randomblob(1000))", n);
    sql(db, text);
}

static double bench_sync(const char *folder)
{
    static uint8_t data[9000];
    char path[4096];

    (void)snprintf(path, sizeof(path), "%s/sync", folder);
    const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const double from = now();
    for (int i = 0; i < PUTS; i++) {
        if (pwrite(fd, data, sizeof(data), (off_t)i * (off_t)sizeof(data)) < 0 ||
            fdatasync(fd) != 0)
            must(PH_ERR_IO);
    }
    (void)close(fd);
    return now() - from;
}

static void bench_put(struct rig *r, const char *folder)
{
    double ours = 0, theirs = 0, floor = 0, from;
    char path[4096];
    sqlite3 *db;

    (void)snprintf(path, sizeof(path), "%s/plain.sqlite", folder);
    if (sqlite3_open(path, &db) != SQLITE_OK)
        must(PH_ERR_IO);
    sql(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL");
    sql(db, table);
    sql(ph_state_db(r->state), table);
    rig_commit(r);
    for (int round = 0; round < ROUNDS; round++) {
        floor += bench_sync(folder);
        from = now();
        for (int i = 0; i < PUTS; i++) {
            put(ph_state_db(r->state), round * PUTS + i);
            rig_commit(r);
        }
        ours += now() - from;
        from = now();
        for (int i = 0; i < PUTS; i++)
            put(db, round * PUTS + i);
        theirs += now() - from;
    }
    (void)sqlite3_close(db);
    const double n = ROUNDS * PUTS;
    (void)printf(
        "{\"name\":\"sync\",\"per_s\":%.0f}\n{\"name\":\"put\",\"per_s\":%.0f,\"of_sync\":%.2f,"
        "\"of_sqlite\":%.2f}\n{\"name\":\"sqlite\",\"per_s\":%.0f}\n",
        n / floor, n / ours, floor / ours, theirs / ours, n / theirs);
}

static void bench_get(struct rig *r)
{
    sqlite3_stmt *stmt;
    int64_t bytes = 0;

    if (sqlite3_prepare_v2(ph_state_db(r->state), "SELECT v FROM kv WHERE k = ?", -1, &stmt,
                           NULL) != SQLITE_OK)
        must(PH_ERR_IO);
    const double from = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < GETS; i++) {
        (void)sqlite3_bind_int(stmt, 1, i % KEYS);
        if (sqlite3_step(stmt) == SQLITE_ROW)
            bytes += sqlite3_column_bytes(stmt, 0);
        (void)sqlite3_reset(stmt);
    }
    const double took = seconds(CLOCK_PROCESS_CPUTIME_ID) - from;
    (void)sqlite3_finalize(stmt);
    if (bytes != (int64_t)GETS * 1000)
        must(PH_ERR_NOT_FOUND);
    (void)printf("{\"name\":\"get\",\"per_s\":%.0f}\n", GETS / took);
}

/* Out of the page cache: synced first, for what is dirty stays. */
static int evict(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)at;
    const int fd = kind == FTW_F ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return 0;
    if (fsync(fd) != 0 || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0)
        must(PH_ERR_IO);
    (void)close(fd);
    return 0;
}

/* Milliseconds to open it and read the key of the middle. */
static double time_open(const char *path, long mib)
{
    char text[128];
    struct rig r;

    const double from = now();
    rig_open(&r, path);
    (void)snprintf(text, sizeof(text), "SELECT v FROM kv WHERE k = %ld", mib * 64);
    sql(ph_state_db(r.state), text);
    const double took = now() - from;
    rig_close(&r);
    return took * 1e3;
}

static void bench_open(const char *folder, long mib)
{
    char path[4096], text[128];
    struct rig r;

    (void)snprintf(path, sizeof(path), "%s/of-%ld", folder, mib);
    rig_open(&r, path);
    sql(ph_state_db(r.state), table);
    for (long i = 0; i < mib; i += 8) { /* rows of 8 KB: the tree of keys has its depth */
        (void)snprintf(text, sizeof(text),
                       "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1024) "
                       "INSERT INTO kv(v) SELECT randomblob(8000) FROM n");
        sql(ph_state_db(r.state), text);
        rig_commit(&r);
    }
    rig_checkpoint(&r);
    rig_close(&r);
    const double warm_ms = time_open(path, mib);
    if (nftw(path, evict, 16, FTW_PHYS) != 0)
        must(PH_ERR_IO);
    (void)printf("{\"name\":\"open\",\"mib\":%ld,\"ms\":%.1f,\"cold_ms\":%.1f}\n", mib, warm_ms,
                 time_open(path, mib));
}

int main(int argc, char **argv)
{
    static const long sizes[] = {64, 256, 1024};
    char path[4096];
    struct rig r;

    if (argc < 2) {
        (void)fprintf(stderr, "usage: state_bench FOLDER [MIB...]\n");
        return 2;
    }
    ph_crypto_init();
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)snprintf(path, sizeof(path), "%s/puts", argv[1]);
    rig_open(&r, path);
    bench_put(&r, argv[1]);
    bench_get(&r);
    rig_close(&r);
    if (argc > 2) {
        for (int i = 2; i < argc; i++)
            bench_open(argv[1], strtol(argv[i], NULL, 10));
    } else {
        for (size_t i = 0; i < PH_LEN(sizes); i++)
            bench_open(argv[1], sizes[i]);
    }
    return 0;
}
