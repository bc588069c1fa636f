#include "node/state_serve.h"

#include "base/log.h"
#include "base/own.h"
#include "node/keyd_moves.h"
#include "node/state_catch_up.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Log per page memory before a checkpoint: small commits of the same pages make the log grow. */
enum { LOG_PER_MEMORY = 4 };
/* Bytes of a record that is not held in memory while it comes. */
enum { SPILL_MIN = 1 << 20 };

static void served_free(struct ph_served *v)
{
    ph_closep(&v->channel);
    ph_commit_writer_close(v->writer);
    ph_page_store_close(v->store);
    ph_buf_clear(&v->record);
    ph_spill_clear(&v->spill);
    ph_state_roots_unref(v->roots);
    free(v);
}

static void served_freep(struct ph_served **v)
{
    if (*v)
        served_free(*v);
}

static enum ph_err send_packet(const struct ph_served *v, enum ph_state_packet_kind kind,
                               struct ph_bytes data)
{
    uint8_t head[PH_STATE_PACKET_HEAD];
    struct iovec parts[] = {{head, sizeof(head)}, {(void *)(uintptr_t)data.ptr, data.len}};
    const struct msghdr msg = {.msg_iov = parts, .msg_iovlen = 2};

    ph_state_packet_head(kind, 0, 0, head);
    /* The instance reads what it asked for; one that does not is not waited for. */
    return sendmsg(v->channel, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) > 0 ? PH_OK : PH_ERR_CLOSED;
}

/* For ph_page_store_each_pending. */
struct beside {
    struct ph_commit_writer *writer;
    char *why;
};

static enum ph_err put_beside(void *ctx, uint64_t key, const uint8_t image[static PH_STATE_PAGE])
{
    const struct beside *b = ctx;
    return ph_commit_pages_put(b->writer, key, image, b->why);
}

static enum ph_err read_beside(void *ctx, uint64_t key, uint8_t out[static PH_STATE_PAGE])
{
    char ignored[PH_COMMIT_LOG_WHY];
    return ph_commit_pages_read(ctx, key, out, ignored);
}

/* Pages beside the log go first: what the page store has then is never newer than they are, so what
 * it keeps in memory from there on is all that they will lack. */
static enum ph_err checkpoint(struct ph_served *v, char *why)
{
    struct beside beside = {v->writer, why};
    struct ph_state_tip tip;

    ph_page_store_tip(v->store, &tip);
    if (ph_page_store_pending(v->store) == 0)
        return PH_OK;
    if (ph_commit_has_pages(v->writer)) {
        PH_TRY(ph_commit_pages_begin(v->writer, &tip, why));
        PH_TRY(ph_page_store_each_pending(v->store, put_beside, &beside));
        PH_TRY(ph_commit_pages_end(v->writer, why));
    }
    return ph_page_store_checkpoint(v->store, why);
}

/* *done: pages hold all that the log has. */
static enum ph_err checkpoint_if_due(const struct ph_serve_means *m, struct ph_served *v,
                                     bool *done, char *why)
{
    *done = ph_page_store_pending(v->store) >= m->checkpoint_bytes ||
            v->logged >= LOG_PER_MEMORY * (uint64_t)m->checkpoint_bytes;
    if (!*done)
        return PH_OK;
    v->logged = 0; /* one that failed for want of room is tried again after as much */
    const enum ph_err err = checkpoint(v, why);
    if (err != PH_ERR_LIMIT)
        return err;
    /* The log still takes commits, or says no itself. */
    ph_log(PH_LOG_WARN, "a checkpoint waits for room", "why", why, NULL);
    *done = false;
    return PH_OK;
}

/* Bring the page store to the newest commit of the log. */
static enum ph_err replay(const struct ph_serve_means *m, struct ph_served *v, char *why)
{
    struct ph_buf record PH_OWNED(ph_buf_clear) =
        PH_BUF(ph_state_record_len(PH_STATE_COMMIT_PAGES));
    uint64_t first, last;
    bool done;

