/* What all makers share, and Intel's PCS v4: API Reference of the Intel Provisioning Certification
 * Service. */

#include "collateral_fetch.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/own.h"
#include "crypto/hash.h"

#include <stdio.h>

struct ph_buf *ph_fetch_buf(struct ph_fetch *f)
{
    if (f->kept_cnt == PH_FETCH_DOCS_MAX) {
        (void)ph_fail(f->cli, "too-many", NULL, "split the evidence",
                      "more documents than one run takes");
        return NULL;
    }
    struct ph_buf *buf = &f->kept[f->kept_cnt++];
    *buf = PH_BUF(PH_COLLATERAL_DOC_MAX);
    return buf;
}

int ph_fetch_keep(struct ph_fetch *f, const char *name, struct ph_bytes bytes, const char *from,
                  const char *source, const struct ph_checked *checked)
{
    uint8_t hash[PH_SHA256_LEN];
    char hex[2 * PH_SHA256_LEN + 1], until[21];

    ph_sha256(bytes, hash);
    ph_hex_encode(PH_BYTES_OF(hash), hex);
    ph_time_format_rfc3339(checked->valid_until_s, until);
    if (f->cache && strcmp(source, "fetched") == 0 &&
        ph_cache_put(f->cache, name, bytes, from, checked->valid_until_s) != PH_OK)
        return ph_fail(f->cli, "cache", name, "check space and permissions of the folder",
                       "the document could not be kept");
    json_t *item = json_pack("{s:s,s:s,s:s,s:s,s:s,s:b}", "name", name, "source", source, "from",
                             from, "sha256", hex, "valid_until", until, "insecure_simulator",
                             checked->insecure_simulator);
    if (!item || json_array_append_new(f->items, item) != 0)
        return ph_fail(f->cli, "memory", NULL, NULL, "out of memory");
    return PH_EXIT_OK;
}

int ph_fetch_bad(const struct ph_fetch *f, const struct ph_doc_request *r,
                 const struct ph_json_why *why)
{
    return ph_fail(f->cli, "bad-document", r->url,
                   "check the URL and the clock; nothing was kept of it",
                   "asked for %s, what came back is refused: %s", r->what, why->text);
}

/* One document of Intel's, with the chain of who issued it. */
struct intel_doc {
    const char *file, *chain_file; /* chain_file NULL: judged with `chain` as it is */
    const char *header;
    enum ph_err (*check)(const struct ph_check_by *by, const struct ph_collateral_key *key,
                         struct ph_bytes doc, struct ph_bytes chain, struct ph_checked *out,
                         struct ph_json_why *why);
    struct ph_doc_request request;
};

static enum ph_err check_root_crl(const struct ph_check_by *by, const struct ph_collateral_key *key,
                                  struct ph_bytes doc, struct ph_bytes chain,
                                  struct ph_checked *out, struct ph_json_why *why)
{
    (void)key;
    return ph_check_root_crl(by, doc, chain, out, why);
}

/* Caching services give the root's list as hex digits. */
static enum ph_err from_hex(struct ph_buf *buf)
{
    struct ph_buf bytes PH_OWNED(ph_buf_clear) = PH_BUF(buf->len / 2);
    uint8_t *at;

    if (buf->len % 2 != 0)
        return PH_OK;
    PH_TRY(ph_buf_reserve(&bytes, buf->len / 2, &at));
    if (ph_hex_decode(ph_buf_view(buf), at, buf->len / 2) == PH_OK) {
        memcpy(buf->ptr, at, buf->len / 2);
        buf->len /= 2;
    }
    return PH_OK;
}

static int download(struct ph_fetch *f, const struct intel_doc *d, struct ph_buf *doc,
                    struct ph_buf *chain)
{
    struct ph_http_answer answer PH_OWNED(ph_http_answer_clear) = PH_HTTP_ANSWER;

    int rc = ph_doc_fetch(f->cli, &d->request, &answer);
    if (rc == PH_EXIT_OK && d->header) {
        chain->len = 0;
        rc = ph_doc_chain(f->cli, &d->request, &answer, d->header, chain);
    }
    doc->len = 0;
    if (rc == PH_EXIT_OK && (ph_buf_add(doc, ph_buf_view(&answer.body)) != PH_OK ||
                             (!d->header && from_hex(doc) != PH_OK)))
        rc = ph_fail(f->cli, "memory", NULL, NULL, "out of memory");
    return rc;
}

