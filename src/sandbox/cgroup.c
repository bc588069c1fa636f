#include "sandbox/cgroup.h"

#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

enum {
    TASKS_MAX = 64, /* main, collector and compiler threads of one engine, with room */
};

static bool write_at(int dir, const char *path, const char *text)
{
    int fd PH_OWNED(ph_closep) = openat(dir, path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    const size_t len = strlen(text);
    return write(fd, text, len) == (ssize_t)len;
}

static bool read_at(int dir, const char *path, char *out, size_t cap)
{
    int fd PH_OWNED(ph_closep) = openat(dir, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    size_t len = 0;
    for (;;) {
        const ssize_t n = read(fd, out + len, cap - 1 - len);
        if (n < 0)
            return false;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    out[len] = '\0';
    return true;
}

static bool has_word(const char *list, const char *word)
{
    const size_t len = strlen(word);

    for (const char *at = list; (at = strstr(at, word)); at += len) {
        const char after = at[len];
        if ((at == list || at[-1] == ' ') && (after == ' ' || after == '\n' || after == '\0'))
            return true;
    }
    return false;
}

static bool move_own_processes(int dir)
{
    static char procs[64 * 1024];

    if (mkdirat(dir, "phala-main", 0755) != 0 && errno != EEXIST)
        return false;
    if (!read_at(dir, "cgroup.procs", procs, sizeof(procs)))
        return false;
    char *save = NULL;
    for (char *pid = strtok_r(procs, "\n", &save); pid; pid = strtok_r(NULL, "\n", &save)) {
        /* A process that has gone since is no failure. */
        if (!write_at(dir, "phala-main/cgroup.procs", pid) && errno != ESRCH)
            return false;
    }
    return true;
}

static enum ph_err unsupported(char why[static 64], const char *reason)
{
    (void)snprintf(why, 64, "%s", reason);
    return PH_ERR_UNSUPPORTED;
}

enum ph_err ph_cgroup_delegate(int dir, struct ph_cgroup *out, char why[static 64])
{
    static const char both[] = "+memory +pids";
    char controllers[1024];

    if (!read_at(dir, "cgroup.controllers", controllers, sizeof(controllers)))
        return unsupported(why, "no cgroup v2");
    if (!has_word(controllers, "memory") || !has_word(controllers, "pids"))
        return unsupported(why, "cgroup v2 without memory and pids controllers");
    if (!write_at(dir, "cgroup.subtree_control", both) &&
        (errno != EBUSY || !move_own_processes(dir) ||
         !write_at(dir, "cgroup.subtree_control", both)))
        return unsupported(why, "own cgroup is not delegated");

    const int own = fcntl(dir, F_DUPFD_CLOEXEC, 0);
    if (own < 0)
        return unsupported(why, "out of descriptors");
    out->dir = own;
    return PH_OK;
}

/* Mount point of the cgroup2 file system, from /proc/self/mountinfo: the fifth field of the line
 * whose type, after " - ", is cgroup2. */
static bool find_mount(char *out, size_t cap)
{
    FILE *f = fopen("/proc/self/mountinfo", "re");
    if (!f)
        return false;
    char line[4096];
    bool found = false;
    while (!found && fgets(line, sizeof(line), f)) {
        const char *type = strstr(line, " - ");
        char *save = NULL;
        const char *field = strtok_r(line, " ", &save);
        for (int i = 1; i < 5 && field; i++)
            field = strtok_r(NULL, " ", &save);
        found = type && strncmp(type, " - cgroup2 ", 11) == 0 && field && strlen(field) < cap;
        if (found)
            (void)snprintf(out, cap, "%s", field);
    }
    (void)fclose(f);
    return found;
}

/* Own path in that file system: the line "0::/path". */
static bool find_own(char *out, size_t cap)
{
    FILE *f = fopen("/proc/self/cgroup", "re");
    if (!f)
        return false;
    char line[2048];
    bool found = false;
    while (!found && fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = '\0';
        found = strncmp(line, "0::", 3) == 0 && strlen(line + 3) < cap;
    }
    (void)fclose(f);
    if (found)
        (void)snprintf(out, cap, "%s", line + 3);
    return found;
}

enum ph_err ph_cgroup_open(struct ph_cgroup *out, char why[static 64])
{
    char mount[1024], own[2000], path[4096];

    if (!find_mount(mount, sizeof(mount)) || !find_own(own, sizeof(own)))
        return unsupported(why, "no cgroup v2");
    (void)snprintf(path, sizeof(path), "%s%s", mount, own);
    int dir PH_OWNED(ph_closep) = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return unsupported(why, "own cgroup is not visible");
    return ph_cgroup_delegate(dir, out, why);
}

static void name_of(char out[static 32], uint32_t slot)
{
    (void)snprintf(out, 32, "phat-%u", slot);
}

static bool set_memory(int dir, uint32_t memory_mib)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)memory_mib << 20);
    return write_at(dir, "memory.max", text);
}

enum ph_err ph_cgroup_limit(const struct ph_cgroup *cgroup, uint32_t slot, uint32_t memory_mib)
{
    char name[32];

    name_of(name, slot);
    int dir PH_OWNED(ph_closep) = openat(cgroup->dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir >= 0 && set_memory(dir, memory_mib) ? PH_OK : PH_ERR_IO;
}

enum ph_err ph_cgroup_join(const struct ph_cgroup *cgroup, uint32_t slot, uint32_t memory_mib)
{
    char name[32], text[32];

    name_of(name, slot);
    if (mkdirat(cgroup->dir, name, 0755) != 0 && errno != EEXIST)
        return PH_ERR_IO;
    int dir PH_OWNED(ph_closep) = openat(cgroup->dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return PH_ERR_IO;
    if (!set_memory(dir, memory_mib))
        return PH_ERR_IO;
    /* Absent on a kernel without swap accounting: then there is nothing to turn off. */
    if (!write_at(dir, "memory.swap.max", "0") && errno != ENOENT)
        return PH_ERR_IO;
    if (!write_at(dir, "memory.oom.group", "1"))
        return PH_ERR_IO;
    (void)snprintf(text, sizeof(text), "%d", TASKS_MAX);
    if (!write_at(dir, "pids.max", text) || !write_at(dir, "cgroup.procs", "0"))
        return PH_ERR_IO;
    return PH_OK;
}

void ph_cgroup_remove(const struct ph_cgroup *cgroup, uint32_t slot)
{
    char name[32];

    name_of(name, slot);
    if (cgroup->dir >= 0)
        (void)unlinkat(cgroup->dir, name, AT_REMOVEDIR);
}