    ph_commit_writer_range(v->writer, &first, &last);
    ph_page_store_tip(v->store, &v->tip);
    if (v->tip.index > last) {
        (void)snprintf(
            why, PH_SERVED_WHY,
            "the commit log ends at %llu, the pages are at %llu: storage was rolled back",
            (unsigned long long)last, (unsigned long long)v->tip.index);
        return PH_ERR_UNTRUSTED;
    }
    if (v->tip.index + 1 < first) {
        (void)snprintf(why, PH_SERVED_WHY,
                       "the commit log begins at %llu and the pages end at %llu: restore the pages",
                       (unsigned long long)first, (unsigned long long)v->tip.index);
        return PH_ERR_UNTRUSTED;
    }
    for (uint64_t i = v->tip.index + 1; i <= last; i++) {
        PH_TRY(ph_commit_read(v->writer, i, &record, why));
        const enum ph_err err = ph_page_store_apply(v->store, ph_buf_view(&record));
        if (err != PH_OK) {
            (void)snprintf(why, PH_SERVED_WHY,
                           "commit %llu does not follow from the pages and commits before it",
                           (unsigned long long)i);
            return err;
        }
        v->logged += record.len;
        PH_TRY(checkpoint_if_due(m, v, &done, why)); /* a long log does not stay in memory */
    }
    ph_page_store_tip(v->store, &v->tip);
    return PH_OK;
}

/* Choose what the log is replayed on: this machine's pages, if the log has all that came after
 * them; else those beside the log, which another worker may have written; else nothing. This
 * machine's are never newer than those beside the log unless storage lost some: then they do not
 * count. */
static enum ph_err choose_pages(struct ph_served *v, char *why)
{
    struct ph_state_tip here, beside = {0};
    uint64_t first, last;

    ph_commit_writer_range(v->writer, &first, &last);
    ph_page_store_tip(v->store, &here);
    if (!ph_commit_has_pages(v->writer))
        return PH_OK;
    PH_TRY(ph_commit_pages_tip(v->writer, &beside, why));
    if (beside.index > last || (last > 0 && beside.index + 1 < first)) {
        (void)snprintf(why, PH_SERVED_WHY,
                       "pages in storage are at %llu, its commits go from %llu to %llu: it was "
                       "rolled back",
                       (unsigned long long)beside.index, (unsigned long long)first,
                       (unsigned long long)last);
        return PH_ERR_UNTRUSTED;
    }
    if ((here.index + 1 >= first && here.index <= beside.index) || here.index > last)
        return PH_OK; /* the last of which is refused */
    return ph_page_store_seed(v->store, &beside, why);
}

/* The newest head, for phala-keyd; empty when there is none. What it vouches for then must be what
 * the pages say of themselves: they lie on storage too. */
static enum ph_err newest_head(struct ph_served *v, struct ph_buf *record, char *why)
{
    struct ph_state_record newest;
    struct ph_state_tip tip;
    uint64_t first, last;

    ph_commit_writer_range(v->writer, &first, &last);
    if (last == 0)
        return PH_OK;
    PH_TRY(ph_commit_read(v->writer, last, record, why));
    if (ph_state_record_parse(ph_buf_view(record), &newest) != PH_OK) {
        (void)snprintf(why, PH_SERVED_WHY, "commit %llu is damaged", (unsigned long long)last);
        return PH_ERR_UNTRUSTED;
    }
    ph_state_tip_of(&newest, &tip);
    if (memcmp(&tip.hash, &v->tip.hash, sizeof(tip.hash)) != 0 ||
        memcmp(&tip.root, &v->tip.root, sizeof(tip.root)) != 0 || tip.page_cnt != v->tip.page_cnt ||
        tip.key_epoch != v->tip.key_epoch) {
        (void)snprintf(why, PH_SERVED_WHY,
                       "the stored pages are not those of commit %llu: restore them and the log",
                       (unsigned long long)last);
        return PH_ERR_UNTRUSTED;
    }
    v->tip.older_epoch = tip.older_epoch;
    record->len = PH_STATE_HEAD_LEN; /* a record is never shorter */
    return PH_OK;
}

