#ifndef PH_PHALA_KEYD_FILES_H
#define PH_PHALA_KEYD_FILES_H

/* Reading the files of the command line, before phala-keyd gives up files. */

#include "base/bytes.h"

/* Append a whole file. PH_ERR_IO: errno says why. PH_ERR_LIMIT: the buffer's. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err file_read(const char *path, struct ph_buf *out);

#endif
