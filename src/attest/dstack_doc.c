#include "attest/dstack_doc.h"

#include "attest/amd/snp_chain.h"
#include "attest/eventlog/event_log.h"
#include "base/hex.h"
#include "base/own.h"
#include "codec/base64.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    TOKENS_MAX = 40 * 1024, /* a whole event log may lie in it as an array */
    VM_CONFIG_MAX = 65536,
};

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static uint8_t first_of(struct ph_bytes text)
{
    size_t i = 0;

    while (i < text.len && is_space(text.ptr[i]))
        i++;
    return i < text.len ? text.ptr[i] : 0;
}

/* Hexadecimal, which 0x may precede. Appended. */
static enum ph_err read_hex(const struct ph_jdoc *json, uint32_t tok, struct ph_buf *out)
{
    struct ph_bytes hex;
    uint8_t *at;

    PH_TRY(ph_jscan_str(json, tok, &hex));
    if (hex.len % 2 != 0 || hex.len < 2)
        return PH_ERR_MALFORMED;
    if (hex.ptr[0] == '0' && (hex.ptr[1] | 0x20) == 'x')
        hex = (struct ph_bytes){hex.ptr + 2, hex.len - 2};
    if (hex.len == 0)
        return PH_ERR_MALFORMED;
    PH_TRY(ph_buf_reserve(out, hex.len / 2, &at));
    PH_TRY(ph_hex_decode(hex, at, hex.len / 2));
    out->len += hex.len / 2;
    return PH_OK;
}

enum ph_err ph_dstack_read_log(const struct ph_jdoc *json, const char *key, struct ph_buf *keep,
                               struct ph_bytes *log)
{
    const uint32_t t = ph_jscan_get(json, 0, key);
    struct ph_bytes text;

    *log = (struct ph_bytes){NULL, 0};
    if (t == 0 || json->toks[t].type == PH_JNULL)
        return PH_OK;
    if (json->toks[t].type == PH_JARRAY) {
        *log = ph_jscan_raw(json, t);
        return PH_OK;
    }
    if (ph_jscan_str(json, t, &text) == PH_OK && first_of(text) != '[') {
        PH_TRY(ph_base64_decode(text, keep));
    } else {
        PH_TRY(ph_jread_unescape(json, t, keep));
    }
    if (keep->len == 0)
        return PH_ERR_MALFORMED;
    *log = ph_buf_view(keep);
    return PH_OK;
}

static bool is_string(const struct ph_jdoc *json, const char *key)
{
    const uint32_t t = ph_jscan_get(json, 0, key);
    return t != 0 && json->toks[t].type == PH_JSTRING;
}

bool ph_dstack_has_blob(const struct ph_jdoc *json)
{
    return is_string(json, "attestation");
}

/* JSON text, or an object: then its text is `view`. Guests without one say "". */
static enum ph_err read_vm_config(const struct ph_jdoc *json, struct ph_buf *keep,
                                  struct ph_bytes *view)
{
    const uint32_t t = ph_jscan_get(json, 0, "vm_config");

    if (t == 0 || json->toks[t].type == PH_JNULL)
        return PH_OK;
    if (json->toks[t].type == PH_JOBJECT)
        *view = ph_jscan_raw(json, t);
    else {
        PH_TRY(ph_jread_unescape(json, t, keep));
        *view = ph_buf_view(keep);
    }
    return view->len <= VM_CONFIG_MAX ? PH_OK : PH_ERR_LIMIT;
}

/* Scan an object. *toks is the caller's to free in any case. */
static enum ph_err scan(struct ph_bytes text, struct ph_jtok **toks, struct ph_jdoc *out)
{
    *toks = malloc(TOKENS_MAX * sizeof(**toks));
    if (!*toks)
        return PH_ERR_NOMEM;
    PH_TRY(ph_jscan(text, *toks, TOKENS_MAX, out));
    return out->toks[0].type == PH_JOBJECT ? PH_OK : PH_ERR_MALFORMED;
}

bool ph_dstack_is_doc(struct ph_bytes bytes)
{
    struct ph_jtok *toks PH_OWNED(ph_freep) = NULL;
    struct ph_jdoc json;

    if (first_of(bytes) != '{')
        return ph_dstack_is_blob(bytes);
    return bytes.len <= PH_EVIDENCE_MAX && scan(bytes, &toks, &json) == PH_OK &&
           ph_jscan_get(&json, 0, "format") == 0 &&
           (ph_dstack_has_blob(&json) || is_string(&json, "quote"));
}

