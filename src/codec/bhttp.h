#ifndef PH_CODEC_BHTTP_H
#define PH_CODEC_BHTTP_H

/* Binary HTTP: whole requests and responses, as they travel inside an Oblivious HTTP envelope.
 *
 * The reader takes both framings (known and indeterminate length) and yields views into its input;
 * it checks framing, padding, and that no name or value holds a control character. What an HTTP
 * server makes of a message (tokens, Host, hop-by-hop fields) is the caller's. The writer makes the
 * known-length form.
 *
 * Layer: codec. Pure. Spec: RFC 9292. Tests: bhttp_test.c, bhttp_fuzz.c.
 */

#include "base/bytes.h"

#include <stdbool.h>

enum {
    PH_BHTTP_FIELDS_MAX = 256,       /* field lines of one section */
    PH_BHTTP_INFORMATIONAL_MAX = 16, /* 1xx responses before the final one */
};

/* A field section whose every line was found whole: cut lines off with ph_bhttp_field_next. */
struct ph_bhttp_fields {
    struct ph_bytes lines;
};

struct ph_bhttp_field {
    struct ph_bytes name, value;
};

/* Content: one view, or the chunks of an indeterminate-length message. */
struct ph_bhttp_content {
    struct ph_bytes raw; /* with chunk lengths when `chunked` */
    size_t len;          /* bytes of content */
    bool chunked;
};

struct ph_bhttp_request {
    struct ph_bytes method, scheme, authority, path;
    struct ph_bhttp_fields fields, trailers;
    struct ph_bhttp_content content;
};

struct ph_bhttp_response {
    uint16_t status; /* 200 to 599; informational ones before it are passed over */
    struct ph_bhttp_fields fields, trailers;
    struct ph_bhttp_content content;
};

/* Parse one whole message; views last as long as `message`.
 *
 * PH_ERR_MALFORMED    cut off inside a part, a length beyond the end, padding that is not zero, a
 *                     control character in a name, value or control data, an empty name, a status
 *                     out of place
 * PH_ERR_UNSUPPORTED  a framing indicator of another kind of message
 * PH_ERR_LIMIT        more field lines or informational responses than the limits above
 */
PH_CHECKED enum ph_err ph_bhttp_request_parse(struct ph_bytes message,
                                              struct ph_bhttp_request *out);
PH_CHECKED enum ph_err ph_bhttp_response_parse(struct ph_bytes message,
                                               struct ph_bhttp_response *out);

/* The next line of a parsed section; false at its end. */
PH_CHECKED bool ph_bhttp_field_next(struct ph_bhttp_fields *fields, struct ph_bhttp_field *out);
/* First value of `name` (lower case); len 0 if absent. */
struct ph_bytes ph_bhttp_field_find(struct ph_bhttp_fields fields, const char *name);
/* Append the content, chunks put together. PH_ERR_LIMIT, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_bhttp_content_add(const struct ph_bhttp_content *content,
                                            struct ph_buf *out);

/* Writing, known length: control data, then a field section, content, another field section.
 * A section is built line by line in a buffer of its own. All: PH_ERR_LIMIT, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_bhttp_put_request(struct ph_buf *out, struct ph_bytes method,
                                            struct ph_bytes scheme, struct ph_bytes authority,
                                            struct ph_bytes path);
PH_CHECKED enum ph_err ph_bhttp_put_response(struct ph_buf *out, uint16_t status);
PH_CHECKED enum ph_err ph_bhttp_put_field(struct ph_buf *section, struct ph_bytes name,
                                          struct ph_bytes value);
/* A section or content with its length before it. */
PH_CHECKED enum ph_err ph_bhttp_put_part(struct ph_buf *out, struct ph_bytes part);

#endif
