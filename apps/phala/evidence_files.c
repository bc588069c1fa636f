#include "evidence_files.h"

#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

/* Names in a folder of collateral, and where each goes. */
static const struct {
    const char *name;
    size_t offset;
} parts[PH_EVIDENCE_PARTS] = {
    {"pck_chain.pem", offsetof(struct ph_collateral_parts, pck_chain_pem)},
    {"tcb_info.signed.json", offsetof(struct ph_collateral_parts, tcb_info_json)},
    {"tcb_info_chain.pem", offsetof(struct ph_collateral_parts, tcb_info_chain_pem)},
    {"qe_identity.signed.json", offsetof(struct ph_collateral_parts, qe_identity_json)},
    {"qe_identity_chain.pem", offsetof(struct ph_collateral_parts, qe_identity_chain_pem)},
    {"pck_crl.der", offsetof(struct ph_collateral_parts, pck_crl)},
    {"root_ca_crl.der", offsetof(struct ph_collateral_parts, root_ca_crl)},
};

void ph_evidence_files_clear(struct ph_evidence_files *files)
{
    ph_evidence_free(files->bundle);
    ph_evidence_free(files->collateral_bundle);
    ph_buf_clear(&files->quote);
    for (size_t i = 0; i < PH_EVIDENCE_PARTS; i++)
        ph_buf_clear(&files->part[i]);
    *files = (struct ph_evidence_files){0};
}

static enum ph_err complain(enum ph_err err, const char *path, const char *what,
                            struct ph_json_why *why)
{
    (void)snprintf(why->text, sizeof(why->text), "%.160s: %s", path, what);
    return err;
}

enum ph_err ph_evidence_file_read(const char *path, size_t max, struct ph_buf *out,
                                  struct ph_json_why *why)
{
    int fd PH_OWNED(ph_closep) = open(path, O_RDONLY | O_CLOEXEC);
    uint8_t *at;

    if (fd < 0)
        return complain(errno == ENOENT ? PH_ERR_NOT_FOUND : PH_ERR_IO, path,
                        errno == ENOENT ? "no such file" : "cannot be opened", why);
    *out = PH_BUF(max + 4096);
    for (;;) {
        if (ph_buf_reserve(out, 4096, &at) != PH_OK)
            return complain(PH_ERR_LIMIT, path, "longer than evidence can be", why);
        const ssize_t n = read(fd, at, 4096);
        if (n < 0)
            return complain(PH_ERR_IO, path, "cannot be read", why);
        if (n == 0)
            break;
        out->len += (size_t)n;
    }
    return out->len <= max ? PH_OK
                           : complain(PH_ERR_LIMIT, path, "longer than evidence can be", why);
}

static enum ph_err load_folder(struct ph_evidence_files *files, const char *dir,
                               struct ph_json_why *why)
{
    char path[4096];
    size_t found = 0;

    for (size_t i = 0; i < PH_EVIDENCE_PARTS; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", dir, parts[i].name);
        const enum ph_err err = ph_evidence_file_read(path, PH_EVIDENCE_MAX, &files->part[i], why);
        if (err == PH_ERR_NOT_FOUND)
            continue; /* the check that needs it refuses */
        PH_TRY(err);
        const struct ph_bytes view = ph_buf_view(&files->part[i]);
        memcpy((char *)&files->evidence.collateral + parts[i].offset, &view, sizeof(view));
        found++;
    }
    return found > 0 ? PH_OK
                     : complain(PH_ERR_NOT_FOUND, dir,
                                "holds no collateral (tcb_info.signed.json, …)", why);
}

static bool looks_like_json(struct ph_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != ' ' && text.ptr[i] != '\n' && text.ptr[i] != '\r' && text.ptr[i] != '\t')
            return text.ptr[i] == '{';
    }
    return false;
}

static enum ph_err load_collateral(struct ph_evidence_files *files, const char *path,
                                   struct ph_json_why *why)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(0);
    struct stat st;

    if (stat(path, &st) != 0)
        return complain(PH_ERR_NOT_FOUND, path, "no such file or folder", why);
    files->evidence.collateral = (struct ph_collateral_parts){0};
    if (S_ISDIR(st.st_mode))
        return load_folder(files, path, why);
    PH_TRY(ph_evidence_file_read(path, PH_EVIDENCE_MAX, &text, why));
    PH_TRY(ph_evidence_parse(ph_buf_view(&text), &files->collateral_bundle, why));
    files->evidence.collateral = ph_evidence_view(files->collateral_bundle)->collateral;
    return PH_OK;
}

enum ph_err ph_evidence_files_load(struct ph_evidence_files *files, const char *path,
                                   const char *collateral, struct ph_json_why *why)
{
    PH_TRY(ph_evidence_file_read(path, PH_EVIDENCE_MAX, &files->quote, why));
    files->evidence.quote = ph_buf_view(&files->quote);
    if (looks_like_json(files->evidence.quote)) {
        PH_TRY(ph_evidence_parse(files->evidence.quote, &files->bundle, why));
        files->evidence = *ph_evidence_view(files->bundle);
        files->is_bundle = true;
    }
    return collateral ? load_collateral(files, collateral, why) : PH_OK;
}
