#ifndef PH_STORE_JOURNAL_H
#define PH_STORE_JOURNAL_H

/* A file of records that only grows, for what must be known again after a crash: records are added
 * in memory, made durable together, and read back in order. What a crash tore off the end is cut
 * away; a checksum finds that, not malice.
 *
 *   "PHJRNL1\n", then for each record: length u32, CRC-32C of the bytes u32, bytes (little-endian)
 *
 * Layer: store. Tests: journal_test.c (a disk that loses power: test_fault_io.h), journal_fuzz.c.
 */

#include "base/bytes.h"

enum { PH_JOURNAL_RECORD_MAX = 1 << 20, PH_JOURNAL_FILE_MAX = 1 << 30 };

struct ph_journal;

/* Called for each record; an error ends the reading and is what the caller gets. */
typedef enum ph_err ph_journal_take(void *ctx, struct ph_bytes record);

/**
 * Open dir_fd/name, made when absent, and read what it has.
 *
 * Returns PH_ERR_MALFORMED  another kind of file, or what `take` gave
 *         PH_ERR_LIMIT      over PH_JOURNAL_FILE_MAX
 *         PH_ERR_IO, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_journal_open(int dir_fd, const char *name, ph_journal_take *take,
                                       void *ctx, struct ph_journal **out);
/* What was not made durable is lost. NULL is fine. */
void ph_journal_close(struct ph_journal *journal);

/* Add a record of 1 to PH_JOURNAL_RECORD_MAX bytes. PH_ERR_LIMIT, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_journal_add(struct ph_journal *journal, struct ph_bytes record);
/* On PH_OK every record that was added survives a power cut. PH_ERR_IO: perhaps not, and the file
 * is as long as before; calling again tries again. */
PH_CHECKED enum ph_err ph_journal_sync(struct ph_journal *journal);
/* Bytes in the file. */
uint64_t ph_journal_size(const struct ph_journal *journal);
/* Replace all records by those that `fill` adds with ph_journal_add, at once: a crash leaves the
 * old ones or the new ones. Records not made durable before are dropped. */
PH_CHECKED enum ph_err ph_journal_rewrite(struct ph_journal *journal,
                                          enum ph_err (*fill)(void *ctx, struct ph_journal *to),
                                          void *ctx);

/* Pure: the records at the front of a file's content. *whole: bytes up to the end of the last whole
 * one. PH_ERR_MALFORMED: no journal, or what `take` gave. */
PH_CHECKED enum ph_err ph_journal_scan(struct ph_bytes content, ph_journal_take *take, void *ctx,
                                       size_t *whole);

#endif
