#ifndef PH_HTTP_SERVER_H
#define PH_HTTP_SERVER_H

/* The HTTP/1.1 server: requests in, answers out, on the caller's event loop and thread.
 *
 * One server serves any number of listeners. Nothing here blocks; TLS handshakes run on a thread of
 * the server's. Callbacks run inside ph_http_server_run (on_closed also inside
 * ph_http_server_close); a callback may call any function of this header except ph_http_server_run.
 * A request is valid from on_request until on_closed returns; exactly one on_closed comes for each
 * on_request, never from inside a respond function.
 *
 * Malformed or unacceptable requests never reach the handler: they are answered with 400, 408, 417,
 * 431, 501 or 505 and {"error":{"code":…,"message":…}}, and the connection ends.
 *
 * Layer: http. Spec: RFC 9110, RFC 9112. Tests: server_test.c, server_pressure_test.c,
 * server_tls_test.c (real sockets on loopback), head_test.c. Fuzz: server_fuzz.c, head_fuzz.c. Why
 * not a library: docs/adr/0003-http-server.md
 */

#include "base/bytes.h"

#include <stdbool.h>

struct ph_http_server;
struct ph_http_req;

struct ph_http_limits {
    uint32_t header_bytes; /* request line and headers together; 431 over it; default 32 KiB */
    uint32_t
        connections; /* all listeners together; further ones are closed at accept; default 4096 */
    uint32_t per_address;      /* connections of one remote address; default 1024 */
    uint32_t header_timeout_s; /* from accept, or from the previous answer, to complete headers;
                                  default 10 */
    uint32_t idle_timeout_s;   /* for 1 KiB to move while the peer owes bytes or has bytes to take;
                                  default 60. Waiting for the handler has no limit */
};
struct ph_http_limits ph_http_limits_default(void);

/* One server-side TLS identity. The private key stays elsewhere: `sign` is called during
 * handshakes, on the server's thread for them, and may take its time: later handshakes wait behind
 * it, nothing else does. It is also called once by ph_http_server_listen, to see that it fits the
 * certificate. */
struct ph_http_tls {
    struct ph_bytes cert_chain_pem; /* leaf first; P-256 leaf key */
    /* Sign a digest (already hashed) with the leaf's key: ECDSA, DER-encoded into sig (room for 80
     * bytes). */
    enum ph_err (*sign)(void *ctx, struct ph_bytes digest, uint8_t *sig, size_t *sig_len);
    void *ctx;
    /* Shown instead to peers that prove themselves by a certificate of their own (ALPN
     * "phala-ratls/1": http/bound.h); the same leaf key. Empty: that is not offered. */
    struct ph_bytes mutual_chain_pem;
};

struct ph_http_handler {
    /* Headers are complete. Answer at once, later, or after the body. */
    void (*on_request)(void *ctx, struct ph_http_req *req);
    /* A piece of the request body, decoded. Not called while paused or after an answer was
     * completed. */
    void (*on_body)(void *ctx, struct ph_http_req *req, struct ph_bytes data);
    /* The body is complete (also for requests without one). Not called after an answer was
     * completed. */
    void (*on_body_end)(void *ctx, struct ph_http_req *req);
    /* Streamed output fell below PH_HTTP_LOW_WATER queued bytes after having been above. */
    void (*on_writable)(void *ctx, struct ph_http_req *req);
    /* The exchange is over: `sent_all` says whether the answer left completely. Last use of req. */
    void (*on_closed)(void *ctx, struct ph_http_req *req, bool sent_all);
    void *ctx;
};

enum { PH_HTTP_LOW_WATER = 64 * 1024, PH_HTTP_HIGH_WATER = 256 * 1024 };

/* PH_ERR_NOMEM, PH_ERR_IO. */
PH_CHECKED enum ph_err ph_http_server_open(const struct ph_http_limits *limits,
                                           const struct ph_http_handler *handler,
                                           struct ph_http_server **out);
/* Add a listener on a numeric address ("127.0.0.1", "::1", port 0 = any), or on a Unix socket path
 * (mode 0600; port ignored) when address starts with '/'. tls NULL: plain. `tag` is what
 * ph_http_req_tag gives for its requests. *port_out (may be NULL) receives the bound port.
 * PH_ERR_IO: errno says why. */
PH_CHECKED enum ph_err ph_http_server_listen(struct ph_http_server *server, const char *address,
                                             uint16_t port, const struct ph_http_tls *tls,
                                             uint32_t tag, uint16_t *port_out);
/* From now on connections of all TLS listeners are shown these certificates; those that stand keep
 * theirs. Errors as of ph_http_server_listen; the old ones then stay. */
PH_CHECKED enum ph_err ph_http_server_set_tls(struct ph_http_server *server,
                                              const struct ph_http_tls *tls);