static int get_intel(struct ph_fetch *f, const struct ph_collateral_key *key,
                     const struct intel_doc *d, struct ph_buf *doc, struct ph_buf *chain)
{
    char folder[PH_COLLATERAL_NAME_LEN], name[128], chain_name[128] = "";
    const char *source = "cached";
    struct ph_json_why why = {""};
    struct ph_checked checked;

    ph_collateral_key_name(key, folder);
    (void)snprintf(name, sizeof(name), "%s/%s", folder, d->file);
    if (d->chain_file)
        (void)snprintf(chain_name, sizeof(chain_name), "%s/%s", folder, d->chain_file);
    const bool cached =
        f->cache && ph_cache_get(f->cache, name, doc) == PH_OK &&
        (!d->chain_file || ph_cache_get(f->cache, chain_name, chain) == PH_OK) &&
        d->check(&f->by, key, ph_buf_view(doc), ph_buf_view(chain), &checked, &why) == PH_OK;
    if (!cached) {
        source = "fetched";
        const int rc = download(f, d, doc, chain);
        if (rc != PH_EXIT_OK)
            return rc;
        if (d->check(&f->by, key, ph_buf_view(doc), ph_buf_view(chain), &checked, &why) != PH_OK)
            return ph_fetch_bad(f, &d->request, &why);
    }
    int rc = ph_fetch_keep(f, name, ph_buf_view(doc), d->request.url, source, &checked);
    if (rc == PH_EXIT_OK && d->chain_file)
        rc = ph_fetch_keep(f, chain_name, ph_buf_view(chain), d->request.url, source, &checked);
    return rc;
}

static void set_url(struct intel_doc *d, const struct ph_fetch *f, const char *a, const char *b,
                    const char *c)
{
    (void)snprintf(d->request.url, sizeof(d->request.url), "%s%s%s%s", f->services.pcs, a, b, c);
    d->request.ca_file = f->services.ca_file;
    d->request.timeout_s = f->services.timeout_s;
}

enum { TCB_INFO, QE_IDENTITY, PCK_CRL, ROOT_CRL, INTEL_DOCS };

static void describe(const struct ph_fetch *f, const struct ph_collateral_key *key,
                     char what[static 96], struct intel_doc d[static INTEL_DOCS])
{
    const bool tdx = key->tee == PH_TEE_TDX;
    char fmspc[13], args[64];

    ph_hex_encode(PH_BYTES_OF(key->fmspc), fmspc);
    (void)snprintf(what, 96, "the %s TCB info of FMSPC %s", tdx ? "TDX" : "SGX", fmspc);
    d[TCB_INFO] = (struct intel_doc){"tcb_info.signed.json",
                                     "tcb_info_chain.pem",
                                     "tcb-info-issuer-chain",
                                     ph_check_tcb_info,
                                     {.what = what, .type = PH_DOC_JSON}};
    (void)snprintf(args, sizeof(args), "%s&update=%s", fmspc, f->services.update);
    set_url(&d[TCB_INFO], f, tdx ? "/tdx" : "/sgx", "/certification/v4/tcb?fmspc=", args);
    d[QE_IDENTITY] =
        (struct intel_doc){"qe_identity.signed.json",
                           "qe_identity_chain.pem",
                           "sgx-enclave-identity-issuer-chain",
                           ph_check_qe_identity,
                           {.what = "the quoting enclave's identity", .type = PH_DOC_JSON}};
    set_url(&d[QE_IDENTITY], f, tdx ? "/tdx" : "/sgx",
            "/certification/v4/qe/identity?update=", f->services.update);
    d[PCK_CRL] = (struct intel_doc){"pck_crl.der",
                                    "pck_crl_chain.pem",
                                    "sgx-pck-crl-issuer-chain",
                                    ph_check_pck_crl,
                                    {.what = "the PCK CA's revocation list", .type = PH_DOC_DER}};
    set_url(&d[PCK_CRL], f,
            "/sgx/certification/v4/pckcrl?ca=", key->platform_ca ? "platform" : "processor",
            "&encoding=der");
    d[ROOT_CRL] = (struct intel_doc){
        "root_ca_crl.der", NULL, NULL, check_root_crl, {.what = "the root CA's revocation list"}};
    set_url(&d[ROOT_CRL], f, "/sgx/certification/v4/rootcacrl", "", "");
    if (f->services.root_crl)
        (void)snprintf(d[ROOT_CRL].request.url, sizeof(d[ROOT_CRL].request.url), "%s",
                       f->services.root_crl);
}

int ph_fetch_intel(struct ph_fetch *f, const struct ph_collateral_key *key)
{
    struct ph_collateral_parts *p = &f->evidence.collateral;
    struct intel_doc d[INTEL_DOCS];
    struct ph_buf *doc[INTEL_DOCS], *chain[INTEL_DOCS];
    char what[96];

    describe(f, key, what, d);
    for (size_t i = 0; i < INTEL_DOCS; i++) {
        doc[i] = ph_fetch_buf(f);
        chain[i] = i == ROOT_CRL ? chain[TCB_INFO] : ph_fetch_buf(f);
        if (!doc[i] || !chain[i])
            return PH_EXIT_REFUSED;
        const int rc = get_intel(f, key, &d[i], doc[i], chain[i]);
        if (rc != PH_EXIT_OK)
            return rc;
    }
    p->tcb_info_json = ph_buf_view(doc[TCB_INFO]);
    p->tcb_info_chain_pem = ph_buf_view(chain[TCB_INFO]);
    p->qe_identity_json = ph_buf_view(doc[QE_IDENTITY]);
    p->qe_identity_chain_pem = ph_buf_view(chain[QE_IDENTITY]);
    p->pck_crl = ph_buf_view(doc[PCK_CRL]);
    p->root_ca_crl = ph_buf_view(doc[ROOT_CRL]);
    return PH_EXIT_OK;
}