/* Of a log that is open: to the newest commit, which is put into `head`; empty: there is none. */
static enum ph_err bring_to_newest(const struct ph_serve_means *m, struct ph_served *v,
                                   struct ph_buf *head, char *why)
{
    v->below = (struct ph_page_below){v->writer, read_beside};
    PH_TRY(ph_page_store_open(m->pages_dir_fd, &v->phat,
                              ph_commit_has_pages(v->writer) ? &v->below : NULL, &v->store, why));
    PH_TRY(choose_pages(v, why));
    PH_TRY(replay(m, v, why));
    PH_TRY(newest_head(v, head, why));
    return ph_state_catch_up(m->keyd, &v->phat, v->writer, true, why);
}

static enum ph_err bring_up(const struct ph_serve_means *m, struct ph_served *v, char *why)
{
    struct ph_buf head PH_OWNED(ph_buf_clear) = PH_BUF(ph_state_record_len(PH_STATE_COMMIT_PAGES));

    PH_TRY(ph_commit_writer_open(m->log, &v->phat, &v->writer, why));
    PH_TRY(bring_to_newest(m, v, &head, why));
    return ph_keyd_client_state_key(m->keyd, &v->phat, ph_buf_view(&head), v->channel, why);
}

/* Applied first, as any commit: what does not fit is not logged. */
static enum ph_err append_wiped(const struct ph_serve_means *m, struct ph_served *v,
                                struct ph_bytes record, char *why)
{
    (void)snprintf(why, PH_SERVED_WHY, "phala-keyd made no commit that follows");
    PH_TRY(ph_page_store_apply(v->store, record));
    PH_TRY(ph_commit_append(v->writer, &record, 1, why));
    PH_TRY(ph_keyd_client_state_advance(m->keyd, record, why));
    ph_page_store_tip(v->store, &v->tip);
    return PH_OK;
}

/* The commit of no pages that phala-keyd makes for the deletion, and nothing before it. */
static enum ph_err end_with(const struct ph_serve_means *m, struct ph_served *v,
                            const struct ph_owner_request *request,
                            const uint8_t owner_sig[static 65], struct ph_bytes head, char *why)
{
    uint8_t wiped[PH_STATE_HEAD_LEN];

    PH_TRY(ph_keyd_state_wipe(m->keyd, request, owner_sig, head, wiped, why));
    return append_wiped(m, v, PH_BYTES_OF(wiped), why);
}

static enum ph_err wipe(const struct ph_serve_means *m, struct ph_served *v,
                        const struct ph_owner_request *request, const uint8_t owner_sig[static 65],
                        bool only_empty, char *why)
{
    struct ph_buf head PH_OWNED(ph_buf_clear) = PH_BUF(ph_state_record_len(PH_STATE_COMMIT_PAGES));
    uint64_t first, last;

    PH_TRY(ph_commit_writer_open(m->log, &v->phat, &v->writer, why));
    ph_commit_writer_range(v->writer, &first, &last);
    if (last == 0)
        return PH_OK;
    PH_TRY(bring_to_newest(m, v, &head, why));
    if (only_empty && v->tip.page_cnt > 0) {
        (void)snprintf(why, PH_SERVED_WHY, "the state has pages");
        return PH_ERR_CONFLICT;
    }
    if (only_empty || v->tip.page_cnt > 0)
        PH_TRY(end_with(m, v, request, owner_sig, ph_buf_view(&head), why));
    PH_TRY(checkpoint(v, why)); /* pages behind the end leave storage */
    return ph_commit_truncate(v->writer, v->tip.index, why);
}

static enum ph_err wipe_closed(const struct ph_serve_means *means, const struct ph_phat_id *phat,
                               const struct ph_owner_request *request,
                               const uint8_t owner_sig[static 65], bool only_empty, char *why)
{
    struct ph_served *v PH_OWNED(served_freep) = calloc(1, sizeof(*v));

    if (!v)
        return PH_ERR_NOMEM;
    v->channel = -1;
    v->phat = *phat;
    return wipe(means, v, request, owner_sig, only_empty, why);
}

