#ifndef PH_RUNTIME_ZYGOTE_H
#define PH_RUNTIME_ZYGOTE_H

/* The process that instances are forked from: the engine's library mapped and linked, no VM, one
 * thread, namespaces made, seccomp program and landlock ruleset ready. Forking a process with a
 * living VM is not safe: its threads do not exist in the child, the locks that they held do.
 *
 * It serves SPAWN from phalad on a SOCK_SEQPACKET socket, and tells EXITED. When nothing happens it
 * makes one process ahead, the spare, which the next SPAWN takes (child.h).
 *
 * Layer: runtime. Tests: run_test.c, run_spare_test.c.
 */

#include "runtime/engine.h"

struct ph_zygote_options {
    bool require_full; /* refuse to serve when a layer is missing (docs/sandbox.md) */
    bool spare;        /* keep a spare */
};

/**
 * Prepare the sandbox, try it, send ZYGOTE_UP, serve until phalad closes the socket; then kill the
 * instances.
 *
 * @control  connected SOCK_SEQPACKET socket
 * @prelude  given to each instance
 * @why      on failure a sentence
 *
 * Returns PH_OK         phalad closed the socket
 *         PH_ERR_UNTRUSTED  a layer is missing, and all are required
 *         PH_ERR_IO, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_zygote_serve(int control, struct ph_engine_prelude prelude,
                                       struct ph_zygote_options options, char why[static 2048]);

#endif
