/* The second half of files.h: where configuration, templates, daemons and esbuild lie. */

#include "base/own.h"
#include "files.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Relative to the executable's directory, so that an installation can be moved; the build tree has
 * apps/phala/phala below the build directory, which is below the checkout. */
#define ESBUILD_PACKAGE "node_modules/@esbuild/linux-x64/bin/esbuild"

enum ph_err ph_config_dir(struct ph_path *out)
{
    const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (xdg != NULL && xdg[0] == '/')
        return ph_path_set(out, "%s/phala", xdg);
    if (home != NULL && home[0] == '/')
        return ph_path_set(out, "%s/.config/phala", home);
    errno = ENOENT;
    return PH_ERR_NOT_FOUND;
}

static enum ph_err exe_dir(struct ph_path *out)
{
    char link[PH_PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", link, sizeof(link) - 1);
    if (n <= 0)
        return PH_ERR_IO;
    link[n] = '\0';
    *strrchr(link, '/') = '\0';
    return ph_path_set(out, "%s", link);
}

static bool is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_program(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

enum ph_err ph_template_dir(struct ph_path *out)
{
    struct ph_path exe, p;
    PH_TRY(exe_dir(&exe));
    PH_TRY(ph_path_set(&p, "%s/../share/phala/templates", exe.s));
    if (!is_dir(p.s))
        PH_TRY(ph_path_set(&p, "%s/../../../templates", exe.s));
    if (!is_dir(p.s))
        return PH_ERR_NOT_FOUND;
    *out = p;
    return PH_OK;
}

static bool is_file_of_checkout(const char *root, const char *name, struct ph_path *out)
{
    struct ph_path mark;
    struct stat st;
    return ph_path_set(&mark, "%s/contracts/deploy.mjs", root) == PH_OK && stat(mark.s, &st) == 0 &&
           ph_path_set(out, "%s/%s", root, name) == PH_OK && stat(out->s, &st) == 0;
}

enum ph_err ph_checkout_find(const char *name, struct ph_path *out)
{
    struct ph_path exe, dir;
    PH_TRY(exe_dir(&exe));
    PH_TRY(ph_path_set(&dir, "%s/../../..", exe.s));
    if (is_file_of_checkout(dir.s, name, out))
        return PH_OK;
    char *cwd PH_OWNED(ph_freep) = realpath(".", NULL);
    if (cwd == NULL)
        return PH_ERR_NOT_FOUND;
    while (!is_file_of_checkout(cwd, name, out)) {
        char *slash = strrchr(cwd, '/');
        if (slash == NULL)
            return PH_ERR_NOT_FOUND;
        *slash = '\0';
    }
    return PH_OK;
}

enum ph_err ph_program_find(const char *name, struct ph_path *out)
{
    struct ph_path exe, p;
    PH_TRY(exe_dir(&exe));
    PH_TRY(ph_path_set(&p, "%s/%s", exe.s, name));
    if (!is_program(p.s))
        PH_TRY(ph_path_set(&p, "%s/../libexec/phala/%s", exe.s, name));
    if (!is_program(p.s))
        PH_TRY(ph_path_set(&p, "%s/../%s/%s", exe.s, name, name));
    if (!is_program(p.s))
        return PH_ERR_NOT_FOUND;
    *out = p;
    return PH_OK;
}

enum ph_err ph_esbuild_find(const char *project_dir, struct ph_path *out)
{
    struct ph_path p, dir, exe;
    const char *named = getenv("PHALA_ESBUILD");
    if (named != NULL && named[0] != '\0') {
        PH_TRY(ph_path_set(&p, "%s", named));
        if (!is_program(p.s))
            return PH_ERR_NOT_FOUND;
        *out = p;
        return PH_OK;
    }
    char *full PH_OWNED(ph_freep) = realpath(project_dir, NULL);
    if (full == NULL)
        return PH_ERR_NOT_FOUND;
    PH_TRY(ph_path_set(&dir, "%s", full));
    for (;;) {
        PH_TRY(ph_path_set(&p, "%s/" ESBUILD_PACKAGE, dir.s));
        if (is_program(p.s)) {
            *out = p;
            return PH_OK;
        }
        if (dir.s[0] == '\0')
            break;
        *strrchr(dir.s, '/') = '\0';
    }
    PH_TRY(exe_dir(&exe));
    PH_TRY(ph_path_set(&p, "%s/../libexec/phala/esbuild", exe.s));
    if (!is_program(p.s))
        PH_TRY(ph_path_set(&p, "%s/../../../" ESBUILD_PACKAGE, exe.s));
    if (!is_program(p.s))
        return PH_ERR_NOT_FOUND;
    *out = p;
    return PH_OK;
}
