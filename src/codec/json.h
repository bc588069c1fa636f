#ifndef PH_CODEC_JSON_H
#define PH_CODEC_JSON_H

/* Documents of our own: jansson with limits, and readers that say where a document is wrong.
 *
 * Strict load: duplicate keys, trailing bytes, depth over 64 and size over the caller's limit are
 * refused. Users include this header and work with json_t through it; json_decref by
 * PH_OWNED(ph_json_freep).
 *
 * Layer: codec. Tests: json_test.c, json_fuzz.c.
 */

#include "base/bytes.h"
#include "codec/json_why.h"

#include <jansson.h>

enum { PH_JSON_DEPTH = 64 }; /* containers inside each other */

void ph_json_freep(json_t **doc);

/* PH_ERR_LIMIT: longer than max_len. PH_ERR_MALFORMED: why says line, column and what. */
PH_CHECKED enum ph_err ph_json_load(struct ph_bytes text, size_t max_len, json_t **out,
                                    struct ph_json_why *why);
/* Refuse keys outside the NULL-terminated list: typos must not be silently ignored. `path` names
 * the object in `why`. */
PH_CHECKED enum ph_err ph_json_only_keys(const json_t *object, const char *path,
                                         const char *const *allowed, struct ph_json_why *why);
/* Read an integer member; absent keeps *out. */
PH_CHECKED enum ph_err ph_json_int(const json_t *object, const char *path, const char *key,
                                   int64_t min, int64_t max, int64_t *out, struct ph_json_why *why);
/* Read a string member (borrowed from the document); absent keeps *out; length in bytes min..max,
 * no NUL inside. */
PH_CHECKED enum ph_err ph_json_str(const json_t *object, const char *path, const char *key,
                                   size_t min, size_t max, const char **out,
                                   struct ph_json_why *why);
/* Compact text, keys in insertion order, appended to `out` (unchanged on failure, so below).
 * PH_ERR_LIMIT: it is full; PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_json_dump(const json_t *doc, struct ph_buf *out);
/* RFC 8785 canonical text for documents without fractions: keys sorted by UTF-16 code units.
 * PH_ERR_UNSUPPORTED: a number with a fraction, or an integer beyond 2^53 - 1 either way.
 * PH_ERR_LIMIT: deeper than PH_JSON_DEPTH, or `out` is full; PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_json_canonical(const json_t *doc, struct ph_buf *out);

#endif
