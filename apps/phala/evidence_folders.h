#ifndef PHALA_EVIDENCE_FOLDERS_H
#define PHALA_EVIDENCE_FOLDERS_H

/* Folders and bundles of what evidence is judged with: the second half of evidence_files.h. All
 * refuse as ph_evidence_files_load does. */

#include "evidence_files.h"

/* A folder with the file names of Intel's documents, a cache of `phala collateral fetch`, or
 * another bundle, in place of what the evidence brings. */
PH_CHECKED enum ph_err ph_evidence_load_collateral(struct ph_evidence_files *files,
                                                   const char *path, struct ph_json_why *why);
/* Manifests: the files of a folder that are named after those the evidence needs ("ID.xml"), or
 * all "*.xml" and "*.swidtag" if there are none such; or one file. */
PH_CHECKED enum ph_err ph_evidence_load_rims(struct ph_evidence_files *files, const char *path,
                                             struct ph_json_why *why);
/* OCSP responses: all files of a folder, or one; DER, or base64 of it. */
PH_CHECKED enum ph_err ph_evidence_load_ocsp(struct ph_evidence_files *files, const char *path,
                                             struct ph_json_why *why);

/* Of evidence_files.c: read a file that lives as long as `files`. The second undoes hex and base64.
 */
PH_CHECKED enum ph_err ph_evidence_files_take(struct ph_evidence_files *files, const char *path,
                                              size_t max, struct ph_bytes *view,
                                              struct ph_json_why *why);
PH_CHECKED enum ph_err ph_evidence_files_take_der(struct ph_evidence_files *files, const char *path,
                                                  size_t max, struct ph_bytes *view,
                                                  struct ph_json_why *why);
/* "PATH: what", and `err`. */
PH_CHECKED enum ph_err ph_evidence_complain(enum ph_err err, const char *path, const char *what,
                                            struct ph_json_why *why);

#endif
