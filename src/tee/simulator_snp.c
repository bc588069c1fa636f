#include "tee/simulator_snp.h"

#include "attest/amd/snp_chain.h"
#include "attest/amd/snp_synth.h"
#include "base/own.h"
#include "codec/base64.h"
#include "crypto/aead.h"
#include "crypto/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MARK "INSECURE-SIMULATOR"

enum { REPORT_VERSION = 3, SEED_LEN = 32, PART_MAX = 16 * 1024, FILE_MAX = 128 * 1024 };

/* Of all certificates and the list: 2020 to 2049, as the other simulator's. */
#define FROM_S INT64_C(1577836800)
#define UNTIL_S INT64_C(2524607999)

struct ph_simulator_snp {
    struct ph_synth_snp synth; /* of the seed; no authority's keys */
    struct ph_evidence_bundle *kept;
    uint8_t root[32];
};

static enum ph_err fail(char why[static PH_TEE_WHY_LEN], enum ph_err err, const char *dir,
                        const char *what)
{
    (void)snprintf(why, PH_TEE_WHY_LEN, "%.120s/" PH_SIMULATOR_SNP_FILE ": %.80s", dir, what);
    return err;
}

/* Chip and its key. */
static void settle(struct ph_synth_snp *s, const struct ph_synth_snp_keys *keys,
                   const uint8_t seed[static SEED_LEN])
{
    ph_synth_snp_defaults(s, keys, PH_SNP_MILAN, REPORT_VERSION, false, FROM_S);
    s->not_before_s = s->vek_not_before_s = s->crl_this_s = FROM_S;
    s->not_after_s = s->vek_not_after_s = s->crl_next_s = UNTIL_S;
    ph_hmac_sha256((struct ph_bytes){seed, SEED_LEN}, PH_BYTES_LIT("snp-vek"),
                   s->vek_secret + 8); /* its first bytes keep it in range */
    ph_hmac_sha256((struct ph_bytes){seed, SEED_LEN}, PH_BYTES_LIT("snp-chip"), s->hwid);
    ph_hmac_sha256((struct ph_bytes){seed, SEED_LEN}, PH_BYTES_LIT("snp-chip-2"), s->hwid + 32);
    memcpy(s->report.chip_id, s->hwid, sizeof(s->report.chip_id));
    memset(s->report.measurement, 0, sizeof(s->report.measurement));
    memcpy(s->report.measurement, MARK, sizeof(MARK) - 1);
}

static enum ph_err add_pem(enum ph_err (*make)(const struct ph_synth_snp *, struct ph_buf *),
                           const struct ph_synth_snp *s, struct ph_buf *out)
{
    struct ph_buf der PH_OWNED(ph_buf_clear) = PH_BUF(PART_MAX);

    PH_TRY(make(s, &der));
    return ph_pem_encode("CERTIFICATE", ph_buf_view(&der), out);
}

/* Everything that is kept, as a bundle; its quote is the seed. */
static enum ph_err make_bundle(const struct ph_synth_snp_keys *keys, struct ph_buf *out)
{
    struct ph_buf vek PH_OWNED(ph_buf_clear) = PH_BUF(PART_MAX);
    struct ph_buf chain PH_OWNED(ph_buf_clear) = PH_BUF(PART_MAX);
    struct ph_buf crl PH_OWNED(ph_buf_clear) = PH_BUF(PART_MAX);
    uint8_t seed[SEED_LEN];
    struct ph_synth_snp s;

    ph_random(seed, sizeof(seed));
    settle(&s, keys, seed);
    PH_TRY(ph_synth_snp_vek(&s, &vek));
    PH_TRY(add_pem(ph_synth_snp_ask, &s, &chain));
    PH_TRY(add_pem(ph_synth_snp_ark, &s, &chain));
    PH_TRY(ph_synth_snp_crl(&s, &crl));
    const struct ph_evidence kept = {.kind = PH_EVIDENCE_SNP,
                                     .quote = PH_BYTES_OF(seed),
                                     .snp = {.vek_cert = ph_buf_view(&vek),
                                             .cert_chain = ph_buf_view(&chain),
                                             .crl = ph_buf_view(&crl)}};
    return ph_evidence_encode(&kept, out);
}

static enum ph_err make_text(struct ph_buf *out)
{
    struct ph_synth_snp_keys keys;

    PH_TRY(ph_synth_snp_keys_new(&keys));
    const enum ph_err err = make_bundle(&keys, out);
    ph_synth_snp_keys_clear(&keys);
    return err;
}

