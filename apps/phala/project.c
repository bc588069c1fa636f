#include "project.h"

#include "base/own.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

bool ph_name_valid(const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > PH_NAME_MAX || name[0] == '-' || name[len - 1] == '-')
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

/* Make a valid name of a file's or folder's: lower case, other characters become '-'. */
static void name_from(const char *text, size_t len, char out[static PH_NAME_MAX + 1])
{
    size_t n = 0;
    for (size_t i = 0; i < len && n < PH_NAME_MAX; i++) {
        char c = (char)tolower((unsigned char)text[i]);
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (plain)
            out[n++] = c;
        else if (n > 0 && out[n - 1] != '-')
            out[n++] = '-';
    }
    while (n > 0 && out[n - 1] == '-')
        n--;
    out[n] = '\0';
    if (n == 0)
        (void)snprintf(out, PH_NAME_MAX + 1, "phat");
}

static void default_name(const struct ph_project *p, char out[static PH_NAME_MAX + 1])
{
    const char *base = strrchr(p->main, '/') != NULL ? strrchr(p->main, '/') + 1 : p->main;
    size_t stem = strcspn(base, ".");
    static const char *const generic[] = {"worker", "index", "main"};
    for (size_t i = 0; i < PH_LEN(generic); i++) {
        if (strlen(generic[i]) == stem && strncmp(base, generic[i], stem) == 0) {
            const char *dir = strrchr(p->dir.s, '/') + 1;
            name_from(dir, strlen(dir), out);
            return;
        }
    }
    name_from(base, stem, out);
}

static bool is_script(const char *path)
{
    static const char *const ends[] = {".js", ".mjs", ".ts", ".mts", ".jsx", ".tsx"};
    size_t len = strlen(path);
    for (size_t i = 0; i < PH_LEN(ends); i++)
        if (len > strlen(ends[i]) && strcmp(path + len - strlen(ends[i]), ends[i]) == 0)
            return true;
    return false;
}

/* Relative, no "." or ".." segments, no backslash: what a bundle may hold. */
static bool plain_path(const char *path)
{
    if (path[0] == '\0' || path[0] == '/' || strchr(path, '\\') != NULL)
        return false;
    for (const char *s = path; s != NULL; s = strchr(s, '/') != NULL ? strchr(s, '/') + 1 : NULL) {
        size_t n = strcspn(s, "/");
        if (n == 0 || (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
            return false;
    }
    return true;
}

static enum ph_err load_manifest(struct ph_project *p, struct ph_trouble *t)
{
    struct ph_path file;
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_MANIFEST_MAX);
    if (ph_path_set(&file, "%s/phat.json", p->dir.s) != PH_OK)
        return ph_trouble_set(t, PH_ERR_LIMIT, "bad-path", p->dir.s, NULL, "the path is too long");
    enum ph_err err = ph_file_read(file.s, &text);
    if (err == PH_ERR_NOT_FOUND) {
        p->manifest = json_object();
        return p->manifest != NULL ? PH_OK : PH_ERR_NOMEM;
    }
    if (err != PH_OK)
        return ph_trouble_set(t, err, "bad-manifest", file.s,
                              "it is at most 64 KiB and must be readable",
                              "cannot read the manifest: %s", strerror(errno));
    struct ph_json_why why;
    err = ph_json_load(ph_buf_view(&text), PH_MANIFEST_MAX, &p->manifest, &why);
    if (err != PH_OK || !json_is_object(p->manifest))
        return ph_trouble_set(t, PH_ERR_MALFORMED, "bad-manifest", file.s, "fix the JSON",
                              "the manifest is no JSON object: %s",
                              err != PH_OK ? why.text : "another type");
    p->has_manifest = true;
    return PH_OK;
}

static enum ph_err read_members(struct ph_project *p, struct ph_trouble *t)
{
    struct ph_json_why why;
    const char *main_file = NULL, *name = NULL;
    enum ph_err err = ph_json_str(p->manifest, "", "main", 1, 255, &main_file, &why);
    if (err == PH_OK)
        err = ph_json_str(p->manifest, "", "name", 1, PH_NAME_MAX, &name, &why);
    if (err != PH_OK)
        return ph_trouble_set(t, err, "bad-manifest", "phat.json", NULL, "%s", why.text);
    if (p->main[0] == '\0')
        (void)snprintf(p->main, sizeof(p->main), "%s", main_file != NULL ? main_file : "worker.js");
    if (!plain_path(p->main) || !is_script(p->main))
        return ph_trouble_set(t, PH_ERR_MALFORMED, "bad-manifest", "phat.json",
                              "name a .js, .mjs, .ts, .mts, .jsx or .tsx file inside the folder",
                              "main: \"%s\" is no script of this project", p->main);
    if (name == NULL)
        default_name(p, p->name);
    else
        (void)snprintf(p->name, sizeof(p->name), "%s", name);
    if (!ph_name_valid(p->name))
        return ph_trouble_set(t, PH_ERR_MALFORMED, "bad-manifest", "phat.json",
                              "use a-z, 0-9 and inner -, at most 63 characters",
                              "name: \"%s\" is no phat name", p->name);
    return PH_OK;
}

/* Splits a script's path into the project's folder and main. */
static enum ph_err split(const char *path, struct ph_project *p, struct ph_trouble *t)
{
    struct stat st;
    char *full PH_OWNED(ph_freep) = realpath(path, NULL);
    if (full == NULL || stat(full, &st) != 0)
        return ph_trouble_set(t, PH_ERR_NOT_FOUND, "no-project", path,
                              "name a script, or a folder with phat.json or worker.js",
                              "cannot open the project: %s", strerror(errno));
    if (!S_ISDIR(st.st_mode)) {
        char *slash = strrchr(full, '/');
        if (ph_path_set(&p->dir, "%.*s", slash == full ? 1 : (int)(slash - full), full) != PH_OK)
            return PH_ERR_LIMIT;
        (void)snprintf(p->main, sizeof(p->main), "%s", slash + 1);
        return PH_OK;
    }
    return ph_path_set(&p->dir, "%s", full);
}

enum ph_err ph_project_open(const char *path, struct ph_project *out, struct ph_trouble *trouble)
{
    struct ph_project p = {0};
    ph_trouble_note(trouble, "io", path, "cannot open the project");
    enum ph_err err = split(path, &p, trouble);
    if (err == PH_OK)
        err = load_manifest(&p, trouble);
    if (err == PH_OK)
        err = read_members(&p, trouble);
    if (err != PH_OK) {
        ph_project_clear(&p);
        return err;
    }
    *out = p;
    return PH_OK;
}

void ph_project_clear(struct ph_project *project)
{
    json_decref(project->manifest);
    *project = (struct ph_project){0};
}
