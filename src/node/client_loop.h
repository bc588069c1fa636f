#ifndef PH_NODE_CLIENT_LOOP_H
#define PH_NODE_CLIENT_LOOP_H

/* A client of http/client.h on phalad's loop.
 *
 * Layer: node. Tests: tests/integration/chain_client.test.mjs, chain_ws.test.mjs.
 */

#include "http/client.h"
#include "node/loop.h"

/* Zeroed is closed. */
struct ph_client_loop {
    struct ph_loop *loop;
    struct ph_http_client *client;
    struct ph_watch watch;
    struct ph_timer timer;
    struct ph_whole_fetch *fetches; /* under way */
};

/* PH_ERR_IO, PH_ERR_MALFORMED (certificate roots), PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_client_loop_open(struct ph_client_loop *at, struct ph_loop *loop,
                                           const struct ph_http_client_config *config);
/* After something was started, sent or dropped on the client. */
void ph_client_loop_arm(struct ph_client_loop *at);
/* Fetch an answer whole. `done` is called once, later, with `tag`: status 0: none came, or more
 * than spec->response_max; `body` is borrowed for the call. As ph_http_fetch_start. */
PH_CHECKED enum ph_err
ph_client_loop_fetch(struct ph_client_loop *at, const struct ph_http_fetch_spec *spec,
                     void (*done)(void *ctx, uint64_t tag, uint16_t status, struct ph_bytes body),
                     void *ctx, uint64_t tag);
/* What is under way on the client is dropped without a word. */
void ph_client_loop_close(struct ph_client_loop *at);

#endif
