#include "store/receipts.h"

#include "base/own.h"
#include "store/file.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
    HEADER_LEN = 92,
    ALIAS_LEN = 24,
    INDEX_EVERY = 64, /* batches per index entry: a look-up walks at most this many headers */
    SEGMENTS_MAX = 4096,
    ALIASES_PER_LOOKUP = 1024,
};
static const uint8_t magic[4] = {'P', 'H', 'R', '3'};

struct segment {
    uint64_t first;   /* batch number */
    uint64_t cnt;     /* batches */
    uint64_t size;    /* bytes of whole records */
    uint64_t last_ms; /* time of the newest batch */
    uint64_t *index;  /* offset of batch first + i * INDEX_EVERY */
    size_t index_cnt, index_cap;
    int fd;       /* records */
    int alias_fd; /* -1: none yet */
};

struct ph_receipt_store {
    int dir_fd;
    struct ph_receipt_keep keep;
    struct segment *segments; /* ascending */
    size_t segment_cnt;
    uint64_t next;
};

struct header {
    uint32_t count;
    uint64_t number, time_ms;
    uint8_t sig[65];
};

struct ph_receipt_keep ph_receipt_keep_default(void)
{
    return (struct ph_receipt_keep){
        .bytes = (uint64_t)1 << 30, .seconds = 7 * 86400, .segment_bytes = 64 << 20};
}

static void segment_clear(struct segment *s)
{
    free(s->index);
    if (s->fd >= 0)
        (void)close(s->fd);
    if (s->alias_fd >= 0)
        (void)close(s->alias_fd);
    *s = (struct segment){.fd = -1, .alias_fd = -1};
}

static void segment_name(uint64_t first, const char *suffix, char out[static 32])
{
    (void)snprintf(out, 32, "%016" PRIx64 ".%s", first, suffix);
}

static uint64_t record_len(uint32_t count)
{
    return HEADER_LEN + (uint64_t)count * PH_RECEIPT_LEAF_LEN;
}

static enum ph_err parse_header(struct ph_bytes raw, struct header *out)
{
    struct ph_reader r = {raw};
    struct ph_bytes m, pad;
    struct header h;

    if (!ph_read_view(&r, sizeof(magic), &m) || !ph_bytes_equal(m, PH_BYTES_OF(magic)) ||
        !ph_read_u32le(&r, &h.count) || !ph_read_u64le(&r, &h.number) ||
        !ph_read_u64le(&r, &h.time_ms) || !ph_read_copy(&r, h.sig, sizeof(h.sig)) ||
        !ph_read_view(&r, 3, &pad))
        return PH_ERR_MALFORMED;
    if (h.count == 0 || h.count > PH_RECEIPT_BATCH_MAX)
        return PH_ERR_MALFORMED;
    *out = h;
    return PH_OK;
}

static enum ph_err read_header(int fd, uint64_t at, struct header *out)
{
    uint8_t raw[HEADER_LEN];
    if (pread(fd, raw, sizeof(raw), (off_t)at) != (ssize_t)sizeof(raw))
        return PH_ERR_NOT_FOUND;
    return parse_header(PH_BYTES_OF(raw), out);
}

static enum ph_err index_batch(struct segment *s, uint64_t offset)
{
    if (s->cnt % INDEX_EVERY == 0) {
        if (s->index_cnt == s->index_cap) {
            const size_t cap = s->index_cap ? s->index_cap * 2 : 64;
            uint64_t *grown = realloc(s->index, cap * sizeof(*grown));
            if (!grown)
                return PH_ERR_NOMEM;
            s->index = grown;
            s->index_cap = cap;
        }
        s->index[s->index_cnt++] = offset;
    }
    s->cnt++;
    return PH_OK;
}

static enum ph_err open_files(int dir_fd, uint64_t first, int flags, struct segment *s)
{
    char name[32];

