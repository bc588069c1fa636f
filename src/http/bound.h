#ifndef PH_HTTP_BOUND_H
#define PH_HTTP_BOUND_H

/* Client of a server that proves itself by evidence over the connection instead of by a
 * certificate: one TLS 1.3 connection, on which requests follow one another, and its exporter value
 * (RFC 9266), which nobody else's connection has. The server's certificate is not judged: whoever
 * uses this must judge evidence that binds the exporter value before anything received counts, and
 * send nothing before that which may not be public.
 *
 * Calls block. Layer: http. Tests: tests/integration/cluster.test.mjs.
 */

#include "base/bytes.h"

struct ph_http_bound;

/* @url  "https://host:port", without a path. PH_ERR_MALFORMED, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_http_bound_open(const char *url, uint32_t timeout_s,
                                          struct ph_http_bound **out);
void ph_http_bound_close(struct ph_http_bound *bound);
static inline void ph_http_bound_closep(struct ph_http_bound **bound)
{
    ph_http_bound_close(*bound);
}

/**
 * POST a body of bytes and take the answer whole.
 *
 * @path    begins with '/'
 * @status  of the answer, whatever it is
 * @answer  appended; its limit counts
 * @why     written when refused
 *
 * Returns PH_ERR_IO      no connection, no answer in time, or an answer that is none
 *         PH_ERR_LIMIT   an answer over the buffer's limit
 *         PH_ERR_CLOSED  the server ended the connection between two requests: its exporter value
 *                        would be another
 */
PH_CHECKED enum ph_err ph_http_bound_post(struct ph_http_bound *bound, const char *path,
                                          struct ph_bytes body, uint16_t *status,
                                          struct ph_buf *answer, char why[static 256]);
/* Of the connection, once something was answered. PH_ERR_NOT_FOUND: before. */
PH_CHECKED enum ph_err ph_http_bound_exporter(const struct ph_http_bound *bound,
                                              uint8_t out[static 32]);

#endif
