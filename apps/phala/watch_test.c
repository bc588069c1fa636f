#include "watch.h"

#include "base/own.h"
#include "base/test.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static char root[64];

static void put(const char *name)
{
    struct ph_path path;
    CHECK(ph_path_set(&path, "%s/%s", root, name) == PH_OK);
    FILE *f = fopen(path.s, "w");
    assert_non_null(f);
    CHECK(fputs("x", f) >= 0 && fclose(f) == 0);
}

static void make(const char *name)
{
    struct ph_path path;
    CHECK(ph_path_set(&path, "%s/%s", root, name) == PH_OK && mkdir(path.s, 0700) == 0);
}

/* inotify queues an event before the call that caused it returns. */
static bool changed(struct ph_watch *w)
{
    return ph_watch_changed(w);
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(root, sizeof(root), "/tmp/phala-watch-XXXXXX");
    return mkdtemp(root) != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    ph_dir_remove(root);
    return 0;
}

TEST(a_saved_file_is_seen_in_every_folder)
{
    struct ph_watch w;
    make("lib");
    make("lib/deep");
    CHECK(ph_watch_open(root, &w) == PH_OK);
    CHECK(!changed(&w));
    put("worker.js");
    CHECK(changed(&w));
    CHECK(!changed(&w));
    put("lib/deep/x.js");
    CHECK(changed(&w));
    ph_watch_close(&w);
}

TEST(a_folder_made_later_is_watched_too)
{
    struct ph_watch w;
    CHECK(ph_watch_open(root, &w) == PH_OK);
    make("later");
    CHECK(changed(&w));
    put("later/y.js");
    CHECK(changed(&w));
    ph_watch_close(&w);
}

TEST(what_cannot_change_a_bundle_is_ignored)
{
    struct ph_watch w;
    make("node_modules");
    make(".git");
    CHECK(ph_watch_open(root, &w) == PH_OK);
    put("node_modules/a.js");
    put(".git/b");
    put(".worker.js.swp");
    put("worker.js~");
    CHECK(!changed(&w));
    ph_watch_close(&w);
}

TEST(a_rename_over_the_file_is_a_save)
{
    struct ph_watch w;
    struct ph_path path;
    put("worker.js");
    CHECK(ph_path_set(&path, "%s/worker.js", root) == PH_OK);
    CHECK(ph_watch_open(root, &w) == PH_OK);
    CHECK(ph_file_write(path.s, PH_BYTES_LIT("new"), 0644) == PH_OK);
    CHECK(changed(&w));
    ph_watch_close(&w);
}

#define WITH_FOLDER(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
PH_TEST_MAIN(WITH_FOLDER(a_saved_file_is_seen_in_every_folder),
             WITH_FOLDER(a_folder_made_later_is_watched_too),
             WITH_FOLDER(what_cannot_change_a_bundle_is_ignored),
             WITH_FOLDER(a_rename_over_the_file_is_a_save))
