/* The second half of project.h: which files the "assets" patterns name. */

#include "base/own.h"
#include "codec/tar.h"
#include "project.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { PATTERNS_MAX = 32 };

/* Wildcards by remembering the last star of each kind: no recursion, and at most
 * len(pattern) * len(path)^2 steps. */
bool ph_glob_match(const char *pattern, const char *path)
{
    const char *star = NULL, *star_at = NULL, *deep = NULL, *deep_at = NULL;
    if (strlen(pattern) > PH_TAR_PATH_MAX)
        return false;
    for (;;) {
        if (pattern[0] == '*' && pattern[1] == '*') {
            pattern += pattern[2] == '/' ? 3 : 2; /* "**" + "/" also means no folder at all */
            deep = pattern;
            deep_at = path;
            star = NULL;
        } else if (*pattern == '*') {
            star = ++pattern;
            star_at = path;
        } else if (*path != '\0' && (*pattern == *path || (*pattern == '?' && *path != '/'))) {
            pattern++;
            path++;
        } else if (*path == '\0' && *pattern == '\0') {
            return true;
        } else if (star != NULL && *star_at != '\0' && *star_at != '/') {
            path = ++star_at;
            pattern = star;
        } else if (deep != NULL && *deep_at != '\0') {
            path = ++deep_at;
            pattern = deep;
            star = NULL;
        } else {
            return false;
        }
    }
}

struct walk {
    const struct ph_project *project;
    const char *patterns[PATTERNS_MAX];
    size_t hits[PATTERNS_MAX], pattern_cnt;
    size_t seen;
    struct ph_assets found;
    struct ph_trouble *trouble;
};

static enum ph_err read_patterns(struct walk *w)
{
    const json_t *assets = json_object_get(w->project->manifest, "assets");
    if (assets == NULL)
        return PH_OK;
    if (!json_is_array(assets) || json_array_size(assets) > PATTERNS_MAX)
        return ph_trouble_set(w->trouble, PH_ERR_MALFORMED, "bad-manifest", "phat.json",
                              "write \"assets\": [\"data/*.json\"]",
                              "assets: expected an array of at most %d patterns", PATTERNS_MAX);
    for (size_t i = 0; i < json_array_size(assets); i++) {
        const char *s = json_string_value(json_array_get(assets, i));
        if (s == NULL || s[0] == '\0' || s[0] == '/' || strlen(s) > PH_TAR_PATH_MAX)
            return ph_trouble_set(w->trouble, PH_ERR_MALFORMED, "bad-manifest", "phat.json",
                                  "patterns are relative to the project's folder",
                                  "assets[%zu]: expected a relative pattern of at most %d bytes", i,
                                  PH_TAR_PATH_MAX);
        w->patterns[w->pattern_cnt++] = s;
    }
    return PH_OK;
}

static enum ph_err take(struct walk *w, const char *path)
{
    bool hit = false;
    for (size_t i = 0; i < w->pattern_cnt; i++) {
        if (ph_glob_match(w->patterns[i], path)) {
            hit = true;
            w->hits[i]++;
        }
    }
    if (!hit || strcmp(path, "phat.json") == 0)
        return PH_OK;
    if (strlen(path) > PH_TAR_PATH_MAX || strcmp(path, "worker.js") == 0 ||
        w->found.cnt == PH_ASSETS_MAX)
        return ph_trouble_set(w->trouble, PH_ERR_LIMIT, "bad-assets", path,
                              "narrow the patterns; the name worker.js is the bundle's own",
                              "this file cannot be an asset: a bundle takes %d files with paths of "
                              "at most %d bytes",
                              PH_ASSETS_MAX, PH_TAR_PATH_MAX);
    char *copy = strdup(path);
    if (copy == NULL)
        return PH_ERR_NOMEM;
    w->found.paths[w->found.cnt++] = copy;
    return PH_OK;
}

