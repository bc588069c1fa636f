#include "attest/nvidia/evidence.h"

#include "attest/nvidia/spdm.h"
#include "base/own.h"
#include "codec/base64.h"
#include "codec/jread.h"

#include <stdlib.h>

enum { TOKENS_MAX = 4096 };

void ph_nv_evidence_free(struct ph_nv_evidence *evidence)
{
    if (!evidence)
        return;
    ph_buf_clear(&evidence->bytes);
    ph_buf_clear(&evidence->inner);
    free(evidence);
}

const char *ph_nvidia_arch_name(enum ph_nvidia_arch arch)
{
    static const char *const names[] = {"unknown", "HOPPER", "BLACKWELL", "LS10"};
    return names[arch];
}

static bool is_word(struct ph_bytes text, const char *upper)
{
    if (text.len != strlen(upper))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t c = text.ptr[i];
        if ((c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c) != (uint8_t)upper[i])
            return false;
    }
    return true;
}

enum ph_nvidia_arch ph_nvidia_arch_parse(struct ph_bytes name)
{
    for (enum ph_nvidia_arch a = PH_NVIDIA_HOPPER; a <= PH_NVIDIA_LS10; a++) {
        if (is_word(name, ph_nvidia_arch_name(a)))
            return a;
    }
    return PH_NVIDIA_UNKNOWN;
}

bool ph_nv_is_raw_report(struct ph_bytes bytes)
{
    return bytes.len > PH_SPDM_REQUEST_LEN && bytes.ptr[0] >= 0x10 && bytes.ptr[0] <= 0x1f &&
           bytes.ptr[1] == 0xe0;
}

/* Strings of `doc` in ev->bytes; the caller's bytes they stand in are `seen`, or the string itself
 * when that is NULL. */
struct source {
    const struct ph_jdoc *doc;
    struct ph_nv_evidence *ev;
    const struct ph_bytes *seen;
};

/* Append what a base64 member says to ev->bytes: of the view only the length is good until
 * `settle`. */
static enum ph_err read_base64(const struct source *in, uint32_t object, const char *key,
                               struct ph_bytes *out, struct ph_bytes *seen)
{
    const uint32_t tok = ph_jscan_get(in->doc, object, key);
    const size_t start = in->ev->bytes.len;
    struct ph_bytes text;

    if (!tok || ph_jscan_str(in->doc, tok, &text) != PH_OK || text.len == 0)
        return PH_ERR_MALFORMED;
    PH_TRY(ph_base64_decode(text, &in->ev->bytes));
    *out = (struct ph_bytes){NULL, in->ev->bytes.len - start};
    *seen = in->seen ? *in->seen : text;
    return PH_OK;
}

static enum ph_err read_stated(const struct source *in, uint32_t object, struct ph_nv_item *item)
{
    const uint32_t arch = ph_jscan_get(in->doc, object, "arch"),
                   nonce = ph_jscan_get(in->doc, object, "nonce");
    struct ph_bytes name;

    if (arch) {
        PH_TRY(ph_jscan_str(in->doc, arch, &name));
        item->arch = ph_nvidia_arch_parse(name);
        item->arch_stated = true;
    }
    if (nonce) {
        PH_TRY(ph_jscan_hex(in->doc, nonce, item->nonce, sizeof(item->nonce)));
        item->nonce_stated = true;
    }
    return PH_OK;
}

/* A list of devices; `common` is what was stated for all of them. */
static enum ph_err read_list(const struct source *in, uint32_t list,
                             const struct ph_nv_item *common)
{
    const struct ph_jdoc *doc = in->doc;

    if (doc->toks[list].type != PH_JARRAY)
        return PH_ERR_MALFORMED;
    for (uint32_t t = ph_jscan_first(list); ph_jread_in(doc, list, t); t = doc->toks[t].next) {
        if (in->ev->item_cnt == PH_NVIDIA_DEVICES_MAX)
            return PH_ERR_LIMIT;
        struct ph_nv_item *item = &in->ev->item[in->ev->item_cnt++];
        if (doc->toks[t].type != PH_JOBJECT)
            return PH_ERR_MALFORMED;
        *item = *common;
        PH_TRY(read_stated(in, t, item));
        PH_TRY(read_base64(in, t, "evidence", &item->report, &item->seen_report));
        PH_TRY(read_base64(in, t, "certificate", &item->chain_pem, &item->seen_chain));
    }
    return in->ev->item_cnt > 0 ? PH_OK : PH_ERR_NOT_FOUND;
}

