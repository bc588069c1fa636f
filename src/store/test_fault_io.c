#include "store/test_fault_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EFFECTS_MAX = 4096, SECTOR = 512 };

jmp_buf fault_crash;

/* A run that ends by longjmp frees nothing: what it held is no leak of the code under test. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}

/* One change that storage may not have yet. */
struct effect {
    enum { WRITE, SIZE, CREATE, RENAME, REMOVE } kind;
    ino_t ino;      /* WRITE, SIZE */
    char name[96];  /* of the file, at that time */
    char other[96]; /* RENAME: the old name; kept copy of what was replaced or removed */
    off_t at, size; /* WRITE: where; size of the file before */
    uint8_t *old;   /* WRITE: bytes before; SIZE: bytes cut off */
    size_t len;
};
static struct {
    bool on;
    int dir_fd;
    uint64_t seed;
    unsigned cnt, crash_at, full_at, kept;
    struct effect effect[EFFECTS_MAX];
    size_t effect_cnt;
} disk;

ssize_t __real_pwrite64(int fd, const void *data, size_t len, off_t at);
ssize_t __real_write(int fd, const void *data, size_t len);
int __real_ftruncate64(int fd, off_t size);
int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __real_unlinkat(int fd, const char *name, int flags);
int __real_openat64(int fd, const char *name, int flags, ...);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t len, off_t at);
ssize_t __wrap_write(int fd, const void *data, size_t len);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_ftruncate64(int fd, off_t size);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_unlinkat(int fd, const char *name, int flags);
int __wrap_openat64(int fd, const char *name, int flags, ...);

static uint32_t below(uint32_t n)
{
    disk.seed = disk.seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(disk.seed >> 33) % n;
}

static void die(const char *what)
{
    perror(what);
    abort();
}

/* A change is about to happen: false if the disk is full. The crash comes before it. */
static bool change(void)
{
    disk.cnt++;
    if (disk.cnt == disk.crash_at)
        longjmp(fault_crash, 1);
    return disk.full_at == 0 || disk.cnt < disk.full_at;
}

static struct effect *add(int kind)
{
    if (disk.effect_cnt == EFFECTS_MAX) {
        (void)fprintf(stderr, "fault_io: too many changes without a sync\n");
        abort();
    }
    struct effect *e = &disk.effect[disk.effect_cnt++];
    memset(e, 0, sizeof(*e));
    e->kind = kind;
    return e;
}

/* Path of an open file, for undoing after its descriptor is gone. */
static void name_of(int fd, char out[static 96])
{
    char link[64], path[512];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    const ssize_t n = readlink(link, path, sizeof(path) - 1);
    if (n <= 0)
        die("fault_io: readlink");
    path[n] = '\0';
    const char *base = strrchr(path, '/');
    (void)snprintf(out, 96, "%.95s", base ? base + 1 : path);
}

/* Files of the watched directory only: standard output is written too. */
static bool is_ours(int fd)
{
    struct stat st;
    return disk.on && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static void note_write(int fd, size_t len, off_t at)
{
    struct effect *e = add(WRITE);
    struct stat st;

    if (fstat(fd, &st) != 0)
        die("fault_io: fstat");
    e->ino = st.st_ino;
    name_of(fd, e->name);
    e->at = at;
    e->size = st.st_size;
    e->len = len;
    e->old = calloc(1, len + 1);
    const int again = __real_openat64(disk.dir_fd, e->name, O_RDONLY | O_CLOEXEC);
    if (again < 0 || pread(again, e->old, len, at) < 0)
        die("fault_io: pread");
    (void)close(again);
}

ssize_t __wrap_pwrite64(int fd, const void *data, size_t len, off_t at)
{
    if (!is_ours(fd))
        return __real_pwrite64(fd, data, len, at);
    if (!change()) {
        errno = ENOSPC;
        return -1;
    }
    note_write(fd, len, at);
    return __real_pwrite64(fd, data, len, at);
}

ssize_t __wrap_write(int fd, const void *data, size_t len)
{
    if (!is_ours(fd))
        return __real_write(fd, data, len);
    if (!change()) {
        errno = ENOSPC;
        return -1;
    }
    note_write(fd, len, lseek(fd, 0, SEEK_CUR));
    return __real_write(fd, data, len);
}

int __wrap_ftruncate64(int fd, off_t size)
{
    struct stat st;

    if (!is_ours(fd))
        return __real_ftruncate64(fd, size);
    (void)change(); /* cutting needs no room */
    if (fstat(fd, &st) == 0 && st.st_size > size) {
        struct effect *e = add(SIZE);
        e->ino = st.st_ino;
        name_of(fd, e->name);
        e->at = size;
        e->size = st.st_size;
        e->len = (size_t)(st.st_size - size);
        e->old = calloc(1, e->len);
        if (pread(fd, e->old, e->len, size) < 0)
            die("fault_io: pread");
    }
    return __real_ftruncate64(fd, size);
}

static void forget(bool (*which)(const struct effect *, ino_t), ino_t ino)
{
    size_t kept = 0;
    for (size_t i = 0; i < disk.effect_cnt; i++) {
        struct effect *e = &disk.effect[i];
        if (!which(e, ino)) {
            disk.effect[kept++] = *e;
            continue;
        }
        if ((e->kind == REMOVE || e->kind == RENAME) && e->other[0])
            (void)__real_unlinkat(disk.dir_fd, e->other, 0);
        free(e->old);
    }
    disk.effect_cnt = kept;
}

static bool is_data_of(const struct effect *e, ino_t ino)
{
    return (e->kind == WRITE || e->kind == SIZE) && e->ino == ino;
}

static bool is_name(const struct effect *e, ino_t ino)
{
    (void)ino;
    return e->kind == CREATE || e->kind == RENAME || e->kind == REMOVE;
}

/* What this disk keeps is decided here: there is no need to wait for the real one, ever. */
static int sync_fd(int fd)
{
    struct stat st;

    if (!disk.on || fstat(fd, &st) != 0)
        return 0;
    (void)change();
    if (S_ISDIR(st.st_mode))
        forget(is_name, 0);
    else
        forget(is_data_of, st.st_ino);
    return 0;
}

int __wrap_fsync(int fd)
{
    return sync_fd(fd);
}

int __wrap_fdatasync(int fd)
{
    return sync_fd(fd);
}

/* Keep what a name stands for under another one, until the directory is synced. */
static void keep(const char *name, char out[static 96])
{
    (void)snprintf(out, 96, "kept.%u", disk.kept++);
    if (linkat(disk.dir_fd, name, disk.dir_fd, out, 0) != 0)
        out[0] = '\0';
}

int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    if (!disk.on)
        return __real_renameat(from_fd, from, to_fd, to);
    (void)change();
    struct effect *e = add(RENAME);
    (void)snprintf(e->name, sizeof(e->name), "%s", to);
    keep(to, e->other);
    return __real_renameat(from_fd, from, to_fd, to);
}

