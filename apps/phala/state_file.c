#include "state_file.h"

#include "base/hex.h"
#include "base/own.h"
#include "crypto/aead.h"
#include "keys/hpke.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEALED_PIECE = PH_EXPORT_PIECE + PH_EXPORT_PIECE_OVERHEAD };

enum ph_err ph_write_all(int fd, struct ph_bytes data)
{
    while (data.len > 0) {
        const ssize_t n = write(fd, data.ptr, data.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return PH_ERR_IO;
        data = (struct ph_bytes){data.ptr + n, data.len - (size_t)n};
    }
    return PH_OK;
}

static enum ph_err read_at(int fd, uint64_t at, uint8_t *out, size_t len)
{
    while (len > 0) {
        const ssize_t n = pread(fd, out, len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return PH_ERR_IO;
        out += n;
        at += (uint64_t)n;
        len -= (size_t)n;
    }
    return PH_OK;
}

static int no_state(const struct ph_cli *cli, const char *path, const char *why)
{
    return ph_fail(cli, "bad-state-file", path,
                   "give a file of phala state export, or a SQLite database", "the file %s", why);
}

static int open_export(const struct ph_cli *cli, struct ph_moved_file *f,
                       const uint8_t front[static PH_EXPORT_FRONT_LEN], uint64_t size)
{
    if (ph_export_head_parse((struct ph_bytes){front, PH_EXPORT_HEAD_LEN}, &f->head) != PH_OK)
        return no_state(cli, f->path, "has a head that makes no sense");
    if (size != PH_EXPORT_FRONT_LEN + ph_export_pieces_len(f->head.page_cnt))
        return no_state(cli, f->path, "is cut off, or longer than its head says");
    f->is_export = true;
    ph_sha256((struct ph_bytes){front, PH_EXPORT_HEAD_LEN}, f->binding.b);
    memcpy(f->recipient, front + PH_EXPORT_HEAD_LEN, sizeof(f->recipient));
    memcpy(f->wrapped, front + PH_EXPORT_HEAD_LEN + 32, sizeof(f->wrapped));
    return PH_EXIT_OK;
}

static int open_database(const struct ph_cli *cli, struct ph_moved_file *f,
                         const uint8_t front[static PH_EXPORT_FRONT_LEN], uint64_t size)
{
    uint8_t head[PH_EXPORT_HEAD_LEN];
    char why[128];

    if (size % PH_STATE_PAGE != 0 || size / PH_STATE_PAGE > PH_STATE_PAGES_MAX)
        return no_state(cli, f->path, "is no export, and no database of whole pages of 4096 bytes");
    f->head.page_cnt = (uint32_t)(size / PH_STATE_PAGE);
    if (ph_import_check_database((struct ph_bytes){front, PH_EXPORT_FRONT_LEN}, f->head.page_cnt,
                                 why) != PH_OK)
        return ph_fail(cli, "bad-state-file", f->path,
                       "give a file of phala state export, or a SQLite database that no program "
                       "has open",
                       "%s", why);
    ph_export_head_encode(&f->head, head);
    ph_sha256(PH_BYTES_OF(head), f->binding.b);
    ph_random(f->key, sizeof(f->key));
    return PH_EXIT_OK;
}

int ph_moved_file_open(const struct ph_cli *cli, const char *path, struct ph_moved_file *out)
{
    struct ph_moved_file f = {.path = path, .fd = open(path, O_RDONLY | O_CLOEXEC)};
    uint8_t front[PH_EXPORT_FRONT_LEN];
    struct stat st;
    int rc;

    if (f.fd < 0 || fstat(f.fd, &st) != 0) {
        rc = ph_fail(cli, "io", path, NULL, "cannot read the file: %s", strerror(errno));
    } else if (st.st_size < PH_EXPORT_FRONT_LEN ||
               read_at(f.fd, 0, front, sizeof(front)) != PH_OK) {
        rc = no_state(cli, path, "is too short");
    } else if (memcmp(front, "PHSTATE1", 8) == 0) {
        rc = open_export(cli, &f, front, (uint64_t)st.st_size);
    } else {
        rc = open_database(cli, &f, front, (uint64_t)st.st_size);
    }
    if (rc == PH_EXIT_OK)
        *out = f;
    else
        ph_moved_file_close(&f);
    return rc;
}

int ph_moved_file_unlock(const struct ph_cli *cli, struct ph_moved_file *file,
                         const uint8_t secret[static 32])
{
    if (!file->is_export || ph_hpke_open(PH_HPKE_AES256GCM, secret, PH_BYTES_LIT(PH_EXPORT_INFO),
                                         PH_BYTES_OF(file->head.phat.b), PH_BYTES_OF(file->wrapped),
                                         file->key) == PH_OK)
        return PH_EXIT_OK;
    return ph_fail(cli, "wrong-identity", file->path,
                   "open it with the keystore that took it, or with --identity FILE",
                   "the export is for another key, or was altered");
}

enum ph_err ph_moved_file_next(struct ph_moved_file *file, uint8_t *out, size_t *len)
{
    const size_t plain = ph_export_piece_len(file->head.page_cnt, file->next);
    uint8_t pages[PH_EXPORT_PIECE];