    segment_name(first, "seg", name);
    s->fd = openat(dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
    if (s->fd < 0)
        return PH_ERR_IO;
    segment_name(first, "als", name);
    s->alias_fd = openat(dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_CREAT | O_APPEND, 0600);
    return s->alias_fd < 0 ? PH_ERR_IO : PH_OK;
}

/* Walk the records of an existing segment; what does not continue the sequence is cut off. */
static enum ph_err load_segment(int dir_fd, uint64_t first, struct segment *out)
{
    struct segment s = {.first = first, .fd = -1, .alias_fd = -1};
    struct stat st;
    struct header h;

    enum ph_err err = open_files(dir_fd, first, 0, &s);
    if (err == PH_OK && fstat(s.fd, &st) != 0)
        err = PH_ERR_IO;
    while (err == PH_OK && read_header(s.fd, s.size, &h) == PH_OK && h.number == first + s.cnt &&
           s.size + record_len(h.count) <= (uint64_t)st.st_size) {
        err = index_batch(&s, s.size);
        s.size += record_len(h.count);
        s.last_ms = h.time_ms;
    }
    if (err == PH_OK && ftruncate(s.fd, (off_t)s.size) != 0)
        err = PH_ERR_IO;
    if (err != PH_OK) {
        segment_clear(&s);
        return err;
    }
    *out = s;
    return PH_OK;
}

static bool parse_name(const char *name, uint64_t *first)
{
    char again[32], *end;

    if (strlen(name) != 20)
        return false;
    *first = strtoull(name, &end, 16);
    segment_name(*first, "seg", again);
    return strcmp(name, again) == 0;
}

static int by_number(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static enum ph_err list_segments(int dir_fd, uint64_t *firsts, size_t *cnt)
{
    const int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (!dir) {
        if (fd >= 0)
            (void)close(fd);
        return PH_ERR_IO;
    }
    *cnt = 0;
    for (struct dirent *e; (e = readdir(dir)) && *cnt < SEGMENTS_MAX;)
        if (parse_name(e->d_name, &firsts[*cnt]))
            (*cnt)++;
    (void)closedir(dir);
    qsort(firsts, *cnt, sizeof(*firsts), by_number);
    return PH_OK;
}

static void drop_oldest(struct ph_receipt_store *store)
{
    char name[32];
    struct segment *s = &store->segments[0];

    segment_name(s->first, "seg", name);
    (void)unlinkat(store->dir_fd, name, 0);
    segment_name(s->first, "als", name);
    (void)unlinkat(store->dir_fd, name, 0);
    segment_clear(s);
    store->segment_cnt--;
    memmove(s, s + 1, store->segment_cnt * sizeof(*s));
}

enum ph_err ph_receipt_store_open(int dir_fd, const struct ph_receipt_keep *keep,
                                  struct ph_receipt_store **out)
{
    uint64_t *firsts PH_OWNED(ph_freep) = calloc(SEGMENTS_MAX, sizeof(*firsts));
    size_t cnt = 0;
    struct ph_receipt_store *store = calloc(1, sizeof(*store));

    if (store)
        store->segments = calloc(SEGMENTS_MAX, sizeof(*store->segments));
    if (!firsts || !store || !store->segments) {
        if (store)
            free(store->segments);
        free(store);
        return PH_ERR_NOMEM;
    }
    store->dir_fd = -1;
    store->keep = *keep;
    store->next = 1;
    enum ph_err err = list_segments(dir_fd, firsts, &cnt);
    for (size_t i = 0; i < cnt && err == PH_OK; i++) {
        struct segment *s = &store->segments[store->segment_cnt];
        err = load_segment(dir_fd, firsts[i], s);
        if (err != PH_OK)
            break;
        store->segment_cnt++;
        if (s->first + s->cnt > store->next)
            store->next = s->first + s->cnt;
    }
    if (err != PH_OK) {
        ph_receipt_store_close(store);
        return err;
    }
    store->dir_fd = dir_fd;
    *out = store;
    return PH_OK;
}

void ph_receipt_store_close(struct ph_receipt_store *store)
{
    if (!store)
        return;
    for (size_t i = 0; i < store->segment_cnt; i++)
        segment_clear(&store->segments[i]);
    free(store->segments);
    if (store->dir_fd >= 0)
        (void)close(store->dir_fd);
    free(store);
}

uint64_t ph_receipt_store_next(const struct ph_receipt_store *store)
{
    return store->next;
}

static enum ph_err begin_segment(struct ph_receipt_store *store)
{
    struct segment s = {.first = store->next, .fd = -1, .alias_fd = -1};
    uint64_t total = 0;

    const enum ph_err err = open_files(store->dir_fd, s.first, O_CREAT | O_TRUNC, &s);
    if (err != PH_OK) {
        segment_clear(&s);
        return err;
    }
    assert(store->segments || store->segment_cnt == 0);
    for (size_t i = 0; i < store->segment_cnt; i++)
        total += store->segments[i].size;
    while (store->segment_cnt > 0 && (total + store->keep.segment_bytes > store->keep.bytes ||
                                      store->segment_cnt == SEGMENTS_MAX)) {
        total -= store->segments[0].size;
        drop_oldest(store);
    }
    store->segments[store->segment_cnt++] = s;
    return PH_OK;
}

void ph_receipt_store_skip(struct ph_receipt_store *store, uint64_t least)
{
    if (store->next < least)
        store->next = least;
}

enum ph_err ph_receipt_store_append(struct ph_receipt_store *store,
                                    const struct ph_receipt_batch *batch)
{
    struct segment *s = store->segment_cnt ? &store->segments[store->segment_cnt - 1] : NULL;
    uint8_t header[HEADER_LEN] = {0};

    if (batch->number != store->next || batch->leaf_cnt == 0 ||
        batch->leaf_cnt > PH_RECEIPT_BATCH_MAX)
        return PH_ERR_CONFLICT;
    if (!s || s->size >= store->keep.segment_bytes || s->first + s->cnt != store->next) {
        PH_TRY(begin_segment(store));
        s = &store->segments[store->segment_cnt - 1];
    }
    memcpy(header, magic, sizeof(magic));
    ph_put_u32le(header + 4, batch->leaf_cnt);
    ph_put_u64le(header + 8, batch->number);
    ph_put_u64le(header + 16, batch->time_ms);
    memcpy(header + 24, batch->sig, sizeof(batch->sig));

    const size_t leaves_len = (size_t)batch->leaf_cnt * PH_RECEIPT_LEAF_LEN;
    if (pwrite(s->fd, batch->leaves, leaves_len, (off_t)(s->size + HEADER_LEN)) !=
            (ssize_t)leaves_len ||
        pwrite(s->fd, header, sizeof(header), (off_t)s->size) != (ssize_t)sizeof(header))
        return PH_ERR_IO;
    PH_TRY(index_batch(s, s->size));
    s->size += record_len(batch->leaf_cnt);
    s->last_ms = batch->time_ms;
    store->next++;
    return PH_OK;
}

static struct segment *segment_of(struct ph_receipt_store *store, uint64_t batch)
{
    for (size_t i = store->segment_cnt; i-- > 0;) {
        struct segment *s = &store->segments[i];
        if (batch >= s->first)
            return batch - s->first < s->cnt ? s : NULL;
    }
    return NULL;
}

enum ph_err ph_receipt_store_alias(struct ph_receipt_store *store, uint64_t alias, uint64_t batch,
                                   uint32_t index)
{
    struct segment *s = segment_of(store, batch);
    uint8_t raw[ALIAS_LEN] = {0};

    if (!s)
        return PH_ERR_NOT_FOUND;
    ph_put_u64le(raw, alias);
    ph_put_u64le(raw + 8, batch);
    ph_put_u32le(raw + 16, index);
    return write(s->alias_fd, raw, sizeof(raw)) == (ssize_t)sizeof(raw) ? PH_OK : PH_ERR_IO;
}

enum ph_err ph_receipt_store_get(struct ph_receipt_store *store, uint64_t batch, uint32_t index,
                                 struct ph_receipt *out)
{
    struct segment *s = segment_of(store, batch);
    struct header h;

    if (!s)
        return PH_ERR_NOT_FOUND;
    uint64_t at = s->index[(batch - s->first) / INDEX_EVERY];
    for (uint64_t n = (batch - s->first) % INDEX_EVERY; n > 0; n--) {
        PH_TRY(read_header(s->fd, at, &h));
        at += record_len(h.count);
    }
    PH_TRY(read_header(s->fd, at, &h));
    if (h.number != batch || index >= h.count)
        return PH_ERR_NOT_FOUND;

    struct ph_receipt_leaf *leaves PH_OWNED(ph_freep) = calloc(h.count, sizeof(*leaves));
    struct ph_hash32 *hashes PH_OWNED(ph_freep) = calloc(h.count, sizeof(*hashes));
    if (!leaves || !hashes)
        return PH_ERR_NOMEM;
    const size_t len = (size_t)h.count * sizeof(*leaves);
    if (pread(s->fd, leaves, len, (off_t)(at + HEADER_LEN)) != (ssize_t)len)
        return PH_ERR_IO;
    struct ph_leaf_hasher hasher = {.set = false};
    uint32_t i = 0;
    for (; i + 1 < h.count; i += 2)
        ph_receipt_leaf_hash_pair(&hasher, &leaves[i], &hashes[i], &hasher, &leaves[i + 1],
                                  &hashes[i + 1]);
    if (i < h.count)
        ph_receipt_leaf_hash_next(&hasher, &leaves[i], &hashes[i]);

    struct ph_receipt r = {
        .leaf = leaves[index], .index = index, .count = h.count, .batch_time_ms = h.time_ms};
    memcpy(r.sig, h.sig, sizeof(r.sig));
    r.path_len = ph_merkle_path(hashes, h.count, index, r.path);
    *out = r;
    return PH_OK;
}

enum ph_err ph_receipt_store_find_alias(struct ph_receipt_store *store, uint64_t alias,
                                        uint64_t *batch, uint32_t *index)
{
    /* Newest first: a receipt is asked for soon after its call. */
    for (size_t i = store->segment_cnt; i-- > 0;) {
        const int fd = store->segments[i].alias_fd;
        struct stat st;
        if (fstat(fd, &st) != 0)
            return PH_ERR_IO;
        off_t end = st.st_size / ALIAS_LEN * ALIAS_LEN;
        while (end > 0) {
            uint8_t raw[ALIASES_PER_LOOKUP * ALIAS_LEN];
            const off_t from = end > (off_t)sizeof(raw) ? end - (off_t)sizeof(raw) : 0;
            const ssize_t n = pread(fd, raw, (size_t)(end - from), from);
            if (n != end - from)
                return PH_ERR_IO;
            for (size_t at = (size_t)n; at >= ALIAS_LEN; at -= ALIAS_LEN) {
                struct ph_reader r = {{raw + at - ALIAS_LEN, ALIAS_LEN}};
                uint64_t a, b;
                uint32_t x;
                if (ph_read_u64le(&r, &a) && ph_read_u64le(&r, &b) && ph_read_u32le(&r, &x) &&
                    a == alias) {
                    *batch = b;
                    *index = x;
                    return PH_OK;
                }
            }
            end = from;
        }
    }
    return PH_ERR_NOT_FOUND;
}

void ph_receipt_store_expire(struct ph_receipt_store *store, uint64_t now_ms)
{
    const uint64_t keep_ms = (uint64_t)store->keep.seconds * 1000;

    /* The newest segment stays: its records carry the batch number from which numbering goes on. */
    while (store->segment_cnt > 1 && store->segments[0].last_ms + keep_ms < now_ms)
        drop_oldest(store);
}
