#ifndef PH_CLI_LOG_LINES_H
#define PH_CLI_LOG_LINES_H

/* A phat's log as a worker sends it, NDJSON lines {"seq","time","level","call","text"}, for people;
 * with positions of the bundle turned into the user's files where a source map is at hand.
 *
 * Tests: log_lines_test.c, log_lines_fuzz.c.
 */

#include "base/bytes.h"
#include "codec/sourcemap.h"

enum { PH_LOG_LINE_MAX = 1 << 20 };

/**
 * Append `text` with every "worker.js:LINE:COLUMN" whose position is mapped replaced by
 * "FILE:LINE:COLUMN" of the user. @map  NULL: nothing is replaced.
 */
PH_CHECKED enum ph_err ph_log_map_positions(struct ph_bytes text, const struct ph_sourcemap *map,
                                            struct ph_buf *out);

/**
 * Cut the next whole line off the front of `in` and append it for people to `out`:
 * "12:34:56.789 warn  text". Control characters other than line feed and tab become '?'.
 *
 * @seq  on PH_OK the line's sequence number
 * Returns PH_ERR_AGAIN      no whole line yet
 *         PH_ERR_MALFORMED  the line, now gone, is no log line; PH_ERR_LIMIT, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_log_next(struct ph_buf *in, const struct ph_sourcemap *map,
                                   struct ph_buf *out, uint64_t *seq);

#endif
