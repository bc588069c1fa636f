#ifndef PH_NODE_TLS_H
#define PH_NODE_TLS_H

/* The worker's TLS certificate: the key stays in phala-keyd, which signs handshakes and, for the
 * self-signed certificate, its TBSCertificate.
 *
 * Layer: node. Spec: RFC 5280. Tests: tests/integration/tls.test.mjs.
 */

#include "http/server.h"
#include "node/node.h"

/* A self-signed certificate for the worker's TLS key, one year from now, for `domain` and *.domain
 * (NULL: localhost and the loopback addresses), as PEM appended to `out`. */
PH_CHECKED enum ph_err ph_tls_self_signed(struct ph_keyd_client *keyd,
                                          const uint8_t tls_pub[static 64], const char *domain,
                                          int64_t now_s, struct ph_buf *out);
/* The server's sign callback; ctx is the keyd client. */
PH_CHECKED enum ph_err ph_tls_sign(void *keyd, struct ph_bytes digest, uint8_t *sig,
                                   size_t *sig_len);

#endif
