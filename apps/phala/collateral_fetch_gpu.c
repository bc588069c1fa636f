/* AMD's key distribution service ([VCEK] 57230, §4) and NVIDIA's manifest and OCSP services. */

#include "collateral_fetch.h"

#include "attest/amd/snp_report.h"
#include "base/hex.h"
#include "base/own.h"
#include "codec/base64.h"
#include "codec/der.h"
#include "crypto/hash.h"

#include <stdio.h>

enum { VEK, CHAIN, CRL, SNP_DOCS };

static void describe_snp(const struct ph_fetch *f, const struct ph_snp_need *need,
                         struct ph_doc_request r[static SNP_DOCS])
{
    const char *product = ph_snp_product_name(need->product);
    const char *key = need->is_vlek ? "vlek" : "vcek";
    char chip[2 * 64 + 1], fmc[24] = "";

    ph_hex_encode((struct ph_bytes){need->chip_id, need->chip_id_len}, chip);
    if (need->product == PH_SNP_TURIN)
        (void)snprintf(fmc, sizeof(fmc), "&fmcSPL=%u", need->tcb.fmc);
    for (size_t i = 0; i < SNP_DOCS; i++)
        r[i] = (struct ph_doc_request){
            .type = PH_DOC_DER, .ca_file = f->services.ca_file, .timeout_s = f->services.timeout_s};
    r[VEK].what = "the certificate of the report's signing key (VCEK)";
    (void)snprintf(r[VEK].url, sizeof(r[VEK].url),
                   "%s/vcek/v1/%s/%s?blSPL=%u&teeSPL=%u&snpSPL=%u&ucodeSPL=%u%s", f->services.kds,
                   product, chip, need->tcb.bootloader, need->tcb.tee, need->tcb.snp,
                   need->tcb.microcode, fmc);
    r[CHAIN].what = "AMD's certificate chain";
    (void)snprintf(r[CHAIN].url, sizeof(r[CHAIN].url), "%s/%s/v1/%s/cert_chain", f->services.kds,
                   key, product);
    r[CRL].what = "AMD's revocation list";
    (void)snprintf(r[CRL].url, sizeof(r[CRL].url), "%s/%s/v1/%s/crl", f->services.kds, key,
                   product);
}

static const char *const snp_files[SNP_DOCS] = {"vek_cert.der", "cert_chain.pem", "crl.der"};

/* A VLEK is handed out to the cloud provider alone: it comes with the evidence. */
static struct ph_bytes own_vlek(const struct ph_fetch *f)
{
    struct ph_snp_evidence e;
    enum ph_check failed;

    if (f->evidence.snp.vek_cert.len > 0)
        return f->evidence.snp.vek_cert;
    if (f->evidence.quote.len == 0 || ph_snp_report_parse(f->evidence.quote, &e, &failed) != PH_OK)
        return (struct ph_bytes){0};
    return e.cert[PH_SNP_TABLE_VLEK];
}

static bool cached_snp(const struct ph_fetch *f, const char *folder, size_t first,
                       struct ph_buf *const doc[static SNP_DOCS])
{
    char name[PH_SNP_FOLDER_LEN + 32];

    for (size_t i = first; f->cache && i < SNP_DOCS; i++) {
        (void)snprintf(name, sizeof(name), "%s/%s", folder, snp_files[i]);
        if (ph_cache_get(f->cache, name, doc[i]) != PH_OK)
            return false;
    }
    return f->cache != NULL;
}

static int download_snp(const struct ph_fetch *f, const struct ph_doc_request *r, size_t first,
                        struct ph_buf *const doc[static SNP_DOCS])
{
    for (size_t i = first; i < SNP_DOCS; i++) {
        struct ph_http_answer answer PH_OWNED(ph_http_answer_clear) = PH_HTTP_ANSWER;
        const int rc = ph_doc_fetch(f->cli, &r[i], &answer);
        if (rc != PH_EXIT_OK)
            return rc;
        doc[i]->len = 0;
        if (ph_buf_add(doc[i], ph_buf_view(&answer.body)) != PH_OK)
            return ph_fail(f->cli, "memory", NULL, NULL, "out of memory");
    }
    return PH_EXIT_OK;
}

