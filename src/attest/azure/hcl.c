#include "attest/azure/hcl.h"

#include "base/own.h"
#include "codec/base64.h"
#include "codec/jscan.h"
#include "crypto/hash.h"

#include <stdio.h>

enum {
    REPORT_AREA = 1184,     /* room for the largest report */
    RUNTIME_AT = 1236,      /* bytes before the runtime data */
    RUNTIME_HEADER = 20,    /* bytes of its header */
    SNP_REPORT_DATA = 0x50, /* offset in the report */
    TD_REPORT_DATA = 128,   /* offset in REPORTMACSTRUCT */
    TYPE_SNP = 2,
    TYPE_TDX = 4,
    HASH_SHA256 = 1,
    MODULUS_MIN = 256, /* bytes: RSA-2048 */
    TOKENS_MAX = 512,  /* a few keys and settings */
};

static enum ph_err bad(char *why, enum ph_err err, const char *what)
{
    (void)snprintf(why, 128, "%s", what);
    return err;
}

static bool all_zero(struct ph_bytes b)
{
    for (size_t i = 0; i < b.len; i++) {
        if (b.ptr[i] != 0)
            return false;
    }
    return true;
}

struct header {
    struct ph_bytes magic, reserved;
    uint32_t version, size, request, status;
};
struct runtime_header {
    uint32_t size, version, type, hash, len;
};

static bool read_header(struct ph_reader *r, struct header *h)
{
    return ph_read_view(r, 4, &h->magic) && ph_read_u32le(r, &h->version) &&
           ph_read_u32le(r, &h->size) && ph_read_u32le(r, &h->request) &&
           ph_read_u32le(r, &h->status) && ph_read_view(r, 12, &h->reserved);
}

static bool read_runtime_header(struct ph_reader *r, struct runtime_header *h)
{
    return ph_read_u32le(r, &h->size) && ph_read_u32le(r, &h->version) &&
           ph_read_u32le(r, &h->type) && ph_read_u32le(r, &h->hash) && ph_read_u32le(r, &h->len);
}

/* The report inside its area, which is as long as the longest kind. */
static enum ph_err take_report(struct ph_bytes area, uint32_t type, struct ph_hcl *out, char *why)
{
    const bool snp = type == TYPE_SNP;
    const size_t len = snp ? PH_HCL_SNP_LEN : PH_HCL_TDREPORT_LEN;

    if (!snp && type != TYPE_TDX)
        return bad(why, PH_ERR_UNSUPPORTED, "the report is neither SEV-SNP's nor TDX's");
    if (!all_zero((struct ph_bytes){area.ptr + len, area.len - len}))
        return bad(why, PH_ERR_MALFORMED, "the space after the report is not zero");
    out->kind = snp ? PH_HCL_SNP : PH_HCL_TDX;
    out->report = (struct ph_bytes){area.ptr, len};
    out->report_data = area.ptr + (snp ? SNP_REPORT_DATA : TD_REPORT_DATA);
    return PH_OK;
}

static enum ph_err scan_runtime(struct ph_bytes text, struct ph_jtok *toks, struct ph_jdoc *out)
{
    PH_TRY(ph_jscan(text, toks, TOKENS_MAX, out));
    return toks[0].type == PH_JOBJECT ? PH_OK : PH_ERR_MALFORMED;
}

enum ph_err ph_hcl_parse(struct ph_bytes blob, struct ph_hcl *out, char why[static 128])
{
    struct ph_reader r = {blob};
    struct header h;
    struct runtime_header rh;
    struct ph_bytes area;
    struct ph_hcl hcl = {PH_HCL_NONE, {0}, {0}, NULL};
    struct ph_jtok toks[TOKENS_MAX] PH_NO_INIT;
    struct ph_jdoc doc;

    if (blob.len > PH_HCL_MAX)
        return bad(why, PH_ERR_LIMIT, "longer than 64 KiB");
    if (!read_header(&r, &h) || !ph_read_view(&r, REPORT_AREA, &area) ||
        !read_runtime_header(&r, &rh))
        return bad(why, PH_ERR_MALFORMED, "the blob ends inside its headers");
    if (!ph_bytes_equal(h.magic, PH_BYTES_LIT("HCLA")))
        return bad(why, PH_ERR_MALFORMED, "the blob does not start with HCLA");
    if (h.version < 1 || h.version > 2 || rh.version < 1 || rh.version > 2)
        return bad(why, PH_ERR_UNSUPPORTED, "the version is neither 1 nor 2");
    if (h.status != 0 || !all_zero(h.reserved))
        return bad(why, PH_ERR_MALFORMED, "the header reports an error, or is not zero at its end");
    if (rh.hash != HASH_SHA256)
        return bad(why, PH_ERR_UNSUPPORTED, "the runtime data is not bound by SHA-256");
    if (!ph_read_view(&r, rh.len, &hcl.runtime))
        return bad(why, PH_ERR_MALFORMED, "the blob ends inside the runtime data");
    /* rh.len is at most 64 KiB here: no overflow below. */
    if (rh.size != RUNTIME_HEADER + rh.len || h.size != RUNTIME_AT + rh.len)
        return bad(why, PH_ERR_MALFORMED, "the lengths in the two headers do not add up");
    if (!all_zero(r.rest))
        return bad(why, PH_ERR_MALFORMED, "what follows the runtime data is not zero");
    PH_TRY(take_report(area, rh.type, &hcl, why));
    if (scan_runtime(hcl.runtime, toks, &doc) != PH_OK)
        return bad(why, PH_ERR_MALFORMED, "the runtime data is no strict JSON object");
    *out = hcl;
    return PH_OK;
}

