#ifndef PH_HTTP_TEST_WS_SERVER_H
#define PH_HTTP_TEST_WS_SERVER_H

/* A WebSocket server for tests, on a thread of its own: one connection after the other, each
 * served by a script of the test's, which may be as wrong as it likes. Frames are made here by
 * hand: the client's library has no part in them.
 *
 * Layer: http, tests only. Spec: RFC 6455.
 */

#include "http/tls_rig.h"

struct test_ws_peer {
    int fd;
    void *session;    /* gnutls_session_t; NULL: plain */
    char head[4096];  /* of the request: a string */
    unsigned turn;    /* which connection this is, from 0 */
    const void *what; /* the server's */
};

struct test_ws_server {
    int fd;
    uint16_t port;
    struct ph_http_identity *identity;
    void (*serve)(struct test_ws_peer *peer);
    const void *what; /* for the script */
    pthread_t thread;
};

void test_ws_server_open(struct test_ws_server *server, const struct tls_rig *tls,
                         void (*serve)(struct test_ws_peer *peer), const void *what);
void test_ws_server_close(struct test_ws_server *server);

/* For scripts. False: the client is gone. */
bool test_ws_write(struct test_ws_peer *peer, const void *bytes, size_t len);
/* Read the request's head. */
bool test_ws_ask(struct test_ws_peer *peer);
/* Read the request, and agree to it. */
bool test_ws_agree(struct test_ws_peer *peer);
/* Send a frame; `first`: FIN, RSV and opcode. */
bool test_ws_frame(struct test_ws_peer *peer, uint8_t first, const void *payload, size_t len);
/* The client's next frame: its first byte, and its payload of at most `cap` bytes; the rest is
 * read and dropped. *len is the whole length. False also when it is not masked. */
bool test_ws_next(struct test_ws_peer *peer, uint8_t *first, void *payload, size_t cap,
                  size_t *len);
/* Until the client hangs up. */
void test_ws_wait(struct test_ws_peer *peer);

#endif
