#include "evidence_folders.h"

#include "base/own.h"
#include "evidence_needs.h"
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* A file that may be absent. */
static enum ph_err take_if_there(struct ph_evidence_files *files, const char *dir, const char *name,
                                 struct ph_bytes *view, size_t *found, struct ph_json_why *why)
{
    struct ph_bytes bytes;
    struct ph_path path;

    if (ph_path_set(&path, "%s/%s", dir, name) != PH_OK)
        return ph_evidence_complain(PH_ERR_LIMIT, dir, "too long a path", why);
    const enum ph_err err = ph_evidence_files_take(files, path.s, PH_EVIDENCE_MAX, &bytes, why);
    if (err == PH_ERR_NOT_FOUND) {
        files->buf_cnt--;
        return PH_OK; /* the check that needs it refuses */
    }
    PH_TRY(err);
    memcpy(view, &bytes, sizeof(bytes));
    (*found)++;
    return PH_OK;
}

static enum ph_err load_intel(struct ph_evidence_files *files, const char *dir, size_t *found,
                              struct ph_json_why *why)
{
    for (size_t i = 0; i < PH_COLLATERAL_FILES_ALL; i++) {
        const struct ph_collateral_file *f = &ph_collateral_files[i];
        struct ph_bytes *view = (void *)((char *)&files->evidence.collateral + f->offset);
        PH_TRY(take_if_there(files, dir, f->name, view, found, why));
    }
    return PH_OK;
}

static enum ph_err load_snp(struct ph_evidence_files *files, const char *dir, size_t *found,
                            struct ph_json_why *why)
{
    struct ph_snp_parts *snp = &files->evidence.snp;

    PH_TRY(take_if_there(files, dir, "vek_cert.der", &snp->vek_cert, found, why));
    PH_TRY(take_if_there(files, dir, "cert_chain.pem", &snp->cert_chain, found, why));
    return take_if_there(files, dir, "crl.der", &snp->crl, found, why);
}

static enum ph_err load_named_rims(struct ph_evidence_files *files, const struct ph_needs *needs,
                                   const char *dir, size_t *found, struct ph_json_why *why)
{
    struct ph_nvidia_parts *p = &files->evidence.nvidia;
    char name[PH_SPDM_RIM_ID_LEN + 8];

    p->rim_cnt = 0;
    for (size_t i = 0; i < needs->rim_cnt; i++) {
        const size_t before = *found;
        (void)snprintf(name, sizeof(name), "%s.xml", needs->rim[i]);
        PH_TRY(take_if_there(files, dir, name, &p->rim[p->rim_cnt], found, why));
        p->rim_cnt += *found - before;
    }
    return PH_OK;
}

/* One walk over the certificates that need a response. */
struct ocsp_load {
    struct ph_evidence_files *files;
    const char *dir;
    size_t found;
    char name[PH_EVIDENCE_OCSP_MAX][PH_OCSP_NAME_LEN]; /* loaded */
    struct ph_json_why *why;
};

static enum ph_err load_response(void *arg, const struct ph_x509 *cert,
                                 const struct ph_x509 *issuer, const char *name)
{
    struct ocsp_load *l = arg;
    struct ph_nvidia_parts *p = &l->files->evidence.nvidia;
    const size_t before = l->found;

    (void)cert, (void)issuer;
    for (size_t i = 0; i < p->ocsp_cnt; i++) {
        if (strcmp(l->name[i], name) == 0)
            return PH_OK;
    }
    if (p->ocsp_cnt == PH_EVIDENCE_OCSP_MAX)
        return PH_ERR_LIMIT;
    PH_TRY(take_if_there(l->files, l->dir, name, &p->ocsp[p->ocsp_cnt], &l->found, l->why));
    if (l->found > before)
        (void)snprintf(l->name[p->ocsp_cnt++], PH_OCSP_NAME_LEN, "%s", name);
    return PH_OK;
}

static enum ph_err load_named_ocsp(struct ph_evidence_files *files, const char *dir, size_t *found,
                                   struct ph_json_why *why)
{
    struct ph_path path;

    if (ph_path_set(&path, "%s/nvidia-ocsp", dir) != PH_OK)
        return ph_evidence_complain(PH_ERR_LIMIT, dir, "too long a path", why);
    struct ocsp_load load = {.files = files, .dir = path.s, .why = why};
    files->evidence.nvidia.ocsp_cnt = 0;
    PH_TRY(ph_needs_ocsp(&files->evidence, load_response, &load, why));
    *found += load.found;
    return PH_OK;
}

/* Folders of the cache, beside each other: each is named after what it is for. */
static enum ph_err load_cache(struct ph_evidence_files *files, const char *dir, size_t *found,
                              struct ph_json_why *why)
{
    struct ph_needs needs;
    char name[PH_SNP_FOLDER_LEN] = "";
    struct ph_path path;

    PH_TRY(ph_needs_of(&files->evidence, &needs, why));
    if (needs.has_intel)
        ph_collateral_key_name(&needs.intel, name);
    else if (needs.has_snp)
        ph_snp_need_name(&needs.snp, name);
    if (ph_path_set(&path, "%s/%s", dir, name) != PH_OK)
        return ph_evidence_complain(PH_ERR_LIMIT, dir, "too long a path", why);
    if (needs.has_intel)
        PH_TRY(load_intel(files, path.s, found, why));
    if (needs.has_snp)
        PH_TRY(load_snp(files, path.s, found, why));
    if (needs.rim_cnt > 0 && ph_path_set(&path, "%s/nvidia-rim", dir) == PH_OK)
        PH_TRY(load_named_rims(files, &needs, path.s, found, why));
    if (files->evidence.nvidia.evidence.len > 0)
        PH_TRY(load_named_ocsp(files, dir, found, why));
    return PH_OK;
}

