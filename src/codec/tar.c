#include "codec/tar.h"

#include "base/own.h"
#include "codec/utf8_priv.h"

#include <stdio.h>
#include <stdlib.h>

enum { BLOCK = 512 };

/* ustar Interchange Format, table 4-14: F(field, offset, bytes). */
/* clang-format off */
#define USTAR(F)         \
    F(name,       0, 100) \
    F(mode,     100,   8) \
    F(uid,      108,   8) \
    F(gid,      116,   8) \
    F(size,     124,  12) \
    F(mtime,    136,  12) \
    F(chksum,   148,   8) \
    F(typeflag, 156,   1) \
    F(linkname, 157, 100) \
    F(magic,    257,   6) \
    F(version,  263,   2) \
    F(uname,    265,  32) \
    F(gname,    297,  32) \
    F(devmajor, 329,   8) \
    F(devminor, 337,   8) \
    F(prefix,   345, 155) \
    F(pad,      500,  12)
/* clang-format on */

#define F(field, off, len) char field[len];
struct ustar {
    USTAR(F)
};
#undef F
#define F(field, off, len) _Static_assert(offsetof(struct ustar, field) == (off), #field);
USTAR(F)
#undef F
_Static_assert(sizeof(struct ustar) == BLOCK, "a header is one block");

static bool all_zero(const void *p, size_t len)
{
    const uint8_t *at = p;

    for (size_t i = 0; i < len; i++) {
        if (at[i] != 0)
            return false;
    }
    return true;
}

/* Octal digits, then only NULs and spaces. Base-256 numbers (high bit set) are GNU's own. */
static bool read_octal(const char *field, size_t len, uint64_t *out)
{
    uint64_t n = 0;
    size_t i = 0;

    for (; i < len && field[i] >= '0' && field[i] <= '7'; i++)
        n = n << 3 | (uint64_t)(field[i] - '0');
    if (i == 0)
        return false;
    for (; i < len; i++) {
        if (field[i] != '\0' && field[i] != ' ')
            return false;
    }
    *out = n;
    return true;
}

/* Characters up to the first NUL or the field's end; after a NUL only NULs. */
static bool read_text(const char *field, size_t len, struct ph_bytes *out)
{
    const size_t n = strnlen(field, len);

    *out = (struct ph_bytes){(const uint8_t *)field, n};
    return all_zero(field + n, len - n);
}

static uint32_t checksum(const struct ustar *h)
{
    const uint8_t *p = (const uint8_t *)h;
    uint32_t sum = 0;

    for (size_t i = 0; i < BLOCK; i++)
        sum += i >= offsetof(struct ustar, chksum) && i < offsetof(struct ustar, typeflag) ? ' '
                                                                                           : p[i];
    return sum;
}

/* NULL if the path is one that tar.h accepts, else what is wrong with it. */
static const char *path_fault(struct ph_bytes path)
{
    size_t segment = 0; /* where the current one starts */

    if (path.len == 0)
        return "the path is empty";
    if (path.len > PH_TAR_PATH_MAX)
        return "the path is longer than 200 bytes";
    if (path.ptr[0] == '/')
        return "the path is absolute";
    for (size_t i = 0; i <= path.len; i++) {
        if (i == path.len || path.ptr[i] == '/') {
            const struct ph_bytes s = {path.ptr + segment, i - segment};
            if (s.len == 0)
                return "the path has an empty segment";
            if (ph_bytes_is(s, ".") || ph_bytes_is(s, ".."))
                return "the path has a \".\" or \"..\" segment";
            segment = i + 1;
        } else if (path.ptr[i] == '\\') {
            return "the path has a backslash";
        } else if (path.ptr[i] < 0x20 || path.ptr[i] == 0x7f) {
            return "the path has a control character";
        } else if (path.ptr[i] >= 0x80) {
            const size_t n = ph_utf8_len(path.ptr + i, path.len - i);
            if (n == 0)
                return "the path is not UTF-8";
            i += n - 1;
        }
    }
    return NULL;
}

/* prefix/name as one path, without judging it. */
static const char *read_path(const struct ustar *h, char path[static 300])
{
    struct ph_bytes name, prefix;

    if (!read_text(h->name, sizeof(h->name), &name) ||
        !read_text(h->prefix, sizeof(h->prefix), &prefix))
        return "there are bytes after the end of its name";
    (void)snprintf(path, 300, "%.*s%s%.*s", (int)prefix.len, prefix.ptr, prefix.len > 0 ? "/" : "",
                   (int)name.len, name.ptr);
    return NULL;
}

