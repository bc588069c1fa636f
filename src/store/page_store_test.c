/* The page store against what its commits say, with the power cut before every change of the disk.
 */

#include "store/page_store.h"

#include "base/own.h"
#include "base/test.h"
#include "store/test_commits.h"
#include "store/test_fault_io.h"
#include "store/test_folder.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

static struct made_commits made;
static struct test_folder folder = {.fd = -1};
static char why[256];

static struct ph_page_store *open_store(void)
{
    struct ph_page_store *s;
    if (ph_page_store_open(folder.fd, &made.phat, NULL, &s, why) != PH_OK)
        fail_msg("%s", why);
    return s;
}

static void apply(struct ph_page_store *s, uint64_t i)
{
    CHECK(ph_page_store_apply(s, ph_buf_view(&made.record[i])) == PH_OK);
}

/* The store is at commit i, page for page. */
static void check_at(struct ph_page_store *s, uint64_t i)
{
    struct ph_state_tip tip;
    uint8_t page[PH_STATE_PAGE];

    ph_page_store_tip(s, &tip);
    CHECK(memcmp(&tip, &made.tip[i], sizeof(tip)) == 0);
    for (uint32_t p = 0; p < tip.page_cnt; p++) {
        if (made.writer[i][p] == 0)
            continue;
        CHECK(ph_page_store_page(s, p, page) == PH_OK);
        const uint8_t want = made_byte(made.writer[i][p], p);
        for (size_t k = 0; k < PH_STATE_PAGE; k += 511)
            CHECK(page[k] == want);
        CHECK(page[PH_STATE_PAGE - 1] == want);
    }
    CHECK(ph_page_store_page(s, tip.page_cnt, page) == PH_ERR_NOT_FOUND);
}

static enum ph_err from_store(void *ctx, struct ph_tree_at at, uint8_t out[static PH_TREE_NODE])
{
    return ph_page_store_node(ctx, at, out);
}

/* The nodes it serves are those of the tip: a tree over them takes every entry. */
static void check_nodes(struct ph_page_store *s)
{
    struct ph_state_tip tip;
    struct ph_tree_entry entry;
    struct ph_tree *tree;

    ph_page_store_tip(s, &tip);
    CHECK(ph_tree_open(&tip, from_store, s, 16, &tree) == PH_OK);
    for (uint32_t p = 0; p < tip.page_cnt; p++) {
        CHECK(ph_tree_get(tree, p, &entry) == PH_OK);
        CHECK(entry.index == made.writer[tip.index][p]);
    }
    ph_tree_free(tree);
}

TEST(commits_are_applied_checkpointed_and_found_again)
{
    made_commits_init(&made, 7, 40, 60);
    test_folder_fresh(&folder);
    struct ph_page_store *s = open_store();
    for (uint64_t i = 1; i <= made.cnt; i++) {
        apply(s, i);
        check_at(s, i);
        check_nodes(s);
        if (i % 5 == 0) {
            CHECK(ph_page_store_checkpoint(s, why) == PH_OK);
            CHECK(ph_page_store_pending(s) == 0);
            check_at(s, i);
        }
        if (i % 10 == 0) {
            ph_page_store_close(s);
            s = open_store();
            check_at(s, i);
            check_nodes(s);
        }
    }
    ph_page_store_close(s);
    made_commits_clear(&made);
}

TEST(commits_out_of_order_or_altered_are_refused)
{
    made_commits_init(&made, 8, 4, 20);
    test_folder_fresh(&folder);
    struct ph_page_store *s = open_store();
    CHECK(ph_page_store_apply(s, ph_buf_view(&made.record[2])) == PH_ERR_UNTRUSTED);
    apply(s, 1);
    CHECK(ph_page_store_apply(s, ph_buf_view(&made.record[1])) == PH_ERR_UNTRUSTED);
    CHECK(ph_page_store_apply(s, ph_buf_view(&made.record[3])) == PH_ERR_UNTRUSTED);
    apply(s, 2);
    check_at(s, 2);
    made.record[3].ptr[152] ^= 1; /* another root than its pages give */
    CHECK(ph_page_store_apply(s, ph_buf_view(&made.record[3])) == PH_ERR_UNTRUSTED);
    CHECK(ph_page_store_checkpoint(s, why) != PH_OK && strstr(why, "opened again"));
    ph_page_store_close(s);
    made_commits_clear(&made);
}

