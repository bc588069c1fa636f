/* Commits in files: segments of records, the newest appended to. */

#include "base/crc32c.h"
#include "base/hex.h"
#include "base/own.h"
#include "store/commit_log_priv.h"
#include "store/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

enum {
    SEGMENTS_MAX = 256,
    FRAME = 16, /* u32le length, u32le CRC-32C of what follows, u64le first index of its append */
    SEGMENT_BYTES = 16 << 20, /* size at which a new one begins */
    ROOM_BYTES = 512 << 10,   /* zeros written ahead */
    NAME_MAX_LEN = 40 + 1 + 16 + 4 + 1,
};

struct file_log {
    int dir_fd;
};

/* Where a record lies. */
struct place {
    uint32_t len;
    uint64_t at; /* of its frame */
};

struct segment {
    uint64_t first; /* index of its first record; its name */
    int fd;
    uint64_t end;
    uint64_t size; /* of the file: zeros behind the last record */
    struct place *places;
    size_t cnt, cap;
};

struct file_writer {
    int dir_fd, lock_fd;
    char phat[41];
    struct segment segment[SEGMENTS_MAX]; /* oldest first */
    size_t segment_cnt;
};

static void segment_name(const struct file_writer *w, uint64_t first, char out[static NAME_MAX_LEN])
{
    (void)snprintf(out, NAME_MAX_LEN, "%s.%016llx.log", w->phat, (unsigned long long)first);
}

static void segment_close(struct segment *s)
{
    ph_closep(&s->fd);
    free(s->places);
    *s = (struct segment){.fd = -1};
}

static void file_writer_close(void *writer)
{
    struct file_writer *w = writer;

    if (!w)
        return;
    for (size_t i = 0; i < w->segment_cnt; i++)
        segment_close(&w->segment[i]);
    ph_closep(&w->lock_fd); /* and so lets go of the lock */
    free(w);
}

static void writer_freep(struct file_writer **w)
{
    file_writer_close(*w);
}

static enum ph_err add_place(struct segment *s, uint32_t len)
{
    if (s->cnt == s->cap) {
        const size_t cap = s->cap ? 2 * s->cap : 64;
        struct place *grown = realloc(s->places, cap * sizeof(*grown));
        if (!grown)
            return PH_ERR_NOMEM;
        s->places = grown;
        s->cap = cap;
    }
    s->places[s->cnt++] = (struct place){len, s->end};
    s->end += FRAME + len;
    return PH_OK;
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
        if (n == 0)
            return PH_ERR_NOT_FOUND; /* the file ends here */
        done += (size_t)n;
    }
    return PH_OK;
}

/* One record with its frame checked, into `buf` (replaced). PH_ERR_NOT_FOUND: cut short or damaged.
 */
static enum ph_err read_record(const struct segment *s, uint64_t at, struct ph_buf *buf,
                               uint64_t *group)
{
    uint8_t frame[FRAME], *to;
    struct ph_reader r = {PH_BYTES_OF(frame)};
    uint32_t len, crc;

    PH_TRY(read_at(s->fd, at, frame, sizeof(frame)));
    if (!ph_read_u32le(&r, &len) || !ph_read_u32le(&r, &crc) || !ph_read_u64le(&r, group) ||
        len < PH_STATE_HEAD_LEN || len > ph_state_record_len(PH_STATE_COMMIT_PAGES))
        return PH_ERR_NOT_FOUND;
    buf->len = 0;
    PH_TRY(ph_buf_reserve(buf, len, &to));
    PH_TRY(read_at(s->fd, at + FRAME, to, len));
    buf->len = len;
    const uint32_t want =
        ph_crc32c(ph_crc32c(0, (struct ph_bytes){frame + 8, 8}), ph_buf_view(buf));
    return want == crc ? PH_OK : PH_ERR_NOT_FOUND;
}

/* The index of a record, 0 if it is none. */
static uint64_t record_index(const struct ph_buf *buf)
{
    struct ph_state_head head;
    return ph_state_head_parse((struct ph_bytes){buf->ptr, PH_STATE_HEAD_LEN}, &head) == PH_OK
               ? head.index
               : 0;
}

/* True if a whole record of a later append stands behind a bad one: that append began only after
 * the bad record's was durable, so no crash explains it. */
static bool has_later_append(const struct segment *s, uint64_t bad_at, uint64_t bad_index,
                             uint64_t size)
{
    static const char magic[] = "PHCOMMIT";
    struct ph_buf buf PH_OWNED(ph_buf_clear) = PH_BUF(ph_state_record_len(PH_STATE_COMMIT_PAGES));
    uint8_t window[4096 + 8];
    uint64_t group;

    for (uint64_t at = bad_at; at < size; at += 4096) {
        size_t len = size - at < sizeof(window) ? (size_t)(size - at) : sizeof(window);
        if (read_at(s->fd, at, window, len) != PH_OK)
            return true; /* better refused than dropped */
        for (const uint8_t *p = window; (p = memmem(p, len - (size_t)(p - window), magic, 8));
             p++) {
            const uint64_t found = at + (uint64_t)(p - window);
            if (found >= bad_at + FRAME && read_record(s, found - FRAME, &buf, &group) == PH_OK &&
                group > bad_index)
                return true;
        }
    }
    return false;
}

