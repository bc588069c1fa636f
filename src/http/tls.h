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

struct ph_http_identity; /* certificate chains and signer, shared by the sessions of a listener */
struct ph_http_session;  /* TLS state of one connection */

/* Peers that offer this protocol prove themselves by a certificate, and are shown the chain for
 * them: HTTP/1.1 between workers that judge each other's evidence. */
#define PH_HTTP_ALPN_MUTUAL "phala-ratls/1"

/* `tls` is copied; its callback's ctx must outlive the identity and its sessions, which share it.
 * PH_ERR_MALFORMED: no certificate with a P-256 key in a PEM. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_http_identity_new(const struct ph_http_tls *tls,
                                            struct ph_http_identity **out);
/* Let go of it; it lives on until its last session is over. */
void ph_http_identity_free(struct ph_http_identity *identity);
/* The first chain and the signer, as gnutls_certificate_credentials_t: for a client. */
void *ph_http_identity_credentials(const struct ph_http_identity *identity);

/* `fd` is borrowed. */
PH_CHECKED enum ph_err ph_http_session_new(struct ph_http_identity *identity, int fd,
                                           struct ph_http_session **out);
void ph_http_session_free(struct ph_http_session *session);

/* The socket became readable; `hup`: the peer has ended its side. */
void ph_http_session_readable(struct ph_http_session *session, bool hup);
/* PH_OK: done. PH_ERR_AGAIN: call again when something moved. PH_ERR_IO: the handshake failed. */
PH_CHECKED enum ph_err ph_http_session_handshake(struct ph_http_session *session);
/* Clear bytes; *got 0 is the peer's orderly end. `*more`: another call may give more before the
 * socket becomes readable again. PH_ERR_AGAIN, PH_ERR_IO. */
PH_CHECKED enum ph_err ph_http_session_recv(struct ph_http_session *session, uint8_t *into,
                                            size_t len, size_t *got, bool *more);
/* Send from the front of `data`; *sent bytes are gone. After PH_ERR_AGAIN the next call has the
 * same bytes in front. PH_ERR_IO. */
PH_CHECKED enum ph_err ph_http_session_send(struct ph_http_session *session, struct ph_bytes data,
                                            size_t *sent);
/* The exporter value of a finished TLS 1.3 handshake: RFC 9266. `session` is a gnutls_session_t.
 * PH_ERR_UNSUPPORTED: an older TLS, whose value may not be unique. */
PH_CHECKED enum ph_err ph_http_tls_exporter(void *session, uint8_t out[static 32]);
PH_CHECKED enum ph_err ph_http_session_exporter(const struct ph_http_session *session,
                                                uint8_t out[static 32]);
/* The certificate that the peer has shown and proved to have the key of, DER, unjudged; empty:
 * none. A view as long as the session. */
struct ph_bytes ph_http_tls_peer(void *session);
struct ph_bytes ph_http_session_peer(const struct ph_http_session *session);
/* Say that no more comes (close_notify); best effort. */
void ph_http_session_bye(struct ph_http_session *session);

#endif
