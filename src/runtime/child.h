#ifndef PH_RUNTIME_CHILD_H
#define PH_RUNTIME_CHILD_H

/* A process that the zygote forked, from the fork to its end: an instance that is wanted now, or a
 * spare, which goes as far as it can without knowing for which phat, and waits for its order.
 *
 * A spare has entered the sandbox up to the VM and has initialised the engine's library; it has no
 * VM, no channel to phalad and nothing of any phat. An order makes it an instance, once.
 *
 * Layer: runtime. Tests: run_spare_test.c.
 */

#include "runtime/engine.h"
#include "sandbox/sandbox.h"

enum { PH_CHILD_FDS = 3 }; /* instance socket, secrets pipe, state channel */

struct ph_child {
    const struct ph_sandbox *sandbox;
    struct ph_engine_prelude prelude;
    uint32_t slot; /* its own for as long as it lives */
};

/* Become the instance that `spawn` asks for; `fds` as of SPAWN, 2 or 3. */
_Noreturn void ph_child_run(const struct ph_child *child, const struct ph_msg_SPAWN *spawn,
                            const int fds[static PH_CHILD_FDS], size_t fd_cnt);

/* Become a spare: say one byte on `order` when ready, wait there for a SPAWN frame with its
 * descriptors, then be that instance. Exits with PH_ENGINE_EXIT_CLOSED when the other end closes.
 *
 * @jit    as the order will say
 * @order  SOCK_SEQPACKET socket
 */
_Noreturn void ph_child_wait(const struct ph_child *child, bool jit, int order);

#endif
