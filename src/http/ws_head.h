#ifndef PH_HTTP_WS_HEAD_H
#define PH_HTTP_WS_HEAD_H

/* The opening of a WebSocket, a client's side: what is asked, and whether the server agreed.
 * Neither extensions (so no compression) nor subprotocols are offered, and a server that picks one
 * is refused.
 *
 * Layer: http. Pure, but for the key's randomness. Spec: RFC 6455 §4.1. Tests: ws_head_test.c,
 * ws_head_fuzz.c.
 */

#include "http/url.h"

enum { PH_HTTP_WS_KEY_LEN = 24, PH_HTTP_WS_HEAD_MAX = 16 * 1024 };

/* Sec-WebSocket-Key: 16 bytes in base64. A string. */
struct ph_http_ws_key {
    char text[PH_HTTP_WS_KEY_LEN + 1];
};
/* A fresh one. PH_ERR_IO: no randomness. */
PH_CHECKED enum ph_err ph_http_ws_key_new(struct ph_http_ws_key *out);

/* Append the request. PH_ERR_LIMIT, PH_ERR_NOMEM: the buffer's. */
PH_CHECKED enum ph_err ph_http_ws_head_put(const struct ph_http_url *url,
                                           const struct ph_http_ws_key *key, struct ph_buf *out);
/* Judge what the server has sent so far; *head_len: where its frames begin.
 * PH_ERR_AGAIN: the head is not whole yet. PH_ERR_MALFORMED: not HTTP/1.1, or fields that are none.
 * PH_ERR_LIMIT: a head over PH_HTTP_WS_HEAD_MAX. PH_ERR_UNSUPPORTED: it does not agree: another
 * status than 101, no answer to this key, or something that was not offered. */
PH_CHECKED enum ph_err ph_http_ws_head_check(struct ph_bytes bytes,
                                             const struct ph_http_ws_key *key, size_t *head_len);

#endif
