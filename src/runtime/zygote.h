#ifndef PH_RUNTIME_ZYGOTE_H
#define PH_RUNTIME_ZYGOTE_H

/* The process that instances are forked from: the engine's library mapped and linked, no VM, one
 * thread, namespaces made, seccomp program and landlock ruleset ready. Forking a process with a
 * living VM is not safe: its threads do not exist in the child, the locks that they held do.
 *
 * It serves SPAWN from phalad on a SOCK_SEQPACKET socket, and tells EXITED.
 *
 * Layer: runtime. Tests: run_test.c.
 */

#include "runtime/engine.h"

/**
 * Prepare the sandbox, try it, send ZYGOTE_UP, serve until phalad closes the socket; then kill the
 * instances.
 *
 * @control       connected SOCK_SEQPACKET socket
 * @prelude       given to each instance
 * @require_full  refuse to serve when a layer is missing (docs/sandbox.md)
 * @why           on failure a sentence
 *
 * Returns PH_OK         phalad closed the socket
 *         PH_ERR_UNTRUSTED  a layer is missing, and all are required
 *         PH_ERR_IO, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_zygote_serve(int control, struct ph_engine_prelude prelude,
                                       bool require_full, char why[static 2048]);

#endif
