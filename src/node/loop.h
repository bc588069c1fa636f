#ifndef PH_NODE_LOOP_H
#define PH_NODE_LOOP_H

/* The event loop of phalad: one thread, epoll, timers, and work at the end of each turn.
 *
 * Callbacks may add, change and remove any watch, timer or task, their own included.
 *
 * Layer: node. Tests: loop_test.c.
 */

#include "base/bytes.h"

#include <sys/epoll.h>

struct ph_loop;

/* A watched descriptor; the storage is the caller's and must outlive the watch. fd is not owned. */
struct ph_watch {
    int fd;
    uint32_t events; /* EPOLLIN | EPOLLOUT … */
    void (*ready)(void *ctx, uint32_t events);
    void *ctx;
};

/* A one-shot timer; the storage is the caller's. Zeroed is unarmed. */
struct ph_timer {
    int64_t at_ns;
    void (*fire)(void *ctx);
    void *ctx;
    size_t slot; /* position in the heap plus one; 0 when unarmed */
};

/* Something to do once at the end of this turn, before sleeping: the storage is the caller's. */
struct ph_task {
    void (*run)(void *ctx);
    void *ctx;
    struct ph_task *next;
    bool queued;
};

PH_CHECKED enum ph_err ph_loop_new(struct ph_loop **out);
void ph_loop_free(struct ph_loop *loop);

PH_CHECKED enum ph_err ph_watch_add(struct ph_loop *loop, struct ph_watch *watch, int fd,
                                    uint32_t events, void (*ready)(void *, uint32_t), void *ctx);
void ph_watch_set(struct ph_loop *loop, struct ph_watch *watch, uint32_t events);
/* Safe on a watch that was never added (zeroed) or already removed. */
void ph_watch_del(struct ph_loop *loop, struct ph_watch *watch);

/* Arm or re-arm to fire `delay_ms` from now. PH_ERR_NOMEM only when the heap must grow. */
PH_CHECKED enum ph_err ph_timer_arm(struct ph_loop *loop, struct ph_timer *timer, int64_t delay_ms,
                                    void (*fire)(void *), void *ctx);
void ph_timer_cancel(struct ph_loop *loop, struct ph_timer *timer);

void ph_task_add(struct ph_loop *loop, struct ph_task *task, void (*run)(void *), void *ctx);
/* Take it out of the queue; needed before its storage goes. */
void ph_task_cancel(struct ph_loop *loop, struct ph_task *task);

/* Monotonic nanoseconds and Unix milliseconds, read once per turn. */
int64_t ph_loop_now_ns(const struct ph_loop *loop);
int64_t ph_loop_wall_ms(const struct ph_loop *loop);

/* An outside bound on the sleep: asked before each epoll_wait, ms, -1 = none. */
void ph_loop_set_timeout_source(struct ph_loop *loop, int (*timeout_ms)(void *), void *ctx);

/* Run until ph_loop_stop. */
void ph_loop_run(struct ph_loop *loop);
void ph_loop_stop(struct ph_loop *loop);

#endif
