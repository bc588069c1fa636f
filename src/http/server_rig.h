#ifndef PH_HTTP_SERVER_RIG_H
#define PH_HTTP_SERVER_RIG_H

/* For the server's tests: a server and raw client sockets in one thread. What the server does is
 * chosen by the request's path; see server_rig.c.
 *
 * Layer: http, tests only.
 */

#include "base/test.h"

#include "http/server.h"

struct rig {
    struct ph_http_server *server;
    uint16_t port;
    struct ph_http_req *kept; /* the last request of /keep or /pause */
    struct ph_buf body;       /* what on_body brought for the current request */
    struct ph_buf events;     /* one letter per callback: R request, B body, E end, W writable,
                                 C closed after all was sent, X closed before */
    size_t left;              /* /flood: bytes still to write */
    size_t most_queued;
};

void rig_open(struct rig *rig, const struct ph_http_limits *limits, const struct ph_http_tls *tls);
void rig_close(struct rig *rig);
/* One turn of the loop, waiting at most `wait_ms`. */
void rig_turn(struct rig *rig, int wait_ms);

struct client {
    struct rig *rig;
    int fd;
    bool end; /* the server closed */
    struct ph_buf got;
};

void client_open(struct rig *rig, struct client *client);
void client_close(struct client *client);
void client_send(struct client *client, struct ph_bytes bytes);
void client_send_str(struct client *client, const char *text);
/* Turn the loop until what came holds `needle`; fails the test if the server closes or nothing
 * comes. */
void client_expect(struct client *client, const char *needle);
/* Turn the loop until the server has closed. */
void client_expect_end(struct client *client);
/* Read what is there now. */
void client_read(struct client *client, size_t max);
bool client_has(const struct client *client, const char *needle);
/* Turn the loop until the callbacks so far are exactly `events`. */
void rig_expect_events(struct rig *rig, const char *events);
/* Open, send, expect, close. */
void talk(struct rig *rig, const char *request, const char *needle);

#endif
