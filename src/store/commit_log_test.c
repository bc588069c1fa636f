/* The commit log: files, with the power cut before every change of the disk; and PostgreSQL, when
 * PHALA_TEST_POSTGRES names a server that the test may use (tests/integration/state_log.test.mjs
 * starts one). */

#include "store/commit_pages.h"

#include "base/own.h"
#include "base/test.h"
#include "store/test_commits.h"
#include "store/test_fault_io.h"
#include "store/test_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

static struct made_commits made;
static struct test_folder folder = {.fd = -1};
static char url[256];
static char why[PH_COMMIT_LOG_WHY];

static void fresh_folder(void)
{
    test_folder_fresh(&folder);
    (void)snprintf(url, sizeof(url), "file:%s", folder.path);
}

static struct ph_commit_log *open_log(void)
{
    struct ph_commit_log *log;
    if (ph_commit_log_open(url, &log, why) != PH_OK)
        fail_msg("%s", why);
    return log;
}

static struct ph_commit_writer *open_writer(struct ph_commit_log *log)
{
    struct ph_commit_writer *w;
    if (ph_commit_writer_open(log, &made.phat, &w, why) != PH_OK)
        fail_msg("%s", why);
    return w;
}

static enum ph_err append(struct ph_commit_writer *w, uint64_t first, uint64_t last)
{
    struct ph_bytes records[MADE_COMMITS];
    for (uint64_t i = first; i <= last; i++)
        records[i - first] = ph_buf_view(&made.record[i]);
    return ph_commit_append(w, records, last - first + 1, why);
}

static void check_range(struct ph_commit_writer *w, uint64_t want_first, uint64_t want_last)
{
    struct ph_buf buf PH_OWNED(ph_buf_clear) = PH_BUF(64 << 20);
    uint64_t first, last;

    ph_commit_writer_range(w, &first, &last);
    CHECK(first == want_first && last == want_last);
    for (uint64_t i = first; i != 0 && i <= last; i++) {
        if (ph_commit_read(w, i, &buf, why) != PH_OK)
            fail_msg("%s", why);
        CHECK(ph_bytes_equal(ph_buf_view(&buf), ph_buf_view(&made.record[i])));
    }
    CHECK(ph_commit_read(w, last + 1, &buf, why) == PH_ERR_NOT_FOUND);
    CHECK(ph_commit_read(w, 0, &buf, why) == PH_ERR_NOT_FOUND);
}

/* What both kinds of storage do. */
static void behaves(void)
{
    struct ph_commit_log *log = open_log();
    struct ph_commit_writer *w = open_writer(log);

    check_range(w, 0, 0);
    CHECK(append(w, 1, 1) == PH_OK);
    CHECK(append(w, 2, 9) == PH_OK);
    check_range(w, 1, 9);
    CHECK(append(w, 9, 9) == PH_ERR_MALFORMED); /* again */
    CHECK(append(w, 11, 11) == PH_ERR_MALFORMED && strstr(why, "does not follow"));
    made.record[10].ptr[12] ^= 1; /* of another phat */
    CHECK(append(w, 10, 10) == PH_ERR_MALFORMED);
    made.record[10].ptr[12] ^= 1;
    CHECK(append(w, 10, 12) == PH_OK);
    ph_commit_writer_close(w);
    w = open_writer(log);
    check_range(w, 1, 12);
    CHECK(ph_commit_truncate(w, 8, why) == PH_OK);
    check_range(w, 8, 12);
    CHECK(ph_commit_truncate(w, 3, why) == PH_OK);
    check_range(w, 8, 12);
    CHECK(append(w, 13, 13) == PH_OK);
    CHECK(ph_commit_truncate(w, 99, why) == PH_OK); /* the newest stays */
    check_range(w, 13, 13);
    CHECK(append(w, 14, 14) == PH_OK);
    ph_commit_writer_close(w);
    ph_commit_log_close(log);
}

TEST(files_keep_commits_in_order)
{
    made_commits_init(&made, 3, 20, 30);
    fresh_folder();
    behaves();
    made_commits_clear(&made);
}

