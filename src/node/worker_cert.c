#include "node/worker_cert.h"

#include "attest/ratls.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/own.h"
#include "codec/cert_put.h"
#include "codec/der.h"
#include "node/attester.h"
#include "node/tls.h"
#include "store/file.h"
#include "tee/quote.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    RENEW_MS = 24 * 3600 * 1000,
    RETRY_MS = 60 * 1000,
    CERT_FILE_MAX = 65536,
    WISHES = 2, /* one quote for each form */
};

enum form { TCG, DSTACK };

struct ph_worker_certs {
    struct ph_buf file; /* --tls-cert; empty: none */
    struct ph_buf own;  /* made here */
    bool has_evidence;  /* `own` has it */
    /* A renewal under way. */
    bool renewing;
    enum form next;
    struct ph_attest_wish wish;
    struct ph_buf quote[WISHES];
    struct ph_timer timer;
};

static void spki_of(const struct ph_node *node, uint8_t out[static PH_CERT_SPKI_P256_LEN])
{
    ph_cert_spki_p256(ph_keyd_client_info(node->keyd)->tls_pub, out);
}

/* What the quote of a form must be over; the claims of the first are appended to `claims`. */
static enum ph_err report_data_of(const struct ph_node *node, enum form form, struct ph_buf *claims,
                                  uint8_t out[static 64])
{
    uint8_t spki[PH_CERT_SPKI_P256_LEN];

    spki_of(node, spki);
    if (form == TCG)
        return ph_ratls_claims(PH_BYTES_OF(spki), claims, out);
    ph_ratls_dstack_report_data(PH_BYTES_OF(spki), out);
    return PH_OK;
}

static enum ph_err put_octets(struct ph_bytes bytes, struct ph_buf *out)
{
    return ph_der_put(out, PH_DER_OCTET_STRING, bytes);
}

/* The certificate around two quotes: TCG's extension, dstack's quote, event log (none: what is
 * measured here is the image), and, where there is one, the cluster as app id. */
static enum ph_err put_cert(const struct ph_node *node, struct ph_bytes tcg, struct ph_bytes dstack,
                            struct ph_buf *out)
{
    const struct ph_keyd_info *info = ph_keyd_client_info(node->keyd);
    const bool snp = ph_tee_provider(node->tee) == PH_TEE_PROVIDER_SNP;
    struct ph_buf claims PH_OWNED(ph_buf_clear) = PH_BUF(PH_RATLS_CLAIMS_MAX),
                         evidence PH_OWNED(ph_buf_clear) = PH_BUF(PH_RATLS_CERTIFICATE_MAX),
                         quote PH_OWNED(ph_buf_clear) = PH_BUF(PH_RATLS_CERTIFICATE_MAX),
                         log PH_OWNED(ph_buf_clear) = PH_BUF(16),
                         app PH_OWNED(ph_buf_clear) = PH_BUF(64);
    struct ph_cert_ext ext[4];
    uint8_t unused[64];
    size_t cnt = 1;

    PH_TRY(report_data_of(node, TCG, &claims, unused));
    PH_TRY(ph_ratls_tagged_evidence(snp ? PH_EVIDENCE_SNP : PH_EVIDENCE_INTEL, tcg,
                                    ph_buf_view(&claims), &evidence));
    PH_TRY(put_octets(dstack, &quote));
    PH_TRY(put_octets(PH_BYTES_LIT("[]"), &log));
    PH_TRY(put_octets(PH_BYTES_OF(info->cluster.b), &app));
    ext[0] = (struct ph_cert_ext){PH_RATLS_OID_TAGGED_EVIDENCE, ph_buf_view(&evidence)};
    if (!snp) { /* its quotes are Intel's */
        ext[cnt++] = (struct ph_cert_ext){PH_RATLS_OID_DSTACK "1", ph_buf_view(&quote)};
        ext[cnt++] = (struct ph_cert_ext){PH_RATLS_OID_DSTACK "2", ph_buf_view(&log)};
    }
    if (info->epoch > 0)
        ext[cnt++] = (struct ph_cert_ext){PH_RATLS_OID_DSTACK "3", ph_buf_view(&app)};
    return ph_tls_self_signed(node->keyd, node->config->domain, ph_clock_wall_ms() / 1000, ext, cnt,
                              out);
}

