/* A kernel that does what it is told: a table of tries, each with the trouble it makes. */
#include "attest/synth/synth.h"
#include "base/clock.h"
#include "base/own.h"
#include "base/test.h"
#include "tee/tsm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum trouble {
    NONE,
    BUSY_ON_WRITE,         /* EBUSY from inblob: its generation counter ran around */
    BUSY_ON_READ,          /* EBUSY from outblob: an earlier quote is still in flight */
    BLOCKED_IN_THE_MIDDLE, /* EWOULDBLOCK: an option was written after reading began */
    RACED_BEFORE_READING,  /* another writer between our write and our read of generation */
    RACED_WHILE_READING,
    REPORT_OF_ANOTHER, /* outblob over other report data, with no race to be seen */
    INTERRUPTED,
};

struct kernel {
    enum trouble script[PH_TSM_TRIES + 2]; /* by try; NONE after the end */
    const char *provider;
    const char *generation_text; /* instead of the number */
    int mkdir_error, read_error; /* errno of mkdir; of reading outblob */
    size_t quote_padding;
    bool has_aux;
    /* What happened. */
    unsigned tries, mkdirs, rmdirs, opens, closes, pauses, paused_ms;
    /* Its state. */
    uint64_t generation;
    uint8_t inblob[64];
    struct ph_buf outblob;
    int open_attribute; /* index of names; one file at a time is open */
    size_t at;
};
static const char *const names[] = {"provider", "generation", "inblob", "outblob", "auxblob"};
enum { PROVIDER, GENERATION, INBLOB, OUTBLOB, AUXBLOB };

static enum trouble trouble_of(const struct kernel *k)
{
    return k->tries > 0 ? k->script[k->tries - 1] : NONE;
}

/* A quote over `data`, by the synthetic platform. */
static void make_quote(struct kernel *k, const uint8_t data[64])
{
    static const uint8_t seed[32] = "fake kernel";
    struct ph_synth s;
    struct ph_synth_pki *pki = NULL;
    struct ph_tdx_body body;

    CHECK(ph_synth_defaults(&s, seed, 1750000000) == PH_OK);
    CHECK(ph_synth_pki_new(&s, &pki) == PH_OK);
    s.padding = k->quote_padding;
    ph_synth_tdx_body(&s, &body);
    memcpy(body.report_data, data, 64);
    ph_buf_clear(&k->outblob);
    CHECK(ph_synth_tdx_quote(&s, pki, &body, NULL, &k->outblob) == PH_OK);
    ph_synth_pki_free(pki);
}

static int k_mkdir(void *ctx, const char *path)
{
    struct kernel *k = ctx;
    CHECK(strncmp(path, "/fake/tsm/phala-", 16) == 0);
    k->mkdirs++;
    k->generation = 0;
    return -k->mkdir_error;
}
static int k_rmdir(void *ctx, const char *path)
{
    struct kernel *k = ctx;
    (void)path;
    k->rmdirs++;
    return 0;
}
static int k_open(void *ctx, const char *path, bool for_writing)
{
    struct kernel *k = ctx;
    const char *name = strrchr(path, '/') + 1;

    CHECK(k->open_attribute == -1);
    for (int i = 0; i < (int)PH_LEN(names); i++) {
        if (strcmp(name, names[i]) != 0)
            continue;
        if (i == AUXBLOB && !k->has_aux)
            return -ENOENT;
        CHECK(for_writing == (i == INBLOB));
        k->open_attribute = i;
        k->at = 0;
        k->opens++;
        return 7;
    }
    return -ENOENT;
}
static void k_close(void *ctx, int fd)
{
    struct kernel *k = ctx;
    CHECK(fd == 7 && k->open_attribute != -1);
    k->open_attribute = -1;
    k->closes++;
}
static ssize_t k_write(void *ctx, int fd, const void *buf, size_t len)
{
    struct kernel *k = ctx;

    CHECK(fd == 7 && k->open_attribute == INBLOB && len == 64);
    k->tries++;
    if (trouble_of(k) == BUSY_ON_WRITE)
        return -EBUSY;
    if (trouble_of(k) == INTERRUPTED)
        return -EINTR;
    memcpy(k->inblob, buf, 64);
    k->generation++;
    if (trouble_of(k) == RACED_BEFORE_READING) {
        k->inblob[0] ^= 1;
        k->generation++;
    }
    return 64;
}