/* One folder; sub-folders go on the list of those still to be read. */
static enum ph_err read_folder(struct walk *w, const char *rel, char **todo, size_t *todo_cnt,
                               size_t todo_cap)
{
    struct ph_path full;
    PH_TRY(ph_path_set(&full, "%s/%s", w->project->dir.s, rel));
    DIR *dir = opendir(full.s);
    if (dir == NULL)
        return ph_trouble_set(w->trouble, PH_ERR_IO, "bad-assets", full.s, NULL,
                              "cannot read the folder: %s", strerror(errno));
    enum ph_err err = PH_OK;
    struct dirent *e;
    while (err == PH_OK && (e = readdir(dir)) != NULL) {
        struct ph_path path, abs;
        struct stat st;
        if (e->d_name[0] == '.' || strcmp(e->d_name, "node_modules") == 0)
            continue;
        if (++w->seen > PH_WALK_MAX)
            err = ph_trouble_set(w->trouble, PH_ERR_LIMIT, "bad-assets", w->project->dir.s,
                                 "move the project to a folder of its own",
                                 "more than %d files in the project's folder", PH_WALK_MAX);
        if (err == PH_OK)
            err = ph_path_set(&path, "%s%s%s", rel, rel[0] != '\0' ? "/" : "", e->d_name);
        if (err == PH_OK)
            err = ph_path_set(&abs, "%s/%s", w->project->dir.s, path.s);
        if (err != PH_OK || lstat(abs.s, &st) != 0)
            continue;
        if (S_ISREG(st.st_mode))
            err = take(w, path.s);
        else if (S_ISDIR(st.st_mode) && *todo_cnt < todo_cap &&
                 (todo[*todo_cnt] = strdup(path.s)) != NULL)
            (*todo_cnt)++;
    }
    (void)closedir(dir);
    return err;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum ph_err walk_all(struct walk *w)
{
    enum { FOLDERS_MAX = 4096 };
    char **todo PH_OWNED(ph_freep) = calloc(FOLDERS_MAX, sizeof(*todo));
    if (todo == NULL)
        return PH_ERR_NOMEM;
    size_t cnt = 0;
    enum ph_err err = read_folder(w, "", todo, &cnt, FOLDERS_MAX);
    while (cnt > 0) {
        char *rel PH_OWNED(ph_freep) = todo[--cnt];
        if (err == PH_OK)
            err = read_folder(w, rel, todo, &cnt, FOLDERS_MAX);
    }
    return err;
}

enum ph_err ph_assets_find(const struct ph_project *project, struct ph_assets *out,
                           struct ph_trouble *trouble)
{
    struct walk w = {.project = project, .trouble = trouble};
    ph_trouble_note(trouble, "io", project->dir.s, "cannot look for assets");
    PH_TRY(read_patterns(&w));
    w.found.paths = calloc(PH_ASSETS_MAX, sizeof(*w.found.paths));
    if (w.found.paths == NULL)
        return PH_ERR_NOMEM;
    enum ph_err err = w.pattern_cnt > 0 ? walk_all(&w) : PH_OK;
    for (size_t i = 0; err == PH_OK && i < w.pattern_cnt; i++)
        if (w.hits[i] == 0)
            err = ph_trouble_set(trouble, PH_ERR_NOT_FOUND, "bad-assets", "phat.json",
                                 "correct the pattern or remove it",
                                 "assets[%zu]: \"%s\" names no file", i, w.patterns[i]);
    if (err != PH_OK) {
        ph_assets_clear(&w.found);
        return err;
    }
    if (w.found.cnt > 1)
        qsort(w.found.paths, w.found.cnt, sizeof(*w.found.paths), by_bytes);
    *out = w.found;
    return PH_OK;
}

void ph_assets_clear(struct ph_assets *assets)
{
    for (size_t i = 0; i < assets->cnt; i++)
        free(assets->paths[i]);
    free(assets->paths);
    *assets = (struct ph_assets){0};
}
