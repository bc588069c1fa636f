#include "node/state_server.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/own.h"
#include "ipc/state_packets.h"
#include "store/commit_log.h"
#include "store/page_store.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

enum { CHECKPOINT_BYTES = 16 << 20, EVENTS_MAX = 64 };

/* A state that is open: of the thread alone, but for `tip` under the lock. */
struct served {
    struct ph_phat_id phat;
    int channel;
    uint32_t max_pages;
    struct ph_state_roots *roots;
    struct ph_commit_writer *writer;
    struct ph_page_store *store;
    struct ph_state_tip tip;
    struct ph_buf record; /* of the commit that comes in pieces */
    size_t record_len;    /* announced; 0: none is coming */
    struct served *next, **prev;
};

/* A wish from the loop, or news for it. */
struct note {
    struct ph_phat_id phat;
    int channel; /* wishes */
    uint32_t max_pages;
    struct ph_state_roots *roots;
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
    struct ph_keyd_client *keyd;
    int pages_dir_fd;
    size_t checkpoint_bytes;
    struct ph_commit_log *log;
    pthread_t thread;
    bool has_thread;
    int epoll_fd, wake_fd; /* the thread's */
    int news_fd;           /* the loop's */
    struct ph_watch watch;
    struct served *open;
    pthread_mutex_t lock; /* below, and every served.tip */
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

/* The thread. */

static void served_free(struct served *v)
{
    ph_closep(&v->channel);
    ph_commit_writer_close(v->writer);
    ph_page_store_close(v->store);
    ph_buf_clear(&v->record);
    ph_state_roots_unref(v->roots);
    free(v);
}

static void served_freep(struct served **v)
{
    if (*v)
        served_free(*v);
}

static enum ph_err send_packet(const struct served *v, enum ph_state_packet_kind kind,
                               struct ph_bytes data)
{
    uint8_t head[PH_STATE_PACKET_HEAD];
    struct iovec parts[] = {{head, sizeof(head)}, {(void *)(uintptr_t)data.ptr, data.len}};
    const struct msghdr msg = {.msg_iov = parts, .msg_iovlen = 2};

    ph_state_packet_head(kind, 0, 0, head);
    /* The instance reads what it asked for; one that does not is not waited for. */
    return sendmsg(v->channel, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) > 0 ? PH_OK : PH_ERR_CLOSED;
}

/* Bring the page store to the newest commit of the log. */
static enum ph_err replay(struct served *v, char *why)
{
    struct ph_buf record PH_OWNED(ph_buf_clear) =
        PH_BUF(ph_state_record_len(PH_STATE_COMMIT_PAGES));
    uint64_t first, last;

    ph_commit_writer_range(v->writer, &first, &last);
    ph_page_store_tip(v->store, &v->tip);
    if (v->tip.index > last) {
        (void)snprintf(
            why, PH_STATE_SERVER_WHY,
            "the commit log ends at %llu, the pages are at %llu: storage was rolled back",
            (unsigned long long)last, (unsigned long long)v->tip.index);
        return PH_ERR_UNTRUSTED;
    }
    for (uint64_t i = v->tip.index + 1; i <= last; i++) {
        PH_TRY(ph_commit_read(v->writer, i, &record, why));
        const enum ph_err err = ph_page_store_apply(v->store, ph_buf_view(&record));
        if (err != PH_OK) {
            (void)snprintf(why, PH_STATE_SERVER_WHY,
                           "commit %llu does not follow from the pages and commits before it",
                           (unsigned long long)i);
            return err;
        }
    }
    ph_page_store_tip(v->store, &v->tip);
    return PH_OK;
}

/* The newest head, for phala-keyd; empty when there is none. */
static enum ph_err newest_head(struct served *v, struct ph_buf *record, char *why)
{
    uint64_t first, last;

    ph_commit_writer_range(v->writer, &first, &last);
    if (last == 0)
        return PH_OK;
    PH_TRY(ph_commit_read(v->writer, last, record, why));
    record->len = PH_STATE_HEAD_LEN; /* a record is never shorter */
    return PH_OK;
}

static enum ph_err bring_up(struct ph_state_server *s, struct served *v, char *why)
{
    struct ph_buf head PH_OWNED(ph_buf_clear) = PH_BUF(ph_state_record_len(PH_STATE_COMMIT_PAGES));

