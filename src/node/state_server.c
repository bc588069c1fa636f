#include "node/state_server.h"

#include "base/log.h"
#include "base/own.h"
#include "node/state_catch_up.h"
#include "node/state_serve.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>

enum {
    CHECKPOINT_BYTES = 16 << 20,
    /* They wait for storage nearly all the time. Synced at once, ten logs of one disk take as long
     * as one. */
    THREADS = 8,
};

/* A wish from the loop, or news for it. */
struct note {
    struct ph_phat_id phat;
    int channel; /* wishes; -1: to wipe it */
    uint32_t max_pages;
    struct ph_state_roots *roots;
    struct ph_owner_request request; /* the deletion */
    uint8_t owner_sig[65];
    enum ph_state_event event; /* news, and below */
    enum ph_err err;
    struct ph_state_tip tip;
    char why[PH_STATE_SERVER_WHY];
    struct note *next;
};

struct ph_state_server {
    struct ph_loop *loop;
    ph_state_told told;
    void *ctx;
    struct ph_serve_means means;
    struct ph_commit_log *log;
    pthread_t thread[THREADS];
    size_t thread_cnt;
    int epoll_fd, wake_fd; /* the threads'; the latter counts wishes */
    int news_fd;           /* the loop's */
    struct ph_watch watch;
    pthread_mutex_t lock; /* below, and every tip */
    struct ph_served *open;
    bool stop;
    struct note *wishes, **wishes_end, *news, **news_end;
};

static void wake(int fd)
{
    (void)!write(fd, &(uint64_t){1}, sizeof(uint64_t));
}

static void quiet(int fd)
{
    uint64_t n;
    (void)!read(fd, &n, sizeof(n));
}

static void append_note(struct note ***end, struct note *note)
{
    note->next = NULL;
    **end = note;
    *end = &note->next;
}

static void tell(struct ph_state_server *s, const struct ph_phat_id *phat,
                 enum ph_state_event event, enum ph_err err, const struct ph_state_tip *tip,
                 const char *why)
{
    struct note *note = calloc(1, sizeof(*note));

    if (!note) {
        ph_log(PH_LOG_ERROR, "out of memory", NULL);
        return;
    }
    note->phat = *phat;
    note->channel = -1;
    note->event = event;
    note->err = err;
    if (tip)
        note->tip = *tip;
    (void)snprintf(note->why, sizeof(note->why), "%s", why);
    (void)pthread_mutex_lock(&s->lock);
    append_note(&s->news_end, note);
    (void)pthread_mutex_unlock(&s->lock);
    wake(s->news_fd);
}

/* The threads. A state is with one of them at a time: its channel is armed for one event. */

static enum ph_err arm(const struct ph_state_server *s, struct ph_served *v, int op)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = v};
    return epoll_ctl(s->epoll_fd, op, v->channel, &e) == 0 ? PH_OK : PH_ERR_NOMEM;
}

static void close_one(struct ph_state_server *s, struct ph_served *v, enum ph_err err,
                      const char *why)
{
    (void)pthread_mutex_lock(&s->lock);
    *v->prev = v->next;
    if (v->next)
        v->next->prev = v->prev;
    (void)pthread_mutex_unlock(&s->lock);
    const struct ph_phat_id phat = v->phat;
    const struct ph_state_tip tip = v->tip;
    ph_served_close(v, err == PH_OK); /* the log is free before anybody can want it again */
    tell(s, &phat, PH_STATE_ENDED, err, &tip, why);
}

static void open_one(struct ph_state_server *s, struct note *wish)
{
    char why[PH_STATE_SERVER_WHY] = "";
    struct ph_served *v;

    const enum ph_err err = ph_served_open(&s->means, &wish->phat, wish->max_pages,
                                           PH_TAKE_FD(wish->channel), wish->roots, &v, why);
    if (err != PH_OK) {
        tell(s, &wish->phat, PH_STATE_REFUSED, err, NULL, why);
        return;
    }
    (void)pthread_mutex_lock(&s->lock);
    v->next = s->open;
    v->prev = &s->open;
    if (v->next)
        v->next->prev = &v->next;
    s->open = v;
    (void)pthread_mutex_unlock(&s->lock);
    ph_state_roots_add(v->roots, v->tip.index, &v->tip.root);
    tell(s, &v->phat, PH_STATE_OPENED, PH_OK, &v->tip, "");
    if (arm(s, v, EPOLL_CTL_ADD) != PH_OK)
        close_one(s, v, PH_ERR_NOMEM, "no memory");
}

