#ifndef PH_RUNTIME_ENGINE_H
#define PH_RUNTIME_ENGINE_H

/* One phat's JavaScript engine: a VM, the prelude in it, and the loop between phalad's frames and
 * the prelude's hooks (NATIVES.md).
 *
 * One engine per process: JavaScriptCore's natives carry no context of ours, and an instance is a
 * process anyway. Both sides of it are foreign: frames are checked as ipc/ does, and every argument
 * of a native as if the phat had called it.
 *
 * Layer: runtime. Tests: run_test.c, engine_fuzz.c.
 */

#include "base/bytes.h"
#include "ipc/messages.h"

struct ph_engine;

/* How ph_engine_run ended; phala-run's exit status. */
enum ph_engine_exit {
    PH_ENGINE_EXIT_CLOSED = 0,   /* phalad closed the channel */
    PH_ENGINE_EXIT_FAILED = 1,   /* out of memory, or the channel broke */
    PH_ENGINE_EXIT_PROTOCOL = 2, /* a frame that phalad never sends */
    /* Over its memory limit: calls in flight got RESP_FAIL memory-limit. */
    PH_ENGINE_EXIT_MEMORY = PH_RUN_EXIT_MEMORY,
    PH_ENGINE_EXIT_NOT_STARTED = 4, /* START_FAIL was sent */
    PH_ENGINE_EXIT_SANDBOX = 5,     /* set by phala-run: a layer that cannot be missing failed */
    PH_ENGINE_EXIT_STATE = 6,       /* STATE_FAIL was sent */
};

/* Bounds of one instance that phat.json does not set. */
enum {
    PH_ENGINE_BUNDLE_MAX = 64 * 1024 * 1024, /* bytes of the archive */
    PH_ENGINE_SECRETS_MAX = 1024 * 1024,     /* bytes of the secrets document */
    PH_ENGINE_CALLS_MAX = 16384,             /* in flight; phat.json's concurrency is below */
    PH_ENGINE_QUEUE_MAX = 64 * 1024 * 1024,  /* body bytes waiting for a window, per body */
    PH_ENGINE_LOG_TEXT_MAX = 32 * 1024,      /* bytes of one line; longer ones are cut */
    PH_ENGINE_LOG_BURST = 1024 * 1024,       /* bytes of log at once … */
    PH_ENGINE_LOG_PER_S = 128 * 1024, /* … and per second after; the rest is dropped and counted */
    PH_ENGINE_START_CPU_MS = 2000,    /* for the script's top level, at least */
    PH_ENGINE_QUIET_MS = 1000,        /* calls that wait for nothing are given up after */
};

/* The script evaluated before the phat. */
struct ph_engine_prelude {
    const char *text; /* ASCII, NUL-terminated; borrowed for ever */
    const char *url;  /* its name in stack traces */
};

/* Before the first fork of processes with an engine: put the library's code and constants where
 * forks share them, as far as the host allows (text_pages.h). */
void ph_engine_share_library(void);

/* Initialise the engine's library as far as that goes without a VM. Reads the environment, starts
 * threads. PH_ERR_NOMEM. ph_engine_new does it where it was not done. */
PH_CHECKED enum ph_err ph_engine_init(void);

/**
 * Make the VM and evaluate the prelude. Starts threads. Reads no frame.
 *
 * @fd          the channel, non-blocking; owned on PH_OK
 * @secrets_fd  read end of the secrets pipe, or -1; owned on PH_OK
 * @statm_fd    the process's own /proc/self/statm, or -1: memory is not watched; owned on
 * PH_OK
 * @why         on failure a sentence
 *
 * Returns PH_ERR_NOMEM  the VM did not start
 *         PH_ERR_IO     the prelude threw
 */
PH_CHECKED enum ph_err ph_engine_new(struct ph_engine **out, struct ph_engine_prelude prelude,
                                     int fd, int secrets_fd, int statm_fd, char why[static 256]);
/* The instance's end of its state channel (ipc/state_packets.h), blocking; owned. Before any frame.
 */
void ph_engine_state_channel(struct ph_engine *engine, int fd);
void ph_engine_free(struct ph_engine *engine);

/* Queue READY with the layers in force, then serve frames until the channel closes. */
enum ph_engine_exit ph_engine_run(struct ph_engine *engine, const char *sandbox_layers);

/* One turn: read once, handle every whole frame, fire timers, flush; does not wait. For the fuzz
 * target. False: ended with *out_exit. */
bool ph_engine_turn(struct ph_engine *engine, enum ph_engine_exit *out_exit);

#endif