/* Close the listener on a Unix socket path and remove the socket; connections live on. Listening
 * with its tag again takes its place. */
void ph_http_server_unlisten(struct ph_http_server *server, const char *path);
/* Integration: wait for this descriptor to be readable or for the timeout (ms, -1 = none), then
 * run. Ask for the timeout anew before each wait: it is 0 while streamed output or closed exchanges
 * wait for the next turn. */
int ph_http_server_fd(const struct ph_http_server *server);
int ph_http_server_timeout_ms(struct ph_http_server *server);
void ph_http_server_run(struct ph_http_server *server);
/* Stop accepting; connections idle now are closed, others after their answer, and those whose
 * peers send no more, which may be gone, after it or two seconds. */
void ph_http_server_quiesce(struct ph_http_server *server);
/* Open requests, open connections. */
uint32_t ph_http_server_req_cnt(const struct ph_http_server *server);
uint32_t ph_http_server_conn_cnt(const struct ph_http_server *server);
/* Close everything; on_closed comes for open requests. */
void ph_http_server_close(struct ph_http_server *server);

/* What was asked. Views are valid until on_closed. */
struct ph_bytes ph_http_req_method(const struct ph_http_req *req);
struct ph_bytes
ph_http_req_target(const struct ph_http_req *req); /* raw path and query, begins with '/' */
struct ph_bytes ph_http_req_host(
    const struct ph_http_req *req); /* Host header, lower-cased, port removed; may be empty */
uint32_t ph_http_req_tag(const struct ph_http_req *req);
bool ph_http_req_is_tls(const struct ph_http_req *req);
/* Exporter value of the request's connection (RFC 9266), which no other connection has.
 * PH_ERR_UNSUPPORTED: plain, or a TLS before 1.3. */
PH_CHECKED enum ph_err ph_http_req_exporter(const struct ph_http_req *req, uint8_t out[static 32]);
/* The certificate by which the peer has proved itself in the handshake, DER, unjudged; empty: none.
 * A view until on_closed. */
struct ph_bytes ph_http_req_peer_certificate(const struct ph_http_req *req);
/* It came inside another message: http/inner.h. */
bool ph_http_req_is_inner(const struct ph_http_req *req);
void ph_http_req_remote(const struct ph_http_req *req,
                        char out[static 64]); /* "127.0.0.1", "::1", "unix" */
/* First value of a header, name in lower case; len 0 if absent. */
struct ph_bytes ph_http_req_header(const struct ph_http_req *req, const char *name);
/* All end-to-end headers as a block "name: value\n", names lower-case, in arrival order; hop-by-hop
 * fields (connection, keep-alive, te, trailer, transfer-encoding, upgrade, proxy-*, expect) are
 * left out. */
struct ph_bytes ph_http_req_headers(struct ph_http_req *req);
/* Declared length, or -1 if unknown (chunked). 0 when there is no body. */
int64_t ph_http_req_body_len(const struct ph_http_req *req);
void *ph_http_req_user(const struct ph_http_req *req);
void ph_http_req_set_user(struct ph_http_req *req, void *user);

/* Web pages of any origin may read the answer (CORS protocol of the Fetch standard); said before
 * answering. */
void ph_http_req_allow_any_origin(struct ph_http_req *req);

/* Back-pressure for uploads: stop and restart on_body. Nests not; default is running. */
void ph_http_req_pause(struct ph_http_req *req);
void ph_http_req_resume(struct ph_http_req *req);

/* Answer in one piece. `headers` is a block as above; content-length is added; `date` and
 * `connection` are the server's business; hop-by-hop names in the block are ignored. The body is
 * copied. A body is not sent for HEAD, 204, 304. Calling any respond function when the answer was
 * already begun in one piece, or after on_closed, is a bug (assert). A status outside 200..599
 * becomes 502; lines with a bad name or value are dropped. */
void ph_http_respond(struct ph_http_req *req, uint16_t status, struct ph_bytes headers,
                     struct ph_bytes body);
/* Answer as a stream: chunked, or with the length if the block carries content-length, which must
 * then be kept: more or less cuts the connection. HTTP/1.0 clients get it up to the end of the
 * connection. The head leaves with the first piece or in the next turn. */
void ph_http_respond_start(struct ph_http_req *req, uint16_t status, struct ph_bytes headers);
/* Queue a piece; yields the bytes now queued: over PH_HTTP_HIGH_WATER, stop until on_writable. */
size_t ph_http_respond_write(struct ph_http_req *req, struct ph_bytes data);
/* Finish; `trailers` is a header block, sent as chunked trailer fields (may be empty). */
void ph_http_respond_end(struct ph_http_req *req, struct ph_bytes trailers);
/* Give up: the connection is cut, so that the client sees an incomplete answer. */
void ph_http_respond_abort(struct ph_http_req *req);

#endif