static enum ph_err load_bundle(struct ph_evidence_files *files, const char *path,
                               struct ph_json_why *why)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(0);
    struct ph_evidence *e = &files->evidence;

    PH_TRY(ph_evidence_file_read(path, PH_EVIDENCE_MAX, &text, why));
    PH_TRY(ph_evidence_parse(ph_buf_view(&text), &files->collateral_bundle, why));
    const struct ph_evidence *from = ph_evidence_view(files->collateral_bundle);
    e->collateral = from->collateral;
    e->snp = from->snp;
    memcpy(e->nvidia.rim, from->nvidia.rim, sizeof(e->nvidia.rim));
    e->nvidia.rim_cnt = from->nvidia.rim_cnt;
    memcpy(e->nvidia.ocsp, from->nvidia.ocsp, sizeof(e->nvidia.ocsp));
    e->nvidia.ocsp_cnt = from->nvidia.ocsp_cnt;
    return PH_OK;
}

enum ph_err ph_evidence_load_collateral(struct ph_evidence_files *files, const char *path,
                                        struct ph_json_why *why)
{
    struct ph_evidence *e = &files->evidence;
    struct stat st;
    size_t found = 0;

    if (stat(path, &st) != 0)
        return ph_evidence_complain(PH_ERR_NOT_FOUND, path, "no such file or folder", why);
    if (!S_ISDIR(st.st_mode))
        return load_bundle(files, path, why);
    e->collateral = (struct ph_collateral_parts){0};
    if (e->quote.len > 0)
        PH_TRY(load_intel(files, path, &found, why));
    if (found == 0)
        PH_TRY(load_cache(files, path, &found, why));
    return found > 0 ? PH_OK
                     : ph_evidence_complain(PH_ERR_NOT_FOUND, path,
                                            "holds no collateral for this evidence "
                                            "(tcb_info.signed.json, …, or a cache's folder)",
                                            why);
}

static bool ends_with(const char *name, const char *end)
{
    const size_t n = strlen(name), m = strlen(end);
    return n > m && strcmp(name + n - m, end) == 0;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int is_manifest(const struct dirent *entry)
{
    return is_visible(entry) &&
           (ends_with(entry->d_name, ".xml") || ends_with(entry->d_name, ".swidtag"));
}

struct listing {
    struct dirent **entry;
    int cnt;
};

static void free_listing(struct listing *l)
{
    for (int i = 0; i < l->cnt; i++)
        free(l->entry[i]);
    free(l->entry);
}

/* Read files of a folder, by name; or one file. */
static enum ph_err load_all(struct ph_evidence_files *files, const char *path,
                            int (*wanted)(const struct dirent *), struct ph_bytes *out, size_t max,
                            size_t *cnt, struct ph_json_why *why)
{
    struct listing l PH_OWNED(free_listing) = {0};
    struct ph_path file;

    *cnt = 0;
    if (!is_folder(path)) {
        PH_TRY(ph_evidence_files_take_der(files, path, PH_EVIDENCE_MAX, &out[0], why));
        *cnt = 1;
        return PH_OK;
    }
    l.cnt = scandir(path, &l.entry, wanted, alphasort);
    if (l.cnt < 0) {
        l.cnt = 0;
        return ph_evidence_complain(PH_ERR_IO, path, "cannot be read", why);
    }
    if ((size_t)l.cnt > max)
        return ph_evidence_complain(PH_ERR_LIMIT, path, "holds more files than one judgement takes",
                                    why);
    for (int i = 0; i < l.cnt; i++) {
        if (ph_path_set(&file, "%s/%s", path, l.entry[i]->d_name) != PH_OK)
            return ph_evidence_complain(PH_ERR_LIMIT, path, "too long a path", why);
        if (!is_folder(file.s))
            PH_TRY(ph_evidence_files_take_der(files, file.s, PH_EVIDENCE_MAX, &out[(*cnt)++], why));
    }
    return PH_OK;
}

enum ph_err ph_evidence_load_rims(struct ph_evidence_files *files, const char *path,
                                  struct ph_json_why *why)
{
    struct ph_nvidia_parts *p = &files->evidence.nvidia;
    struct ph_needs needs;
    size_t found = 0;

    /* What breaks its format here is refused when it is judged, with a better reason. */
    if (is_folder(path) && ph_needs_of(&files->evidence, &needs, why) == PH_OK)
        PH_TRY(load_named_rims(files, &needs, path, &found, why));
    return found > 0
               ? PH_OK
               : load_all(files, path, is_manifest, p->rim, PH_EVIDENCE_RIMS_MAX, &p->rim_cnt, why);
}

enum ph_err ph_evidence_load_ocsp(struct ph_evidence_files *files, const char *path,
                                  struct ph_json_why *why)
{
    struct ph_nvidia_parts *p = &files->evidence.nvidia;
    return load_all(files, path, is_visible, p->ocsp, PH_EVIDENCE_OCSP_MAX, &p->ocsp_cnt, why);
}
