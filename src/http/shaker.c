#include "http/shaker.h"

#include "http/server_priv.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct queue {
    struct ph_http_conn *first, *last; /* by shake_next */
};

struct ph_http_shaker {
    pthread_t thread;
    int event_fd;
    pthread_mutex_t lock; /* what follows; shake_next, forgotten and shake_result of connections */
    pthread_cond_t asked;
    bool stop;
    struct queue todo, done;
};

static void push(struct queue *queue, struct ph_http_conn *conn)
{
    conn->shake_next = NULL;
    if (queue->last)
        queue->last->shake_next = conn;
    else
        queue->first = conn;
    queue->last = conn;
}

static struct ph_http_conn *pop(struct queue *queue)
{
    struct ph_http_conn *conn = queue->first;

    if (conn) {
        queue->first = conn->shake_next;
        if (!queue->first)
            queue->last = NULL;
    }
    return conn;
}

static void *work(void *ctx)
{
    struct ph_http_shaker *s = ctx;

    (void)pthread_mutex_lock(&s->lock);
    while (!s->stop) {
        struct ph_http_conn *conn = pop(&s->todo);
        if (!conn) {
            (void)pthread_cond_wait(&s->asked, &s->lock);
            continue;
        }
        enum ph_err result = PH_ERR_IO;
        if (!conn->forgotten) {
            (void)pthread_mutex_unlock(&s->lock);
            result = ph_http_session_handshake(conn->tls);
            (void)pthread_mutex_lock(&s->lock);
        }
        conn->shake_result = result;
        push(&s->done, conn);
        (void)!write(s->event_fd, &(uint64_t){1}, sizeof(uint64_t));
    }
    (void)pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* Signals are the loop's. */
static int start_thread(struct ph_http_shaker *s)
{
    sigset_t all, before;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int rc = pthread_create(&s->thread, NULL, work, s);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

enum ph_err ph_http_shaker_open(struct ph_http_shaker **out)
{
    struct ph_http_shaker *s = calloc(1, sizeof(*s));

    if (!s)
        return PH_ERR_NOMEM;
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_cond_init(&s->asked, NULL);
    s->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->event_fd < 0 || start_thread(s) != 0) {
        if (s->event_fd >= 0)
            (void)close(s->event_fd);
        free(s);
        return PH_ERR_IO;
    }
    *out = s;
    return PH_OK;
}

void ph_http_shaker_close(struct ph_http_shaker *s)
{
    if (!s)
        return;
    (void)pthread_mutex_lock(&s->lock);
    s->stop = true;
    (void)pthread_cond_signal(&s->asked);
    (void)pthread_mutex_unlock(&s->lock);
    (void)pthread_join(s->thread, NULL);
    (void)close(s->event_fd);
    (void)pthread_cond_destroy(&s->asked);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

int ph_http_shaker_fd(const struct ph_http_shaker *s)
{
    return s->event_fd;
}

void ph_http_shaker_ask(struct ph_http_shaker *s, struct ph_http_conn *conn)
{
    (void)pthread_mutex_lock(&s->lock);
    push(&s->todo, conn);
    (void)pthread_cond_signal(&s->asked);
    (void)pthread_mutex_unlock(&s->lock);
}

void ph_http_shaker_forget(struct ph_http_shaker *s, struct ph_http_conn *conn)
{
    (void)pthread_mutex_lock(&s->lock);
    conn->forgotten = true;
    (void)pthread_mutex_unlock(&s->lock);
}

struct ph_http_conn *ph_http_shaker_next(struct ph_http_shaker *s, enum ph_err *result)
{
    uint64_t n;

    (void)!read(s->event_fd, &n, sizeof(n));
    (void)pthread_mutex_lock(&s->lock);
    struct ph_http_conn *conn = pop(&s->done);
    if (conn)
        *result = conn->shake_result;
    (void)pthread_mutex_unlock(&s->lock);
    return conn;
}
