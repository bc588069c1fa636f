#include "tee/simulator.h"

#include "attest/synth/synth.h"
#include "base/clock.h"
#include "base/own.h"
#include "crypto/aead.h"
#include "crypto/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#define MARK "INSECURE-SIMULATOR"

enum { CERTS_MAX = 32 * 1024 };

/* Of all certificates, which are kept: 2020 to 2049, the last year that certificates write with two
 * digits (RFC 5280 §4.1.2.5). */
#define CERTS_FROM_S INT64_C(1577836800)
#define CERTS_UNTIL_S INT64_C(2524607999)

struct ph_simulator {
    char dir[PATH_MAX];
    uint8_t seed[32];
    struct ph_synth synth;
    struct ph_synth_pki *pki; /* NULL until first used; owned */
    int64_t from_s, renew_s;  /* the PKI serves judgements in this window */
};

static enum ph_err fail(char why[static PH_TEE_WHY_LEN], enum ph_err err, const char *path,
                        const char *what)
{
    (void)snprintf(why, PH_TEE_WHY_LEN, "%.120s: %s%s%.60s", path, what,
                   err == PH_ERR_IO ? ": " : "", err == PH_ERR_IO ? strerror(errno) : "");
    return err;
}

/* The 32 bytes, whole. */
static enum ph_err read_seed(const char *path, uint8_t seed[static 32])
{
    int fd PH_OWNED(ph_closep) = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    uint8_t raw[33];

    if (fd < 0)
        return errno == ENOENT ? PH_ERR_NOT_FOUND : PH_ERR_IO;
    const ssize_t n = read(fd, raw, sizeof(raw));
    if (n < 0)
        return PH_ERR_IO;
    if (n != 32)
        return PH_ERR_MALFORMED;
    memcpy(seed, raw, 32);
    return PH_OK;
}

/* Make a file, whole or not at all; one that another process made meanwhile stays. */
static enum ph_err make_file(const char *path, struct ph_bytes content)
{
    char temp[PATH_MAX];

    if ((size_t)snprintf(temp, sizeof(temp), "%s.%d.new", path, (int)getpid()) >= sizeof(temp)) {
        errno = ENAMETOOLONG;
        return PH_ERR_IO;
    }
    (void)unlink(temp);
    int fd PH_OWNED(ph_closep) = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return PH_ERR_IO;
    const bool ok = write(fd, content.ptr, content.len) == (ssize_t)content.len && fsync(fd) == 0 &&
                    (link(temp, path) == 0 || errno == EEXIST);
    const int saved = errno;
    (void)unlink(temp);
    errno = saved;
    return ok ? PH_OK : PH_ERR_IO;
}

static enum ph_err drop_certs(const char *dir)
{
    static const char *const names[] = {PH_SIMULATOR_PCK_FILE, PH_SIMULATOR_SIGNER_FILE};
    char path[PATH_MAX];

    for (size_t i = 0; i < PH_LEN(names); i++) {
        if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, names[i]) >= sizeof(path))
            return PH_ERR_LIMIT;
        if (unlink(path) != 0 && errno != ENOENT)
            return PH_ERR_IO;
    }
    return PH_OK;
}

static enum ph_err make_seed(const char *path)
{
    uint8_t seed[32];

    ph_random(seed, sizeof(seed));
    return make_file(path, PH_BYTES_OF(seed));
}

/* A file with certificates; PH_ERR_NOT_FOUND. */
static enum ph_err read_certs(const char *path, struct ph_buf *out)
{
    int fd PH_OWNED(ph_closep) = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    uint8_t raw[CERTS_MAX];

    if (fd < 0)
        return errno == ENOENT ? PH_ERR_NOT_FOUND : PH_ERR_IO;
    const ssize_t n = read(fd, raw, sizeof(raw));
    if (n <= 0)
        return n < 0 ? PH_ERR_IO : PH_ERR_MALFORMED;
    return ph_buf_add(out, (struct ph_bytes){raw, (size_t)n});
}

/* The certificates of a file, which gets these when it is not there. */
static enum ph_err kept_certs(const char *dir, const char *name, struct ph_bytes made,
                              struct ph_buf *out)
{
    char path[PATH_MAX];

    if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
        return PH_ERR_LIMIT;
    enum ph_err err = read_certs(path, out);
    if (err != PH_ERR_NOT_FOUND)
        return err;
    PH_TRY(make_file(path, made));
    return read_certs(path, out);
}