    *len = 0;
    if (plain == 0)
        return PH_OK;
    if (file->is_export) {
        PH_TRY(read_at(file->fd, PH_EXPORT_FRONT_LEN + file->next * SEALED_PIECE, out,
                       plain + PH_EXPORT_PIECE_OVERHEAD));
    } else {
        PH_TRY(read_at(file->fd, file->next * PH_EXPORT_PIECE, pages, plain));
        PH_TRY(ph_export_piece_seal(file->key, &file->binding, file->next,
                                    (struct ph_bytes){pages, plain}, out));
    }
    file->next++;
    *len = plain + PH_EXPORT_PIECE_OVERHEAD;
    return PH_OK;
}

void ph_moved_file_rewind(struct ph_moved_file *file)
{
    file->next = 0;
}

int ph_moved_file_check(const struct ph_cli *cli, struct ph_moved_file *file, int out_fd,
                        struct ph_hash32 *pieces)
{
    uint8_t sealed[SEALED_PIECE], plain[PH_EXPORT_PIECE];
    struct ph_sha256 sha;
    char why[128];
    size_t len;

    ph_sha256_init(&sha);
    for (;;) {
        const uint64_t i = file->next;
        if (ph_moved_file_next(file, sealed, &len) != PH_OK)
            return ph_fail(cli, "io", file->path, NULL, "cannot read it: %s", strerror(errno));
        if (len == 0)
            break;
        ph_sha256_update(&sha, (struct ph_bytes){sealed, len});
        if (ph_export_piece_open(file->key, &file->binding, i, (struct ph_bytes){sealed, len},
                                 plain) != PH_OK)
            return no_state(cli, file->path, "was altered");
        if (i == 0 && ph_import_check_database((struct ph_bytes){plain, PH_STATE_PAGE},
                                               file->head.page_cnt, why) != PH_OK)
            return ph_fail(cli, "bad-state-file", file->path, NULL, "%s", why);
        if (out_fd >= 0 &&
            ph_write_all(out_fd, (struct ph_bytes){plain, len - PH_EXPORT_PIECE_OVERHEAD}) != PH_OK)
            return ph_fail(cli, "io", NULL, "make room, or name another place",
                           "cannot write the database: %s", strerror(errno));
    }
    ph_sha256_final(&sha, pieces->b);
    return PH_EXIT_OK;
}

void ph_moved_file_close(struct ph_moved_file *file)
{
    if (file->fd >= 0)
        (void)close(file->fd);
    file->fd = -1;
    ph_wipe(file->key, sizeof(file->key));
}

static int read_identity(const struct ph_cli *cli, const char *path, uint8_t secret[static 32])
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(256);
    const enum ph_err err = ph_file_read(path, &text);

    while (text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
        text.len--;
    const bool ok = err == PH_OK && ph_hex_decode(ph_buf_view(&text), secret, 32) == PH_OK;
    if (text.ptr != NULL)
        ph_wipe(text.ptr, text.cap);
    return ok ? PH_EXIT_OK
              : ph_fail(cli, "bad-key", path, NULL, "expected a file of 64 hex digits");
}

int ph_state_identity(const struct ph_cli *cli, const struct ph_owner *owner,
                      uint8_t secret[static 32], uint8_t public[static 32])
{
    const char *path = ph_opts_get(&cli->opts, "identity");
    int rc = PH_EXIT_OK;

    if (path != NULL)
        rc = read_identity(cli, path, secret);
    else if (ph_hkdf_sha256(PH_BYTES_OF(owner->secret), PH_BYTES_LIT("phala-owner-v1"),
                            PH_BYTES_LIT("phala/owner/state-x25519"), secret, 32) != PH_OK)
        rc = ph_fail(cli, "io", NULL, NULL, "out of memory");
    if (rc == PH_EXIT_OK && ph_x25519_public(secret, public) != PH_OK)
        rc = ph_fail(cli, "bad-key", path, NULL, "the identity is no X25519 secret");
    return rc;
}
