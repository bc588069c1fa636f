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

enum ph_err ph_collateral_dir_load(const char *dir, const struct ph_collateral_key *key,
                                   struct ph_collateral **out, struct ph_json_why *why)
{
    struct files files PH_OWNED(files_clear) = {0};
    struct ph_collateral_parts views = {0};
    char name[PH_COLLATERAL_NAME_LEN], path[4096];

    ph_collateral_key_name(key, name);
    if (!dir) {
        (void)snprintf(why->text, sizeof(why->text),
                       "this worker keeps no collateral; it would need %s", name);
        return PH_ERR_NOT_FOUND;
    }
    for (size_t i = 0; i < PH_COLLATERAL_FILES; i++) {
        const struct ph_collateral_file *file = &ph_collateral_files[i];
        files.buf[i] = PH_BUF(PH_EVIDENCE_MAX);
        if ((size_t)snprintf(path, sizeof(path), "%s/%s/%s", dir, name, file->name) >= sizeof(path))
            return PH_ERR_LIMIT;
        const enum ph_err err = ph_file_read(AT_FDCWD, path, &files.buf[i]);
        if (err != PH_OK) {
            (void)snprintf(why->text, sizeof(why->text), "the collateral %s/%s %s", name,
                           file->name,
                           err == PH_ERR_NOT_FOUND ? "is not kept here" : "could not be read");
            return err;
        }
        const struct ph_bytes view = ph_buf_view(&files.buf[i]);
        memcpy((char *)&views + file->offset, &view, sizeof(view));
    }
    return ph_collateral_parse(&views, out, why);
}
