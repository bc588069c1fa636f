#ifndef PH_HTTP_CLIENT_RIG_H
#define PH_HTTP_CLIENT_RIG_H

/* For the client's tests: an upstream server whose answers are chosen by the path, a client that
 * may reach it, and one fetch under test, in one thread.
 *
 * Layer: http, tests only.
 */

#include "base/test.h"

#include "http/client.h"
#include "http/server.h"
#include "http/tls_rig.h"

#include <stdio.h>
#include <stdlib.h>

struct egress_rig {
    struct ph_http_server *server;
    struct ph_http_client *client;
    uint16_t port;
    bool tls;
    char origin[64];
    uint32_t conns_seen;
    struct ph_buf body; /* of the request under way */
    struct ph_buf seen; /* "METHOD target | headers | body" of the last request */
    unsigned requests;
    /* result */
    struct ph_http_fetch *fetch;
    unsigned heads, dones, fails, writables;
    uint16_t status;
    char code[32], text[64], url[256];
    struct ph_buf headers, data;
    bool pause_at_data, cancel_at_data, cancel_at_head;
    struct ph_http_req *kept;
};

/* `path` begins with '/' and follows the upstream's origin, or is a whole URL. Zero and NULL stand
 * for the usual. */
struct egress_ask {
    const char *method, *path, *headers, *body, *rule;
    bool no_follow, stream;
    uint32_t timeout_ms;
    uint64_t max;
};

/* `host`: by what name the upstream is reached; its private address is allowed if `reachable`; its
 * root is trusted if `trusted`. */
void egress_rig_open(struct egress_rig *rig, const char *host, const struct tls_rig *tls,
                     bool trusted, bool reachable);
void egress_rig_close(struct egress_rig *rig);
void egress_rig_turn(struct egress_rig *rig);
struct ph_http_fetch_events egress_events(struct egress_rig *rig);
void egress_start(struct egress_rig *rig, struct egress_ask ask);
void egress_finish(struct egress_rig *rig);
/* Start and finish. */
void egress_fetch(struct egress_rig *rig, struct egress_ask ask);
void egress_expect_fail(struct egress_rig *rig, const char *code);
bool holds(const struct ph_buf *buf, const char *text);

#endif