enum ph_err ph_served_wipe(const struct ph_serve_means *means, const struct ph_phat_id *phat,
                           const struct ph_owner_request *request,
                           const uint8_t owner_sig[static 65], char why[static PH_SERVED_WHY])
{
    return wipe_closed(means, phat, request, owner_sig, false, why);
}

enum ph_err ph_served_renew_wiped(const struct ph_serve_means *means, const struct ph_phat_id *phat,
                                  const struct ph_owner_request *request,
                                  const uint8_t owner_sig[static 65],
                                  char why[static PH_SERVED_WHY])
{
    return wipe_closed(means, phat, request, owner_sig, true, why);
}

enum ph_err ph_served_open(const struct ph_serve_means *means, const struct ph_phat_id *phat,
                           uint32_t max_pages, int channel, struct ph_state_roots *roots,
                           struct ph_served **out, char why[static PH_SERVED_WHY])
{
    struct ph_served *v PH_OWNED(served_freep) = calloc(1, sizeof(*v));

    if (!v) {
        (void)close(channel);
        (void)snprintf(why, PH_SERVED_WHY, "no memory");
        return PH_ERR_NOMEM;
    }
    v->channel = channel;
    v->phat = *phat;
    v->max_pages = max_pages;
    v->roots = ph_state_roots_ref(roots);
    v->record = PH_BUF(ph_state_record_len(PH_STATE_COMMIT_PAGES));
    PH_TRY(bring_up(means, v, why));
    if (v->max_pages < v->tip.page_cnt)
        v->max_pages = v->tip.page_cnt;
    *out = PH_TAKE(v);
    return PH_OK;
}

void ph_served_close(struct ph_served *served, bool whole)
{
    char ignored[256];

    if (whole && checkpoint(served, ignored) == PH_OK)
        (void)!ph_commit_truncate(served->writer, served->tip.index, ignored);
    served_free(served);
}

void ph_served_lost(const struct ph_served *served, const char *why)
{
    (void)!send_packet(served, PH_STATE_LOST, ph_bytes_str(why));
}

/* Reads are answered from memory or with one pread. */
static enum ph_err answer_read(const struct ph_served *v, const struct ph_state_packet *p)
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

/* Commits that the pages hold are dropped from the log, but for the newest: it is what phala-keyd
 * is shown. */
static enum ph_err compact_if_due(const struct ph_serve_means *m, struct ph_served *v, char *why)
{
    bool done;

    PH_TRY(checkpoint_if_due(m, v, &done, why));
    return done ? ph_commit_truncate(v->writer, v->tip.index, why) : PH_OK;
}

static uint8_t *record_at(const struct ph_served *v)
{
    return v->spill.ptr ? v->spill.ptr : v->record.ptr;
}

/* A whole record: the phat's, the next one, as large as it may be. Then the pages in memory, the
 * log, phala-keyd, in that order: nothing that does not fit is logged, and what is acknowledged is
 * durable and known. After an error the state is closed, and opened anew from storage. */
static enum ph_err commit(const struct ph_serve_means *m, struct ph_served *v, char *why)
{
    const struct ph_bytes raw = {record_at(v), v->record_came};
    struct ph_state_record record;

    if (ph_state_record_parse(raw, &record) != PH_OK ||
        memcmp(record.head.phat.b, v->phat.b, sizeof(v->phat.b)) != 0 ||
        !ph_state_follows(&v->tip, &record.head) || record.head.page_cnt > v->max_pages) {
        (void)snprintf(why, PH_SERVED_WHY, "the phat's process sent no commit that follows");
        return PH_ERR_MALFORMED;
    }
    const enum ph_err err = ph_page_store_apply(v->store, raw);
    if (err != PH_OK) {
        (void)snprintf(why, PH_SERVED_WHY, "the commit's pages do not give its root");
        return err;
    }
    PH_TRY(ph_commit_append(v->writer, &raw, 1, why));
    v->logged += raw.len;
    PH_TRY(ph_keyd_client_state_advance(m->keyd, record.head_raw, why));
    (void)pthread_mutex_lock(m->lock);
    ph_page_store_tip(v->store, &v->tip);
    (void)pthread_mutex_unlock(m->lock);
    ph_state_roots_add(v->roots, v->tip.index, &v->tip.root);
    PH_TRY(send_packet(v, PH_STATE_COMMITTED, (struct ph_bytes){0}));
    return compact_if_due(m, v, why);
}

