#ifndef PH_STORE_FILE_H
#define PH_STORE_FILE_H

/* Whole files, written so that a crash leaves the old content or the new, never a mixture.
 *
 * Layer: store. Tests: store_test.c.
 */

#include "base/bytes.h"

/* Write `parts` to dir_fd/name: temporary file, fsync, rename, fsync of the directory. Mode 0600.
 * When PH_OK is returned the content survives a power cut. PH_ERR_IO: errno says why; nothing
 * changed. */
PH_CHECKED enum ph_err ph_file_replace(int dir_fd, const char *name, const struct ph_bytes *parts,
                                       size_t part_cnt);
/* Append the content of dir_fd/name to `out`. PH_ERR_NOT_FOUND, PH_ERR_LIMIT (the buffer's),
 * PH_ERR_IO. */
PH_CHECKED enum ph_err ph_file_read(int dir_fd, const char *name, struct ph_buf *out);
/* Remove, durably. Absent is fine. */
PH_CHECKED enum ph_err ph_file_remove(int dir_fd, const char *name);
/* Open (creating with mode 0700) a directory under dir_fd (AT_FDCWD for a path). */
PH_CHECKED enum ph_err ph_dir_open(int dir_fd, const char *name, int *out);

#endif
