#include "store/file.h"

#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static enum ph_err write_all(int fd, struct ph_bytes data)
{
    size_t done = 0;

    while (done < data.len) {
        const ssize_t n = write(fd, data.ptr + done, data.len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return PH_ERR_IO;
        done += (size_t)n;
    }
    return PH_OK;
}

static enum ph_err write_temporary(int dir_fd, const char *name, const struct ph_bytes *parts,
                                   size_t part_cnt)
{
    int fd PH_OWNED(ph_closep) =
        openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return PH_ERR_IO;
    for (size_t i = 0; i < part_cnt; i++)
        PH_TRY(write_all(fd, parts[i]));
    return fsync(fd) == 0 ? PH_OK : PH_ERR_IO;
}

enum ph_err ph_file_replace(int dir_fd, const char *name, const struct ph_bytes *parts,
                            size_t part_cnt)
{
    char temporary[280];

    if ((size_t)snprintf(temporary, sizeof(temporary), ".%s.new", name) >= sizeof(temporary))
        return PH_ERR_LIMIT;
    enum ph_err err = write_temporary(dir_fd, temporary, parts, part_cnt);
    if (err == PH_OK && renameat(dir_fd, temporary, dir_fd, name) != 0)
        err = PH_ERR_IO;
    if (err != PH_OK) {
        const int saved = errno;
        (void)unlinkat(dir_fd, temporary, 0);
        errno = saved;
        return err;
    }
    return fsync(dir_fd) == 0 ? PH_OK : PH_ERR_IO;
}

enum ph_err ph_file_read(int dir_fd, const char *name, struct ph_buf *out)
{
    int fd PH_OWNED(ph_closep) = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;

    if (fd < 0)
        return errno == ENOENT ? PH_ERR_NOT_FOUND : PH_ERR_IO;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return PH_ERR_IO;
    for (;;) {
        uint8_t *at;
        const size_t left = out->limit - out->len;
        if (left == 0) /* at the limit: one byte more would be too many */
            return read(fd, &(uint8_t){0}, 1) == 0 ? PH_OK : PH_ERR_LIMIT;
        const size_t want = left < 65536 ? left : 65536;
        PH_TRY(ph_buf_reserve(out, want, &at));
        const ssize_t n = read(fd, at, want);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return PH_ERR_IO;
        if (n == 0)
            return PH_OK;
        out->len += (size_t)n;
    }
}

enum ph_err ph_file_remove(int dir_fd, const char *name)
{
    if (unlinkat(dir_fd, name, 0) != 0 && errno != ENOENT)
        return PH_ERR_IO;
    return fsync(dir_fd) == 0 ? PH_OK : PH_ERR_IO;
}

enum ph_err ph_dir_open(int dir_fd, const char *name, int *out)
{
    if (mkdirat(dir_fd, name, 0700) != 0 && errno != EEXIST)
        return PH_ERR_IO;
    const int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return PH_ERR_IO;
    *out = fd;
    return PH_OK;
}
