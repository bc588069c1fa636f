#ifndef PH_NODE_TLS_H
#define PH_NODE_TLS_H

/* Certificates of the worker's TLS key, which stays in phala-keyd: it signs handshakes and
 * TBSCertificates.
 *
 * Layer: node. Spec: RFC 5280. Tests: tests/integration/tls.test.mjs.
 */

#include "codec/cert_put.h"
#include "node/keyd_client.h"

/* A self-signed certificate for the worker's TLS key, a week from now, for `domain` and *.domain
 * (NULL: localhost and the loopback addresses), with extensions, as PEM appended to `out`. */
PH_CHECKED enum ph_err ph_tls_self_signed(struct ph_keyd_client *keyd, const char *domain,
                                          int64_t now_s, const struct ph_cert_ext *ext,
                                          size_t ext_cnt, struct ph_buf *out);
/* The server's sign callback; ctx is the keyd client. */
PH_CHECKED enum ph_err ph_tls_sign(void *keyd, struct ph_bytes digest, uint8_t *sig,
                                   size_t *sig_len);

#endif
