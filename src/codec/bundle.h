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

#endif
