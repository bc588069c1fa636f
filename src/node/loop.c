#include "node/loop.h"

#include "base/clock.h"
#include "base/own.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum { EVENTS_MAX = 256 };

struct ph_loop {
    int epoll_fd;
    bool stop;
    int64_t now_ns, wall_ms;
    struct epoll_event events[EVENTS_MAX];
    int event_cnt, event_at;
    struct ph_timer **heap;
    size_t heap_cnt, heap_cap;
    struct ph_task *tasks;
    int (*timeout_ms)(void *);
    void *timeout_ctx;
};

static void read_clocks(struct ph_loop *loop)
{
    loop->now_ns = ph_clock_mono_ns();
    loop->wall_ms = ph_clock_wall_ms();
}

enum ph_err ph_loop_new(struct ph_loop **out)
{
    struct ph_loop *loop = calloc(1, sizeof(*loop));
    if (!loop)
        return PH_ERR_NOMEM;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0) {
        free(loop);
        return PH_ERR_IO;
    }
    read_clocks(loop);
    *out = loop;
    return PH_OK;
}

void ph_loop_free(struct ph_loop *loop)
{
    if (!loop)
        return;
    (void)close(loop->epoll_fd);
    free(loop->heap);
    free(loop);
}

enum ph_err ph_watch_add(struct ph_loop *loop, struct ph_watch *watch, int fd, uint32_t events,
                         void (*ready)(void *, uint32_t), void *ctx)
{
    *watch = (struct ph_watch){.fd = fd, .events = events, .ready = ready, .ctx = ctx};
    struct epoll_event ev = {.events = events, .data.ptr = watch};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev) == 0)
        return PH_OK;
    watch->ready = NULL;
    return errno == ENOMEM || errno == ENOSPC ? PH_ERR_NOMEM : PH_ERR_IO;
}

void ph_watch_set(struct ph_loop *loop, struct ph_watch *watch, uint32_t events)
{
    if (!watch->ready || watch->events == events)
        return;
    struct epoll_event ev = {.events = events, .data.ptr = watch};
    watch->events = events;
    const int rc = epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &ev);
    assert(rc == 0);
    (void)rc;
}

