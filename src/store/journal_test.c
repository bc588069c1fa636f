/* The journal: what was made durable is there after the power was cut before any change of the
 * disk, in order, and nothing that was never added. */

#include "store/journal.h"

#include "base/own.h"
#include "base/test.h"
#include "store/test_fault_io.h"
#include "store/test_folder.h"

#include <fcntl.h>
#include <stdlib.h>

static struct test_folder folder = {.fd = -1};
static char seen[4096]; /* records, each with a comma behind it */

static enum ph_err take(void *ctx, struct ph_bytes record)
{
    const size_t at = strlen(seen);

    (void)ctx;
    CHECK(at + record.len + 2 < sizeof(seen));
    memcpy(seen + at, record.ptr, record.len);
    memcpy(seen + at + record.len, ",", 2);
    return PH_OK;
}

static enum ph_err open_it(struct ph_journal **out)
{
    seen[0] = '\0';
    return ph_journal_open(folder.fd, "j", take, NULL, out);
}

static void add(struct ph_journal *j, const char *text)
{
    CHECK(ph_journal_add(j, ph_bytes_str(text)) == PH_OK);
}

TEST(records_come_back_in_order)
{
    struct ph_journal *j = NULL;

    test_folder_fresh(&folder);
    CHECK(open_it(&j) == PH_OK);
    assert_string_equal(seen, "");
    add(j, "one");
    add(j, "two");
    CHECK(ph_journal_sync(j) == PH_OK);
    add(j, "three");
    CHECK(ph_journal_sync(j) == PH_OK && ph_journal_sync(j) == PH_OK);
    add(j, "never durable");
    ph_journal_close(j);
    CHECK(open_it(&j) == PH_OK);
    assert_string_equal(seen, "one,two,three,");
    add(j, "four");
    CHECK(ph_journal_sync(j) == PH_OK);
    ph_journal_close(j);
    CHECK(open_it(&j) == PH_OK);
    assert_string_equal(seen, "one,two,three,four,");
    ph_journal_close(j);
}

static enum ph_err fill(void *ctx, struct ph_journal *to)
{
    (void)ctx;
    add(to, "all");
    add(to, "that counts");
    return PH_OK;
}

static enum ph_err give_up(void *ctx, struct ph_journal *to)
{
    (void)ctx;
    add(to, "half");
    return PH_ERR_NOMEM;
}

TEST(a_rewritten_journal_has_the_new_records_and_takes_more)
{
    struct ph_journal *j = NULL;

    test_folder_fresh(&folder);
    CHECK(open_it(&j) == PH_OK);
    add(j, "old");
    CHECK(ph_journal_sync(j) == PH_OK);
    const uint64_t before = ph_journal_size(j);
    CHECK(ph_journal_rewrite(j, give_up, NULL) == PH_ERR_NOMEM && ph_journal_size(j) == before);
    CHECK(ph_journal_rewrite(j, fill, NULL) == PH_OK);
    add(j, "more");
    CHECK(ph_journal_sync(j) == PH_OK);
    ph_journal_close(j);
    CHECK(open_it(&j) == PH_OK);
    assert_string_equal(seen, "all,that counts,more,");
    ph_journal_close(j);
}

TEST(a_file_of_another_kind_is_left_alone)
{
    struct ph_journal *j = NULL;

    test_folder_fresh(&folder);
    const int fd = openat(folder.fd, "j", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && write(fd, "PHJRNL0\n", 8) == 8 && close(fd) == 0);
    CHECK(open_it(&j) == PH_ERR_MALFORMED && !j);
}

TEST(records_over_the_limit_or_empty_are_refused)
{
    struct ph_journal *j = NULL;
    uint8_t *big = calloc(1, PH_JOURNAL_RECORD_MAX + 1);

    test_folder_fresh(&folder);
    CHECK(big && open_it(&j) == PH_OK);
    CHECK(ph_journal_add(j, (struct ph_bytes){big, PH_JOURNAL_RECORD_MAX + 1}) == PH_ERR_LIMIT);
    CHECK(ph_journal_add(j, (struct ph_bytes){0}) == PH_ERR_LIMIT);
    CHECK(ph_journal_add(j, (struct ph_bytes){big, PH_JOURNAL_RECORD_MAX}) == PH_OK);
    ph_journal_close(j);
    free(big);
}

/* What a run has promised, before the power went. */
static unsigned durable;
static bool rewritten;
static struct ph_journal *running;

static void run(void)
{
    char text[8];

    if (open_it(&running) != PH_OK)
        return;
    for (unsigned i = 1; i <= 6; i++) {
        (void)snprintf(text, sizeof(text), "r%u", i);
        add(running, text);
        if (ph_journal_sync(running) == PH_OK)
            durable = i;
        if (i == 4 && ph_journal_rewrite(running, fill, NULL) == PH_OK)
            rewritten = true;
    }
}

/* The records after a crash: those of before the rewrite or those of after it, whole, and at least
 * what was promised. */
static void check_seen(void)
{
    static const char *const states[] = {
        "",
        "r1,",
        "r1,r2,",
        "r1,r2,r3,",
        "r1,r2,r3,r4,",
        "all,that counts,",
        "all,that counts,r5,",
        "all,that counts,r5,r6,",
    };
    size_t at = 0;

    while (at < PH_LEN(states) && strcmp(states[at], seen) != 0)
        at++;
    if (at == PH_LEN(states))
        fail_msg("after the crash: %s", seen);
    CHECK(at >= durable && (!rewritten || at >= 5));
}

/* Whether the run came to its end. */
static bool run_until(uint64_t seed, unsigned crash_at)
{
    test_folder_fresh(&folder);
    running = NULL;
    durable = 0;
    rewritten = false;
    fault_begin(folder.fd, seed, crash_at, 0);
    if (setjmp(fault_crash) != 0) {
        fault_power_off();
        return false;
    }
    run();
    fault_end();
    return true;
}

TEST(what_is_durable_outlives_a_power_cut_anywhere)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        unsigned crash_at = 1;
        for (bool over = false; !over; crash_at++) {
            over = run_until(seed, crash_at);
            ph_journal_close(running);
            CHECK(open_it(&running) == PH_OK);
            check_seen();
            ph_journal_close(running);
        }
        CHECK(crash_at > 12);
    }
}

PH_TEST_MAIN(CASE(records_come_back_in_order),
             CASE(a_rewritten_journal_has_the_new_records_and_takes_more),
             CASE(a_file_of_another_kind_is_left_alone),
             CASE(records_over_the_limit_or_empty_are_refused),
             CASE(what_is_durable_outlives_a_power_cut_anywhere))
