#ifndef PH_NODE_INSTANCES_H
#define PH_NODE_INSTANCES_H

/* Instances of phala-run: the zygote, the pool that waits ready, their life and their death.
 *
 * An instance is not trusted. It is killed when it crosses a limit that it does not keep itself:
 * CPU without an answer, memory, a deadline, a frame out of turn.
 *
 * Layer: node. Tests: tests/integration/limits.test.mjs, hostile.test.mjs.
 */

#include "ipc/messages.h"
#include "keys/receipt.h"
#include "node/phats.h"

struct ph_call;
struct ph_egress;
struct ph_state_roots;

enum ph_instance_state {
    PH_INSTANCE_SPAWNING, /* asked for; the VM comes up */
    PH_INSTANCE_WARM,     /* READY came; runs no phat */
    PH_INSTANCE_STARTING, /* has a bundle, STARTED is awaited; calls may be queued to it */
    PH_INSTANCE_RUNNING,
    PH_INSTANCE_GONE,
};

/* Bytes queued to an instance beyond which bodies wait or are refused: a full channel ends it, and
 * what its calls need beside bodies must have room. */
enum { PH_INSTANCE_QUEUED_MAX = PH_IPC_OUT_MAX / 2 };

struct ph_instance {
    struct ph_node *node;
    enum ph_instance_state state;
    struct ph_ipc_chan chan;
    struct ph_watch watch;
    struct ph_task flush_task;
    struct ph_timer deadline;
    int pidfd, secrets_fd;   /* -1: none */
    int state_fd;            /* our end of the state channel, until the state is served; else -1 */
    bool awaits_state;       /* calls are held until it has its phat's state */
    struct ph_ipc_chan held; /* frames of those calls */
    bool unheard;            /* what it says waits until the phat's lease is certain */
    struct ph_state_roots *roots;      /* durable commits of that state; NULL: it has none */
    struct ph_receipt_state made_from; /* what answers of the frames from now on can depend on */
    uint32_t pid;                      /* 0 until SPAWNED, and after EXITED */
    uint32_t key_epoch;                /* newest of the cluster's keys when its state was opened */
    uint64_t spawn_id;    /* of SPAWN, which SPAWNED or SPAWN_FAIL answers; 0 after EXITED */
    uint32_t memory_mib;  /* what it was spawned with */
    uint32_t log_lines;   /* in this tick */
    struct ph_phat *phat; /* whose it is; stays set while calls drain after an update */
    struct ph_version *version;
    uint32_t handlers;                  /* bits of STARTED */
    bool draining;                      /* replaced: ends after its last call */
    struct ph_call *calls, **calls_end; /* in flight, oldest first */
    struct ph_egress *fetches;
    uint32_t fetch_cnt;
    bool fetches_held;   /* answers wait for the channel to drain */
    int64_t used_ns;     /* last call began or ended */
    int64_t cpu_base_ns; /* its CPU clock at the tick after it last sent a frame */
    int64_t cpu_tick_ns; /* its CPU clock at the last tick */
    bool sent_frame;     /* since the last tick; log lines do not count */
    bool busy;           /* it computed in the last tick, and sent nothing */
    struct ph_task end_task;
    const char *end_code; /* why it was killed; static storage */
    char end_message[160];
    void (*trial)(void *ctx, bool started,
                  struct ph_bytes message); /* told STARTED or the failure, once */
    void *trial_ctx;
    struct ph_instance *next, **prev; /* in the list of all */
};

/* Start the zygote and fill the pool. PH_ERR_IO: the binary is missing, or full sandboxing was
 * demanded and is not there. */
PH_CHECKED enum ph_err ph_instances_open(struct ph_node *node, struct ph_instances **out);
void ph_instances_close(struct ph_instances *instances);
/* The sandbox layers that the zygote reported. */
const char *ph_instances_layers(const struct ph_instances *instances);
/* The zygote is up and an instance is ready, or none is wanted. */
bool ph_instances_ready(const struct ph_instances *instances);

/* The instance that runs the phat's current version, started if need be. PH_ERR_IO, PH_ERR_NOMEM,
 * PH_ERR_UNTRUSTED (stored bundle or secrets do not verify). */
PH_CHECKED enum ph_err ph_instance_of(struct ph_phat *phat, struct ph_instance **out);
/* Start a version that is not the phat's yet, from an archive in memory; `trial` is told how it
 * went. Errors of ph_instance_of; with PH_ERR_UNTRUSTED `why` says what is refused. */
PH_CHECKED enum ph_err ph_instance_trial(struct ph_phat *phat, struct ph_version *version,
                                         struct ph_bytes archive,
                                         void (*trial)(void *, bool, struct ph_bytes), void *ctx,
                                         struct ph_instance **out, char why[static 256]);
/* The instance of this spawn_id, if it runs; NULL otherwise. */
struct ph_instance *ph_instance_running(const struct ph_instances *instances, uint64_t spawn_id);
/* Make the instance the phat's; the one before drains. */
void ph_instance_adopt(struct ph_phat *phat, struct ph_instance *instance);
/* End the phat's instance after its calls (secrets changed, phat deleted). */
void ph_instance_retire(struct ph_phat *phat);

/* Queue output at the end of the turn. */
void ph_instance_flush_later(struct ph_instance *instance);
/* Kill it now; its calls are answered with this code (static storage) at the end of the turn, after
 * which it is gone. */
void ph_instance_kill(struct ph_instance *instance, const char *code, const char *message);
/* A call ended: an instance that drains, or whose call list is empty, may have to go. */
void ph_instance_call_ended(struct ph_instance *instance);
/* It computed for longer than limits.cpuMs and said nothing but log lines since. */
bool ph_instance_is_stuck(const struct ph_instance *instance);

#endif
