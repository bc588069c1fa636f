#ifndef PH_HTTP_TRUST_H
#define PH_HTTP_TRUST_H

/* Certificate roots, parsed once for all connections: libcurl with GnuTLS would parse the bundle
 * anew, some 20 ms, in every handshake.
 *
 * Layer: http. Tests: client_test.c.
 */

#include "base/bytes.h"

struct ph_http_trust;

/* ca_file NULL: the system's bundle. extra_pem: further roots, or NULL. PH_ERR_IO: a file is not
 * there; PH_ERR_MALFORMED: no certificate in it; PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_http_trust_new(const char *ca_file, const char *extra_pem,
                                         struct ph_http_trust **out);
void ph_http_trust_free(struct ph_http_trust *trust);
/* Judge the certificate that the peer of a finished handshake has shown: chain to a root, validity
 * now, purpose TLS server, the name. `session` is a gnutls_session_t. `host` is a name or an
 * address, without brackets. PH_ERR_UNTRUSTED. */
PH_CHECKED enum ph_err ph_http_trust_check(const struct ph_http_trust *trust, void *session,
                                           const char *host);

#endif
