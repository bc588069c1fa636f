#include "store/commit_log_priv.h"

#include "base/own.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct ph_commit_log {
    const struct ph_commit_backend *backend;
    void *of_backend;
};

struct ph_commit_writer {
    const struct ph_commit_backend *backend;
    void *of_backend;
    struct ph_phat_id phat;
    uint64_t first, last;
    enum ph_err finished; /* PH_OK, or why nothing can be appended any more */
};

enum ph_err ph_commit_fail(enum ph_err err, char *why, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(why, PH_COMMIT_LOG_WHY, fmt, args);
    va_end(args);
    return err;
}

enum ph_err ph_commit_log_open(const char *url, struct ph_commit_log **out,
                               char why[static PH_COMMIT_LOG_WHY])
{
    struct ph_commit_log *log PH_OWNED(ph_freep) = calloc(1, sizeof(*log));

    if (!log)
        return ph_commit_fail(PH_ERR_NOMEM, why, "no memory");
    if (strncmp(url, "file:", 5) == 0) {
        log->backend = &ph_commit_file;
        PH_TRY(ph_commit_file_open(url + 5, &log->of_backend, why));
    } else if (strncmp(url, "postgresql://", 13) == 0 || strncmp(url, "postgres://", 11) == 0) {
        log->backend = &ph_commit_pg;
        PH_TRY(ph_commit_pg_open(url, &log->of_backend, why));
    } else {
        return ph_commit_fail(PH_ERR_MALFORMED, why,
                              "a state URL begins with file: or postgresql://");
    }
    *out = PH_TAKE(log);
    return PH_OK;
}

void ph_commit_log_close(struct ph_commit_log *log)
{
    if (!log)
        return;
    log->backend->close(log->of_backend);
    free(log);
}

enum ph_err ph_commit_writer_open(struct ph_commit_log *log, const struct ph_phat_id *phat,
                                  struct ph_commit_writer **out, char why[static PH_COMMIT_LOG_WHY])
{
    struct ph_commit_writer *w PH_OWNED(ph_freep) = calloc(1, sizeof(*w));

    if (!w)
        return ph_commit_fail(PH_ERR_NOMEM, why, "no memory");
    w->backend = log->backend;
    w->phat = *phat;
    PH_TRY(
        log->backend->writer_open(log->of_backend, phat, &w->of_backend, &w->first, &w->last, why));
    *out = PH_TAKE(w);
    return PH_OK;
}

void ph_commit_writer_close(struct ph_commit_writer *writer)
{
    if (!writer)
        return;
    writer->backend->writer_close(writer->of_backend);
    free(writer);
}

void ph_commit_writer_range(const struct ph_commit_writer *writer, uint64_t *first, uint64_t *last)
{
    *first = writer->first;
    *last = writer->last;
}

/* The record's index, if it is a commit of this phat. */
static enum ph_err index_of(const struct ph_commit_writer *w, struct ph_bytes record, uint64_t *out)
{
    struct ph_state_head head;

    if (record.len < PH_STATE_HEAD_LEN ||
        ph_state_head_parse((struct ph_bytes){record.ptr, PH_STATE_HEAD_LEN}, &head) != PH_OK ||
        record.len != ph_state_record_len(head.record_pages) ||
        memcmp(head.phat.b, w->phat.b, sizeof(w->phat.b)) != 0)
        return PH_ERR_MALFORMED;
    *out = head.index;
    return PH_OK;
}

enum ph_err ph_commit_append(struct ph_commit_writer *writer, const struct ph_bytes *records,
                             size_t record_cnt, char why[static PH_COMMIT_LOG_WHY])
{
    struct ph_commit_writer *w = writer;
    uint64_t first = 0, index;

    if (w->finished != PH_OK)
        return ph_commit_fail(w->finished, why, "this writer is finished: open the log again");
    for (size_t i = 0; i < record_cnt; i++) {
        if (index_of(w, records[i], &index) != PH_OK)
            return ph_commit_fail(PH_ERR_MALFORMED, why, "not a commit of this phat");
        if (i == 0)
            first = index;
        if (index != first + i || (i == 0 && w->last != 0 && index != w->last + 1))
            return ph_commit_fail(PH_ERR_MALFORMED, why, "commit %llu does not follow %llu",
                                  (unsigned long long)index,
                                  (unsigned long long)(i == 0 ? w->last : first + i - 1));
    }
    if (record_cnt == 0)
        return PH_OK;
    const enum ph_err err = w->backend->append(w->of_backend, records, record_cnt, first, why);
    if (err == PH_OK) {
        w->last = first + record_cnt - 1;
        if (w->first == 0)
            w->first = first;
    } else if (err != PH_ERR_LIMIT) {
        w->finished = err;
    }
    return err;
}

enum ph_err ph_commit_read(struct ph_commit_writer *writer, uint64_t index, struct ph_buf *out,
                           char why[static PH_COMMIT_LOG_WHY])
{
    uint64_t found;

    if (index == 0 || index < writer->first || index > writer->last)
        return ph_commit_fail(PH_ERR_NOT_FOUND, why, "commit %llu is not in the log",
                              (unsigned long long)index);
    out->len = 0;
    PH_TRY(writer->backend->read(writer->of_backend, index, out, why));
    if (index_of(writer, ph_buf_view(out), &found) != PH_OK || found != index)
        return ph_commit_fail(PH_ERR_MALFORMED, why, "what is stored as commit %llu is another one",
                              (unsigned long long)index);
    return PH_OK;
}

enum ph_err ph_commit_truncate(struct ph_commit_writer *writer, uint64_t index,
                               char why[static PH_COMMIT_LOG_WHY])
{
    if (index <= writer->first)
        return PH_OK;
    if (index > writer->last)
        index = writer->last; /* the newest commit stays: the next one is held against it */
    PH_TRY(writer->backend->truncate(writer->of_backend, index, why));
    writer->first = index;
    return PH_OK;
}

bool ph_commit_has_pages(const struct ph_commit_writer *writer)
{
    return writer->backend->pages != NULL;
}

enum ph_err ph_commit_pages_tip(struct ph_commit_writer *writer, struct ph_state_tip *out,
                                char why[static PH_COMMIT_LOG_WHY])
{
    return writer->backend->pages->tip(writer->of_backend, out, why);
}

enum ph_err ph_commit_pages_read(struct ph_commit_writer *writer, uint64_t key,
                                 uint8_t out[static PH_STATE_PAGE],
                                 char why[static PH_COMMIT_LOG_WHY])
{
    return writer->backend->pages->read(writer->of_backend, key, out, why);
}

enum ph_err ph_commit_pages_begin(struct ph_commit_writer *writer, const struct ph_state_tip *tip,
                                  char why[static PH_COMMIT_LOG_WHY])
{
    return writer->backend->pages->begin(writer->of_backend, tip, why);
}

enum ph_err ph_commit_pages_put(struct ph_commit_writer *writer, uint64_t key,
                                const uint8_t image[static PH_STATE_PAGE],
                                char why[static PH_COMMIT_LOG_WHY])
{
    return writer->backend->pages->put(writer->of_backend, key, image, why);
}

enum ph_err ph_commit_pages_end(struct ph_commit_writer *writer, char why[static PH_COMMIT_LOG_WHY])
{
    return writer->backend->pages->end(writer->of_backend, why);
}
