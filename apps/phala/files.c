#include "files.h"

#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

enum ph_err ph_path_set(struct ph_path *out, const char *fmt, ...)
{
    va_list args;
    char tmp[PH_PATH_MAX];
    va_start(args, fmt);
    int n = vsnprintf(tmp, sizeof(tmp), fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof(tmp)) {
        errno = ENAMETOOLONG;
        return PH_ERR_LIMIT;
    }
    memcpy(out->s, tmp, (size_t)n + 1);
    return PH_OK;
}

static enum ph_err read_all(int fd, struct ph_buf *out)
{
    for (;;) {
        uint8_t chunk[65536];
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return PH_ERR_IO;
        if (n == 0)
            return PH_OK;
        enum ph_err err = ph_buf_add(out, (struct ph_bytes){chunk, (size_t)n});
        if (err != PH_OK) {
            errno = err == PH_ERR_LIMIT ? EFBIG : ENOMEM;
            return err;
        }
    }
}

enum ph_err ph_file_read(const char *path, struct ph_buf *out)
{
    if (strcmp(path, "-") == 0)
        return read_all(STDIN_FILENO, out);
    int fd PH_OWNED(ph_closep) = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? PH_ERR_NOT_FOUND : PH_ERR_IO;
    struct stat st;
    if (fstat(fd, &st) != 0)
        return PH_ERR_IO;
    if (S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        return PH_ERR_IO;
    }
    return read_all(fd, out);
}

static enum ph_err write_all(int fd, struct ph_bytes data)
{
    while (data.len > 0) {
        ssize_t n = write(fd, data.ptr, data.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return PH_ERR_IO;
        data = (struct ph_bytes){data.ptr + n, data.len - (size_t)n};
    }
    return fsync(fd) == 0 ? PH_OK : PH_ERR_IO;
}

static enum ph_err write_temp(const char *path, struct ph_bytes data, unsigned mode,
                              struct ph_path *temp)
{
    PH_TRY(ph_path_set(temp, "%s.XXXXXX", path));
    int fd PH_OWNED(ph_closep) = mkostemp(temp->s, O_CLOEXEC);
    if (fd < 0)
        return PH_ERR_IO;
    enum ph_err err = write_all(fd, data);
    if (err == PH_OK && fchmod(fd, mode) != 0)
        err = PH_ERR_IO;
    if (err != PH_OK)
        (void)unlink(temp->s);
    return err;
}

enum ph_err ph_file_write(const char *path, struct ph_bytes data, unsigned mode)
{
    struct ph_path temp;
    PH_TRY(write_temp(path, data, mode, &temp));
    if (rename(temp.s, path) == 0)
        return PH_OK;
    int saved = errno;
    (void)unlink(temp.s);
    errno = saved;
    return PH_ERR_IO;
}

enum ph_err ph_file_write_new(const char *path, struct ph_bytes data, unsigned mode)
{
    struct ph_path temp;
    PH_TRY(write_temp(path, data, mode, &temp));
    int rc = link(temp.s, path); /* fails if the name exists, unlike rename */
    int saved = errno;
    (void)unlink(temp.s);
    errno = saved;
    if (rc == 0)
        return PH_OK;
    return saved == EEXIST ? PH_ERR_CONFLICT : PH_ERR_IO;
}

static enum ph_err make_dirs(const char *path, mode_t mode)
{
    struct ph_path p;
    PH_TRY(ph_path_set(&p, "%s", path));
    for (char *slash = p.s; slash != NULL; *slash = '/') {
        slash = strchr(slash + 1, '/');
        if (slash != NULL)
            *slash = '\0';
        if (p.s[0] != '\0' && mkdir(p.s, mode) != 0 && errno != EEXIST)
            return PH_ERR_IO;
        if (slash == NULL)
            break;
    }
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return PH_OK;
    errno = ENOTDIR;
    return PH_ERR_IO;
}

enum ph_err ph_dir_make(const char *path)
{
    return make_dirs(path, 0777);
}

enum ph_err ph_dir_make_private(const char *path)
{
    return make_dirs(path, 0700);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

void ph_dir_remove(const char *path)
{
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