enum ph_err ph_simulator_open(const char *dir, struct ph_simulator **out,
                              char why[static PH_TEE_WHY_LEN])
{
    char path[PATH_MAX];

    if ((size_t)snprintf(path, sizeof(path), "%s/" PH_SIMULATOR_SEED_FILE, dir) >= sizeof(path))
        return fail(why, PH_ERR_LIMIT, dir, "path too long");
    struct ph_simulator *sim PH_OWNED(ph_freep) = calloc(1, sizeof(*sim));
    if (!sim)
        return fail(why, PH_ERR_NOMEM, dir, "no memory");
    (void)snprintf(sim->dir, sizeof(sim->dir), "%s", dir);
    enum ph_err err = read_seed(path, sim->seed);
    if (err == PH_ERR_NOT_FOUND) {
        /* Certificates of a seed that was taken away would be in the way of the new one's. */
        if (drop_certs(dir) != PH_OK || make_seed(path) != PH_OK)
            return fail(why, PH_ERR_IO, path, "cannot make the simulator's seed");
        err = read_seed(path, sim->seed);
    }
    if (err == PH_ERR_MALFORMED)
        return fail(why, err, path, "not a simulator's seed of 32 bytes: remove it");
    if (err != PH_OK)
        return fail(why, PH_ERR_IO, path, "cannot read the simulator's seed");
    *out = PH_TAKE(sim);
    return PH_OK;
}

void ph_simulator_free(struct ph_simulator *sim)
{
    if (!sim)
        return;
    ph_synth_pki_free(sim->pki);
    ph_wipe(sim, sizeof(*sim));
    free(sim);
}

/* What a chain was given once is the same after a restart, and for everybody with this seed. */
static enum ph_err keep_certs(struct ph_simulator *sim, struct ph_synth_pki *pki)
{
    struct ph_buf pck PH_OWNED(ph_buf_clear) = PH_BUF(CERTS_MAX);
    struct ph_buf signer PH_OWNED(ph_buf_clear) = PH_BUF(CERTS_MAX);

    PH_TRY(kept_certs(sim->dir, PH_SIMULATOR_PCK_FILE, ph_synth_pki_chain_pem(pki), &pck));
    PH_TRY(kept_certs(sim->dir, PH_SIMULATOR_SIGNER_FILE,
                      ph_synth_pki_parts(pki).tcb_info_chain_pem, &signer));
    return ph_synth_pki_keep_chains(pki, ph_buf_view(&pck), ph_buf_view(&signer));
}

/* Sign everything else anew for `now_s`, if what there is does not serve it. */
static enum ph_err renew(struct ph_simulator *sim, int64_t now_s)
{
    struct ph_synth synth;
    struct ph_synth_pki *pki PH_OWNED(ph_synth_pki_freep) = NULL;

    if (sim->pki && now_s >= sim->from_s && now_s < sim->renew_s)
        return PH_OK;
    PH_TRY(ph_synth_defaults(&synth, sim->seed, now_s));
    synth.organization = MARK;
    synth.not_before_s = synth.ca_not_before_s = CERTS_FROM_S;
    synth.pck_not_before_s = synth.signer_not_before_s = CERTS_FROM_S;
    synth.not_after_s = synth.ca_not_after_s = CERTS_UNTIL_S;
    synth.pck_not_after_s = synth.signer_not_after_s = CERTS_UNTIL_S;
    PH_TRY(ph_synth_pki_new(&synth, &pki));
    PH_TRY(keep_certs(sim, pki));
    ph_synth_pki_free(sim->pki);
    sim->pki = PH_TAKE(pki);
    sim->synth = synth;
    sim->from_s = synth.issue_s;
    sim->renew_s = synth.issue_s + (synth.next_update_s - synth.issue_s) / 2;
    return PH_OK;
}

enum ph_err ph_simulator_root(struct ph_simulator *sim, uint8_t xy[static 64])
{
    PH_TRY(renew(sim, ph_clock_wall_ms() / 1000));
    ph_synth_pki_root(sim->pki, xy);
    return PH_OK;
}

enum ph_err ph_simulator_quote(struct ph_simulator *sim,
                               const uint8_t report_data[static PH_TEE_REPORT_DATA_LEN],
                               int64_t now_s, struct ph_buf *out)
{
    struct ph_tdx_body body;
    uint8_t root[64];

    PH_TRY(renew(sim, now_s));
    ph_synth_pki_root(sim->pki, root);
    ph_synth_tdx_body(&sim->synth, &body);
    memcpy(body.report_data, report_data, PH_TEE_REPORT_DATA_LEN);
    memcpy(body.mr_td, MARK, sizeof(MARK) - 1);
    memcpy(body.mr_config_id, MARK, sizeof(MARK) - 1);
    /* Simulators of different roots run different images: a policy can tell them apart. */
    ph_sha256(PH_BYTES_OF(root), body.mr_owner);
    return ph_synth_tdx_quote(&sim->synth, sim->pki, &body, NULL, out);
}

struct ph_collateral_parts ph_simulator_collateral(const struct ph_simulator *sim)
{
    return ph_synth_pki_parts(sim->pki);
}
