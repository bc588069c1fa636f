#ifndef PH_TEE_TSM_H
#define PH_TEE_TSM_H

/* The kernel's configfs-tsm report interface (Linux 6.7), one report at a time:
 *
 *   mkdir ROOT/NAME; read generation; write inblob (64 bytes); read generation, outblob, auxblob,
 *   generation; rmdir ROOT/NAME
 *
 * Each write of an attribute raises `generation` by one. A report is taken only if exactly our one
 * write lies before it and none beside it; else somebody raced us and it is tried again, as after
 * EBUSY and EWOULDBLOCK, at most PH_TSM_TRIES times.
 *
 * Layer: tee. Spec: Documentation/ABI/testing/configfs-tsm-report. Tests: tsm_test.c.
 */

#include "base/bytes.h"
#include "tee/quote.h"

#include <sys/types.h>

enum {
    PH_TSM_TRIES = 8,
    PH_TSM_PAUSE_MS = 20, /* after try n: n times as long */
    PH_TSM_AUX_MAX = 64 * 1024,
};

/* The operating system, as far as this protocol needs it; so that a test can script what a kernel
 * does. Each gives a negative errno on failure. */
struct ph_tsm_ops {
    int (*mkdir)(void *ctx, const char *path);
    int (*rmdir)(void *ctx, const char *path);
    int (*open)(void *ctx, const char *path, bool for_writing);
    ssize_t (*read)(void *ctx, int fd, void *buf, size_t len);
    ssize_t (*write)(void *ctx, int fd, const void *buf, size_t len);
    void (*close)(void *ctx, int fd);
    void (*pause_ms)(void *ctx, unsigned ms);
    void *ctx;
};
/* The real ones. */
struct ph_tsm_ops ph_tsm_ops_system(void);

/* Which provider answers under `root`. PH_ERR_NOT_FOUND: no such interface; PH_ERR_UNSUPPORTED: a
 * provider other than tdx_guest and sev_guest; PH_ERR_IO. */
PH_CHECKED enum ph_err ph_tsm_probe(const struct ph_tsm_ops *ops, const char *root,
                                    enum ph_tee_provider *out, char why[static PH_TEE_WHY_LEN]);

/**
 * One report.
 *
 * @out  the report or quote, appended; at most PH_TEE_QUOTE_MAX
 * @aux  auxblob, appended: SNP's certificates; nothing where the kernel has none. May be NULL.
 *
 * Returns PH_ERR_AGAIN      raced or busy PH_TSM_TRIES times
 *         PH_ERR_LIMIT      longer than its limit
 *         PH_ERR_MALFORMED  generation is no number, or the report is not over this report data
 *         PH_ERR_NOT_FOUND, PH_ERR_IO, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_tsm_report(const struct ph_tsm_ops *ops, const char *root,
                                     enum ph_tee_provider provider,
                                     const uint8_t report_data[static PH_TEE_REPORT_DATA_LEN],
                                     struct ph_buf *out, struct ph_buf *aux,
                                     char why[static PH_TEE_WHY_LEN]);

#endif
