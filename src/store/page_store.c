#include "store/page_store.h"

#include "base/hex.h"
#include "base/own.h"
#include "state/overlay.h"
#include "store/file.h"
#include "store/spill.h"
#include "store/tip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
    TREE_CACHE = 1024,
    WHOLE_MIN = 64,                   /* pages of a record that is not kept in memory */
    REDO_NODE = 1 + 4 + PH_TREE_NODE, /* level, n, image */
    REDO_NODES_MAX = 1 << 18,         /* of one checkpoint: 1 GiB */
};
static const uint8_t zeros[PH_STATE_PAGE];

struct ph_page_store {
    int dir_fd, pages_fd, nodes_fd;
    char phat[41];
    struct ph_page_below below; /* read is NULL: nothing is there */
    struct ph_state_tip tip;    /* of the newest applied record */
    uint64_t base;              /* pages written up to this index lie below; 0: none do */
    uint8_t *here;              /* a bit per page: such a page was read, and is in the file too */
    size_t here_len;
    struct ph_tree *tree;      /* at that tip */
    struct ph_overlay pending; /* sealed pages since the last checkpoint */
    struct ph_spill whole;     /* and, older than those, the pages of a record of all pages */
    uint32_t whole_cnt;        /* of them: those that count, from 0 */
    bool broken;               /* an operation failed half way: open again */
};