static int check_need(const struct ph_fetch *f, const struct ph_snp_need *need,
                      struct ph_bytes vlek)
{
    if (need->is_vlek && vlek.len == 0)
        return ph_fail(
            f->cli, "vlek", NULL, "ask the cloud provider for it, and give it as --cert",
            "the report is signed by a VLEK, which AMD hands out to cloud providers only");
    if (!need->is_vlek && need->chip_id_len == 0)
        return ph_fail(f->cli, "chip-id-masked", NULL, "ask the host for the VCEK",
                       "the report hides its chip id, which AMD's service is asked by");
    return PH_EXIT_OK;
}

int ph_fetch_snp(struct ph_fetch *f, const struct ph_snp_need *need)
{
    const struct ph_bytes vlek = need->is_vlek ? own_vlek(f) : (struct ph_bytes){0};
    const size_t first = need->is_vlek ? CHAIN : VEK;
    char folder[PH_SNP_FOLDER_LEN], name[PH_SNP_FOLDER_LEN + 32];
    struct ph_doc_request r[SNP_DOCS];
    struct ph_buf *doc[SNP_DOCS];
    const char *source = "cached";
    struct ph_json_why why = {""};
    struct ph_checked checked;

    int rc = check_need(f, need, vlek);
    for (size_t i = 0; i < SNP_DOCS && rc == PH_EXIT_OK; i++) {
        doc[i] = ph_fetch_buf(f);
        rc = doc[i] ? PH_EXIT_OK : PH_EXIT_REFUSED;
    }
    if (rc != PH_EXIT_OK)
        return rc;
    describe_snp(f, need, r);
    ph_snp_need_name(need, folder);
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1 && (rc = download_snp(f, r, first, doc)) != PH_EXIT_OK)
            return rc;
        if (pass == 0 && !cached_snp(f, folder, first, doc))
            continue;
        const struct ph_snp_parts parts = {
            .vek_cert = need->is_vlek ? vlek : ph_buf_view(doc[VEK]),
            .cert_chain = ph_buf_view(doc[CHAIN]),
            .crl = ph_buf_view(doc[CRL]),
            .mr_config = f->evidence.snp.mr_config,
        };
        source = pass == 0 ? "cached" : "fetched";
        f->evidence.snp = parts;
        if (ph_check_snp(&f->by, need, &parts, &checked, &why) == PH_OK)
            break;
        if (pass == 1)
            return ph_fetch_bad(f, &r[first], &why);
    }
    for (size_t i = first; i < SNP_DOCS && rc == PH_EXIT_OK; i++) {
        (void)snprintf(name, sizeof(name), "%s/%s", folder, snp_files[i]);
        rc = ph_fetch_keep(f, name, ph_buf_view(doc[i]), r[i].url, source, &checked);
    }
    return rc;
}

/* {"rim":"<base64 of XML>",…}: what NVIDIA's service answers. */
static enum ph_err unwrap_rim(struct ph_bytes text, struct ph_buf *out, struct ph_json_why *why)
{
    json_t *doc PH_OWNED(ph_json_freep) = NULL;

    PH_TRY(ph_json_load(text, PH_COLLATERAL_DOC_MAX, &doc, why));
    const char *rim = json_string_value(json_object_get(doc, "rim"));
    out->len = 0;
    if (!rim || ph_base64_decode(ph_bytes_str(rim), out) != PH_OK)
        return ph_check_bad(PH_ERR_MALFORMED, why, "it has no member \"rim\" in base64");
    return PH_OK;
}