TEST(damaged_files_are_refused_and_a_replay_mends_them)
{
    static const char *const kinds[] = {"tip", "nodes"};
    made_commits_init(&made, 9, 10, 40);
    for (size_t k = 0; k < PH_LEN(kinds); k++) {
        char name[64];
        test_folder_fresh(&folder);
        struct ph_page_store *s = open_store();
        for (uint64_t i = 1; i <= 10; i++)
            apply(s, i);
        CHECK(ph_page_store_checkpoint(s, why) == PH_OK);
        ph_page_store_close(s);
        (void)snprintf(name, sizeof(name), "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a.%s", kinds[k]);
        const int fd = openat(folder.fd, name, O_RDWR);
        const off_t at = k == 0 ? 20 : 5 * 4096L - 4096L * 0 + 0;
        struct stat st;
        CHECK(fd >= 0 && fstat(fd, &st) == 0);
        /* of the nodes: every byte, so the top is hit wherever it lies */
        uint8_t junk[4096];
        memset(junk, 0x77, sizeof(junk));
        if (k == 0)
            CHECK(pwrite(fd, junk, 1, at) == 1);
        else
            for (off_t o = 0; o < st.st_size; o += 4096)
                CHECK(pwrite(fd, junk, 1, o) == 1);
        (void)close(fd);
        CHECK(ph_page_store_open(folder.fd, &made.phat, NULL, &s, why) == PH_ERR_MALFORMED);
        CHECK(strstr(why, "remove them"));
    }
    made_commits_clear(&made);
}

/* One run: commits and checkpoints, ended by the disk at its n-th change. */
static uint64_t checkpointed;
static struct ph_page_store *running;
static bool run(uint64_t seed, unsigned crash_at, unsigned full_at)
{
    checkpointed = 0;
    running = NULL;
    fault_begin(folder.fd, seed, crash_at, full_at);
    if (setjmp(fault_crash) != 0) {
        fault_power_off();
        ph_page_store_close(running); /* memory only: the disk is off */
        return true;
    }
    if (ph_page_store_open(folder.fd, &made.phat, NULL, &running, why) != PH_OK) {
        CHECK(full_at > 0);
        fault_end();
        return false;
    }
    for (uint64_t i = 1; i <= made.cnt; i++) {
        apply(running, i);
        if (i % 3 == 0) {
            const enum ph_err err = ph_page_store_checkpoint(running, why);
            if (err != PH_OK) {
                CHECK(full_at > 0 && strstr(why, "space"));
                break;
            }
            checkpointed = i;
        }
    }
    ph_page_store_close(running);
    fault_end();
    return false;
}

TEST(power_cuts_before_any_change_leave_the_last_checkpoint_or_the_one_begun)
{
    unsigned runs = 0;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        made_commits_init(&made, seed, 9, 25);
        for (unsigned at = 1;; at++) {
            test_folder_fresh(&folder);
            if (!run(seed * 1000 + at, at, 0))
                break;
            runs++;
            struct ph_page_store *s = open_store();
            struct ph_state_tip tip;
            ph_page_store_tip(s, &tip);
            if (tip.index != checkpointed && tip.index != checkpointed + 3)
                fail_msg("seed %llu, change %u: at %llu, checkpoint %llu", (unsigned long long)seed,
                         at, (unsigned long long)tip.index, (unsigned long long)checkpointed);
            for (uint64_t i = tip.index + 1; i <= made.cnt; i++) /* the log has the rest */
                apply(s, i);
            check_at(s, made.cnt);
            check_nodes(s);
            CHECK(ph_page_store_checkpoint(s, why) == PH_OK);
            ph_page_store_close(s);
            s = open_store();
            check_at(s, made.cnt);
            ph_page_store_close(s);
        }
        made_commits_clear(&made);
    }
    print_message("# %u power cuts\n", runs);
    CHECK(runs > 300);
}

TEST(a_full_disk_loses_nothing)
{
    made_commits_init(&made, 5, 9, 25);
    for (unsigned at = 1; at < 80; at++) {
        test_folder_fresh(&folder);
        (void)run(at, 0, at);
        struct ph_page_store *s = open_store(); /* the disk has room again */
        struct ph_state_tip tip;
        ph_page_store_tip(s, &tip);
        CHECK(tip.index == checkpointed || tip.index == checkpointed + 3);
        for (uint64_t i = tip.index + 1; i <= made.cnt; i++)
            apply(s, i);
        check_at(s, made.cnt);
        ph_page_store_close(s);
    }
    made_commits_clear(&made);
    test_folder_fresh(&folder);
    (void)rmdir(folder.path);
}

PH_TEST_MAIN(CASE(commits_are_applied_checkpointed_and_found_again),
             CASE(commits_out_of_order_or_altered_are_refused),
             CASE(damaged_files_are_refused_and_a_replay_mends_them),
             CASE(power_cuts_before_any_change_leave_the_last_checkpoint_or_the_one_begun),
             CASE(a_full_disk_loses_nothing))