TEST(urls_that_name_no_storage_are_refused)
{
    struct ph_commit_log *log;
    CHECK(ph_commit_log_open("mysql://x", &log, why) == PH_ERR_MALFORMED && strstr(why, "file:"));
    CHECK(ph_commit_log_open("file:", &log, why) == PH_ERR_IO);
    CHECK(ph_commit_log_open("file:/proc/nowhere/x", &log, why) == PH_ERR_IO);
    CHECK(ph_commit_log_open("postgresql://u:s3cret@127.0.0.1:1/x", &log, why) == PH_ERR_IO);
    CHECK(strstr(why, "127.0.0.1") && !strstr(why, "s3cret"));
}

TEST(one_writer_per_phat_and_machine)
{
    made_commits_init(&made, 3, 3, 30);
    fresh_folder();
    struct ph_commit_log *log = open_log(), *other = open_log();
    struct ph_commit_writer *w = open_writer(log), *second;
    CHECK(ph_commit_writer_open(other, &made.phat, &second, why) == PH_ERR_CONFLICT);
    ph_commit_writer_close(w);
    CHECK(ph_commit_writer_open(other, &made.phat, &second, why) == PH_OK);
    ph_commit_writer_close(second);
    ph_commit_log_close(log);
    ph_commit_log_close(other);
    made_commits_clear(&made);
}

/* Names of the phat's segments, for tests that damage them. */
static size_t segments(char names[8][80])
{
    size_t cnt = 0;
    DIR *dir = opendir(folder.path);
    CHECK(dir);
    for (const struct dirent *e; (e = readdir(dir)) && cnt < 8;) {
        if (strstr(e->d_name, ".log"))
            (void)snprintf(names[cnt++], 80, "%.79s", e->d_name);
    }
    (void)closedir(dir);
    return cnt;
}

TEST(a_flipped_bit_before_the_last_record_is_damage_and_in_it_a_torn_write)
{
    char names[8][80];
    struct stat st;
    made_commits_init(&made, 4, 6, 4);
    fresh_folder();
    struct ph_commit_log *log = open_log();
    struct ph_commit_writer *w = open_writer(log);
    for (uint64_t i = 1; i <= 6; i++)
        CHECK(append(w, i, i) == PH_OK);
    ph_commit_writer_close(w);
    CHECK(segments(names) == 1);
    const int fd = openat(folder.fd, names[0], O_RDWR);
    CHECK(fd >= 0 && fstat(fd, &st) == 0);
    off_t last_at = 0;
    for (uint64_t i = 1; i < 6; i++)
        last_at += (off_t)made.record[i].len + 16;
    CHECK(last_at < st.st_size);
    for (off_t at = 0; at < last_at; at += at < 40 ? 1 : 1777) {
        uint8_t byte;
        CHECK(pread(fd, &byte, 1, at) == 1);
        byte ^= 0x20;
        CHECK(pwrite(fd, &byte, 1, at) == 1);
        if (ph_commit_writer_open(log, &made.phat, &w, why) != PH_ERR_MALFORMED)
            fail_msg("byte %lld", (long long)at);
        byte ^= 0x20;
        CHECK(pwrite(fd, &byte, 1, at) == 1);
        CHECK(fstat(fd, &st) == 0);
    }
    uint8_t byte = 0x99;
    CHECK(pwrite(fd, &byte, 1, last_at + 100) == 1);
    w = open_writer(log);
    check_range(w, 1, 5);
    CHECK(append(w, 6, 6) == PH_OK);
    check_range(w, 1, 6);
    ph_commit_writer_close(w);
    (void)close(fd);
    ph_commit_log_close(log);
    made_commits_clear(&made);
}

