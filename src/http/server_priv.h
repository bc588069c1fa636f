#ifndef PH_HTTP_SERVER_PRIV_H
#define PH_HTTP_SERVER_PRIV_H

/* The server's inside: one object per connection, which carries one exchange at a time.
 *
 *   server.c   life of the server, its loop, what was asked
 *   listen.c   listeners, accept, caps
 *   conn.c     socket and timers of a connection
 *   shaker.c   the thread of TLS handshakes
 *   exchange.c states of a connection: head, exchange, drain, linger
 *   respond.c  answers
 *   inner.c    requests that came inside another message
 *
 * Sockets are registered once, edge-triggered; `readable` and `writable` remember what the last
 * event said. Nothing is freed while the loop may still hold a pointer: dead connections wait on a
 * list until the end of the turn.
 */

#include "http/chunked.h"
#include "http/head.h"
#include "http/peers.h"
#include "http/server.h"
#include "http/shaker.h"
#include "http/tls.h"

#include <sys/uio.h>

enum {
    PH_HTTP_SCRATCH = 64 * 1024,
    PH_HTTP_IN_FIRST = 2048,        /* room for a head that an idle connection keeps */
    PH_HTTP_DRAIN_MAX = 256 * 1024, /* unread request body that is swallowed to keep a connection */
    PH_HTTP_LINGER_MAX = 1024 * 1024, /* bytes discarded after the last answer */
    PH_HTTP_LINGER_MS = 2000,
    PH_HTTP_MOVE_MIN = 1024, /* bytes that count as progress */
    PH_HTTP_STEP_MAX = 16,   /* requests or reads of one connection per turn */
    PH_HTTP_KEEP_OUT = 16 * 1024,
};

enum ph_http_state { /* of a connection */
                     PH_HTTP_HANDSHAKE,
                     PH_HTTP_HEAD,
                     PH_HTTP_EXCHANGE, /* between on_request and on_closed */
                     PH_HTTP_DRAIN,    /* swallowing the rest of an answered request's body */
                     PH_HTTP_LINGER,   /* last answer sent or being sent; reading until the peer
                                          closes */
                     PH_HTTP_DEAD,
};

enum ph_http_timer {
    PH_HTTP_T_NONE,
    PH_HTTP_T_HEAD,
    PH_HTTP_T_IDLE,
    PH_HTTP_T_LINGER,
    PH_HTTP_T_CNT
};

enum ph_http_framing {                 /* of an answer */
                       PH_HTTP_F_NONE, /* no body goes out: HEAD, 204, 304 */
                       PH_HTTP_F_LENGTH,
                       PH_HTTP_F_CHUNKED,
                       PH_HTTP_F_CLOSE,
};

enum ph_http_source_kind { PH_HTTP_SRC_LISTENER, PH_HTTP_SRC_CONN, PH_HTTP_SRC_SHAKER };

struct ph_http_conn;

/* Doubly linked; a connection is on at most one timer list. Constant time-outs keep each list in
 * order of expiry. */
struct ph_http_list {
    struct ph_http_conn *first, *last;
};

struct ph_http_inner;

struct ph_http_req {
    struct ph_http_inner *inner; /* NULL: of a connection; else nothing here knows one */
    bool any_origin;
    struct ph_http_head head;
    void *user;
    /* request body */
    int64_t body_left; /* with Content-Length */
    struct ph_http_chunked chunked;
    bool body_done, paused, expect;
    /* answer */
    bool one_piece, begun, answered, above;
    bool keep_alive;
    enum ph_http_framing framing;
    int64_t out_left; /* PH_HTTP_F_LENGTH: bytes still owed */
};

struct ph_http_conn {
    enum ph_http_source_kind kind; /* first member: what epoll's pointer leads to */
    uint8_t state, timer;
    bool in_step, queued, readable, writable, rdhup, broken, reset, shut;
    int fd;
    struct ph_http_server *server;
    struct ph_http_listener *listener;
    struct ph_http_session *tls; /* NULL: plain */
    bool shaking;                /* tls and fd belong to the shaker's thread */
    bool missed;                 /* something moved on the socket meanwhile */
    bool greeted;                /* the first bytes are there */
    bool forgotten;
    enum ph_err shake_result;
    struct ph_http_conn *shake_next;
    struct ph_http_peer *peer;
    char remote[64];
    struct ph_http_conn *prev, *next;             /* all connections, then the dead */
    struct ph_http_conn *timer_prev, *timer_next; /* timer list */
    struct ph_http_conn *work_next;
    int64_t deadline_ms;
    size_t moved, discarded;
    /* input: the head stands at the front of `in`; unread bytes are in[in_off..] or, if that is
     * empty, rest[rest_off..] */
    uint8_t *in, *block;
    size_t in_cap, block_cap, in_len, in_off, searched;
    struct ph_buf rest;
    size_t rest_off;
    struct ph_buf out;
    size_t out_off;
    struct ph_http_req req;
};

