#ifndef PH_STORE_COMMIT_LOG_H
#define PH_STORE_COMMIT_LOG_H

/* Commits of phats' states on storage: one small interface, two kinds of storage.
 *
 *   file:DIR            DIR/<phat>.<first index, 16 hex>.log: records one after another, each
 *                       `u32le length || u32le CRC-32C of what follows || u64le first index of its
 *                       append || record`; DIR/<phat>.lock is held by the writer. Records of the
 * last append that a crash cut short are dropped on open; any other damage is an error.
 *   postgresql://…      table phala_commits(phat bytea, index bigint, prev bytea, record bytea,
 *                       primary key (phat, index)); libpq, synchronous_commit as the server has it
 *
 * The log knows nothing of keys: storage is not trusted, what it returns is judged by phala-keyd
 * and by the phat (docs/state.md).
 *
 * Calls block: phalad makes them on its storage threads. Any thread may use a log, one at a time a
 * writer.
 *
 * Layer: store. Tests: commit_log_test.c (both kinds, faults at every system call).
 */

#include "state/format.h"

struct ph_commit_log;

enum { PH_COMMIT_LOG_WHY = 256 };

/* Open storage by its URL. PH_ERR_MALFORMED: no such kind; PH_ERR_IO: why says what (password never
 * in it); PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_commit_log_open(const char *url, struct ph_commit_log **out,
                                          char why[static PH_COMMIT_LOG_WHY]);
void ph_commit_log_close(struct ph_commit_log *log);

/* One phat's log, held for writing. */
struct ph_commit_writer;
/**
 * Take a phat's log for writing.
 *
 * Returns PH_ERR_CONFLICT  another process of this machine holds it (file)
 *         PH_ERR_MALFORMED a record before the last is damaged: why says where
 *         PH_ERR_IO, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_commit_writer_open(struct ph_commit_log *log,
                                             const struct ph_phat_id *phat,
                                             struct ph_commit_writer **out,
                                             char why[static PH_COMMIT_LOG_WHY]);
void ph_commit_writer_close(struct ph_commit_writer *writer);

/* Least and newest index there; 0, 0: none. */
void ph_commit_writer_range(const struct ph_commit_writer *writer, uint64_t *first, uint64_t *last);
/* Append a record (its index must be last + 1, or anything in an empty log) and wait until it is
 * durable. Several of one call are one fsync, or one transaction.
 * PH_ERR_CONFLICT: another writer was first (fenced): this one is finished. PH_ERR_LIMIT: storage
 * is full; nothing was appended. PH_ERR_IO: it is unknown whether it was appended: close, open,
 * look. */
PH_CHECKED enum ph_err ph_commit_append(struct ph_commit_writer *writer,
                                        const struct ph_bytes *records, size_t record_cnt,
                                        char why[static PH_COMMIT_LOG_WHY]);
/* Read one record into `out` (replaced). PH_ERR_NOT_FOUND, PH_ERR_MALFORMED, PH_ERR_IO,
 * PH_ERR_LIMIT, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_commit_read(struct ph_commit_writer *writer, uint64_t index,
                                      struct ph_buf *out, char why[static PH_COMMIT_LOG_WHY]);
/* Drop records below `index`: they are in a snapshot or in the page file. Crash-safe. */
PH_CHECKED enum ph_err ph_commit_truncate(struct ph_commit_writer *writer, uint64_t index,
                                          char why[static PH_COMMIT_LOG_WHY]);

#endif