/* Pages of a record of this length, if it is one. */
static size_t record_pages(size_t len)
{
    return (len - PH_STATE_HEAD_LEN) / (PH_STATE_TABLE_ENTRY + PH_STATE_PAGE);
}

static enum ph_err announced(const struct ph_serve_means *m, struct ph_served *v,
                             const struct ph_state_packet *p)
{
    uint8_t *at;

    if (v->record_len != 0 || p->n < PH_STATE_HEAD_LEN || p->n > v->record.limit)
        return PH_ERR_MALFORMED;
    v->pages_first = p->kind == PH_STATE_REPLACE;
    if (v->pages_first && ph_state_record_len((uint32_t)record_pages(p->n)) != p->n)
        return PH_ERR_MALFORMED;
    /* Without room for it on the disk it is held in memory. */
    if (p->n < SPILL_MIN || ph_spill_new(m->pages_dir_fd, p->n, &v->spill) != PH_OK)
        PH_TRY(ph_buf_reserve(&v->record, p->n, &at));
    v->record_len = p->n;
    v->record_came = 0;
    return PH_OK;
}

/* Put a piece where it belongs in the record: with pages first, those that come first go behind
 * head and table. */
static void place(struct ph_served *v, struct ph_bytes data)
{
    const size_t pages = record_pages(v->record_len) * PH_STATE_PAGE;
    const size_t front = v->pages_first ? v->record_len - pages : 0;

    while (data.len > 0) {
        const size_t to = (v->record_came + front) % v->record_len;
        const size_t room = v->record_len - to, n = data.len < room ? data.len : room;
        memcpy(record_at(v) + to, data.ptr, n);
        v->record_came += n;
        data = (struct ph_bytes){data.ptr + n, data.len - n};
    }
}

static enum ph_err take_piece(const struct ph_serve_means *m, struct ph_served *v,
                              const struct ph_state_packet *p, char *why)
{
    (void)snprintf(why, PH_SERVED_WHY, "the phat's process broke the order of packets");
    if (p->kind != PH_STATE_PIECE)
        return announced(m, v, p);
    if (v->record_len == 0 || p->data.len > v->record_len - v->record_came)
        return PH_ERR_MALFORMED;
    place(v, p->data);
    if (v->record_came < v->record_len)
        return PH_OK;
    v->record_len = 0;
    const enum ph_err err = commit(m, v, why);
    ph_spill_clear(&v->spill);
    if (v->record.cap > (1 << 20))
        ph_buf_clear(&v->record);
    return err;
}

enum ph_err ph_served_one(const struct ph_serve_means *means, struct ph_served *served,
                          char why[static PH_SERVED_WHY])
{
    uint8_t raw[PH_STATE_PACKET_MAX + 1];
    struct ph_state_packet packet;
    const ssize_t n = recv(served->channel, raw, sizeof(raw), MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return PH_ERR_AGAIN;
    if (n <= 0)
        return PH_ERR_CLOSED;
    if (ph_state_packet_parse((struct ph_bytes){raw, (size_t)n}, &packet) != PH_OK ||
        packet.kind >= PH_STATE_KEY) {
        (void)snprintf(why, PH_SERVED_WHY, "the phat's process sent a packet out of turn");
        return PH_ERR_MALFORMED;
    }
    if (packet.kind == PH_STATE_READ_PAGE || packet.kind == PH_STATE_READ_NODE)
        return answer_read(served, &packet);
    return take_piece(means, served, &packet, why);
}
