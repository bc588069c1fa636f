#ifndef PH_STORE_COMMIT_LOG_PRIV_H
#define PH_STORE_COMMIT_LOG_PRIV_H

/* What a kind of storage provides; commit_log.c dispatches and keeps the range. */

#include "store/commit_pages.h"

struct ph_commit_pages_backend {
    enum ph_err (*tip)(void *writer, struct ph_state_tip *out, char *why);
    enum ph_err (*read)(void *writer, uint64_t key, uint8_t *out, char *why);
    enum ph_err (*begin)(void *writer, const struct ph_state_tip *tip, char *why);
    enum ph_err (*put)(void *writer, uint64_t key, const uint8_t *image, char *why);
    enum ph_err (*end)(void *writer, char *why);
};

struct ph_commit_backend {
    void (*close)(void *log);
    enum ph_err (*writer_open)(void *log, const struct ph_phat_id *phat, void **writer,
                               uint64_t *first, uint64_t *last, char *why);
    void (*writer_close)(void *writer);
    enum ph_err (*append)(void *writer, const struct ph_bytes *records, size_t cnt,
                          uint64_t first_index, char *why);
    enum ph_err (*read)(void *writer, uint64_t index, struct ph_buf *out, char *why);
    enum ph_err (*truncate)(void *writer, uint64_t index, char *why);
    const struct ph_commit_pages_backend *pages; /* NULL: it keeps none */
};

/* @rest  the URL behind "file:"; @url the whole URL. On PH_OK *log is closed by backend->close. */
extern const struct ph_commit_backend ph_commit_file;
PH_CHECKED enum ph_err ph_commit_file_open(const char *rest, void **log, char *why);
extern const struct ph_commit_backend ph_commit_pg;
PH_CHECKED enum ph_err ph_commit_pg_open(const char *url, void **log, char *why);

/* Write into `why` and yield the error. */
PH_CHECKED enum ph_err ph_commit_fail(enum ph_err err, char *why, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
