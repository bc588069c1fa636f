/* phala init */

#include "cli.h"
#include "project.h"

#include "base/own.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

static const struct ph_opt opts[] = {
    {"template", 't', "NAME", "template to start from (default: hello)"},
    {"list", 'l', NULL, "list the templates"},
    {0},
};
static const struct ph_opt *const tables[] = {opts, ph_opts_common, NULL};

enum { FILES_MAX = 64, FILE_MAX = 4 << 20 };

/* The first line of a template's README without its mark: what --list shows. */
static void describe(const char *dir, const char *name, char out[static 200])
{
    struct ph_path path;
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(FILE_MAX);
    out[0] = '\0';
    if (ph_path_set(&path, "%s/%s/README.md", dir, name) != PH_OK ||
        ph_file_read(path.s, &text) != PH_OK || text.len == 0)
        return;
    const uint8_t *end = memchr(text.ptr, '\n', text.len);
    struct ph_bytes line = {text.ptr, end != NULL ? (size_t)(end - text.ptr) : text.len};
    while (line.len > 0 && (line.ptr[0] == '#' || line.ptr[0] == ' '))
        line = (struct ph_bytes){line.ptr + 1, line.len - 1};
    (void)snprintf(out, 200, "%.*s", (int)(line.len < 190 ? line.len : 190),
                   (const char *)line.ptr);
}

static int list_templates(const struct ph_cli *cli, const char *dir)
{
    struct dirent **entries = NULL;
    int cnt = scandir(dir, &entries, NULL, alphasort);
    json_t *list = json_array();
    if (cnt < 0)
        return ph_fail(cli, "no-templates", dir, NULL, "cannot list: %s", strerror(errno));
    for (int i = 0; i < cnt; i++) {
        const char *name = entries[i]->d_name;
        char text[200];
        if (ph_name_valid(name)) {
            describe(dir, name, text);
            (void)json_array_append_new(list,
                                        json_pack("{s:s,s:s}", "name", name, "description", text));
            if (!cli->json)
                printf("%-16s %s\n", name, text);
        }
        free(entries[i]);
    }
    free(entries);
    if (cli->json)
        return ph_print_json(json_pack("{s:b,s:o}", "ok", 1, "templates", list));
    json_decref(list);
    return PH_EXIT_OK;
}

/* phat.json with the template's name replaced; the rest keeps its form, comments of layout and all.
 */
static enum ph_err renamed(struct ph_bytes text, const char *from, const char *to,
                           struct ph_buf *out)
{
    char old[100];
    (void)snprintf(old, sizeof(old), "\"name\": \"%s\"", from);
    const uint8_t *at = memmem(text.ptr, text.len, old, strlen(old));
    if (at == NULL)
        return PH_ERR_NOT_FOUND;
    size_t before = (size_t)(at - text.ptr);
    PH_TRY(ph_buf_add(out, (struct ph_bytes){text.ptr, before}));
    PH_TRY(ph_buf_addf(out, "\"name\": \"%s\"", to));
    before += strlen(old);
    return ph_buf_add(out, (struct ph_bytes){text.ptr + before, text.len - before});
}

static enum ph_err copy_file(const char *from, const char *to, const char *template,
                             const char *name, bool manifest)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(FILE_MAX);
    struct ph_buf changed PH_OWNED(ph_buf_clear) = PH_BUF(FILE_MAX);
    PH_TRY(ph_file_read(from, &text));
    if (!manifest)
        return ph_file_write_new(to, ph_buf_view(&text), 0644);
    PH_TRY(renamed(ph_buf_view(&text), template, name, &changed));
    return ph_file_write_new(to, ph_buf_view(&changed), 0644);
}