/* One run: appends in groups and truncations, ended by the disk at its n-th change. */
static uint64_t acked, begun, truncated;
static bool run(uint64_t seed, unsigned crash_at, unsigned full_at)
{
    static struct ph_commit_log *log;
    static struct ph_commit_writer *w;
    static uint64_t next, rnd;

    acked = begun = truncated = 0;
    log = open_log();
    w = NULL;
    fault_begin(folder.fd, seed, crash_at, full_at);
    if (setjmp(fault_crash) != 0) {
        fault_power_off();
        ph_commit_writer_close(w);
        ph_commit_log_close(log);
        return true;
    }
    rnd = seed;
    if (ph_commit_writer_open(log, &made.phat, &w, why) != PH_OK) {
        CHECK(full_at > 0);
        fault_end();
        ph_commit_log_close(log);
        return false;
    }
    for (next = 1; next <= made.cnt;) {
        rnd = rnd * 6364136223846793005u + 1442695040888963407u;
        begun = next + (rnd >> 40) % 3;
        if (begun > made.cnt)
            begun = made.cnt;
        const enum ph_err err = append(w, next, begun);
        if (err != PH_OK) {
            CHECK(full_at > 0 && (err == PH_ERR_LIMIT || err == PH_ERR_IO));
            begun = err == PH_ERR_LIMIT ? acked : begun;
            break;
        }
        acked = begun;
        next = begun + 1;
        if ((rnd >> 50) % 4 == 0) {
            truncated = acked > 4 ? acked - 4 : 0;
            if (ph_commit_truncate(w, truncated, why) != PH_OK)
                break;
        }
    }
    ph_commit_writer_close(w);
    fault_end();
    ph_commit_log_close(log);
    return false;
}

/* Whatever was acknowledged is there; of what was begun a prefix may be; nothing else is. */
static void check_after(const char *what, uint64_t seed, unsigned at)
{
    struct ph_commit_log *log = open_log();
    struct ph_commit_writer *w = open_writer(log);
    uint64_t first, last;

    ph_commit_writer_range(w, &first, &last);
    if (last < acked || last > begun || first > (truncated ? truncated : 1))
        fail_msg("%s, seed %llu, change %u: %llu..%llu, acknowledged %llu, begun %llu", what,
                 (unsigned long long)seed, at, (unsigned long long)first, (unsigned long long)last,
                 (unsigned long long)acked, (unsigned long long)begun);
    check_range(w, first, last);
    if (last < made.cnt) { /* and it goes on */
        CHECK(append(w, last + 1, made.cnt) == PH_OK);
        check_range(w, first ? first : last + 1, made.cnt);
    }
    ph_commit_writer_close(w);
    ph_commit_log_close(log);
}

TEST(power_cuts_before_any_change_lose_nothing_that_was_acknowledged)
{
    unsigned runs = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        made_commits_init(&made, seed, 12, 6);
        for (unsigned at = 1;; at++) {
            fresh_folder();
            if (!run(seed * 1000 + at, at, 0))
                break;
            check_after("power cut", seed, at);
            runs++;
        }
        made_commits_clear(&made);
    }
    print_message("# %u power cuts\n", runs);
    CHECK(runs > 800);
}

TEST(a_full_disk_appends_nothing_or_says_that_it_does_not_know)
{
    made_commits_init(&made, 5, 12, 6);
    for (unsigned at = 1; at < 60; at++) {
        fresh_folder();
        (void)run(at, 0, at);
        check_after("full disk", at, at);
    }
    made_commits_clear(&made);
    fresh_folder();
    (void)rmdir(folder.path);
}

static const char *postgres(void)
{
    const char *at = getenv("PHALA_TEST_POSTGRES");
    if (!at)
        SKIP_BECAUSE("PHALA_TEST_POSTGRES names no server");
    return at;
}

TEST(postgresql_keeps_commits_in_order)
{
    (void)snprintf(url, sizeof(url), "%s", postgres());
    made_commits_init(&made, 11, 20, 30);
    memset(made.phat.b, 0x5a, 20);
    behaves();
    made_commits_clear(&made);
}

TEST(of_two_writers_in_postgresql_one_is_finished)
{
    (void)snprintf(url, sizeof(url), "%s", postgres());
    made_commits_init(&made, 12, 40, 10);
    struct ph_commit_log *log = open_log();
    struct ph_commit_writer *a = open_writer(log), *b = open_writer(log);
    uint64_t first, last;

    /* the table has commits up to 14 from the test before: go on from there, twice */
    ph_commit_writer_range(a, &first, &last);
    CHECK(last == 14);
    CHECK(append(b, 15, 16) == PH_OK);
    CHECK(append(a, 15, 15) == PH_ERR_CONFLICT && strstr(why, "another worker"));
    CHECK(append(a, 15, 15) == PH_ERR_CONFLICT); /* for good */
    CHECK(append(b, 17, 17) == PH_OK);
    ph_commit_writer_close(a);
    a = open_writer(log);
    ph_commit_writer_range(a, &first, &last);
    CHECK(last == 17);
    CHECK(append(a, 18, 20) == PH_OK);
    CHECK(append(b, 18, 19) == PH_ERR_CONFLICT); /* several in one transaction too */
    ph_commit_writer_close(a);
    ph_commit_writer_close(b);
    ph_commit_log_close(log);
    made_commits_clear(&made);
}