void ph_watch_del(struct ph_loop *loop, struct ph_watch *watch)
{
    if (!watch->ready)
        return;
    (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->ready = NULL;
    /* Events already fetched in this turn must not reach a watch that is gone. */
    for (int i = loop->event_at; i < loop->event_cnt; i++)
        if (loop->events[i].data.ptr == watch)
            loop->events[i].data.ptr = NULL;
}

/* Binary heap ordered by at_ns; each timer knows its slot (index + 1). */
static void heap_place(struct ph_loop *loop, size_t i, struct ph_timer *timer)
{
    loop->heap[i] = timer;
    timer->slot = i + 1;
}

static void heap_up(struct ph_loop *loop, size_t i)
{
    struct ph_timer *timer = loop->heap[i];
    while (i > 0 && loop->heap[(i - 1) / 2]->at_ns > timer->at_ns) {
        heap_place(loop, i, loop->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    heap_place(loop, i, timer);
}

static void heap_down(struct ph_loop *loop, size_t i)
{
    struct ph_timer *timer = loop->heap[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= loop->heap_cnt)
            break;
        if (child + 1 < loop->heap_cnt && loop->heap[child + 1]->at_ns < loop->heap[child]->at_ns)
            child++;
        if (loop->heap[child]->at_ns >= timer->at_ns)
            break;
        heap_place(loop, i, loop->heap[child]);
        i = child;
    }
    heap_place(loop, i, timer);
}

void ph_timer_cancel(struct ph_loop *loop, struct ph_timer *timer)
{
    if (timer->slot == 0)
        return;
    const size_t i = timer->slot - 1;
    timer->slot = 0;
    struct ph_timer *last = loop->heap[--loop->heap_cnt];
    if (last == timer)
        return;
    heap_place(loop, i, last);
    heap_up(loop, i);
    heap_down(loop, last->slot - 1);
}

enum ph_err ph_timer_arm(struct ph_loop *loop, struct ph_timer *timer, int64_t delay_ms,
                         void (*fire)(void *), void *ctx)
{
    ph_timer_cancel(loop, timer);
    if (loop->heap_cnt == loop->heap_cap) {
        const size_t cap = loop->heap_cap ? loop->heap_cap * 2 : 64;
        struct ph_timer **grown = realloc(loop->heap, cap * sizeof(*grown));
        if (!grown)
            return PH_ERR_NOMEM;
        loop->heap = grown;
        loop->heap_cap = cap;
    }
    timer->at_ns = ph_clock_mono_ns() + (delay_ms < 0 ? 0 : delay_ms) * 1000000;
    timer->fire = fire;
    timer->ctx = ctx;
    heap_place(loop, loop->heap_cnt, timer);
    heap_up(loop, loop->heap_cnt++);
    return PH_OK;
}

void ph_task_add(struct ph_loop *loop, struct ph_task *task, void (*run)(void *), void *ctx)
{
    if (task->queued)
        return;
    *task = (struct ph_task){.run = run, .ctx = ctx, .next = loop->tasks, .queued = true};
    loop->tasks = task;
}

void ph_task_cancel(struct ph_loop *loop, struct ph_task *task)
{
    for (struct ph_task **at = &loop->tasks; *at; at = &(*at)->next)
        if (*at == task) {
            *at = task->next;
            task->queued = false;
            return;
        }
}

int64_t ph_loop_now_ns(const struct ph_loop *loop)
{
    return loop->now_ns;
}

int64_t ph_loop_wall_ms(const struct ph_loop *loop)
{
    return loop->wall_ms;
}

void ph_loop_set_timeout_source(struct ph_loop *loop, int (*timeout_ms)(void *), void *ctx)
{
    loop->timeout_ms = timeout_ms;
    loop->timeout_ctx = ctx;
}

static void run_tasks(struct ph_loop *loop)
{
    while (loop->tasks) {
        struct ph_task *task = loop->tasks;
        loop->tasks = task->next;
        task->queued = false;
        task->run(task->ctx);
    }
}

static void run_timers(struct ph_loop *loop)
{
    while (loop->heap_cnt > 0 && loop->heap[0]->at_ns <= loop->now_ns) {
        struct ph_timer *timer = loop->heap[0];
        ph_timer_cancel(loop, timer);
        timer->fire(timer->ctx);
    }
}

static int sleep_ms(struct ph_loop *loop)
{
    int ms = -1;
    if (loop->heap_cnt > 0) {
        const int64_t left = loop->heap[0]->at_ns - ph_clock_mono_ns();
        /* Round up: waking early would spin. */
        ms = left <= 0 ? 0 : (int)((left + 999999) / 1000000);
    }
    if (loop->timeout_ms) {
        const int other = loop->timeout_ms(loop->timeout_ctx);
        if (other >= 0 && (ms < 0 || other < ms))
            ms = other;
    }
    return ms;
}

/* Tasks may make work for the source of time-outs, and that may add tasks: sleep when neither has
 * any. */
static int settle(struct ph_loop *loop)
{
    int ms;

    do {
        run_tasks(loop);
        ms = sleep_ms(loop);
    } while (loop->tasks);
    return ms;
}

void ph_loop_run(struct ph_loop *loop)
{
    loop->stop = false;
    while (!loop->stop) {
        const int ms = settle(loop);
        loop->event_at = 0;
        loop->event_cnt = epoll_wait(loop->epoll_fd, loop->events, EVENTS_MAX, ms);
        read_clocks(loop);
        for (; loop->event_at < loop->event_cnt; loop->event_at++) {
            const struct epoll_event *ev = &loop->events[loop->event_at];
            struct ph_watch *watch = ev->data.ptr;
            if (watch && watch->ready)
                watch->ready(watch->ctx, ev->events);
        }
        run_timers(loop);
    }
    run_tasks(loop);
}

void ph_loop_stop(struct ph_loop *loop)
{
    loop->stop = true;
}
