#include "watch.h"

#include "base/own.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>

enum {
    EVENTS = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_ONLYDIR |
             IN_DONT_FOLLOW,
};

static bool ignored(const char *name)
{
    size_t len = strlen(name);
    return name[0] == '.' || strcmp(name, "node_modules") == 0 ||
           (len > 0 && name[len - 1] == '~') ||
           strcmp(name, "4913") == 0; /* the file by which vim tries whether it may write */
}

static enum ph_err add_one(struct ph_watch *w, const char *path)
{
    if (w->dir_cnt == PH_WATCH_DIRS_MAX) {
        w->full = true;
        return PH_OK;
    }
    int wd = inotify_add_watch(w->fd, path, EVENTS);
    if (wd < 0)
        return errno == ENOENT || errno == ENOTDIR ? PH_OK : PH_ERR_IO; /* gone again */
    for (size_t i = 0; i < w->dir_cnt; i++)
        if (w->dirs[i].wd == wd)
            return PH_OK;
    char *copy = strdup(path);
    if (copy == NULL)
        return PH_ERR_NOMEM;
    w->dirs[w->dir_cnt].wd = wd;
    w->dirs[w->dir_cnt++].path = copy;
    return PH_OK;
}

/* The folder and all below: the list itself is the queue of folders still to be read. */
static enum ph_err add_tree(struct ph_watch *w, const char *root)
{
    size_t next = w->dir_cnt;
    PH_TRY(add_one(w, root));
    for (; next < w->dir_cnt; next++) {
        DIR *dir = opendir(w->dirs[next].path);
        if (dir == NULL)
            continue;
        enum ph_err err = PH_OK;
        struct dirent *e;
        while (err == PH_OK && (e = readdir(dir)) != NULL) {
            struct ph_path path;
            struct stat st;
            if (!ignored(e->d_name) &&
                ph_path_set(&path, "%s/%s", w->dirs[next].path, e->d_name) == PH_OK &&
                lstat(path.s, &st) == 0 && S_ISDIR(st.st_mode))
                err = add_one(w, path.s);
        }
        (void)closedir(dir);
        PH_TRY(err);
    }
    return PH_OK;
}

enum ph_err ph_watch_open(const char *dir, struct ph_watch *out)
{
    struct ph_watch w = {.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
    if (w.fd < 0)
        return PH_ERR_IO;
    enum ph_err err = add_tree(&w, dir);
    if (err != PH_OK) {
        ph_watch_close(&w);
        return err;
    }
    *out = w;
    return PH_OK;
}

static void forget(struct ph_watch *w, int wd)
{
    for (size_t i = 0; i < w->dir_cnt; i++) {
        if (w->dirs[i].wd != wd)
            continue;
        free(w->dirs[i].path);
        w->dirs[i] = w->dirs[--w->dir_cnt];
        return;
    }
}

static bool one_event(struct ph_watch *w, const struct inotify_event *e, const char *name)
{
    if ((e->mask & IN_Q_OVERFLOW) != 0)
        return true;
    if ((e->mask & IN_IGNORED) != 0) {
        forget(w, e->wd);
        return false;
    }
    if (ignored(name))
        return false;
    if ((e->mask & IN_ISDIR) == 0)
        return (e->mask & IN_CREATE) == 0; /* its close will tell */
    for (size_t i = 0; i < w->dir_cnt; i++) {
        struct ph_path path;
        if (w->dirs[i].wd != e->wd)
            continue;
        if ((e->mask & (IN_CREATE | IN_MOVED_TO)) != 0 &&
            ph_path_set(&path, "%s/%s", w->dirs[i].path, name) == PH_OK)
            (void)add_tree(w, path.s); /* without it only this new folder goes unseen */
        break;
    }
    return true;
}

bool ph_watch_changed(struct ph_watch *watch)
{
    _Alignas(struct inotify_event) uint8_t raw[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)];
    bool changed = false;
    for (;;) {
        ssize_t n = read(watch->fd, raw, sizeof(raw));
        if (n <= 0)
            return changed;
        struct ph_reader r = {{raw, (size_t)n}};
        struct inotify_event e;
        struct ph_bytes name;
        while (ph_read_copy(&r, &e, sizeof(e)) && ph_read_view(&r, e.len, &name)) {
            char text[NAME_MAX + 1] = "";
            if (name.len > 0) /* padded with NULs by the kernel */
                (void)snprintf(text, sizeof(text), "%.*s", (int)name.len, (const char *)name.ptr);
            changed = one_event(watch, &e, text) || changed;
        }
    }
}

void ph_watch_close(struct ph_watch *watch)
{
    for (size_t i = 0; i < watch->dir_cnt; i++)
        free(watch->dirs[i].path);
    watch->dir_cnt = 0;
    if (watch->fd >= 0)
        (void)close(watch->fd);
    watch->fd = -1;
}