enum ph_err ph_worker_cert_make(struct ph_node *node, struct ph_buf *out, char why[static 256])
{
    struct ph_buf quote[WISHES] = {PH_BUF(PH_TEE_QUOTE_MAX), PH_BUF(PH_TEE_QUOTE_MAX)};
    struct ph_buf claims PH_OWNED(ph_buf_clear) = PH_BUF(PH_RATLS_CLAIMS_MAX);
    enum ph_err err = PH_OK;

    for (enum form form = TCG; err == PH_OK && form <= DSTACK; form++) {
        uint8_t report_data[64];
        err = report_data_of(node, form, &claims, report_data);
        if (err == PH_OK)
            err = ph_tee_quote(node->tee, report_data, &quote[form], why);
    }
    if (err == PH_OK) {
        (void)snprintf(why, 256, "a certificate with the quotes cannot be made or signed");
        err = put_cert(node, ph_buf_view(&quote[TCG]), ph_buf_view(&quote[DSTACK]), out);
    }
    ph_buf_clear(&quote[TCG]);
    ph_buf_clear(&quote[DSTACK]);
    return err;
}

struct ph_http_tls ph_worker_certs_tls(const struct ph_node *node)
{
    const struct ph_worker_certs *c = node->certs;

    return (struct ph_http_tls){
        .cert_chain_pem = ph_buf_view(c->file.len > 0 ? &c->file : &c->own),
        .mutual_chain_pem = c->has_evidence ? ph_buf_view(&c->own) : (struct ph_bytes){0},
        .sign = ph_tls_sign,
        .ctx = node->keyd,
    };
}

enum ph_err ph_worker_certs_own(const struct ph_node *node, struct ph_buf *out)
{
    return node->certs && node->certs->has_evidence
               ? ph_buf_add(out, ph_buf_view(&node->certs->own))
               : PH_ERR_NOT_FOUND;
}

/* --- renewal ---------------------------------------------------------------------------------- */

static void renew(void *ctx);

static void again_in(struct ph_node *node, int64_t delay_ms)
{
    if (ph_timer_arm(node->loop, &node->certs->timer, delay_ms, renew, node) != PH_OK)
        ph_node_fatal(node, "out of memory for timers");
}

static void give_up(struct ph_node *node, const char *why)
{
    node->certs->renewing = false;
    ph_log(PH_LOG_WARN, "no new certificate with evidence could be made; the old one goes on",
           "why", why, NULL);
    again_in(node, RETRY_MS);
}

/* Take `fresh`; it is emptied. */
static void show(struct ph_node *node, struct ph_buf *fresh)
{
    struct ph_worker_certs *c = node->certs;
    struct ph_buf old = c->own;
    const bool had = c->has_evidence;

    c->own = *fresh;
    *fresh = (struct ph_buf){0};
    c->has_evidence = true;
    const struct ph_http_tls tls = ph_worker_certs_tls(node);
    if (ph_http_server_set_tls(node->server, &tls) != PH_OK) {
        ph_buf_clear(&c->own);
        c->own = old;
        c->has_evidence = had;
        give_up(node, "the server did not take it");
        return;
    }
    ph_buf_clear(&old);
    c->renewing = false;
    ph_log(PH_LOG_INFO, "a new certificate with evidence is shown", NULL);
    again_in(node, RENEW_MS);
}

static void ask(struct ph_node *node);

static void on_quote(void *ctx, enum ph_err err, struct ph_bytes quote, const char *why)
{
    struct ph_node *node = ctx;
    struct ph_worker_certs *c = node->certs;
    struct ph_buf fresh PH_OWNED(ph_buf_clear) = PH_BUF(CERT_FILE_MAX);

    ph_buf_clear(&c->quote[c->next]);
    c->quote[c->next] = PH_BUF(PH_TEE_QUOTE_MAX);
    if (err != PH_OK || ph_buf_add(&c->quote[c->next], quote) != PH_OK) {
        give_up(node, why[0] ? why : "the machine gave no quote");
        return;
    }
    if (c->next == TCG) {
        c->next = DSTACK;
        ask(node);
        return;
    }
    if (put_cert(node, ph_buf_view(&c->quote[TCG]), ph_buf_view(&c->quote[DSTACK]), &fresh) !=
        PH_OK)
        give_up(node, "it cannot be made or signed");
    else
        show(node, &fresh);
}