/* Find the records of a segment. A crash can leave cut or garbled records of the last append at the
 * end of the newest segment: it was never acknowledged, and is dropped. */
static enum ph_err scan_segment(struct file_writer *w, struct segment *s, bool newest, char *why)
{
    struct ph_buf buf PH_OWNED(ph_buf_clear) = PH_BUF(ph_state_record_len(PH_STATE_COMMIT_PAGES));
    struct stat st;
    uint64_t group;

    if (fstat(s->fd, &st) != 0)
        return ph_commit_fail(PH_ERR_IO, why, "cannot look at the log: %s", strerror(errno));
    while (s->end < (uint64_t)st.st_size) {
        const uint64_t index = s->first + s->cnt;
        const enum ph_err err = read_record(s, s->end, &buf, &group);
        if (err == PH_ERR_NOT_FOUND && newest &&
            !has_later_append(s, s->end, index, (uint64_t)st.st_size))
            break;
        if (err == PH_ERR_NOT_FOUND || (err == PH_OK && record_index(&buf) != index))
            return ph_commit_fail(PH_ERR_MALFORMED, why,
                                  "%s.%016llx.log is damaged at byte %llu: restore it", w->phat,
                                  (unsigned long long)s->first, (unsigned long long)s->end);
        if (err == PH_ERR_IO)
            return ph_commit_fail(err, why, "cannot read the log: %s", strerror(errno));
        PH_TRY(err);
        PH_TRY(add_place(s, (uint32_t)buf.len));
    }
    if (s->end < (uint64_t)st.st_size &&
        (ftruncate(s->fd, (off_t)s->end) != 0 || fsync(s->fd) != 0))
        return ph_commit_fail(PH_ERR_IO, why, "cannot mend the log: %s", strerror(errno));
    s->size = s->end;
    return PH_OK;
}

