/* The HTTP form of an owner's request. */

#include "base/hex.h"
#include "base/own.h"
#include "codec/base64.h"
#include "codec/jscan.h"
#include "keys/eip712.h"
#include "keys/eip712_priv.h"

#include <stdio.h>

enum {
    HEADER_MAX = 2048, /* characters after "Phala ": a request encodes to under 800 */
    MEMBER_CNT = 8,
};

static enum ph_err refuse(char why[static 128], const char *text)
{
    (void)snprintf(why, 128, "%s", text);
    return PH_ERR_MALFORMED;
}

/* A string member as text into a NUL-terminated field. */
static bool get_text(const struct ph_jdoc *doc, const char *key, char *out, size_t cap)
{
    const uint32_t tok = ph_jscan_get(doc, 0, key);
    struct ph_bytes view;

    if (tok == 0 || ph_jscan_str(doc, tok, &view) != PH_OK || view.len >= cap)
        return false;
    memset(out, 0, cap);
    if (view.len > 0)
        memcpy(out, view.ptr, view.len);
    return strlen(out) == view.len;
}

static bool get_hex(const struct ph_jdoc *doc, const char *key, uint8_t *out, size_t len)
{
    const uint32_t tok = ph_jscan_get(doc, 0, key);
    struct ph_bytes view;

    return tok != 0 && ph_jscan_str(doc, tok, &view) == PH_OK &&
           ph_hex_decode(view, out, len) == PH_OK;
}

static bool get_uint(const struct ph_jdoc *doc, const char *key, uint64_t *out)
{
    const uint32_t tok = ph_jscan_get(doc, 0, key);
    return tok != 0 && ph_jscan_u64(doc, tok, out) == PH_OK;
}

static enum ph_err parse(const struct ph_jdoc *doc, struct ph_owner_request *req,
                         uint8_t sig[static 65], struct ph_eth_address *owner, char why[static 128])
{
    if (doc->toks[0].type != PH_JOBJECT || doc->toks[0].cnt != MEMBER_CNT)
        return refuse(why, "authorization: expected an object with action, name, content, cluster, "
                           "sequence, expires, owner, signature");
    if (!get_text(doc, "action", req->action, sizeof(req->action)))
        return refuse(why, "authorization: action: expected a string of at most 15 characters");
    if (!get_text(doc, "name", req->name, sizeof(req->name)))
        return refuse(why, "authorization: name: expected a string of at most 63 characters");
    if (!get_hex(doc, "content", req->content.b, 32))
        return refuse(why, "authorization: content: expected 64 hex digits");
    if (!get_hex(doc, "cluster", req->cluster.b, 20))
        return refuse(why, "authorization: cluster: expected an address of 40 hex digits");
    if (!get_uint(doc, "sequence", &req->sequence))
        return refuse(why, "authorization: sequence: expected an integer of at most 18 digits");
    if (!get_uint(doc, "expires", &req->expires))
        return refuse(why, "authorization: expires: expected Unix seconds");
    if (!get_hex(doc, "owner", owner->b, 20))
        return refuse(why, "authorization: owner: expected an address of 40 hex digits");
    if (!get_hex(doc, "signature", sig, 65))
        return refuse(why, "authorization: signature: expected 130 hex digits");
    if (ph_owner_request_check(req) != PH_OK)
        return refuse(why, "authorization: unknown action, or a name that is no DNS label of "
                           "a-z, 0-9 and inner '-'");
    return PH_OK;
}

enum ph_err ph_owner_request_from_header(struct ph_bytes value, struct ph_owner_request *out,
                                         uint8_t sig[static 65], struct ph_eth_address *owner,
                                         char why[static 128])
{
    static const char scheme[] = "Phala ";
    struct ph_reader r = {value};
    struct ph_bytes word;
    struct ph_buf json PH_OWNED(ph_buf_clear) = PH_BUF(HEADER_MAX);
    struct ph_jtok toks[MEMBER_CNT + 1];
    struct ph_jdoc doc;

    if (!ph_read_view(&r, sizeof(scheme) - 1, &word) || !ph_bytes_is(word, scheme))
        return refuse(why, "authorization: expected \"Phala \" and base64url of a JSON object");
    if (r.rest.len > HEADER_MAX)
        return refuse(why, "authorization: longer than 2048 characters");
    if (ph_base64url_decode(r.rest, &json) != PH_OK)
        return refuse(why, "authorization: no base64url without padding after \"Phala \"");
    if (ph_jscan(ph_buf_view(&json), toks, PH_LEN(toks), &doc) != PH_OK)
        return refuse(why, "authorization: no JSON object with exactly the members action, name, "
                           "content, cluster, sequence, expires, owner, signature");

    struct ph_owner_request req;
    uint8_t got_sig[65];
    struct ph_eth_address claimed, signer;
    PH_TRY(parse(&doc, &req, got_sig, &claimed, why));
    if (ph_owner_request_recover(&req, got_sig, &signer) != PH_OK ||
        memcmp(signer.b, claimed.b, sizeof(signer.b)) != 0) {
        (void)snprintf(why, 128, "authorization: signature is not the owner's over this request");
        return PH_ERR_UNTRUSTED;
    }
    *out = req;
    memcpy(sig, got_sig, sizeof(got_sig));
    *owner = claimed;
    return PH_OK;
}

enum ph_err ph_owner_request_to_header(const struct ph_owner_request *req,
                                       const uint8_t sig[static 65],
                                       const struct ph_eth_address *owner, struct ph_buf *out)
{
    char content[65], cluster[41], who[41], sig_hex[131], json[HEADER_MAX];
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(HEADER_MAX);

    PH_TRY(ph_owner_request_check(req));
    if (req->sequence > PH_JSON_UINT_MAX || req->expires > PH_JSON_UINT_MAX)
        return PH_ERR_LIMIT;
    ph_hex_encode(PH_BYTES_OF(req->content.b), content);
    ph_hex_encode(PH_BYTES_OF(req->cluster.b), cluster);
    ph_hex_encode(PH_BYTES_OF(owner->b), who);
    ph_hex_encode((struct ph_bytes){sig, 65}, sig_hex);
    const int n =
        snprintf(json, sizeof(json),
                 "{\"action\":\"%s\",\"name\":\"%s\",\"content\":\"%s\","
                 "\"cluster\":\"0x%s\",\"sequence\":%llu,\"expires\":%llu,"
                 "\"owner\":\"0x%s\",\"signature\":\"0x%s\"}",
                 req->action, req->name, content, cluster, (unsigned long long)req->sequence,
                 (unsigned long long)req->expires, who, sig_hex);
    PH_TRY(ph_buf_add_str(&text, "Phala "));
    PH_TRY(ph_base64url_encode((struct ph_bytes){(const uint8_t *)json, (size_t)n}, &text));
    return ph_buf_add(out, ph_buf_view(&text));
}