static enum ph_err say(enum ph_err err, char *why, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static enum ph_err say(enum ph_err err, char *why, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(why, 256, fmt, args);
    va_end(args);
    return err;
}

static void name_of(const struct ph_page_store *s, const char *kind, char out[static 64])
{
    (void)snprintf(out, 64, "%s.%s", s->phat, kind);
}

static enum ph_err read_at(int fd, uint64_t at, uint8_t *out, size_t len)
{
    size_t done = 0;
    while (done < len) {
        const ssize_t n = pread(fd, out + done, len - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return PH_ERR_IO;
        if (n == 0) {
            if (done == 0)
                return PH_ERR_NOT_FOUND;
            memset(out + done, 0, len - done); /* cut short by a crash: the reader's tag says so */
            return PH_OK;
        }
        done += (size_t)n;
    }
    return PH_OK;
}

static enum ph_err write_at(int fd, uint64_t at, const uint8_t *data, size_t len)
{
    size_t done = 0;
    while (done < len) {
        const ssize_t n = pwrite(fd, data + done, len - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == ENOSPC || errno == EDQUOT ? PH_ERR_LIMIT : PH_ERR_IO;
        done += (size_t)n;
    }
    return PH_OK;
}

/* Nodes by level, the few high ones first. */
static uint64_t node_offset(struct ph_tree_at at)
{
    uint64_t first = 0, width = 1;
    for (int level = PH_TREE_HEIGHT_MAX - 1; level > at.level; level--) {
        first += width;
        width *= PH_TREE_FANOUT;
    }
    return (first + at.n) * PH_TREE_NODE;
}

static bool covers(struct ph_tree_at at, uint32_t page_cnt)
{
    uint64_t pages = PH_TREE_FANOUT;
    for (uint8_t level = 0; level < at.level; level++)
        pages *= PH_TREE_FANOUT;
    return at.n == 0 && pages >= page_cnt;
}

/* A node that is not in the file is as it lies below; the top changes with every commit. */
static enum ph_err read_node(void *ctx, struct ph_tree_at at, uint8_t out[static PH_TREE_NODE])
{
    const struct ph_page_store *s = ctx;
    const enum ph_err err = read_at(s->nodes_fd, node_offset(at), out, PH_TREE_NODE);

    if (s->base == 0 || (err != PH_OK && err != PH_ERR_NOT_FOUND) ||
        (err == PH_OK && memcmp(out, zeros, PH_TREE_NODE) != 0) ||
        (s->tip.index > s->base && covers(at, s->tip.page_cnt)))
        return err;
    return s->below.read(s->below.ctx, ph_commit_node_key(at), out);
}

void ph_page_store_close(struct ph_page_store *store)
{
    if (!store)
        return;
    ph_closep(&store->pages_fd);
    ph_closep(&store->nodes_fd);
    ph_tree_free(store->tree);
    ph_overlay_clear(&store->pending);
    ph_spill_clear(&store->whole);
    free(store->here);
    free(store);
}

static void store_freep(struct ph_page_store **store)
{
    ph_page_store_close(*store);
}

static enum ph_err open_file(struct ph_page_store *s, const char *kind, int *fd)
{
    char name[64];
    name_of(s, kind, name);
    *fd = openat(s->dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return *fd >= 0 ? PH_OK : PH_ERR_IO;
}

static enum ph_err redo_nodes(struct ph_page_store *s, struct ph_reader *r)
{
    struct ph_bytes image;
    struct ph_tree_at at;

    while (r->rest.len > 0) {
        if (!ph_read_u8(r, &at.level) || !ph_read_u32le(r, &at.n) ||
            !ph_read_view(r, PH_TREE_NODE, &image) || at.level >= PH_TREE_HEIGHT_MAX ||
            at.n >= PH_STATE_PAGES_MAX)
            return PH_ERR_MALFORMED;
        PH_TRY(write_at(s->nodes_fd, node_offset(at), image.ptr, image.len));
    }
    return fsync(s->nodes_fd) == 0 ? PH_OK : PH_ERR_IO;
}

/* From a redo file that is whole: nodes, then tip, then the redo file goes. */
static enum ph_err finish_checkpoint(struct ph_page_store *s, struct ph_bytes redo)
{
    struct ph_reader r = {redo};
    struct ph_state_tip tip;
    uint8_t raw[PH_TIP_LEN];
    uint64_t base;
    char name[64];

    PH_TRY(ph_tip_read(&r, &tip, &base));
    PH_TRY(redo_nodes(s, &r));
    ph_tip_encode(&tip, base, raw);
    name_of(s, "tip", name);
    PH_TRY(ph_file_replace(s->dir_fd, name, &PH_BYTES_OF(raw), 1));
    name_of(s, "redo", name);
    return ph_file_remove(s->dir_fd, name);
}

static enum ph_err redo(struct ph_page_store *s)
{
    struct ph_buf buf PH_OWNED(ph_buf_clear) =
        PH_BUF(PH_TIP_LEN + (size_t)REDO_NODES_MAX * REDO_NODE);
    char name[64];

    name_of(s, "redo", name);
    const enum ph_err err = ph_file_read(s->dir_fd, name, &buf);
    if (err == PH_ERR_NOT_FOUND)
        return PH_OK;
    PH_TRY(err);
    return finish_checkpoint(s, ph_buf_view(&buf));
}

static enum ph_err read_tip(struct ph_page_store *s)
{
    struct ph_buf buf PH_OWNED(ph_buf_clear) = PH_BUF(PH_TIP_LEN);
    char name[64];

    name_of(s, "tip", name);
    const enum ph_err err = ph_file_read(s->dir_fd, name, &buf);
    if (err == PH_ERR_NOT_FOUND)
        return PH_OK; /* a new store */
    PH_TRY(err == PH_ERR_LIMIT ? PH_ERR_MALFORMED : err);
    struct ph_reader r = {ph_buf_view(&buf)};
    PH_TRY(ph_tip_read(&r, &s->tip, &s->base));
    return r.rest.len == 0 && (s->base == 0 || s->below.read) ? PH_OK : PH_ERR_MALFORMED;
}

/* None of the pages below is known to be in the file. */
static enum ph_err note_here(struct ph_page_store *s)
{
    free(s->here);
    s->here_len = (size_t)s->tip.page_cnt / 8 + 1;
    s->here = calloc(1, s->here_len);
    return s->here ? PH_OK : PH_ERR_NOMEM;
}

static enum ph_err open_all(struct ph_page_store *s)
{
    PH_TRY(open_file(s, "pages", &s->pages_fd));
    PH_TRY(open_file(s, "nodes", &s->nodes_fd));
    if (fsync(s->dir_fd) != 0) /* their names are durable before a checkpoint relies on them */
        return PH_ERR_IO;
    PH_TRY(redo(s));
    PH_TRY(read_tip(s));
    if (s->base > 0)
        PH_TRY(note_here(s));
    const enum ph_err err = ph_tree_open(&s->tip, read_node, s, TREE_CACHE, &s->tree);
    return err == PH_ERR_UNTRUSTED ? PH_ERR_MALFORMED : err;
}

enum ph_err ph_page_store_open(int dir_fd, const struct ph_phat_id *phat,
                               const struct ph_page_below *below, struct ph_page_store **out,
                               char why[static 256])
{
    struct ph_page_store *s PH_OWNED(store_freep) = calloc(1, sizeof(*s));

    if (!s)
        return say(PH_ERR_NOMEM, why, "no memory");
    s->dir_fd = dir_fd;
    s->pages_fd = s->nodes_fd = -1;
    if (below)
        s->below = *below;
    ph_hex_encode(PH_BYTES_OF(phat->b), s->phat);
    const enum ph_err err = open_all(s);
    if (err == PH_ERR_MALFORMED)
        return say(err, why, "%s.{pages,nodes,tip,redo} are damaged: %s", s->phat,
                   below
                       ? "remove them, PostgreSQL has all"
                       : "restore them and the log; or remove them if the log begins at commit 1");
    if (err != PH_OK)
        return say(err, why, "cannot open the pages of %s: %s", s->phat, strerror(errno));
    *out = PH_TAKE(s);
    return PH_OK;
}

/* Files as they are in a new store. The tip goes first: without it the others do not count. */
static enum ph_err empty_files(const struct ph_page_store *s)
{
    char name[64];

    name_of(s, "redo", name);
    PH_TRY(ph_file_remove(s->dir_fd, name));
    name_of(s, "tip", name);
    PH_TRY(ph_file_remove(s->dir_fd, name));
    if (ftruncate(s->pages_fd, 0) != 0 || ftruncate(s->nodes_fd, 0) != 0 || fsync(s->nodes_fd) != 0)
        return PH_ERR_IO;
    return PH_OK;
}

static void drop_pending(struct ph_page_store *s)
{
    ph_overlay_clear(&s->pending);
    ph_spill_clear(&s->whole);
    s->whole_cnt = 0;
}

static enum ph_err seed(struct ph_page_store *s, const struct ph_state_tip *tip)
{
    PH_TRY(empty_files(s));
    drop_pending(s);
    ph_tree_free(s->tree);
    s->tree = NULL;
    s->tip = *tip;
    s->base = tip->index;
    PH_TRY(note_here(s));
    return ph_tree_open(tip, read_node, s, TREE_CACHE, &s->tree);
}

enum ph_err ph_page_store_seed(struct ph_page_store *store, const struct ph_state_tip *tip,
                               char why[static 256])
{
    enum ph_err err = tip->index > 0 && !store->below.read ? PH_ERR_NOT_FOUND : seed(store, tip);

    if (err == PH_OK)
        return PH_OK;
    store->broken = true;
    if (err == PH_ERR_UNTRUSTED || err == PH_ERR_NOT_FOUND)
        err = PH_ERR_MALFORMED;
    return say(err, why, "the pages of %s cannot be begun anew: %s", store->phat,
               err == PH_ERR_MALFORMED ? "those that lie beside the log are damaged"
                                       : strerror(errno));
}

void ph_page_store_tip(const struct ph_page_store *store, struct ph_state_tip *out)
{
    *out = store->tip;
}

size_t ph_page_store_pending(const struct ph_page_store *store)
{
    return (store->pending.cnt + store->whole_cnt) * PH_STATE_PAGE +
           ph_tree_dirty_cnt(store->tree) * (size_t)PH_TREE_NODE;
}

/* A record of all pages, an import's, replaces what there is, and memory is too dear for it. False:
 * it is to go the way of others. */
static bool take_whole(struct ph_page_store *s, const struct ph_state_record *rec)
{
    struct ph_spill spill;

    if (rec->head.record_pages != rec->head.page_cnt || rec->head.record_pages < WHOLE_MIN ||
        ph_spill_new(s->dir_fd, rec->pages.len, &spill) != PH_OK)
        return false;
    memcpy(spill.ptr, rec->pages.ptr, rec->pages.len);
    drop_pending(s);
    s->whole = spill;
    s->whole_cnt = rec->head.page_cnt;
    return true;
}

/* Take the record's pages and entries in; the root must come out as its head says. */
static enum ph_err take(struct ph_page_store *s, const struct ph_state_record *rec)
{
    struct ph_tree_entry entry = {
        .index = rec->head.index, .session = rec->head.session, .epoch = rec->head.key_epoch};
    struct ph_overlay_page *page;
    struct ph_hash32 root;
    uint32_t n;
    bool fresh;

    PH_TRY(ph_tree_resize(s->tree, rec->head.page_cnt));
    ph_overlay_cut(&s->pending, rec->head.page_cnt);
    if (s->whole_cnt > rec->head.page_cnt)
        s->whole_cnt = rec->head.page_cnt;
    const bool whole = take_whole(s, rec);
    for (uint32_t i = 0; i < rec->head.record_pages; i++) {
        ph_state_table_entry(rec, i, &n, entry.tag);
        PH_TRY(ph_tree_set(s->tree, n, &entry));
        if (whole && n != i)
            return PH_ERR_UNTRUSTED;
        if (whole)
            continue;
        PH_TRY(ph_overlay_change(&s->pending, n, &page, &fresh));
        memcpy(page->b, rec->pages.ptr + (size_t)i * PH_STATE_PAGE, PH_STATE_PAGE);
    }
    PH_TRY(ph_tree_root(s->tree, &root));
    return memcmp(root.b, rec->head.root.b, 32) == 0 ? PH_OK : PH_ERR_UNTRUSTED;
}

enum ph_err ph_page_store_apply(struct ph_page_store *store, struct ph_bytes record)
{
    struct ph_state_record rec;

    if (store->broken)
        return PH_ERR_IO;
    PH_TRY(ph_state_record_parse(record, &rec));
    if (!ph_state_follows(&store->tip, &rec.head))
        return PH_ERR_UNTRUSTED;
    const enum ph_err err = take(store, &rec);
    if (err != PH_OK) {
        store->broken = true; /* the tree has half of it */
        return err;
    }
    ph_state_tip_of(&rec, &store->tip);
    return PH_OK;
}

static uint8_t *here(const struct ph_page_store *s, uint32_t page)
{
    return page / 8 < s->here_len ? &s->here[page / 8] : NULL;
}

/* A page from below, which goes into the file: nothing there counted before. */
static enum ph_err read_below(struct ph_page_store *s, uint32_t page, uint8_t *out)
{
    uint8_t *bits = here(s, page);

    PH_TRY(s->below.read(s->below.ctx, page, out));
    if (bits && write_at(s->pages_fd, (uint64_t)page * PH_STATE_PAGE, out, PH_STATE_PAGE) == PH_OK)
        *bits |= (uint8_t)(1U << page % 8);
    return PH_OK;
}

/* True if the page is in the file; false if it lies below. */
static enum ph_err is_in_file(struct ph_page_store *s, uint32_t page, bool *out)
{
    struct ph_tree_entry entry;
    const uint8_t *bits = here(s, page);

    *out = s->base == 0 || (bits && (*bits & 1U << page % 8) != 0);
    if (*out)
        return PH_OK;
    PH_TRY(ph_tree_get(s->tree, page, &entry));
    if (entry.index == 0)
        return PH_ERR_NOT_FOUND;
    *out = entry.index > s->base;
    return PH_OK;
}

enum ph_err ph_page_store_page(struct ph_page_store *store, uint32_t page,
                               uint8_t out[static PH_STATE_PAGE])
{
    const struct ph_overlay_page *pending = ph_overlay_find(&store->pending, page);
    bool in_file;

    if (page >= store->tip.page_cnt)
        return PH_ERR_NOT_FOUND;
    if (pending) {
        memcpy(out, pending->b, PH_STATE_PAGE);
        return PH_OK;
    }
    if (page < store->whole_cnt) {
        memcpy(out, store->whole.ptr + (size_t)page * PH_STATE_PAGE, PH_STATE_PAGE);
        return PH_OK;
    }
    PH_TRY(is_in_file(store, page, &in_file));
    if (!in_file)
        return read_below(store, page, out);
    return read_at(store->pages_fd, (uint64_t)page * PH_STATE_PAGE, out, PH_STATE_PAGE);
}

enum ph_err ph_page_store_node(struct ph_page_store *store, struct ph_tree_at at,
                               uint8_t out[static PH_TREE_NODE])
{
    if (at.level >= PH_TREE_HEIGHT_MAX || at.n >= PH_STATE_PAGES_MAX)
        return PH_ERR_NOT_FOUND;
    return ph_tree_node(store->tree, at, out);
}

/* The caller of ph_page_store_each_pending, for the tree. */
struct node_visitor {
    enum ph_err (*each)(void *ctx, uint64_t key, const uint8_t image[static PH_STATE_PAGE]);
    void *ctx;
};

static enum ph_err visit_node(void *ctx, struct ph_tree_at at,
                              const uint8_t node[static PH_TREE_NODE])
{
    const struct node_visitor *v = ctx;
    return v->each(v->ctx, ph_commit_node_key(at), node);
}

enum ph_err ph_page_store_each_pending(
    struct ph_page_store *store,
    enum ph_err (*each)(void *ctx, uint64_t key, const uint8_t image[static PH_STATE_PAGE]),
    void *ctx)
{
    struct node_visitor nodes = {each, ctx};

    if (store->broken)
        return PH_ERR_IO;
    for (uint32_t n = 0; n < store->whole_cnt; n++)
        if (!ph_overlay_find(&store->pending, n))
            PH_TRY(each(ctx, n, store->whole.ptr + (size_t)n * PH_STATE_PAGE));
    for (size_t i = 0; i < PH_OVERLAY_BUCKETS; i++) {
        for (const struct ph_overlay_page *p = store->pending.bucket[i]; p; p = p->next)
            PH_TRY(each(ctx, p->page, p->b));
    }
    return ph_tree_dirty(store->tree, visit_node, &nodes);
}

static enum ph_err write_pages(struct ph_page_store *s)
{
    if (s->whole_cnt > 0)
        PH_TRY(write_at(s->pages_fd, 0, s->whole.ptr, (size_t)s->whole_cnt * PH_STATE_PAGE));
    for (size_t i = 0; i < PH_OVERLAY_BUCKETS; i++) {
        for (const struct ph_overlay_page *p = s->pending.bucket[i]; p; p = p->next)
            PH_TRY(write_at(s->pages_fd, (uint64_t)p->page * PH_STATE_PAGE, p->b, PH_STATE_PAGE));
    }
    return fsync(s->pages_fd) == 0 ? PH_OK : PH_ERR_IO;
}

static enum ph_err add_redo(void *ctx, struct ph_tree_at at,
                            const uint8_t node[static PH_TREE_NODE])
{
    struct ph_buf *out = ctx;
    uint8_t where[5] = {at.level};

    ph_put_u32le(where + 1, at.n);
    PH_TRY(ph_buf_add(out, PH_BYTES_OF(where)));
    return ph_buf_add(out, (struct ph_bytes){node, PH_TREE_NODE});
}

static enum ph_err checkpoint(struct ph_page_store *s)
{
    struct ph_buf buf PH_OWNED(ph_buf_clear) =
        PH_BUF(PH_TIP_LEN + (size_t)REDO_NODES_MAX * REDO_NODE);
    uint8_t raw[PH_TIP_LEN];
    char name[64];

    PH_TRY(write_pages(s));
    ph_tip_encode(&s->tip, s->base, raw);
    PH_TRY(ph_buf_add(&buf, PH_BYTES_OF(raw)));
    PH_TRY(ph_tree_dirty(s->tree, add_redo, &buf));
    name_of(s, "redo", name);
    PH_TRY(ph_file_replace(s->dir_fd, name, &(struct ph_bytes){buf.ptr, buf.len}, 1));
    PH_TRY(finish_checkpoint(s, ph_buf_view(&buf)));
    ph_tree_forget(s->tree);
    drop_pending(s);
    return ftruncate(s->pages_fd, (off_t)s->tip.page_cnt * PH_STATE_PAGE) == 0 ? PH_OK : PH_ERR_IO;
}

enum ph_err ph_page_store_checkpoint(struct ph_page_store *store, char why[static 256])
{
    if (store->broken)
        return say(PH_ERR_IO, why, "the pages of %s must be opened again", store->phat);
    if (ph_page_store_pending(store) == 0)
        return PH_OK;
    const enum ph_err err = checkpoint(store);
    /* Pages and log are as they were until the redo file stands; a full disk is no harm. */
    if (err == PH_OK)
        return PH_OK;
    store->broken = err != PH_ERR_LIMIT;
    return say(err, why, "cannot write the pages of %s: %s", store->phat, strerror(errno));
}
