#include "bundle.h"

#include "base/own.h"
#include "codec/base64.h"
#include "codec/tar.h"
#include "proc.h"

#include <errno.h>
#include <stdio.h>

/* esbuild's output: script, then this comment with the map. An inline map keeps all of it in one
 * pipe, and its paths relative to the project's folder. */
#define MAP_MARK "//# sourceMappingURL=data:application/json;base64,"

enum { OUTPUT_MAX = 96 << 20, REPORT_MAX = 1 << 20 };

static enum ph_err run_esbuild(const struct ph_project *p, struct ph_buf *out, struct ph_trouble *t)
{
    struct ph_path esbuild;
    if (ph_esbuild_find(p->dir.s, &esbuild) != PH_OK)
        return ph_trouble_set(t, PH_ERR_NOT_FOUND, "no-esbuild", p->dir.s,
                              "npm install esbuild in the project, or name its native executable "
                              "in PHALA_ESBUILD",
                              "esbuild, which bundles the imports, was not found");
    char entry[PH_PATH_MAX + 2];
    (void)snprintf(entry, sizeof(entry), "./%s", p->main);
    const char *const argv[] = {esbuild.s,
                                entry,
                                "--bundle",
                                "--format=iife",
                                "--global-name=__phat",
                                "--platform=neutral",
                                "--target=es2022",
                                "--conditions=worker,browser",
                                "--main-fields=browser,module,main",
                                "--loader:.wasm=binary",
                                "--loader:.txt=text",
                                "--loader:.html=text",
                                "--charset=utf8",
                                "--legal-comments=none",
                                "--sourcemap=inline",
                                "--sources-content=false",
                                "--log-level=warning",
                                "--color=false",
                                NULL};
    /* An empty environment: NODE_PATH and the like must not change what is deployed. */
    char *const env[] = {NULL};
    struct ph_buf report PH_OWNED(ph_buf_clear) = PH_BUF(REPORT_MAX);
    struct ph_proc_end end;
    enum ph_err err =
        ph_proc_run((char *const *)(uintptr_t)argv, env, p->dir.s, out, &report, &end);
    if (err != PH_OK)
        return ph_trouble_set(t, err, "no-esbuild", esbuild.s, "check that it runs",
                              "esbuild could not be run: %s", strerror(errno));
    if (end.exit_code != 0)
        return ph_trouble_set(t, PH_ERR_MALFORMED, "build-failed", p->dir.s, NULL,
                              "the code does not build\n%.*s", (int)report.len,
                              report.len > 0 ? (const char *)report.ptr : "");
    if (report.len > 0) /* warnings: the build stands */
        (void)fwrite(report.ptr, 1, report.len, stderr);
    return PH_OK;
}

/* Cuts the map off the end of esbuild's output. */
static enum ph_err split_map(const struct ph_buf *output, struct ph_bytes *script,
                             struct ph_buf *map)
{
    struct ph_bytes all = ph_buf_view(output);
    const size_t mark_len = sizeof(MAP_MARK) - 1;
    for (size_t at = all.len; at-- > 0;) {
        bool line_start = at == 0 || all.ptr[at - 1] == '\n';
        if (!line_start || all.len - at < mark_len || memcmp(all.ptr + at, MAP_MARK, mark_len) != 0)
            continue;
        struct ph_bytes text = {all.ptr + at + mark_len, all.len - at - mark_len};
        while (text.len > 0 && text.ptr[text.len - 1] == '\n')
            text.len--;
        *script = (struct ph_bytes){all.ptr, at};
        return ph_base64_decode(text, map);
    }
    return PH_ERR_MALFORMED;
}

/* The manifest as deployed: canonical, with the name filled in and main as the bundle has it. */
static enum ph_err normal_manifest(const struct ph_project *p, struct ph_buf *out,
                                   struct ph_trouble *t)
{
    json_t *doc PH_OWNED(ph_json_freep) = json_deep_copy(p->manifest);
    if (doc == NULL || json_object_set_new(doc, "name", json_string(p->name)) != 0 ||
        json_object_set_new(doc, "main", json_string("worker.js")) != 0)
        return PH_ERR_NOMEM;
    enum ph_err err = ph_json_canonical(doc, out);
    if (err != PH_OK)
        return ph_trouble_set(t, err, "bad-manifest", "phat.json",
                              "numbers are integers, the whole is at most 64 KiB",
                              "the manifest has no canonical form");
    return PH_OK;
}