struct ph_http_listener {
    enum ph_http_source_kind kind;
    int fd;
    uint32_t tag;
    struct ph_http_server *server;
    struct ph_http_identity *identity; /* NULL: plain */
    char *unix_path;                   /* NULL: TCP, or retired */
    bool retired;                      /* closed by unlisten */
    struct ph_http_listener *next;
};

struct ph_http_server {
    struct ph_http_limits limits;
    struct ph_http_handler handler;
    int epoll_fd, spare_fd;
    uint32_t conn_cnt, req_cnt;
    int depth; /* > 0 inside ph_http_server_run */
    bool quiesced, closed;
    struct ph_http_listener *listeners;
    struct ph_http_list conns, dead, timers[PH_HTTP_T_CNT];
    struct ph_http_conn *work_first, *work_last;
    struct ph_http_inner *inner_first, *inner_last; /* to be advanced in the next turn */
    int64_t now_ms;
    int64_t date_s;
    char date[40]; /* "date: …\r\n" of second date_s */
    struct ph_buf head_buf;
    struct ph_http_peers peers;
    struct ph_http_shaker *shaker; /* NULL without TLS listeners */
    enum ph_http_source_kind shaker_source;
    uint8_t scratch[PH_HTTP_SCRATCH];
};

static inline struct ph_http_conn *ph_http_conn_of(const struct ph_http_req *req)
{
    return (struct ph_http_conn *)((uintptr_t)req - offsetof(struct ph_http_conn, req));
}

/* listen.c */
void ph_http_listener_accept(struct ph_http_listener *listener);
void ph_http_listeners_close(struct ph_http_server *server);

/* conn.c */
PH_CHECKED enum ph_err ph_http_conn_new(struct ph_http_listener *listener, int fd,
                                        struct ph_http_peer *peer, const char *remote);
/* Close the descriptor, now or when the shaker gives it back, and put the connection on the dead
 * list; the exchange must be over. */
void ph_http_conn_kill(struct ph_http_conn *conn);
void ph_http_conn_free(struct ph_http_conn *conn);
/* Have ph_http_conn_step run in the next turn. */
void ph_http_conn_queue(struct ph_http_conn *conn);
void ph_http_timer_set(struct ph_http_conn *conn, enum ph_http_timer timer);
/* Bytes went through: progress of slow peers is measured here. */
void ph_http_conn_moved(struct ph_http_conn *conn, size_t n);
static inline size_t ph_http_conn_queued(const struct ph_http_conn *conn)
{
    return conn->out.len - conn->out_off;
}
/* Send what the socket takes; failures set conn->broken. */
void ph_http_conn_flush(struct ph_http_conn *conn);
/* Send pieces at once if nothing waits, and queue (copy) what is left. */
void ph_http_conn_send(struct ph_http_conn *conn, const struct iovec *iov, int cnt);
/* Up to len bytes; 0: nothing now, the end, or broken (see conn's flags). */
size_t ph_http_conn_recv(struct ph_http_conn *conn, uint8_t *into, size_t len, bool *end);

/* inner.c */
void ph_http_inner_run_all(struct ph_http_server *server);
void ph_http_inner_respond(struct ph_http_inner *inner, uint16_t status, struct ph_bytes headers,
                           struct ph_bytes body);
void ph_http_inner_start(struct ph_http_inner *inner, uint16_t status, struct ph_bytes headers);
size_t ph_http_inner_write(struct ph_http_inner *inner, struct ph_bytes data);
void ph_http_inner_end(struct ph_http_inner *inner, struct ph_bytes trailers);
void ph_http_inner_abort(struct ph_http_inner *inner);
void ph_http_inner_resume(struct ph_http_inner *inner);
struct ph_bytes ph_http_inner_block(const struct ph_http_inner *inner);
uint32_t ph_http_inner_tag(const struct ph_http_inner *inner);
bool ph_http_inner_is_tls(const struct ph_http_inner *inner);
const char *ph_http_inner_remote(const struct ph_http_inner *inner);

/* exchange.c */
/* The shaker gave it back. */
void ph_http_conn_shaken(struct ph_http_conn *conn, enum ph_err result);
/* Do all that can be done now. */
void ph_http_conn_step(struct ph_http_conn *conn);
void ph_http_conn_expired(struct ph_http_conn *conn);
/* Cut it: on_closed(false) if an exchange is open. */
void ph_http_conn_cut(struct ph_http_conn *conn);

/* respond.c */
const char *ph_http_date(struct ph_http_server *server);
void ph_http_refuse(struct ph_http_conn *conn, const struct ph_http_refusal *refusal);

#endif
