#include "evidence_files.h"

#include "attest/eventlog/event_log.h"
#include "attest/evidence.h"
#include "attest/intel/collateral_key.h"
#include "base/hex.h"
#include "base/own.h"
#include "codec/base64.h"
#include "evidence_folders.h"
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

void ph_evidence_files_clear(struct ph_evidence_files *files)
{
    ph_ratls_free(files->ratls);
    ph_evidence_free(files->bundle);
    ph_evidence_free(files->collateral_bundle);
    for (size_t i = 0; i < files->buf_cnt; i++)
        ph_buf_clear(&files->buf[i]);
    *files = (struct ph_evidence_files){0};
}

enum ph_err ph_evidence_complain(enum ph_err err, const char *path, const char *what,
                                 struct ph_json_why *why)
{
    (void)snprintf(why->text, sizeof(why->text), "%.160s: %s", path, what);
    return err;
}

enum ph_err ph_evidence_file_read(const char *path, size_t max, struct ph_buf *out,
                                  struct ph_json_why *why)
{
    int fd PH_OWNED(ph_closep) = open(path, O_RDONLY | O_CLOEXEC);
    uint8_t *at;

    if (fd < 0)
        return ph_evidence_complain(errno == ENOENT ? PH_ERR_NOT_FOUND : PH_ERR_IO, path,
                                    errno == ENOENT ? "no such file" : "cannot be opened", why);
    *out = PH_BUF(max + 4096);
    for (;;) {
        if (ph_buf_reserve(out, 4096, &at) != PH_OK)
            return ph_evidence_complain(PH_ERR_LIMIT, path, "longer than evidence can be", why);
        const ssize_t n = read(fd, at, 4096);
        if (n < 0)
            return ph_evidence_complain(PH_ERR_IO, path, "cannot be read", why);
        if (n == 0)
            break;
        out->len += (size_t)n;
    }
    return out->len <= max
               ? PH_OK
               : ph_evidence_complain(PH_ERR_LIMIT, path, "longer than evidence can be", why);
}

