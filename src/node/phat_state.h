#ifndef PH_NODE_PHAT_STATE_H
#define PH_NODE_PHAT_STATE_H

/* Which instance has which phat's state: one at a time. An instance of a phat with state gets no
 * call before it has the state; a new version waits until the old instance is gone.
 *
 * Layer: node. Tests: phat_state_test.c, tests/integration/state.test.mjs.
 */

#include "node/instances.h"

/* Start the thread that serves states, over config->state_url. Errors are logged. */
PH_CHECKED enum ph_err ph_phat_states_open(struct ph_node *node);
void ph_phat_states_close(struct ph_node *node);

/* The instance runs a version with state: calls to it are held from now on. PH_ERR_IO: no channel.
 */
PH_CHECKED enum ph_err ph_phat_state_hold(struct ph_instance *instance);
/* It is the phat's instance now: give it the state, at once or when the one before is gone, and the
 * phat's lease is here. */
void ph_phat_state_want(struct ph_instance *instance);
/* The phat's state was kept from being opened (phat->state_busy); it may be again. */
void ph_phat_state_let_go(struct ph_phat *phat);
/* It is gone. */
void ph_phat_state_leave(struct ph_instance *instance);
/* STATE_FAIL came from it. */
PH_CHECKED enum ph_err ph_phat_state_failed(struct ph_instance *instance,
                                            const struct ph_ipc_frame *frame);

/* STATE_AT came from it. PH_ERR_MALFORMED: no such commit is durable, or it goes back. */
PH_CHECKED enum ph_err ph_phat_state_at(struct ph_instance *instance,
                                        const struct ph_ipc_frame *frame);
/* The newest durable commit of its state; 0: none yet, or no state. What it answers to a call that
 * is sent now depends on that one at least. */
uint64_t ph_phat_state_newest(const struct ph_instance *instance);

/* Where frames of calls go: to the instance, or to what is held for it. */
static inline struct ph_ipc_chan *ph_instance_calls(struct ph_instance *instance)
{
    return instance->awaits_state ? &instance->held : &instance->chan;
}

#endif
