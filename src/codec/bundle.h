#ifndef PH_CODEC_BUNDLE_H
#define PH_CODEC_BUNDLE_H

/* The identity of a bundle, which owners sign and receipts carry.
 *
 * Layer: codec. Pure. Tests: bundle_test.c.
 */

#include "base/bytes.h"
#include "base/ids.h"
#include "codec/tar.h"

/* Bundle hash: SHA-256 over "phala-bundle-v1\n" and, for each file sorted bytewise by path:
 * u32le path length, path, u64le data length, SHA-256(data). */
struct ph_bundle_file {
    const char *path;
    struct ph_bytes data;
};
void ph_bundle_hash(const struct ph_bundle_file *files, size_t file_cnt, struct ph_hash32 *out);
/* The same of what ph_tar_parse has read. */
void ph_bundle_hash_tar(const struct ph_tar *tar, struct ph_hash32 *out);

/* What the hash is over, without its first line: for whoever is to believe one file of a bundle and
 * not to have the others. Appended. PH_ERR_LIMIT, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_bundle_list_tar(const struct ph_tar *tar, struct ph_buf *out);
/* The bundle's hash, and the SHA-256 of the file at `path` in it. PH_ERR_MALFORMED: no such list.
 * PH_ERR_NOT_FOUND: it has no such file. */
PH_CHECKED enum ph_err ph_bundle_list_find(struct ph_bytes list, struct ph_bytes path,
                                           struct ph_hash32 *bundle, struct ph_hash32 *file);

#endif
