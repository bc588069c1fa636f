#include "node/collateral_dir.h"

#include "base/own.h"
#include "store/file.h"

#include <fcntl.h>
#include <stdio.h>

/* Quotes that get here carry their PCK chain. */
struct files {
    struct ph_buf buf[PH_COLLATERAL_FILES];
};

static void files_clear(struct files *f)
{
    for (size_t i = 0; i < PH_COLLATERAL_FILES; i++)
        ph_buf_clear(&f->buf[i]);
}

/* All files of a key's folder; views into `files`. */
static enum ph_err read_folder(const char *dir, const struct ph_collateral_key *key,
                               struct files *files, struct ph_collateral_parts *views,
                               struct ph_json_why *why)
{
    char name[PH_COLLATERAL_NAME_LEN], path[4096];

    ph_collateral_key_name(key, name);
    if (!dir) {
        (void)snprintf(why->text, sizeof(why->text),
                       "this worker keeps no collateral; it would need %s", name);
        return PH_ERR_NOT_FOUND;
    }
    for (size_t i = 0; i < PH_COLLATERAL_FILES; i++) {
        const struct ph_collateral_file *file = &ph_collateral_files[i];
        files->buf[i] = PH_BUF(PH_EVIDENCE_MAX);
        if ((size_t)snprintf(path, sizeof(path), "%s/%s/%s", dir, name, file->name) >= sizeof(path))
            return PH_ERR_LIMIT;
        const enum ph_err err = ph_file_read(AT_FDCWD, path, &files->buf[i]);
        if (err != PH_OK) {
            (void)snprintf(why->text, sizeof(why->text), "the collateral %s/%s %s", name,
                           file->name,
                           err == PH_ERR_NOT_FOUND ? "is not kept here" : "could not be read");
            return err;
        }
        const struct ph_bytes view = ph_buf_view(&files->buf[i]);
        memcpy((char *)views + file->offset, &view, sizeof(view));
    }
    return PH_OK;
}

enum ph_err ph_collateral_dir_load(const char *dir, const struct ph_collateral_key *key,
                                   struct ph_collateral **out, struct ph_json_why *why)
{
    struct files files PH_OWNED(files_clear) = {0};
    struct ph_collateral_parts views = {0};

    PH_TRY(read_folder(dir, key, &files, &views, why));
    return ph_collateral_parse(&views, out, why);
}

enum ph_err ph_collateral_dir_bundle(const char *dir, struct ph_bytes quote, int64_t time_s,
                                     struct ph_buf *out, struct ph_json_why *why)
{
    struct files files PH_OWNED(files_clear) = {0};
    struct ph_evidence evidence = {.quote = quote, .time_s = time_s};
    struct ph_collateral_key key;

    (void)snprintf(why->text, sizeof(why->text), "no quote of Intel's that carries its PCK chain");
    PH_TRY(ph_collateral_key_of(quote, &key));
    PH_TRY(read_folder(dir, &key, &files, &evidence.collateral, why));
    (void)snprintf(why->text, sizeof(why->text), "the bundle cannot be written");
    return ph_evidence_encode(&evidence, out);
}
