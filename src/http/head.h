#ifndef PH_HTTP_HEAD_H
#define PH_HTTP_HEAD_H

/* The head of an HTTP/1 request: pure parsing, stricter than the grammar's MUST where leniency has
 * led to request smuggling. Lines end in CRLF only; no line folding; no blank before the colon; one
 * Host; Content-Length at most once, digits only, and never beside Transfer-Encoding;
 * Transfer-Encoding is "chunked" and nothing else.
 *
 * Layer: http. Spec: RFC 9112 §2.2, §3, §5, §6. Tests: head_test.c. Fuzz: head_fuzz.c.
 */

#include "http/syntax.h"

enum { PH_HTTP_HOST_MAX = 255, PH_HTTP_FIELDS_MAX = 128 };

struct ph_http_head {
    struct ph_bytes method, target;  /* views into the raw head; target begins with '/' */
    char host[PH_HTTP_HOST_MAX + 1]; /* lower case, no port; "" if there is none */
    size_t host_len;
    size_t block_len;     /* end-to-end fields, see ph_http_head_parse */
    int64_t body_len;     /* -1: chunked */
    bool minor1;          /* HTTP/1.1, else HTTP/1.0 */
    bool keep_alive;      /* what version and Connection field ask for */
    bool expect_continue; /* Expect: 100-continue, HTTP/1.1, and a body is announced */
};

/* Refusal: an HTTP status, a stable code and a sentence for the JSON error body. Static storage. */
struct ph_http_refusal {
    uint16_t status;
    const char *code;
    const char *message;
};

/* Where the head ends: its length with the empty line, or 0 if `got` holds no empty line yet.
 * `from` says how many bytes were searched before (0 at first). */
size_t ph_http_head_end(struct ph_bytes got, size_t from);
/* True if some line so far ends in a bare LF: such a head never gets complete. */
bool ph_http_head_bare_lf(struct ph_bytes got, size_t from);

/* Parse a complete head (its empty line included). `block` has room for raw.len bytes and receives
 * the end-to-end fields as "name: value\n", names in lower case, in order of arrival. False: *no
 * says why, *out and block hold nothing of use. */
PH_CHECKED bool ph_http_head_parse(struct ph_bytes raw, uint8_t *block, struct ph_http_head *out,
                                   struct ph_http_refusal *no);

#endif
