#ifndef PH_CLI_STATE_FILE_H
#define PH_CLI_STATE_FILE_H

/* Files of states on the owner's side: what an export is (state/move.h), or a SQLite database of
 * the owner's own. Read piece by piece, whatever their size. Every function that fails has told the
 * user.
 *
 * Tests: tests/integration/state_cli.test.mjs.
 */

#include "api.h"

#include "crypto/hash.h"
#include "state/move.h"

struct ph_moved_file {
    const char *path;
    int fd;
    bool is_export; /* else a database: its head is made up, its key random */
    struct ph_export_head head;
    struct ph_hash32 binding; /* SHA-256 of the head */
    uint8_t recipient[32], wrapped[PH_EXPORT_WRAPPED_LEN];
    uint8_t key[32]; /* once unlocked, or of a database */
    uint64_t next;   /* piece */
};

/* Look at the file's front and size. */
int ph_moved_file_open(const struct ph_cli *cli, const char *path, struct ph_moved_file *out);
/* Get its key with the recipient's secret. A database needs none. */
int ph_moved_file_unlock(const struct ph_cli *cli, struct ph_moved_file *file,
                         const uint8_t secret[static 32]);
/* The next piece as it is sealed: of an export as it lies there, of a database sealed now. 0 bytes:
 * that was all. @out  PH_EXPORT_PIECE + PH_EXPORT_PIECE_OVERHEAD. PH_ERR_IO. */
PH_CHECKED enum ph_err ph_moved_file_next(struct ph_moved_file *file, uint8_t *out, size_t *len);
/* Back to the first piece. */
void ph_moved_file_rewind(struct ph_moved_file *file);
/* Open every piece of an unlocked file, look at the first page, and write the database to `out_fd`
 * (-1: nowhere). `pieces`: SHA-256 of the sealed pieces. */
int ph_moved_file_check(const struct ph_cli *cli, struct ph_moved_file *file, int out_fd,
                        struct ph_hash32 *pieces);
void ph_moved_file_close(struct ph_moved_file *file);

/* The secret that exports are for: of --identity FILE (64 hex digits), or made from the owner's
 * key. @public  its public half */
int ph_state_identity(const struct ph_cli *cli, const struct ph_owner *owner,
                      uint8_t secret[static 32], uint8_t public[static 32]);

/* write(2) until all of it is written. PH_ERR_IO: errno. */
PH_CHECKED enum ph_err ph_write_all(int fd, struct ph_bytes data);

#endif
