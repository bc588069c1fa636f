#ifndef PH_NODE_INSTANCES_PRIV_H
#define PH_NODE_INSTANCES_PRIV_H

/* Shared by the files of instances: instances.c their life and limits, instance_start.c their
 * birth, instance_channel.c what they say. Seen only inside node/. */

#include "node/instances.h"
#include "node/zygote.h"

enum {
    TICK_MS = 50,
    REFILL_MS = 10, /* after a warm instance was taken: not in the way of the call that took it */
    START_WALL_MS = 10000,    /* for the top level of a phat's script */
    DEFAULT_MEMORY_MIB = 128, /* what waits in the pool; other phats get a fresh instance */
    LOG_LINES_PER_TICK = 200, /* per instance; more are dropped and counted */
};

struct ph_instances {
    struct ph_node *node;
    struct ph_zygote zygote;
    struct ph_watch zygote_watch;
    struct ph_timer tick, refill;
    struct ph_instance *all;
    uint32_t cnt, warm_cnt, running_cnt;
    uint64_t spawn_seq;
    bool any_ready;
};

/* Change the state, and the counts that follow it. */
void ph_instance_set_state(struct ph_instance *instance, enum ph_instance_state state);
/* Kill it for what it did: counted and logged. `code` and `message` as of ph_instance_kill. */
void ph_instance_kill_for_limit(struct ph_instance *instance, const char *code,
                                const char *message);
/* Its socket is ready; ctx is the instance. */
void ph_instance_on_socket(void *instance, uint32_t events);
/* Take what it said, if that may be heard now (node/leases.h). */
void ph_instance_hear(struct ph_instance *instance);
/* Bring the pool of waiting instances up to its size; ctx is the instances. */
void ph_instances_refill(void *instances);

#endif
