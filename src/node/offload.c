#include "node/offload.h"

#include "base/own.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>

struct ph_offload {
    struct ph_loop *loop;
    struct ph_watch watch;
    int event_fd; /* readable: something was done */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* of everything below */
    pthread_cond_t wake;
    bool stop;
    struct ph_job *waiting, **waiting_end, *ready, **ready_end;
};

static void append(struct ph_job ***end, struct ph_job *job)
{
    job->next = NULL;
    **end = job;
    *end = &job->next;
}

static void *work(void *ctx)
{
    struct ph_offload *o = ctx;

    (void)pthread_mutex_lock(&o->lock);
    for (;;) {
        while (!o->stop && !o->waiting)
            (void)pthread_cond_wait(&o->wake, &o->lock);
        if (o->stop)
            break;
        struct ph_job *job = o->waiting;
        o->waiting = job->next;
        if (!o->waiting)
            o->waiting_end = &o->waiting;
        (void)pthread_mutex_unlock(&o->lock);
        job->work(job);
        (void)pthread_mutex_lock(&o->lock);
        append(&o->ready_end, job);
        (void)!write(o->event_fd, &(uint64_t){1}, sizeof(uint64_t));
    }
    (void)pthread_mutex_unlock(&o->lock);
    return NULL;
}

static void tell(struct ph_job *jobs, bool dropped)
{
    for (struct ph_job *next; jobs; jobs = next) {
        next = jobs->next;
        jobs->done(jobs, dropped);
    }
}

static struct ph_job *take_ready(struct ph_offload *o)
{
    (void)pthread_mutex_lock(&o->lock);
    struct ph_job *ready = o->ready;
    o->ready = NULL;
    o->ready_end = &o->ready;
    (void)pthread_mutex_unlock(&o->lock);
    return ready;
}

static void on_done(void *ctx, uint32_t events)
{
    struct ph_offload *o = ctx;
    uint64_t n;

    (void)events;
    (void)!read(o->event_fd, &n, sizeof(n));
    tell(take_ready(o), false);
}

static void offload_freep(struct ph_offload **o)
{
    ph_offload_stop(*o);
}

enum ph_err ph_offload_start(struct ph_loop *loop, struct ph_offload **out)
{
    struct ph_offload *o PH_OWNED(offload_freep) = calloc(1, sizeof(*o));

    if (!o)
        return PH_ERR_NOMEM;
    o->loop = loop;
    o->waiting_end = &o->waiting;
    o->ready_end = &o->ready;
    (void)pthread_mutex_init(&o->lock, NULL);
    (void)pthread_cond_init(&o->wake, NULL);
    o->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (o->event_fd < 0)
        return PH_ERR_IO;
    PH_TRY(ph_watch_add(loop, &o->watch, o->event_fd, EPOLLIN, on_done, o));
    if (pthread_create(&o->thread, NULL, work, o) != 0)
        return PH_ERR_NOMEM;
    o->has_thread = true;
    *out = PH_TAKE(o);
    return PH_OK;
}

void ph_offload_stop(struct ph_offload *offload)
{
    struct ph_offload *o = offload;

    if (!o)
        return;
    if (o->has_thread) {
        (void)pthread_mutex_lock(&o->lock);
        o->stop = true;
        (void)pthread_cond_signal(&o->wake);
        (void)pthread_mutex_unlock(&o->lock);
        (void)pthread_join(o->thread, NULL);
    }
    ph_watch_del(o->loop, &o->watch);
    tell(take_ready(o), false);
    struct ph_job *waiting = o->waiting;
    o->waiting = NULL;
    tell(waiting, true);
    ph_closep(&o->event_fd);
    (void)pthread_mutex_destroy(&o->lock);
    (void)pthread_cond_destroy(&o->wake);
    free(o);
}

void ph_offload_add(struct ph_offload *offload, struct ph_job *job, bool first)
{
    struct ph_offload *o = offload;

    (void)pthread_mutex_lock(&o->lock);
    if (first && o->waiting) {
        job->next = o->waiting;
        o->waiting = job;
    } else {
        append(&o->waiting_end, job);
    }
    (void)pthread_cond_signal(&o->wake);
    (void)pthread_mutex_unlock(&o->lock);
}