static int by_first(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* First indexes of this phat's segments, ascending. */
static enum ph_err list_segments(const struct file_writer *w, uint64_t *firsts, size_t *cnt,
                                 char *why)
{
    const int fd = openat(w->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    enum ph_err err = PH_OK;

    if (!dir) {
        if (fd >= 0)
            (void)close(fd);
        return ph_commit_fail(PH_ERR_IO, why, "cannot list the state folder: %s", strerror(errno));
    }
    *cnt = 0;
    for (const struct dirent *e; (e = readdir(dir));) {
        uint8_t first[8];
        const size_t len = strlen(e->d_name);
        if (len != NAME_MAX_LEN - 1 || strncmp(e->d_name, w->phat, 40) != 0 ||
            e->d_name[40] != '.' || strcmp(e->d_name + 57, ".log") != 0 ||
            ph_hex_decode((struct ph_bytes){(const uint8_t *)e->d_name + 41, 16}, first, 8) !=
                PH_OK)
            continue;
        if (*cnt == SEGMENTS_MAX) {
            err = ph_commit_fail(PH_ERR_LIMIT, why, "more than %d log segments", SEGMENTS_MAX);
            break;
        }
        struct ph_reader r = {PH_BYTES_OF(first)};
        if (ph_read_u64be(&r, &firsts[*cnt]))
            ++*cnt;
    }
    (void)closedir(dir);
    qsort(firsts, *cnt, sizeof(*firsts), by_first);
    return err;
}

static enum ph_err open_segment(struct file_writer *w, uint64_t first, int flags, char *why)
{
    char name[NAME_MAX_LEN];
    struct segment *s = &w->segment[w->segment_cnt];

    segment_name(w, first, name);
    *s = (struct segment){.first = first, .fd = -1};
    s->fd = openat(w->dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
    if (s->fd < 0)
        return ph_commit_fail(errno == ENOSPC || errno == EDQUOT ? PH_ERR_LIMIT : PH_ERR_IO, why,
                              "cannot open %s: %s", name, strerror(errno));
    w->segment_cnt++;
    return PH_OK;
}

static enum ph_err open_segments(struct file_writer *w, char *why)
{
    uint64_t firsts[SEGMENTS_MAX];
    size_t cnt;

    PH_TRY(list_segments(w, firsts, &cnt, why));
    for (size_t i = 0; i < cnt; i++) {
        PH_TRY(open_segment(w, firsts[i], 0, why));
        struct segment *s = &w->segment[i];
        const struct segment *before = i > 0 ? s - 1 : NULL;
        if (before && before->first + before->cnt != s->first)
            return ph_commit_fail(
                PH_ERR_MALFORMED, why, "commits %llu to %llu are missing from the log",
                (unsigned long long)before->first + before->cnt, (unsigned long long)s->first - 1);
        PH_TRY(scan_segment(w, s, i + 1 == cnt, why));
    }
    return PH_OK;
}

static enum ph_err take_lock(struct file_writer *w, char *why)
{
    char name[48];

    (void)snprintf(name, sizeof(name), "%s.lock", w->phat);
    w->lock_fd = openat(w->dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (w->lock_fd < 0)
        return ph_commit_fail(PH_ERR_IO, why, "cannot open %s: %s", name, strerror(errno));
    if (flock(w->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return ph_commit_fail(errno == EWOULDBLOCK ? PH_ERR_CONFLICT : PH_ERR_IO, why,
                              "another worker on this machine writes this phat's state");
    return PH_OK;
}

static enum ph_err file_writer_open(void *log, const struct ph_phat_id *phat, void **writer,
                                    uint64_t *first, uint64_t *last, char *why)
{
    const struct file_log *l = log;
    struct file_writer *w PH_OWNED(writer_freep) = calloc(1, sizeof(*w));

    if (!w)
        return ph_commit_fail(PH_ERR_NOMEM, why, "no memory");
    w->dir_fd = l->dir_fd;
    w->lock_fd = -1;
    ph_hex_encode(PH_BYTES_OF(phat->b), w->phat);
    PH_TRY(take_lock(w, why));
    PH_TRY(open_segments(w, why));
    *first = *last = 0;
    for (size_t i = 0; i < w->segment_cnt; i++) {
        const struct segment *s = &w->segment[i];
        if (s->cnt == 0)
            continue;
        if (*first == 0)
            *first = s->first;
        *last = s->first + s->cnt - 1;
    }
    *writer = PH_TAKE(w);
    return PH_OK;
}

static enum ph_err write_at(int fd, uint64_t at, struct ph_bytes data)
{
    size_t done = 0;
    while (done < data.len) {
        const ssize_t n = pwrite(fd, data.ptr + done, data.len - done, (off_t)(at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? PH_ERR_LIMIT : PH_ERR_IO;
        done += (size_t)n;
    }
    return PH_OK;
}

static enum ph_err write_record(const struct segment *s, uint64_t at, struct ph_bytes record,
                                uint64_t group)
{
    uint8_t frame[FRAME];
    ph_put_u32le(frame, (uint32_t)record.len);
    ph_put_u64le(frame + 8, group);
    ph_put_u32le(frame + 4, ph_crc32c(ph_crc32c(0, (struct ph_bytes){frame + 8, 8}), record));
    PH_TRY(write_at(s->fd, at, PH_BYTES_OF(frame)));
    return write_at(s->fd, at + FRAME, record);
}

/* Room for an append, as zeros. A sync of a file that grew waits for the file system's journal too,
 * one of bytes that were there does not: written ahead, most appends wait for half as much or less.
 * The zeros need no sync of their own, and are no record when they are found. */
static enum ph_err make_room(struct segment *s, uint64_t need)
{
    static const uint8_t zeros[64 << 10];

    if (s->end + need <= s->size)
        return PH_OK;
    for (const uint64_t to = s->end + need + ROOM_BYTES; s->size < to;) {
        const size_t n = to - s->size < sizeof(zeros) ? (size_t)(to - s->size) : sizeof(zeros);
        PH_TRY(write_at(s->fd, s->size, (struct ph_bytes){zeros, n}));
        s->size += n;
    }
    return PH_OK;
}

/* Cut off what is behind the last record. */
static enum ph_err cut_room(struct segment *s)
{
    if (ftruncate(s->fd, (off_t)s->end) != 0 || fsync(s->fd) != 0)
        return PH_ERR_IO;
    s->size = s->end;
    return PH_OK;
}

/* A segment that a crash left without a record, and whose name is not the next index, goes. */
static enum ph_err drop_empty(struct file_writer *w, uint64_t first_index, char *why)
{
    struct segment *s = w->segment_cnt > 0 ? &w->segment[w->segment_cnt - 1] : NULL;
    char name[NAME_MAX_LEN];

    if (!s || s->cnt > 0 || s->first == first_index)
        return PH_OK;
    segment_name(w, s->first, name);
    segment_close(s);
    w->segment_cnt--;
    if (ph_file_remove(w->dir_fd, name) != PH_OK)
        return ph_commit_fail(PH_ERR_IO, why, "cannot remove %s: %s", name, strerror(errno));
    return PH_OK;
}

/* A new segment is durable, name and all, before a record in it counts. */
static enum ph_err next_segment(struct file_writer *w, uint64_t first, char *why)
{
    if (w->segment_cnt > 0 && cut_room(&w->segment[w->segment_cnt - 1]) != PH_OK)
        return ph_commit_fail(PH_ERR_IO, why, "cannot sync the log: %s", strerror(errno));
    if (w->segment_cnt == SEGMENTS_MAX)
        return ph_commit_fail(PH_ERR_LIMIT, why, "more than %d log segments", SEGMENTS_MAX);
    PH_TRY(open_segment(w, first, O_CREAT | O_EXCL, why));
    if (fsync(w->dir_fd) != 0)
        return ph_commit_fail(PH_ERR_IO, why, "cannot sync the state folder: %s", strerror(errno));
    return PH_OK;
}

static enum ph_err file_append(void *writer, const struct ph_bytes *records, size_t cnt,
                               uint64_t first_index, char *why)
{
    struct file_writer *w = writer;

    PH_TRY(drop_empty(w, first_index, why));
    struct segment *s = w->segment_cnt > 0 ? &w->segment[w->segment_cnt - 1] : NULL;
    if (!s || s->end >= SEGMENT_BYTES) {
        PH_TRY(next_segment(w, first_index, why));
        s = &w->segment[w->segment_cnt - 1];
    }
    uint64_t at = s->end, need = 0;
    for (size_t i = 0; i < cnt; i++)
        need += FRAME + records[i].len;
    enum ph_err err = make_room(s, need);
    for (size_t i = 0; i < cnt && err == PH_OK; i++) {
        err = write_record(s, at, records[i], first_index);
        at += FRAME + records[i].len;
    }
    if (err != PH_OK) {
        (void)!ph_commit_fail(err, why, "cannot append to the log: %s", strerror(errno));
        /* Nothing of it may stay: whole records at the end would come back after a restart. */
        return cut_room(s) == PH_OK ? err : PH_ERR_IO;
    }
    if (fdatasync(s->fd) != 0)
        return ph_commit_fail(PH_ERR_IO, why, "cannot sync the log: %s", strerror(errno));
    for (size_t i = 0; i < cnt; i++)
        PH_TRY(add_place(s, (uint32_t)records[i].len));
    return PH_OK;
}

static enum ph_err file_read(void *writer, uint64_t index, struct ph_buf *out, char *why)
{
    const struct file_writer *w = writer;
    uint64_t group;

    for (size_t i = 0; i < w->segment_cnt; i++) {
        const struct segment *s = &w->segment[i];
        if (index < s->first || index - s->first >= s->cnt)
            continue;
        const enum ph_err err = read_record(s, s->places[index - s->first].at, out, &group);
        if (err == PH_ERR_NOT_FOUND)
            return ph_commit_fail(PH_ERR_MALFORMED, why, "commit %llu is damaged in the log",
                                  (unsigned long long)index);
        if (err == PH_ERR_IO)
            return ph_commit_fail(err, why, "cannot read the log: %s", strerror(errno));
        return err;
    }
    return ph_commit_fail(PH_ERR_NOT_FOUND, why, "commit %llu is not in the log",
                          (unsigned long long)index);
}

/* Whole segments go; records below `index` in a segment that stays cost nothing but room. */
static enum ph_err file_truncate(void *writer, uint64_t index, char *why)
{
    struct file_writer *w = writer;
    char name[NAME_MAX_LEN];

    while (w->segment_cnt > 1 && w->segment[0].first + w->segment[0].cnt <= index) {
        segment_name(w, w->segment[0].first, name);
        if (ph_file_remove(w->dir_fd, name) != PH_OK)
            return ph_commit_fail(PH_ERR_IO, why, "cannot remove %s: %s", name, strerror(errno));
        segment_close(&w->segment[0]);
        memmove(&w->segment[0], &w->segment[1], --w->segment_cnt * sizeof(w->segment[0]));
    }
    return PH_OK;
}

static void file_close(void *log)
{
    struct file_log *l = log;
    ph_closep(&l->dir_fd);
    free(l);
}

enum ph_err ph_commit_file_open(const char *rest, void **log, char *why)
{
    struct file_log *l = calloc(1, sizeof(*l));

    if (!l)
        return ph_commit_fail(PH_ERR_NOMEM, why, "no memory");
    if (*rest == '\0' || ph_dir_open(AT_FDCWD, rest, &l->dir_fd) != PH_OK) {
        free(l);
        return ph_commit_fail(PH_ERR_IO, why, "cannot open the state folder %.150s: %s", rest,
                              strerror(errno));
    }
    *log = l;
    return PH_OK;
}

const struct ph_commit_backend ph_commit_file = {
    .close = file_close,
    .writer_open = file_writer_open,
    .writer_close = file_writer_close,
    .append = file_append,
    .read = file_read,
    .truncate = file_truncate,
};