static ssize_t give(struct kernel *k, struct ph_bytes from, void *buf, size_t len)
{
    size_t n = from.len - k->at < len ? from.len - k->at : len;
    if (n > 100 && k->at == 0)
        n = 100; /* short reads happen */
    if (n > 0)
        memcpy(buf, from.ptr + k->at, n);
    k->at += n;
    return (ssize_t)n;
}

static ssize_t read_outblob(struct kernel *k, void *buf, size_t len)
{
    if (k->read_error)
        return -k->read_error;
    if (trouble_of(k) == BUSY_ON_READ)
        return -EBUSY;
    if (trouble_of(k) == BLOCKED_IN_THE_MIDDLE && k->at > 0)
        return -EWOULDBLOCK;
    if (trouble_of(k) == RACED_WHILE_READING && k->at > 0) {
        k->generation++;
        k->script[k->tries - 1] = NONE; /* once */
    }
    if (k->at == 0) {
        uint8_t data[64];
        memcpy(data, k->inblob, 64);
        data[63] ^= trouble_of(k) == REPORT_OF_ANOTHER;
        make_quote(k, data);
    }
    return give(k, ph_buf_view(&k->outblob), buf, len);
}

static ssize_t k_read(void *ctx, int fd, void *buf, size_t len)
{
    struct kernel *k = ctx;
    char number[32];

    CHECK(fd == 7);
    switch (k->open_attribute) {
    case PROVIDER:
        return give(k, ph_bytes_str(k->provider), buf, len);
    case GENERATION:
        (void)snprintf(number, sizeof(number), "%llu\n", (unsigned long long)k->generation);
        return give(k, ph_bytes_str(k->generation_text ? k->generation_text : number), buf, len);
    case OUTBLOB:
        return read_outblob(k, buf, len);
    case AUXBLOB:
        return give(k, PH_BYTES_LIT("certificates"), buf, len);
    default:
        return -EINVAL;
    }
}
static void k_pause(void *ctx, unsigned ms)
{
    struct kernel *k = ctx;
    k->pauses++;
    k->paused_ms += ms;
}

static struct kernel kernel(void)
{
    return (struct kernel){
        .provider = "tdx_guest\n", .outblob = PH_BUF(1 << 20), .open_attribute = -1};
}

static const uint8_t report_data[64] = "what the TEE is asked to sign";
static char why[PH_TEE_WHY_LEN];

static enum ph_err report(struct kernel *k, struct ph_buf *out, struct ph_buf *aux)
{
    const struct ph_tsm_ops ops = {k_mkdir, k_rmdir, k_open, k_read, k_write, k_close, k_pause, k};
    const enum ph_err err =
        ph_tsm_report(&ops, "/fake/tsm", PH_TEE_PROVIDER_TDX, report_data, out, aux, why);
    CHECK(k->opens == k->closes && k->rmdirs == (k->mkdir_error ? 0 : 1));
    return err;
}

/* The outcome of a script; a report that comes out is the last one made. */
static enum ph_err outcome(struct kernel *k)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(PH_TEE_QUOTE_MAX);
    const enum ph_err err = report(k, &out, NULL);

    CHECK(err == PH_OK ? ph_bytes_equal(ph_buf_view(&out), ph_buf_view(&k->outblob))
                       : out.len == 0);
    ph_buf_clear(&k->outblob);
    return err;
}

TEST(a_quiet_kernel_gives_the_report_at_once)
{
    struct kernel k = kernel();
    CHECK(outcome(&k) == PH_OK && k.tries == 1 && k.pauses == 0);
}

TEST(every_race_is_tried_again)
{
    static const enum trouble all[] = {BUSY_ON_WRITE,         BUSY_ON_READ,
                                       BLOCKED_IN_THE_MIDDLE, RACED_BEFORE_READING,
                                       RACED_WHILE_READING,   INTERRUPTED};

    for (size_t i = 0; i < PH_LEN(all); i++) {
        struct kernel k = kernel();
        k.script[0] = k.script[1] = all[i];
        CHECK(outcome(&k) == PH_OK);
        CHECK(k.tries == 3 && k.pauses == 2);
    }
}

TEST(races_without_end_are_given_up_after_a_bounded_wait)
{
    static const enum trouble all[] = {BUSY_ON_READ, RACED_BEFORE_READING, BLOCKED_IN_THE_MIDDLE};

    for (size_t i = 0; i < PH_LEN(all); i++) {
        struct kernel k = kernel();
        for (size_t n = 0; n < PH_LEN(k.script); n++)
            k.script[n] = all[i];
        CHECK(outcome(&k) == PH_ERR_AGAIN);
        CHECK(k.tries == PH_TSM_TRIES && k.pauses == PH_TSM_TRIES - 1);
        CHECK(k.paused_ms < 1000 && strstr(why, "raced"));
    }
}