static void wipe_one(struct ph_state_server *s, const struct note *wish)
{
    char why[PH_STATE_SERVER_WHY] = "";
    const enum ph_err err =
        ph_served_wipe(&s->means, &wish->phat, &wish->request, wish->owner_sig, why);

    tell(s, &wish->phat, PH_STATE_WIPED, err, NULL, why);
}

static void serve(struct ph_state_server *s, struct ph_served *v)
{
    char why[PH_STATE_SERVER_WHY] = "";
    enum ph_err err = PH_OK;

    for (int i = 0; i < 256 && err == PH_OK; i++) /* others have a turn too */
        err = ph_served_one(&s->means, v, why);
    if (err == PH_OK || err == PH_ERR_AGAIN)
        err = arm(s, v, EPOLL_CTL_MOD);
    if (err == PH_OK)
        return;
    if (err == PH_ERR_CLOSED) {
        close_one(s, v, PH_OK, "");
        return;
    }
    ph_served_lost(v, why);
    close_one(s, v, err, why);
}

/* One wish, if there is any; the count of them goes down with it. */
static struct note *take_wish(struct ph_state_server *s, bool *stop)
{
    (void)pthread_mutex_lock(&s->lock);
    struct note *wish = s->stop ? NULL : s->wishes;
    if (wish) {
        quiet(s->wake_fd);
        s->wishes = wish->next;
        if (!s->wishes)
            s->wishes_end = &s->wishes;
    }
    *stop = s->stop;
    (void)pthread_mutex_unlock(&s->lock);
    return wish;
}

static void *work(void *ctx)
{
    struct ph_state_server *s = ctx;
    struct epoll_event event;
    bool stop = false;

    while (!stop) {
        if (epoll_wait(s->epoll_fd, &event, 1, -1) != 1)
            continue;
        if (event.data.ptr) {
            serve(s, event.data.ptr);
            continue;
        }
        struct note *wish = take_wish(s, &stop);
        if (!wish)
            continue;
        if (wish->channel < 0)
            wipe_one(s, wish);
        else
            open_one(s, wish);
        ph_state_roots_unref(wish->roots);
        free(wish);
    }
    return NULL;
}

/* The loop. */

static void on_news(void *ctx, uint32_t events)
{
    struct ph_state_server *s = ctx;

    (void)events;
    quiet(s->news_fd);
    (void)pthread_mutex_lock(&s->lock);
    struct note *news = s->news;
    s->news = NULL;
    s->news_end = &s->news;
    (void)pthread_mutex_unlock(&s->lock);
    for (struct note *next; news; news = next) {
        next = news->next;
        s->told(s->ctx, &news->phat, news->event, news->err, &news->tip, news->why);
        free(news);
    }
}

static void server_freep(struct ph_state_server **s)
{
    ph_state_server_stop(*s);
}

enum ph_err ph_state_server_start(const struct ph_state_server_config *config, struct ph_loop *loop,
                                  ph_state_told told, void *ctx, struct ph_state_server **out,
                                  char why[static PH_STATE_SERVER_WHY])
{
    struct ph_state_server *s PH_OWNED(server_freep) = calloc(1, sizeof(*s));
    struct epoll_event e = {.events = EPOLLIN};

    (void)snprintf(why, PH_STATE_SERVER_WHY, "no memory or descriptors");
    if (!s)
        return PH_ERR_NOMEM;
    s->loop = loop;
    s->told = told;
    s->ctx = ctx;
    s->means = (struct ph_serve_means){
        .pages_dir_fd = config->pages_dir_fd,
        .keyd = config->keyd,
        .checkpoint_bytes = config->checkpoint_bytes ? config->checkpoint_bytes : CHECKPOINT_BYTES,
        .lock = &s->lock};
    s->wishes_end = &s->wishes;
    s->news_end = &s->news;
    (void)pthread_mutex_init(&s->lock, NULL);
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    s->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->epoll_fd < 0 || s->wake_fd < 0 || s->news_fd < 0 ||
        epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->wake_fd, &e) != 0)
        return PH_ERR_NOMEM;
    PH_TRY(ph_watch_add(loop, &s->watch, s->news_fd, EPOLLIN, on_news, s));
    PH_TRY(ph_commit_log_open(config->url, &s->log, why));
    s->means.log = s->log;
    for (; s->thread_cnt < THREADS; s->thread_cnt++) {
        if (pthread_create(&s->thread[s->thread_cnt], NULL, work, s) != 0)
            return PH_ERR_NOMEM;
    }
    *out = PH_TAKE(s);
    return PH_OK;
}

