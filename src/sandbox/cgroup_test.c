#include "sandbox/cgroup.h"

#include "base/own.h"
#include "base/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

/* Which files are written, on a plain directory that has the kernel's files: hosts without cgroup
 * v2 controllers run this too. What the kernel makes of them is shown by the memory test of
 * phala-run where the layer is in force. */

static char root[] = "/tmp/phala-cgroup-XXXXXX";

static void put(const char *name, const char *text)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", root, name);
    FILE *f = fopen(path, "w");
    CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static bool holds(const char *name, const char *text)
{
    char path[256], got[256] = "";
    (void)snprintf(path, sizeof(path), "%s/%s", root, name);
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    const size_t n = fread(got, 1, sizeof(got) - 1, f);
    (void)fclose(f);
    got[n] = '\0';
    return strcmp(got, text) == 0;
}

static void make_instance_files(void)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/phat-7", root);
    CHECK(mkdir(path, 0755) == 0);
    put("phat-7/memory.max", "");
    put("phat-7/memory.oom.group", "");
    put("phat-7/pids.max", "");
    put("phat-7/cgroup.procs", "");
}

TEST(an_instance_gets_its_limits_and_then_itself)
{
    struct ph_cgroup cg = {.dir = -1};
    char why[64] = "";

    CHECK(mkdtemp(root));
    int dir PH_OWNED(ph_closep) = open(root, O_RDONLY | O_DIRECTORY);
    CHECK(dir >= 0);

    CHECK(ph_cgroup_delegate(dir, &cg, why) == PH_ERR_UNSUPPORTED && cg.dir == -1);
    CHECK(strcmp(why, "no cgroup v2") == 0);
    put("cgroup.controllers", "cpu memorystat pids\n");
    CHECK(ph_cgroup_delegate(dir, &cg, why) == PH_ERR_UNSUPPORTED && cg.dir == -1);
    put("cgroup.controllers", "cpu memory pids\n");
    CHECK(ph_cgroup_delegate(dir, &cg, why) == PH_ERR_UNSUPPORTED && cg.dir == -1);
    CHECK(strcmp(why, "own cgroup is not delegated") == 0);
    put("cgroup.subtree_control", "");
    CHECK(ph_cgroup_delegate(dir, &cg, why) == PH_OK && cg.dir >= 0);
    CHECK(holds("cgroup.subtree_control", "+memory +pids"));

    make_instance_files();
    CHECK(ph_cgroup_join(&cg, 7, 128) == PH_OK);
    CHECK(holds("phat-7/memory.max", "134217728") && holds("phat-7/memory.oom.group", "1"));
    CHECK(holds("phat-7/pids.max", "64") && holds("phat-7/cgroup.procs", "0"));
    CHECK(ph_cgroup_limit(&cg, 7, 256) == PH_OK && holds("phat-7/memory.max", "268435456"));
    /* A limit that cannot be set is no limit. */
    CHECK(ph_cgroup_limit(&cg, 9, 256) == PH_ERR_IO);
    CHECK(ph_cgroup_join(&cg, 8, 128) == PH_ERR_IO);
    ph_cgroup_remove(&cg, 8);
    CHECK(faccessat(cg.dir, "phat-8", F_OK, 0) != 0);
    (void)close(cg.dir);

    char command[300];
    (void)snprintf(command, sizeof(command), "rm -r %s", root);
    CHECK(system(command) == 0);
}

PH_TEST_MAIN(CASE(an_instance_gets_its_limits_and_then_itself))
