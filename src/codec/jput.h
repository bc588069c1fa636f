#ifndef PH_CODEC_JPUT_H
#define PH_CODEC_JPUT_H

/* A writer of compact JSON into a buffer: for the libraries that must not need jansson. Errors
 * stick: write everything, then ask ph_jput_end once.
 *
 * `key` names a member and is NULL inside arrays and at the root. Keys are our own text: printable
 * ASCII without quote or backslash.
 *
 * Layer: codec. Spec: RFC 8259. Tests: jput_test.c.
 */

#include "base/bytes.h"

enum { PH_JPUT_DEPTH = 16 };

/* Set `out`, zero the rest. */
struct ph_jput {
    struct ph_buf *out;
    enum ph_err err; /* the first failure; nothing is written after it */
    uint32_t depth;
    bool comma;                /* the container at `depth` has a member already */
    char close[PH_JPUT_DEPTH]; /* what ends each open container */
};

void ph_jput_object(struct ph_jput *j, const char *key);
void ph_jput_array(struct ph_jput *j, const char *key);
/* Close the innermost container. */
void ph_jput_close(struct ph_jput *j);

/* Text, escaped. PH_ERR_MALFORMED: no UTF-8. */
void ph_jput_text(struct ph_jput *j, const char *key, struct ph_bytes text);
void ph_jput_str(struct ph_jput *j, const char *key, const char *text);
void ph_jput_int(struct ph_jput *j, const char *key, int64_t v);
void ph_jput_bool(struct ph_jput *j, const char *key, bool v);
void ph_jput_null(struct ph_jput *j, const char *key);
/* Bytes as lower-case hex. */
void ph_jput_hex(struct ph_jput *j, const char *key, struct ph_bytes bytes);
void ph_jput_base64(struct ph_jput *j, const char *key, struct ph_bytes bytes);
/* A Unix time as RFC 3339; 0 as null. */
void ph_jput_time(struct ph_jput *j, const char *key, int64_t s);
/* A value that is JSON already: of our own making. */
void ph_jput_raw(struct ph_jput *j, const char *key, struct ph_bytes json);

/* PH_OK when everything was written and closed. PH_ERR_LIMIT: `out` is full, or too deep.
 * PH_ERR_MALFORMED: a text was no UTF-8. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_jput_end(const struct ph_jput *j);

#endif
