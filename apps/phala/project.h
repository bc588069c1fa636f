#ifndef PH_CLI_PROJECT_H
#define PH_CLI_PROJECT_H

/* A builder's project: a folder with phat.json, or a single script. The CLI reads name, main and
 * assets; every other member is the worker's to judge (deploy --dry-run against a worker does).
 *
 * Tests: bundle_test.c.
 */

#include "files.h"
#include "trouble.h"

#include "codec/json.h"
#include "keys/eip712.h"

enum {
    PH_MANIFEST_MAX = 64 << 10, /* bytes */
    PH_ASSETS_MAX = 200,        /* files; a bundle holds at most PH_TAR_FILES_MAX */
    PH_WALK_MAX = 20000,        /* directory entries looked at for assets */
};

struct ph_project {
    struct ph_path dir;         /* absolute, without links */
    char main[PH_PATH_MAX];     /* relative to dir */
    char name[PH_NAME_MAX + 1]; /* of the phat */
    bool has_manifest;          /* phat.json exists; else the defaults hold */
    json_t *manifest;           /* as written, or made up: owned */
};

/**
 * Open a folder or a script.
 *
 * A script beside a phat.json takes its settings, with the script as main. A script without one is
 * named after its file, or after its folder where the file is called worker, index or main.
 * Returns PH_ERR_NOT_FOUND, PH_ERR_MALFORMED, PH_ERR_LIMIT, PH_ERR_IO with `trouble` filled
 */
PH_CHECKED enum ph_err ph_project_open(const char *path, struct ph_project *out,
                                       struct ph_trouble *trouble);
void ph_project_clear(struct ph_project *project);

/* True for [a-z0-9] with inner '-', 1..PH_NAME_MAX characters. */
bool ph_name_valid(const char *name);

/* Paths relative to the project's folder, sorted bytewise; owned. */
struct ph_assets {
    char **paths;
    size_t cnt;
};
/**
 * The files that the manifest's "assets" patterns name. "*" and "?" stop at "/", "**" does not;
 * links, node_modules, and names that begin with a dot are never taken.
 * PH_ERR_NOT_FOUND: a pattern that names no file, so that a typo is not a missing file at run time.
 */
PH_CHECKED enum ph_err ph_assets_find(const struct ph_project *project, struct ph_assets *out,
                                      struct ph_trouble *trouble);
void ph_assets_clear(struct ph_assets *assets);
/* Exposed for tests: does `path` match? Pattern of at most 200 bytes, so that time is bounded. */
bool ph_glob_match(const char *pattern, const char *path);

#endif