/* NULL if the header is one that tar.h accepts, else what is wrong with it. */
static const char *header_fault(const struct ustar *h, uint64_t *size)
{
    uint64_t sum;

    if (memcmp(h->magic, "ustar", 6) != 0 || memcmp(h->version, "00", 2) != 0)
        return "this is no POSIX ustar archive (tar --format=ustar makes one)";
    if (!read_octal(h->chksum, sizeof(h->chksum), &sum) || sum != checksum(h))
        return "the header checksum is wrong";
    if (h->typeflag[0] != '0')
        return "only regular files are accepted: no directories, links, devices or extensions";
    if (!all_zero(h->linkname, sizeof(h->linkname)))
        return "a regular file names a link target";
    if (!read_octal(h->size, sizeof(h->size), size))
        return "the size is not an octal number";
    return NULL;
}

/* Cut one file off `r`, whose header is not zero. NULL or what is wrong. */
static const char *read_file(struct ph_reader *r, struct ph_tar_file *out, char path[static 300])
{
    struct ustar h;
    struct ph_bytes padding;
    uint64_t size;

    if (!ph_read_copy(r, &h, sizeof(h)))
        return "the archive ends inside a header";
    const char *fault = header_fault(&h, &size);
    if (!fault)
        fault = read_path(&h, path);
    if (!fault)
        fault = path_fault(ph_bytes_str(path));
    if (fault)
        return fault;
    if (size > r->rest.len || !ph_read_view(r, (size_t)size, &out->data) ||
        !ph_read_view(r, (BLOCK - (size_t)size % BLOCK) % BLOCK, &padding))
        return "the file is longer than the archive";
    if (!all_zero(padding.ptr, padding.len))
        return "there are bytes in the padding after the file";
    memcpy(out->path, path, strlen(path) + 1); /* path_fault bounds it */
    return NULL;
}

static int compare_files(const void *a, const void *b)
{
    const struct ph_tar_file *x = a, *y = b;
    return strcmp(x->path, y->path);
}

/* In sorted files: a path that is there twice, or is a file and a directory. */
static const char *find_clash(const struct ph_tar *tar, char path[static 300])
{
    struct ph_tar_file dir;

    for (size_t i = 0; i < tar->file_cnt; i++) {
        (void)snprintf(path, 300, "%s", tar->files[i].path);
        if (i > 0 && strcmp(tar->files[i - 1].path, path) == 0)
            return "the path is there twice";
        memcpy(dir.path, tar->files[i].path, sizeof(dir.path));
        for (char *slash = dir.path; (slash = strchr(slash, '/')); *slash++ = '/') {
            *slash = '\0';
            if (bsearch(&dir, tar->files, tar->file_cnt, sizeof(dir), compare_files))
                return "a part of the path is itself a file";
        }
    }
    return NULL;
}

static void set_why(char why[static 128], size_t entry, const char *path, const char *fault)
{
    int n = path[0] != '\0' ? snprintf(why, 128, "entry %zu, \"%.40s\": ", entry, path)
                            : snprintf(why, 128, "entry %zu: ", entry);

    for (int i = 0; i < n; i++) {
        if ((unsigned char)why[i] < 0x20 || why[i] == 0x7f)
            why[i] = '?';
    }
    (void)snprintf(why + n, 128 - (size_t)n, "%s", fault);
}

/* Fill an empty `tar`. On failure `fault`, `entry` and `path` say why. */
static enum ph_err parse(struct ph_reader *r, struct ph_tar *tar, size_t *entry,
                         char path[static 300], const char **fault)
{
    while (r->rest.len < BLOCK || !all_zero(r->rest.ptr, BLOCK)) {
        *entry = tar->file_cnt + 1;
        path[0] = '\0';
        if (r->rest.len == 0) {
            *fault = "the archive ends without its end marker";
            return PH_ERR_MALFORMED;
        }
        if (tar->file_cnt == PH_TAR_FILES_MAX) {
            *fault = "more than 256 files";
            return PH_ERR_LIMIT;
        }
        *fault = read_file(r, &tar->files[tar->file_cnt], path);
        if (*fault)
            return PH_ERR_MALFORMED;
        tar->file_cnt++;
    }
    *entry = tar->file_cnt + 1;
    path[0] = '\0';
    /* Two zero blocks, then nothing but zeros: tar pads archives to its record size. */
    if (r->rest.len < 2 * BLOCK || r->rest.len % BLOCK != 0 ||
        !all_zero(r->rest.ptr, r->rest.len)) {
        *fault = "the end marker is incomplete, or bytes follow it";
        return PH_ERR_MALFORMED;
    }
    qsort(tar->files, tar->file_cnt, sizeof(tar->files[0]), compare_files);
    *fault = find_clash(tar, path);
    return *fault ? PH_ERR_MALFORMED : PH_OK;
}

