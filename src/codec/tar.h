#ifndef PH_CODEC_TAR_H
#define PH_CODEC_TAR_H

/* The bundle container: an uncompressed POSIX ustar archive of regular files, read under rules that
 * leave nothing to interpretation. Refused: links, directories, devices, extension headers (pax,
 * GNU), absolute paths, "." or ".." segments, empty segments, backslashes, control characters,
 * paths over 200 bytes or not UTF-8, duplicate paths, a path that
 * is a file and a directory, bad checksums, sizes beyond the archive, bytes in the padding or after
 * the end marker that are not zero, more than PH_TAR_FILES_MAX files. No compression, hence no
 * bombs.
 *
 * Layer: codec. Spec: IEEE Std 1003.1-2017 pax, "ustar Interchange Format". Tests: tar_test.c,
 * tar_fuzz.c.
 */

#include "base/bytes.h"

enum { PH_TAR_FILES_MAX = 256, PH_TAR_PATH_MAX = 200 };

struct ph_tar_file {
    char path[PH_TAR_PATH_MAX + 1];
    struct ph_bytes data; /* view into the archive */
};

struct ph_tar {
    struct ph_tar_file files[PH_TAR_FILES_MAX]; /* sorted by path, bytewise */
    size_t file_cnt;
};

/* PH_ERR_MALFORMED or PH_ERR_LIMIT; `why` (at least 128 bytes) receives a sentence that names the
 * entry. */
PH_CHECKED enum ph_err ph_tar_parse(struct ph_bytes archive, struct ph_tar *out,
                                    char why[static 128]);
/* The file at a path; NULL: there is none. */
const struct ph_tar_file *ph_tar_find(const struct ph_tar *tar, struct ph_bytes path);
/* Append one file (mode 0644, mtime 0, owner 0) to an archive in `buf`; then ph_tar_finish once.
 * PH_ERR_MALFORMED: a path that parse refuses. PH_ERR_LIMIT: no slash splits a path over 100 bytes
 * as ustar needs, or `buf` is full. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_tar_add(struct ph_buf *buf, const char *path, struct ph_bytes data);
PH_CHECKED enum ph_err ph_tar_finish(struct ph_buf *buf);

#endif