TEST(the_last_try_may_succeed)
{
    struct kernel k = kernel();
    for (size_t n = 0; n + 1 < PH_TSM_TRIES; n++)
        k.script[n] = RACED_BEFORE_READING;
    CHECK(outcome(&k) == PH_OK && k.tries == PH_TSM_TRIES);
}

TEST(a_report_over_other_data_is_refused)
{
    struct kernel k = kernel();
    k.script[0] = REPORT_OF_ANOTHER;
    CHECK(outcome(&k) == PH_ERR_MALFORMED && strstr(why, "report data"));
}

TEST(failures_have_their_class_and_leave_no_directory)
{
    static const struct {
        int mkdir_error, read_error;
        const char *generation;
        size_t padding;
        enum ph_err err;
    } cases[] = {
        {ENOENT, 0, NULL, 0, PH_ERR_NOT_FOUND},
        {EACCES, 0, NULL, 0, PH_ERR_IO},
        {EEXIST, 0, NULL, 0, PH_ERR_IO},
        {0, EIO, NULL, 0, PH_ERR_IO},
        {0, EFBIG, NULL, 0, PH_ERR_LIMIT},
        {0, 0, "", 0, PH_ERR_MALFORMED},
        {0, 0, "1x\n", 0, PH_ERR_MALFORMED},
        {0, 0, "-1\n", 0, PH_ERR_MALFORMED},
        {0, 0, "1111111111111111111\n", 0, PH_ERR_MALFORMED},
        {0, 0, "7\n", 0, PH_ERR_AGAIN}, /* never moves: our write was not taken */
        {0, 0, NULL, PH_TEE_QUOTE_MAX, PH_ERR_LIMIT},
        {0, 0, NULL, 3065, PH_OK},
    };

    for (size_t i = 0; i < PH_LEN(cases); i++) {
        struct kernel k = kernel();
        k.mkdir_error = cases[i].mkdir_error;
        k.read_error = cases[i].read_error;
        k.generation_text = cases[i].generation;
        k.quote_padding = cases[i].padding;
        CHECK(outcome(&k) == cases[i].err);
    }
}

TEST(certificates_come_along_where_the_kernel_has_them)
{
    for (int has = 0; has <= 1; has++) {
        struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(PH_TEE_QUOTE_MAX);
        struct ph_buf aux PH_OWNED(ph_buf_clear) = PH_BUF(PH_TSM_AUX_MAX);
        struct kernel k = kernel();
        k.has_aux = has;
        CHECK(report(&k, &out, &aux) == PH_OK);
        CHECK(ph_bytes_is(ph_buf_view(&aux), has ? "certificates" : ""));
        ph_buf_clear(&k.outblob);
    }
}

TEST(providers_are_told_apart)
{
    static const struct {
        const char *text;
        enum ph_err err;
        enum ph_tee_provider provider;
    } cases[] = {{"tdx_guest\n", PH_OK, PH_TEE_PROVIDER_TDX},
                 {"sev_guest\n", PH_OK, PH_TEE_PROVIDER_SNP},
                 {"arm_cca_guest\n", PH_ERR_UNSUPPORTED, PH_TEE_PROVIDER_NONE},
                 {"", PH_ERR_UNSUPPORTED, PH_TEE_PROVIDER_NONE}};

    for (size_t i = 0; i < PH_LEN(cases); i++) {
        struct kernel k = kernel();
        const struct ph_tsm_ops ops = {k_mkdir, k_rmdir, k_open,  k_read,
                                       k_write, k_close, k_pause, &k};
        enum ph_tee_provider got = PH_TEE_PROVIDER_NONE;
        k.provider = cases[i].text;
        CHECK(ph_tsm_probe(&ops, "/fake/tsm", &got, why) == cases[i].err);
        CHECK(got == cases[i].provider && k.mkdirs == 1 && k.rmdirs == 1);
    }
}

/* The real operations, on a directory where this test plays the kernel: it fills a new entry, and
 * counts and answers what is written. */
struct playground {
    struct ph_tsm_ops real;
    struct kernel k;
    char dir[512];
};

