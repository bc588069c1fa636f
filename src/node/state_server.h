#ifndef PH_NODE_STATE_SERVER_H
#define PH_NODE_STATE_SERVER_H

/* Serves the states of phats to their processes, on threads of its own: storage may be slow, the
 * event loop may not, and one phat does not wait for the disk of another: logs that are synced at
 * the same time share what a sync costs.
 *
 * A state is opened for one instance at a time: log and page store are brought to the newest
 * commit, phala-keyd judges it and sends the key over the channel; then a thread answers reads
 * and makes commits durable until the channel closes. Turns of the phat that end meanwhile gather
 * into its next commit.
 *
 * Layer: node. Format and argument: docs/state.md. Tests: state_server_test.c, state.test.mjs.
 */

#include "node/keyd_client.h"
#include "node/loop.h"
#include "node/state_roots.h"
#include "state/format.h"

struct ph_state_server;

struct ph_state_server_config {
    const char *url;  /* of the commit log: file:DIR or postgresql://… */
    int pages_dir_fd; /* local folder of page stores; borrowed */
    struct ph_keyd_client *keyd;
    size_t checkpoint_bytes; /* changed pages in memory before a checkpoint; 0: 16 MiB */
};

/* What happened to a state; told on the event loop. */
enum ph_state_event {
    PH_STATE_OPENED,  /* the instance has its key; `tip` is the newest commit */
    PH_STATE_REFUSED, /* it was not opened: err and why */
    PH_STATE_WIPED,   /* ph_state_server_wipe: it is, if err is PH_OK */
    PH_STATE_ENDED, /* it was open and is closed now: err is PH_OK when the instance went, else why
                     */
};
typedef void (*ph_state_told)(void *ctx, const struct ph_phat_id *phat, enum ph_state_event event,
                              enum ph_err err, const struct ph_state_tip *tip, const char *why);

enum { PH_STATE_SERVER_WHY = 256 };

/* PH_ERR_MALFORMED, PH_ERR_IO: the log cannot be used: why; PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_state_server_start(const struct ph_state_server_config *config,
                                             struct ph_loop *loop, ph_state_told told, void *ctx,
                                             struct ph_state_server **out,
                                             char why[static PH_STATE_SERVER_WHY]);
/* Closes every channel; commits that were begun are finished. */
void ph_state_server_stop(struct ph_state_server *server);

/* Open a phat's state for the process at the other end of `channel` (SOCK_SEQPACKET, taken over).
 * `roots`, which is shared, gets the tip before OPENED, and every commit before the process is told
 * that it is durable. Exactly one OPENED or REFUSED follows, and ENDED after OPENED. */
PH_CHECKED enum ph_err ph_state_server_open(struct ph_state_server *server,
                                            const struct ph_phat_id *phat, uint32_t max_pages,
                                            int channel, struct ph_state_roots *roots);
/* Wipe a deleted phat's state (node/state_serve.h), which is not open. Exactly one WIPED follows.
 */
PH_CHECKED enum ph_err ph_state_server_wipe(struct ph_state_server *server,
                                            const struct ph_phat_id *phat,
                                            const struct ph_owner_request *request,
                                            const uint8_t owner_sig[static 65]);
/* What a wipe has left of the state of a deleted phat, sealed under the newest epoch of the keys.
 * Blocks; any thread. Nobody may open the state meanwhile. PH_ERR_CONFLICT: it is open, or not
 * empty; and what opening a state says. */
PH_CHECKED enum ph_err ph_state_server_renew_wiped(struct ph_state_server *server,
                                                   const struct ph_phat_id *phat,
                                                   const struct ph_owner_request *request,
                                                   const uint8_t owner_sig[static 65],
                                                   char why[static PH_STATE_SERVER_WHY]);
/* What the log of a state that is not open says its newest commit is, unjudged; an index of 0:
 * there is none. phala-keyd is shown what it had not heard of, if it knows the state. Blocks; any
 * thread. Nobody may open the state meanwhile. PH_ERR_CONFLICT: it is open. PH_ERR_UNTRUSTED: the
 * newest commit is damaged, or does not follow. Errors of the log. */
PH_CHECKED enum ph_err ph_state_server_look(struct ph_state_server *server,
                                            const struct ph_phat_id *phat, struct ph_state_tip *out,
                                            char why[static PH_STATE_SERVER_WHY]);
/* The newest durable commit of an open state; false if it is not open. Any thread. */
bool ph_state_server_tip(struct ph_state_server *server, const struct ph_phat_id *phat,
                         struct ph_state_tip *out);

#endif
