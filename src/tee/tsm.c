#include "tee/tsm.h"

#include "attest/intel/verify.h"
#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The real operations. */

static int sys_mkdir(void *ctx, const char *path)
{
    (void)ctx;
    return mkdir(path, 0700) == 0 ? 0 : -errno;
}
static int sys_rmdir(void *ctx, const char *path)
{
    (void)ctx;
    return rmdir(path) == 0 ? 0 : -errno;
}
static int sys_open(void *ctx, const char *path, bool for_writing)
{
    (void)ctx;
    const int fd = open(path, (for_writing ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
    return fd >= 0 ? fd : -errno;
}
static ssize_t sys_read(void *ctx, int fd, void *buf, size_t len)
{
    (void)ctx;
    const ssize_t n = read(fd, buf, len);
    return n >= 0 ? n : -errno;
}
static ssize_t sys_write(void *ctx, int fd, const void *buf, size_t len)
{
    (void)ctx;
    const ssize_t n = write(fd, buf, len);
    return n >= 0 ? n : -errno;
}
static void sys_close(void *ctx, int fd)
{
    (void)ctx;
    (void)close(fd);
}
static void sys_pause_ms(void *ctx, unsigned ms)
{
    (void)ctx;
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&t, NULL);
}

struct ph_tsm_ops ph_tsm_ops_system(void)
{
    return (struct ph_tsm_ops){sys_mkdir, sys_rmdir, sys_open,     sys_read,
                               sys_write, sys_close, sys_pause_ms, NULL};
}

/* One report's directory. */
struct entry {
    const struct ph_tsm_ops *ops;
    char dir[PATH_MAX];
    char *why;
};

/* PH_ERR_AGAIN for what goes away by itself; else the sentence and a class. */
static enum ph_err failed(const struct entry *e, const char *attribute, int error)
{
    if (error == EBUSY || error == EWOULDBLOCK || error == EINTR)
        return PH_ERR_AGAIN;
    (void)snprintf(e->why, PH_TEE_WHY_LEN, "configfs-tsm: %s: %.100s", attribute, strerror(error));
    return error == ENOENT                           ? PH_ERR_NOT_FOUND
           : error == EFBIG || error == ENAMETOOLONG ? PH_ERR_LIMIT
                                                     : PH_ERR_IO;
}

/* An attribute as a whole, appended. */
static enum ph_err get(const struct entry *e, const char *attribute, struct ph_buf *out)
{
    char path[PATH_MAX + 32];
    enum ph_err err = PH_OK;

    (void)snprintf(path, sizeof(path), "%s/%s", e->dir, attribute);
    const int fd = e->ops->open(e->ops->ctx, path, false);
    if (fd < 0)
        return failed(e, attribute, -fd);
    for (;;) {
        uint8_t chunk[4096];
        const ssize_t n = e->ops->read(e->ops->ctx, fd, chunk, sizeof(chunk));
        if (n <= 0) {
            err = n < 0 ? failed(e, attribute, (int)-n) : PH_OK;
            break;
        }
        err = ph_buf_add(out, (struct ph_bytes){chunk, (size_t)n});
        if (err != PH_OK) {
            (void)snprintf(e->why, PH_TEE_WHY_LEN, "configfs-tsm: %s: longer than %zu bytes",
                           attribute, out->limit);
            break;
        }
    }
    e->ops->close(e->ops->ctx, fd);
    return err;
}

static enum ph_err get_generation(const struct entry *e, uint64_t *out)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(32);
    uint64_t v = 0;

    PH_TRY(get(e, "generation", &text));
    size_t len = text.len;
    if (len > 0 && text.ptr[len - 1] == '\n')
        len--;
    for (size_t i = 0; i < len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || i >= 18) {
            len = 0;
            break;
        }
        v = v * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    if (len == 0) {
        (void)snprintf(e->why, PH_TEE_WHY_LEN, "configfs-tsm: generation: no number");
        return PH_ERR_MALFORMED;
    }
    *out = v;
    return PH_OK;
}

static enum ph_err put_inblob(const struct entry *e,
                              const uint8_t data[static PH_TEE_REPORT_DATA_LEN])
{
    char path[PATH_MAX + 32];

    (void)snprintf(path, sizeof(path), "%s/inblob", e->dir);
    const int fd = e->ops->open(e->ops->ctx, path, true);
    if (fd < 0)
        return failed(e, "inblob", -fd);
    const ssize_t n = e->ops->write(e->ops->ctx, fd, data, PH_TEE_REPORT_DATA_LEN);
    /* A binary attribute takes effect when it is closed. */
    e->ops->close(e->ops->ctx, fd);
    if (n < 0)
        return failed(e, "inblob", (int)-n);
    return n == PH_TEE_REPORT_DATA_LEN ? PH_OK : failed(e, "inblob", EIO);
}

/* The report data a report carries: TDX [QUOTE] A.3; SNP report offset 0x50, [SNP] table 22. */
static bool is_over(enum ph_tee_provider provider, struct ph_bytes report,
                    const uint8_t want[static PH_TEE_REPORT_DATA_LEN])
{
    uint8_t got[PH_REPORT_DATA_LEN];
    struct ph_reader r = {report};
    struct ph_bytes head;

    if (provider == PH_TEE_PROVIDER_TDX) {
        if (ph_quote_peek_report_data(report, got) != PH_OK)
            return false;
    } else if (!ph_read_view(&r, 0x50, &head) || !ph_read_copy(&r, got, sizeof(got))) {
        return false;
    }
    return memcmp(got, want, sizeof(got)) == 0;
}

