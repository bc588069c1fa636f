#ifndef PH_HTTP_SYNTAX_H
#define PH_HTTP_SYNTAX_H

/* The characters of HTTP, and header blocks ("name: value\n" lines), shared by server and client.
 * A block may come from a hostile phat: reading one skips every line that could not be sent.
 *
 * Layer: http. Spec: RFC 9110 §5.1, §5.5, §5.6.2, §7.6.1. Tests: head_test.c. Fuzz: head_fuzz.c.
 */

#include "base/bytes.h"

struct ph_http_field {
    struct ph_bytes name, value;
};

/* token of RFC 9110 §5.6.2, at least one character. */
bool ph_http_is_token(struct ph_bytes text);
/* Field value of RFC 9110 §5.5: HTAB, SP, VCHAR and obs-text; no CR, LF, NUL or other control.
 * Surrounding blanks are not looked at. */
bool ph_http_is_value(struct ph_bytes text);
/* ASCII lower case of one byte. */
uint8_t ph_http_lower(uint8_t c);
/* Same text, ASCII case aside. `lower` is in lower case. */
bool ph_http_is_nocase(struct ph_bytes text, const char *lower);
/* Without leading and trailing SP and HTAB. */
struct ph_bytes ph_http_trim(struct ph_bytes text);

/* Cut a line that ends in CRLF off what was received; the line is without it. False: none. */
bool ph_http_line_next(struct ph_bytes *rest, struct ph_bytes *line);
/* "name: value" as it was received: a token, no blank before the colon. */
PH_CHECKED bool ph_http_field_parse(struct ph_bytes line, struct ph_http_field *out);
/* "HTTP/1.1 200 reason": the reason is nobody's. Three digits, whatever they are. */
PH_CHECKED bool ph_http_status_parse(struct ph_bytes line, uint16_t *out);

/* Cut the next well-formed line off a block; lines with a bad name or value are skipped. False at
 * the end. */
bool ph_http_block_next(struct ph_bytes *rest, struct ph_http_field *out);
/* First value of `name` (lower case) in a block; len 0 if absent. */
struct ph_bytes ph_http_block_find(struct ph_bytes block, const char *name);

/* Fields of one hop, which are never passed on: connection, keep-alive, te, trailer,
 * transfer-encoding, upgrade, proxy-*, expect. [RFC 9110 §7.6.1] */
bool ph_http_is_hop_by_hop(struct ph_bytes name);
/* True if the comma list holds `token` (lower case), case aside. */
bool ph_http_list_has(struct ph_bytes list, const char *token);
/* Cut the next non-empty, trimmed element off a comma list. False at the end. */
bool ph_http_list_next(struct ph_bytes *rest, struct ph_bytes *out);
/* IMF-fixdate, "Sun, 06 Nov 1994 08:49:37 GMT", and nothing else, as seconds since 1970.
 * [RFC 9110 §5.6.7] Printing fails for years that have no four digits. */
enum { PH_HTTP_DATE_LEN = 29 };
PH_CHECKED bool ph_http_date_parse(struct ph_bytes text, int64_t *out);
PH_CHECKED bool ph_http_date_print(int64_t time_s, char out[static PH_HTTP_DATE_LEN + 1]);

/* 1 to 18 digits and nothing else -> value; this is the only accepted form of Content-Length. */
PH_CHECKED bool ph_http_parse_decimal(struct ph_bytes text, int64_t *out);

#endif