int ph_fetch_rim(struct ph_fetch *f, const char *id)
{
    struct ph_nvidia_parts *p = &f->evidence.nvidia;
    struct ph_doc_request r = {.what = "a reference manifest",
                               .type = PH_DOC_JSON,
                               .ca_file = f->services.ca_file,
                               .timeout_s = f->services.timeout_s};
    char name[PH_SPDM_RIM_ID_LEN + 32], what[PH_SPDM_RIM_ID_LEN + 32];
    const char *source = "cached";
    struct ph_buf *doc = ph_fetch_buf(f);
    struct ph_json_why why = {""};
    struct ph_checked checked;

    if (!doc || p->rim_cnt == PH_EVIDENCE_RIMS_MAX)
        return PH_EXIT_REFUSED;
    (void)snprintf(r.url, sizeof(r.url), "%s/v1/rim/%s", f->services.rim, id);
    (void)snprintf(what, sizeof(what), "the manifest %s", id);
    (void)snprintf(name, sizeof(name), "nvidia-rim/%s.xml", id);
    r.what = what;
    if (!f->cache || ph_cache_get(f->cache, name, doc) != PH_OK ||
        ph_check_rim(&f->by, id, ph_buf_view(doc), &checked, &why) != PH_OK) {
        struct ph_http_answer answer PH_OWNED(ph_http_answer_clear) = PH_HTTP_ANSWER;
        source = "fetched";
        const int rc = ph_doc_fetch(f->cli, &r, &answer);
        if (rc != PH_EXIT_OK)
            return rc;
        if (unwrap_rim(ph_buf_view(&answer.body), doc, &why) != PH_OK ||
            ph_check_rim(&f->by, id, ph_buf_view(doc), &checked, &why) != PH_OK)
            return ph_fetch_bad(f, &r, &why);
    }
    p->rim[p->rim_cnt++] = ph_buf_view(doc);
    return ph_fetch_keep(f, name, ph_buf_view(doc), r.url, source, &checked);
}

/* CertID ::= SEQUENCE { hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber }: RFC 6960
 * §4.1.1. SHA-384, as NVIDIA's own tools ask. */
static enum ph_err put_cert_id(const struct ph_x509 *cert, const struct ph_x509 *issuer,
                               struct ph_buf *out)
{
    struct ph_buf in PH_OWNED(ph_buf_clear) = PH_BUF(1024);
    struct ph_buf alg PH_OWNED(ph_buf_clear) = PH_BUF(64);
    /* The key without tag, length and unused bits: 04 || x || y. */
    const struct ph_bytes key = {issuer->point.ptr - 1, issuer->point.len + 1};
    uint8_t hash[PH_SHA384_LEN];

    PH_TRY(ph_der_put_oid(&alg, "2.16.840.1.101.3.4.2.2"));
    PH_TRY(ph_der_put(&alg, PH_DER_NULL, (struct ph_bytes){0}));
    PH_TRY(ph_der_put(&in, PH_DER_SEQUENCE, ph_buf_view(&alg)));
    ph_sha384(issuer->subject, hash);
    PH_TRY(ph_der_put(&in, PH_DER_OCTET_STRING, PH_BYTES_OF(hash)));
    ph_sha384(key, hash);
    PH_TRY(ph_der_put(&in, PH_DER_OCTET_STRING, PH_BYTES_OF(hash)));
    PH_TRY(ph_der_put_uint(&in, cert->serial));
    return ph_der_put(out, PH_DER_SEQUENCE, ph_buf_view(&in));
}

/* OCSPRequest { TBSRequest { requestList { Request { CertID } } } }. */
static enum ph_err put_request(const struct ph_x509 *cert, const struct ph_x509 *issuer,
                               struct ph_buf *out)
{
    struct ph_buf layer[4] = {PH_BUF(1024), PH_BUF(1024), PH_BUF(1024), PH_BUF(1024)};
    enum ph_err err = put_cert_id(cert, issuer, &layer[0]);

    for (size_t i = 1; i < PH_LEN(layer) && err == PH_OK; i++)
        err = ph_der_put(&layer[i], PH_DER_SEQUENCE, ph_buf_view(&layer[i - 1]));
    if (err == PH_OK)
        err = ph_der_put(out, PH_DER_SEQUENCE, ph_buf_view(&layer[3]));
    for (size_t i = 0; i < PH_LEN(layer); i++)
        ph_buf_clear(&layer[i]);
    return err;
}