/* Templates are flat: files only. */
static int copy_all(const struct ph_cli *cli, const char *from, const char *to,
                    const char *template, const char *name)
{
    DIR *dir = opendir(from);
    if (dir == NULL)
        return ph_fail(cli, "no-template", template, "phala init --list shows them",
                       "there is no such template");
    struct dirent *e;
    int rc = PH_EXIT_OK;
    while (rc == PH_EXIT_OK && (e = readdir(dir)) != NULL) {
        struct ph_path src, dst;
        struct stat st;
        if (ph_path_set(&src, "%s/%s", from, e->d_name) != PH_OK ||
            ph_path_set(&dst, "%s/%s", to, e->d_name) != PH_OK || lstat(src.s, &st) != 0 ||
            !S_ISREG(st.st_mode))
            continue;
        enum ph_err err =
            copy_file(src.s, dst.s, template, name, strcmp(e->d_name, "phat.json") == 0);
        if (err == PH_ERR_CONFLICT)
            rc = ph_fail(cli, "exists", dst.s, "choose another folder", "the file exists");
        else if (err != PH_OK)
            rc = ph_fail(cli, "io", dst.s, NULL, "cannot write the file: %s", strerror(errno));
    }
    (void)closedir(dir);
    return rc;
}

static int make(const struct ph_cli *cli, const char *templates, const char *template,
                const char *folder)
{
    struct ph_path from, file;
    const char *base = strrchr(folder, '/') != NULL ? strrchr(folder, '/') + 1 : folder;
    if (!ph_name_valid(base))
        return ph_fail_usage(cli,
                             "\"%.80s\": the last part becomes the phat's name: a-z, 0-9 and "
                             "inner -, at most 63 characters",
                             folder);
    if (!ph_name_valid(template) || ph_path_set(&from, "%s/%s", templates, template) != PH_OK ||
        ph_path_set(&file, "%s/phat.json", from.s) != PH_OK || access(file.s, R_OK) != 0)
        return ph_fail(cli, "no-template", template, "phala init --list shows them",
                       "there is no such template");
    if (access(folder, F_OK) == 0 && rmdir(folder) != 0)
        return ph_fail(cli, "exists", folder, "choose another folder",
                       "it exists and is no empty folder");
    if (ph_dir_make(folder) != PH_OK)
        return ph_fail(cli, "io", folder, NULL, "cannot make the folder: %s", strerror(errno));
    int rc = copy_all(cli, from.s, folder, template, base);
    if (rc != PH_EXIT_OK)
        return rc;
    if (cli->json)
        return ph_print_json(json_pack("{s:b,s:s,s:s,s:s}", "ok", 1, "name", base, "folder", folder,
                                       "template", template));
    printf("%s is ready.\n\n", folder);
    if (ph_path_set(&file, "%s/package.json", from.s) == PH_OK && access(file.s, R_OK) == 0)
        printf("  (cd %s && npm install)   fetch what it imports\n", folder);
    printf("  phala dev %s      serve it on http://127.0.0.1:8787, reload on save\n"
           "  phala deploy %s   put it on a worker\n",
           folder, folder);
    return PH_EXIT_OK;
}

static int run(struct ph_cli *cli)
{
    struct ph_path templates;
    const char *template = ph_opts_get(&cli->opts, "template");
    if (ph_template_dir(&templates) != PH_OK)
        return ph_fail(cli, "no-templates", NULL, "install Phala whole, with share/phala/templates",
                       "the templates were not found");
    if (ph_opts_has(&cli->opts, "list"))
        return list_templates(cli, templates.s);
    if (cli->opts.operand_cnt == 0)
        return ph_fail_usage(cli, "something is missing: phala init FOLDER");
    return make(cli, templates.s, template != NULL ? template : "hello", cli->opts.operands[0]);
}

const struct ph_cmd ph_cmd_init = {
    .name = "init",
    .operands = "FOLDER",
    .summary = "Start a project from a template",
    .details =
        "Makes the folder with phat.json, worker.js and a README. The folder's name becomes the\n"
        "phat's.",
    .tables = tables,
    .operand_min = 0,
    .operand_max = 1,
    .run = run,
};
