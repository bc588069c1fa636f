#ifndef PHALA_EVIDENCE_FILES_H
#define PHALA_EVIDENCE_FILES_H

/* Files that `phala evidence` reads: quotes, bundles, folders of collateral, policies. */

#include "attest/evidence_bundle.h"

enum { PH_EVIDENCE_PARTS = 7 };

/* Owns what the views in `evidence` point into. Zero-initialise; clear with
 * ph_evidence_files_clear. */
struct ph_evidence_files {
    struct ph_evidence evidence;
    bool is_bundle; /* the evidence came with a time and collateral of its own */
    struct ph_evidence_bundle *bundle, *collateral_bundle;
    struct ph_buf quote, part[PH_EVIDENCE_PARTS];
};

/* Read a quote or a bundle; then, if not NULL, collateral from a folder or a bundle in its place.
 * `why` says what could not be read. */
PH_CHECKED enum ph_err ph_evidence_files_load(struct ph_evidence_files *files, const char *path,
                                              const char *collateral, struct ph_json_why *why);
void ph_evidence_files_clear(struct ph_evidence_files *files);

/* Read a whole file of at most `max` bytes into `out`. PH_ERR_NOT_FOUND, PH_ERR_LIMIT, PH_ERR_IO.
 */
PH_CHECKED enum ph_err ph_evidence_file_read(const char *path, size_t max, struct ph_buf *out,
                                             struct ph_json_why *why);

#endif