    PH_TRY(ph_commit_writer_open(s->log, &v->phat, &v->writer, why));
    PH_TRY(ph_page_store_open(s->pages_dir_fd, &v->phat, &v->store, why));
    PH_TRY(replay(v, why));
    PH_TRY(newest_head(v, &head, why));
    return ph_keyd_client_state_key(s->keyd, &v->phat, ph_buf_view(&head), v->channel, why);
}

static void open_one(struct ph_state_server *s, struct note *wish)
{
    struct served *v PH_OWNED(served_freep) = calloc(1, sizeof(*v));
    int channel PH_OWNED(ph_closep) = wish->channel;
    char why[PH_STATE_SERVER_WHY] = "no memory";

    if (!v) {
        tell(s, &wish->phat, PH_STATE_REFUSED, PH_ERR_NOMEM, NULL, why);
        return;
    }
    v->channel = PH_TAKE_FD(channel);
    v->phat = wish->phat;
    v->max_pages = wish->max_pages;
    v->roots = PH_TAKE(wish->roots);
    v->record = PH_BUF(ph_state_record_len(PH_STATE_COMMIT_PAGES));
    enum ph_err err = bring_up(s, v, why);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = v};
    if (err == PH_OK && epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, v->channel, &e) != 0)
        err = PH_ERR_NOMEM;
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
    (void)PH_TAKE(v);
}

static void close_one(struct ph_state_server *s, struct served *v, enum ph_err err, const char *why)
{
    char ignored[256];

    if (err == PH_OK) /* the next start finds its pages in place */
        (void)!ph_page_store_checkpoint(v->store, ignored);
    (void)pthread_mutex_lock(&s->lock);
    *v->prev = v->next;
    if (v->next)
        v->next->prev = v->prev;
    (void)pthread_mutex_unlock(&s->lock);
    const struct ph_phat_id phat = v->phat;
    const struct ph_state_tip tip = v->tip;
    served_free(v); /* and so gives the log back, before anybody can open it again */
    tell(s, &phat, PH_STATE_ENDED, err, &tip, why);
}

/* Reads are answered from memory or with one pread. */
static enum ph_err answer_read(const struct served *v, const struct ph_state_packet *p)
{
    uint8_t data[PH_STATE_PAGE];
    const enum ph_err err =
        p->kind == PH_STATE_READ_PAGE
            ? ph_page_store_page(v->store, p->n, data)
            : ph_page_store_node(v->store, (struct ph_tree_at){p->a, p->n}, data);

    if (err == PH_OK)
        return send_packet(v, PH_STATE_DATA, PH_BYTES_OF(data));
    return send_packet(v, err == PH_ERR_NOT_FOUND ? PH_STATE_ABSENT : PH_STATE_FAILED,
                       (struct ph_bytes){0});
}

static enum ph_err checkpoint_if_due(const struct ph_state_server *s, struct served *v, char *why)
{
    if (ph_page_store_pending(v->store) < s->checkpoint_bytes)
        return PH_OK;
    const enum ph_err err = ph_page_store_checkpoint(v->store, why);
    if (err == PH_ERR_LIMIT) { /* a full disk: the log still takes commits, or says no itself */
        ph_log(PH_LOG_WARN, "a checkpoint waits for room on the disk", "why", why, NULL);
        return PH_OK;
    }
    PH_TRY(err);
    return ph_commit_truncate(v->writer, v->tip.index, why);
}

/* A whole record: the phat's, the next one, as large as it may be. Then the pages in memory, the
 * log, phala-keyd, in that order: nothing that does not fit is logged, and what is acknowledged is
 * durable and known. After an error the state is closed, and opened anew from storage. */
static enum ph_err commit(struct ph_state_server *s, struct served *v, char *why)
{
    const struct ph_bytes raw = ph_buf_view(&v->record);
    struct ph_state_record record;

    if (ph_state_record_parse(raw, &record) != PH_OK ||
        memcmp(record.head.phat.b, v->phat.b, sizeof(v->phat.b)) != 0 ||
        !ph_state_follows(&v->tip, &record.head) || record.head.page_cnt > v->max_pages) {
        (void)snprintf(why, PH_STATE_SERVER_WHY, "the phat's process sent no commit that follows");
        return PH_ERR_MALFORMED;
    }
    const enum ph_err err = ph_page_store_apply(v->store, raw);
    if (err != PH_OK) {
        (void)snprintf(why, PH_STATE_SERVER_WHY, "the commit's pages do not give its root");
        return err;
    }
    PH_TRY(ph_commit_append(v->writer, &raw, 1, why));
    PH_TRY(ph_keyd_client_state_advance(s->keyd, record.head_raw, why));
    (void)pthread_mutex_lock(&s->lock);
    ph_page_store_tip(v->store, &v->tip);
    (void)pthread_mutex_unlock(&s->lock);
    ph_state_roots_add(v->roots, v->tip.index, &v->tip.root);
    PH_TRY(send_packet(v, PH_STATE_COMMITTED, (struct ph_bytes){0}));
    return checkpoint_if_due(s, v, why);
}

static enum ph_err take_piece(struct ph_state_server *s, struct served *v,
                              const struct ph_state_packet *p, char *why)
{
    (void)snprintf(why, PH_STATE_SERVER_WHY, "the phat's process broke the order of packets");
    if (p->kind == PH_STATE_COMMIT) {
        if (v->record_len != 0 || p->n < PH_STATE_HEAD_LEN || p->n > v->record.limit)
            return PH_ERR_MALFORMED;
        v->record_len = p->n;
        v->record.len = 0;
        return PH_OK;
    }
    if (v->record_len == 0 || p->data.len > v->record_len - v->record.len)
        return PH_ERR_MALFORMED;
    PH_TRY(ph_buf_add(&v->record, p->data));
    if (v->record.len < v->record_len)
        return PH_OK;
    v->record_len = 0;
    const enum ph_err err = commit(s, v, why);
    if (v->record.cap > (1 << 20))
        ph_buf_clear(&v->record);
    return err;
}

