#ifndef PH_NODE_OFFLOAD_H
#define PH_NODE_OFFLOAD_H

/* A thread that does jobs one after another, off the event loop: what asks a database may take its
 * time. What was done is told on the loop, in the order in which it was done.
 *
 * Layer: node. Tests: offload_test.c.
 */

#include "node/loop.h"

struct ph_offload;

/* A job; the storage is the giver's until `done`, which comes exactly once, on the loop. `dropped`:
 * `work` was not called, because the thread was stopped. */
struct ph_job {
    void (*work)(struct ph_job *job); /* on the thread */
    void (*done)(struct ph_job *job, bool dropped);
    struct ph_job *next;
};

/* PH_ERR_NOMEM, PH_ERR_IO. */
PH_CHECKED enum ph_err ph_offload_start(struct ph_loop *loop, struct ph_offload **out);
/* Finishes the job under way and drops the others. NULL is fine. */
void ph_offload_stop(struct ph_offload *offload);
/* `first`: before all that wait. */
void ph_offload_add(struct ph_offload *offload, struct ph_job *job, bool first);

#endif