static void free_notes(struct note *notes)
{
    for (struct note *next; notes; notes = next) {
        next = notes->next;
        ph_closep(&notes->channel);
        ph_state_roots_unref(notes->roots);
        free(notes);
    }
}

void ph_state_server_stop(struct ph_state_server *server)
{
    struct ph_state_server *s = server;

    if (!s)
        return;
    (void)pthread_mutex_lock(&s->lock);
    s->stop = true;
    (void)pthread_mutex_unlock(&s->lock);
    wake(s->wake_fd); /* nobody reads it any more: every thread sees it */
    for (size_t i = 0; i < s->thread_cnt; i++)
        (void)pthread_join(s->thread[i], NULL);
    while (s->open)
        close_one(s, s->open, PH_OK, "the worker stops");
    ph_watch_del(s->loop, &s->watch);
    free_notes(s->wishes);
    free_notes(s->news);
    ph_commit_log_close(s->log);
    ph_closep(&s->epoll_fd);
    ph_closep(&s->wake_fd);
    ph_closep(&s->news_fd);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

static void wish_for(struct ph_state_server *s, struct note *wish)
{
    (void)pthread_mutex_lock(&s->lock);
    append_note(&s->wishes_end, wish);
    (void)pthread_mutex_unlock(&s->lock);
    wake(s->wake_fd);
}

enum ph_err ph_state_server_open(struct ph_state_server *server, const struct ph_phat_id *phat,
                                 uint32_t max_pages, int channel, struct ph_state_roots *roots)
{
    struct note *wish = calloc(1, sizeof(*wish));

    if (!wish) {
        ph_closep(&channel);
        return PH_ERR_NOMEM;
    }
    wish->phat = *phat;
    wish->max_pages = max_pages;
    wish->channel = channel;
    wish->roots = ph_state_roots_ref(roots);
    wish_for(server, wish);
    return PH_OK;
}

enum ph_err ph_state_server_wipe(struct ph_state_server *server, const struct ph_phat_id *phat,
                                 const struct ph_owner_request *request,
                                 const uint8_t owner_sig[static 65])
{
    struct note *wish = calloc(1, sizeof(*wish));

    if (!wish)
        return PH_ERR_NOMEM;
    wish->phat = *phat;
    wish->channel = -1;
    wish->request = *request;
    memcpy(wish->owner_sig, owner_sig, sizeof(wish->owner_sig));
    wish_for(server, wish);
    return PH_OK;
}

enum ph_err ph_state_server_renew_wiped(struct ph_state_server *server,
                                        const struct ph_phat_id *phat,
                                        const struct ph_owner_request *request,
                                        const uint8_t owner_sig[static 65],
                                        char why[static PH_STATE_SERVER_WHY])
{
    return ph_served_renew_wiped(&server->means, phat, request, owner_sig, why);
}

bool ph_state_server_tip(struct ph_state_server *server, const struct ph_phat_id *phat,
                         struct ph_state_tip *out)
{
    bool found = false;

    (void)pthread_mutex_lock(&server->lock);
    for (const struct ph_served *v = server->open; v && !found; v = v->next) {
        found = memcmp(v->phat.b, phat->b, sizeof(phat->b)) == 0;
        if (found)
            *out = v->tip;
    }
    (void)pthread_mutex_unlock(&server->lock);
    return found;
}

static void writer_closep(struct ph_commit_writer **writer)
{
    if (*writer)
        ph_commit_writer_close(*writer);
}

enum ph_err ph_state_server_look(struct ph_state_server *server, const struct ph_phat_id *phat,
                                 struct ph_state_tip *out, char why[static PH_STATE_SERVER_WHY])
{
    struct ph_buf record PH_OWNED(ph_buf_clear) =
        PH_BUF(ph_state_record_len(PH_STATE_COMMIT_PAGES));
    struct ph_commit_writer *writer PH_OWNED(writer_closep) = NULL;
    struct ph_state_record newest;
    uint64_t first, last;

    PH_TRY(ph_commit_writer_open(server->log, phat, &writer, why));
    ph_commit_writer_range(writer, &first, &last);
    if (last == 0) {
        *out = (struct ph_state_tip){0};
        return PH_OK;
    }
    PH_TRY(ph_commit_read(writer, last, &record, why));
    (void)snprintf(why, PH_STATE_SERVER_WHY, "the newest commit is damaged");
    if (ph_state_record_parse(ph_buf_view(&record), &newest) != PH_OK)
        return PH_ERR_UNTRUSTED;
    ph_state_tip_of(&newest, out);
    /* Other workers may have moved a state on that was open here once. */
    return ph_state_catch_up(server->means.keyd, phat, writer, false, why);
}