/* One packet. PH_ERR_CLOSED: the instance is gone. */
static enum ph_err serve_one(struct ph_state_server *s, struct served *v, char *why)
{
    uint8_t raw[PH_STATE_PACKET_MAX + 1];
    struct ph_state_packet packet;
    const ssize_t n = recv(v->channel, raw, sizeof(raw), MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return PH_ERR_AGAIN;
    if (n <= 0)
        return PH_ERR_CLOSED;
    if (ph_state_packet_parse((struct ph_bytes){raw, (size_t)n}, &packet) != PH_OK ||
        packet.kind >= PH_STATE_KEY) {
        (void)snprintf(why, PH_STATE_SERVER_WHY, "the phat's process sent a packet out of turn");
        return PH_ERR_MALFORMED;
    }
    if (packet.kind == PH_STATE_READ_PAGE || packet.kind == PH_STATE_READ_NODE)
        return answer_read(v, &packet);
    return take_piece(s, v, &packet, why);
}

static void serve(struct ph_state_server *s, struct served *v)
{
    char why[PH_STATE_SERVER_WHY] = "";
    enum ph_err err = PH_OK;

    for (int i = 0; i < 256 && err == PH_OK; i++) /* others have a turn too */
        err = serve_one(s, v, why);
    if (err == PH_OK || err == PH_ERR_AGAIN)
        return;
    if (err == PH_ERR_CLOSED) {
        close_one(s, v, PH_OK, "");
        return;
    }
    (void)!send_packet(v, PH_STATE_LOST, ph_bytes_str(why));
    close_one(s, v, err, why);
}

static struct note *take_wishes(struct ph_state_server *s, bool *stop)
{
    (void)pthread_mutex_lock(&s->lock);
    struct note *wishes = s->wishes;
    s->wishes = NULL;
    s->wishes_end = &s->wishes;
    *stop = s->stop;
    (void)pthread_mutex_unlock(&s->lock);
    return wishes;
}

static void *work(void *ctx)
{
    struct ph_state_server *s = ctx;
    struct epoll_event events[EVENTS_MAX];
    bool stop = false;

    while (!stop) {
        const int n = epoll_wait(s->epoll_fd, events, EVENTS_MAX, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr)
                serve(s, events[i].data.ptr);
            else
                quiet(s->wake_fd);
        }
        for (struct note *wish = take_wishes(s, &stop), *next; wish; wish = next) {
            next = wish->next;
            open_one(s, wish);
            ph_state_roots_unref(wish->roots);
            free(wish);
        }
    }
    while (s->open)
        close_one(s, s->open, PH_OK, "the worker stops");
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
    s->keyd = config->keyd;
    s->pages_dir_fd = config->pages_dir_fd;
    s->checkpoint_bytes = config->checkpoint_bytes ? config->checkpoint_bytes : CHECKPOINT_BYTES;
    s->wishes_end = &s->wishes;
    s->news_end = &s->news;
    (void)pthread_mutex_init(&s->lock, NULL);
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->epoll_fd < 0 || s->wake_fd < 0 || s->news_fd < 0 ||
        epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->wake_fd, &e) != 0)
        return PH_ERR_NOMEM;
    PH_TRY(ph_watch_add(loop, &s->watch, s->news_fd, EPOLLIN, on_news, s));
    PH_TRY(ph_commit_log_open(config->url, &s->log, why));
    if (pthread_create(&s->thread, NULL, work, s) != 0)
        return PH_ERR_NOMEM;
    s->has_thread = true;
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
    if (s->has_thread) {
        (void)pthread_mutex_lock(&s->lock);
        s->stop = true;
        (void)pthread_mutex_unlock(&s->lock);
        wake(s->wake_fd);
        (void)pthread_join(s->thread, NULL);
    }
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
    (void)pthread_mutex_lock(&server->lock);
    append_note(&server->wishes_end, wish);
    (void)pthread_mutex_unlock(&server->lock);
    wake(server->wake_fd);
    return PH_OK;
}

bool ph_state_server_tip(struct ph_state_server *server, const struct ph_phat_id *phat,
                         struct ph_state_tip *out)
{
    bool found = false;

    (void)pthread_mutex_lock(&server->lock);
    for (const struct served *v = server->open; v && !found; v = v->next) {
        found = memcmp(v->phat.b, phat->b, sizeof(phat->b)) == 0;
        if (found)
            *out = v->tip;
    }
    (void)pthread_mutex_unlock(&server->lock);
    return found;
}
