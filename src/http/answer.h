#ifndef PH_HTTP_ANSWER_H
#define PH_HTTP_ANSWER_H

/* Reader of the head of an HTTP/1.1 answer with a body of known length, from bytes that grow: what
 * workers say to each other.
 *
 * Layer: http. Pure. Spec: RFC 9112 §4, §5, §6.2. Tests: answer_test.c, answer_fuzz.c.
 */

#include "base/bytes.h"

enum {
    PH_HTTP_ANSWER_HEAD_MAX = 16 * 1024,
    PH_HTTP_ANSWER_BODY_MAX = 1 << 30,
};

struct ph_http_answer {
    uint16_t status; /* 200 to 599 */
    size_t head_len; /* with the empty line */
    uint32_t body_len;
};

/* PH_ERR_AGAIN: the head is not whole yet. PH_ERR_MALFORMED: no HTTP/1.1 answer, fields that are
 * none, Transfer-Encoding, no Content-Length, several, or one over PH_HTTP_ANSWER_BODY_MAX; an
 * interim answer. PH_ERR_LIMIT: a head over PH_HTTP_ANSWER_HEAD_MAX. */
PH_CHECKED enum ph_err ph_http_answer_parse(struct ph_bytes bytes, struct ph_http_answer *out);

#endif
