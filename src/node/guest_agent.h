#ifndef PH_NODE_GUEST_AGENT_H
#define PH_NODE_GUEST_AGENT_H

/* dstack's guest agent API for programs beside the worker: one Unix socket for each phat that is
 * deployed, DIR/<phat id>.sock, mode 0600 in a directory of mode 0700. Who may open a socket has
 * the keys of that phat's programs, and no others. docs/guest-agent.md.
 *
 * Layer: node. Tests: tests/integration/guest_agent.test.mjs.
 */

#include "node/phats.h"

struct ph_measured;

enum { PH_GUEST_TAG = 0x10000 }; /* listeners' tags from here on are sockets of this */

/* Nothing without --guest-agent. Else make the directory and the sockets of what is deployed.
 * PH_ERR_UNTRUSTED: the directory is open to others, PH_ERR_IO: both logged. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_guest_agents_open(struct ph_node *node);
/* After the server was closed, which removes the sockets. */
void ph_guest_agents_close(struct ph_node *node);
/* The phat was deployed or deleted: make or remove its socket. Failures are logged: the phat works
 * without. */
void ph_guest_agent_follow(struct ph_phat *phat);

/* What the machine was measured as when the agent began. */
const struct ph_measured *ph_guest_agents_measured(const struct ph_node *node);

/* A request that came over the socket of this tag. */
void ph_guest_agent_request(struct ph_node *node, struct ph_http_req *req, uint32_t tag);

#endif