int __wrap_unlinkat(int fd, const char *name, int flags)
{
    if (!disk.on)
        return __real_unlinkat(fd, name, flags);
    if (faccessat(fd, name, F_OK, 0) == 0) {
        (void)change();
        struct effect *e = add(REMOVE);
        (void)snprintf(e->name, sizeof(e->name), "%s", name);
        keep(name, e->other);
    }
    return __real_unlinkat(fd, name, flags);
}

int __wrap_openat64(int fd, const char *name, int flags, ...)
{
    mode_t mode = 0;

    if (flags & O_CREAT) {
        va_list args;
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    if (!disk.on || (flags & O_CREAT) == 0 || fd != disk.dir_fd)
        return __real_openat64(fd, name, flags, mode);
    if (faccessat(fd, name, F_OK, 0) != 0) {
        if (!change()) {
            errno = ENOSPC;
            return -1;
        }
        (void)snprintf(add(CREATE)->name, 96, "%s", name);
    }
    return __real_openat64(fd, name, flags, mode);
}

void fault_begin(int dir_fd, uint64_t seed, unsigned crash_at, unsigned full_at)
{
    memset(&disk, 0, sizeof(disk));
    disk.on = true;
    disk.dir_fd = dir_fd;
    disk.seed = seed;
    disk.crash_at = crash_at;
    disk.full_at = full_at;
}

unsigned fault_count(void)
{
    return disk.cnt;
}

static void undo_data(const struct effect *e)
{
    struct stat st;
    const int fd = __real_openat64(disk.dir_fd, e->name, O_RDWR | O_CLOEXEC);

    /* The file may have another name by now, or none: then so has its content. */
    if (fd < 0)
        return;
    if (fstat(fd, &st) != 0 || st.st_ino != e->ino) {
        (void)close(fd);
        return;
    }
    size_t from = 0; /* the first sectors of a write may have made it */
    if (e->kind == WRITE && below(2))
        from = below((uint32_t)(e->len / SECTOR + 1)) * SECTOR;
    if (from < e->len && __real_pwrite64(fd, e->old + from, e->len - from, e->at + (off_t)from) < 0)
        die("fault_io: undo");
    if (e->kind == WRITE && e->size <= e->at + (off_t)from && e->size < st.st_size &&
        st.st_size == e->at + (off_t)e->len &&
        __real_ftruncate64(fd, from > 0 ? e->at + (off_t)from : e->size) != 0)
        die("fault_io: undo");
    (void)close(fd);
}

static void undo_name(const struct effect *e)
{
    if (e->kind == CREATE || (e->kind == RENAME && !e->other[0]))
        (void)__real_unlinkat(disk.dir_fd, e->name, 0);
    else if (e->other[0])
        (void)__real_renameat(disk.dir_fd, e->other, disk.dir_fd, e->name);
}

void fault_power_off(void)
{
    disk.on = false;
    while (disk.effect_cnt > 0) {
        struct effect *e = &disk.effect[--disk.effect_cnt];
        const bool undo = below(2);
        if (undo && (e->kind == WRITE || e->kind == SIZE))
            undo_data(e);
        else if (undo)
            undo_name(e);
        if (e->other[0])
            (void)__real_unlinkat(disk.dir_fd, e->other, 0);
        free(e->old);
    }
}

void fault_end(void)
{
    disk.on = false;
    for (size_t i = 0; i < disk.effect_cnt; i++) {
        if (disk.effect[i].other[0])
            (void)__real_unlinkat(disk.dir_fd, disk.effect[i].other, 0);
        free(disk.effect[i].old);
    }
    disk.effect_cnt = 0;
}