enum ph_err ph_tar_parse(struct ph_bytes archive, struct ph_tar *out, char why[static 128])
{
    struct ph_tar *tar PH_OWNED(ph_freep) = calloc(1, sizeof(*tar));
    struct ph_reader r = {archive};
    char path[300] = "";
    const char *fault = "out of memory";
    size_t entry = 0;

    const enum ph_err err = tar ? parse(&r, tar, &entry, path, &fault) : PH_ERR_NOMEM;
    if (err != PH_OK) {
        set_why(why, entry, path, fault);
        return err;
    }
    memcpy(out, tar, sizeof(*out));
    return PH_OK;
}

/* Where to cut a path over 100 bytes into prefix and name; 0 if it fits into the name; SIZE_MAX if
 * no slash is in the right place. */
static size_t split_path(const char *path)
{
    const size_t len = strlen(path);

    if (len <= sizeof(((struct ustar *)0)->name))
        return 0;
    for (size_t i = len - 1 - sizeof(((struct ustar *)0)->name); i < len; i++) {
        if (path[i] == '/')
            return i <= sizeof(((struct ustar *)0)->prefix) ? i : SIZE_MAX;
    }
    return SIZE_MAX;
}

enum ph_err ph_tar_add(struct ph_buf *buf, const char *path, struct ph_bytes data)
{
    struct ustar h = {0};
    char digits[13];
    uint8_t *at;

    if (path_fault(ph_bytes_str(path)))
        return PH_ERR_MALFORMED;
    const size_t cut = split_path(path);
    if (cut == SIZE_MAX || data.len >= 1ull << 33)
        return PH_ERR_LIMIT;
    memcpy(h.prefix, path, cut);
    const char *name = path + cut + (cut > 0);
    memcpy(h.name, name, strlen(name));
    memcpy(h.mode, "0000644", 8);
    memcpy(h.uid, "0000000", 8);
    memcpy(h.gid, "0000000", 8);
    (void)snprintf(digits, sizeof(digits), "%011llo", (unsigned long long)data.len);
    memcpy(h.size, digits, sizeof(h.size));
    memcpy(h.mtime, "00000000000", 12);
    h.typeflag[0] = '0';
    memcpy(h.magic, "ustar", 6);
    memcpy(h.version, "00", 2);
    memcpy(h.devmajor, "0000000", 8);
    memcpy(h.devminor, "0000000", 8);
    (void)snprintf(digits, sizeof(digits), "%06o", (unsigned)checksum(&h));
    memcpy(h.chksum, digits, 7);
    h.chksum[7] = ' ';

    const size_t padding = (BLOCK - data.len % BLOCK) % BLOCK;
    PH_TRY(ph_buf_reserve(buf, BLOCK + data.len + padding, &at));
    memcpy(at, &h, BLOCK);
    if (data.len > 0)
        memcpy(at + BLOCK, data.ptr, data.len);
    memset(at + BLOCK + data.len, 0, padding);
    buf->len += BLOCK + data.len + padding;
    return PH_OK;
}

enum ph_err ph_tar_finish(struct ph_buf *buf)
{
    uint8_t *at;

    PH_TRY(ph_buf_reserve(buf, 2 * BLOCK, &at));
    memset(at, 0, 2 * BLOCK);
    buf->len += 2 * BLOCK;
    return PH_OK;
}

const struct ph_tar_file *ph_tar_find(const struct ph_tar *tar, struct ph_bytes path)
{
    for (size_t i = 0; i < tar->file_cnt; i++)
        if (ph_bytes_is(path, tar->files[i].path))
            return &tar->files[i];
    return NULL;
}
