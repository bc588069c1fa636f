#include "http/resolve.h"

#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { STACK = 256 * 1024 };

struct job {
    struct job *next;
    uint64_t id;
    char host[256];
    struct ph_http_addresses answer;
};

struct queue {
    struct job *first, *last;
};

/* Shared with the threads; the last user frees it. */
struct ph_http_resolver {
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct queue asked, answered;
    unsigned threads, idle, waiting, users;
    bool closed;
    int event_fd;
};

static void push(struct queue *queue, struct job *job)
{
    job->next = NULL;
    if (queue->last)
        queue->last->next = job;
    else
        queue->first = job;
    queue->last = job;
}

static struct job *pop(struct queue *queue)
{
    struct job *job = queue->first;

    if (job) {
        queue->first = job->next;
        if (!queue->first)
            queue->last = NULL;
    }
    return job;
}

/* With the lock held; releases it. */
static void drop_user(struct ph_http_resolver *r)
{
    bool last = --r->users == 0;

    (void)pthread_mutex_unlock(&r->lock);
    if (!last)
        return;
    struct job *job;
    while ((job = pop(&r->asked)) || (job = pop(&r->answered)))
        free(job);
    (void)close(r->event_fd);
    (void)pthread_mutex_destroy(&r->lock);
    (void)pthread_cond_destroy(&r->work);
    free(r);
}

/* [RFC 6761 §6.3] "localhost" and what ends in ".localhost" are loopback addresses, and the network
 * is not asked for them: as the system does where its hosts file lacks the line, in a bare chroot
 * for one, which then finds no local server, or somebody else's. */
static bool is_local(const char *host)
{
    static const char local[] = "localhost";
    const size_t len = strlen(host), tail = sizeof(local) - 1;

    return len >= tail && strcasecmp(host + len - tail, local) == 0 &&
           (len == tail || host[len - tail - 1] == '.');
}

static void local_addresses(struct ph_http_addresses *out)
{
    const struct sockaddr_in four = {.sin_family = AF_INET,
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};

    memcpy(&out->at[0], &four, sizeof(four));
    memcpy(&out->at[1], &six, sizeof(six));
    out->cnt = 2;
}

static void look_up(struct job *job)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;

    if (is_local(job->host)) {
        local_addresses(&job->answer);
        return;
    }
    job->answer.cnt = 0;
    if (getaddrinfo(job->host, NULL, &hints, &list) != 0)
        return;
    for (const struct addrinfo *a = list; a && job->answer.cnt < PH_HTTP_ADDRESSES_MAX;
         a = a->ai_next)
        if (a->ai_addrlen <= sizeof(struct sockaddr_storage))
            memcpy(&job->answer.at[job->answer.cnt++], a->ai_addr, a->ai_addrlen);
    freeaddrinfo(list);
}

static void *serve(void *ctx)
{
    struct ph_http_resolver *r = ctx;

    (void)pthread_mutex_lock(&r->lock);
    while (!r->closed) {
        struct job *job = pop(&r->asked);
        if (!job) {
            r->idle++;
            (void)pthread_cond_wait(&r->work, &r->lock);
            r->idle--;
            continue;
        }
        (void)pthread_mutex_unlock(&r->lock);
        look_up(job);
        (void)pthread_mutex_lock(&r->lock);
        push(&r->answered, job);
        (void)eventfd_write(r->event_fd, 1);
    }
    drop_user(r);
    return NULL;
}

enum ph_err ph_http_resolver_open(struct ph_http_resolver **out)
{
    struct ph_http_resolver *r = calloc(1, sizeof(*r));

    if (!r)
        return PH_ERR_NOMEM;
    r->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (r->event_fd < 0) {
        free(r);
        return PH_ERR_IO;
    }
    (void)pthread_mutex_init(&r->lock, NULL);
    (void)pthread_cond_init(&r->work, NULL);
    r->users = 1;
    *out = r;
    return PH_OK;
}

void ph_http_resolver_close(struct ph_http_resolver *r)
{
    if (!r)
        return;
    (void)pthread_mutex_lock(&r->lock);
    r->closed = true;
    (void)pthread_cond_broadcast(&r->work);
    drop_user(r);
}

int ph_http_resolver_fd(const struct ph_http_resolver *r)
{
    return r->event_fd;
}

/* With the lock held: one more thread, if that helps. */
static void start_thread(struct ph_http_resolver *r)
{
    pthread_attr_t attr;
    pthread_t thread;

    if (r->idle > 0 || r->threads == PH_HTTP_RESOLVE_THREADS || pthread_attr_init(&attr) != 0)
        return;
    (void)pthread_attr_setstacksize(&attr, STACK);
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attr, serve, r) == 0) {
        r->threads++;
        r->users++;
    }
    (void)pthread_attr_destroy(&attr);
}

enum ph_err ph_http_resolver_ask(struct ph_http_resolver *r, const char *host, uint64_t id)
{
    struct job *job = calloc(1, sizeof(*job));
    enum ph_err err = PH_OK;

    if (!job)
        return PH_ERR_NOMEM;
    job->id = id;
    (void)snprintf(job->host, sizeof(job->host), "%s", host);
    (void)pthread_mutex_lock(&r->lock);
    start_thread(r);
    if (r->threads == 0)
        err = PH_ERR_NOMEM;
    else if (r->waiting >= PH_HTTP_RESOLVE_QUEUE)
        err = PH_ERR_LIMIT;
    if (err == PH_OK) {
        r->waiting++;
        push(&r->asked, job);
        (void)pthread_cond_signal(&r->work);
    }
    (void)pthread_mutex_unlock(&r->lock);
    if (err != PH_OK)
        free(job);
    return err;
}

uint64_t ph_http_resolver_next(struct ph_http_resolver *r, struct ph_http_addresses *out)
{
    eventfd_t ignored;

    (void)pthread_mutex_lock(&r->lock);
    struct job *job = pop(&r->answered);
    if (job)
        r->waiting--;
    else
        (void)eventfd_read(r->event_fd, &ignored);
    (void)pthread_mutex_unlock(&r->lock);
    if (!job)
        return 0;
    uint64_t id = job->id;
    *out = job->answer;
    free(job);
    return id;
}