static void put(struct ph_commit_writer *w, uint64_t key, uint8_t byte)
{
    uint8_t image[PH_STATE_PAGE];
    memset(image, byte, sizeof(image));
    CHECK(ph_commit_pages_put(w, key, image, why) == PH_OK);
}

static enum ph_err begin(struct ph_commit_writer *w, uint64_t index, uint32_t page_cnt)
{
    const struct ph_state_tip tip = {
        .index = index, .page_cnt = page_cnt, .key_epoch = 1, .hash = {{7}}, .root = {{8}}};
    return ph_commit_pages_begin(w, &tip, why);
}

static void check_image(struct ph_commit_writer *w, uint64_t key, int byte)
{
    uint8_t image[PH_STATE_PAGE];
    const enum ph_err err = ph_commit_pages_read(w, key, image, why);
    CHECK(byte < 0 ? err == PH_ERR_NOT_FOUND : err == PH_OK);
    CHECK(byte < 0 || (image[0] == byte && image[PH_STATE_PAGE - 1] == byte));
}

TEST(postgresql_keeps_the_newest_pages_and_refuses_those_of_a_writer_that_is_behind)
{
    const uint64_t node = ph_commit_node_key((struct ph_tree_at){1, 3});
    struct ph_state_tip tip;

    (void)snprintf(url, sizeof(url), "%s", postgres());
    memset(made.phat.b, 0x5b, 20);
    struct ph_commit_log *log = open_log();
    struct ph_commit_writer *a = open_writer(log), *b = open_writer(log);
    CHECK(ph_commit_has_pages(a));
    CHECK(ph_commit_pages_tip(a, &tip, why) == PH_OK && tip.index == 0);
    check_image(a, 0, -1);

    CHECK(begin(a, 4, 300) == PH_OK);
    for (uint64_t i = 0; i < 300; i++) /* more than one statement */
        put(a, i, (uint8_t)i);
    put(a, node, 99);
    CHECK(ph_commit_pages_end(a, why) == PH_OK);
    check_image(b, 299, 299 - 256);
    check_image(b, node, 99);
    CHECK(ph_commit_pages_tip(b, &tip, why) == PH_OK && tip.index == 4 && tip.page_cnt == 300);
    CHECK(tip.hash.b[0] == 7 && tip.root.b[0] == 8 && tip.key_epoch == 1);

    CHECK(begin(b, 6, 200) == PH_OK); /* the database got smaller */
    put(b, 1, 77);
    check_image(a, 1, 1); /* not before the end */
    CHECK(ph_commit_pages_end(b, why) == PH_OK);
    check_image(a, 1, 77);
    check_image(a, 199, 199);
    check_image(a, 200, -1);
    check_image(a, node, 99);

    CHECK(begin(a, 5, 300) == PH_ERR_CONFLICT && strstr(why, "another worker"));
    check_image(a, 1, 77);
    CHECK(begin(a, 6, 200) == PH_OK); /* once more, of the same tip */
    ph_commit_writer_close(a);        /* its end never comes */
    CHECK(ph_commit_pages_tip(b, &tip, why) == PH_OK && tip.index == 6);
    CHECK(begin(b, 7, 200) == PH_OK && ph_commit_pages_end(b, why) == PH_OK);
    ph_commit_writer_close(b);
    ph_commit_log_close(log);
}

PH_TEST_MAIN(CASE(files_keep_commits_in_order), CASE(urls_that_name_no_storage_are_refused),
             CASE(one_writer_per_phat_and_machine),
             CASE(a_flipped_bit_before_the_last_record_is_damage_and_in_it_a_torn_write),
             CASE(power_cuts_before_any_change_lose_nothing_that_was_acknowledged),
             CASE(a_full_disk_appends_nothing_or_says_that_it_does_not_know),
             CASE(postgresql_keeps_commits_in_order),
             CASE(of_two_writers_in_postgresql_one_is_finished),
             CASE(postgresql_keeps_the_newest_pages_and_refuses_those_of_a_writer_that_is_behind))