/* An array, or an object with an evidence_list. PH_ERR_CLOSED: an object without one. */
static enum ph_err read_devices(const struct source *in, uint32_t tok)
{
    struct ph_nv_item common = {0};

    if (in->doc->toks[tok].type != PH_JOBJECT)
        return read_list(in, tok, &common);
    const uint32_t list = ph_jscan_get(in->doc, tok, "evidence_list");
    if (!list)
        return PH_ERR_CLOSED;
    PH_TRY(read_stated(in, tok, &common));
    return read_list(in, list, &common);
}

static enum ph_err read_payload(const struct ph_jdoc *doc, struct ph_nv_evidence *ev)
{
    const uint32_t payload = ph_jscan_get(doc, 0, "nvidia_payload");
    struct ph_jtok *toks PH_OWNED(ph_freep) = NULL;
    struct ph_json_why why; /* a caller of the verifier gets a verdict, not this */
    struct ph_jdoc inner;

    if (!payload)
        return PH_ERR_MALFORMED;
    if (doc->toks[payload].type != PH_JSTRING)
        return read_devices(&(struct source){doc, ev, NULL}, payload);
    const struct ph_bytes seen = ph_jscan_raw(doc, payload);
    PH_TRY(ph_jread_unescape(doc, payload, &ev->inner));
    toks = calloc(TOKENS_MAX, sizeof(*toks));
    if (!toks)
        return PH_ERR_NOMEM;
    PH_TRY(
        ph_jread_open(ph_buf_view(&ev->inner), PH_NV_EVIDENCE_MAX, toks, TOKENS_MAX, &inner, &why));
    return read_devices(&(struct source){&inner, ev, &seen}, 0);
}

/* The buffer no longer moves: views into it are good. */
static void settle(struct ph_nv_evidence *ev)
{
    const uint8_t *at = ev->bytes.ptr;
    for (size_t i = 0; i < ev->item_cnt; i++) {
        ev->item[i].report.ptr = at;
        at += ev->item[i].report.len;
        ev->item[i].chain_pem.ptr = at;
        at += ev->item[i].chain_pem.len;
    }
}

static enum ph_err read_json(struct ph_bytes bytes, struct ph_nv_evidence *ev)
{
    struct ph_jtok *toks PH_OWNED(ph_freep) = calloc(TOKENS_MAX, sizeof(*toks));
    struct ph_json_why why;
    struct ph_jdoc doc;

    if (!toks)
        return PH_ERR_NOMEM;
    PH_TRY(ph_jread_open(bytes, PH_NV_EVIDENCE_MAX, toks, TOKENS_MAX, &doc, &why));
    enum ph_err err = read_devices(&(struct source){&doc, ev, NULL}, 0);
    if (err == PH_ERR_CLOSED)
        err = read_payload(&doc, ev);
    if (err == PH_OK)
        settle(ev);
    return err == PH_ERR_CLOSED ? PH_ERR_MALFORMED : err;
}

enum ph_err ph_nv_evidence_open(struct ph_bytes bytes, struct ph_bytes chain_pem,
                                struct ph_nv_evidence **out)
{
    struct ph_nv_evidence *ev PH_OWNED(ph_nv_evidence_freep) = calloc(1, sizeof(*ev));

    if (!ev)
        return PH_ERR_NOMEM;
    if (bytes.len > PH_NV_EVIDENCE_MAX)
        return PH_ERR_LIMIT;
    ev->bytes = PH_BUF(PH_NV_EVIDENCE_MAX);
    ev->inner = PH_BUF(PH_NV_EVIDENCE_MAX);
    if (ph_nv_is_raw_report(bytes)) {
        ev->item[0] = (struct ph_nv_item){
            .report = bytes, .chain_pem = chain_pem, .seen_report = bytes, .seen_chain = chain_pem};
        ev->item_cnt = 1;
    } else {
        if (chain_pem.len > 0)
            return PH_ERR_MALFORMED;
        PH_TRY(read_json(bytes, ev));
    }
    *out = PH_TAKE(ev);
    return PH_OK;
}
