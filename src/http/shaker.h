#ifndef PH_HTTP_SHAKER_H
#define PH_HTTP_SHAKER_H

/* TLS handshakes, on a thread of their own: they wait for whoever holds the key, and GnuTLS cannot
 * leave a handshake at its signature and come back. A connection belongs to the thread from
 * ph_http_shaker_ask until ph_http_shaker_next has given it back; meanwhile the loop leaves its
 * session and its descriptor alone.
 *
 * Layer: http. Tests: server_tls_test.c.
 */

#include "base/bytes.h"

struct ph_http_conn;
struct ph_http_shaker;

/* PH_ERR_NOMEM, PH_ERR_IO: no thread or descriptor. */
PH_CHECKED enum ph_err ph_http_shaker_open(struct ph_http_shaker **out);
/* Waits for the handshake under way to come to its next stop; nothing belongs to the thread
 * afterwards. NULL is fine. */
void ph_http_shaker_close(struct ph_http_shaker *shaker);
/* Readable when ph_http_shaker_next has something. */
int ph_http_shaker_fd(const struct ph_http_shaker *shaker);

/* Go on with the handshake of `conn`, which does not belong to the thread. */
void ph_http_shaker_ask(struct ph_http_shaker *shaker, struct ph_http_conn *conn);
/* `conn` is not wanted any more: if its turn has not come it is given back undone. */
void ph_http_shaker_forget(struct ph_http_shaker *shaker, struct ph_http_conn *conn);
/* The next connection that is the loop's again, or NULL. *result as of ph_http_session_handshake.
 */
struct ph_http_conn *ph_http_shaker_next(struct ph_http_shaker *shaker, enum ph_err *result);

#endif