static enum ph_err bundle(const struct ph_evidence *e, struct ph_evidence_bundle **out,
                          struct ph_json_why *why)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_EVIDENCE_MAX);

    PH_TRY(ph_evidence_encode(e, &text));
    return ph_evidence_parse(ph_buf_view(&text), out, why);
}

static void certs_clear(struct ph_dstack_certs *certs)
{
    ph_buf_clear(&certs->report);
    ph_buf_clear(&certs->vek);
    ph_buf_clear(&certs->chain);
}

static enum ph_err open_blob(struct ph_bytes bytes, struct ph_evidence_bundle **out,
                             struct ph_json_why *why)
{
    struct ph_dstack_blob blob PH_OWNED(ph_dstack_blob_clear) = {0};
    struct ph_dstack_certs certs PH_OWNED(certs_clear) = {
        .report = PH_BUF(PH_SNP_EXTENDED_MAX),
        .vek = PH_BUF(PH_X509_MAX),
        .chain = PH_BUF(PH_SNP_CERTS_LEN_MAX),
    };

    PH_TRY(ph_dstack_blob_open(bytes, &blob, why));
    if (blob.cert_cnt > 0) {
        (void)snprintf(why->text, sizeof(why->text),
                       "attestation: what comes with its report is no certificate table, nor AMD's "
                       "certificates, each once");
        PH_TRY(ph_dstack_certs_sort(&blob, &certs));
    }
    const struct ph_evidence e = {
        .kind = blob.kind,
        .quote = blob.cert_cnt > 0 ? ph_buf_view(&certs.report) : blob.quote,
        .event_log_rtmr3_alone = blob.log_rtmr3 && !blob.log_whole,
        .event_log = blob.log_rtmr3 ? ph_buf_view(&blob.log) : (struct ph_bytes){0},
        .snp = {.vek_cert = ph_buf_view(&certs.vek),
                .cert_chain = ph_buf_view(&certs.chain),
                .mr_config = blob.mr_config},
        .vm_config = blob.config};
    return bundle(&e, out, why);
}

static enum ph_err open_json(const struct ph_jdoc *json, struct ph_evidence_bundle **out,
                             struct ph_json_why *why)
{
    struct ph_buf bytes PH_OWNED(ph_buf_clear) = PH_BUF(PH_DSTACK_BLOB_MAX);
    struct ph_buf keep PH_OWNED(ph_buf_clear) = PH_BUF(PH_EVENT_LOG_MAX);
    struct ph_buf config PH_OWNED(ph_buf_clear) = PH_BUF(6 * VM_CONFIG_MAX); /* escaped */
    struct ph_evidence e = {.kind = PH_EVIDENCE_INTEL};
    struct ph_bytes text;

    const uint32_t t = ph_jscan_get(json, 0, "attestation");
    if (t != 0 && json->toks[t].type != PH_JNULL) {
        (void)snprintf(why->text, sizeof(why->text), "attestation: expected hexadecimal or base64");
        PH_TRY(ph_jscan_str(json, t, &text));
        if (read_hex(json, t, &bytes) != PH_OK) {
            bytes.len = 0;
            PH_TRY(ph_base64_decode(text, &bytes));
        }
        return open_blob(ph_buf_view(&bytes), out, why);
    }
    (void)snprintf(why->text, sizeof(why->text), "quote: expected hexadecimal");
    PH_TRY(read_hex(json, ph_jscan_get(json, 0, "quote"), &bytes));
    (void)snprintf(why->text, sizeof(why->text),
                   "event_log: expected the log as JSON text or as an array");
    PH_TRY(ph_dstack_read_log(json, "event_log", &keep, &e.event_log));
    (void)snprintf(why->text, sizeof(why->text), "vm_config: expected JSON, at most 64 KiB");
    PH_TRY(read_vm_config(json, &config, &e.vm_config));
    e.quote = ph_buf_view(&bytes);
    return bundle(&e, out, why);
}

enum ph_err ph_dstack_doc_open(struct ph_bytes bytes, struct ph_evidence_bundle **out,
                               struct ph_json_why *why)
{
    struct ph_jtok *toks PH_OWNED(ph_freep) = NULL;
    struct ph_jdoc json;

    (void)snprintf(why->text, sizeof(why->text), "evidence: not a document of dstack's");
    if (bytes.len > PH_EVIDENCE_MAX)
        return PH_ERR_LIMIT;
    if (first_of(bytes) != '{')
        return open_blob(bytes, out, why);
    PH_TRY(scan(bytes, &toks, &json));
    return open_json(&json, out, why);
}
