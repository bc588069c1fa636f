#ifndef PH_NODE_PRIVATE_MESSAGE_H
#define PH_NODE_PRIVATE_MESSAGE_H

/* Between binary HTTP and the HTTP that the server speaks.
 *
 * Layer: node. Pure. Spec: RFC 9292. Tests: private_message_test.c; fuzz: private_message_fuzz.c.
 */

#include "codec/bhttp.h"
#include "http/inner.h"

enum { PH_PRIVATE_HEAD_MAX = 64 * 1024 };

/**
 * The HTTP/1.1 head of a request, for ph_http_inner_begin, which judges names, values and Host as
 * it does those of any request.
 *
 * @head    empty; filled
 * @is_tls  the scheme is https
 *
 * PH_ERR_MALFORMED: scheme, authority or path could be read in more than one way. PH_ERR_LIMIT,
 * PH_ERR_NOMEM.
 */
PH_CHECKED enum ph_err ph_private_head(const struct ph_bhttp_request *request, struct ph_buf *head,
                                       bool *is_tls);

/* Append a whole response: a block's fields of one hop, its date and its length left out, the date
 * of now put in. PH_ERR_LIMIT, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_private_response(uint16_t status, struct ph_bytes headers,
                                           struct ph_bytes body, struct ph_bytes trailers,
                                           int64_t now_s, struct ph_buf *out);

#endif
