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
};

/* PH_ERR_IO, PH_ERR_MALFORMED (certificate roots), PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_client_loop_open(struct ph_client_loop *at, struct ph_loop *loop,
                                           const struct ph_http_client_config *config);
/* After something was started, sent or dropped on the client. */
void ph_client_loop_arm(struct ph_client_loop *at);
/* What is under way on the client is dropped without a word. */
void ph_client_loop_close(struct ph_client_loop *at);

#endif