struct ocsp_run {
    struct ph_fetch *f;
    int rc;
};

static int get_response(struct ph_fetch *f, const struct ph_x509 *cert,
                        const struct ph_x509 *issuer, const char *name)
{
    struct ph_buf body PH_OWNED(ph_buf_clear) = PH_BUF(2048);
    struct ph_doc_request r = {
        .type = PH_DOC_OCSP, .ca_file = f->services.ca_file, .timeout_s = f->services.timeout_s};
    struct ph_nvidia_parts *p = &f->evidence.nvidia;
    const char *source = "cached";
    struct ph_buf *doc = ph_fetch_buf(f);
    struct ph_json_why why = {""};
    struct ph_checked checked;
    bool revoked = false;
    char what[128];

    if (!doc || p->ocsp_cnt == PH_EVIDENCE_OCSP_MAX)
        return PH_EXIT_REFUSED;
    (void)snprintf(what, sizeof(what), "whether \"%.*s\" is revoked",
                   (int)(cert->cn.len < 64 ? cert->cn.len : 64), (const char *)cert->cn.ptr);
    (void)snprintf(r.url, sizeof(r.url), "%s", f->services.ocsp);
    r.what = what;
    if (!f->cache || ph_cache_get(f->cache, name, doc) != PH_OK ||
        ph_check_ocsp(&f->by, cert, issuer, ph_buf_view(doc), &checked, &revoked, &why) != PH_OK) {
        struct ph_http_answer answer PH_OWNED(ph_http_answer_clear) = PH_HTTP_ANSWER;
        source = "fetched";
        if (put_request(cert, issuer, &body) != PH_OK)
            return ph_fail(f->cli, "memory", NULL, NULL, "out of memory");
        r.body = ph_buf_view(&body);
        const int rc = ph_doc_fetch(f->cli, &r, &answer);
        if (rc != PH_EXIT_OK)
            return rc;
        doc->len = 0;
        if (ph_buf_add(doc, ph_buf_view(&answer.body)) != PH_OK)
            return ph_fail(f->cli, "memory", NULL, NULL, "out of memory");
        if (ph_check_ocsp(&f->by, cert, issuer, ph_buf_view(doc), &checked, &revoked, &why) !=
            PH_OK)
            return ph_fetch_bad(f, &r, &why);
    }
    p->ocsp[p->ocsp_cnt++] = ph_buf_view(doc);
    const int rc = ph_fetch_keep(f, name, ph_buf_view(doc), r.url, source, &checked);
    if (rc == PH_EXIT_OK)
        (void)json_object_set_new(json_array_get(f->items, json_array_size(f->items) - 1),
                                  "revoked", json_boolean(revoked));
    return rc;
}

static enum ph_err each_certificate(void *arg, const struct ph_x509 *cert,
                                    const struct ph_x509 *issuer, const char *name)
{
    struct ocsp_run *run = arg;
    char path[PH_OCSP_NAME_LEN + 16];

    (void)snprintf(path, sizeof(path), "nvidia-ocsp/%s", name);
    for (size_t i = 0; i < json_array_size(run->f->items); i++) {
        const json_t *item = json_array_get(run->f->items, i);
        if (strcmp(json_string_value(json_object_get(item, "name")), path) == 0)
            return PH_OK; /* devices of a kind share certificates */
    }
    run->rc = get_response(run->f, cert, issuer, path);
    return run->rc == PH_EXIT_OK ? PH_OK : PH_ERR_IO;
}

int ph_fetch_ocsp(struct ph_fetch *f)
{
    struct ocsp_run run = {f, PH_EXIT_OK};
    struct ph_json_why why = {""};

    if (ph_needs_ocsp(&f->evidence, each_certificate, &run, &why) == PH_OK)
        return PH_EXIT_OK;
    return run.rc != PH_EXIT_OK ? run.rc
                                : ph_fail(f->cli, "bad-evidence", NULL, NULL, "%s", why.text);
}