static enum ph_err read_asset(const struct ph_project *p, const char *path, struct ph_buf *out,
                              struct ph_trouble *t)
{
    struct ph_path full;
    PH_TRY(ph_path_set(&full, "%s/%s", p->dir.s, path));
    enum ph_err err = ph_file_read(full.s, out);
    if (err != PH_OK)
        return ph_trouble_set(
            t, err, "bad-assets", full.s,
            "a bundle takes at most 32 MiB in all, and every file must be readable",
            "cannot read the asset: %s", strerror(errno));
    return PH_OK;
}

/* Archive and hash; `files` has room for all. */
static enum ph_err pack(struct ph_bundle_file *files, size_t cnt, struct ph_bundle *out,
                        struct ph_trouble *t)
{
    out->file_cnt = cnt;
    for (size_t i = 0; i < cnt; i++) {
        enum ph_err err = ph_tar_add(&out->tar, files[i].path, files[i].data);
        if (err != PH_OK)
            return ph_trouble_set(t, err, "bundle-too-big", files[i].path,
                                  "deploy less: at most 32 MiB in all, plain file names",
                                  "the file does not fit the bundle (%s)", ph_err_name(err));
    }
    PH_TRY(ph_tar_finish(&out->tar));
    ph_bundle_hash(files, cnt, &out->hash);
    return PH_OK;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct ph_bundle_file *)a)->path,
                  ((const struct ph_bundle_file *)b)->path);
}

static enum ph_err build(const struct ph_project *p, const struct ph_assets *assets,
                         struct ph_bundle *out, struct ph_trouble *t)
{
    struct ph_buf output PH_OWNED(ph_buf_clear) = PH_BUF(OUTPUT_MAX);
    struct ph_buf manifest PH_OWNED(ph_buf_clear) = PH_BUF(PH_MANIFEST_MAX);
    struct ph_buf contents PH_OWNED(ph_buf_clear) = PH_BUF(PH_BUNDLE_MAX);
    struct ph_bundle_file files[PH_ASSETS_MAX + 2];
    size_t starts[PH_ASSETS_MAX + 1] = {0};
    struct ph_bytes script;
    PH_TRY(run_esbuild(p, &output, t));
    if (split_map(&output, &script, &out->source_map) != PH_OK)
        return ph_trouble_set(t, PH_ERR_MALFORMED, "no-esbuild", NULL,
                              "use the esbuild of this release", "esbuild's output has no map");
    if (script.len > PH_SCRIPT_MAX)
        return ph_trouble_set(t, PH_ERR_LIMIT, "bundle-too-big", p->main,
                              "load big data as an asset instead of importing it",
                              "the bundled script has %zu bytes, at most %d", script.len,
                              PH_SCRIPT_MAX);
    PH_TRY(normal_manifest(p, &manifest, t));
    for (size_t i = 0; i < assets->cnt; i++) {
        PH_TRY(read_asset(p, assets->paths[i], &contents, t));
        starts[i + 1] = contents.len;
    }
    files[0] = (struct ph_bundle_file){"worker.js", script};
    files[1] = (struct ph_bundle_file){"phat.json", ph_buf_view(&manifest)};
    for (size_t i = 0; i < assets->cnt; i++)
        files[i + 2] = (struct ph_bundle_file){
            assets->paths[i], {contents.ptr + starts[i], starts[i + 1] - starts[i]}};
    qsort(files, assets->cnt + 2, sizeof(files[0]), by_path);
    out->script_len = script.len;
    return pack(files, assets->cnt + 2, out, t);
}

enum ph_err ph_bundle_build(const struct ph_project *project, struct ph_bundle *out,
                            struct ph_trouble *trouble)
{
    struct ph_assets assets = {0};
    struct ph_bundle b = {.tar = PH_BUF(PH_BUNDLE_MAX), .source_map = PH_BUF(OUTPUT_MAX)};
    enum ph_err err = ph_assets_find(project, &assets, trouble);
    if (err == PH_OK) {
        ph_trouble_note(trouble, "io", project->dir.s, "cannot bundle: out of memory");
        err = build(project, &assets, &b, trouble);
    }
    ph_assets_clear(&assets);
    if (err != PH_OK) {
        ph_bundle_clear(&b);
        return err;
    }
    *out = b;
    return PH_OK;
}

void ph_bundle_clear(struct ph_bundle *bundle)
{
    ph_buf_clear(&bundle->tar);
    ph_buf_clear(&bundle->source_map);
}