static enum ph_err read_text(int dir_fd, struct ph_buf *out)
{
    int fd PH_OWNED(ph_closep) =
        openat(dir_fd, PH_SIMULATOR_SNP_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    uint8_t *at;

    if (fd < 0)
        return errno == ENOENT ? PH_ERR_NOT_FOUND : PH_ERR_IO;
    PH_TRY(ph_buf_reserve(out, FILE_MAX, &at));
    for (ssize_t n = 1; n > 0 && out->len<FILE_MAX; out->len += n> 0 ? (size_t)n : 0) {
        n = read(fd, out->ptr + out->len, FILE_MAX - out->len);
        if (n < 0 && errno != EINTR)
            return PH_ERR_IO;
    }
    return PH_OK;
}

/* Whole or not at all; one that another process made meanwhile stays. */
static enum ph_err keep_text(int dir_fd, struct ph_bytes text)
{
    char temporary[64];

    (void)snprintf(temporary, sizeof(temporary), ".snp.%d.new", (int)getpid());
    int fd PH_OWNED(ph_closep) =
        openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    const bool ok =
        fd >= 0 && write(fd, text.ptr, text.len) == (ssize_t)text.len && fsync(fd) == 0 &&
        (linkat(dir_fd, temporary, dir_fd, PH_SIMULATOR_SNP_FILE, 0) == 0 || errno == EEXIST);
    (void)unlinkat(dir_fd, temporary, 0);
    return ok ? PH_OK : PH_ERR_IO;
}

static enum ph_err load(const char *dir, struct ph_buf *text)
{
    int dir_fd PH_OWNED(ph_closep) = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct ph_buf made PH_OWNED(ph_buf_clear) = PH_BUF(FILE_MAX);

    if (dir_fd < 0)
        return PH_ERR_IO;
    const enum ph_err err = read_text(dir_fd, text);
    if (err != PH_ERR_NOT_FOUND)
        return err;
    PH_TRY(make_text(&made));
    PH_TRY(keep_text(dir_fd, ph_buf_view(&made)));
    return read_text(dir_fd, text);
}

/* What was kept is read as if it came from anywhere. */
static enum ph_err take(struct ph_simulator_snp *sim, struct ph_bytes text)
{
    struct ph_snp_chain *chain PH_OWNED(ph_snp_chain_freep) = NULL;
    struct ph_json_why why = {""};
    enum ph_check check;

    PH_TRY(ph_evidence_parse(text, &sim->kept, &why));
    const struct ph_evidence *kept = ph_evidence_view(sim->kept);
    if (kept->quote.len != SEED_LEN)
        return PH_ERR_MALFORMED;
    const struct ph_snp_chain_source source = {
        .vek = kept->snp.vek_cert, .chain = kept->snp.cert_chain, .crl = kept->snp.crl};
    PH_TRY(ph_snp_chain_new(&source, &chain, &check));
    memcpy(sim->root, chain->ark_spki_sha256, sizeof(sim->root));
    settle(&sim->synth, NULL, kept->quote.ptr);
    memcpy(sim->synth.report.host_data, sim->root, sizeof(sim->synth.report.host_data));
    return PH_OK;
}

enum ph_err ph_simulator_snp_open(const char *dir, struct ph_simulator_snp **out,
                                  char why[static PH_TEE_WHY_LEN])
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(FILE_MAX);
    struct ph_simulator_snp *sim = calloc(1, sizeof(*sim));

    if (!sim)
        return fail(why, PH_ERR_NOMEM, dir, "no memory");
    enum ph_err err = load(dir, &text);
    if (err != PH_OK)
        (void)fail(why, err, dir, "cannot be made or read");
    else {
        err = take(sim, ph_buf_view(&text));
        if (err != PH_OK)
            (void)fail(why, err, dir, "not a SEV-SNP simulator: remove it to have another made");
    }
    if (err != PH_OK) {
        ph_simulator_snp_free(sim);
        return err;
    }
    *out = sim;
    return PH_OK;
}

void ph_simulator_snp_free(struct ph_simulator_snp *sim)
{
    if (!sim)
        return;
    ph_evidence_free(sim->kept);
    ph_wipe(sim, sizeof(*sim));
    free(sim);
}

void ph_simulator_snp_root(const struct ph_simulator_snp *sim, uint8_t out[static 32])
{
    memcpy(out, sim->root, sizeof(sim->root));
}

enum ph_err ph_simulator_snp_report(const struct ph_simulator_snp *sim,
                                    const uint8_t report_data[static PH_TEE_REPORT_DATA_LEN],
                                    struct ph_buf *out)
{
    struct ph_synth_snp s = sim->synth;

    memcpy(s.report.report_data, report_data, sizeof(s.report.report_data));
    const enum ph_err err = ph_synth_snp_report(&s, out);
    ph_wipe(&s, sizeof(s));
    return err;
}

struct ph_snp_parts ph_simulator_snp_parts(const struct ph_simulator_snp *sim)
{
    return ph_evidence_view(sim->kept)->snp;
}
