#ifndef PH_CODEC_JREAD_H
#define PH_CODEC_JREAD_H

/* Read members of a scanned document (codec/jscan.h) and say where one is wrong: the same as
 * codec/json.h does over jansson, for the libraries that must not need it.
 *
 * `path` names the object in `why` ("measurements.tdx", "" for the root), `key` the member. An
 * absent member leaves *out alone and is no error. All return PH_ERR_MALFORMED and fill `why` when
 * a member is not what was asked for.
 *
 * Layer: codec. Tests: jread_test.c.
 */

#include "codec/jscan.h"
#include "codec/json_why.h"

#include <stdbool.h>

/* ph_jscan that also refuses a text over max_len, and says in `why` what is wrong. */
PH_CHECKED enum ph_err ph_jread_open(struct ph_bytes text, size_t max_len, struct ph_jtok *toks,
                                     uint32_t tok_cap, struct ph_jdoc *out,
                                     struct ph_json_why *why);

/* The value at `tok` must be an object with no keys but these (NULL-terminated list): typos must
 * not be silently ignored. */
PH_CHECKED enum ph_err ph_jread_only_keys(const struct ph_jdoc *doc, uint32_t tok, const char *path,
                                          const char *const *allowed, struct ph_json_why *why);
/* The same, and each of the keys must be there: for formats without optional members. */
PH_CHECKED enum ph_err ph_jread_all_keys(const struct ph_jdoc *doc, uint32_t tok, const char *path,
                                         const char *const *required, struct ph_json_why *why);
PH_CHECKED enum ph_err ph_jread_int(const struct ph_jdoc *doc, uint32_t object, const char *path,
                                    const char *key, uint64_t min, uint64_t max, uint64_t *out,
                                    struct ph_json_why *why);
PH_CHECKED enum ph_err ph_jread_bool(const struct ph_jdoc *doc, uint32_t object, const char *path,
                                     const char *key, bool *out, struct ph_json_why *why);
/* Characters of a string without escapes, min..max bytes. */
PH_CHECKED enum ph_err ph_jread_str(const struct ph_jdoc *doc, uint32_t object, const char *path,
                                    const char *key, size_t min, size_t max, struct ph_bytes *out,
                                    struct ph_json_why *why);
/* Exactly `len` bytes in hexadecimal; *present tells whether it was there. */
PH_CHECKED enum ph_err ph_jread_hex(const struct ph_jdoc *doc, uint32_t object, const char *path,
                                    const char *key, uint8_t *out, size_t len, bool *present,
                                    struct ph_json_why *why);
/* The same, with or without "0x" in front: Ethereum's way of writing bytes. */
PH_CHECKED enum ph_err ph_jread_hex_0x(const struct ph_jdoc *doc, uint32_t object, const char *path,
                                       const char *key, uint8_t *out, size_t len, bool *present,
                                       struct ph_json_why *why);
/* An RFC 3339 time like 2024-03-13T00:00:00Z as Unix seconds. */
PH_CHECKED enum ph_err ph_jread_time(const struct ph_jdoc *doc, uint32_t object, const char *path,
                                     const char *key, int64_t *out, struct ph_json_why *why);
/* Token of an array of at most `max` elements; of an object. 0 when absent. */
PH_CHECKED enum ph_err ph_jread_array(const struct ph_jdoc *doc, uint32_t object, const char *path,
                                      const char *key, uint32_t max, uint32_t *out,
                                      struct ph_json_why *why);
PH_CHECKED enum ph_err ph_jread_object(const struct ph_jdoc *doc, uint32_t object, const char *path,
                                       const char *key, uint32_t *out, struct ph_json_why *why);

/* Write "path.key: what" and yield PH_ERR_MALFORMED. */
PH_CHECKED enum ph_err ph_jread_bad(struct ph_json_why *why, const char *path, const char *key,
                                    const char *what);

/* Append what a string stands for, escapes resolved, to `out`. PH_ERR_MALFORMED: no string. */
PH_CHECKED enum ph_err ph_jread_unescape(const struct ph_jdoc *doc, uint32_t tok,
                                         struct ph_buf *out);

/* for (uint32_t t = ph_jscan_first(a); ph_jread_in(doc, a, t); t = doc->toks[t].next) */
static inline bool ph_jread_in(const struct ph_jdoc *doc, uint32_t container, uint32_t tok)
{
    return tok < doc->toks[container].next;
}

#endif