enum ph_err ph_hcl_check_binding(const struct ph_hcl *hcl, const uint8_t report_data[static 64])
{
    uint8_t want[64] = {0};

    ph_sha256(hcl->runtime, want);
    return memcmp(want, report_data, sizeof(want)) == 0 ? PH_OK : PH_ERR_UNTRUSTED;
}

/* A base64url member, into at most `max` bytes. One that is missing is token 0, the document, which
 * is no string; so below. */
static enum ph_err read_base64url(const struct ph_jdoc *doc, uint32_t object, const char *key,
                                  uint8_t *out, size_t max, size_t *len)
{
    struct ph_buf bytes PH_OWNED(ph_buf_clear) = PH_BUF(max);
    const uint32_t t = ph_jscan_get(doc, object, key);
    struct ph_bytes text;

    if (ph_jscan_str(doc, t, &text) != PH_OK)
        return PH_ERR_MALFORMED;
    const enum ph_err err = ph_base64url_decode(text, &bytes);
    if (err == PH_ERR_NOMEM)
        return err;
    if (err != PH_OK || bytes.len == 0)
        return PH_ERR_MALFORMED;
    memcpy(out, bytes.ptr, bytes.len);
    *len = bytes.len;
    return PH_OK;
}

static enum ph_err read_key(const struct ph_jdoc *doc, uint32_t object, struct ph_hcl_key *out)
{
    const uint32_t kty = ph_jscan_get(doc, object, "kty");
    struct ph_hcl_key key = {.e = 0};
    struct ph_bytes text;
    uint8_t e[4];
    size_t e_len;

    if (ph_jscan_str(doc, kty, &text) != PH_OK || !ph_bytes_is(text, "RSA"))
        return PH_ERR_MALFORMED;
    PH_TRY(read_base64url(doc, object, "n", key.n, sizeof(key.n), &key.n_len));
    PH_TRY(read_base64url(doc, object, "e", e, sizeof(e), &e_len));
    for (size_t i = 0; i < e_len; i++)
        key.e = key.e << 8 | e[i];
    if (key.n_len < MODULUS_MIN || key.n[0] < 0x80 || (key.n[key.n_len - 1] & 1) == 0 ||
        key.e == 1 || (key.e & 1) == 0)
        return PH_ERR_MALFORMED;
    *out = key;
    return PH_OK;
}

enum ph_err ph_hcl_key(const struct ph_hcl *hcl, const char *kid, struct ph_hcl_key *out)
{
    struct ph_jtok toks[TOKENS_MAX] PH_NO_INIT;
    struct ph_jdoc doc;
    uint32_t found = 0;

    PH_TRY(scan_runtime(hcl->runtime, toks, &doc));
    const uint32_t keys = ph_jscan_get(&doc, 0, "keys");
    if (keys == 0)
        return PH_ERR_NOT_FOUND;
    if (toks[keys].type != PH_JARRAY)
        return PH_ERR_MALFORMED;
    for (uint32_t t = ph_jscan_first(keys); t < toks[keys].next; t = toks[t].next) {
        const uint32_t name = ph_jscan_get(&doc, t, "kid");
        struct ph_bytes text;
        if (ph_jscan_str(&doc, name, &text) != PH_OK)
            return PH_ERR_MALFORMED;
        if (!ph_bytes_is(text, kid))
            continue;
        if (found != 0)
            return PH_ERR_MALFORMED;
        found = t;
    }
    if (found == 0)
        return PH_ERR_NOT_FOUND;
    return read_key(&doc, found, out);
}

enum ph_err ph_hcl_user_data(const struct ph_hcl *hcl, uint8_t out[static PH_HCL_USER_DATA_MAX],
                             size_t *len)
{
    struct ph_jtok toks[TOKENS_MAX] PH_NO_INIT;
    struct ph_jdoc doc;
    struct ph_bytes text;

    PH_TRY(scan_runtime(hcl->runtime, toks, &doc));
    const uint32_t t = ph_jscan_get(&doc, 0, "user-data");
    if (t == 0)
        return PH_ERR_NOT_FOUND;
    if (ph_jscan_str(&doc, t, &text) != PH_OK || text.len > 2 * PH_HCL_USER_DATA_MAX)
        return PH_ERR_MALFORMED;
    PH_TRY(ph_jscan_hex(&doc, t, out, text.len / 2)); /* refuses an odd number of digits */
    *len = text.len / 2;
    return PH_OK;
}
