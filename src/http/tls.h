#ifndef PH_HTTP_TLS_H
#define PH_HTTP_TLS_H

/* Server side of TLS 1.2 and 1.3 over GnuTLS, on non-blocking sockets with edge-triggered
 * readiness. The private key stays elsewhere: the handshake's one signature is asked for through
 * ph_http_tls.sign. Only forward-secret key exchange and AEAD ciphers; no session tickets, so that
 * every handshake is signed by the key's holder.
 *
 * Layer: http. Tests: server_tls_test.c.
 */

#include "http/server.h"

struct ph_http_identity; /* certificate chain and signer, shared by the sessions of a listener */
struct ph_http_session;  /* TLS state of one connection */

/* `tls` and its callback's ctx must outlive the identity. PH_ERR_MALFORMED: no certificate with a
 * P-256 key in the PEM. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_http_identity_new(const struct ph_http_tls *tls,
                                            struct ph_http_identity **out);
void ph_http_identity_free(struct ph_http_identity *identity);

/* `fd` is borrowed. */
PH_CHECKED enum ph_err ph_http_session_new(const struct ph_http_identity *identity, int fd,
                                           struct ph_http_session **out);
void ph_http_session_free(struct ph_http_session *session);

/* The socket became readable; `hup`: the peer has ended its side. */
void ph_http_session_readable(struct ph_http_session *session, bool hup);
/* PH_OK: done. PH_ERR_AGAIN: call again when something moved. PH_ERR_IO: the handshake failed. */
PH_CHECKED enum ph_err ph_http_session_handshake(struct ph_http_session *session);
/* Clear bytes; *got 0 is the peer's orderly end. PH_ERR_AGAIN, PH_ERR_IO. */
PH_CHECKED enum ph_err ph_http_session_recv(struct ph_http_session *session, uint8_t *into,
                                            size_t len, size_t *got);
/* Send from the front of `data`; *sent bytes are gone. After PH_ERR_AGAIN the next call has the
 * same bytes in front. PH_ERR_IO. */
PH_CHECKED enum ph_err ph_http_session_send(struct ph_http_session *session, struct ph_bytes data,
                                            size_t *sent);
/* The exporter value of a finished TLS 1.3 handshake: RFC 9266. `session` is a gnutls_session_t.
 * PH_ERR_UNSUPPORTED: an older TLS, whose value may not be unique. */
PH_CHECKED enum ph_err ph_http_tls_exporter(void *session, uint8_t out[static 32]);
PH_CHECKED enum ph_err ph_http_session_exporter(const struct ph_http_session *session,
                                                uint8_t out[static 32]);
/* Say that no more comes (close_notify); best effort. */
void ph_http_session_bye(struct ph_http_session *session);

#endif
