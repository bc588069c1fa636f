#include "store/journal.h"

#include "base/crc32c.h"
#include "base/own.h"
#include "store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

enum { MAGIC_LEN = 8, HEAD_LEN = 8, NAME_MAX_LEN = 200, PENDING_MAX = 256 << 20 };
static const char magic[] = "PHJRNL1\n";

struct ph_journal {
    int dir_fd, fd;
    char name[NAME_MAX_LEN + 1];
    uint64_t size;         /* durable, and what the file is cut to after a failure */
    struct ph_buf pending; /* records that are not in the file */
};

/* One record off the front; false: torn, rotten or none. */
static bool read_record(struct ph_reader *r, struct ph_bytes *record)
{
    struct ph_reader in = *r;
    uint32_t len, crc;

    if (!ph_read_u32le(&in, &len) || !ph_read_u32le(&in, &crc) || len == 0 ||
        len > PH_JOURNAL_RECORD_MAX || !ph_read_view(&in, len, record) ||
        ph_crc32c(0, *record) != crc)
        return false;
    *r = in;
    return true;
}

enum ph_err ph_journal_scan(struct ph_bytes content, ph_journal_take *take, void *ctx,
                            size_t *whole)
{
    struct ph_reader r = {content};
    struct ph_bytes head, record;

    if (!ph_read_view(&r, MAGIC_LEN, &head) || memcmp(head.ptr, magic, MAGIC_LEN) != 0)
        return PH_ERR_MALFORMED;
    while (read_record(&r, &record))
        PH_TRY(take(ctx, record));
    *whole = content.len - r.rest.len;
    return PH_OK;
}

/* A file with the magic alone. */
static enum ph_err make_empty(int dir_fd, const char *name)
{
    const struct ph_bytes part = {(const uint8_t *)magic, MAGIC_LEN};

    return ph_file_replace(dir_fd, name, &part, 1);
}

static enum ph_err load(struct ph_journal *j, ph_journal_take *take, void *ctx)
{
    struct ph_buf content PH_OWNED(ph_buf_clear) = PH_BUF(PH_JOURNAL_FILE_MAX);
    size_t whole = MAGIC_LEN;

    enum ph_err err = ph_file_read(j->dir_fd, j->name, &content);
    if (err == PH_ERR_NOT_FOUND)
        err = make_empty(j->dir_fd, j->name);
    else if (err == PH_OK)
        err = ph_journal_scan(ph_buf_view(&content), take, ctx, &whole);
    PH_TRY(err);
    j->fd = openat(j->dir_fd, j->name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (j->fd < 0)
        return PH_ERR_IO;
    /* Durably: what is torn must not lie behind a new record one day and look whole. */
    if (content.len > whole && (ftruncate(j->fd, (off_t)whole) != 0 || fsync(j->fd) != 0))
        return PH_ERR_IO;
    j->size = whole;
    return PH_OK;
}

static struct ph_journal *journal_new(int dir_fd, const char *name)
{
    struct ph_journal *j = calloc(1, sizeof(*j));

    if (!j)
        return NULL;
    j->fd = -1;
    j->dir_fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
    j->pending = PH_BUF(PENDING_MAX);
    memcpy(j->name, name, strlen(name) + 1);
    return j;
}

enum ph_err ph_journal_open(int dir_fd, const char *name, ph_journal_take *take, void *ctx,
                            struct ph_journal **out)
{
    if (strlen(name) > NAME_MAX_LEN)
        return PH_ERR_LIMIT;
    struct ph_journal *j = journal_new(dir_fd, name);
    if (!j)
        return PH_ERR_NOMEM;
    const enum ph_err err = j->dir_fd < 0 ? PH_ERR_IO : load(j, take, ctx);
    if (err != PH_OK) {
        ph_journal_close(j);
        return err;
    }
    *out = j;
    return PH_OK;
}

void ph_journal_close(struct ph_journal *j)
{
    if (!j)
        return;
    ph_closep(&j->fd);
    ph_closep(&j->dir_fd);
    ph_buf_clear(&j->pending);
    free(j);
}

uint64_t ph_journal_size(const struct ph_journal *j)
{
    return j->size;
}

enum ph_err ph_journal_add(struct ph_journal *j, struct ph_bytes record)
{
    uint8_t *at;

    if (record.len == 0 || record.len > PH_JOURNAL_RECORD_MAX)
        return PH_ERR_LIMIT;
    PH_TRY(ph_buf_reserve(&j->pending, HEAD_LEN + record.len, &at));
    ph_put_u32le(at, (uint32_t)record.len);
    ph_put_u32le(at + 4, ph_crc32c(0, record));
    memcpy(at + HEAD_LEN, record.ptr, record.len);
    j->pending.len += HEAD_LEN + record.len;
    return PH_OK;
}

static enum ph_err write_at(int fd, struct ph_bytes data, uint64_t offset)
{
    size_t done = 0;

    while (done < data.len) {
        const ssize_t n = pwrite(fd, data.ptr + done, data.len - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return PH_ERR_IO;
        done += (size_t)n;
    }
    return PH_OK;
}

enum ph_err ph_journal_sync(struct ph_journal *j)
{
    if (j->pending.len == 0)
        return PH_OK;
    if (j->size + j->pending.len > PH_JOURNAL_FILE_MAX)
        return PH_ERR_LIMIT;
    PH_TRY(write_at(j->fd, ph_buf_view(&j->pending), j->size));
    if (fdatasync(j->fd) != 0)
        return PH_ERR_IO;
    j->size += j->pending.len;
    ph_buf_clear(&j->pending);
    return PH_OK;
}

enum ph_err ph_journal_rewrite(struct ph_journal *j,
                               enum ph_err (*fill)(void *ctx, struct ph_journal *to), void *ctx)
{
    struct ph_journal fresh = {.dir_fd = -1, .fd = -1, .pending = PH_BUF(PENDING_MAX)};
    struct ph_bytes parts[2] = {{(const uint8_t *)magic, MAGIC_LEN}};

    enum ph_err err = fill(ctx, &fresh);
    parts[1] = ph_buf_view(&fresh.pending);
    if (err == PH_OK)
        err = ph_file_replace(j->dir_fd, j->name, parts, 2);
    const uint64_t size = MAGIC_LEN + fresh.pending.len;
    ph_buf_clear(&fresh.pending);
    PH_TRY(err);
    /* The old file has no name any more: what is added from here on must not go there. */
    ph_closep(&j->fd);
    j->fd = openat(j->dir_fd, j->name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    j->size = size;
    ph_buf_clear(&j->pending);
    return j->fd >= 0 ? PH_OK : PH_ERR_IO;
}
