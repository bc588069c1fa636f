#ifndef PH_CLI_BUNDLE_H
#define PH_CLI_BUNDLE_H

/* From a project to what is deployed: worker.js (all imports bundled by esbuild into one script),
 * phat.json in canonical form, assets; and the bundle hash that receipts carry.
 *
 * The same project with the same node_modules gives the same bytes: nothing in it depends on the
 * time, the folder's place, or the environment.
 *
 * Tests: bundle_test.c.
 */

#include "project.h"

#include "codec/bundle.h"

enum {
    PH_BUNDLE_MAX = 32 << 20, /* bytes of the archive */
    PH_SCRIPT_MAX = 16 << 20, /* bytes of worker.js */
};

struct ph_bundle {
    struct ph_buf tar;
    struct ph_hash32 hash;
    size_t file_cnt, script_len;
    struct ph_buf source_map; /* JSON; kept locally, never deployed */
};

/* PH_ERR_MALFORMED: the code does not build: trouble.message holds esbuild's report with the user's
 * file and line. PH_ERR_NOT_FOUND: no esbuild, or an asset is missing. PH_ERR_LIMIT, PH_ERR_IO. */
PH_CHECKED enum ph_err ph_bundle_build(const struct ph_project *project, struct ph_bundle *out,
                                       struct ph_trouble *trouble);
void ph_bundle_clear(struct ph_bundle *bundle);

#endif