static void ask(struct ph_node *node)
{
    struct ph_worker_certs *c = node->certs;
    struct ph_buf claims PH_OWNED(ph_buf_clear) = PH_BUF(PH_RATLS_CLAIMS_MAX);

    c->wish = (struct ph_attest_wish){.quote = true, .done = on_quote, .ctx = node};
    if (report_data_of(node, c->next, &claims, c->wish.report_data) != PH_OK ||
        ph_attester_ask(node->attester, &c->wish) != PH_OK)
        give_up(node, "too many wait for evidence");
}

static void renew(void *ctx)
{
    struct ph_node *node = ctx;

    if (node->certs->renewing)
        return;
    if (!node->attester) { /* the worker waits for its keys */
        again_in(node, RETRY_MS);
        return;
    }
    node->certs->renewing = true;
    node->certs->next = TCG;
    ask(node);
}

/* --- beginning and end ------------------------------------------------------------------------ */

/* To be shown to clients, or to the worker that this one joined. */
static bool needs_certs(const struct ph_config *config)
{
    if (config->join_url)
        return true;
    for (size_t i = 0; i < config->listen_cnt; i++)
        if (config->listen[i].tls)
            return true;
    return false;
}

/* Without a quote: a plain one, so that the worker can be reached. */
static enum ph_err make_first(struct ph_node *node)
{
    struct ph_worker_certs *c = node->certs;
    char why[256] = "";

    enum ph_err err = ph_worker_cert_make(node, &c->own, why);
    c->has_evidence = err == PH_OK;
    if (err == PH_OK)
        return PH_OK;
    ph_log(PH_LOG_WARN, "the TLS certificate has no evidence inside", "why", why, NULL);
    ph_buf_clear(&c->own);
    c->own = PH_BUF(CERT_FILE_MAX);
    return ph_tls_self_signed(node->keyd, node->config->domain, ph_clock_wall_ms() / 1000, NULL, 0,
                              &c->own);
}

static enum ph_err read_file(const struct ph_node *node, struct ph_buf *out)
{
    const char *path = node->config->tls_cert_file;

    *out = PH_BUF(CERT_FILE_MAX);
    if (!path)
        return PH_OK;
    const enum ph_err err = ph_file_read(AT_FDCWD, path, out);
    if (err != PH_OK)
        ph_log(PH_LOG_ERROR, "the certificate could not be read", "file", path, "class",
               ph_err_name(err), NULL);
    return err;
}

enum ph_err ph_worker_certs_open(struct ph_node *node)
{
    if (!needs_certs(node->config))
        return PH_OK;
    node->certs = calloc(1, sizeof(*node->certs));
    if (!node->certs)
        return PH_ERR_NOMEM;
    node->certs->own = PH_BUF(CERT_FILE_MAX);
    PH_TRY(read_file(node, &node->certs->file));
    PH_TRY(make_first(node));
    return ph_timer_arm(node->loop, &node->certs->timer,
                        node->certs->has_evidence ? RENEW_MS : RETRY_MS, renew, node);
}

void ph_worker_certs_close(struct ph_node *node)
{
    struct ph_worker_certs *c = node->certs;

    if (!c)
        return;
    if (node->attester)
        ph_attester_forget(node->attester, &c->wish);
    ph_timer_cancel(node->loop, &c->timer);
    ph_buf_clear(&c->file);
    ph_buf_clear(&c->own);
    ph_buf_clear(&c->quote[TCG]);
    ph_buf_clear(&c->quote[DSTACK]);
    free(c);
    node->certs = NULL;
}

void ph_worker_certs_reload(struct ph_node *node)
{
    struct ph_worker_certs *c = node->certs;
    struct ph_buf file;

    if (!c)
        return;
    if (read_file(node, &file) == PH_OK) {
        struct ph_buf old = c->file;
        c->file = file;
        const struct ph_http_tls tls = ph_worker_certs_tls(node);
        if (ph_http_server_set_tls(node->server, &tls) != PH_OK) {
            ph_log(PH_LOG_ERROR, "the certificate in the file does not fit; the old one goes on",
                   "file", node->config->tls_cert_file, NULL);
            c->file = old;
            old = file;
        }
        ph_buf_clear(&old);
    } else {
        ph_buf_clear(&file);
    }
    ph_timer_cancel(node->loop, &c->timer);
    renew(node);
}