/* One try; PH_ERR_AGAIN: raced or busy, with whatever was read dropped. */
static enum ph_err attempt(const struct entry *e, enum ph_tee_provider provider,
                           const uint8_t report_data[static PH_TEE_REPORT_DATA_LEN],
                           struct ph_buf *report, struct ph_buf *aux)
{
    uint64_t before, written, after;

    ph_buf_clear(report);
    ph_buf_clear(aux);
    PH_TRY(get_generation(e, &before));
    PH_TRY(put_inblob(e, report_data));
    PH_TRY(get_generation(e, &written));
    if (written != before + 1)
        return PH_ERR_AGAIN;
    PH_TRY(get(e, "outblob", report));
    const enum ph_err err = get(e, "auxblob", aux);
    if (err != PH_OK && err != PH_ERR_NOT_FOUND)
        return err;
    PH_TRY(get_generation(e, &after));
    if (after != written)
        return PH_ERR_AGAIN;
    if (!is_over(provider, ph_buf_view(report), report_data)) {
        (void)snprintf(e->why, PH_TEE_WHY_LEN,
                       "configfs-tsm: outblob: not a report over the report data that was written");
        return PH_ERR_MALFORMED;
    }
    return PH_OK;
}

/* Make a directory that nobody else has. */
static enum ph_err enter(struct entry *e, const struct ph_tsm_ops *ops, const char *root, char *why)
{
    static atomic_uint serial;

    e->ops = ops;
    e->why = why;
    for (unsigned i = 0; i < PH_TSM_TRIES; i++) {
        if ((size_t)snprintf(e->dir, sizeof(e->dir), "%s/phala-%d-%u", root, (int)getpid(),
                             atomic_fetch_add(&serial, 1)) >= sizeof(e->dir))
            return failed(e, "root", ENAMETOOLONG);
        const int rc = ops->mkdir(ops->ctx, e->dir);
        if (rc == 0)
            return PH_OK;
        if (rc == -ENOENT) {
            (void)snprintf(why, PH_TEE_WHY_LEN,
                           "%.120s: no configfs-tsm here: a TEE guest with Linux 6.7 or newer and "
                           "configfs mounted is needed",
                           root);
            return PH_ERR_NOT_FOUND;
        }
        if (rc != -EEXIST)
            return failed(e, "mkdir", -rc);
    }
    return failed(e, "mkdir", EEXIST);
}

static void leave(const struct entry *e)
{
    (void)e->ops->rmdir(e->ops->ctx, e->dir);
}

enum ph_err ph_tsm_probe(const struct ph_tsm_ops *ops, const char *root, enum ph_tee_provider *out,
                         char why[static PH_TEE_WHY_LEN])
{
    struct ph_buf name PH_OWNED(ph_buf_clear) = PH_BUF(64);
    struct entry e;

    PH_TRY(enter(&e, ops, root, why));
    const enum ph_err err = get(&e, "provider", &name);
    leave(&e);
    PH_TRY(err);
    if (name.len > 0 && name.ptr[name.len - 1] == '\n')
        name.len--;
    if (ph_bytes_is(ph_buf_view(&name), "tdx_guest")) {
        *out = PH_TEE_PROVIDER_TDX;
        return PH_OK;
    }
    if (ph_bytes_is(ph_buf_view(&name), "sev_guest")) {
        *out = PH_TEE_PROVIDER_SNP;
        return PH_OK;
    }
    (void)snprintf(why, PH_TEE_WHY_LEN,
                   "configfs-tsm: provider \"%.*s\" is neither tdx_guest nor sev_guest",
                   (int)name.len, (const char *)name.ptr);
    return PH_ERR_UNSUPPORTED;
}

enum ph_err ph_tsm_report(const struct ph_tsm_ops *ops, const char *root,
                          enum ph_tee_provider provider,
                          const uint8_t report_data[static PH_TEE_REPORT_DATA_LEN],
                          struct ph_buf *out, struct ph_buf *aux, char why[static PH_TEE_WHY_LEN])
{
    struct ph_buf report PH_OWNED(ph_buf_clear) = PH_BUF(PH_TEE_QUOTE_MAX);
    struct ph_buf certs PH_OWNED(ph_buf_clear) = PH_BUF(PH_TSM_AUX_MAX);
    struct entry e;

    PH_TRY(enter(&e, ops, root, why));
    (void)snprintf(why, PH_TEE_WHY_LEN, "configfs-tsm: busy, or raced by others, %d times",
                   PH_TSM_TRIES);
    enum ph_err err = PH_ERR_AGAIN;
    for (unsigned n = 1; err == PH_ERR_AGAIN && n <= PH_TSM_TRIES; n++) {
        err = attempt(&e, provider, report_data, &report, &certs);
        if (err == PH_ERR_AGAIN && n < PH_TSM_TRIES)
            ops->pause_ms(ops->ctx, n * PH_TSM_PAUSE_MS);
    }
    leave(&e);
    PH_TRY(err);
    if (aux)
        PH_TRY(ph_buf_add(aux, ph_buf_view(&certs)));
    return ph_buf_add(out, ph_buf_view(&report));
}