static void put_file(const char *dir, const char *name, struct ph_bytes data)
{
    char path[600];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "wb");
    CHECK(f && fwrite(data.ptr, 1, data.len, f) == data.len && fclose(f) == 0);
}
static int p_mkdir(void *ctx, const char *path)
{
    struct playground *p = ctx;
    const int rc = p->real.mkdir(NULL, path);
    if (rc != 0)
        return rc;
    (void)snprintf(p->dir, sizeof(p->dir), "%s", path);
    put_file(path, "provider", PH_BYTES_LIT("tdx_guest\n"));
    put_file(path, "generation", PH_BYTES_LIT("0\n"));
    put_file(path, "inblob", PH_BYTES_LIT(""));
    return 0;
}
static int p_rmdir(void *ctx, const char *path)
{
    struct playground *p = ctx;
    for (size_t i = 0; i < PH_LEN(names); i++) {
        char file[600];
        (void)snprintf(file, sizeof(file), "%s/%s", path, names[i]);
        (void)unlink(file);
    }
    return p->real.rmdir(NULL, path);
}
static int p_open(void *ctx, const char *path, bool for_writing)
{
    struct playground *p = ctx;
    return p->real.open(NULL, path, for_writing);
}
static ssize_t p_read(void *ctx, int fd, void *buf, size_t len)
{
    struct playground *p = ctx;
    return p->real.read(NULL, fd, buf, len);
}
static ssize_t p_write(void *ctx, int fd, const void *buf, size_t len)
{
    struct playground *p = ctx;
    const ssize_t n = p->real.write(NULL, fd, buf, len);
    if (n == 64) {
        make_quote(&p->k, buf);
        put_file(p->dir, "outblob", ph_buf_view(&p->k.outblob));
        put_file(p->dir, "generation", PH_BYTES_LIT("1\n"));
    }
    return n;
}
static void p_close(void *ctx, int fd)
{
    struct playground *p = ctx;
    p->real.close(NULL, fd);
}

TEST(the_real_operations_work_on_real_files)
{
    char root[] = "/tmp/phala-tsm-test-XXXXXX", missing[64];
    struct playground p = {.real = ph_tsm_ops_system(), .k = kernel()};
    const struct ph_tsm_ops ops = {p_mkdir, p_rmdir, p_open,          p_read,
                                   p_write, p_close, p.real.pause_ms, &p};
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(PH_TEE_QUOTE_MAX);
    enum ph_tee_provider provider;

    CHECK(mkdtemp(root));
    CHECK(ph_tsm_probe(&ops, root, &provider, why) == PH_OK);
    CHECK(provider == PH_TEE_PROVIDER_TDX);
    CHECK(ph_tsm_report(&ops, root, provider, report_data, &out, NULL, why) == PH_OK);
    CHECK(ph_bytes_equal(ph_buf_view(&out), ph_buf_view(&p.k.outblob)));
    CHECK(rmdir(root) == 0); /* nothing was left in it */
    ph_buf_clear(&p.k.outblob);

    (void)snprintf(missing, sizeof(missing), "%s/none", root);
    CHECK(ph_tsm_probe(&p.real, missing, &provider, why) == PH_ERR_NOT_FOUND);
    CHECK(strstr(why, "6.7"));
    const int64_t before_ns = ph_clock_mono_ns();
    p.real.pause_ms(NULL, 2);
    CHECK(ph_clock_mono_ns() - before_ns >= 2000000);
}

TEST(hardware_that_is_not_there_is_never_replaced_by_the_simulator)
{
    const struct ph_tee_config none = {0};
    const struct ph_tee_config hardware = {
        .provider = PH_TEE_PROVIDER_AUTO, .tsm_root = "/nonexistent/tsm/report", .dir = "/tmp"};
    struct ph_tee *tee = NULL;

    CHECK(ph_tee_open(&none, &tee, why) == PH_ERR_UNSUPPORTED && !tee);
    CHECK(ph_tee_open(&hardware, &tee, why) == PH_ERR_NOT_FOUND && !tee);
}

PH_TEST_MAIN(CASE(a_quiet_kernel_gives_the_report_at_once), CASE(every_race_is_tried_again),
             CASE(races_without_end_are_given_up_after_a_bounded_wait),
             CASE(the_last_try_may_succeed), CASE(a_report_over_other_data_is_refused),
             CASE(failures_have_their_class_and_leave_no_directory),
             CASE(certificates_come_along_where_the_kernel_has_them),
             CASE(providers_are_told_apart), CASE(the_real_operations_work_on_real_files),
             CASE(hardware_that_is_not_there_is_never_replaced_by_the_simulator))
