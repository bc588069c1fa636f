#ifndef PH_HTTP_BOUND_H
#define PH_HTTP_BOUND_H

/* Client of a worker that proves itself by evidence, and to which this one proves itself: one TLS
 * 1.3 connection with a certificate from each side (ALPN "phala-ratls/1"), on which requests follow
 * one another, and its exporter value (RFC 9266), which nobody else's connection has. The handshake
 * proves that the peer has its certificate's key, and nothing else: whoever uses this must judge
 * the certificate, and evidence that binds the exporter value, before anything received counts, and
 * send nothing before that which may not be public.
 *
 * Calls block. Layer: http. Tests: bound_test.c, tests/integration/cluster.test.mjs.
 */

#include "base/bytes.h"
#include "http/server.h"

struct ph_http_bound;

enum { PH_HTTP_BOUND_WHY_LEN = 256 };

/**
 * Connect and shake hands.
 *
 * @url        "https://host:port", without a path
 * @own        this side's certificate chain and signer; borrowed for the call. Its `sign` is asked
 *             once
 * @timeout_s  for this call, and for each request
 * @out        on PH_OK, closed by the caller; else untouched
 * @why        written when refused
 *
 * Returns PH_ERR_MALFORMED    no such URL, or no certificate with a P-256 key
 *         PH_ERR_IO           no connection, or no handshake
 *         PH_ERR_UNSUPPORTED  the peer does not do this: an older worker, or none
 *         PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_http_bound_open(const char *url, const struct ph_http_tls *own,
                                          uint32_t timeout_s, struct ph_http_bound **out,
                                          char why[static PH_HTTP_BOUND_WHY_LEN]);
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
 * Returns PH_ERR_IO         no answer in time, or the connection ended
 *         PH_ERR_MALFORMED  an answer that is none, or one without Content-Length
 *         PH_ERR_LIMIT      an answer over the buffer's limit
 * After any of these the connection is of no use.
 */
PH_CHECKED enum ph_err ph_http_bound_post(struct ph_http_bound *bound, const char *path,
                                          struct ph_bytes body, uint16_t *status,
                                          struct ph_buf *answer,
                                          char why[static PH_HTTP_BOUND_WHY_LEN]);
/* Of the connection. */
void ph_http_bound_exporter(const struct ph_http_bound *bound, uint8_t out[static 32]);
/* The peer's certificate, DER; unjudged. A view until ph_http_bound_close. */
struct ph_bytes ph_http_bound_certificate(const struct ph_http_bound *bound);

#endif