enum ph_err ph_evidence_files_take(struct ph_evidence_files *files, const char *path, size_t max,
                                   struct ph_bytes *view, struct ph_json_why *why)
{
    if (files->buf_cnt == PH_EVIDENCE_BUFS)
        return ph_evidence_complain(PH_ERR_LIMIT, path, "too many files", why);
    struct ph_buf *buf = &files->buf[files->buf_cnt];
    *buf = PH_BUF(0);
    files->buf_cnt++;
    PH_TRY(ph_evidence_file_read(path, max, buf, why));
    *view = ph_buf_view(buf);
    return PH_OK;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct ph_bytes trim(struct ph_bytes text)
{
    while (text.len > 0 && is_space(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

/* Vendors' tools write binary evidence as hex digits or base64 too: replace such text by the bytes
 * it stands for. Anything else stays as it is. */
static enum ph_err undress(struct ph_buf *buf)
{
    const struct ph_bytes text = trim(ph_buf_view(buf));
    struct ph_buf bytes PH_OWNED(ph_buf_clear) = PH_BUF(PH_EVIDENCE_MAX);
    uint8_t *at;

    if (text.len == 0)
        return PH_OK;
    PH_TRY(ph_buf_reserve(&bytes, text.len / 2 + 1, &at));
    if (text.len % 2 == 0 && ph_hex_decode(text, at, text.len / 2) == PH_OK)
        bytes.len = text.len / 2;
    else if (ph_base64_decode(text, &bytes) != PH_OK)
        return PH_OK;
    const struct ph_buf dressed = *buf;
    *buf = bytes;
    bytes = dressed;
    return PH_OK;
}

enum ph_err ph_evidence_files_take_der(struct ph_evidence_files *files, const char *path,
                                       size_t max, struct ph_bytes *view, struct ph_json_why *why)
{
    PH_TRY(ph_evidence_files_take(files, path, max, view, why));
    struct ph_buf *buf = &files->buf[files->buf_cnt - 1];
    PH_TRY(undress(buf));
    *view = ph_buf_view(buf);
    return PH_OK;
}

static enum ph_err load_evidence(struct ph_evidence_files *files, const char *path,
                                 struct ph_json_why *why)
{
    struct ph_bytes view;

    PH_TRY(ph_evidence_files_take(files, path, PH_EVIDENCE_MAX, &view, why));
    struct ph_buf *buf = &files->buf[files->buf_cnt - 1];
    if (ph_ratls_is_certificate(view)) {
        PH_TRY(ph_ratls_open(view, &files->ratls, why));
        files->evidence = *ph_evidence_view(files->ratls->evidence);
        return PH_OK;
    }
    if (ph_evidence_detect(view) == PH_EVIDENCE_NONE)
        PH_TRY(undress(buf));
    PH_TRY(ph_evidence_open(ph_buf_view(buf), &files->bundle, why));
    files->evidence = *ph_evidence_view(files->bundle);
    const enum ph_evidence_kind kind = ph_evidence_detect(ph_buf_view(buf));
    files->is_bundle = kind == PH_EVIDENCE_BUNDLE;
    files->has_no_log = kind == PH_EVIDENCE_DSTACK &&
                        ph_evidence_quote_kind(&files->evidence) == PH_EVIDENCE_INTEL &&
                        files->evidence.event_log.len == 0;
    return PH_OK;
}

/* A file that only one kind of evidence can use is an error with others: it would be ignored. */
static enum ph_err need_kind(bool fits, const char *option, const char *kinds,
                             struct ph_json_why *why)
{
    if (fits)
        return PH_OK;
    (void)snprintf(why->text, sizeof(why->text), "%s: goes with %s only", option, kinds);
    return PH_ERR_UNSUPPORTED;
}

/* The chain of a raw report: first, because what else the report needs is told by it. */
static enum ph_err load_gpu_chain(struct ph_evidence_files *files,
                                  const struct ph_evidence_sources *from, struct ph_json_why *why)
{
    struct ph_evidence *e = &files->evidence;

    if (!from->cert || e->quote.len > 0 || e->nvidia.evidence.len == 0)
        return PH_OK;
    return ph_evidence_files_take(files, from->cert, PH_EVIDENCE_MAX, &e->nvidia.chain, why);
}

static enum ph_err load_certificates(struct ph_evidence_files *files,
                                     const struct ph_evidence_sources *from,
                                     struct ph_json_why *why)
{
    struct ph_evidence *e = &files->evidence;
    const enum ph_evidence_kind kind = ph_evidence_quote_kind(e);
    const bool amd = kind == PH_EVIDENCE_SNP || kind == PH_EVIDENCE_AZURE;
    const size_t max = PH_EVIDENCE_MAX;

    if (from->cert && e->nvidia.chain.len == 0) {
        PH_TRY(need_kind(amd, "--cert", "SEV-SNP reports and raw GPU reports", why));
        PH_TRY(ph_evidence_files_take(files, from->cert, max, &e->snp.vek_cert, why));
    }
    if (from->chain) {
        PH_TRY(need_kind(amd, "--chain", "SEV-SNP reports", why));
        PH_TRY(ph_evidence_files_take(files, from->chain, max, &e->snp.cert_chain, why));
    }
    if (from->crl) {
        PH_TRY(need_kind(amd, "--crl", "SEV-SNP reports", why));
        PH_TRY(ph_evidence_files_take_der(files, from->crl, max, &e->snp.crl, why));
    }
    return PH_OK;
}

static enum ph_err load_gpu_documents(struct ph_evidence_files *files,
                                      const struct ph_evidence_sources *from,
                                      struct ph_json_why *why)
{
    const bool gpus = files->evidence.nvidia.evidence.len > 0;

    if (from->rim) {
        PH_TRY(need_kind(gpus, "--rim", "GPUs", why));
        PH_TRY(ph_evidence_load_rims(files, from->rim, why));
    }
    if (from->ocsp) {
        PH_TRY(need_kind(gpus, "--ocsp", "GPUs", why));
        PH_TRY(ph_evidence_load_ocsp(files, from->ocsp, why));
    }
    return PH_OK;
}

enum ph_err ph_evidence_files_load(struct ph_evidence_files *files,
                                   const struct ph_evidence_sources *from, struct ph_json_why *why)
{
    PH_TRY(load_evidence(files, from->file, why));
    PH_TRY(load_gpu_chain(files, from, why));
    if (from->collateral)
        PH_TRY(ph_evidence_load_collateral(files, from->collateral, why));
    PH_TRY(load_certificates(files, from, why));
    PH_TRY(load_gpu_documents(files, from, why));
    if (from->event_log) {
        PH_TRY(ph_evidence_files_take(files, from->event_log, PH_EVENT_LOG_MAX,
                                      &files->evidence.event_log, why));
        files->evidence.event_log_rtmr3_alone = false;
        /* To the verifier an empty view is no log at all. */
        if (files->evidence.event_log.len == 0)
            return ph_evidence_complain(PH_ERR_MALFORMED, from->event_log, "an empty file", why);
    }
    return PH_OK;
}

/* [{"evidence":…,"certificate":…}]: how a raw report and its chain travel in a bundle. */
static enum ph_err wrap_report(const struct ph_nvidia_parts *p, struct ph_buf *out)
{
    PH_TRY(ph_buf_add_str(out, "[{\"evidence\":\""));
    PH_TRY(ph_base64_encode(p->evidence, out));
    PH_TRY(ph_buf_add_str(out, "\",\"certificate\":\""));
    PH_TRY(ph_base64_encode(p->chain, out));
    return ph_buf_add_str(out, "\"}]");
}

enum ph_err ph_evidence_write_bundle(const struct ph_evidence *evidence, int64_t time_s,
                                     const char *path, struct ph_json_why *why)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_EVIDENCE_MAX);
    struct ph_buf wrapped PH_OWNED(ph_buf_clear) = PH_BUF(PH_EVIDENCE_MAX);
    struct ph_evidence e = *evidence;

    e.time_s = time_s;
    if (e.nvidia.chain.len > 0) {
        if (wrap_report(&e.nvidia, &wrapped) != PH_OK)
            return ph_evidence_complain(PH_ERR_LIMIT, path, "the bundle would be too long", why);
        e.nvidia.evidence = ph_buf_view(&wrapped);
        e.nvidia.chain = (struct ph_bytes){0};
    }
    const enum ph_err err = ph_evidence_encode(&e, &text);
    if (err != PH_OK)
        return ph_evidence_complain(err, path,
                                    err == PH_ERR_MALFORMED
                                        ? "a text part of the bundle would be no UTF-8"
                                        : "the bundle would be longer than 1 MiB",
                                    why);
    return ph_file_write(path, ph_buf_view(&text), 0644) == PH_OK
               ? PH_OK
               : ph_evidence_complain(PH_ERR_IO, path, "cannot be written", why);
}
